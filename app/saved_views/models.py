"""Saved views: a list's filters, sorts and columns under a name; and the columns that a person left a list with."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, String, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args


class Visibility(StrEnum):
    """Who sees a view: its author, whoever has the author in their team, the whole organization."""

    PRIVATE = "private"
    TEAM = "team"
    SHARED = "shared"


class SavedView(TenantModel):
    """``owner_id`` made it and alone changes it; ``is_default`` opens the list with it, for its author.

    ``definition``: ``{"leaves": [...], "tree": {...}|null, "search", "sort", "columns", "page_size", "options"}``; a
    column may carry its width (``owner~160``), options are what that list alone knows (``group``).
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
        CheckConstraint("visibility IN ('private', 'team', 'shared')", name="visibility"),
    )

    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    name: Mapped[str] = mapped_column(String(60), nullable=False)
    owner_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    visibility: Mapped[str] = mapped_column(
        String(8), nullable=False, default=Visibility.PRIVATE, server_default=text("'private'")
    )
    is_default: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)


class ListLayout(TenantModel):
    """The columns, with order and widths, that a person last gave a list outside of any view."""

    __tablename__ = "list_layout"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "list_layout",
        tenant_fk("owner_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "owner_id", "kind", name="uq_list_layout_kind"),
        CheckConstraint("jsonb_typeof(columns) = 'array'", name="columns"),
    )

    owner_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    columns: Mapped[list[str]] = mapped_column(JSONB, nullable=False, default=list)
