"""Templates of tasks: made of a tree, used on any date, changed by whom they belong to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.models.plan import TaskDependency
from app.tasks.models.tasks import Task
from app.tasks.models.templates import TaskTemplate
from app.tasks.queries.tasks import get_task, list_checklist, tree_of
from app.tasks.queries.templates import get_template, list_templates
from app.tasks.service import templates
from app.tasks.service.checklist import add_item
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task, delete_task
from app.tasks.templates import Content, Item, Tie, relative, span
from tests.support import SignedIn

ITALY = workdays("IT")
MONDAY = dt.date(2026, 11, 30)
DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2060, 12, 31))


def day(number: int) -> dt.date:
    """The n-th working day after a Monday."""
    return ITALY.add(MONDAY, number)


@pytest.fixture
def campaign(company):
    """A campaign: five tasks on three levels, with a check-list, an approval and links of every type."""
    actor = company.sales.actor
    with uow(actor):
        top = create_task(
            actor=actor, title="Campaign", start_on=day(0), due_on=day(9), description="Why", priority="P1",
            owner_id=actor.member_id, tags=["launch"],
        )  # fmt: skip
        last = create_task(actor=actor, title="Publish", parent_id=top.id, due_on=day(9), type="milestone")
        approve = create_task(actor=actor, title="Approve", parent_id=top.id, start_on=day(5), due_on=day(6),
                              type="approval", owner_id=company.marketing.member_id)  # fmt: skip
        write = create_task(actor=actor, title="Write", parent_id=top.id, start_on=day(0), due_on=day(4), estimate=300)
        letter = create_task(actor=actor, title="Letter", parent_id=write.id)
        for line in ("Subject", "Body"):
            add_item(write.id, line, actor=actor)
        add_dependency(write.id, approve.id, actor=actor)
        add_dependency(approve.id, last.id, actor=actor, type="SS", lag=3)
        add_dependency(letter.id, last.id, actor=actor, type="FF", lag=-1)
        return top


def keep(actor: Any, task: Any, name: str = "Launch", **values: Any) -> Any:
    with uow(actor):
        return templates.create_template(task.id, name, actor=actor, **values).id


def use(actor: Any, template_id: Any, **values: Any) -> Any:
    with uow(actor):
        return templates.use_template(template_id, actor=actor, **values).id


def shape(actor: Any, task_id: Any) -> dict[str, Any]:
    """All of a tree that a template keeps, its days as numbers from the first."""
    with tenant_scope(actor):
        tree = tree_of(get_task(task_id))
        title = {one.id: one.title for one in tree}
        spans = relative({one.id: span(ITALY, one.start_on, one.due_on) for one in tree})
        links = db.session.scalars(db.select(TaskDependency).where(TaskDependency.predecessor_id.in_(title)))
        return {
            "links": sorted((title[one.predecessor_id], title[one.successor_id], one.type, one.lag) for one in links),
            "order": [one.title for one in sorted(tree[1:], key=lambda one: one.rank) if one.parent_id == task_id],
            "tasks": {
                one.title: (
                    title.get(one.parent_id), one.type, one.priority, one.estimate, one.description, one.tags,
                    one.module, spans[one.id], [line.text for line in list_checklist(one.id)],
                )
                for one in tree
            },
        }  # fmt: skip


# ── there and back ───────────────────────────────────────────────────────────────────────────────


def test_a_tree_comes_back_as_it_was(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    made = use(actor, template, start_on=dt.date(2026, 12, 21))  # over Christmas and New Year
    before, after = shape(actor, campaign.id), shape(actor, made)
    assert after == before
    assert len(after["tasks"]) == 5 and len(after["links"]) == 3
    assert after["order"] == ["Write", "Approve", "Publish"]
    with tenant_scope(actor):
        top = get_task(made)
        assert (top.start_on, top.due_on) == (dt.date(2026, 12, 21), dt.date(2027, 1, 5))
        assert {one.status_group for one in tree_of(top)} == {"backlog"}
        assert {one.owner_id for one in tree_of(top)} == {actor.member_id}
        assert not {one.id for one in tree_of(top)} & {one.id for one in tree_of(get_task(campaign.id))}


def test_the_root_is_due_when_it_is_asked_to(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    made = use(actor, template, due_on=dt.date(2026, 12, 12), title="In a hurry")  # a Saturday
    with tenant_scope(actor):
        top = get_task(made)
        assert (top.title, top.due_on) == ("In a hurry", dt.date(2026, 12, 11))
    assert set(shape(actor, made)["tasks"]) == {"In a hurry", "Write", "Approve", "Publish", "Letter"}


def test_a_template_without_dates_gives_the_date_to_its_root(company):
    actor = company.sales.actor
    with uow(actor):
        task = create_task(actor=actor, title="Plain")
        create_task(actor=actor, title="Below", parent_id=task.id)
    template = keep(actor, task)
    for name in ("start_on", "due_on"):
        made = use(actor, template, **{name: MONDAY})
        with tenant_scope(actor):
            top, below = tree_of(get_task(made))
            assert getattr(top, name) == MONDAY and (below.start_on, below.due_on) == (None, None)


def test_owners_are_kept_where_that_was_asked(company, campaign):
    actor, other = company.sales.actor, company.marketing.member_id
    template = keep(actor, campaign, keep_owners=True)
    made = use(actor, template, start_on=MONDAY, owner_id=company.admin.member_id)
    with tenant_scope(company.admin.actor):
        owners = {one.title: one.owner_id for one in tree_of(get_task(made))}
    assert owners["Campaign"] == actor.member_id and owners["Approve"] == other
    assert owners["Write"] == owners["Publish"] == company.admin.member_id


@given(base=DAYS, spans=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60)), min_size=1, max_size=12), on=DAYS)
def test_working_days_between_tasks_are_the_same_on_any_date(base, spans, on):
    """Whatever the dates of the tree and of its use, weekends and holidays included."""
    first = ITALY.index(base)
    dates = [(ITALY.day(first + start), ITALY.day(first + start + length)) for start, length in spans]
    kept = relative({place: span(ITALY, *one) for place, one in enumerate(dates)})
    assert min(start for start, _due in kept.values()) == 0
    items = tuple(Item(place, None if place == 0 else 0, "T", start=kept[place][0], due=kept[place][1])
                  for place in kept)  # fmt: skip
    content = Content(items)
    assert Content.load(content.dump()) == content
    forward = content.dates(ITALY, start_on=on, due_on=None)
    assert relative({key: span(ITALY, *one) for key, one in forward.items()}) == kept
    assert min(start for start, _due in forward.values()) == ITALY.day(ITALY.index(on))
    backward = content.dates(ITALY, start_on=None, due_on=on)
    assert relative({key: span(ITALY, *one) for key, one in backward.items()}) == kept
    assert backward[0][1] == ITALY.day(ITALY.end(on) - 1)
    for start, due in (*forward.values(), *backward.values()):
        assert ITALY.is_working(start) and ITALY.is_working(due) and start <= due


@given(start=DAYS, length=st.integers(0, 5))
def test_dates_on_free_days_never_turn_round(start, length):
    first, last = span(ITALY, start, start + dt.timedelta(days=length))
    assert first is not None and last is not None and first <= last


# ── what is in a template ────────────────────────────────────────────────────────────────────────


def test_a_task_of_a_template_is_changed(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    values = {"title": " Write  it ", "start": 1, "due": 2, "estimate": None, "priority": "P0"}
    with tenant_scope(actor):
        content = Content.load(get_template(template).content)
    key = next(one.key for one in content.items if one.title == "Write")
    with uow(actor):
        templates.change_item(template, key, actor=actor, **values)
    with tenant_scope(actor):
        found = get_template(template)
        one = Content.load(found.content).get(key)
    assert one is not None and found.version == 2
    assert (one.title, one.start, one.due, one.estimate, one.priority) == ("Write it", 1, 2, None, "P0")
    assert one.checklist == ("Subject", "Body")
    with pytest.raises(Conflict), uow(actor):
        templates.change_item(template, key, actor=actor, version=1, title="Late")


@pytest.mark.parametrize(
    "values",
    [{"title": " "}, {"title": "x" * 201}, {"priority": "P9"}, {"estimate": -1}, {"estimate": 600_001},
     {"start": 1501}, {"due": -1501}, {"start": 5, "due": 4}],
)  # fmt: skip
def test_bad_values_of_a_task_are_refused(company, campaign, values):
    actor = company.sales.actor
    template = keep(actor, campaign)
    with pytest.raises(Invalid) as refused, uow(actor):
        templates.change_item(template, 0, actor=actor, **values)
    assert refused.value.errors.keys() <= {*values, "due"}
    with tenant_scope(actor):
        assert get_template(template).version == 1


def test_a_removed_task_takes_its_own_with_it(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    with tenant_scope(actor):
        content = Content.load(get_template(template).content)
    key = next(one.key for one in content.items if one.title == "Write")
    with uow(actor):
        templates.remove_item(template, key, actor=actor)
    with pytest.raises(NotFound), uow(actor):
        templates.remove_item(template, key, actor=actor)
    with pytest.raises(Conflict), uow(actor):
        templates.remove_item(template, 0, actor=actor)
    left = shape(actor, use(actor, template, start_on=MONDAY))
    assert set(left["tasks"]) == {"Campaign", "Approve", "Publish"}
    assert left["links"] == [("Approve", "Publish", "SS", 3)]


def test_removal_leaves_no_link_into_nothing():
    content = Content(
        (Item(0, None, "A"), Item(1, 0, "B"), Item(2, 1, "C"), Item(3, 0, "D")),
        (Tie(2, 3, "FS", 0), Tie(1, 3, "SS", 0)),
    )
    assert content.without(1) == Content((Item(0, None, "A"), Item(3, 0, "D")))
    assert [(one.title, depth) for one, depth in content.tree()] == [("A", 0), ("B", 1), ("C", 2), ("D", 1)]


def test_the_source_may_go(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    with uow(actor):
        delete_task(get_task(campaign.id), actor=actor)
    with tenant_scope(actor):
        assert get_template(template).source_id is None
    assert len(shape(actor, use(actor, template, start_on=MONDAY))["tasks"]) == 5


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def test_names_are_unique_whatever_their_case(company, campaign):
    actor = company.sales.actor
    keep(actor, campaign, "Launch")
    for name in ("launch", "  LAUNCH "):
        with pytest.raises(Invalid) as refused:
            keep(actor, campaign, name)
        assert "name" in refused.value.errors
    for name in ("", "  ", "x" * 121):
        with pytest.raises(Invalid):
            keep(actor, campaign, name)
    with pytest.raises(Invalid):
        keep(actor, campaign, "Other", description="x" * 2001)


def test_two_dates_or_none_or_a_long_title_are_refused(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    for values in ({}, {"start_on": MONDAY, "due_on": MONDAY}, {"start_on": dt.date(9999, 1, 1)},
                   {"start_on": MONDAY, "title": "x" * 201}):  # fmt: skip
        with pytest.raises(Invalid):
            use(actor, template, **values)
    with tenant_scope(actor):
        assert db.session.scalar(db.select(db.func.count()).select_from(Task)) == 5


def test_more_tasks_than_a_template_holds_are_refused(company, campaign, monkeypatch):
    monkeypatch.setattr(templates, "MAX_TASKS", 4)
    with pytest.raises(Invalid) as refused:
        keep(company.sales.actor, campaign)
    assert "4" in str(refused.value)
    monkeypatch.setattr(templates, "MAX_TASKS", 5)
    assert keep(company.sales.actor, campaign)


def test_dates_too_far_apart_are_refused(company):
    actor = company.sales.actor
    with uow(actor):
        task = create_task(actor=actor, title="Long", start_on=dt.date(1990, 1, 1), due_on=dt.date(2030, 1, 1))
    with pytest.raises(Invalid):
        keep(actor, task)


def test_below_too_many_levels_nothing_is_made(company, campaign):
    actor = company.sales.actor
    template = keep(actor, campaign)
    with uow(actor):
        deep = create_task(actor=actor, title="0")
        for level in range(8):
            deep = create_task(actor=actor, title=str(level), parent_id=deep.id)
        before = db.session.scalar(db.select(db.func.count()).select_from(Task))
    with pytest.raises(Invalid):
        use(actor, template, start_on=MONDAY, parent_id=deep.id)
    with tenant_scope(actor):
        assert db.session.scalar(db.select(db.func.count()).select_from(Task)) == before


# ── who may ──────────────────────────────────────────────────────────────────────────────────────


def test_templates_belong_to_a_module(company, campaign):
    seller, marketer, viewer = company.sales.actor, company.marketing.actor, company.viewer.actor
    template = keep(seller, campaign)
    with tenant_scope(marketer):
        assert list_templates() == []
    with pytest.raises(NotFound):
        use(marketer, template, start_on=MONDAY)
    with tenant_scope(viewer):
        assert [one.name for one in list_templates()] == ["Launch"]
    for attempt in (lambda: use(viewer, template, start_on=MONDAY), lambda: keep(viewer, campaign, "Mine")):
        with pytest.raises(Forbidden):
            attempt()


def test_who_made_it_and_who_manages_tasks_change_it(company, campaign):
    seller, admin = company.sales.actor, company.admin.actor
    theirs, other = keep(admin, campaign, "Theirs"), keep(seller, campaign, "Mine")
    for actor, allowed in ((seller, False), (company.viewer.actor, False), (admin, True)):
        for attempt in (
            lambda: templates.update_template(get_template(theirs), actor=actor, name="New"),
            lambda: templates.change_item(theirs, 0, actor=actor, title="New"),
        ):
            if allowed:
                with uow(actor):
                    attempt()
            else:
                with pytest.raises(Forbidden), uow(actor):
                    attempt()
    with pytest.raises(Forbidden), uow(seller):
        templates.delete_template(get_template(theirs), actor=seller)
    for actor, one in ((seller, other), (admin, theirs)):
        with uow(actor):
            templates.delete_template(get_template(one), actor=actor)
    with tenant_scope(admin):
        assert db.session.scalar(db.select(db.func.count()).select_from(TaskTemplate)) == 0


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────

API = "/api/v1/task-templates"


@pytest.fixture
def seller(app, company):
    return SignedIn(app, company.sales)


def ask(person: SignedIn, method: str, path: str, body: Any = None) -> Any:
    return person.api(method, API + path, json=body)


def test_rest_makes_uses_changes_and_deletes(company, campaign, seller):
    made = ask(seller, "POST", "/from-task", {"task": str(campaign.id), "name": "Launch", "description": "How"})
    assert made.status_code == 201, made.text
    path = f"/{made.json['id']}"
    assert len(made.json["result"]["content"]["items"]) == 5 and len(made.json["result"]["content"]["ties"]) == 3
    listed = ask(seller, "GET", "/").json
    assert [(one["name"], one["tasks"], one["module"]) for one in listed["result"]] == [("Launch", 5, "sales")]
    assert listed["result"][0]["author"]["id"] == str(company.sales.member_id)
    planned = ask(seller, "GET", f"{path}/preview?start_on=2026-12-21").json["result"]
    assert (planned[0]["start_on"], planned[0]["due_on"]) == ("2026-12-21", "2027-01-05")
    account = str(_account(company))
    used = ask(seller, "POST", f"{path}/use",
               {"start_on": "2026-12-21", "title": "Again", "kind": "account", "record": account})  # fmt: skip
    assert used.status_code == 201, used.text
    assert (used.json["result"]["title"], used.json["result"]["due_on"]) == ("Again", "2027-01-05")
    linked = seller.get(f"/api/v1/record-links/?kind=task&record={used.json['id']}").json
    assert account in str(linked)
    assert ask(seller, "PATCH", f"{path}/items/1", {"title": "Write more", "version": 1}).status_code == 200
    assert ask(seller, "PATCH", f"{path}/items/1", {"title": "Write less", "version": 1}).status_code == 409
    assert ask(seller, "DELETE", f"{path}/items/2").status_code == 200
    assert ask(seller, "PATCH", path, {"name": "Renamed"}).json["result"]["name"] == "Renamed"
    assert ask(seller, "DELETE", path).status_code == 200
    assert ask(seller, "GET", path).status_code == 404


def _account(company: Any) -> Any:
    from app.sales.models.accounts import Account

    with uow(company.sales.actor) as session:
        account = Account(name="Valmora", owner_id=company.sales.member_id)
        session.add(account)
        session.flush()
        return account.id


def test_rest_refuses_in_words(company, campaign, seller):
    template = f"/{keep(company.sales.actor, campaign)}"
    nobody = "/01970000-0000-7000-8000-000000000000"
    for method, path, body, status in (
        ("POST", f"{nobody}/use", {"start_on": "2026-12-01"}, 404),
        ("POST", f"{template}/use", {}, 422),
        ("POST", f"{template}/use", {"start_on": "2026-12-01", "due_on": "2026-12-01"}, 422),
        ("POST", f"{template}/use", {"start_on": "soon"}, 422),
        ("POST", f"{template}/use", {"start_on": "2026-12-01", "title": "x" * 201}, 422),
        ("POST", f"{template}/use", {"start_on": "2026-12-01", "owner": nobody[1:]}, 404),
        ("POST", f"{template}/use", {"start_on": "2026-12-01", "parent": nobody[1:]}, 422),
        ("POST", f"{template}/use", {"start_on": "2026-12-01", "kind": "account"}, 422),
        ("POST", f"{template}/use", {"start_on": "2026-12-01", "kind": "x", "record": nobody[1:]}, 404),
        ("GET", f"{template}/preview", None, 422),
        ("GET", f"{template}/preview?start_on=0001-01-01", None, 422),
        ("POST", "/from-task", {"name": "No task"}, 422),
        ("POST", "/from-task", {"task": nobody[1:], "name": "No task"}, 404),
        ("POST", "/from-task", {"task": str(campaign.id), "name": "launch"}, 422),
        ("POST", "/from-task", {"task": str(campaign.id), "name": "B", "keep_owners": "yes"}, 422),
        ("PATCH", f"{template}/items/99", {"title": "x"}, 404),
        ("PATCH", f"{template}/items/x", {"title": "x"}, 404),
        ("PATCH", f"{template}/items/0", {"start": "x"}, 422),
        ("PATCH", f"{template}/items/0", {"title": None}, 422),
        ("DELETE", f"{template}/items/0", None, 409),
        ("PATCH", template, {"name": ""}, 422),
        ("PATCH", template, {"content": {}}, 422),
        ("POST", "/", {"name": "x"}, 405),
    ):
        answer = ask(seller, method, path, body)
        assert answer.status_code == status, (method, path, body, answer.text[:300])
        assert answer.json["message"]


def test_the_screens_show_it(app, company, campaign, seller):
    template = keep(company.sales.actor, campaign, description="How we launch")
    page = seller.get(f"/settings/task-templates/{template}").text
    for text in ("Campaign", "Write", "1 – 5", "SS", "+3"):
        assert text in page, text
    assert "How we launch" in seller.get("/settings/task-templates").text
    keeping = seller.get(f"/tasks/templates/keep/{campaign.id}").text
    assert "5" in keeping and "Campaign" in keeping
    choosing = seller.get("/tasks/templates/choose").text
    assert str(template) in choosing
    assert str(template) not in seller.get("/tasks/templates/choose?module=marketing").text
    drawn = seller.get(f"/tasks/templates/preview?template={template}&start_on=2026-12-21").text
    assert "Publish" in drawn and "Write" in drawn
    assert seller.get(f"/tasks/templates/preview?template={template}").status_code == 422
    viewer = SignedIn(app, company.viewer)
    page = viewer.get(f"/settings/task-templates/{template}").text
    assert "Campaign" in page and "data-template-item" not in page and "data-template-dialog" not in page


def test_the_forms_of_the_settings(company, campaign, seller):
    template = keep(company.sales.actor, campaign)
    base = f"/settings/task-templates/{template}"
    form = {"title": "Write it", "priority": "P0", "estimate": "60", "start": "1", "due": "3", "version": "1"}
    assert seller.post(f"{base}/items/1", data=form).status_code == 302
    with tenant_scope(company.sales.actor):
        one = Content.load(get_template(template).content).get(1)
    assert one is not None and (one.title, one.estimate, one.start, one.due) == ("Write it", 60, 0, 2)
    assert seller.post(f"{base}/items/1", data={"remove": "1"}).status_code == 302
    assert seller.post(f"{base}/items/1", data=form).status_code == 404
    assert seller.post(f"{base}/items/0", data={**form, "start": "x"}).status_code == 422
    assert seller.post(f"{base}/save", data={"name": "Renamed"}).status_code == 302
    assert "Renamed" in seller.get("/settings/task-templates").text
    assert seller.post(f"{base}/delete", data={}).status_code == 302
    assert seller.get(base).status_code == 404


@pytest.mark.parametrize("path", ["/settings/task-templates", "/tasks/templates/choose", f"{API}/"])
def test_lists_cost_the_same_for_any_number(company, campaign, seller, counting, path):
    keep(company.sales.actor, campaign, "First")
    seller.get(path)
    with counting() as few:
        assert seller.get(path).status_code == 200
    for number in range(5):
        keep(company.sales.actor, campaign, f"Number {number}")
    with counting() as many:
        assert seller.get(path).status_code == 200
    assert len(many) == len(few)


def test_keeping_a_tree_costs_the_same_for_any_width(company, campaign, seller, counting):
    with tenant_scope(company.sales.actor), counting() as few:
        tree_of(get_task(campaign.id))
    with uow(company.sales.actor) as _:
        for number in range(5):
            create_task(actor=company.sales.actor, title=str(number), parent_id=campaign.id)
    with tenant_scope(company.sales.actor), counting() as many:
        assert len(tree_of(get_task(campaign.id))) == 10
    assert len(many) == len(few) <= 4
