"""What a deal puts at stake for whatever is linked to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, select

from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import StageKind
from app.tenancy.models import Organization


def at_stake() -> Any:
    """The amount of an open deal in the organization's currency, in SQL; NULL for any other: no rate adds them up."""
    base = select(Organization.base_currency).where(Organization.id == Opportunity.organization_id)
    counts = and_(
        Opportunity.stage_kind == StageKind.OPEN.value,
        Opportunity.currency == base.correlate(Opportunity).scalar_subquery(),
    )
    return case((counts, Opportunity.amount))
