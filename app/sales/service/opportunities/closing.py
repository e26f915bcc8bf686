"""Deals are won, lost and opened again."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from app.events.sales import OpportunityLost, OpportunityWon
from app.kernel import clock, money
from app.kernel.db import db, every_record
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.sales.models.accounts import Account, Lifecycle
from app.sales.models.opportunities import AmountMode, Opportunity
from app.sales.models.pipelines import StageKind
from app.sales.queries import pipelines
from app.sales.service.opportunities.deal import CARDS, check, facts, note_changes, open_for_change, tell
from app.sales.service.opportunities.stages import enter, note_stage

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def win_opportunity(
    opportunity_id: UUID,
    *,
    actor: Actor,
    won_on: dt.date | None = None,
    amount: Decimal | None = None,
    version: int | None = None,
) -> Opportunity:
    """Closes a deal as won; emits OpportunityWon. The account becomes a customer.

    Raises Conflict when it is closed already or ``version`` is stale.
    """
    deal = open_for_change(opportunity_id, actor=actor, version=version)
    before, old = facts(deal), pipelines.stage_of(deal)
    stage = pipelines.closing_stage(deal.pipeline_id, StageKind.WON)
    now, entered = clock.now(), deal.stage_entered_at
    if amount is not None and deal.amount_mode == AmountMode.MANUAL:
        deal.amount = money.quantize(amount)
        check(deal)
    deal.win(stage, _closing_day(won_on, actor), now)
    deal.rank = CARDS.top(stage.id)
    db.session.flush()
    note_stage(deal, old, stage, now, entered, actor=actor)
    if deal.account_id is not None:
        with every_record():
            account = db.session.scalar(select(Account).where(Account.id == deal.account_id))
        if account is not None and account.lifecycle in {Lifecycle.PROSPECT, Lifecycle.IN_TALKS}:
            account.lifecycle = Lifecycle.CUSTOMER
    note_changes(deal, before)
    emit(
        OpportunityWon(
            subject_id=deal.id,
            title=deal.title,
            owner_id=deal.owner_id,
            account_id=deal.account_id,
            amount=deal.amount or Decimal(0),
            currency=deal.currency,
        )
    )
    tell(deal, old.id)
    return deal


def lose_opportunity(
    opportunity_id: UUID,
    *,
    actor: Actor,
    lost_reason_id: UUID | None,
    competitor: str | None = None,
    note: str | None = None,
    recontact_on: dt.date | None = None,
    lost_on: dt.date | None = None,
    version: int | None = None,
) -> Opportunity:
    """Closes a deal as lost, for a reason of the organization's list; emits OpportunityLost."""
    deal = open_for_change(opportunity_id, actor=actor, version=version)
    if lost_reason_id is None:
        raise Invalid(errors={"lost_reason": [_("Choose a reason.")]})
    with every_record():
        reason = pipelines.get_lost_reason(lost_reason_id)
    if recontact_on is not None and recontact_on < clock.today(actor.timezone):
        raise Invalid(errors={"recontact_on": [_("Choose a day in the future.")]})
    before, old = facts(deal), pipelines.stage_of(deal)
    stage = pipelines.closing_stage(deal.pipeline_id, StageKind.LOST)
    now, entered = clock.now(), deal.stage_entered_at
    deal.lose(stage, _closing_day(lost_on, actor), now, reason.id)
    deal.competitor = " ".join((competitor or "").split())[:120] or None
    deal.lost_note = (note or "").strip()[:5000] or None
    deal.recontact_on = recontact_on
    deal.rank = CARDS.top(stage.id)
    db.session.flush()
    note_stage(deal, old, stage, now, entered, actor=actor)
    note_changes(deal, before)
    emit(
        OpportunityLost(
            subject_id=deal.id,
            title=deal.title,
            owner_id=deal.owner_id,
            amount=deal.amount or Decimal(0),
            currency=deal.currency,
            reason=reason.name,
        )
    )
    tell(deal, old.id)
    return deal


def _closing_day(day: dt.date | None, actor: Actor) -> dt.date:
    today = clock.today(actor.timezone)
    if day is not None and day > today:
        raise Invalid(errors={"close_date": [_("A deal cannot be closed in the future.")]})
    return day or today


def reopen_opportunity(opportunity_id: UUID, *, actor: Actor, version: int | None = None) -> Opportunity:
    """Puts a closed deal back into the open stage it was closed from."""
    deal = open_for_change(opportunity_id, actor=actor, version=version)
    if deal.stage_kind == StageKind.OPEN:
        raise Conflict(_("This deal is open."))
    old = pipelines.stage_of(deal)
    stage = pipelines.stage_to_reopen(deal)
    enter(deal, old, stage, actor=actor)
    deal.rank = CARDS.top(stage.id)
    db.session.flush()
    tell(deal, old.id)
    return deal
