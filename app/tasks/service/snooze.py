"""Putting tasks off, for oneself alone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from app.kernel import clock
from app.kernel.db import advisory_lock, db
from app.kernel.errors import Forbidden, Invalid
from app.kernel.i18n import gettext as _
from app.tasks.models.snooze import TaskSnooze
from app.tasks.queries import tasks as queries

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def snooze_task(task_id: UUID, until: dt.date, *, actor: Actor) -> TaskSnooze:
    """Keeps a task that the actor sees off their day before ``until``; the last one counts.

    Raises Invalid for a day that is not after today, Forbidden for no member.
    """
    task = queries.get_task(task_id)
    if until <= clock.today(actor.timezone):
        raise Invalid(errors={"until": [_("Choose a day after today.")]})
    found = _own(task.id, actor)
    if found is None:
        found = TaskSnooze(task_id=task.id, member_id=actor.member_id, until=until)
        db.session.add(found)
    found.until = until
    db.session.flush()
    return found


def wake_task(task_id: UUID, *, actor: Actor) -> None:
    """Takes the actor's own snooze of a task back; nothing where there is none. Raises Forbidden for no member."""
    found = _own(queries.get_task(task_id).id, actor)
    if found is not None:
        db.session.delete(found)
        db.session.flush()


def _own(task_id: UUID, actor: Actor) -> TaskSnooze | None:
    if actor.member_id is None:
        raise Forbidden
    # One after the other: of two first ones at the same moment the second finds the first.
    advisory_lock(f"task-snooze:{actor.member_id}")
    return db.session.scalar(
        select(TaskSnooze).where(TaskSnooze.task_id == task_id, TaskSnooze.member_id == actor.member_id)
    )
