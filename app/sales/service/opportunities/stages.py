"""Deals move from stage to stage, and what the history keeps of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from app.events.sales import OpportunityStageChanged
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.sales.models.opportunities import Opportunity, OpportunityStageHistory
from app.sales.models.pipelines import PipelineStage, StageKind
from app.sales.queries import pipelines
from app.sales.service.opportunities.deal import CARDS, open_for_change, tell

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def move_opportunity(
    opportunity_id: UUID,
    *,
    actor: Actor,
    stage_id: UUID,
    before_id: UUID | None = None,
    after_id: UUID | None = None,
    version: int | None = None,
) -> Opportunity:
    """Puts a card into a column, between two others; emits OpportunityStageChanged.

    ``after_id`` is the card above, ``before_id`` the one below; both absent means the top. Raises
    Conflict for a stale ``version`` (somebody moved the card first) and for a closing stage.
    """
    deal = open_for_change(opportunity_id, actor=actor, version=version)
    stage = pipelines.get_stage(stage_id)
    if stage.kind != StageKind.OPEN:
        raise Conflict(_("Use “Won” or “Lost” to close a deal."))
    old = pipelines.stage_of(deal)
    deal.rank = CARDS.between(deal.id, after_id, before_id, stage.id)
    if old.id != stage.id:
        if stage.pipeline_id != deal.pipeline_id:
            raise Conflict(_("This stage belongs to another pipeline."))
        enter(deal, old, stage, actor=actor)
    db.session.flush()
    tell(deal, old.id, place={"after": after_id, "before": before_id})
    return deal


def enter(deal: Opportunity, old: PipelineStage, stage: PipelineStage, *, actor: Actor) -> None:
    """Puts the deal into an open stage; emits OpportunityStageChanged."""
    now = clock.now()
    entered = deal.stage_entered_at
    deal.enter(stage, now)
    db.session.flush()
    note_stage(deal, old, stage, now, entered, actor=actor)
    emit(
        OpportunityStageChanged(
            subject_id=deal.id,
            title=deal.title,
            owner_id=deal.owner_id,
            from_stage=old.name,
            to_stage=stage.name,
            from_stage_id=old.id,
            to_stage_id=stage.id,
        )
    )


def note_stage(
    deal: Opportunity,
    old: PipelineStage | None,
    new: PipelineStage,
    at: dt.datetime,
    entered: dt.datetime | None,
    *,
    actor: Actor,
) -> None:
    """Writes the step into the deal's history."""
    db.session.add(
        OpportunityStageHistory(
            opportunity_id=deal.id,
            from_stage_id=old.id if old else None,
            to_stage_id=new.id,
            by_id=actor.member_id,
            at=at,
            seconds=int((at - entered).total_seconds()) if entered else None,
        )
    )
