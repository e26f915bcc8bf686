"""What a task's deadlines by SLA mean: the same in Python, of one deadline, and in SQL, of a task's current one.

The current deadline is that to start until the task is started, then that to finish.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import DateTime, Text, and_, bindparam, case, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.kernel import clock
from app.kernel.business_hours import OFFICE, BusinessHours, business_hours, read_week
from app.kernel.workdays import Closing
from app.tasks.models.names import StatusGroup
from app.tasks.models.sla import ClosingDay, WorkCalendar
from app.tasks.models.tasks import Task
from app.tenancy.models import Organization

if TYPE_CHECKING:
    from collections.abc import Sequence

# What of the time is over when a deadline is at risk.
RISK = 0.8
NOW = bindparam("sla_now", callable_=clock.now, type_=DateTime(timezone=True))


class SlaState(StrEnum):
    """How a deadline stands; in the order of their names they are the ones to look at first."""

    AT_RISK = "at_risk"
    BREACHED = "breached"
    MET = "met"
    ON_TIME = "on_time"


class Deadline(NamedTuple):
    """A moment by which something is to happen, and from when on that is at risk."""

    warn_at: dt.datetime | None = None
    due_at: dt.datetime | None = None


def deadline(hours: BusinessHours, start: dt.datetime, minutes: int | None) -> Deadline:
    """The deadline that is ``minutes`` of working time after ``start``."""
    if minutes is None:
        return Deadline()
    return Deadline(
        hours.add_business_minutes(start, minutes * RISK),
        hours.add_business_minutes(start, minutes),
    )


def state_of(one: Deadline, ended_at: dt.datetime | None, now: dt.datetime) -> SlaState | None:
    """How a deadline stands at ``now``, or stood when what it asks for happened."""
    if one.due_at is None or one.warn_at is None:
        return None
    if (ended_at or now) > one.due_at:
        return SlaState.BREACHED
    if ended_at is not None:
        return SlaState.MET
    return SlaState.AT_RISK if now >= one.warn_at else SlaState.ON_TIME


def _current(to_start: Any, to_finish: Any) -> Any:
    return case(
        (Task.sla_started_at.is_(None), func.coalesce(to_start, to_finish)), else_=func.coalesce(to_finish, to_start)
    )


def until() -> Any:
    """The current deadline of a task, in SQL; NULL for a cancelled one."""
    found = _current(Task.sla_start_due_at, Task.sla_due_at)
    return case((Task.status_group != StatusGroup.CANCELLED.value, found))


def ended() -> Any:
    """When what the current deadline asks for happened, in SQL."""
    return case(
        (Task.sla_started_at.is_(None), None),
        (Task.sla_due_at.is_(None), Task.sla_started_at),
        else_=Task.done_at,
    )


def state() -> Any:
    """How a task's current deadline stands, in SQL: a value of SlaState or NULL."""
    return case(
        (until().is_(None), None),
        (func.coalesce(ended(), NOW) > until(), _word(SlaState.BREACHED)),
        (ended().is_not(None), _word(SlaState.MET)),
        (_current(Task.sla_start_warn_at, Task.sla_warn_at) <= NOW, _word(SlaState.AT_RISK)),
        else_=_word(SlaState.ON_TIME),
    )


def _word(value: SlaState) -> Any:
    return literal_column(f"'{value.value}'", Text)


def hours_text() -> Any:
    """The organization's hours, in SQL, where a badge tells hours: of a deadline at risk or breached.

    Of the one organization that the scope is of, and not of the task's own: so they are read once, not for each row.
    """
    closed = closings(WorkCalendar.organization_id, named=False)
    parts = func.jsonb_build_array(Organization.timezone, WorkCalendar.hours, closed)
    found = (
        select(cast(parts, Text))
        .select_from(WorkCalendar)
        .join(Organization, Organization.id == WorkCalendar.organization_id)
        .scalar_subquery()
    )
    at_risk = func.coalesce(ended(), NOW) >= _current(Task.sla_start_warn_at, Task.sla_warn_at)
    is_told = and_(until().is_not(None), or_(at_risk, Task.sla_start_breached_at.is_not(None)))
    return case((is_told, found))


@lru_cache(maxsize=1000)
def read_hours(text: str) -> BusinessHours:
    """What ``hours_text`` found."""
    timezone, week, closed = orjson.loads(text)
    return hours_of(week, timezone, closed)


def hours_of(
    hours: Sequence[Sequence[Sequence[str]]] | None, timezone: str, closed: Sequence[Sequence[str]] | None
) -> BusinessHours:
    """The hours that an organization has stored, else those of an office, without its closing days."""
    return business_hours(read_week(hours) if hours else OFFICE, timezone, read_closings(closed))


def closings(organization_id: Any, *, named: bool = True) -> Any:
    """The closing days of an organization in the order of their first day, in SQL: what ``read_closings`` reads.

    Without ``named`` their names stay away: a badge needs none, and a list reads them for each of its rows.
    """
    name = ClosingDay.name if named else literal_column("''", Text)
    one = func.jsonb_build_array(ClosingDay.first_on, ClosingDay.last_on, name)
    return (
        select(func.jsonb_agg(aggregate_order_by(one, ClosingDay.first_on, ClosingDay.id)))
        .where(ClosingDay.organization_id == organization_id)
        .scalar_subquery()
    )


def read_closings(found: Sequence[Sequence[str]] | None) -> tuple[Closing, ...]:
    """What ``closings`` found."""
    day = dt.date.fromisoformat
    return tuple(Closing(day(first), day(last), name) for first, last, name in found or ())
