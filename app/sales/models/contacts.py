"""Contacts: the people at accounts."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args
from app.sales.models.columns import tags_column


class Contact(TenantModel):
    """A person at an account."""

    __tablename__ = "contact"
    __resource__ = "contact"
    __table_args__ = tenant_table_args(
        "contact",
        tenant_fk("owner_id", "membership"),
        tenant_fk("account_id", "account", ondelete="SET NULL"),
        Index("ix_contact_account", "organization_id", "account_id"),
        Index("ix_contact_email", "organization_id", text("lower(email)")),
    )

    name: Mapped[str] = mapped_column(String(130), nullable=False)
    email: Mapped[str | None] = mapped_column(String(320))
    phone: Mapped[str | None] = mapped_column(String(32))
    job_title: Mapped[str | None] = mapped_column(String(80))
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    tags: Mapped[list[str]] = tags_column()
    notes: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)
