"""Pipelines, their stages, and the reasons for which deals are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.db import advisory_lock, db
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import LostReason, Pipeline, PipelineStage, StageKind
from app.sales.queries import pipelines as queries

if TYPE_CHECKING:
    from app.kernel.actor import Actor

# What a new organization starts with; names are data, so they are in the organization's language.
DEFAULT_STAGES = (
    ("Qualifica", StageKind.OPEN, 20, 21, 5),
    ("Analisi bisogni", StageKind.OPEN, 40, 21, 2),
    ("Proposta", StageKind.OPEN, 60, 14, 1),
    ("Negoziazione", StageKind.OPEN, 80, 14, 4),
    ("Vinta", StageKind.WON, 100, None, 3),
    ("Persa", StageKind.LOST, 0, None, 6),
)
DEFAULT_REASONS = ("Prezzo", "Nessuna decisione", "Scelto concorrente", "Tempi di consegna", "Altro")
MAX_STAGES = 12
MAX_PIPELINES = 20


def seed(organization: Any) -> None:
    """Gives a new organization its first pipeline and reasons. Platform scope."""
    pipeline = Pipeline(organization_id=organization.id, name="Vendite", is_default=True)
    db.session.add(pipeline)
    db.session.flush()
    for position, (name, kind, probability, rot_days, color) in enumerate(DEFAULT_STAGES):
        db.session.add(
            PipelineStage(
                organization_id=organization.id,
                pipeline_id=pipeline.id,
                name=name,
                kind=kind,
                position=position,
                probability=probability,
                rot_days=rot_days,
                color=color,
            )
        )
    for position, name in enumerate(DEFAULT_REASONS):
        db.session.add(LostReason(organization_id=organization.id, name=name, position=position))


def create_pipeline(name: str, *, actor: Actor) -> Pipeline:
    """Creates a pipeline with one open stage and the two closing ones."""
    actor.require("manage", "pipeline")
    name = _name(name, 80)
    if len(queries.list_pipelines()) >= MAX_PIPELINES:
        raise Conflict(_("An organization has at most %(count)s pipelines.", count=MAX_PIPELINES))
    position = (db.session.scalar(select(func.max(Pipeline.position))) or 0) + 1
    pipeline = Pipeline(name=name, position=position, is_default=not queries.list_pipelines())
    db.session.add(pipeline)
    db.session.flush()
    for index, (stage, kind, probability, color) in enumerate(
        (
            (_("New"), StageKind.OPEN, 20, 5),
            (_("Won"), StageKind.WON, 100, 3),
            (_("Lost"), StageKind.LOST, 0, 6),
        )
    ):
        db.session.add(
            PipelineStage(
                pipeline_id=pipeline.id,
                name=stage,
                kind=kind,
                position=index,
                probability=probability,
                color=color,
            )
        )
    db.session.flush()
    return pipeline


def update_pipeline(pipeline_id: UUID, *, actor: Actor, name: str, is_default: bool | None = None) -> Pipeline:
    """Renames a pipeline, or makes it the one that opens first."""
    actor.require("manage", "pipeline")
    pipeline = queries.get_pipeline(pipeline_id)
    pipeline.name = _name(name, 80)
    if is_default:
        for other in queries.list_pipelines():
            other.is_default = other.id == pipeline.id
    return pipeline


def delete_pipeline(pipeline_id: UUID, *, actor: Actor) -> None:
    """Deletes a pipeline without deals. Raises Conflict for one in use, and for the last one."""
    actor.require("manage", "pipeline")
    pipeline = queries.get_pipeline(pipeline_id)
    if len(queries.list_pipelines()) == 1:
        raise Conflict(_("The last pipeline cannot be deleted."))
    if _deals(Opportunity.pipeline_id == pipeline_id):
        raise Conflict(_("Move or delete the deals of this pipeline first."))
    db.session.delete(pipeline)
    db.session.flush()
    remaining = queries.list_pipelines()
    if remaining and not any(one.is_default for one in remaining):
        remaining[0].is_default = True


def save_stage(
    pipeline_id: UUID,
    stage_id: UUID | None,
    *,
    actor: Actor,
    name: str,
    probability: int,
    rot_days: int | None = None,
    color: int = 1,
) -> PipelineStage:
    """Creates an open stage before the closing ones, or changes any stage."""
    actor.require("manage", "pipeline")
    advisory_lock(f"pipeline:{pipeline_id}")
    pipeline = queries.get_pipeline(pipeline_id)
    stages = queries.list_stages(pipeline.id)
    errors: dict[str, list[str]] = {}
    if not 0 <= probability <= 100:
        errors["probability"] = [_("Write a number from 0 to 100.")]
    if rot_days is not None and not 1 <= rot_days <= 3650:
        errors["rot_days"] = [_("Write a number of days.")]
    if errors:
        raise Invalid(errors=errors)
    if stage_id is None:
        if len(stages) >= MAX_STAGES:
            raise Conflict(_("A pipeline has at most %(count)s stages.", count=MAX_STAGES))
        stage = PipelineStage(pipeline_id=pipeline.id, kind=StageKind.OPEN, position=len(stages))
        db.session.add(stage)
    else:
        stage = queries.get_stage(stage_id)
        if stage.pipeline_id != pipeline.id:
            raise Conflict(_("This stage belongs to another pipeline."))
    stage.name = _name(name, 60)
    if stage.kind == StageKind.OPEN:
        stage.probability, stage.rot_days = probability, rot_days
    stage.color = color if 1 <= color <= 6 else 1
    db.session.flush()
    _renumber(pipeline.id)
    return stage


def order_stages(pipeline_id: UUID, order: list[UUID], *, actor: Actor) -> None:
    """Puts the open stages in this order; the closing ones stay last. Raises NotFound."""
    actor.require("manage", "pipeline")
    queries.get_pipeline(pipeline_id)
    advisory_lock(f"pipeline:{pipeline_id}")
    stages = {stage.id: stage for stage in queries.list_stages(pipeline_id)}
    for position, stage_id in enumerate(one for one in order if one in stages):
        stages[stage_id].position = position
    db.session.flush()
    _renumber(pipeline_id)


def delete_stage(stage_id: UUID, *, actor: Actor) -> None:
    """Deletes an open stage without deals. Raises Conflict otherwise."""
    actor.require("manage", "pipeline")
    stage = queries.get_stage(stage_id)
    if stage.kind != StageKind.OPEN:
        raise Conflict(_("A pipeline needs its won and lost stages."))
    if sum(1 for one in queries.list_stages(stage.pipeline_id) if one.kind == StageKind.OPEN) == 1:
        raise Conflict(_("A pipeline needs at least one open stage."))
    if _deals(Opportunity.stage_id == stage_id):
        raise Conflict(_("Move the deals of this stage first."))
    db.session.delete(stage)
    db.session.flush()
    _renumber(stage.pipeline_id)


def save_lost_reason(reason_id: UUID | None, *, actor: Actor, name: str, active: bool = True) -> LostReason:
    """Creates or changes a reason. One in use can be switched off, not deleted."""
    actor.require("manage", "pipeline")
    if reason_id is None:
        position = (db.session.scalar(select(func.max(LostReason.position))) or 0) + 1
        reason = LostReason(position=position)
        db.session.add(reason)
    else:
        reason = queries.get_lost_reason(reason_id)
    reason.name, reason.active = _name(name, 80), active
    db.session.flush()
    return reason


def _renumber(pipeline_id: UUID) -> None:
    kinds = [StageKind.OPEN, StageKind.WON, StageKind.LOST]
    stages = sorted(queries.list_stages(pipeline_id), key=lambda one: (kinds.index(StageKind(one.kind)), one.position))
    for position, stage in enumerate(stages):
        stage.position = position
    db.session.flush()


def _deals(criterion: Any) -> bool:
    return bool(db.session.scalar(select(func.count()).select_from(Opportunity).where(criterion)))


def _name(text: str, length: int) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= length:
        raise Invalid(errors={"name": [_("This field is required.")]})
    return name
