"""Deals are created, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.events.sales import OpportunityAssigned, OpportunityCreated
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.sales.models.opportunities import AmountMode, Opportunity
from app.sales.models.pipelines import StageKind
from app.sales.queries import pipelines
from app.sales.service.opportunities.closing import lose_opportunity, win_opportunity
from app.sales.service.opportunities.deal import CARDS, check, facts, note_changes, tell
from app.sales.service.opportunities.stages import enter, note_stage

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def create_opportunity(*, actor: Actor, **values: Any) -> Opportunity:
    """Creates a deal at the top of its stage; emits OpportunityCreated.

    Without a pipeline the default one applies, without a stage its first. A closing stage is
    refused: deals are won and lost by their verbs. Raises Invalid.
    """
    stage_id, pipeline_id = values.pop("stage_id", None), values.pop("pipeline_id", None)
    values.pop("stage_kind", None)
    if values.get("lost_reason_id") is not None:
        raise Invalid(errors={"lost_reason": [_("Only a lost deal has a reason.")]})
    if stage_id is not None:
        stage = pipelines.get_stage(stage_id)
        if pipeline_id is not None and stage.pipeline_id != pipeline_id:
            raise Invalid(errors={"stage": [_("This stage belongs to another pipeline.")]})
    else:
        pipeline = pipelines.get_pipeline(pipeline_id) if pipeline_id else pipelines.default_pipeline()
        stage = pipelines.first_stage(pipeline.id)
    if stage.kind != StageKind.OPEN:
        raise Invalid(errors={"stage": [_("A new deal starts in an open stage.")]})
    now = clock.now()
    deal = Opportunity(
        **{"currency": actor.currency, **{key: value for key, value in values.items() if value is not None}}
    )
    deal.pipeline_id, deal.stage_id, deal.stage_kind = stage.pipeline_id, stage.id, StageKind.OPEN
    deal.stage_entered_at = now
    deal.opened_on = deal.opened_on or clock.today(actor.timezone)
    actor.require_on("write", "deal", deal)
    check(deal)
    deal.rank = CARDS.top(stage.id)
    db.session.add(deal)
    db.session.flush()
    note_stage(deal, None, stage, now, None, actor=actor)
    emit(OpportunityCreated(subject_id=deal.id, title=deal.title, owner_id=deal.owner_id))
    if deal.owner_id is not None and deal.owner_id != actor.member_id:
        emit(OpportunityAssigned(subject_id=deal.id, title=deal.title, owner_id=deal.owner_id, previous_owner_id=None))
    return deal


def update_opportunity(deal: Opportunity, *, actor: Actor, **values: Any) -> Opportunity:
    """Changes a deal; emits OpportunityChanged, and OpportunityAssigned when the owner changes.

    A new stage moves the deal by the same rules as the board. A won one wins it, a lost one loses it,
    which needs ``lost_reason_id``, on the day of a ``close_date`` that is new, else today.
    """
    stage_id, pipeline_id = values.pop("stage_id", None), values.pop("pipeline_id", None)
    reason_id, previous_reason = values.pop("lost_reason_id", None), deal.lost_reason_id
    closed_on = values.get("close_date") if values.get("close_date") != deal.close_date else None
    before, previous_owner = facts(deal), deal.owner_id
    if "amount" in values and deal.amount_mode == AmountMode.LINES and values["amount"] != deal.amount:
        raise Invalid(errors={"amount": [_("The amount is the sum of the lines.")]})
    for name, value in values.items():
        if value is None and name in {"currency", "forecast_category"}:
            continue
        setattr(deal, name, value)
    check(deal)
    note_changes(deal, before)
    pipeline_id = pipeline_id or deal.pipeline_id
    target = None
    if stage_id is not None and stage_id != deal.stage_id:
        target = pipelines.get_stage(stage_id)
        if target.pipeline_id != pipeline_id:
            raise Invalid(errors={"stage": [_("This stage belongs to another pipeline.")]})
    if pipeline_id != deal.pipeline_id:
        if deal.stage_kind != StageKind.OPEN:
            raise Conflict(_("Reopen the deal before you move it to another pipeline."))
        if target is not None and target.kind != StageKind.OPEN:
            raise Conflict(_("Move the deal to the other pipeline first, then close it."))
        old, first = pipelines.stage_of(deal), pipelines.first_stage(pipelines.get_pipeline(pipeline_id).id)
        deal.pipeline_id = pipeline_id
        enter(deal, old, target or first, actor=actor)
        deal.rank = CARDS.top(deal.stage_id)
    elif target is not None:
        if target.kind == StageKind.WON:
            win_opportunity(deal.id, actor=actor, won_on=closed_on)
        elif target.kind == StageKind.LOST:
            lose_opportunity(deal.id, actor=actor, lost_reason_id=reason_id, lost_on=closed_on)
        else:
            enter(deal, pipelines.stage_of(deal), target, actor=actor)
            deal.rank = CARDS.top(target.id)
    if reason_id is not None and reason_id not in {previous_reason, deal.lost_reason_id}:
        # Of a deal that is lost already, the reason is put right.
        if deal.stage_kind != StageKind.LOST:
            raise Invalid(errors={"lost_reason": [_("Only a lost deal has a reason.")]})
        deal.lost_reason_id = pipelines.get_lost_reason(reason_id).id
    if deal.owner_id != previous_owner:
        emit(
            OpportunityAssigned(
                subject_id=deal.id,
                title=deal.title,
                owner_id=deal.owner_id,
                previous_owner_id=previous_owner,
            )
        )
    return deal


def delete_opportunity(deal: Opportunity, *, actor: Actor) -> None:
    """Deletes a deal with its lines, history and activities."""
    actor.require_on("write", "deal", deal)
    db.session.delete(deal)
    db.session.flush()
    tell(deal, deal.stage_id)
