"""Reads about pipelines, stages and reasons.

Where a deal starts, stands and ends follows from the organization's set-up, whether or not who writes
the deal may read pipelines; so those reads are of every record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from app.kernel.db import db, every_record
from app.kernel.errors import NotFound
from app.sales.models.pipelines import LostReason, Pipeline, PipelineStage, StageKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from app.sales.models.opportunities import Opportunity


def list_pipelines() -> Sequence[Pipeline]:
    """The organization's pipelines, in its order."""
    return db.session.scalars(select(Pipeline).order_by(Pipeline.position, Pipeline.id)).all()


def get_pipeline(pipeline_id: UUID) -> Pipeline:
    """A pipeline; NotFound for an unknown one."""
    found = db.session.scalar(select(Pipeline).where(Pipeline.id == pipeline_id))
    if found is None:
        raise NotFound
    return found


def default_pipeline() -> Pipeline:
    """The pipeline that opens first."""
    with every_record():
        found = db.session.scalar(select(Pipeline).order_by(Pipeline.is_default.desc(), Pipeline.position).limit(1))
    if found is None:
        raise NotFound
    return found


def list_stages(pipeline_id: UUID) -> Sequence[PipelineStage]:
    """A pipeline's stages in order, the closing ones last."""
    return db.session.scalars(
        select(PipelineStage).where(PipelineStage.pipeline_id == pipeline_id).order_by(PipelineStage.position)
    ).all()


def get_stage(stage_id: UUID) -> PipelineStage:
    """A stage; NotFound for an unknown one."""
    found = db.session.scalar(select(PipelineStage).where(PipelineStage.id == stage_id))
    if found is None:
        raise NotFound
    return found


def stage_of(deal: Opportunity) -> PipelineStage:
    """The stage that a deal stands in."""
    with every_record():
        return get_stage(deal.stage_id)


def stage_to_reopen(deal: Opportunity) -> PipelineStage:
    """The open stage that a closed deal goes back to: the one that it was closed from, else the first."""
    if deal.last_open_stage_id is None:
        return first_stage(deal.pipeline_id)
    with every_record():
        return get_stage(deal.last_open_stage_id)


def closing_stage(pipeline_id: UUID, kind: StageKind) -> PipelineStage:
    """The won or the lost stage of a pipeline."""
    with every_record():
        found = db.session.scalar(
            select(PipelineStage).where(PipelineStage.pipeline_id == pipeline_id, PipelineStage.kind == kind.value)
        )
    if found is None:
        raise NotFound
    return found


def first_stage(pipeline_id: UUID) -> PipelineStage:
    """Where new deals of a pipeline start."""
    with every_record():
        found = db.session.scalar(
            select(PipelineStage)
            .where(PipelineStage.pipeline_id == pipeline_id, PipelineStage.kind == StageKind.OPEN.value)
            .order_by(PipelineStage.position)
            .limit(1)
        )
    if found is None:
        raise NotFound
    return found


def list_lost_reasons(*, active: bool = False) -> Sequence[LostReason]:
    """The reasons for losing a deal; ``active`` leaves out those switched off."""
    statement = select(LostReason).order_by(LostReason.position, func.lower(LostReason.name))
    if active:
        statement = statement.where(LostReason.active)
    return db.session.scalars(statement).all()


def get_lost_reason(reason_id: UUID) -> LostReason:
    """A reason; NotFound for an unknown one."""
    found = db.session.scalar(select(LostReason).where(LostReason.id == reason_id))
    if found is None:
        raise NotFound
    return found
