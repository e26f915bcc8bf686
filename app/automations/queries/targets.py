"""The records that actions are aimed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from app.automations.targets import LINKED
from app.collaboration.models import RecordLink
from app.kernel.db import db, is_one_of
from app.tasks.models.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from app.automations.targets import Target


def ids_at(target: Target, record_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """What a target comes to for each of some records, links in the order in which they were made. One query."""
    if not target.name.startswith(LINKED):
        rows = db.session.execute(
            select(Task.id, Task.parent_id).where(is_one_of(Task.id, record_ids), Task.parent_id.is_not(None))
        )
        return {row[0]: [row[1]] for row in rows}
    link, kind = RecordLink, target.subject.kind
    columns = (link.left_kind, link.left_id, link.right_kind, link.right_id)
    links = db.session.execute(
        select(*columns)
        .where(
            or_(
                and_(is_one_of(link.left_id, record_ids), link.right_kind == kind),
                and_(is_one_of(link.right_id, record_ids), link.left_kind == kind),
            )
        )
        .order_by(link.created_at, link.id)
    )
    found: dict[UUID, list[UUID]] = {}
    for left_kind, left, right_kind, right in links:
        if left in record_ids and right_kind == kind:
            found.setdefault(left, []).append(right)
        if right in record_ids and left_kind == kind:
            found.setdefault(right, []).append(left)
    return found


def records_at(target: Target, record_id: UUID) -> list[Any]:
    """The records themselves, without those that are gone."""
    ids = ids_at(target, {record_id}).get(record_id, [])
    model = target.subject.crud.model
    records = {one.id: one for one in db.session.scalars(select(model).where(is_one_of(model.id, ids)))} if ids else {}
    return [records[one] for one in ids if one in records]
