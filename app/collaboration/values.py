"""What the records that something is linked to are worth: each kind says it of its own (``RecordKind.value``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Numeric, and_, case, cast, func, null, or_, select
from sqlalchemy.orm import aliased

from app.collaboration.models import RecordLink
from app.kernel.feature import registry


def value_resources() -> list[str]:
    """The permission resources of the records that ``linked_value`` adds up."""
    return [one.resource for one in registry.records.values() if one.value is not None]


def linked_value(model: Any) -> Any:
    """The value of all records that a row of ``model`` is linked to and that the actor may see, in SQL.

    NULL where none of them has one. What the actor may see is up to the guard, in here as anywhere.
    """
    valued = [(one.model, one.value) for one in registry.records.values() if one.value is not None]
    if not valued:
        return cast(null(), Numeric(14, 2))
    link = aliased(RecordLink)
    here = link.organization_id == model.organization_id
    other = case((link.left_id == model.id, link.right_id), else_=link.left_id)
    worth = [value() for _model, value in valued]
    found: Any = select(func.sum(func.coalesce(*worth) if len(worth) > 1 else worth[0])).select_from(link)
    for target, _value in valued:
        found = found.outerjoin(target, and_(target.id == other, target.organization_id == link.organization_id))
    found = found.where(here, or_(link.left_id == model.id, link.right_id == model.id))
    # Most rows have no link. To order a long list by this, PostgreSQL looks that up among all links, read once.
    is_linked = or_(*(_is_end(model, side) for side in ("left_id", "right_id")))
    return case((is_linked, found.correlate(model).scalar_subquery()))


def _is_end(model: Any, side: str) -> Any:
    link = aliased(RecordLink)
    here = and_(getattr(link, side) == model.id, link.organization_id == model.organization_id)
    return select(link.id).where(here).correlate(model).exists()
