"""Business hours: the weekly hours in which people work, in a time zone, without public holidays and closing days.

Pure arithmetic on moments. Opening hours are local times, minutes are real ones: the day on which the clocks
change counts as long as it is. No library that is kept up does this (decision 17).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.kernel.workdays import DEFAULT, Closing, workdays

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# From opening to closing, in minutes since midnight; 1440 is the end of the day.
Interval = tuple[int, int]
# The moments from which and until when a day is open.
Open = tuple[tuple[dt.datetime, dt.datetime], ...]
# The intervals of Monday to Sunday.
Week = tuple[tuple[Interval, ...], ...]
OFFICE: Week = (((540, 780), (840, 1080)),) * 5 + ((), ())
# Whoever opens less than this has none: a deadline in working time could be centuries away.
LEAST_WEEKLY = 60
# Before and after the break.
MOST_INTERVALS = 2
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DAY = dt.timedelta(days=1)
_MINUTE = dt.timedelta(minutes=1)
# Days whose moments an organization's hours keep.
_REMEMBERED = 2000


def read_time(text: str) -> int:
    """``09:30`` in minutes. Raises ValueError."""
    if _TIME.fullmatch(text) is None:
        raise ValueError(text)
    hours, _colon, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def write_time(minutes: int) -> str:
    """``570`` as ``09:30``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_day(day: Sequence[Sequence[str]]) -> tuple[Interval, ...]:
    """The intervals of ``[["09:00", "13:00"], …]``.

    Raises ValueError where they are not one after the other, or more than MOST_INTERVALS.
    """
    try:
        intervals = tuple((read_time(start), read_time(end)) for start, end in day)
    except TypeError as error:
        raise ValueError(day) from error
    flat = [moment for interval in intervals for moment in interval]
    # What closes may open again at once, but nothing is open for no time.
    if len(intervals) > MOST_INTERVALS or flat != sorted(flat) or any(end <= start for start, end in intervals):
        raise ValueError(day)
    return intervals


def read_week(days: Sequence[Sequence[Sequence[str]]]) -> Week:
    """The week of seven days, Monday first. Raises ValueError for a bad day, and for less than LEAST_WEEKLY."""
    week = tuple(read_day(day) for day in days)
    if len(week) != 7 or sum(end - start for day in week for start, end in day) < LEAST_WEEKLY:
        raise ValueError(days)
    return week


def write_week(week: Week) -> list[list[list[str]]]:
    """What ``read_week`` reads."""
    return [[[write_time(start), write_time(end)] for start, end in day] for day in week]


@dataclass(frozen=True)
class BusinessHours:
    """The hours of an organization; its zone is an IANA name."""

    week: Week = OFFICE
    timezone: str = "Europe/Rome"
    country: str = DEFAULT
    closed: tuple[Closing, ...] = ()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def _known(self) -> dict[dt.date, Open]:
        return {}

    def open_on(self, day: dt.date) -> Open:
        """The intervals of a day, in UTC and in order."""
        found = self._known.get(day)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[day] = tuple(self._intervals(day))
        return found

    def _intervals(self, day: dt.date) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        intervals = self.week[day.weekday()]
        if not intervals or workdays(self.country, self.closed).is_holiday(day):
            return
        before = None
        for interval in intervals:
            start, end = (self._moment(day, minutes) for minutes in interval)
            # What the clocks skip is nobody's working time twice.
            start = start if before is None else max(start, before)
            if end > start:
                yield start, end
                before = end

    def _moment(self, day: dt.date, minutes: int) -> dt.datetime:
        days, rest = divmod(minutes, 1440)
        local = dt.datetime.combine(day + days * _DAY, dt.time(rest // 60, rest % 60), self._zone)
        return local.astimezone(dt.UTC)

    def _from(self, moment: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """What is open from ``moment`` on, without end."""
        day = moment.astimezone(self._zone).date()
        while True:
            for start, end in self.open_on(day):
                if end > moment:
                    yield max(start, moment), end
            day += _DAY

    def add_business_minutes(self, start: dt.datetime, minutes: float) -> dt.datetime:
        """The moment (UTC) at which ``minutes`` of working time have passed since ``start``.

        The end of a day rather than the start of the next one; ``start`` itself for none.
        """
        rest = minutes * _MINUTE
        if rest <= dt.timedelta():
            return start.astimezone(dt.UTC)
        for opens, closes in self._from(start.astimezone(dt.UTC)):
            if closes - opens >= rest:
                return opens + rest
            rest -= closes - opens
        raise AssertionError  # _from has no end

    def business_minutes_between(self, start: dt.datetime, end: dt.datetime) -> float:
        """The working time from ``start`` to ``end`` in minutes; negative when ``end`` comes first."""
        if end < start:
            return -self.business_minutes_between(end, start)
        found, until = dt.timedelta(), end.astimezone(dt.UTC)
        for opens, closes in self._from(start.astimezone(dt.UTC)):
            if opens >= until:
                break
            found += min(closes, until) - opens
        return found / _MINUTE


@lru_cache(maxsize=1000)
def business_hours(week: Week, timezone: str, closed: tuple[Closing, ...] = ()) -> BusinessHours:
    """The hours of a week in a zone; made once."""
    return BusinessHours(week, timezone, closed=closed)
