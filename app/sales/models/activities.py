"""Sales activities: calls, meetings and mails."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc


class ActivityType(StrEnum):
    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    NOTE = "note"
    TASK = "task"


class ActivityLog(TenantModel):
    """A call, mail, meeting, note or to-do, planned (``due_at``) or done (``done_at``)."""

    __tablename__ = "activity_log"
    __resource__ = "deal"
    __table_args__ = tenant_table_args(
        "activity_log",
        tenant_fk("owner_id", "membership"),
        tenant_fk("account_id", "account", ondelete="CASCADE"),
        tenant_fk("contact_id", "contact", ondelete="CASCADE"),
        tenant_fk("lead_id", "lead", ondelete="CASCADE"),
        tenant_fk("opportunity_id", "opportunity", ondelete="CASCADE"),
        Index("ix_activity_log_opportunity", "organization_id", "opportunity_id", "due_at"),
        Index("ix_activity_log_owner", "organization_id", "owner_id", "done_at", "due_at"),
        CheckConstraint("duration_min IS NULL OR duration_min >= 0", name="duration_min"),
    )

    title: Mapped[str] = mapped_column(String(200), nullable=False)
    type: Mapped[str] = mapped_column(String(8), nullable=False, default=ActivityType.CALL)
    due_at: Mapped[dt.datetime | None] = utc()
    done_at: Mapped[dt.datetime | None] = utc()
    duration_min: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(String(200))
    notes: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    contact_id: Mapped[UUID | None] = mapped_column(Uuid)
    lead_id: Mapped[UUID | None] = mapped_column(Uuid)
    opportunity_id: Mapped[UUID | None] = mapped_column(Uuid)
