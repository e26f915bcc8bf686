"""The days on which an organization is closed; open tasks follow by the job ``tasks.sla``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from app.kernel.db import advisory_lock, db
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.tasks.models.sla import ClosingDay
from app.tasks.queries.sla import get_closing, list_closings
from app.tasks.service.sla import apply_anew

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

MAX_NAME = 80
MAX_CLOSINGS = 100
# Of all together: whoever is closed for years has no deadlines, and computing them would take for ever.
MAX_DAYS = 1000
YEARS = range(2000, 2100)


def save_closing(
    closing_id: UUID | None,
    *,
    actor: Actor,
    name: str,
    first_on: dt.date | None,
    last_on: dt.date | None,
    version: int | None = None,
) -> ClosingDay:
    """Adds closing days, or changes them; a single day has no ``last_on`` of its own.

    Raises Invalid for a bad name or dates and beyond MAX_CLOSINGS or MAX_DAYS, Conflict for a stale ``version``.
    """
    actor.require("manage", "tasks")
    advisory_lock("task-sla")
    name = " ".join(name.split())
    last_on = last_on or first_on
    errors: dict[str, list[str]] = {}
    if not 1 <= len(name) <= MAX_NAME:
        errors["name"] = [_("Write a name of at most %(count)s characters.", count=MAX_NAME)]
    if first_on is None:
        errors["first_on"] = [_("Choose a day.")]
    for key, day in (("first_on", first_on), ("last_on", last_on)):
        if not errors and day is not None and day.year not in YEARS:
            errors[key] = [_("Choose a day from %(first)s to %(last)s.", first=YEARS[0], last=YEARS[-1])]
    if not errors and first_on is not None and last_on is not None and last_on < first_on:
        errors["last_on"] = [_("The last day is before the first.")]
    if errors:
        raise Invalid(errors=errors)
    assert first_on is not None
    assert last_on is not None
    others = [one for one in list_closings() if one.id != closing_id]
    closing = ClosingDay() if closing_id is None else get_closing(closing_id)
    if version is not None and closing.version != version:
        raise Conflict(details={"version": closing.version})
    if len(others) >= MAX_CLOSINGS:
        text = _("An organization has at most %(count)s closing periods.", count=MAX_CLOSINGS)
        raise Invalid(errors={"first_on": [text]})
    if sum(_length(one.first_on, one.last_on) for one in others) + _length(first_on, last_on) > MAX_DAYS:
        text = _("An organization is closed on at most %(count)s days: delete past ones.", count=MAX_DAYS)
        raise Invalid(errors={"last_on": [text]})
    closing.name, closing.first_on, closing.last_on = name, first_on, last_on
    db.session.add(closing)
    db.session.flush()
    apply_anew()
    return closing


def delete_closing(closing_id: UUID, *, actor: Actor) -> None:
    """Deletes closing days: they are worked on again."""
    actor.require("manage", "tasks")
    advisory_lock("task-sla")
    db.session.delete(get_closing(closing_id))
    db.session.flush()
    apply_anew()


def _length(first: dt.date, last: dt.date) -> int:
    return (last - first).days + 1
