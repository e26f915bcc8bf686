"""The screens of tasks: what they show, to whom, and at what price."""

from __future__ import annotations

import re

import pytest
from markupsafe import escape

from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries.tasks import first_status, get_task, list_statuses
from app.tasks.service.checklist import add_item
from app.tasks.service.statuses import save_status
from app.tasks.service.tasks import create_task, set_people
from tests.support import SignedIn


def make(actor, title="Task", **values):
    with uow(actor):
        return create_task(actor=actor, title=title, **values)


@pytest.fixture
def seller(app, company):
    return SignedIn(app, company.sales)


@pytest.mark.parametrize("url", ["/tasks/list", "/tasks/list?group=due", "/tasks/board", "/tasks/board?group=owner",
                                 "/tasks/table"])  # fmt: skip
def test_three_times_the_tasks_cost_the_same_queries(company, seller, counting, url):
    actor = company.sales.actor
    seen = []
    for _ in range(2):
        for number in range(4 if not seen else 8):
            parent = make(actor, f"Task {number}", owner_id=actor.member_id)
            make(actor, "Child", parent_id=parent.id)
        seller.get(url)
        with counting() as statements:
            assert seller.get(url).status_code == 200
        seen.append(len(statements))
    assert seen[0] == seen[1]


def test_opening_the_drawer_costs_at_most_eight_queries(company, seller, counting):
    actor = company.sales.actor
    task = make(actor)
    for number in range(3):
        make(actor, f"Child {number}", parent_id=task.id)
        with uow(actor):
            add_item(task.id, "Line", actor=actor)
    seller.get(f"/tasks/{task.id}/panel")
    with counting() as statements:
        page = seller.get(f"/tasks/{task.id}/panel")
    assert "Child 2" in page.text
    assert len([one for one in statements if "set_config" not in one]) <= 8, statements


def test_groups_follow_the_address(company, seller):
    actor = company.sales.actor
    make(actor, "Urgent", priority="P0")
    page = seller.get("/tasks/list?group=priority")
    keys = re.findall(r'data-group="([^"]+)"', page.text)
    assert keys == ["P0", "P1", "P2", "P3"]
    assert seller.get("/tasks/list?group=weather").status_code == 400
    assert seller.get("/tasks/list?sort=weather").status_code == 400
    assert seller.get("/tasks/list?f=weather:eq:1").status_code == 400


def test_filters_show_sub_tasks_beside_their_task(company, seller):
    actor = company.sales.actor
    parent = make(actor, "Parent")
    make(actor, "Needle", parent_id=parent.id)
    found = seller.get("/tasks/list?q=needle&fragment=1").text
    assert "Needle" in found and "Parent" not in found


def test_a_viewer_sees_no_control_that_writes(app, company):
    task = make(company.sales.actor, "Offer")
    viewer = SignedIn(app, company.viewer)
    for url in ("/tasks/list", "/tasks/board", f"/tasks/{task.id}", f"/tasks/{task.id}/panel"):
        page = viewer.get(url).text
        assert "Offer" in page
        for control in ("data-edit", "data-quick", "data-card-menu", "data-subtask", "/tasks/add", "/tasks/edit"):
            assert control not in page, (url, control)


def test_a_full_column_says_so(company, app, seller):
    admin = company.admin.actor
    with uow(admin):
        review = first_status(StatusGroup.IN_REVIEW)
        save_status(review.id, actor=admin, name="In review", wip_limit=1)
    make(company.sales.actor, status_id=review.id)
    assert re.search(rf'class="sk-col warn" data-column="{review.id}"', seller.get("/tasks/board").text)
    make(company.sales.actor, status_id=review.id)
    assert re.search(rf'class="sk-col over" data-column="{review.id}"', seller.get("/tasks/board").text)


def test_an_admin_names_statuses_and_their_limits(app, company):
    admin = SignedIn(app, company.admin)
    answer = admin.post("/settings/tasks/save", data={"name": "Waiting", "group": "in_progress", "wip_limit": "3"})
    assert answer.status_code == 302
    with uow(company.admin.actor):
        made = next(one for one in list_statuses() if one.name == "Waiting")
        assert (made.group, made.wip_limit, made.wip_hard) == ("in_progress", 3, False)
    assert "Waiting" in admin.get("/settings/tasks").text
    refused = admin.post("/settings/tasks/save", data={"name": "", "group": "nowhere", "wip_limit": "x"})
    assert refused.status_code == 422
    assert admin.post(f"/settings/tasks/{made.id}/delete").status_code == 302
    assert "Waiting" not in re.sub(
        r"<div class=\"sk-toasts.*?</div>", "", admin.get("/settings/tasks").text, flags=re.S
    )


def test_a_bulk_action_goes_back_to_the_layout_it_came_from(company, seller):
    task = make(company.sales.actor)
    for back, expected in (("/tasks/list?group=due", "/tasks/list?group=due"), ("//evil.example/", "/tasks/table")):
        answer = seller.post(
            "/tasks/bulk", data={"action": "priority", "value": "P0", "rowid": str(task.id), "back": back}
        )
        assert (answer.status_code, answer.location) == (302, expected)


def test_what_one_only_watches_is_left_out_of_a_bulk_change(company, sign_in):
    """A watcher of another module's task reads it; the verb would refuse, so the action does not offer it."""
    actor = company.sales.actor
    watched, own = make(actor, "Watched"), make(company.marketing.actor, "Own")
    with uow(actor):
        set_people(watched, MemberRole.WATCHER, [company.marketing.member_id], actor=actor)
    person = sign_in(company.marketing)
    answer = person.post(
        "/tasks/bulk", data={"action": "priority", "value": "P0", "rowid": [str(watched.id), str(own.id)]}
    )
    assert answer.status_code == 302
    with tenant_scope(actor):
        assert get_task(watched.id).priority == "P2"
    with tenant_scope(company.marketing.actor):
        assert get_task(own.id).priority == "P0"


def test_names_in_a_refusal_are_text(company, browser):
    """What people wrote is neither a format nor markup in the form that comes back."""
    admin = company.admin.actor
    for name in ("50% done", "<i>x</i>"):
        with uow(admin):
            kept = save_status(first_status("in_progress").id, actor=admin, name=name, wip_limit=1, wip_hard=True)
            status_id = kept.id
            if name.startswith("50"):
                create_task(actor=admin, title="The first", status_id=status_id)
        answer = browser.post("/tasks/add", data={"title": "The second", "status": str(status_id)})
        assert answer.status_code == 409
        assert str(escape(name)) in answer.text and "<i>x</i>" not in answer.text
