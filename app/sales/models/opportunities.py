"""Opportunities, with their lines and the stages that they have passed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import TenantModel, ref, tenant_fk, tenant_table_args, utc
from app.kernel.errors import Conflict, Invalid
from app.sales.models.accounts import Account
from app.sales.models.columns import AMOUNT, tags_column
from app.sales.models.pipelines import PipelineStage, StageKind
from app.sales.models.products import Recurrence


class ForecastCategory(StrEnum):
    OMITTED = "omitted"
    PIPELINE = "pipeline"
    BEST = "best"
    COMMIT = "commit"
    CLOSED = "closed"


class AmountMode(StrEnum):
    MANUAL = "manual"
    LINES = "lines"


class Opportunity(TenantModel):
    """A deal. ``amount`` is net of VAT; ``close_date`` is expected while open, actual once closed."""

    __tablename__ = "opportunity"
    __resource__ = "deal"
    __table_args__ = tenant_table_args(
        "opportunity",
        tenant_fk("owner_id", "membership"),
        tenant_fk("account_id", "account", ondelete="SET NULL"),
        tenant_fk("contact_id", "contact", ondelete="SET NULL"),
        tenant_fk("pipeline_id", "pipeline"),
        ForeignKeyConstraint(
            ["organization_id", "pipeline_id", "stage_id"],
            ["pipeline_stage.organization_id", "pipeline_stage.pipeline_id", "pipeline_stage.id"],
        ),
        tenant_fk("last_open_stage_id", "pipeline_stage", ondelete="SET NULL"),
        tenant_fk("lost_reason_id", "lost_reason", ondelete="SET NULL"),
        Index("ix_opportunity_board", "organization_id", "stage_id", "rank"),
        Index("ix_opportunity_owner", "organization_id", "owner_id", "stage_kind"),
        Index("ix_opportunity_account", "organization_id", "account_id", "stage_kind"),
        Index("ix_opportunity_close", "organization_id", "stage_kind", "close_date"),
        Index("ix_opportunity_created", "organization_id", "created_at", "id"),
        Index("ix_opportunity_amount", "organization_id", text("amount DESC NULLS LAST"), text("id DESC")),
        Index(
            "uq_opportunity_external_ref",
            "organization_id",
            "external_ref",
            unique=True,
            postgresql_where=text("external_ref IS NOT NULL"),
        ),
        CheckConstraint("stage_kind IN ('open', 'won', 'lost')", name="stage_kind"),
        CheckConstraint("(stage_kind = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("probability BETWEEN 0 AND 100", name="probability"),
        CheckConstraint("amount IS NULL OR amount >= 0", name="amount"),
    )

    title: Mapped[str] = mapped_column(String(200), nullable=False)
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    contact_id: Mapped[UUID | None] = mapped_column(Uuid)
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    pipeline_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    stage_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    stage_kind: Mapped[str] = mapped_column(String(4), nullable=False, default=StageKind.OPEN)
    rank: Mapped[str] = mapped_column(String(80, collation="C"), nullable=False, default="a0")
    amount: Mapped[Decimal | None] = mapped_column(AMOUNT)
    currency: Mapped[str] = mapped_column(String(3), nullable=False, default="EUR")
    amount_mode: Mapped[str] = mapped_column(String(6), nullable=False, default=AmountMode.MANUAL)
    probability: Mapped[int | None] = mapped_column(Integer)
    forecast_category: Mapped[str] = mapped_column(String(8), nullable=False, default=ForecastCategory.PIPELINE)
    priority: Mapped[str | None] = mapped_column(String(2))
    source: Mapped[str | None] = mapped_column(String(60))
    opened_on: Mapped[dt.date | None] = mapped_column(Date)
    close_date: Mapped[dt.date | None] = mapped_column(Date)
    closed_at: Mapped[dt.datetime | None] = utc()
    stage_entered_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    next_activity_at: Mapped[dt.datetime | None] = utc()
    last_open_stage_id: Mapped[UUID | None] = mapped_column(Uuid)
    lost_reason_id: Mapped[UUID | None] = mapped_column(Uuid)
    competitor: Mapped[str | None] = mapped_column(String(120))
    lost_note: Mapped[str | None] = mapped_column(Text)
    recontact_on: Mapped[dt.date | None] = mapped_column(Date)
    external_ref: Mapped[str | None] = mapped_column(String(60))
    tags: Mapped[list[str]] = tags_column()
    notes: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)

    stage: Mapped[PipelineStage] = ref("PipelineStage", "Opportunity.stage_id")
    account: Mapped[Account | None] = ref("Account", "Opportunity.account_id")

    def enter(self, stage: PipelineStage, at: dt.datetime) -> None:
        """Moves the deal to an open stage of its pipeline; reopening clears how it was closed."""
        if stage.kind != StageKind.OPEN or stage.pipeline_id != self.pipeline_id:
            raise Conflict("This stage does not belong to the deal's pipeline.")
        self.stage_id, self.stage_kind = stage.id, StageKind.OPEN
        self.stage_entered_at = at
        if self.closed_at is not None:
            self.closed_at = None
            self.lost_reason_id = self.competitor = self.lost_note = self.recontact_on = None
            self.forecast_category = ForecastCategory.PIPELINE

    def win(self, stage: PipelineStage, on: dt.date, at: dt.datetime) -> None:
        """Closes the deal as won. Raises Conflict when it is closed already."""
        self._close(stage, StageKind.WON, on, at)

    def lose(self, stage: PipelineStage, on: dt.date, at: dt.datetime, reason_id: UUID | None) -> None:
        """Closes the deal as lost; a reason is required."""
        if reason_id is None:
            raise Invalid(errors={"lost_reason": ["This field is required."]})
        self._close(stage, StageKind.LOST, on, at)
        self.lost_reason_id = reason_id

    def _close(self, stage: PipelineStage, kind: StageKind, on: dt.date, at: dt.datetime) -> None:
        if self.stage_kind != StageKind.OPEN:
            raise Conflict("This deal is closed already.")
        if stage.kind != kind or stage.pipeline_id != self.pipeline_id:
            raise Conflict("This stage does not belong to the deal's pipeline.")
        self.last_open_stage_id = self.stage_id
        self.stage_id, self.stage_kind = stage.id, kind
        self.stage_entered_at = self.closed_at = at
        self.close_date = on
        self.forecast_category = ForecastCategory.CLOSED if kind is StageKind.WON else ForecastCategory.OMITTED


class OpportunityLine(TenantModel):
    """A line of a deal: quantity × unit price − discount (percent), net of VAT."""

    __tablename__ = "opportunity_line"
    __table_args__ = tenant_table_args(
        "opportunity_line",
        tenant_fk("opportunity_id", "opportunity", ondelete="CASCADE"),
        tenant_fk("product_id", "product", ondelete="SET NULL"),
        Index("ix_opportunity_line_opportunity", "organization_id", "opportunity_id", "position"),
        Index("ix_opportunity_line_product", "organization_id", "product_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("discount BETWEEN 0 AND 100", name="discount"),
        CheckConstraint("vat_rate BETWEEN 0 AND 100", name="vat_rate"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
    )

    opportunity_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    product_id: Mapped[UUID | None] = mapped_column(Uuid)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    description: Mapped[str] = mapped_column(String(200), nullable=False)
    quantity: Mapped[Decimal] = mapped_column(Numeric(12, 2), nullable=False, default=Decimal(1))
    unit: Mapped[str | None] = mapped_column(String(20))
    unit_price: Mapped[Decimal] = mapped_column(AMOUNT, nullable=False, default=Decimal(0))
    discount: Mapped[Decimal] = mapped_column(Numeric(5, 2), nullable=False, default=Decimal(0))
    vat_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2), nullable=False, default=Decimal(22))
    recurrence: Mapped[str] = mapped_column(String(8), nullable=False, default=Recurrence.ONE_OFF)

    @property
    def label(self) -> str:
        return self.description


class OpportunityStageHistory(TenantModel):
    """A deal entered a stage. ``seconds`` is how long it had been in the one before."""

    __tablename__ = "opportunity_stage_history"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "opportunity_stage_history",
        tenant_fk("opportunity_id", "opportunity", ondelete="CASCADE"),
        tenant_fk("from_stage_id", "pipeline_stage", ondelete="SET NULL"),
        tenant_fk("to_stage_id", "pipeline_stage", ondelete="CASCADE"),
        tenant_fk("by_id", "membership", ondelete="SET NULL"),
        Index("ix_opportunity_stage_history_opportunity", "organization_id", "opportunity_id", "at"),
    )

    opportunity_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    from_stage_id: Mapped[UUID | None] = mapped_column(Uuid)
    to_stage_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    by_id: Mapped[UUID | None] = mapped_column(Uuid)
    at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    seconds: Mapped[int | None] = mapped_column(Integer)


def weighted_sql(model: Any = Opportunity, stage: Any = PipelineStage) -> Any:
    """Amount × probability / 100: the deal's own probability, else its stage's (features.md 15)."""
    return func.coalesce(model.amount, 0) * func.coalesce(model.probability, stage.probability, 0) / 100
