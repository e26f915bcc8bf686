"""Imports of files: the job, its lines, and the mappings it remembers."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, String, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc


class ImportStatus(StrEnum):
    UPLOADED = "uploaded"
    CHECKED = "checked"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class ImportJob(TenantModel):
    """An import of a file: how it is read, mapped and matched, and how far it is."""

    __tablename__ = "import_job"
    __table_args__ = tenant_table_args(
        "import_job",
        tenant_fk("owner_id", "membership"),
        Index("ix_import_job_created", "organization_id", "created_at"),
    )

    entity: Mapped[str] = mapped_column(String(32), nullable=False)
    filename: Mapped[str] = mapped_column(String(200), nullable=False)
    storage_key: Mapped[str] = mapped_column(String(200), nullable=False)
    file_hash: Mapped[str] = mapped_column(String(64), nullable=False)
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    matches: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    check: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    status: Mapped[str] = mapped_column(String(12), nullable=False, default=ImportStatus.UPLOADED)
    total: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    created_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    updated_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    same_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    failed_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    kept_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    message: Mapped[str | None] = mapped_column(String(500))
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    finished_at: Mapped[dt.datetime | None] = utc()

    @property
    def label(self) -> str:
        return self.filename

    def column_of(self, key: str) -> str:
        """The file's column that fills the field ``key``; empty when none does."""
        return next((column for column, one in self.mapping.items() if one == key), "")


class ImportRow(TenantModel):
    """What became of a line: the record made or changed (its values before, its version after), or the errors.

    ``raw`` is what the file said: the whole line of a failed one, a name that is looked up later.
    """

    __tablename__ = "import_row"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "import_row",
        tenant_fk("import_id", "import_job", ondelete="CASCADE"),
        Index("ix_import_row_import", "organization_id", "import_id", "outcome", "line"),
    )

    import_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    line: Mapped[int] = mapped_column(Integer, nullable=False)
    outcome: Mapped[str] = mapped_column(String(8), nullable=False)
    kind: Mapped[str | None] = mapped_column(String(32))
    record_id: Mapped[UUID | None] = mapped_column(Uuid)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    record_version: Mapped[int | None] = mapped_column(Integer)
    errors: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB)
    raw: Mapped[dict[str, str] | None] = mapped_column(JSONB)


class ImportMapping(TenantModel):
    """How columns of an earlier file of this entity were mapped, remembered by their names."""

    __tablename__ = "import_mapping"
    __audited__ = False
    __table_args__ = tenant_table_args("import_mapping", UniqueConstraint("organization_id", "entity", "signature"))

    entity: Mapped[str] = mapped_column(String(32), nullable=False)
    signature: Mapped[str] = mapped_column(String(64), nullable=False)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    matches: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
