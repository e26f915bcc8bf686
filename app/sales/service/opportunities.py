"""Deals: create, change, move on the board, win, lose, reopen; their lines."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fractional_indexing import generate_key_between, generate_n_keys_between
from sqlalchemy import bindparam, delete, func, select

from app.events.sales import (
    OpportunityAssigned,
    OpportunityCreated,
    OpportunityLost,
    OpportunityStageChanged,
    OpportunityWon,
)
from app.kernel import clock, money
from app.kernel.db import advisory_lock, db, every_record
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.kernel.realtime import org_room, push
from app.sales.models import (
    Account,
    AmountMode,
    Lifecycle,
    Opportunity,
    OpportunityLine,
    OpportunityStageHistory,
    PipelineStage,
    Product,
    Recurrence,
    StageKind,
)
from app.sales.queries import pipelines

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_LINES = 200
MAX_QUANTITY = 10_000_000_000
# The column holds 80; a column whose keys have grown this long is numbered afresh.
MAX_RANK = 60


def lock_opportunity(opportunity_id: UUID) -> Opportunity:
    """The deal, locked for this transaction. Raises NotFound."""
    found = db.session.scalar(select(Opportunity).where(Opportunity.id == opportunity_id).with_for_update())
    if found is None:
        raise NotFound
    return found


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
    _check(deal)
    deal.rank = _top_rank(stage.id)
    db.session.add(deal)
    db.session.flush()
    _note_stage(deal, None, stage, actor, now, None)
    emit(OpportunityCreated(subject_id=deal.id, title=deal.title, owner_id=deal.owner_id))
    if deal.owner_id is not None and deal.owner_id != actor.member_id:
        emit(OpportunityAssigned(subject_id=deal.id, title=deal.title, owner_id=deal.owner_id, previous_owner_id=None))
    return deal


def update_opportunity(deal: Opportunity, *, actor: Actor, **values: Any) -> Opportunity:
    """Changes a deal; emits OpportunityAssigned when the owner changes.

    A new stage moves the deal by the same rules as the board. A won one wins it, a lost one loses it,
    which needs ``lost_reason_id``, on the day of a ``close_date`` that is new, else today.
    """
    stage_id, pipeline_id = values.pop("stage_id", None), values.pop("pipeline_id", None)
    reason_id, previous_reason = values.pop("lost_reason_id", None), deal.lost_reason_id
    closed_on = values.get("close_date") if values.get("close_date") != deal.close_date else None
    previous_owner = deal.owner_id
    if "amount" in values and deal.amount_mode == AmountMode.LINES and values["amount"] != deal.amount:
        raise Invalid(errors={"amount": [_("The amount is the sum of the lines.")]})
    for name, value in values.items():
        if value is None and name in {"currency", "forecast_category"}:
            continue
        setattr(deal, name, value)
    _check(deal)
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
        _enter(deal, old, target or first, actor)
        deal.rank = _top_rank(deal.stage_id)
    elif target is not None:
        if target.kind == StageKind.WON:
            win_opportunity(deal.id, actor=actor, won_on=closed_on)
        elif target.kind == StageKind.LOST:
            lose_opportunity(deal.id, actor=actor, lost_reason_id=reason_id, lost_on=closed_on)
        else:
            _enter(deal, pipelines.stage_of(deal), target, actor)
            deal.rank = _top_rank(target.id)
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


def _check(deal: Opportunity) -> None:
    errors: dict[str, list[str]] = {}
    if deal.amount is not None and deal.amount < 0:
        errors["amount"] = [_("At least %(value)s.", value=0)]
    if deal.currency not in money.CURRENCIES:
        errors["currency"] = [_("Choose one of the list.")]
    if errors:
        raise Invalid(errors=errors)


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
    deal = lock_opportunity(opportunity_id)
    actor.require_on("write", "deal", deal)
    if version is not None and deal.version != version:
        raise Conflict(details=_whereabouts(deal))
    stage = pipelines.get_stage(stage_id)
    if stage.kind != StageKind.OPEN:
        raise Conflict(_("Use “Won” or “Lost” to close a deal."))
    advisory_lock(f"stage:{stage.id}")
    old = pipelines.stage_of(deal)
    deal.rank = _rank_between(stage.id, deal.id, after_id, before_id)
    if old.id != stage.id:
        if stage.pipeline_id != deal.pipeline_id:
            raise Conflict(_("This stage belongs to another pipeline."))
        _enter(deal, old, stage, actor)
    db.session.flush()
    _tell(deal, old.id, place={"after": after_id, "before": before_id})
    return deal


def _enter(deal: Opportunity, old: PipelineStage, stage: PipelineStage, actor: Actor) -> None:
    now = clock.now()
    entered = deal.stage_entered_at
    deal.enter(stage, now)
    db.session.flush()
    _note_stage(deal, old, stage, actor, now, entered)
    emit(
        OpportunityStageChanged(
            subject_id=deal.id,
            title=deal.title,
            owner_id=deal.owner_id,
            from_stage=old.name,
            to_stage=stage.name,
        )
    )


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
    deal = lock_opportunity(opportunity_id)
    actor.require_on("write", "deal", deal)
    if version is not None and deal.version != version:
        raise Conflict(details=_whereabouts(deal))
    old = pipelines.stage_of(deal)
    stage = pipelines.closing_stage(deal.pipeline_id, StageKind.WON)
    now, entered = clock.now(), deal.stage_entered_at
    if amount is not None and deal.amount_mode == AmountMode.MANUAL:
        deal.amount = money.quantize(amount)
        _check(deal)
    deal.win(stage, _closing_day(won_on, actor), now)
    deal.rank = _top_rank(stage.id)
    db.session.flush()
    _note_stage(deal, old, stage, actor, now, entered)
    if deal.account_id is not None:
        with every_record():
            account = db.session.scalar(select(Account).where(Account.id == deal.account_id))
        if account is not None and account.lifecycle in {Lifecycle.PROSPECT, Lifecycle.IN_TALKS}:
            account.lifecycle = Lifecycle.CUSTOMER
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
    _tell(deal, old.id)
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
    deal = lock_opportunity(opportunity_id)
    actor.require_on("write", "deal", deal)
    if version is not None and deal.version != version:
        raise Conflict(details=_whereabouts(deal))
    if lost_reason_id is None:
        raise Invalid(errors={"lost_reason": [_("Choose a reason.")]})
    with every_record():
        reason = pipelines.get_lost_reason(lost_reason_id)
    if recontact_on is not None and recontact_on < clock.today(actor.timezone):
        raise Invalid(errors={"recontact_on": [_("Choose a day in the future.")]})
    old = pipelines.stage_of(deal)
    stage = pipelines.closing_stage(deal.pipeline_id, StageKind.LOST)
    now, entered = clock.now(), deal.stage_entered_at
    deal.lose(stage, _closing_day(lost_on, actor), now, reason.id)
    deal.competitor = " ".join((competitor or "").split())[:120] or None
    deal.lost_note = (note or "").strip()[:5000] or None
    deal.recontact_on = recontact_on
    deal.rank = _top_rank(stage.id)
    db.session.flush()
    _note_stage(deal, old, stage, actor, now, entered)
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
    _tell(deal, old.id)
    return deal


def _closing_day(day: dt.date | None, actor: Actor) -> dt.date:
    today = clock.today(actor.timezone)
    if day is not None and day > today:
        raise Invalid(errors={"close_date": [_("A deal cannot be closed in the future.")]})
    return day or today


def reopen_opportunity(opportunity_id: UUID, *, actor: Actor, version: int | None = None) -> Opportunity:
    """Puts a closed deal back into the open stage it was closed from."""
    deal = lock_opportunity(opportunity_id)
    actor.require_on("write", "deal", deal)
    if version is not None and deal.version != version:
        raise Conflict(details=_whereabouts(deal))
    if deal.stage_kind == StageKind.OPEN:
        raise Conflict(_("This deal is open."))
    old = pipelines.stage_of(deal)
    stage = pipelines.stage_to_reopen(deal)
    _enter(deal, old, stage, actor)
    deal.rank = _top_rank(stage.id)
    db.session.flush()
    _tell(deal, old.id)
    return deal


def delete_opportunity(deal: Opportunity, *, actor: Actor) -> None:
    """Deletes a deal with its lines, history and activities."""
    actor.require_on("write", "deal", deal)
    db.session.delete(deal)
    db.session.flush()
    _tell(deal, deal.stage_id)


# ── order in a column ────────────────────────────────────────────────────────────────────────────


def _top_rank(stage_id: UUID) -> str:
    # Two cards that come to the top at the same moment: the second sees the first.
    advisory_lock(f"stage:{stage_id}")
    with every_record():
        first = db.session.scalar(select(func.min(Opportunity.rank)).where(Opportunity.stage_id == stage_id))
    return str(generate_key_between(None, first))


def _rank_between(stage_id: UUID, deal_id: UUID, after_id: UUID | None, before_id: UUID | None) -> str:
    """A rank between two cards; cards that have left the column meanwhile do not count."""
    if after_id is None and before_id is None:
        return _top_rank(stage_id)
    with every_record():
        wanted = [one for one in (after_id, before_id) if one is not None]
        ranks = {
            row.id: row.rank
            for row in db.session.execute(
                select(Opportunity.id, Opportunity.rank).where(
                    Opportunity.id.in_(wanted), Opportunity.stage_id == stage_id
                )
            )
        }
        above, below = ranks.get(after_id), ranks.get(before_id)  # type: ignore[arg-type]
        others = Opportunity.stage_id == stage_id, Opportunity.id != deal_id
        if above is not None:
            # The card below may have changed since the page was drawn: take the real neighbour.
            below = db.session.scalar(select(func.min(Opportunity.rank)).where(*others, Opportunity.rank > above))
        elif below is not None:
            above = db.session.scalar(select(func.max(Opportunity.rank)).where(*others, Opportunity.rank < below))
        else:
            return _top_rank(stage_id)
    rank = str(generate_key_between(above, below))
    if len(rank) > MAX_RANK:
        _respread(stage_id, deal_id)
        return _rank_between(stage_id, deal_id, after_id, before_id)
    return rank


def _respread(stage_id: UUID, deal_id: UUID) -> None:
    """Gives a column short ranks again, in the same order. Keys between the same two cards grow.

    Not a change of the deals by a person: no new version, nothing in the audit log.
    """
    with every_record():
        ids = db.session.scalars(
            select(Opportunity.id)
            .where(Opportunity.stage_id == stage_id, Opportunity.id != deal_id)
            .order_by(Opportunity.rank, Opportunity.id)
        ).all()
    table = Opportunity.__table__
    db.session.execute(
        table.update().where(table.c.id == bindparam("card")).values(rank=bindparam("new")),
        [
            {"card": card, "new": rank}
            for card, rank in zip(ids, generate_n_keys_between(None, None, len(ids)), strict=True)
        ],
    )


def spread_ranks(count: int, stage_id: UUID) -> list[str]:
    """``count`` ranks below everything in the column, for imports."""
    with every_record():
        last = db.session.scalar(select(func.max(Opportunity.rank)).where(Opportunity.stage_id == stage_id))
    return [str(one) for one in generate_n_keys_between(last, None, count)]


def _note_stage(
    deal: Opportunity,
    old: PipelineStage | None,
    new: PipelineStage,
    actor: Actor,
    at: dt.datetime,
    entered: dt.datetime | None,
) -> None:
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


def _tell(deal: Opportunity, from_stage_id: UUID, place: dict[str, UUID | None] | None = None) -> None:
    """Tells open boards: which card, from which column to which, and between which two cards it was put.

    Nothing that needs a permission.
    """
    push(
        org_room(deal.organization_id, "deal"),
        "opportunity:changed",
        {
            "id": str(deal.id),
            "version": deal.version,
            "change": "moved" if place else "changed",
            "pipeline": str(deal.pipeline_id),
            "from": str(from_stage_id),
            "to": str(deal.stage_id),
            **{key: str(one) if one else None for key, one in (place or {}).items()},
        },
    )


def _whereabouts(deal: Opportunity) -> dict[str, Any]:
    return {"version": deal.version, "stage": str(deal.stage_id), "stage_kind": deal.stage_kind}


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


def line_total(line: OpportunityLine) -> Decimal:
    """Quantity × unit price − discount, rounded half up to cents."""
    return money.quantize(line.quantity * line.unit_price * (100 - line.discount) / 100)


def set_lines(
    opportunity_id: UUID, lines: list[dict[str, Any]], *, actor: Actor, version: int | None = None
) -> Opportunity:
    """Replaces a deal's lines; the amount becomes their sum, net of VAT.

    Recurring lines count once: their yearly value is shown apart. Without lines the amount is
    manual again. Raises Invalid with the line's number.
    """
    deal = lock_opportunity(opportunity_id)
    actor.require_on("write", "deal", deal)
    if version is not None and deal.version != version:
        raise Conflict(details=_whereabouts(deal))
    if len(lines) > MAX_LINES:
        raise Invalid(errors={"lines": [_("At most %(count)s lines.", count=MAX_LINES)]})
    products = {
        one.id: one
        for one in db.session.scalars(
            select(Product).where(Product.id.in_([line["product_id"] for line in lines if line.get("product_id")]))
        )
    }
    made: list[OpportunityLine] = []
    for number, values in enumerate(lines, 1):
        product = products.get(values.get("product_id"))
        if values.get("product_id") and product is None:
            raise Invalid(errors={"lines": [_("Line %(number)s: unknown product.", number=number)]})
        try:
            line = OpportunityLine(
                opportunity_id=deal.id,
                product_id=product.id if product else None,
                position=number,
                description=" ".join(str(values.get("description") or (product.name if product else "")).split())[:200],
                quantity=_decimal(values.get("quantity"), Decimal(1)),
                unit=(values.get("unit") or (product.unit if product else None) or None),
                unit_price=_decimal(values.get("unit_price"), product.price if product else Decimal(0)),
                discount=_decimal(values.get("discount"), Decimal(0)),
                vat_rate=_decimal(values.get("vat_rate"), product.vat_rate if product else Decimal(22)),
                recurrence=product.recurrence if product else Recurrence.ONE_OFF,
            )
        except ValueError:
            raise Invalid(
                errors={"lines": [_("Line %(number)s: one of the values is not a number.", number=number)]}
            ) from None
        if (
            not line.description
            or not 0 < line.quantity < MAX_QUANTITY
            or line.unit_price < 0
            or not (0 <= line.discount <= 100 and 0 <= line.vat_rate <= 100)
        ):
            raise Invalid(
                errors={
                    "lines": [_("Line %(number)s: check description, quantity, price and discount.", number=number)]
                }
            )
        made.append(line)
    db.session.execute(delete(OpportunityLine).where(OpportunityLine.opportunity_id == deal.id))
    db.session.add_all(made)
    if made:
        total = sum((line_total(line) for line in made), Decimal(0))
        if total > money.MAX_AMOUNT:
            raise Invalid(errors={"lines": [_("This number is too large.")]})
        deal.amount, deal.amount_mode = total, AmountMode.LINES
    else:
        deal.amount_mode = AmountMode.MANUAL
    # The lines are part of the deal: whoever edits them counts as editing it, for the version too.
    deal.updated_at = clock.now()
    db.session.flush()
    _tell(deal, deal.stage_id)
    return deal


def _decimal(value: Any, default: Decimal) -> Decimal:
    if value is None or value == "":
        return default
    return money.parse_amount(value if isinstance(value, int | Decimal) else str(value))
