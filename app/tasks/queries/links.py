"""The records that a task is linked to, and the one of them that came first: what lists group by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import String, and_, case, cast, false, func, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from app.collaboration.models import RecordLink
from app.collaboration.records import Named, kind_of, name_records
from app.kernel.db import db
from app.kernel.feature import registry
from app.tasks.models.names import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement


_LEFT = RecordLink.left_kind == KIND
_KIND: Any = case((_LEFT, RecordLink.right_kind), else_=RecordLink.left_kind)
_RECORD: Any = case((_LEFT, RecordLink.right_id), else_=RecordLink.left_id)
_TASK: Any = case((_LEFT, RecordLink.left_id), else_=RecordLink.right_id)


def _is_seen() -> ColumnElement[bool]:
    """Whether a link ties a task to a record of another kind that the actor may see."""
    seen = [
        and_(one.kind == _KIND, select(one.model.id).where(one.model.id == _RECORD).exists())
        for one in registry.records.values()
        if one.model is not None and one.kind != KIND
    ]
    return and_((RecordLink.right_kind == KIND) != _LEFT, or_(false(), *seen))


@cache
def first_links() -> Any:
    """(task_id, record): the record as ``kind:id``; of the links whose record the actor may see, the first one."""
    return (
        select(_TASK.label("task_id"), func.concat(_KIND, ":", cast(_RECORD, String)).label("record"))
        .where(_is_seen())
        .ext(distinct_on(_TASK))
        .order_by(_TASK, RecordLink.created_at, RecordLink.id)
        .subquery("first_link")
    )


@dataclass(frozen=True, slots=True)
class Place:
    """What a task meets that is to be linked to a record: the links that it has, as far as the actor sees them, by
    record and in their order; whether the record is there for the actor, and how many links it and the task have."""

    links: dict[tuple[str, UUID], RecordLink]
    exists: bool
    counts: tuple[int, int]


def read_place(task_id: UUID, record: tuple[str, UUID] | None) -> Place:
    """The place of a task beside a record (None: beside none). One query. Raises NotFound for an unknown kind."""
    there: Any = false()
    if record is not None:
        model = kind_of(record[0]).model
        there = select(model.id).where(model.id == record[1]).exists()
    counts = [
        select(func.count(RecordLink.id)).where(or_(RecordLink.left_id == one, RecordLink.right_id == one))
        for one in (task_id, record and record[1])
    ]
    columns = there.label("there"), *(one.scalar_subquery().label(f"count_{n}") for n, one in enumerate(counts))
    about = select(*columns).subquery()
    own = or_(RecordLink.left_id == task_id, RecordLink.right_id == task_id)
    link = aliased(RecordLink, select(RecordLink).where(own, _is_seen()).subquery())
    statement = select(link, *about.c).select_from(about).outerjoin(link, true()).order_by(link.created_at, link.id)
    rows = db.session.execute(statement).all()
    links = {}
    for one in (row[0] for row in rows if row[0] is not None):
        is_left = one.left_kind == KIND
        links[(one.right_kind, one.right_id) if is_left else (one.left_kind, one.left_id)] = one
    return Place(links, rows[0].there, (rows[0].count_0, rows[0].count_1))


def name_first(records: Iterable[str]) -> list[tuple[str, Named]]:
    """What the records of ``first_links`` are called, by kind and name. A query for each kind among them."""
    pairs = [(key, *key.split(":")) for key in records if ":" in key]
    named = name_records((kind, UUID(record_id)) for _key, kind, record_id in pairs)
    found = [(key, named[UUID(record_id)]) for key, _kind, record_id in pairs if UUID(record_id) in named]
    return sorted(found, key=lambda one: (one[1].kind_label, one[1].label.lower(), one[0]))
