"""What tasks put on the home page: the person's own work of today, and what waits for their approval."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from app.kernel import clock
from app.kernel.db import db
from app.tasks.models.names import CLOSED, StatusGroup
from app.tasks.models.tasks import Task, TaskStatus
from app.tasks.queries.approvals import waiting_for
from app.tasks.queries.tasks import first_status
from app.tasks.rows import due, level, module_sign

if TYPE_CHECKING:
    from app.kernel.actor import Actor

SHOWN = 10
AHEAD = dt.timedelta(days=7)


def _rows() -> Any:
    return select(
        Task.id, Task.version, Task.title, Task.number, Task.module, Task.priority, Task.due_on, TaskStatus.name
    ).join(TaskStatus, TaskStatus.id == Task.status_id)


def to_do(actor: Actor) -> dict[str, Any] | None:
    """One's own open tasks that are late, due today or within AHEAD; the most urgent first."""
    if actor.member_id is None or not actor.can("read", "task"):
        return None
    today = clock.today(actor.timezone)
    mine = (Task.owner_id == actor.member_id, Task.status_group.not_in(CLOSED), Task.due_on <= today + AHEAD)
    late, now, count = db.session.execute(
        select(func.count().filter(Task.due_on < today), func.count().filter(Task.due_on == today), func.count()).where(
            *mine
        )
    ).one()
    rows = db.session.execute(_rows().where(*mine).order_by(Task.due_on, Task.priority, Task.id).limit(SHOWN)).all()
    return {
        "template": "tasks/cards/to_do.html",
        "order": 10,
        "rows": rows,
        "count": count,
        "late": late,
        "today": now,
        "done": str(first_status(StatusGroup.DONE).id) if actor.can("write", "task") else "",
        "due": lambda row: due(row.due_on, False, today),
        "level": level,
        "module_sign": module_sign,
    }


def to_approve(actor: Actor) -> dict[str, Any] | None:
    """Tasks that the person is asked to approve and has not answered; None when there are none."""
    if actor.member_id is None or not actor.can("read", "task"):
        return None
    waiting = waiting_for(actor.member_id)
    count = db.session.scalar(select(func.count()).select_from(Task).where(waiting)) or 0
    if not count:
        return None
    rows = db.session.execute(
        _rows().where(waiting).order_by(Task.due_on.asc().nulls_last(), Task.priority, Task.id).limit(SHOWN)
    ).all()
    today = clock.today(actor.timezone)
    return {
        "template": "tasks/cards/to_approve.html",
        "order": 20,
        "rows": rows,
        "count": count,
        "due": lambda row: due(row.due_on, False, today),
        "module_sign": module_sign,
    }
