"""Reads of time entries."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tasks.models.tasks import Task
from app.tasks.models.work import TimeEntry
from app.tenancy.models import Membership

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Spent:
    """A time entry and whose it is."""

    entry: TimeEntry
    member: str


def list_time(task_id: UUID) -> list[Spent]:
    """The newest SHOWN entries of a task that the actor may see, a running one first."""
    rows = db.session.execute(
        select(TimeEntry, Membership.display_name)
        .join(Membership, Membership.id == TimeEntry.member_id)
        .where(TimeEntry.task_id == task_id)
        .order_by(TimeEntry.minutes.is_(None).desc(), TimeEntry.day.desc(), TimeEntry.created_at.desc())
        .limit(SHOWN)
    )
    return [Spent(row[0], row[1]) for row in rows]


def running(member_id: UUID) -> TimeEntry | None:
    """The timer of a member that runs."""
    return db.session.scalar(select(TimeEntry).where(TimeEntry.member_id == member_id, TimeEntry.minutes.is_(None)))


def get_entry(entry_id: UUID) -> TimeEntry:
    """An entry of a task that the actor may see. Raises NotFound."""
    found = db.session.scalar(
        select(TimeEntry).join(Task, Task.id == TimeEntry.task_id).where(TimeEntry.id == entry_id)
    )
    if found is None:
        raise NotFound
    return found
