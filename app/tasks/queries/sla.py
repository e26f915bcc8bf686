"""Reads of the SLA: the organization's policies, business hours and closing days."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.kernel.business_hours import BusinessHours
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tasks.models.names import Priority
from app.tasks.models.sla import ClosingDay, SlaPolicy, WorkCalendar
from app.tasks.sla import closings, hours_of
from app.tenancy.models import Organization

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

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
                    closings(Organization.id).label("closed"),
                    SlaPolicy.priority,
                    SlaPolicy.is_on,
                    SlaPolicy.start_minutes,
                    SlaPolicy.finish_minutes,
                )
                .select_from(Organization)
                .outerjoin(WorkCalendar, WorkCalendar.organization_id == Organization.id)
                .outerjoin(SlaPolicy, SlaPolicy.organization_id == Organization.id)
            ).all()
        promises = {one.priority: Promise(*one[3:]) for one in rows if one.priority is not None}
        for priority in Priority:
            promises.setdefault(priority, Promise(priority))
        kept[_KEPT] = Sla(hours_of(rows[0].hours, rows[0].timezone, rows[0].closed), dict(sorted(promises.items())))
    found: Sla = kept[_KEPT]
    return found


def forget_sla() -> None:
    """Reads it anew next time: it was changed."""
    db.session().info.pop(_KEPT, None)


def list_closings() -> Sequence[ClosingDay]:
    """The closing days, the first one first."""
    return db.session.scalars(select(ClosingDay).order_by(ClosingDay.first_on, ClosingDay.id)).all()


def get_closing(closing_id: UUID) -> ClosingDay:
    """One of them. Raises NotFound."""
    found = db.session.scalar(select(ClosingDay).where(ClosingDay.id == closing_id))
    if found is None:
        raise NotFound
    return found
