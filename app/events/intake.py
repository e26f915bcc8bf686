"""Events of task requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, kw_only=True)
class TaskRequested(Event):
    """Somebody asked for work with a form. Who it was is in the request alone."""

    name: ClassVar[str] = "intake.task_requested"
    subject_kind: ClassVar[str] = "task_request"
    title: str
    form: str
    module: str
    owner_id: UUID | None
