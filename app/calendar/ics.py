"""Entries as iCalendar (RFC 5545), the way calendar programs subscribe to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vText

from app.kernel.calendar import Entry

REFRESH = dt.timedelta(hours=1)
_PRIORITY = {"P0": 1, "P1": 3, "P2": 5, "P3": 9}


def write(
    entries: Iterable[Entry], *, name: str, timezone: str, base_url: str, modules: Mapping[str, str], language: str
) -> bytes:
    """A calendar of ``entries``; moments in ``timezone``, whose rules are written along.

    The same entries give the same bytes: nothing in it says when it was asked.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//Stratikey//Calendar//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("name", name)
    calendar.add("x-wr-timezone", timezone)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vText("PT1H"))
    zone = ZoneInfo(timezone)
    for entry in entries:
        calendar.add_component(_event(entry, zone, base_url, modules))
    calendar.add_missing_timezones()
    return calendar.to_ical()


def _event(entry: Entry, zone: ZoneInfo, base_url: str, modules: Mapping[str, str]) -> Event:
    event = Event()
    event.add("uid", f"{entry.kind}-{entry.id}@stratikey")
    event.add("summary", entry.title)
    for name, value in (("dtstart", entry.start), ("dtend", entry.end)):
        event.add(name, value.astimezone(zone) if isinstance(value, dt.datetime) else value)
    event.add("dtstamp", entry.updated_at)
    event.add("last-modified", entry.updated_at)
    event.add("sequence", entry.version - 1)
    event.add("categories", [modules.get(entry.module, entry.module)])
    event.add("url", base_url.rstrip("/") + entry.url)
    event.add("status", "CANCELLED" if entry.state == "cancelled" else "CONFIRMED")
    # What lasts a day is no appointment: it blocks nobody's time.
    event.add("transp", "OPAQUE" if entry.is_timed and entry.state == "open" else "TRANSPARENT")
    if entry.priority in _PRIORITY:
        event.add("priority", _PRIORITY[entry.priority])
    return event
