"""What the organization's own finished tasks say: PostgreSQL's full-text search finds those that are like a task.

Under row-level security no index can answer ``@@`` (the operator is not leakproof), so that the newest NEWEST
finished tasks are compared, by their stored words.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, REAL, case, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY
from sqlalchemy.orm import aliased

from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tasks.assist.proposals import (
    ENOUGH,
    MAX_SOURCES,
    Basis,
    Found,
    Kind,
    Line,
    Source,
    Subject,
    alike,
    fold,
    spread_of,
)
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task
from app.tasks.models.work import ChecklistItem
from app.tenancy.models import Organization

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEWEST = 5_000
MAX_WORDS = 40
# Tasks below have hardly a word in common.
LEAST = 0.3
# What the words of the subject's title count for; and where they stand in the other task (D, C, B, A).
TITLE = 0.65
_WEIGHTS = cast(literal([0.4, 0.4, 0.4, 1.0]), ARRAY(REAL))
_MAX_ROWS = 300


def get_subject(task_id: UUID, kind: Kind) -> Subject:
    """The task with its words, by the dictionary of the organization's language. Raises NotFound."""
    dictionary = cast(case((Organization.locale == "en", "english"), else_="italian"), REGCONFIG)
    row = db.session.execute(
        select(
            Task.title,
            Task.description,
            Task.estimate,
            Organization.locale,
            func.tsvector_to_array(func.to_tsvector(dictionary, Task.title)).label("first"),
            func.tsvector_to_array(
                func.to_tsvector(dictionary, func.left(func.coalesce(Task.description, ""), 2000))
            ).label("then"),
        )
        .join(Organization, Organization.id == Task.organization_id)
        .where(Task.id == task_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    others = [one for one in row.then if one not in row.first]
    return Subject(
        id=task_id,
        title=row.title,
        description=row.description or "",
        estimate=row.estimate,
        language=row.locale,
        title_words=tuple(row.first[:MAX_WORDS]),
        other_words=tuple(others[:MAX_WORDS]),
        known=tuple(_known(task_id, kind)),
    )


def _known(task_id: UUID, kind: Kind) -> Iterable[str]:
    """The lines that the task has already."""
    if kind is Kind.BREAKDOWN:
        return db.session.scalars(select(Task.title).where(Task.parent_id == task_id).limit(_MAX_ROWS)).all()
    if kind is Kind.CHECKLIST:
        return db.session.scalars(
            select(ChecklistItem.text).where(ChecklistItem.task_id == task_id).limit(_MAX_ROWS)
        ).all()
    return ()


def from_history(subject: Subject, kind: Kind) -> Found:
    """A provider: estimates, sub-tasks and check-lists of the finished tasks that are most like this one."""
    sources = similar(subject, kind)
    if kind is Kind.ESTIMATE:
        spread = spread_of(sources)
        return Found([Line("", spread.median, spread.count)] if spread else [], sources)
    lines = most_frequent(_lines_of([one.id for one in sources], kind))
    if len(sources) >= ENOUGH:  # what one task alone had says little about the next one
        lines = [one for one in lines if one.count > 1]
    return Found(lines, sources)


def any_of(words: Sequence[str]) -> Any:
    """A tsquery of lexemes, joined by “or”."""
    quoted = ("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in words)
    return cast(literal(" | ".join(quoted)), TSQUERY)


def _score(subject: Subject, theirs: Any) -> Any:
    """How much of the subject's words is in ``theirs``, between 0 and 1: those of its title count for more."""
    me = aliased(Task)

    def share(words: Sequence[str]) -> Any:
        query = any_of(words)
        own = select(func.ts_rank(_WEIGHTS, me.words, query)).where(me.id == subject.id).scalar_subquery()
        return func.least(1.0, func.ts_rank(_WEIGHTS, theirs, query) / func.nullif(own, 0.0))

    if not subject.other_words or not subject.title_words:
        return share(subject.title_words or subject.other_words)
    return share(subject.title_words) * TITLE + share(subject.other_words) * (1 - TITLE)


def similar(subject: Subject, kind: Kind) -> list[Source]:
    """The finished tasks that are most like a task, of those that the actor may see and that have what is asked."""
    words = (*subject.title_words, *subject.other_words)
    if not words:
        return []
    query = any_of(words)
    newest = (
        select(Task.id, Task.title, Task.number, Task.estimate, Task.logged, Task.done_at, Task.words)
        .where(Task.status_group == StatusGroup.DONE, Task.id != subject.id)
        .where(Task.parent_id.is_distinct_from(subject.id))
        .order_by(Task.done_at.desc())
        .limit(NEWEST)
        .subquery()
    )
    child = aliased(Task)
    score = _score(subject, newest.c.words)

    def below(column: Any) -> Any:
        summed = select(func.sum(column)).where(child.parent_id == newest.c.id)
        return func.coalesce(summed.scalar_subquery(), 0)

    spent = newest.c.logged + below(child.logged)
    planned = func.coalesce(newest.c.estimate, below(child.estimate))
    statement = select(
        newest.c.id,
        newest.c.title,
        newest.c.number,
        score.label("score"),
        spent.label("spent"),
        planned.label("planned"),
    ).where(newest.c.words.op("@@")(query), score >= LEAST)
    if kind is Kind.ESTIMATE:
        statement = statement.where(case((spent > 0, spent), else_=planned) > 0)
    elif kind is Kind.BREAKDOWN:
        statement = statement.where(exists().where(child.parent_id == newest.c.id))
    else:
        statement = statement.where(exists().where(ChecklistItem.task_id == newest.c.id))
    found = db.session.execute(statement.order_by(score.desc(), newest.c.done_at.desc()).limit(MAX_SOURCES))
    return [_source(row) for row in found]


def _source(row: Any) -> Source:
    minutes, basis = (row.spent, Basis.LOGGED) if row.spent else (row.planned, Basis.ESTIMATE)
    return Source(row.id, row.title, row.number, float(row.score), minutes or None, basis if minutes else None)


# (the source, the line, its minutes), source by source in the lines' order
_Row = tuple[UUID, str, int | None]


def _lines_of(task_ids: Sequence[UUID], kind: Kind) -> list[_Row]:
    if not task_ids:
        return []
    if kind is Kind.BREAKDOWN:
        minutes = func.nullif(case((Task.logged > 0, Task.logged), else_=func.coalesce(Task.estimate, 0)), 0)
        statement = (
            select(Task.parent_id, Task.title, minutes)
            .where(Task.parent_id.in_(task_ids), Task.status_group != StatusGroup.CANCELLED)
            .order_by(Task.parent_id, Task.rank, Task.id)
        )
    else:
        statement = (
            select(ChecklistItem.task_id, ChecklistItem.text, literal(None))
            .where(ChecklistItem.task_id.in_(task_ids))
            .order_by(ChecklistItem.task_id, ChecklistItem.position, ChecklistItem.id)
        )
    return [tuple(row) for row in db.session.execute(statement.limit(_MAX_ROWS))]


@dataclass(slots=True)
class _Heap:
    """The same line in several tasks."""

    text: str
    tasks: set[UUID] = field(default_factory=set)
    places: list[int] = field(default_factory=list)
    minutes: list[int] = field(default_factory=list)


def most_frequent(rows: Iterable[_Row]) -> list[Line]:
    """Each line once, those of most tasks first, then in the order that they usually have."""
    heaps: list[_Heap] = []
    names: list[str] = []
    places: dict[UUID, int] = defaultdict(int)
    for task_id, text, minutes in rows:
        at = alike(text, names)
        if at is None:
            at = len(heaps)
            heaps.append(_Heap(text))
            names.append(fold(text))
        heap = heaps[at]
        heap.tasks.add(task_id)
        heap.places.append(places[task_id])
        places[task_id] += 1
        if minutes:
            heap.minutes.append(minutes)
    heaps.sort(key=lambda one: (-len(one.tasks), fmean(one.places)))
    return [Line(one.text, round(median(one.minutes)) if one.minutes else None, len(one.tasks)) for one in heaps]
