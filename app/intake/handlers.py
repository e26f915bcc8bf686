"""What the intake does about events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.intake.service.deciding import tell_done
from app.kernel import tenant
from app.tasks.models.names import StatusGroup

if TYPE_CHECKING:
    from app.kernel.outbox import ReceivedEvent


def task_done(event: ReceivedEvent) -> None:
    """A task is done: whoever asked for it hears of it."""
    if event.payload["to_group"] == StatusGroup.DONE:
        tell_done(event.subject_id, actor=tenant.current_actor())
