"""Leads: people who may become customers."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc
from app.sales.models.columns import tags_column


class LeadStatus(StrEnum):
    NEW = "new"
    WORKING = "working"
    NURTURING = "nurturing"
    QUALIFIED = "qualified"
    DISQUALIFIED = "disqualified"
    CONVERTED = "converted"


class Lead(TenantModel):
    """Somebody who may become a customer, before they are an account and a contact."""

    __tablename__ = "lead"
    __resource__ = "lead"
    __table_args__ = tenant_table_args(
        "lead",
        tenant_fk("owner_id", "membership"),
        tenant_fk("account_id", "account", ondelete="SET NULL"),
        tenant_fk("contact_id", "contact", ondelete="SET NULL"),
        tenant_fk("opportunity_id", "opportunity", ondelete="SET NULL"),
        Index("ix_lead_status", "organization_id", "status", "owner_id"),
        Index("ix_lead_email", "organization_id", text("lower(email)")),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        CheckConstraint("(status = 'converted') = (converted_at IS NOT NULL)", name="converted"),
    )

    name: Mapped[str] = mapped_column(String(130), nullable=False)
    company: Mapped[str | None] = mapped_column(String(160))
    email: Mapped[str | None] = mapped_column(String(320))
    phone: Mapped[str | None] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), nullable=False, default=LeadStatus.NEW)
    source: Mapped[str | None] = mapped_column(String(60))
    score: Mapped[int | None] = mapped_column(Integer)
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    disqualify_reason: Mapped[str | None] = mapped_column(String(200))
    tags: Mapped[list[str]] = tags_column()
    notes: Mapped[str | None] = mapped_column(Text)
    converted_at: Mapped[dt.datetime | None] = utc()
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    contact_id: Mapped[UUID | None] = mapped_column(Uuid)
    opportunity_id: Mapped[UUID | None] = mapped_column(Uuid)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)
