"""Tasks: their rules, who reaches them, their order, and the same over REST."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.kernel.actor import Actor
from app.kernel.crud.query import ListParams
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.models.tasks import Task
from app.tasks.queries.branches import children_of
from app.tasks.queries.groups import Arrangement, list_groups
from app.tasks.queries.tasks import first_status, get_task, list_statuses
from app.tasks.service.checklist import add_item, update_item
from app.tasks.service.statuses import delete_status, save_status
from app.tasks.service.tasks import create_task, move_task, set_people, update_task
from tests.support import SignedIn, work_off

TODAY = dt.date(2026, 11, 27)


def make(actor: Actor, title: str = "Task", **values: Any) -> Task:
    with uow(actor):
        return create_task(actor=actor, title=title, **values)


def change(actor: Actor, task_id: Any, **values: Any) -> Task:
    with uow(actor):
        return update_task(get_task(task_id), actor=actor, **values)


def stored(actor: Actor, task_id: Any) -> Any:
    with tenant_scope(actor):
        return db.session.execute(text("SELECT * FROM task WHERE id = :id"), {"id": task_id}).mappings().one()


def seen(actor: Actor) -> set[str]:
    """The titles of all tasks that the actor may see."""
    with tenant_scope(actor):
        return set(db.session.scalars(db.select(Task.title)))


def status(actor: Actor, group: StatusGroup) -> Any:
    with tenant_scope(actor):
        return first_status(group).id


# ── the record ───────────────────────────────────────────────────────────────────────────────────


def test_a_new_task_has_the_next_number_the_first_status_and_the_top_of_the_order(company):
    actor = company.sales.actor
    first, second = make(actor, "First"), make(actor, "Second")
    assert (first.number, second.number, second.code) == (1, 2, "ATT-2")
    assert second.rank < first.rank
    assert (second.status_group, second.module, second.priority, second.type) == ("backlog", "sales", "P2", "task")


def test_a_task_goes_to_the_module_that_its_maker_may_write(company):
    assert make(company.marketing.actor).module == "marketing"
    assert make(company.sales.actor).module == "sales"
    with pytest.raises(Forbidden):
        make(company.sales.actor, module="marketing")
    with pytest.raises(Forbidden):
        make(company.viewer.actor)


def test_done_tells_when_and_open_forgets_it(company):
    actor = company.sales.actor
    task = make(actor)
    assert change(actor, task.id, status_id=status(actor, StatusGroup.DONE)).done_at is not None
    assert change(actor, task.id, status_id=status(actor, StatusGroup.IN_REVIEW)).done_at is None
    assert stored(actor, task.id)["status_group"] == "in_review"


def test_the_database_holds_status_and_group_together(company):
    actor = company.sales.actor
    task = make(actor)
    with pytest.raises(Invalid), uow(actor) as session:
        session.execute(text("UPDATE task SET status_group = 'in_review' WHERE id = :id"), {"id": task.id})
    assert stored(actor, task.id)["status_group"] == "backlog"


def test_a_due_date_before_the_start_is_refused(company):
    actor = company.sales.actor
    with pytest.raises(Invalid) as refused:
        make(actor, start_on=TODAY, due_on=TODAY - dt.timedelta(days=1))
    assert list(refused.value.errors) == ["due_on"]


def test_a_task_never_comes_below_itself(company):
    actor = company.sales.actor
    top = make(actor, "Top")
    middle = make(actor, "Middle", parent_id=top.id)
    bottom = make(actor, "Bottom", parent_id=middle.id)
    for below in (top.id, middle.id, bottom.id):
        with pytest.raises(Invalid) as refused:
            change(actor, top.id, parent_id=below)
        assert list(refused.value.errors) == ["parent"]
    with tenant_scope(actor):
        assert [one.title for one in children_of([top.id])[top.id]] == ["Middle"]


def test_sub_tasks_go_ten_levels_deep_and_no_further(company):
    actor = company.sales.actor
    parent = make(actor)
    for _ in range(9):
        parent = make(actor, parent_id=parent.id)
    with pytest.raises(Invalid):
        make(actor, parent_id=parent.id)


# ── statuses and their limits ────────────────────────────────────────────────────────────────────


def test_every_organization_starts_with_a_status_of_each_group(company):
    with tenant_scope(company.admin.actor):
        assert [one.group for one in list_statuses()] == [one.value for one in StatusGroup]


@pytest.mark.parametrize("hard", [True, False])
def test_a_hard_limit_refuses_and_a_soft_one_does_not(company, hard):
    admin, actor = company.admin.actor, company.sales.actor
    review = status(admin, StatusGroup.IN_REVIEW)
    with uow(admin):
        save_status(review, actor=admin, name="In review", wip_limit=1, wip_hard=hard)
    inside, outside = make(actor, "Inside", status_id=review), make(actor, "Outside")
    if not hard:
        change(actor, outside.id, status_id=review)
        return
    with pytest.raises(Conflict) as refused:
        change(actor, outside.id, status_id=review)
    assert "In review" in str(refused.value)
    assert stored(actor, outside.id)["status_group"] == "backlog"
    with uow(actor):  # what is in it already may be put elsewhere within it
        move_task(inside.id, actor=actor, values={"status_id": review})


def test_a_status_in_use_and_the_last_of_its_group_stay(company):
    admin = company.admin.actor
    with uow(admin):
        extra = save_status(None, actor=admin, name="Waiting", group="in_progress")
    task = make(company.sales.actor, status_id=extra.id)
    with pytest.raises(Conflict), uow(admin):
        delete_status(extra.id, actor=admin)
    change(company.sales.actor, task.id, status_id=status(admin, StatusGroup.BACKLOG))
    with uow(admin):
        delete_status(extra.id, actor=admin)
    with pytest.raises(Conflict), uow(admin):
        delete_status(status(admin, StatusGroup.DONE), actor=admin)
    with pytest.raises(Forbidden), uow(company.sales.actor):
        save_status(None, actor=company.sales.actor, name="Mine", group="done")


# ── who reaches what ─────────────────────────────────────────────────────────────────────────────


def test_each_manager_sees_the_tasks_of_their_module_and_a_viewer_both(company):
    make(company.marketing.actor, "Campaign")
    make(company.sales.actor, "Offer")
    assert seen(company.marketing.actor) == {"Campaign"}
    assert seen(company.sales.actor) == {"Offer"}
    assert seen(company.viewer.actor) == seen(company.admin.actor) == {"Campaign", "Offer"}


def test_owners_collaborators_and_watchers_see_a_task_of_another_module(company):
    marketing, sales = company.marketing.actor, company.sales.actor
    owned = make(marketing, "Owned", owner_id=sales.member_id)
    shared, watched = make(marketing, "Shared"), make(marketing, "Watched")
    make(marketing, "Theirs")
    with uow(marketing):
        set_people(get_task(shared.id), MemberRole.COLLABORATOR, [sales.member_id], actor=marketing)
        set_people(get_task(watched.id), MemberRole.WATCHER, [sales.member_id], actor=marketing)
    assert seen(sales) == {"Owned", "Shared", "Watched"}
    for task in (owned, shared):  # they work on it
        with uow(sales):
            move_task(task.id, actor=sales, values={"priority": "P0"})
    with pytest.raises(Forbidden), uow(sales):  # who watches does not
        move_task(watched.id, actor=sales, values={"priority": "P0"})
    with pytest.raises(Forbidden):  # nor does anybody take a task to a module that they may not write
        change(marketing, owned.id, module="sales")
    with pytest.raises(Forbidden), uow(sales):  # or give away what they could then no longer write
        move_task(owned.id, actor=sales, values={"owner_id": marketing.member_id})


def test_a_viewer_who_collaborates_still_writes_nothing(company):
    marketing, viewer = company.marketing.actor, company.viewer.actor
    task = make(marketing)
    with uow(marketing):
        set_people(get_task(task.id), MemberRole.COLLABORATOR, [viewer.member_id], actor=marketing)
    with pytest.raises(Forbidden), uow(viewer):
        move_task(task.id, actor=viewer, values={"priority": "P0"})


def test_nobody_is_made_a_collaborator_from_another_organization(company, rival):
    actor = company.sales.actor
    task = make(actor)
    with pytest.raises(NotFound), uow(actor):
        set_people(get_task(task.id), MemberRole.COLLABORATOR, [rival.sales.member_id], actor=actor)


# ── order ────────────────────────────────────────────────────────────────────────────────────────


def order(actor: Actor, by: str = "status") -> list[str]:
    with tenant_scope(actor):
        return [
            row.title
            for group in list_groups(Arrangement(by, nested=True), ListParams(), actor).groups
            for row in group.rows
        ]


def test_a_moved_task_stands_where_it_was_put_in_every_grouping(company):
    actor = company.sales.actor
    c, b, a = make(actor, "C"), make(actor, "B"), make(actor, "A")
    with uow(actor):
        move_task(a.id, actor=actor, values={}, after_id=b.id, before_id=c.id)
    assert order(actor) == order(actor, "priority") == order(actor, "module") == ["B", "A", "C"]


def test_a_stale_version_loses(company):
    actor = company.sales.actor
    task = make(actor)
    version = task.version
    with uow(actor):
        move_task(task.id, actor=actor, values={"priority": "P1"}, version=version)
    with pytest.raises(Conflict), uow(actor):
        move_task(task.id, actor=actor, values={"priority": "P3"}, version=version)
    assert stored(actor, task.id)["priority"] == "P1"


def test_a_sub_task_whose_parent_is_out_of_sight_stands_alone(company):
    marketing, sales = company.marketing.actor, company.sales.actor
    parent = make(marketing, "Parent")
    child = make(marketing, "Child", parent_id=parent.id)
    with uow(marketing):
        set_people(get_task(child.id), MemberRole.COLLABORATOR, [sales.member_id], actor=marketing)
    assert order(marketing) == ["Parent"]
    assert order(sales) == ["Child"]


def test_groups_count_all_and_sum_the_estimates(company):
    actor = company.sales.actor
    for minutes in (30, 90, None):
        make(actor, estimate=minutes)
    with tenant_scope(actor):
        backlog = list_groups(Arrangement("status"), ListParams(), actor).groups[0]
        late = {one.key: one.count for one in list_groups(Arrangement("due"), ListParams(), actor).groups}
    assert (backlog.count, backlog.estimate) == (3, 120)
    assert late == {"late": 0, "today": 0, "week": 0, "later": 0, "none": 3, "closed": 0}


# ── check-list ───────────────────────────────────────────────────────────────────────────────────


def test_a_check_list_is_ticked_by_whoever_may_write_the_task(company):
    actor = company.sales.actor
    task = make(actor)
    with uow(actor):
        item = add_item(task.id, "  Call   them ", actor=actor)
    assert item.text == "Call them"
    with uow(actor):
        update_item(item.id, actor=actor, done=True)
    with pytest.raises(NotFound), uow(company.marketing.actor):  # the task is not theirs to see
        update_item(item.id, actor=company.marketing.actor, done=False)
    with pytest.raises(Forbidden), uow(company.viewer.actor):
        update_item(item.id, actor=company.viewer.actor, done=False)


# ── what follows ─────────────────────────────────────────────────────────────────────────────────


def test_the_bell_rings_for_the_new_owner_and_for_who_watches(company):
    marketing, sales, admin = company.marketing.actor, company.sales.actor, company.admin
    task = make(marketing, "Poster", owner_id=sales.member_id)
    with uow(marketing):
        set_people(get_task(task.id), MemberRole.WATCHER, [admin.member_id], actor=marketing)
    change(marketing, task.id, status_id=status(marketing, StatusGroup.IN_REVIEW))
    work_off()
    with tenant_scope(company.admin.actor):
        told = db.session.execute(text("SELECT member_id, message FROM notification")).all()
    assert sorted((str(one), message) for one, message in told) == sorted(
        [
            (str(sales.member_id), "task_assigned"),
            (str(sales.member_id), "task_moved"),
            (str(admin.member_id), "task_moved"),
        ]
    )


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def seller(app, company):
    return SignedIn(app, company.sales)


def test_the_life_of_a_task_over_rest(company, seller):
    made = seller.api("POST", "/api/v1/tasks/", json={"title": "Offer", "due_on": "2026-12-04", "priority": "P1"})
    assert made.status_code == 201, made.text
    one = made.json["result"]
    assert (one["title"], one["status"]["name"], one["module"]) == ("Offer", "Backlog", "sales")
    url = f"/api/tasks/{one['id']}"
    done = seller.api("GET", "/api/v1/task-statuses/?q=(filters:!((col:group,opr:eq,value:done)))").json["result"][0]
    changed = seller.api("PATCH", url, json={"status": done["id"], "version": one["version"]})
    assert changed.json["result"]["status_group"] == "done"
    stale = seller.api("PATCH", url, json={"title": "Late", "version": one["version"]})
    assert stale.status_code == 409
    line = seller.api("POST", f"{url}/checklist", json={"text": "Call"})
    assert line.status_code == 201
    ticked = seller.api("PATCH", f"/api/v1/tasks/checklist/{line.json['id']}", json={"done": True})
    assert ticked.json["result"]["done"] is True
    people = seller.api("PUT", f"{url}/people", json={"collaborators": [str(company.admin.member_id)]})
    assert [one["id"] for one in people.json["collaborators"]] == [str(company.admin.member_id)]
    assert seller.api("DELETE", f"/api/v1/tasks/checklist/{line.json['id']}").status_code == 200
    assert seller.api("DELETE", url).status_code == 200
    assert seller.api("GET", url).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "x", "module": "kitchen"}, "module"),
        ({"title": "x", "owner": str(uuid4())}, "owner"),
        ({"title": "x", "parent": str(uuid4())}, "parent"),
        ({"title": "x", "status": str(uuid4())}, "status"),
        ({"title": "x", "estimate": -1}, "estimate"),
        ({"title": "x", "start_on": "2026-12-02", "due_on": "2026-12-01"}, "due_on"),
        ({"title": "x", "status_group": "done"}, "status_group"),
    ],
)
def test_bad_input_names_its_field(seller, body, field):
    answer = seller.api("POST", "/api/v1/tasks/", json=body)
    assert answer.status_code == 422, answer.text
    assert list(answer.json["errors"]) == [field]


@pytest.mark.parametrize("body", [{"collaborators": "x"}, {"watchers": [1]}, {"version": "x"}])
def test_people_of_a_wrong_shape_are_refused(company, seller, body):
    task = make(company.sales.actor)
    assert seller.api("PUT", f"/api/v1/tasks/{task.id}/people", json=body).status_code == 422


def test_a_move_over_rest_says_what_it_changed(company, seller):
    actor = company.sales.actor
    below, above = make(actor, "Below"), make(actor, "Above")
    task = make(actor, "Task")
    review = status(actor, StatusGroup.IN_REVIEW)
    answer = seller.api(
        "POST", f"/api/v1/tasks/{task.id}/move",
        json={"status": str(review), "after": str(above.id), "before": str(below.id), "version": task.version},
    )  # fmt: skip
    assert answer.json["result"]["status"]["id"] == str(review)
    assert stored(actor, above.id)["rank"] < stored(actor, task.id)["rank"] < stored(actor, below.id)["rank"]
    bad = seller.api("POST", f"/api/v1/tasks/{task.id}/move", json={"priority": "P9"})
    assert (bad.status_code, list(bad.json["errors"])) == (422, ["priority"])
