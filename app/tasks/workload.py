"""The arithmetic of workloads: how much of a task's work falls into a week, and how much a week holds.

* What is left of a task is its estimate less the time logged, never below zero.
* It is spread evenly over the working days from the task's start, or today where that is past, to its due date.
  Without a start date all of it is on the due date; what is late is all to be done today. Where no day of that
  stretch is a working day, all of it is on the last one.
* A week holds its part of a person's weekly hours: the business hours of its working days over those of all days of
  the week. Public holidays (of the country of plans) and closing days are no
  working days.

Sub-tasks count by themselves, beside the task that they are below: each has the hours that its own estimate says.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from app.kernel.workdays import DEFAULT, Workdays, workdays

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.business_hours import BusinessHours, Week

_DAY = dt.timedelta(days=1)


class Work(NamedTuple):
    """What is left of tasks of one owner and with the same dates, in minutes."""

    owner_id: UUID | None
    start_on: dt.date | None
    due_on: dt.date
    minutes: int


class WorkWeek(NamedTuple):
    """The business hours of a week, and the days on which they count."""

    hours: Week
    days: Workdays

    @property
    def minutes(self) -> int:
        """Of a week without free days."""
        return sum(self._on(weekday) for weekday in self.days.week)

    def capacity(self, monday: dt.date, weekly: int) -> int:
        """What the week from ``monday`` on holds of ``weekly`` minutes."""
        found = [monday + past * _DAY for past in range(7)]
        worked = sum(self._on(day.weekday()) for day in found if self.days.is_working(day))
        return round(weekly * worked / self.minutes)

    def _on(self, weekday: int) -> int:
        return sum(end - start for start, end in self.hours[weekday])


def work_week(hours: BusinessHours, country: str = DEFAULT) -> WorkWeek:
    """The week of business hours: people work on the days that have some, but for public holidays of ``country``."""
    days = tuple(number for number, intervals in enumerate(hours.week) if intervals)
    return WorkWeek(hours.week, workdays(country, hours.closed, days))


def stretch(start_on: dt.date | None, due_on: dt.date, today: dt.date) -> tuple[dt.date, dt.date]:
    """The days over which what is left of an open task is spread."""
    return max(start_on or due_on, today), max(due_on, today)


def minutes_within(work: Work, first: dt.date, last: dt.date, days: Workdays, today: dt.date) -> float:
    """How much of the work falls on the days from ``first`` to ``last``."""
    start, end = stretch(work.start_on, work.due_on, today)
    if start > last or end < first:
        return 0
    over = days.count(start, end)
    if not over:
        return work.minutes if first <= end <= last else 0
    return work.minutes * days.count(max(start, first), min(end, last)) / over
