"""What tasks do about events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.kernel import tenant
from app.kernel.db import db
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task
from app.tasks.service.recurrence import follow

if TYPE_CHECKING:
    from app.kernel.outbox import ReceivedEvent


def recur(event: ReceivedEvent) -> None:
    """A recurring task is finished: the next one is made."""
    if event.payload["to_group"] != StatusGroup.DONE:
        return
    task = db.session.scalar(select(Task).where(Task.id == event.subject_id).with_for_update())
    if task is not None:
        follow(task, actor=tenant.current_actor())
