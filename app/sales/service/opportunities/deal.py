"""What every verb of a deal needs: the locked deal, its limits, and telling open boards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.events.sales import OpportunityChanged
from app.kernel import audit, money
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.kernel.ranks import Ranking
from app.kernel.realtime import org_room, push
from app.sales.models.opportunities import Opportunity

if TYPE_CHECKING:
    from app.kernel.actor import Actor

# The cards of a column, in the order that people give them.
CARDS = Ranking(Opportunity, "stage_id")


def lock_opportunity(opportunity_id: UUID) -> Opportunity:
    """The deal, locked for this transaction. Raises NotFound."""
    found = db.session.scalar(select(Opportunity).where(Opportunity.id == opportunity_id).with_for_update())
    if found is None:
        raise NotFound
    return found


def open_for_change(opportunity_id: UUID, *, actor: Actor, version: int | None) -> Opportunity:
    """The deal, locked, for an actor who may write it. Raises Conflict when ``version`` is stale."""
    deal = lock_opportunity(opportunity_id)
    actor.require_on("write", "deal", deal)
    if version is not None and deal.version != version:
        raise Conflict(details=_whereabouts(deal))
    return deal


def _whereabouts(deal: Opportunity) -> dict[str, Any]:
    """What a page needs to show the deal where it is now."""
    return {"version": deal.version, "stage": str(deal.stage_id), "stage_kind": deal.stage_kind}


def check(deal: Opportunity) -> None:
    """Raises Invalid for an amount or a currency that cannot be."""
    errors: dict[str, list[str]] = {}
    if deal.amount is not None and deal.amount < 0:
        errors["amount"] = [_("At least %(value)s.", value=0)]
    if deal.currency not in money.CURRENCIES:
        errors["currency"] = [_("Choose one of the list.")]
    if errors:
        raise Invalid(errors=errors)


def facts(deal: Opportunity) -> dict[str, Any]:
    """What of a deal OpportunityChanged tells of, as it is now."""
    return {name: getattr(deal, name) for name in ("title", "owner_id", "amount", "close_date", "priority")}


def note_changes(deal: Opportunity, before: dict[str, Any]) -> None:
    """Emits OpportunityChanged for what is no longer as ``before`` (its ``facts``)."""
    changes = audit.differences(before, deal)
    if changes:
        emit(OpportunityChanged(subject_id=deal.id, title=deal.title, changes=changes))


def tell(deal: Opportunity, from_stage_id: UUID, place: dict[str, UUID | None] | None = None) -> None:
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
