"""Reads of the SLA: the organization's policies and business hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.kernel.business_hours import BusinessHours
from app.kernel.db import db
from app.tasks.models.names import Priority
from app.tasks.models.sla import SlaPolicy, WorkCalendar
from app.tasks.sla import hours_of
from app.tenancy.models import Organization

_KEPT = "task sla"


@dataclass(frozen=True, slots=True)
class Promise:
    """A priority's minutes of working time to start and to finish; None where nothing is promised."""

    priority: str
    is_on: bool = False
    start_minutes: int | None = None
    finish_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Sla:
    """What an organization promises, and in which hours it works."""

    hours: BusinessHours
    promises: dict[str, Promise] = field(default_factory=dict)

    def minutes(self, priority: str) -> tuple[int | None, int | None]:
        """To start and to finish, as far as that is on."""
        found = self.promises.get(priority)
        return (found.start_minutes, found.finish_minutes) if found is not None and found.is_on else (None, None)


def read_sla() -> Sla:
    """The organization's SLA. One query, kept for the unit of work."""
    kept: Any = db.session().info
    if _KEPT not in kept:
        # Verbs ask in the middle of a change, which is to be written once.
        with db.session.no_autoflush:
            rows = db.session.execute(
                select(
                    Organization.timezone,
                    WorkCalendar.hours,
                    SlaPolicy.priority,
                    SlaPolicy.is_on,
                    SlaPolicy.start_minutes,
                    SlaPolicy.finish_minutes,
                )
                .select_from(Organization)
                .outerjoin(WorkCalendar, WorkCalendar.organization_id == Organization.id)
                .outerjoin(SlaPolicy, SlaPolicy.organization_id == Organization.id)
            ).all()
        promises = {one.priority: Promise(*one[2:]) for one in rows if one.priority is not None}
        for priority in Priority:
            promises.setdefault(priority, Promise(priority))
        kept[_KEPT] = Sla(hours_of(rows[0].hours, rows[0].timezone), dict(sorted(promises.items())))
    found: Sla = kept[_KEPT]
    return found


def forget_sla() -> None:
    """Reads it anew next time: it was changed."""
    db.session().info.pop(_KEPT, None)
