"""Working days: Monday to Friday, or other days of the week, without a country's public holidays and an
organization's closing days.

Each working day has a number (how many came before it since a fixed day), so that durations, lags and
deadlines are sums of whole numbers, however far away they are.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from functools import cache, lru_cache
from typing import NamedTuple

import holidays

DEFAULT = "IT"
MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
# Holidays are known within these years; beyond them only weekends are free.
_YEARS = range(1990, 2101)
# A Monday, long before any date that a record may have.
_FIRST = dt.date(1, 1, 1).toordinal()
_LAST = dt.date(9999, 12, 31).toordinal()


class Closing(NamedTuple):
    """Days on which an organization is closed, from the first to the last, and what they are called."""

    first: dt.date
    last: dt.date
    name: str

    @property
    def days(self) -> list[dt.date]:
        return [self.first + dt.timedelta(days=past) for past in range((self.last - self.first).days + 1)]


class Workdays:
    """The working days of a country (ISO 3166-1 alpha-2; an unknown one has Italy's), but for ``closed``.

    ``week`` are the days of the week that people work on, in order, at least one; Monday is 0.
    """

    def __init__(
        self, country: str = DEFAULT, closed: tuple[Closing, ...] = (), week: tuple[int, ...] = MONDAY_TO_FRIDAY
    ) -> None:
        known = holidays.list_supported_countries(include_aliases=False)
        self.country = country if country in known else DEFAULT
        self.closed = closed
        self.week = week
        self._holidays = _public(self.country).union(*(one.days for one in closed))
        self._free = sorted(day.toordinal() for day in self._holidays if day.weekday() in week)

    def is_working(self, day: dt.date) -> bool:
        """Whether people work on ``day``."""
        return day.weekday() in self.week and day not in self._holidays

    def is_holiday(self, day: dt.date) -> bool:
        """Whether ``day`` is a public holiday or a closing day, on a weekend too."""
        return day in self._holidays

    def index(self, day: dt.date) -> int:
        """How many working days come before ``day``: a working day's own number, a free day has the next one's."""
        past = day.toordinal() - _FIRST
        weeks, rest = divmod(past, 7)
        return weeks * len(self.week) + bisect_left(self.week, rest) - bisect_left(self._free, day.toordinal())

    def end(self, day: dt.date) -> int:
        """How many working days are over when ``day`` is."""
        return self.index(day) + self.is_working(day)

    def day(self, index: int) -> dt.date:
        """The working day with that number; beyond the calendar its first or last day."""
        place, before = index, -1
        while place != before:
            weeks, rest = divmod(place, len(self.week))
            ordinal = _FIRST + weeks * 7 + self.week[rest]
            before, place = place, index + bisect_right(self._free, ordinal)
        return dt.date.fromordinal(min(max(ordinal, _FIRST), _LAST))

    def add(self, day: dt.date, count: int) -> dt.date:
        """The working day that is ``count`` working days after ``day`` (before it, when negative)."""
        return self.day(self.index(day) + count)

    def count(self, start: dt.date, end: dt.date) -> int:
        """How many working days there are from ``start`` to ``end``, both included."""
        return max(self.end(end) - self.index(start), 0)


@cache
def _public(country: str) -> frozenset[dt.date]:
    return frozenset(holidays.country_holidays(country, years=_YEARS))


@lru_cache(maxsize=1000)
def workdays(
    country: str = DEFAULT, closed: tuple[Closing, ...] = (), week: tuple[int, ...] = MONDAY_TO_FRIDAY
) -> Workdays:
    """The calendar of a country, and of an organization that closes on days of its own; made once."""
    return Workdays(country, closed, week)


@cache
def holiday_names(country: str, year: int, language: str) -> dict[dt.date, str]:
    """The public holidays of a year, named in ``language`` where the country's are translated."""
    calendar = workdays(country)
    languages = holidays.list_localized_countries().get(calendar.country, [])
    named = next((one for one in languages if one.split("_")[0] == language), None)
    return dict(holidays.country_holidays(calendar.country, years=year, language=named).items())
