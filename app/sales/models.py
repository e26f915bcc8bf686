"""Accounts, contacts, leads, products, pipelines, opportunities, activities, imports."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import StringArray, TenantModel, ref, tenant_fk, tenant_table_args, utc
from app.kernel.errors import Conflict, Invalid

AMOUNT = Numeric(14, 2)


def _tags() -> Any:
    return mapped_column(StringArray(40), nullable=False, default=list, server_default=text("'{}'"))


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
    tags: Mapped[list[str]] = _tags()
    notes: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)


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
    tags: Mapped[list[str]] = _tags()
    notes: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)


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
    tags: Mapped[list[str]] = _tags()
    notes: Mapped[str | None] = mapped_column(Text)
    converted_at: Mapped[dt.datetime | None] = utc()
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    contact_id: Mapped[UUID | None] = mapped_column(Uuid)
    opportunity_id: Mapped[UUID | None] = mapped_column(Uuid)
    import_id: Mapped[UUID | None] = mapped_column(Uuid)


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


class StageKind(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Pipeline(TenantModel):
    """A sequence of stages that deals pass through."""

    __tablename__ = "pipeline"
    __resource__ = "pipeline"
    __table_args__ = tenant_table_args(
        "pipeline", Index("uq_pipeline_name", "organization_id", text("lower(name)"), unique=True)
    )

    name: Mapped[str] = mapped_column(String(80), nullable=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    is_default: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False)


class PipelineStage(TenantModel):
    """A stage. Exactly one won and one lost stage close each pipeline."""

    __tablename__ = "pipeline_stage"
    __resource__ = "pipeline"
    __table_args__ = tenant_table_args(
        "pipeline_stage",
        tenant_fk("pipeline_id", "pipeline", ondelete="CASCADE"),
        # Deals point to a stage together with its pipeline, so the two cannot disagree.
        UniqueConstraint("organization_id", "pipeline_id", "id", name="uq_pipeline_stage_organization_id_pipeline_id"),
        Index("ix_pipeline_stage_pipeline", "organization_id", "pipeline_id", "position"),
        Index("uq_pipeline_stage_name", "organization_id", "pipeline_id", text("lower(name)"), unique=True),
        Index(
            "uq_pipeline_stage_closing",
            "organization_id",
            "pipeline_id",
            "kind",
            unique=True,
            postgresql_where=text("kind <> 'open'"),
        ),
        CheckConstraint("probability BETWEEN 0 AND 100", name="probability"),
        CheckConstraint("rot_days IS NULL OR rot_days > 0", name="rot_days"),
        CheckConstraint("kind IN ('open', 'won', 'lost')", name="kind"),
    )

    pipeline_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    name: Mapped[str] = mapped_column(String(60), nullable=False)
    kind: Mapped[str] = mapped_column(String(4), nullable=False, default=StageKind.OPEN)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    probability: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    rot_days: Mapped[int | None] = mapped_column(Integer)
    color: Mapped[int] = mapped_column(Integer, nullable=False, default=1)


class LostReason(TenantModel):
    """Why deals are lost; a list that the organization keeps."""

    __tablename__ = "lost_reason"
    __resource__ = "pipeline"
    __table_args__ = tenant_table_args(
        "lost_reason", Index("uq_lost_reason_name", "organization_id", text("lower(name)"), unique=True)
    )

    name: Mapped[str] = mapped_column(String(80), nullable=False)
    active: Mapped[bool] = mapped_column(Boolean, nullable=False, default=True)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)


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
    tags: Mapped[list[str]] = _tags()
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


# ── imports ──────────────────────────────────────────────────────────────────────────────────────


class ImportStatus(StrEnum):
    UPLOADED = "uploaded"
    CHECKED = "checked"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class ImportJob(TenantModel):
    """An import of a file: how it is read, mapped and matched, and how far it is."""

    __tablename__ = "import_job"
    __table_args__ = tenant_table_args(
        "import_job",
        tenant_fk("owner_id", "membership"),
        Index("ix_import_job_created", "organization_id", "created_at"),
    )

    entity: Mapped[str] = mapped_column(String(32), nullable=False)
    filename: Mapped[str] = mapped_column(String(200), nullable=False)
    storage_key: Mapped[str] = mapped_column(String(200), nullable=False)
    file_hash: Mapped[str] = mapped_column(String(64), nullable=False)
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    matches: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    check: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)
    status: Mapped[str] = mapped_column(String(12), nullable=False, default=ImportStatus.UPLOADED)
    total: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    created_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    updated_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    same_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    failed_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    kept_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    message: Mapped[str | None] = mapped_column(String(500))
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    finished_at: Mapped[dt.datetime | None] = utc()

    @property
    def label(self) -> str:
        return self.filename

    def column_of(self, key: str) -> str:
        """The file's column that fills the field ``key``; empty when none does."""
        return next((column for column, one in self.mapping.items() if one == key), "")


class ImportRow(TenantModel):
    """What became of a line: the record made or changed (its values before, its version after), or the errors.

    ``raw`` is what the file said: the whole line of a failed one, a name that is looked up later.
    """

    __tablename__ = "import_row"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "import_row",
        tenant_fk("import_id", "import_job", ondelete="CASCADE"),
        Index("ix_import_row_import", "organization_id", "import_id", "outcome", "line"),
    )

    import_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    line: Mapped[int] = mapped_column(Integer, nullable=False)
    outcome: Mapped[str] = mapped_column(String(8), nullable=False)
    kind: Mapped[str | None] = mapped_column(String(32))
    record_id: Mapped[UUID | None] = mapped_column(Uuid)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    record_version: Mapped[int | None] = mapped_column(Integer)
    errors: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB)
    raw: Mapped[dict[str, str] | None] = mapped_column(JSONB)


class ImportMapping(TenantModel):
    """How columns of an earlier file of this entity were mapped, remembered by their names."""

    __tablename__ = "import_mapping"
    __audited__ = False
    __table_args__ = tenant_table_args("import_mapping", UniqueConstraint("organization_id", "entity", "signature"))

    entity: Mapped[str] = mapped_column(String(32), nullable=False)
    signature: Mapped[str] = mapped_column(String(64), nullable=False)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    matches: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict)


def weighted_sql(model: Any = Opportunity, stage: Any = PipelineStage) -> Any:
    """Amount × probability / 100: the deal's own probability, else its stage's (features.md 15)."""
    return func.coalesce(model.amount, 0) * func.coalesce(model.probability, stage.probability, 0) / 100
