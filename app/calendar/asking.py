"""From an address or a body to what the calendar is asked: period, filters, moves."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.calendar import queries
from app.kernel import clock
from app.kernel.calendar import Move, Question, When
from app.kernel.crud.body import optional_version
from app.kernel.crud.fields import storable
from app.kernel.crud.filters import parse_leaf
from app.kernel.errors import BadRequest, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from app.kernel.actor import Actor

DAYS = 31
MAX_DAYS = 400
MAX_ENTRIES = 1000
MAX_UNDATED = 100
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2200, 12, 31)
# What every kind of entry may have; other fields belong to one kind.
COMMON = ("module", "type", "priority", "owner")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def read_question(args: MultiDict[str, str], actor: Actor, *, limit: int, dated: bool = True) -> Question:
    """Period (``from``, ``to``, both included) and filters (``q``, ``f``) of an address. Raises BadRequest.

    Without ``from`` it starts today, without ``to`` it is DAYS long.
    """
    first = until = dt.date.min
    if dated:
        first = _day(args["from"], "from") if "from" in args else clock.today(actor.timezone)
        last = _day(args["to"], "to") if "to" in args else first + dt.timedelta(days=DAYS - 1)
        if last < first:
            raise BadRequest(_("The end is before the start."))
        if (last - first).days >= MAX_DAYS:
            raise BadRequest(_("A period has at most %(count)s days.", count=MAX_DAYS))
        until = last + dt.timedelta(days=1)
    sets: dict[str, frozenset[str]] = {}
    rest = []
    for text in args.getlist("f"):
        leaf = parse_leaf(text)
        field, values = leaf["field"], leaf["value"]
        if field not in COMMON or leaf["operator"] not in {"in", "eq"}:
            rest.append(leaf)
        elif values:
            sets[field] = sets[field] & frozenset(values) if field in sets else frozenset(values)
    _known("module", sets, (one.value for one in queries.choices(lambda one: one.modules, actor)))
    _known("type", sets, (one.value for one in queries.choices(lambda one: one.types, actor)))
    _known("priority", sets, (one.value for one in queries.choices(lambda one: one.priorities, actor)))
    return Question(
        first=first,
        until=until,
        limit=limit,
        modules=sets.get("module"),
        types=sets.get("type"),
        priorities=sets.get("priority"),
        people=_people(sets["owner"], actor) if "owner" in sets else None,
        search=_search(args.get("q")),
        leaves=tuple(rest),
    )


def _day(text: str, name: str) -> dt.date:
    # fromisoformat() knows more ways to write a day than the address promises.
    if _DAY.fullmatch(text):
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            day = dt.date.min
        if FIRST_DAY <= day <= LAST_DAY:
            return day
    raise BadRequest(_("“%(name)s” must be a day, as 2026-12-31.", name=name))


def _known(field: str, sets: dict[str, frozenset[str]], values: Iterable[str]) -> None:
    unknown = sets.get(field, frozenset()) - frozenset(values)
    if unknown:
        raise BadRequest(_("“%(value)s” is not a value of “%(field)s”.", value=min(unknown)[:40], field=field))


def _people(values: frozenset[str], actor: Actor) -> frozenset[UUID]:
    found = set()
    for one in values:
        if one != "me":
            found.add(parse_id(one))
        elif actor.member_id is not None:
            found.add(actor.member_id)
    return frozenset(found)


def _search(text: str | None) -> str:
    if text and not storable(text):
        raise BadRequest(_("This text has characters that cannot be stored."))
    return (text or "")[:200].strip()


def read_version(body: dict[str, Any]) -> int | None:
    """The ``version`` that the person saw, all that a body may say. Raises Invalid."""
    unknown = set(body) - {"version"}
    if unknown:
        raise Invalid(errors={min(unknown)[:60]: [_("Unknown field.")]})
    return optional_version(body)


def read_move(body: dict[str, Any], actor: Actor) -> Move:
    """Where an entry goes: ``start`` and ``end`` as a day or a moment (of the actor's time zone where it names
    none), ``version``. Raises Invalid."""
    unknown = set(body) - {"start", "end", "version"}
    if unknown or "start" not in body:
        raise Invalid(errors={min(unknown or {"start"})[:60]: [_("Unknown field.") if unknown else _("Choose a day.")]})
    start, end = _when(body, "start", actor), _when(body, "end", actor)
    if end is not None and isinstance(start, dt.datetime) is not isinstance(end, dt.datetime):
        raise Invalid(errors={"end": [_("Start and end are both days, or both moments.")]})
    return Move(start, end, optional_version(body))


def _when(body: dict[str, Any], key: str, actor: Actor) -> When | None:
    value = body.get(key)
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        moment = dt.datetime.fromisoformat(value)
        if not FIRST_DAY <= moment.date() <= LAST_DAY:
            raise ValueError
        if _DAY.fullmatch(value):
            return moment.date()
        # The database counts in UTC: a moment that leaves the calendar there is no moment here.
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(actor.timezone))).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise Invalid(errors={key: [_("This is not a date.")]}) from None
