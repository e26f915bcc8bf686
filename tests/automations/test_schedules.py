"""Rules on a schedule: when they act, and which days they have."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select, update

from app.automations import jobs as automation_jobs
from app.automations import webhooks
from app.automations.models import AutomationCall, AutomationKey, AutomationRule, AutomationRun
from app.automations.queries import moments
from app.kernel import clock
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.queries.tasks import get_task
from app.tasks.service.tasks import delete_task
from tests.automations.helpers import change, dry, rule, runs, status, task

COMMENT = {"type": "comment", "body": "Seen: {title}"}
HOOK = {"type": "webhook", "url": "https://hooks.example.com/x"}
P2 = {"op": "and", "items": [{"field": "priority", "operator": "in", "value": ["P2"]}]}
TODAY = dt.date(2026, 11, 27)
MORNING = dt.datetime(2026, 11, 27, 9, 0, tzinfo=dt.UTC)


def tick(at):
    with clock.frozen(at):
        return automation_jobs.tick()


def test_a_schedule_acts_once_on_each_record_that_meets_it(actor):
    with clock.frozen(MORNING):
        urgent, calm = task(actor, "Urgent", priority="P0"), task(actor, "Calm")
        found = rule(
            actor, {"type": "schedule", "rule": "FREQ=WEEKLY;BYDAY=MO", "at": "08:30"}, COMMENT,
            conditions={"op": "and", "items": [{"field": "priority", "operator": "in", "value": ["P0"]}]},
        )  # fmt: skip
    monday = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
    tick(MORNING + dt.timedelta(hours=1))  # a Friday
    tick(monday.replace(hour=7, minute=29))  # 08:29 in Rome
    assert runs(actor, found) == []
    tick(monday.replace(hour=7, minute=31))
    assert len(runs(actor, found)) == 1
    change(actor, calm, priority="P0")
    tick(monday.replace(hour=9))
    assert [one.record_id for one in runs(actor, found)] == [urgent]
    tick(monday + dt.timedelta(days=7, hours=9))
    assert len(runs(actor, found)) == 1 + 2
    with clock.frozen(monday + dt.timedelta(days=7, hours=9)):
        assert dry(actor, found).count == 5 * 2  # Mondays, and those that meet it today


def test_a_schedule_does_not_act_for_a_time_before_it_was_switched_on(actor):
    with clock.frozen(MORNING):  # 10:00 in Rome
        task(actor)
        found = rule(actor, {"type": "schedule", "rule": "FREQ=DAILY", "at": "08:00"}, COMMENT, conditions=P2)
        exact = rule(
            actor, {"type": "schedule", "rule": "FREQ=DAILY", "at": "10:00"}, COMMENT, conditions=P2, name="10"
        )
    tick(MORNING + dt.timedelta(hours=5))
    assert (len(runs(actor, found)), len(runs(actor, exact))) == (0, 1)
    tick(MORNING + dt.timedelta(days=1))
    assert len(runs(actor, found)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=DAILY;INTERVAL=4", [3, 7, 11, 15, 19, 23, 27]),
        ("FREQ=DAILY;INTERVAL=4;COUNT=1", [3, 7, 11, 15, 19, 23, 27]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", [9, 23]),
        ("FREQ=MONTHLY", [27]),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=26", [26]),
        ("FREQ=YEARLY", [27]),
    ],
)
def test_intervals_are_counted_from_the_making_of_a_rule_backwards_too(text, expected):
    made = AutomationRule(trigger={"rule": text}, created_at=MORNING)
    assert [day for day in range(1, 31) if moments.falls_on(made, TODAY.replace(day=day))] == expected


# ── what is no longer kept ───────────────────────────────────────────────────────────────────────


def prune(at):
    with clock.frozen(at):
        automation_jobs.prune()


def test_runs_are_kept_for_ninety_days_and_due_dates_count_once_all_the_same(actor, monkeypatch):
    monkeypatch.setattr("app.automations.service.pruning.BATCH", 2)
    monkeypatch.setattr(webhooks, "send", lambda *_given: (204, ""))
    with clock.frozen(MORNING):
        late = rule(actor, {"type": "overdue", "days": 1}, COMMENT, name="Late")
        soon = rule(actor, {"type": "due_in", "days": 299}, COMMENT, name="Soon")
        event = rule(actor, {"type": "created"}, HOOK, name="New")
        reopened, gone = task(actor, "Reopened", due_on=TODAY), task(actor, "Gone", due_on=TODAY)
        far = task(actor, "Far", due_on=TODAY + dt.timedelta(days=300))
        done = status(actor, "done")
    next_day = MORNING + dt.timedelta(days=1)
    tick(next_day)
    with clock.frozen(next_day):
        assert [len(runs(actor, one)) for one in (late, soon, event)] == [2, 1, 3]
        change(actor, reopened, status_id=done)
        with uow(actor):
            delete_task(get_task(gone), actor=actor)
    prune(next_day + dt.timedelta(days=89))
    assert len(runs(actor)) == 6
    after = next_day + dt.timedelta(days=91)
    with clock.frozen(after), tenant_scope(actor):
        db.session.execute(update(AutomationRun).where(AutomationRun.rule_id == event).values(status="queued", log=[]))
        db.session.commit()
    prune(after)
    with tenant_scope(actor):
        # What waits is never thrown away; of what is done only the keys of tasks that exist are left.
        assert {one.rule_id for one in db.session.scalars(select(AutomationRun))} == {event}
        assert db.session.scalar(select(func.count()).select_from(AutomationCall)) == 3
        keys = {(one.rule_id, one.task_id) for one in db.session.scalars(select(AutomationKey))}
    assert keys == {(late, reopened), (soon, far)}
    with clock.frozen(after):
        change(actor, reopened, status_id=status(actor, "in_progress"))
    tick(after)
    assert [len(runs(actor, one)) for one in (late, soon)] == [0, 0]
    with clock.frozen(after):
        change(actor, far, due_on=TODAY + dt.timedelta(days=301))
    tick(after)
    assert [len(runs(actor, one)) for one in (late, soon)] == [0, 1]
