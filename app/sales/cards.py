"""What sales puts on the home page."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from app.kernel import clock
from app.kernel.db import db
from app.sales.models.activities import ActivityLog
from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import PipelineStage
from app.sales.queries.board import rotting_sql
from app.sales.queries.overview import default_period, get_overview

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def figures(actor: Actor) -> dict[str, Any] | None:
    """Weighted pipeline, won in the quarter, win rate, average deal."""
    if not actor.can("read", "reports"):
        return None
    return {
        "template": "sales/cards/figures.html",
        "order": 0,
        "data": get_overview(actor, default_period(actor)),
        "currency": actor.currency,
    }


def due(actor: Actor) -> dict[str, Any] | None:
    """One's own activities that are late or due today."""
    if not actor.can("read", "deal"):
        return None
    _start, end = clock.day_bounds(clock.today(actor.timezone), actor.timezone)
    rows = db.session.execute(
        select(ActivityLog, Opportunity.title)
        .outerjoin(Opportunity, Opportunity.id == ActivityLog.opportunity_id)
        .where(
            ActivityLog.owner_id == actor.member_id,
            ActivityLog.done_at.is_(None),
            ActivityLog.due_at < end + dt.timedelta(days=7),
        )
        .order_by(ActivityLog.due_at)
        .limit(10)
    ).all()
    return {"template": "sales/cards/due.html", "order": 40, "rows": rows, "now": clock.now(), "end": end}


def standing_still(actor: Actor) -> dict[str, Any] | None:
    """The largest of one's own deals (or of the team's, without own ones) that stand still."""
    if not actor.can("read", "deal"):
        return None
    rows = db.session.execute(
        select(
            Opportunity.id,
            Opportunity.title,
            Opportunity.amount,
            Opportunity.currency,
            Opportunity.stage_entered_at,
            PipelineStage.name,
        )
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .where(
            Opportunity.stage_kind == "open",
            rotting_sql(),
            or_(Opportunity.owner_id == actor.member_id, Opportunity.owner_id.is_(None)),
        )
        .order_by(Opportunity.amount.desc().nulls_last())
        .limit(6)
    ).all()
    return {"template": "sales/cards/still.html", "order": 50, "rows": rows, "now": clock.now()}
