"""When a task is done: its days as the calendar moves them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.tasks.service.tasks import announce, lock_task, update_task

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.tasks.models.tasks import Task


def reschedule_task(
    task_id: UUID, *, first: dt.date | None, last: dt.date | None, actor: Actor, version: int | None = None
) -> Task:
    """Moves a task to the days ``first`` to ``last``; without ``last`` it takes as long as before.

    Without ``first`` it loses its due date and its start. A task on one day gets a start only where it had
    one. Raises Conflict for a stale version, Invalid for days in the wrong order.
    """
    task = lock_task(task_id, actor=actor, version=version)
    if first is None:
        values: dict[str, dt.date | None] = {"start_on": None, "due_on": None}
    else:
        if last is None:
            length = task.due_on - task.start_on if task.due_on and task.start_on else dt.timedelta()
            last = first + length
        if last < first:
            raise Invalid(errors={"end": [_("The end is before the start.")]})
        values = {"due_on": last, "start_on": _first_day(task, first, last)}
    update_task(task, actor=actor, **values)
    db.session.flush()
    announce(task, "moved")
    return task


def _first_day(task: Task, first: dt.date, last: dt.date) -> dt.date | None:
    if first < last:
        return first
    if task.start_on is None:
        return None
    # Planned for the first time, with a start that was known: kept where it can be.
    return min(task.start_on, last) if task.due_on is None else first
