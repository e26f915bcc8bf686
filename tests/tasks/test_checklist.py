"""Lines of check-lists: who does them, by when, and what follows."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.kernel import clock
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import MemberRole
from app.tasks.models.work import ChecklistItem
from app.tasks.queries.tasks import list_checklist, people_of
from app.tasks.service.checklist import add_item, update_item
from app.tasks.service.tasks import set_people
from app.tenancy.service.members import remove_member
from tests.support import SignedIn, work_off
from tests.tasks.test_recurrence import again, finish, follower
from tests.tasks.test_tasks import make, seen


@pytest.fixture
def seller(app, company):
    return SignedIn(app, company.sales)


def add(actor, task, words="Line", **values):
    with uow(actor):
        return add_item(task.id, words, actor=actor, **values).id


def assign(actor, item_id, person):
    with uow(actor):
        update_item(item_id, actor=actor, assignee_id=person.member_id if person else None)


def told(company):
    with tenant_scope(company.admin.actor):
        found = db.session.execute(text("SELECT member_id, message, params, url FROM notification")).all()
    return [(one.member_id, one.message, one.params["text"], one.url) for one in found]


def test_a_line_has_an_assignee_and_a_due_date_over_rest(company, seller):
    task = make(company.sales.actor)
    url, mara = f"/api/v1/tasks/{task.id}/checklist", str(company.marketing.member_id)
    made = seller.api("POST", url, json={"text": "Call", "assignee": mara, "due_on": "2026-12-04"})
    assert made.status_code == 201, made.text
    line = f"/api/v1/tasks/checklist/{made.json['id']}"
    assert made.json["result"]["assignee"] == {"id": mara, "name": company.marketing.actor.label}
    ticked = seller.api("PATCH", line, json={"done": True}).json["result"]
    assert (ticked["assignee"]["id"], ticked["due_on"], ticked["done"]) == (mara, "2026-12-04", True)
    seller.api("PATCH", line, json={"assignee": None, "due_on": "2026-12-05"})
    (listed,) = seller.api("GET", url).json["result"]
    assert (listed["assignee"], listed["due_on"], listed["text"]) == (None, "2026-12-05", "Call")
    assert seller.api("PATCH", line, json={"due_on": None}).json["result"]["due_on"] is None


def test_bad_values_of_a_line_name_their_field_and_change_nothing(company, seller):
    actor = company.sales.actor
    with uow(company.admin.actor):
        remove_member(company.viewer.member_id, actor=company.admin.actor)
    item = add(actor, make(actor), due_on=dt.date(2026, 12, 4))
    gone = str(company.viewer.member_id)
    for body, field in (
        ({"assignee": str(uuid4())}, "assignee"),
        ({"assignee": "somebody"}, "assignee"),
        ({"assignee": 7}, "assignee"),
        ({"assignee": gone}, "assignee"),
        ({"due_on": "tomorrow"}, "due_on"),
        ({"due_on": "9999-12-31"}, "due_on"),
        ({"due_on": ["2026-12-04"]}, "due_on"),
    ):
        answer = seller.api("PATCH", f"/api/v1/tasks/checklist/{item}", json={"text": "Other", **body})
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field]), body
    refused = seller.api("PATCH", f"/api/v1/tasks/checklist/{item}", json={"assignee": gone})
    assert refused.json["errors"]["assignee"] == ["This person has left."]
    with tenant_scope(actor):
        kept = db.session.get(ChecklistItem, item)
        assert kept is not None
        assert (kept.text, kept.assignee_id, kept.due_on) == ("Line", None, dt.date(2026, 12, 4))


def test_whoever_is_given_a_line_sees_its_task_and_is_told_once(company, app):
    actor, mara = company.sales.actor, company.marketing
    task = make(actor, "Offer", owner_id=actor.member_id)
    assert "Offer" not in seen(mara.actor)
    item = add(actor, task, "Write the text")
    assign(actor, item, mara)
    assign(actor, item, mara)
    own = add(actor, task, "Call", assignee_id=actor.member_id)
    work_off()
    assert told(company) == [
        (mara.member_id, "checklist_item_assigned", "Write the text", f"/tasks/{task.id}"),
    ]
    assert "Offer" in seen(mara.actor)
    with tenant_scope(actor):
        # The owner, who has a line of their own, is no collaborator.
        assert [one for one, _name in people_of([task.id])[task.id].collaborators] == [mara.member_id]
    hers = SignedIn(app, mara)
    assert hers.api("PATCH", f"/api/v1/tasks/checklist/{item}", json={"done": True}).status_code == 200
    page = SignedIn(app, mara).get("/notifications/").text
    assert "assigned you “Write the text” of the task “Offer”" in page
    assign(actor, own, None)
    work_off()
    assert len(told(company)) == 1


def test_who_has_left_keeps_their_line_and_copies_are_nobodys(company, seller):
    actor, today = company.sales.actor, clock.today(company.sales.actor.timezone)
    task = make(actor, "Weekly", due_on=today, owner_id=actor.member_id)
    add(actor, task, "Hers", assignee_id=company.marketing.member_id, due_on=today - dt.timedelta(days=1))
    add(actor, task, "His", assignee_id=actor.member_id)
    name = company.marketing.actor.label
    with uow(company.admin.actor):
        remove_member(company.marketing.member_id, actor=company.admin.actor)
    line = seller.get(f"/tasks/{task.id}/panel").text.split("data-line=")[1]
    assert name in line and "Late" in line and "t-danger" in line
    again(actor, task.id, "FREQ=WEEKLY")
    finish(actor, task.id)
    copy = follower(actor, task.id)
    assert copy is not None
    with tenant_scope(actor):
        lines = [(one.text, one.assignee_id, one.due_on) for one in list_checklist(copy.id)]
    assert lines == [("Hers", None, today + dt.timedelta(days=6)), ("His", actor.member_id, None)]


def test_copies_have_no_people_who_have_left(company):
    actor, today = company.sales.actor, clock.today(company.sales.actor.timezone)
    task = make(actor, "Weekly", due_on=today, owner_id=actor.member_id)
    with uow(actor):
        for role in MemberRole:
            set_people(task, role, [company.marketing.member_id, company.viewer.member_id], actor=actor)
    with uow(company.admin.actor):
        remove_member(company.marketing.member_id, actor=company.admin.actor)
    again(actor, task.id, "FREQ=WEEKLY")
    finish(actor, task.id)
    with tenant_scope(actor):
        found = people_of([follower(actor, task.id).id])
        (people,) = found.values()
        assert [one for one, _name in people.collaborators] == [company.viewer.member_id]
        assert [one for one, _name in people.watchers] == [company.viewer.member_id]


def test_open_lines_of_a_collaborator_who_is_taken_off_are_nobodys(company, seller):
    actor, mara = company.sales.actor, company.marketing.member_id
    task = make(actor, "Offer", owner_id=actor.member_id)
    for words, who in (("Open", mara), ("Done", mara), ("Kept", company.viewer.member_id), ("Own", actor.member_id)):
        item = add(actor, task, words, assignee_id=who)
        if words == "Done":
            with uow(actor):
                update_item(item, actor=actor, done=True)
    url = f"/api/v1/tasks/{task.id}/people"
    people = [str(company.viewer.member_id), str(actor.member_id)]
    assert seller.api("PUT", url, json={"watchers": []}).status_code == 200
    assert seller.api("PUT", url, json={"collaborators": people}).status_code == 200
    assert seller.api("PUT", url, json={"collaborators": people[:1]}).status_code == 200
    with tenant_scope(actor):
        lines = {one.text: one.assignee_id for one in list_checklist(task.id)}
    assert lines == {"Open": None, "Done": mara, "Kept": company.viewer.member_id, "Own": actor.member_id}


def test_who_has_left_joins_no_task_and_stays_where_they_are(company, seller):
    actor, gone = company.sales.actor, str(company.marketing.member_id)
    known, other = make(actor), make(actor)
    url = "/api/v1/tasks/{}/people"
    assert seller.api("PUT", url.format(known.id), json={"collaborators": [gone]}).status_code == 200
    with uow(company.admin.actor):
        remove_member(company.marketing.member_id, actor=company.admin.actor)
    for role in ("collaborators", "watchers"):
        refused = seller.api("PUT", url.format(other.id), json={role: [gone]})
        assert (refused.status_code, refused.json["errors"]) == (422, {role: ["This person has left."]})
    both = [gone, str(company.viewer.member_id)]
    kept = seller.api("PUT", url.format(known.id), json={"collaborators": both}).json["collaborators"]
    assert {one["id"] for one in kept} == set(both)


def test_people_and_dates_of_lines_make_the_drawer_no_dearer(company, seller, counting):
    actor = company.sales.actor
    task = make(actor)
    people = (company.admin, company.marketing, company.viewer)
    costs = []
    for number in range(3):
        add(actor, task, f"Line {number}", assignee_id=people[number].member_id, due_on=dt.date(2026, 12, 4))
        seller.get(f"/tasks/{task.id}/panel")
        with counting() as statements:
            page = seller.get(f"/tasks/{task.id}/panel").text
        costs.append(len([one for one in statements if "set_config" not in one]))
        assert company.viewer.actor.label in page
    assert costs[0] == costs[-1] <= 8, costs


def test_a_reader_sees_people_and_dates_without_controls(company, app):
    actor = company.sales.actor
    task = make(actor)
    add(actor, task, "Line", assignee_id=actor.member_id, due_on=clock.today(actor.timezone))
    line = SignedIn(app, company.viewer).get(f"/tasks/{task.id}/panel").text.split("data-line=")[1]
    assert actor.label in line and "today" in line
    assert "data-edit" not in line.split("</div>")[0]
