"""The time that tasks take: the timer, entries by hand, what they sum up to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from freezegun import freeze_time

from app.kernel import clock
from app.kernel.errors import Conflict, Forbidden, Invalid
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import MemberRole
from app.tasks.queries.tasks import get_task
from app.tasks.queries.time import list_time, running
from app.tasks.service.tasks import set_people
from app.tasks.service.time import delete_time, log_time, start_timer, stop_timer, update_time
from tests.tasks.test_tasks import make

DAY = dt.date(2026, 11, 26)


def logged(actor: Any, task_id: Any) -> int:
    with tenant_scope(actor):
        return get_task(task_id).logged


def start(actor: Any, task_id: Any) -> Any:
    with uow(actor):
        return start_timer(task_id, actor=actor)


def stop(actor: Any) -> Any:
    with uow(actor):
        return stop_timer(actor=actor)


def log(actor: Any, task_id: Any, **values: Any) -> Any:
    with uow(actor):
        return log_time(task_id, actor=actor, **{"day": DAY, "minutes": 30, **values})


def test_a_timer_runs_once_and_its_minutes_are_rounded_up(company):
    actor = company.sales.actor
    task = make(actor)
    now = clock.now()
    with freeze_time(now):
        start(actor, task.id)
        with pytest.raises(Conflict):
            start(actor, task.id)
    with freeze_time(now + dt.timedelta(minutes=12, seconds=1)):
        assert stop(actor).minutes == 13
    assert logged(actor, task.id) == 13
    assert stop(actor) is None


def test_starting_on_another_task_stops_the_first_one(company):
    actor = company.sales.actor
    first, second = make(actor, "First"), make(actor, "Second")
    start(actor, first.id)
    start(actor, second.id)
    assert logged(actor, first.id) == 1
    with tenant_scope(actor):
        assert running(actor.member_id).task_id == second.id


def test_a_forgotten_timer_is_a_day_at_most_and_stops_when_the_task_is_out_of_sight(company):
    owner, helper = company.sales.actor, company.marketing.actor
    task = make(owner)
    with uow(owner):
        set_people(task, MemberRole.COLLABORATOR, [helper.member_id], actor=owner)
    now = clock.now()
    with freeze_time(now):
        start(helper, task.id)
    with uow(owner):
        set_people(task, MemberRole.COLLABORATOR, [], actor=owner)
    with freeze_time(now + dt.timedelta(days=9)):
        assert stop(helper).minutes == 1440
    assert logged(owner, task.id) == 1440


def test_entries_by_hand_sum_up_and_change(company):
    actor = company.sales.actor
    task = make(actor)
    one = log(actor, task.id, minutes=30, note="  A   call ")
    log(actor, task.id, minutes=15, billable=True)
    assert logged(actor, task.id) == 45 and one.note == "A call"
    with uow(actor):
        update_time(one.id, actor=actor, minutes=60)
    assert logged(actor, task.id) == 75
    with uow(actor):
        delete_time(one.id, actor=actor)
    assert logged(actor, task.id) == 15
    with tenant_scope(actor):
        assert [(one.entry.minutes, one.entry.billable) for one in list_time(task.id)] == [(15, True)]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 1441}, "minutes"),
        ({"minutes": None}, "minutes"),
        ({"day": dt.date(2199, 1, 1)}, "day"),
        ({"day": dt.date(1999, 1, 1)}, "day"),
        ({"note": "x" * 301}, "note"),
    ],
)
def test_impossible_time_is_refused_in_words(company, values, key):
    actor = company.sales.actor
    task = make(actor)
    with pytest.raises(Invalid) as refused:
        log(actor, task.id, **values)
    assert key in refused.value.errors


def test_only_who_spent_it_changes_it_and_managers_remove_it(company):
    owner = company.sales.actor
    task = make(owner)
    one = log(owner, task.id)
    admin = company.admin.actor
    with pytest.raises(Forbidden), uow(admin):
        update_time(one.id, actor=admin, minutes=5)
    with pytest.raises(Forbidden), uow(company.viewer.actor):
        delete_time(one.id, actor=company.viewer.actor)
    with uow(admin):
        delete_time(one.id, actor=admin)
    assert logged(owner, task.id) == 0


def test_the_same_over_rest(company, sign_in):
    person = sign_in(company.sales)
    task = make(company.sales.actor)
    base = f"/api/v1/tasks/{task.id}"
    made = person.api("POST", f"{base}/time", json={"minutes": 20, "day": "2026-11-26", "note": "Call"})
    assert made.status_code == 201, made.text
    assert person.api("POST", f"{base}/time", json={"minutes": "20"}).status_code == 422
    assert person.api("POST", f"{base}/time", json={"minutes": 20, "billable": "yes"}).status_code == 422
    entry = made.json["id"]
    assert person.api("PATCH", f"/api/v1/tasks/time/{entry}", json={"minutes": 25}).json["result"]["minutes"] == 25
    assert person.api("POST", f"{base}/timer").status_code == 201
    assert person.api("GET", "/api/v1/tasks/timer").json["result"]["task"] == str(task.id)
    assert person.api("DELETE", "/api/v1/tasks/timer").json["result"]["minutes"] == 1
    listed = person.api("GET", f"{base}/time").json
    assert (listed["count"], listed["logged"]) == (2, 26)
    assert person.api("DELETE", f"/api/v1/tasks/time/{entry}").status_code == 200
    assert person.api("GET", base).json["result"]["logged"] == 1
