"""What tasks put on the home page: the person's own work of today, and what waits for their approval."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from app.kernel import clock
from app.kernel.db import db
from app.kernel.i18n import gettext as _
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task, TaskStatus
from app.tasks.queries import my_day
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
    """One's own open tasks and lines of check-lists that are late, due today or within AHEAD and not snoozed; the most
    urgent first."""
    if actor.member_id is None or not actor.can("read", "task"):
        return None
    today = clock.today(actor.timezone)
    tasks = my_day.due_tasks(actor.member_id, today, today + AHEAD, SHOWN)
    lines = my_day.due_lines(actor.member_id, today, today + AHEAD, SHOWN)
    snoozed = my_day.snoozed_tasks(actor.member_id, today)
    return {
        "template": "tasks/cards/to_do.html",
        "order": 10,
        "rows": sorted([*tasks, *lines], key=lambda row: row.due_on)[:SHOWN],
        "count": sum(found[0].count_ for found in (tasks, lines) if found),
        "late": tasks[0].late if tasks else 0,
        "today": tasks[0].now if tasks else 0,
        "snoozed": snoozed,
        "snoozed_count": snoozed[0].count_ if snoozed else 0,
        "days": _snooze_days(today),
        "done": str(first_status(StatusGroup.DONE).id) if actor.can("write", "task") else "",
        "due": lambda row: due(row.due_on, False, today),
        "level": level,
        "module_sign": module_sign,
    }


def _snooze_days(today: dt.date) -> list[tuple[str, dt.date]]:
    """Until when a task is snoozed with one press: tomorrow, and the Monday that comes after it."""
    tomorrow = today + dt.timedelta(days=1)
    monday = tomorrow + dt.timedelta(days=7 - tomorrow.weekday())
    return [(_("Tomorrow"), tomorrow), (_("Next Monday"), monday)]


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
