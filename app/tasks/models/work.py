"""What is done on a task: the lines of its check-list and the time it took."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Index,
    Integer,
    String,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc


class ChecklistItem(TenantModel):
    """A line to tick inside a task, which somebody may have to do by a day of its own."""

    __tablename__ = "checklist_item"
    __table_args__ = tenant_table_args(
        "checklist_item",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        tenant_fk("assignee_id", "membership"),
        Index("ix_checklist_item_task", "organization_id", "task_id", "position"),
        Index(
            "ix_checklist_item_assignee",
            "organization_id",
            "assignee_id",
            "due_on",
            postgresql_where=sql("NOT done AND assignee_id IS NOT NULL"),
        ),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    text: Mapped[str] = mapped_column(String(300), nullable=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    done: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))
    assignee_id: Mapped[UUID | None] = mapped_column(Uuid)
    due_on: Mapped[dt.date | None] = mapped_column(Date)

    @property
    def label(self) -> str:
        return self.text


class TimeEntry(TenantModel):
    """Time that a member spent on a task: ``minutes`` on ``day``, or a timer that runs since ``started_at``."""

    __tablename__ = "time_entry"
    __table_args__ = tenant_table_args(
        "time_entry",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        Index("ix_time_entry_task", "organization_id", "task_id", "day"),
        Index("ix_time_entry_member", "organization_id", "member_id", "day"),
        # One timer at a time.
        Index(
            "uq_time_entry_running",
            "organization_id",
            "member_id",
            unique=True,
            postgresql_where=sql("minutes IS NULL"),
        ),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        CheckConstraint("minutes IS NOT NULL OR started_at IS NOT NULL", name="running"),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    day: Mapped[dt.date] = mapped_column(Date, nullable=False)
    minutes: Mapped[int | None] = mapped_column(Integer)
    started_at: Mapped[dt.datetime | None] = utc()
    note: Mapped[str] = mapped_column(String(300), nullable=False, default="", server_default=sql("''"))
    billable: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))

    @property
    def label(self) -> str:
        return self.note or str(self.day)
