"""Time. Everything that asks what time it is asks here, so that tests can set it."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

_frozen: ContextVar[dt.datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> dt.datetime:
    """The current time, aware, in UTC."""
    return _frozen.get() or dt.datetime.now(dt.UTC)


def today(timezone: str = "Europe/Rome") -> dt.date:
    """The current calendar day in ``timezone`` (an IANA name)."""
    return now().astimezone(ZoneInfo(timezone)).date()


@contextmanager
def frozen(at: dt.datetime) -> Iterator[None]:
    """Within the block ``now()`` answers ``at`` (aware). For tests and for reproducible demo data."""
    token = _frozen.set(at.astimezone(dt.UTC))
    try:
        yield
    finally:
        _frozen.reset(token)


def day_bounds(day: dt.date, timezone: str) -> tuple[dt.datetime, dt.datetime]:
    """The UTC start (inclusive) and end (exclusive) of ``day`` in ``timezone``.

    A day of the change to or from summer time is 23 or 25 hours long.
    """
    zone = ZoneInfo(timezone)
    start = dt.datetime.combine(day, dt.time.min, zone)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min, zone)
    return start.astimezone(dt.UTC), end.astimezone(dt.UTC)
