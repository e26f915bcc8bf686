"""The SLA of tasks that are planned for a later day."""

from __future__ import annotations

import datetime as dt

import pytest

from app.kernel import clock
from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.queries.sla import Promise
from app.tasks.queries.tasks import get_task
from app.tasks.service.planning import Dates, set_dates
from tests.kernel.test_business_hours import at
from tests.tasks.test_sla import P1, breaches, job, promise, shown
from tests.tasks.test_tasks import change, make, status, stored

MONDAY = at("2026-11-30 09:00")
TODAY, THURSDAY = dt.date(2026, 11, 30), dt.date(2026, 12, 3)


@pytest.fixture
def actor(company):
    promise(company, P1)  # to start within two hours, to finish within eight
    return company.sales.actor


def due(actor, task):
    found = stored(actor, task.id)
    return found["sla_start_due_at"], found["sla_due_at"]


def test_time_runs_from_the_opening_of_a_later_start_date_and_follows_it(actor):
    thursday = (at("2026-12-03 11:00"), at("2026-12-03 18:00"))
    with clock.frozen(MONDAY + dt.timedelta(hours=1)):
        now = (at("2026-11-30 12:00"), at("2026-12-01 10:00"))
        task = make(actor, priority="P1", start_on=THURSDAY)
        assert due(actor, task) == thursday
        assert due(actor, make(actor, priority="P1", start_on=TODAY)) == now  # today is no later day
        assert due(actor, make(actor, priority="P1", start_on=dt.date(1, 1, 1))) == now
        assert due(actor, make(actor, priority="P1", start_on=dt.date(9999, 12, 31)))[0].year == 9000
        change(actor, task.id, start_on=None)
        assert due(actor, task) == now
        with uow(actor):
            set_dates([Dates(task.id, get_task(task.id).version, dt.date(2026, 12, 5), None)], actor=actor)
        assert due(actor, task) == (at("2026-12-07 11:00"), at("2026-12-07 18:00"))  # a Saturday: Monday
        change(actor, task.id, start_on=THURSDAY, priority="P2")
        change(actor, task.id, priority="P1")
        assert due(actor, task) == thursday
    with clock.frozen(at("2026-12-02 18:00")):
        job()
        assert shown(actor, task.id) == "on_time" and breaches(actor, task.id) == []
    with clock.frozen(at("2026-12-03 11:01")):
        job()
        assert shown(actor, task.id) == "breached" and breaches(actor, task.id) == ["start"]


def test_a_start_date_that_moves_takes_no_breach_back(company, actor):
    with clock.frozen(MONDAY):
        marked, passed = (make(actor, priority="P1", start_on=TODAY) for _ in range(2))
    before = due(actor, marked)
    with clock.frozen(at("2026-11-30 11:01")):
        job()
    with clock.frozen(at("2026-12-02 09:00")):
        change(actor, marked.id, start_on=THURSDAY)
        assert due(actor, marked) == before and shown(actor, marked.id) == "breached"
        # The job has not been there yet: what has passed is marked first.
        with uow(actor):
            set_dates([Dates(passed.id, get_task(passed.id).version, THURSDAY, None)], actor=actor)
        assert due(actor, passed) == before and breaches(actor, passed.id) == ["start", "finish"]
        promise(company, Promise("P1", True, 60, 480))
        assert due(actor, marked)[0] == at("2026-11-30 10:00") and shown(actor, marked.id) == "breached"
        # A promise that is kept again by the new policy: it runs from where it did.
        promise(company, Promise("P1", True, 4800, 4800))
        assert due(actor, marked)[0] == at("2026-12-14 18:00") and shown(actor, marked.id) == "on_time"


def test_what_is_started_keeps_its_time_whatever_its_start_date_becomes(company, actor):
    with clock.frozen(MONDAY):
        early = make(actor, priority="P1", start_on=THURSDAY)
    with clock.frozen(at("2026-12-01 09:00")):
        change(actor, early.id, status_id=status(actor, StatusGroup.IN_PROGRESS))
        finish = at("2026-12-03 18:00")
        assert due(actor, early)[1] == finish
        for day in (TODAY, dt.date(2026, 12, 20), None):
            change(actor, early.id, start_on=day)
            change(actor, early.id, priority="P2")
            change(actor, early.id, priority="P1")
            assert due(actor, early)[1] == finish
        promise(company, Promise("P1", True, 120, 420))
        assert due(actor, early)[1] == at("2026-12-03 17:00")
        change(actor, early.id, status_id=status(actor, StatusGroup.DONE))
        change(actor, early.id, start_on=THURSDAY, status_id=status(actor, StatusGroup.BACKLOG))
        assert due(actor, early)[1] == at("2026-12-03 17:00")  # opened again, for that day


def test_a_new_policy_counts_from_the_start_date_and_settles_what_is_late(company, actor):
    with clock.frozen(MONDAY):
        late, later = make(actor, start_on=TODAY), make(actor, start_on=THURSDAY)
    with clock.frozen(at("2026-12-02 09:00")):
        promise(company, Promise("P2", True, 60, 120))
        assert due(actor, later) == (at("2026-12-03 10:00"), at("2026-12-03 11:00"))
        assert shown(actor, late.id) == "breached" and breaches(actor, late.id) == []
        change(actor, late.id, start_on=THURSDAY)
        change(actor, late.id, priority="P3")
        promise(company, Promise("P3", True, 60, 120))
        assert due(actor, late) == (at("2026-11-30 10:00"), at("2026-11-30 11:00"))
