"""Saved views: a list's filters, sort and columns under a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, String, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args


class SavedView(TenantModel):
    """``owner_id`` made it; ``shared`` shows it to the whole organization.

    ``definition``: ``{"leaves": [...], "tree": {...}|null, "search", "sort", "columns", "page_size"}``.
    """

    __tablename__ = "saved_view"
    __table_args__ = tenant_table_args(
        "saved_view",
        tenant_fk("owner_id", "membership", ondelete="CASCADE"),
        Index("uq_saved_view_name", "organization_id", "kind", "owner_id", text("lower(name)"), unique=True),
        Index(
            "uq_saved_view_default",
            "organization_id",
            "kind",
            "owner_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
        CheckConstraint("jsonb_typeof(definition) = 'object'", name="definition"),
    )

    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    name: Mapped[str] = mapped_column(String(60), nullable=False)
    owner_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    shared: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False)
    is_default: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
