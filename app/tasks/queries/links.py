"""The record that a task was linked to first: what lists group by."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import String, and_, case, cast, false, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.collaboration.models import RecordLink
from app.collaboration.records import Named, name_records
from app.kernel.feature import registry
from app.tasks.cruds import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable


@cache
def first_links() -> Any:
    """(task_id, record): the record as ``kind:id``; of the links whose record the actor may see, the first one."""
    left = RecordLink.left_kind == TASKS.kind
    kind = case((left, RecordLink.right_kind), else_=RecordLink.left_kind)
    record = case((left, RecordLink.right_id), else_=RecordLink.left_id)
    task = case((left, RecordLink.left_id), else_=RecordLink.right_id)
    seen = [
        and_(kind == one.kind, select(one.model.id).where(one.model.id == record).exists())
        for one in registry.records.values()
        if one.model is not None and one.kind != TASKS.kind
    ]
    return (
        select(task.label("task_id"), func.concat(kind, ":", cast(record, String)).label("record"))
        .where(left != (RecordLink.right_kind == TASKS.kind), or_(false(), *seen))
        .ext(distinct_on(task))
        .order_by(task, RecordLink.created_at, RecordLink.id)
        .subquery("first_link")
    )


def name_first(records: Iterable[str]) -> list[tuple[str, Named]]:
    """What the records of ``first_links`` are called, by kind and name. A query for each kind among them."""
    pairs = [(key, *key.split(":")) for key in records if ":" in key]
    named = name_records((kind, UUID(record_id)) for _key, kind, record_id in pairs)
    found = [(key, named[UUID(record_id)]) for key, _kind, record_id in pairs if UUID(record_id) in named]
    return sorted(found, key=lambda one: (one[1].kind_label, one[1].label.lower(), one[0]))
