"""Products, with their list prices."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Numeric, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_table_args
from app.sales.models.columns import AMOUNT


class Recurrence(StrEnum):
    ONE_OFF = "one_off"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class Product(TenantModel):
    """Something that is sold, with its list price net of VAT."""

    __tablename__ = "product"
    __resource__ = "product"
    __table_args__ = tenant_table_args(
        "product",
        Index("uq_product_name", "organization_id", text("lower(name)"), unique=True),
        Index(
            "uq_product_sku",
            "organization_id",
            text("lower(sku)"),
            unique=True,
            postgresql_where=text("sku IS NOT NULL"),
        ),
        CheckConstraint("price >= 0 AND (cost IS NULL OR cost >= 0)", name="price"),
        CheckConstraint("vat_rate BETWEEN 0 AND 100", name="vat_rate"),
    )

    name: Mapped[str] = mapped_column(String(160), nullable=False)
    sku: Mapped[str | None] = mapped_column(String(60))
    series: Mapped[str | None] = mapped_column(String(80))
    unit: Mapped[str | None] = mapped_column(String(20))
    price: Mapped[Decimal] = mapped_column(AMOUNT, nullable=False, default=Decimal(0))
    currency: Mapped[str] = mapped_column(String(3), nullable=False, default="EUR")
    vat_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2), nullable=False, default=Decimal(22))
    cost: Mapped[Decimal | None] = mapped_column(AMOUNT)
    recurrence: Mapped[str] = mapped_column(String(8), nullable=False, default=Recurrence.ONE_OFF)
    active: Mapped[bool] = mapped_column(Boolean, nullable=False, default=True)
    description: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)
