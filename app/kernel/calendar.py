"""Dated records of every feature: what a provider gives to the one calendar, and what it may be asked.

A provider reads through the ORM guard, so that own, team and all hold, with one query for any period.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import false

from app.kernel.db import is_one_of

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.kernel.crud.fields import Choice

# A day for what lasts days, an aware moment for what has a time.
When = dt.date | dt.datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in the calendar. ``end`` is exclusive; both ends are None for what has no date yet."""

    kind: str
    id: UUID
    version: int
    title: str
    start: When | None
    end: When | None
    module: str
    type: str
    priority: str | None
    owner_id: UUID | None
    owner: str | None
    url: str
    updated_at: dt.datetime
    updated_by_id: UUID | None = None
    state: str = "open"  # or done, cancelled
    movable: bool = False
    resizable: bool = False
    finishable: bool = False

    @property
    def is_timed(self) -> bool:
        """Whether it has a time of day."""
        return isinstance(self.start, dt.datetime)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the providers: days ``first`` to before ``until``, and filters (None: any value).

    ``leaves`` are conditions on fields of one kind of record only (``kernel.crud.filters``): whoever does
    not have those fields has nothing to give. ``mine`` leaves what the actor owns or takes part in.
    """

    first: dt.date
    until: dt.date
    limit: int
    modules: frozenset[str] | None = None
    types: frozenset[str] | None = None
    priorities: frozenset[str] | None = None
    people: frozenset[UUID] | None = None
    search: str = ""
    leaves: tuple[dict[str, Any], ...] = ()
    mine: bool = False

    def within(self, *, module: Any, type_: Any, priority: Any, owner: Any) -> list[Any]:
        """The filters as SQL. A text instead of a column is the value of all records, None says they have none."""
        return [
            *_one(self.modules, module),
            *_one(self.types, type_),
            *_one(self.priorities, priority),
            *_one(self.people, owner),
        ]


def _one(wanted: Iterable[Any] | None, column: Any) -> list[Any]:
    if wanted is None:
        return []
    if column is None or isinstance(column, str):
        return [] if column in wanted else [false()]
    return [is_one_of(column, list(wanted))]


@dataclass(frozen=True, slots=True)
class Move:
    """Where an entry goes. A day without an ``end`` keeps how long it takes; without ``start`` it loses its date.

    A moment comes with its time zone. ``version`` is the one that the person saw.
    """

    start: When | None
    end: When | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class CalendarProvider:
    """A kind of dated records. ``find`` raises NotFound; ``move`` and ``finish`` go through the feature's verbs.

    ``finish`` marks an open entry done; its last argument is the version that the person saw, where one is known.
    """

    kind: str
    resource: str
    modules: tuple[Choice, ...]
    types: tuple[Choice, ...]
    entries: Callable[[Actor, Question], list[Entry]]
    find: Callable[[Actor, UUID], Entry]
    priorities: tuple[Choice, ...] = ()
    undated: Callable[[Actor, Question], list[Entry]] | None = None
    move: Callable[[Actor, UUID, Move], None] | None = None
    finish: Callable[[Actor, UUID, int | None], None] | None = None
