"""The calendar's reads: what all providers have in a period, in one order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.calendar.models import CalendarFeed
from app.kernel.calendar import CalendarProvider, Entry, Question
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.feature import registry
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.kernel.crud.fields import Choice


@dataclass(frozen=True, slots=True)
class Found:
    """Entries, and whether there are more than the limit allows to show."""

    entries: list[Entry]
    more: bool


def providers(actor: Actor) -> list[CalendarProvider]:
    """Those whose records the actor may read."""
    return [one for one in registry.calendar.values() if actor.can("read", one.resource)]


def get_provider(kind: str, actor: Actor) -> CalendarProvider:
    """A provider by its kind of record. Raises NotFound for one that is unknown or out of the actor's reach."""
    found = next((one for one in providers(actor) if one.kind == kind), None)
    if found is None:
        raise NotFound
    return found


def choices(of: Callable[[CalendarProvider], Iterable[Choice]], actor: Actor) -> list[Choice]:
    """The values that the providers of the actor know of something (``modules``, ``types``, …), each once."""
    found: dict[str, Choice] = {}
    for provider in providers(actor):
        for one in of(provider):
            found.setdefault(one.value, one)
    return list(found.values())


def list_entries(actor: Actor, question: Question) -> Found:
    """What is in the period: earliest first, the longer one before on the same day. A query for each provider."""
    asked = replace(question, limit=question.limit + 1)
    zone = ZoneInfo(actor.timezone)

    def place(entry: Entry) -> tuple[Any, ...]:
        start, end = _moment(entry.start, zone), _moment(entry.end, zone)
        return start, entry.is_timed, start - end, entry.priority or "P9", str(entry.id)

    entries = sorted((entry for one in providers(actor) for entry in one.entries(actor, asked)), key=place)
    return Found(entries[: question.limit], len(entries) > question.limit)


def list_undated(actor: Actor, question: Question) -> Found:
    """What has no date yet, as its provider orders it."""
    asked = replace(question, limit=question.limit + 1)
    entries = [entry for one in providers(actor) if one.undated for entry in one.undated(actor, asked)]
    return Found(entries[: question.limit], len(entries) > question.limit)


def _moment(value: dt.date | dt.datetime | None, zone: ZoneInfo) -> dt.datetime:
    assert value is not None
    return value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time.min, zone)


def name_of(member_id: UUID | None) -> str | None:
    """What a member is called; None for nobody."""
    if member_id is None:
        return None
    return db.session.scalar(select(Membership.display_name).where(Membership.id == member_id))


def get_feed(actor: Actor) -> CalendarFeed | None:
    """The actor's own feed, if there is one."""
    return db.session.scalar(select(CalendarFeed).where(CalendarFeed.member_id == actor.member_id))
