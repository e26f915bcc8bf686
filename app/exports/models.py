"""Exports of long lists: what is to be written, how far it is, and until when the file is kept."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc


class ExportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


UNFINISHED = (ExportStatus.QUEUED, ExportStatus.RUNNING)


class ExportJob(TenantModel):
    """One export, for the person who asked and nobody else.

    ``definition`` is the list's state as a saved view keeps it. ``attempts`` counts the starts since it was queued
    by a person; ``message`` is the reason of a failure, in that person's language.
    """

    __tablename__ = "export_job"
    # The export itself goes into the audit log, not its progress.
    __audited__ = False
    __table_args__ = tenant_table_args(
        "export_job",
        tenant_fk("owner_id", "membership", ondelete="CASCADE"),
        Index("ix_export_job_owner", "organization_id", "owner_id", "created_at"),
        Index("ix_export_job_status", "status"),
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'expired')", name="status"),
        CheckConstraint("(status = 'done') = (storage_key IS NOT NULL)", name="file"),
    )

    owner_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    format: Mapped[str] = mapped_column(String(4), nullable=False)
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    status: Mapped[str] = mapped_column(String(8), nullable=False, default=ExportStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    total: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    row_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    size: Mapped[int] = mapped_column(BigInteger, nullable=False, default=0)
    filename: Mapped[str] = mapped_column(String(80), nullable=False)
    storage_key: Mapped[str | None] = mapped_column(String(200))
    message: Mapped[str | None] = mapped_column(String(500))
    finished_at: Mapped[dt.datetime | None] = utc()
    expires_at: Mapped[dt.datetime | None] = utc()

    @property
    def label(self) -> str:
        return self.filename

    @property
    def is_unfinished(self) -> bool:
        """Whether the person still waits for it."""
        return self.status in UNFINISHED
