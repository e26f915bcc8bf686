"""What the timeline shows: the tasks of a stretch of time, those without dates, the picture to compare with."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from app.kernel.crud.query import ListParams, matching
from app.kernel.db import db
from app.tasks.cruds import TASKS
from app.tasks.models.names import CLOSED
from app.tasks.models.plan import TimelineBaseline
from app.tasks.models.tasks import Task
from app.tasks.queries.groups import Row, row_select

if TYPE_CHECKING:
    from app.kernel.actor import Actor

# Bars on one page, and tasks in the list of those without dates.
MAX_ROWS = 500
MAX_UNDATED = 50


def list_rows(params: ListParams, actor: Actor, start: dt.date, end: dt.date) -> tuple[list[Row], int]:
    """The tasks with a day from ``start`` to ``end``, by their first day; and how many there are in all."""
    first, last = func.coalesce(Task.start_on, Task.due_on), func.coalesce(Task.due_on, Task.start_on)
    within = matching(TASKS, params, actor), first <= end, last >= start
    return _rows(row_select().where(*within).order_by(first, Task.rank, Task.id), MAX_ROWS)


def list_undated(params: ListParams, actor: Actor) -> tuple[list[Row], int]:
    """Open tasks without any date, in their order; and how many there are in all."""
    within = Task.start_on.is_(None), Task.due_on.is_(None), Task.status_group.not_in(CLOSED)
    found = row_select().where(matching(TASKS, params, actor), *within).order_by(Task.rank, Task.id)
    return _rows(found, MAX_UNDATED)


def _rows(statement: Any, limit: int) -> tuple[list[Row], int]:
    found = db.session.execute(statement.add_columns(func.count().over()).limit(limit)).all()
    return [Row(*one[:-1]) for one in found], found[0][-1] if found else 0


def get_baseline(actor: Actor) -> TimelineBaseline | None:
    """The actor's picture of the plan."""
    if actor.member_id is None:
        return None
    return db.session.scalar(select(TimelineBaseline).where(TimelineBaseline.member_id == actor.member_id))
