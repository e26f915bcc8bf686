"""Events of exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, kw_only=True)
class ExportFinished(Event):
    """An export came to its end: a file of ``rows`` rows, or none and the ``reason``."""

    name: ClassVar[str] = "exports.finished"
    subject_kind: ClassVar[str] = "export"
    filename: str
    owner_id: UUID
    rows: int
    reason: str
