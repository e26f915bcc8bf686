"""Tasks that come again: rules, the next day, and the task that follows."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Forbidden, Invalid
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.jobs import recur
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.models.tasks import Task
from app.tasks.queries.tasks import first_status, get_task, list_checklist, people_of
from app.tasks.recurrence import BadRule, next_day, normal, successor, words
from app.tasks.service.checklist import add_item
from app.tasks.service.recurrence import set_recurrence
from app.tasks.service.statuses import save_status
from app.tasks.service.tasks import set_people
from app.tenancy.service.members import remove_member
from tests import cast
from tests.support import work_off
from tests.tasks.test_tasks import change, make, status

FRIDAY = dt.date(2026, 11, 27)


@pytest.mark.parametrize(
    ("rule", "base", "expected"),
    [
        ("FREQ=DAILY", FRIDAY, dt.date(2026, 11, 28)),
        ("FREQ=DAILY;INTERVAL=3", FRIDAY, dt.date(2026, 11, 30)),
        ("FREQ=WEEKLY", FRIDAY, dt.date(2026, 12, 4)),
        ("FREQ=WEEKLY;BYDAY=MO,WE", FRIDAY, dt.date(2026, 11, 30)),
        ("FREQ=MONTHLY", dt.date(2026, 1, 31), dt.date(2026, 3, 31)),
        ("FREQ=MONTHLY;BYDAY=1MO", FRIDAY, dt.date(2026, 12, 7)),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", dt.date(2026, 11, 30), dt.date(2026, 12, 31)),
        ("FREQ=YEARLY", dt.date(2024, 2, 29), dt.date(2028, 2, 29)),
        ("RRULE:freq=weekly;until=20261201", FRIDAY, None),
        ("FREQ=DAILY;COUNT=1", FRIDAY, None),
    ],
)
def test_the_next_day_is_that_of_the_standard(rule, base, expected):
    assert next_day(rule, base) == expected


@pytest.mark.parametrize(
    "rule",
    ["", "DAILY", "FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=x", "FREQ=DAILY;COUNT=0",
     "FREQ=DAILY;COUNT=2;UNTIL=20270101", "FREQ=DAILY;BYSECOND=1", "FREQ=WEEKLY;BYDAY=XX", "FREQ=DAILY;FREQ=DAILY",
     "FREQ=DAILY;UNTIL=soon", "FREQ=MONTHLY;BYMONTHDAY=40", "FREQ=DAILY;" + "A" * 300, "FREQ=WEEKLY;BYDAY=9MO",
     "FREQ=DAILY;INTERVAL=99999999999"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(rule):
    with pytest.raises(BadRule):
        normal(rule)


@given(
    freq=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    interval=st.integers(1, 30),
    base=st.dates(dt.date(2020, 1, 1), dt.date(2040, 1, 1)),
    later=st.integers(0, 400),
)
def test_the_next_day_is_always_later_and_not_before_what_is_asked(freq, interval, base, later):
    floor = base + dt.timedelta(days=later)
    day = next_day(f"FREQ={freq};INTERVAL={interval}", base, not_before=floor)
    assert day is None or (day > base and day >= floor)


@given(text=st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    with contextlib.suppress(BadRule):
        assert normal(normal(text)) == normal(text)


def test_a_rule_counts_down():
    assert successor("FREQ=DAILY;COUNT=3") == "FREQ=DAILY;COUNT=2"
    assert next_day(successor("FREQ=DAILY;COUNT=2"), FRIDAY) is None


def test_a_rule_in_words(app):
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert words("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE") == "every 2 weeks on Mon, Wed"
        assert words("FREQ=DAILY;UNTIL=20261231") == "every day until 31 Dec 2026"


# ── the task that follows ────────────────────────────────────────────────────────────────────────


def again(actor: Any, task_id: Any, rule: str | None, **values: Any) -> Task:
    with uow(actor):
        return set_recurrence(task_id, actor=actor, rule=rule, **values)


def finish(actor: Any, task_id: Any) -> None:
    change(actor, task_id, status_id=status(actor, StatusGroup.DONE))
    work_off()


def follower(actor: Any, task_id: Any) -> Task | None:
    with tenant_scope(actor):
        found = get_task(task_id).successor_id
        return get_task(found) if found else None


def test_a_finished_task_comes_again_with_all_that_belongs_to_it(company):
    actor = company.sales.actor
    today = clock.today(actor.timezone)
    task = make(actor, "Weekly call", due_on=today, start_on=today - dt.timedelta(days=2), owner_id=actor.member_id,
                estimate=30, priority="P1", tags=["call"])  # fmt: skip
    child = make(actor, "Prepare", parent_id=task.id, due_on=today - dt.timedelta(days=1))
    change(actor, child.id, status_id=status(actor, StatusGroup.DONE))
    with uow(actor):
        add_item(task.id, "Dial", actor=actor)
        set_people(task, MemberRole.COLLABORATOR, [company.marketing.member_id], actor=actor)
    again(actor, task.id, "FREQ=WEEKLY;COUNT=2")
    finish(actor, task.id)
    copy = follower(actor, task.id)
    assert copy is not None
    week = dt.timedelta(days=7)
    assert (copy.title, copy.due_on, copy.start_on) == ("Weekly call", today + week, today + dt.timedelta(days=5))
    assert (copy.priority, copy.estimate, copy.tags, copy.owner_id) == ("P1", 30, ["call"], actor.member_id)
    assert (copy.status_group, copy.recurrence, copy.logged) == ("backlog", "FREQ=WEEKLY;COUNT=1", 0)
    with tenant_scope(actor):
        children = db.session.scalars(db.select(Task).where(Task.parent_id == copy.id)).all()
        assert [(one.title, one.due_on, one.status_group) for one in children] == [
            ("Prepare", today + dt.timedelta(days=6), "backlog")
        ]
        assert [(one.text, one.done) for one in list_checklist(copy.id)] == [("Dial", False)]
        assert [one for one, _name in people_of([copy.id])[copy.id].collaborators] == [company.marketing.member_id]
    finish(actor, copy.id)
    assert follower(actor, copy.id) is None, "it was the last one"


def test_what_belonged_to_somebody_who_has_left_comes_again_as_nobodys(company):
    actor = company.sales.actor
    task = make(actor, "Weekly call", owner_id=actor.member_id, due_on=clock.today(actor.timezone))
    make(actor, "Prepare", parent_id=task.id, owner_id=company.marketing.member_id)
    again(actor, task.id, "FREQ=WEEKLY")
    with uow(company.admin.actor):
        remove_member(company.marketing.member_id, actor=company.admin.actor)
    finish(actor, task.id)
    copy = follower(actor, task.id)
    assert copy is not None
    with tenant_scope(actor):
        owners = db.session.execute(db.select(Task.title, Task.owner_id).where(Task.parent_id == copy.id)).all()
    assert copy.owner_id == actor.member_id
    assert [tuple(one) for one in owners] == [("Prepare", None)]


def test_it_comes_once_however_often_it_is_finished(company):
    actor = company.sales.actor
    task = make(actor, "Daily", due_on=clock.today(actor.timezone))
    again(actor, task.id, "FREQ=DAILY")
    finish(actor, task.id)
    first = follower(actor, task.id)
    change(actor, task.id, status_id=status(actor, StatusGroup.BACKLOG))
    finish(actor, task.id)
    second = follower(actor, task.id)
    assert first is not None and second is not None and first.id == second.id


def test_after_completion_counts_from_the_day_it_was_done(company):
    actor = company.sales.actor
    today = clock.today(actor.timezone)
    late = today - dt.timedelta(days=20)
    done, planned = make(actor, "A", due_on=late), make(actor, "B", due_on=late)
    again(actor, done.id, "FREQ=WEEKLY", recurs="completion")
    again(actor, planned.id, "FREQ=WEEKLY", recurs="schedule")
    for one in (done, planned):
        finish(actor, one.id)
    assert follower(actor, done.id).due_on == today + dt.timedelta(days=7)
    assert follower(actor, planned.id).due_on == today + dt.timedelta(days=1), "the schedule's first day to come"


def test_a_cancelled_task_does_not_come_again(company):
    actor = company.sales.actor
    task = make(actor, "Daily", due_on=clock.today(actor.timezone))
    again(actor, task.id, "FREQ=DAILY")
    change(actor, task.id, status_id=status(actor, StatusGroup.CANCELLED))
    work_off()
    assert follower(actor, task.id) is None


def test_on_schedule_it_comes_though_the_one_before_is_not_done(company):
    actor = company.sales.actor
    today = clock.today(actor.timezone)
    task, other = make(actor, "Report", due_on=today), make(actor, "Clean", due_on=today)
    again(actor, task.id, "FREQ=DAILY")
    again(actor, other.id, "FREQ=DAILY", recurs="completion")
    recur(actor=None)
    assert follower(actor, task.id) is None, "its day has not come"
    with freeze_time(clock.now() + dt.timedelta(days=1)):
        recur(actor=None)
        recur(actor=None)
    found = follower(actor, task.id)
    assert found is not None and found.due_on == today + dt.timedelta(days=1)
    assert follower(actor, other.id) is None


def test_what_cannot_come_again_keeps_no_other_organizations_tasks(company):
    other = cast.make_company("Not stuck", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
    stuck, free = company.admin.actor, other.admin.actor
    today = clock.today(free.timezone)
    one, two = make(stuck, "Report", due_on=today - dt.timedelta(days=9)), make(free, "Report", due_on=today)
    again(stuck, one.id, "FREQ=DAILY")
    again(free, two.id, "FREQ=DAILY")
    with uow(stuck):
        save_status(first_status(StatusGroup.BACKLOG).id, actor=stuck, name="Full", wip_limit=1, wip_hard=True)
    with freeze_time(clock.now() + dt.timedelta(days=1)):
        recur(actor=None)
    assert follower(stuck, one.id) is None
    assert follower(free, two.id) is not None


def test_rules_are_refused_in_words_and_kept_from_others(company, sign_in):
    actor = company.sales.actor
    undated, dated = make(actor), make(actor, due_on=FRIDAY)
    for task, rule, recurs in ((undated, "FREQ=DAILY", None), (dated, "FREQ=NEVER", None), (dated, "FREQ=DAILY", "x")):
        with pytest.raises(Invalid):
            again(actor, task.id, rule, recurs=recurs)
    with pytest.raises(Forbidden):
        again(company.viewer.actor, dated.id, "FREQ=DAILY")
    person = sign_in(company.sales)
    url = f"/api/v1/tasks/{dated.id}/recurrence"
    assert person.api("PUT", url, json={"rule": "FREQ=WEEKLY", "version": 1}).json["result"]["rule"] == "FREQ=WEEKLY"
    assert person.api("PUT", url, json={"rule": "FREQ=DAILY", "version": 1}).status_code == 409
    assert person.api("PUT", url, json={"rule": "nonsense"}).status_code == 422
    assert person.api("PUT", url, json={"rule": None}).json["result"] == {"rule": None, "recurs": None, "version": 3}


def test_anybody_who_sees_a_task_watches_it_for_themselves(company, sign_in):
    task = make(company.sales.actor)
    viewer = sign_in(company.viewer)
    url = f"/api/v1/tasks/{task.id}/watch"
    assert viewer.api("POST", url).status_code == 200 and viewer.api("POST", url).status_code == 200
    with tenant_scope(company.sales.actor):
        assert [one for one, _name in people_of([task.id])[task.id].watchers] == [company.viewer.member_id]
    assert viewer.api("DELETE", url).json["result"] == {"watching": False}
    assert sign_in(company.marketing).api("POST", url).status_code == 404
