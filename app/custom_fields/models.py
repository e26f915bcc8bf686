"""The fields that an organization adds to its records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_table_args


class CustomField(TenantModel):
    """A field of the records of one ``kind``. Its id stands for its type for good, its ``key`` for its name in REST.

    ``choices``: ``[{"id", "label", "archived"}]``, in order. ``currency`` is that of its amounts.
    """

    __tablename__ = "custom_field"
    __table_args__ = tenant_table_args(
        "custom_field",
        UniqueConstraint("organization_id", "kind", "key", name="uq_custom_field_key"),
        Index(
            "uq_custom_field_label",
            "organization_id",
            "kind",
            text("lower(label)"),
            unique=True,
            postgresql_where=text("NOT archived"),
        ),
        CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,39}$'", name="key"),
        CheckConstraint("type IN ('text', 'number', 'date', 'select', 'multi', 'user', 'money', 'url')", name="type"),
        CheckConstraint("jsonb_typeof(choices) = 'array'", name="choices"),
        CheckConstraint("(type = 'money') = (currency IS NOT NULL)", name="currency"),
    )

    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    key: Mapped[str] = mapped_column(String(40), nullable=False)
    label: Mapped[str] = mapped_column(String(60), nullable=False)
    type: Mapped[str] = mapped_column(String(8), nullable=False)
    choices: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list)
    currency: Mapped[str | None] = mapped_column(String(3))
    help: Mapped[str] = mapped_column(String(200), nullable=False, default="", server_default=text("''"))
    required: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=text("false"))
    archived: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=text("false"))
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
