"""Pipelines, their stages, and the reasons for losing."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args


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
