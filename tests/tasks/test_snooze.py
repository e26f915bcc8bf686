"""One's own day: lines of check-lists in it, and what is put off for oneself alone."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.models.snooze import TaskSnooze
from app.tasks.service.checklist import add_item, update_item
from app.tasks.service.snooze import snooze_task
from tests.tasks.test_tasks import change, make, status


def day(actor, days):
    return clock.today(actor.timezone) + dt.timedelta(days=days)


def card(page):
    """The list of what is to be done, and what is snoozed."""
    todo = page.text.split("data-todo")[1].split("</section>")[0]
    due, _mark, snoozed = todo.partition("data-snoozed")
    return due, snoozed.split("</details>")[0]


@pytest.fixture
def person(company, sign_in):
    return sign_in(company.sales)


def test_my_lines_of_others_tasks_are_in_my_day(company, person):
    actor, admin = company.sales.actor, company.admin.actor
    task, closed = make(admin, "Fair"), make(admin, "Old fair")
    with uow(admin):
        for words, days, one in (
            ("Mine late", -1, task), ("Mine far", 30, task), ("Mine done", 0, task), ("Of a closed task", 0, closed),
        ):  # fmt: skip
            item = add_item(one.id, words, actor=admin, assignee_id=actor.member_id, due_on=day(actor, days))
            update_item(item.id, actor=admin, done=words == "Mine done")
        add_item(task.id, "Hers", actor=admin, assignee_id=admin.member_id, due_on=day(actor, 0))
    change(admin, closed.id, status_id=status(admin, StatusGroup.DONE))
    make(actor, "Own task", owner_id=actor.member_id, due_on=day(actor, 0))
    due, _snoozed = card(person.get("/"))
    assert due.index("Mine late") < due.index("Own task")
    assert "Check-list of “Fair”" in due and f'href="/tasks/{task.id}"' in due and '<span class="sk-count">2<' in due
    for absent in ("Mine far", "Mine done", "Of a closed task", "Hers"):
        assert absent not in due
    line = due.split('data-tick="')[1].split('"')[0]
    assert person.api("PATCH", f"/api/v1/tasks/checklist/{line}", json={"done": True}).status_code == 200
    assert "Mine late" not in card(person.get("/"))[0]


def test_what_is_snoozed_is_out_of_my_day_until_then_and_of_nobody_elses(company, person, sign_in):
    actor, mara = company.sales.actor, company.marketing
    task = make(actor, "Offer", owner_id=actor.member_id, due_on=day(actor, 0))
    with uow(actor):
        add_item(task.id, "Her part", actor=actor, assignee_id=mara.member_id, due_on=day(actor, 0))
        add_item(task.id, "My part", actor=actor, assignee_id=actor.member_id, due_on=day(actor, 0))
    url = f"/api/v1/tasks/{task.id}/snooze"
    until = day(actor, 2)
    for _ in range(2):  # the last one counts
        answer = person.api("POST", url, json={"until": str(until)})
        assert (answer.status_code, answer.json["result"]) == (200, {"until": str(until)})
        until = day(actor, 3)
    page = person.get("/")
    due, snoozed = card(page)
    assert "Offer" not in due and "My part" not in due and "task due today" not in page.text
    assert "1 snoozed" in snoozed and "Offer" in snoozed
    assert "Her part" in card(sign_in(mara).get("/"))[0]
    with uow(actor) as session:
        (kept,) = session.scalars(db.select(TaskSnooze))
        assert kept.until == day(actor, 3)
        kept.until = day(actor, 0)
    due, snoozed = card(person.get("/"))
    assert "Offer" in due and "My part" in due and not snoozed
    person.api("POST", url, json={"until": str(day(actor, 1))})
    assert "Offer" in card(person.get("/"))[1]
    assert person.api("DELETE", url).json["result"] == {"until": None}
    assert person.api("DELETE", url).status_code == 200
    assert "Offer" in card(person.get("/"))[0]
    with tenant_scope(actor):
        assert db.session.scalar(text("SELECT count(*) FROM task_snooze")) == 0


@pytest.mark.parametrize(
    "body", [{}, {"until": None}, {"until": "soon"}, {"until": 0}, {"until": "9999-01-01"}, {"until": "TODAY"}]
)
def test_a_day_that_is_none_names_its_field(company, person, body):
    actor = company.sales.actor
    task = make(actor)
    if body.get("until") == "TODAY":
        body = {"until": str(day(actor, 0))}
    answer = person.api("POST", f"/api/v1/tasks/{task.id}/snooze", json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["until"])


def test_only_what_one_sees_is_snoozed(company, sign_in):
    hidden = make(company.sales.actor, "Secret plan")
    mara = company.marketing
    answer = sign_in(mara).api("POST", f"/api/v1/tasks/{hidden.id}/snooze", json={"until": str(day(mara.actor, 1))})
    assert answer.status_code == 404
    with pytest.raises(NotFound), uow(mara.actor):
        snooze_task(hidden.id, day(mara.actor, 1), actor=mara.actor)


def test_lines_and_snoozes_cost_the_same_queries(company, person, counting):
    actor = company.sales.actor
    costs = []
    for number in (1, 3):
        for _ in range(number):
            task = make(actor, "Task", owner_id=actor.member_id, due_on=day(actor, 1))
            with uow(actor):
                add_item(task.id, "Line", actor=actor, assignee_id=actor.member_id, due_on=day(actor, 1))
            off = make(actor, "Off")
            with uow(actor):
                snooze_task(off.id, day(actor, 2), actor=actor)
        person.get("/")
        with counting() as statements:
            person.get("/")
        costs.append(len(statements))
    assert costs[0] == costs[1], costs
