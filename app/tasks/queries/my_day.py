"""Reads of the home page: what a member has to do in the next days, and what they have put off."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.db import db
from app.tasks.models.names import CLOSED
from app.tasks.models.snooze import TaskSnooze
from app.tasks.models.tasks import Task, TaskStatus
from app.tasks.models.work import ChecklistItem

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_SNOOZED = 50


def _awake(member_id: UUID, today: dt.date) -> Any:
    return Task.id.not_in(select(TaskSnooze.task_id).where(TaskSnooze.member_id == member_id, TaskSnooze.until > today))


def due_tasks(member_id: UUID, today: dt.date, last: dt.date, limit: int) -> Sequence[Any]:
    """One's own open tasks due until ``last``, the most urgent first; each row says how many there are of all
    (``count_``), late (``late``) and of today (``now``)."""
    columns: Any = (
        Task.id, Task.version, Task.title, Task.module, Task.priority, Task.due_on, TaskStatus.name,
        func.count().over().label("count_"),
        func.count().filter(Task.due_on < today).over().label("late"),
        func.count().filter(Task.due_on == today).over().label("now"),
    )  # fmt: skip
    return db.session.execute(
        select(*columns)
        .join(TaskStatus, TaskStatus.id == Task.status_id)
        .where(
            Task.owner_id == member_id,
            Task.status_group.not_in(CLOSED),
            Task.due_on <= last,
            _awake(member_id, today),
        )
        .order_by(Task.due_on, Task.priority, Task.id)
        .limit(limit)
    ).all()


def due_lines(member_id: UUID, today: dt.date, last: dt.date, limit: int) -> Sequence[Any]:
    """One's own open lines of check-lists due until ``last``, of open tasks that the actor sees; each row says how
    many there are (``count_``)."""
    columns: Any = (
        ChecklistItem.id.label("line"), ChecklistItem.text, ChecklistItem.due_on, Task.id, Task.title, Task.module,
        func.count().over().label("count_"),
    )  # fmt: skip
    return db.session.execute(
        select(*columns)
        .join(Task, Task.id == ChecklistItem.task_id)
        .where(
            ChecklistItem.assignee_id == member_id,
            ~ChecklistItem.done,
            ChecklistItem.due_on <= last,
            Task.status_group.not_in(CLOSED),
            _awake(member_id, today),
        )
        .order_by(ChecklistItem.due_on, ChecklistItem.position, ChecklistItem.id)
        .limit(limit)
    ).all()


def snoozed_tasks(member_id: UUID, today: dt.date) -> Sequence[Any]:
    """The open tasks that a member has put off, those that come back first before the others, with their ``count_``."""
    columns: Any = Task.id, Task.title, Task.module, TaskSnooze.until, func.count().over().label("count_")
    return db.session.execute(
        select(*columns)
        .join(TaskSnooze, TaskSnooze.task_id == Task.id)
        .where(TaskSnooze.member_id == member_id, TaskSnooze.until > today, Task.status_group.not_in(CLOSED))
        .order_by(TaskSnooze.until, Task.id)
        .limit(SHOWN_SNOOZED)
    ).all()
