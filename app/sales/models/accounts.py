"""Accounts: the companies that we sell to."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args
from app.sales.models.columns import AMOUNT, tags_column


class Lifecycle(StrEnum):
    PROSPECT = "prospect"
    IN_TALKS = "in_talks"
    CUSTOMER = "customer"
    AT_RISK = "at_risk"
    LOST = "lost"


class Account(TenantModel):
    """A company that we sell to."""

    __tablename__ = "account"
    __resource__ = "account"
    __table_args__ = tenant_table_args(
        "account",
        tenant_fk("owner_id", "membership"),
        tenant_fk("parent_id", "account", ondelete="SET NULL"),
        Index("uq_account_name", "organization_id", text("lower(name)"), unique=True),
        Index("ix_account_owner", "organization_id", "owner_id"),
        CheckConstraint("parent_id <> id", name="parent"),
    )

    name: Mapped[str] = mapped_column(String(160), nullable=False)
    lifecycle: Mapped[str] = mapped_column(String(16), nullable=False, default=Lifecycle.PROSPECT)
    industry: Mapped[str | None] = mapped_column(String(80))
    website: Mapped[str | None] = mapped_column(String(300))
    phone: Mapped[str | None] = mapped_column(String(32))
    vat_number: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(80))
    country: Mapped[str | None] = mapped_column(String(80))
    founded: Mapped[int | None] = mapped_column(Integer)
    annual_revenue: Mapped[Decimal | None] = mapped_column(AMOUNT)
    employees: Mapped[int | None] = mapped_column(Integer)
    parent_id: Mapped[UUID | None] = mapped_column(Uuid)
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    tags: Mapped[list[str]] = tags_column()
    notes: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)
