"""Rules on a schedule: when they act, and which days they have."""

from __future__ import annotations

import datetime as dt

import pytest

from app.automations import jobs as automation_jobs
from app.automations.models import AutomationRule
from app.automations.queries import moments
from app.kernel import clock
from tests.automations.helpers import change, dry, rule, runs, task

COMMENT = {"type": "comment", "body": "Seen: {title}"}
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
