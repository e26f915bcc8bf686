"""The SLA of tasks: their deadlines as they are made and change, the policy, breaches."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, DateTime, Uuid, and_, bindparam, case, func, or_, select, update
from sqlalchemy.orm.attributes import flag_modified

from app.events.tasks import TaskSlaBreached
from app.kernel import clock
from app.kernel.business_hours import Week, write_week
from app.kernel.db import advisory_lock, db
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.tasks.models.names import CLOSED, Priority, StatusGroup, TaskType
from app.tasks.models.sla import SlaPolicy, WorkCalendar
from app.tasks.models.tasks import Task
from app.tasks.queries.sla import Promise, Sla, forget_sla, read_sla
from app.tasks.sla import Deadline, deadline
from app.tenancy.queries import current_organization

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from app.kernel.actor import Actor

MAX_MINUTES = 60_000
BATCH = 1000
# Start dates before the one count as none; after the other, deadlines would be beyond the calendar.
_FIRST_DAY, _LAST_DAY = dt.date(1970, 1, 2), dt.date(9000, 1, 1)
_WAITING = {StatusGroup.BACKLOG.value, StatusGroup.CANCELLED.value}


# ── a task's deadlines ───────────────────────────────────────────────────────────────────────────


def note_status(task: Task, before: str | None, timezone: str | None = None) -> None:
    """A task entered its status, from one of the group ``before``; None: it is new.

    ``timezone`` is the organization's, where it was read already.
    """
    now = clock.now()
    if before is None:
        set_deadlines(task)
    elif before in CLOSED and task.status_group not in CLOSED:
        task.sla_from = max(now, _opening(task, read_sla().hours.timezone) or now)
        task.sla_breached_at = None
        set_deadlines(task)
    if task.sla_started_at is None and task.status_group not in _WAITING:
        _settle(task, timezone)
        task.sla_started_at = now
    if before is not None:
        note_breaches(task, now, timezone)


def set_deadlines(task: Task) -> None:
    """Computes a task's deadlines from its priority; that to start only until it is started."""
    start, finish = _deadlines(task, read_sla())
    now = clock.now()
    if task.sla_started_at is None:
        task.sla_start_warn_at, task.sla_start_due_at = start
        if start.due_at is None or start.due_at > now:
            task.sla_start_breached_at = None
    task.sla_warn_at, task.sla_due_at = finish
    if finish.due_at is None or finish.due_at > now:
        task.sla_breached_at = None


def plan_start(task: Task, day: dt.date | None) -> None:
    """Gives a task another start date: its time runs from then while it is open, not started, and not late.

    What is late already is marked first, by the date that counted until now.
    """
    if day == task.start_on:
        return
    is_open = task.status_group not in CLOSED
    if is_open:
        note_breaches(task, clock.now())
    task.start_on = day
    if is_open and not _is_settled(task):
        set_deadlines(task)


def _is_settled(task: Any) -> bool:
    """Whether a task's start date counts no more: it was started, late, or opened again."""
    return bool(task.sla_from or task.sla_started_at or task.sla_start_breached_at or task.sla_breached_at)


def _opening(task: Any, timezone: str) -> dt.datetime | None:
    """The start of the day on which a task is to be started; working time begins with the hours of work."""
    if task.start_on is None or task.start_on < _FIRST_DAY:
        return None
    day = min(task.start_on, _LAST_DAY)
    return dt.datetime.combine(day, dt.time(), ZoneInfo(timezone)).astimezone(dt.UTC)


def _since(task: Any, timezone: str) -> dt.datetime:
    """The moment from which the time of a task, or of its row, runs."""
    opening = None if _is_settled(task) else _opening(task, timezone)
    return _base(task) if opening is None else max(_base(task), opening)


def _base(task: Any) -> dt.datetime:
    found: dt.datetime = task.sla_from or task.created_at or clock.now()
    return found


def _settle(task: Task, timezone: str | None) -> None:
    """A task is started, or late: its time goes on running from where it does, whatever its start date becomes."""
    if task.start_on is None:
        task.sla_from = _base(task)
    else:
        task.sla_from = _since(task, timezone or read_sla().hours.timezone)


def _deadlines(task: Any, sla: Sla) -> tuple[Deadline, Deadline]:
    """Of a task or of its row. A milestone is a day, not work: it has none."""
    if task.type == TaskType.MILESTONE:
        return Deadline(), Deadline()
    since = _since(task, sla.hours.timezone)
    start, finish = sla.minutes(task.priority or Priority.P2)
    return deadline(sla.hours, since, start), deadline(sla.hours, since, finish)


def note_breaches(task: Task, now: dt.datetime, timezone: str | None = None) -> bool:
    """Marks the deadlines that a task has missed, each once; emits TaskSlaBreached. True when there was one."""
    if task.status_group == StatusGroup.CANCELLED:
        return False
    found = False
    for target, due_at, ended_at, flag in (
        ("start", task.sla_start_due_at, task.sla_started_at, "sla_start_breached_at"),
        ("finish", task.sla_due_at, task.done_at, "sla_breached_at"),
    ):
        if due_at is not None and getattr(task, flag) is None and (ended_at or now) > due_at:
            _settle(task, timezone)
            setattr(task, flag, now)
            found = True
            emit(
                TaskSlaBreached(
                    subject_id=task.id,
                    title=task.title,
                    owner_id=task.owner_id,
                    priority=task.priority,
                    target=target,
                    due_at=due_at,
                )
            )
    return found


# ── the policy ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an organization wants to promise; None leaves that part as it is."""

    promises: Sequence[Promise] | None = None
    week: Week | None = None


def save_sla(wanted: Wanted, *, actor: Actor) -> Sla:
    """Changes the promises per priority and the business hours; open tasks follow by the job ``tasks.sla``.

    Raises Invalid for a promise that is none, beyond MAX_MINUTES, or to finish before the start.
    """
    actor.require("manage", "tasks")
    advisory_lock("task-sla")
    _check(wanted.promises or ())
    if wanted.promises is not None:
        known = {one.priority: one for one in db.session.scalars(select(SlaPolicy))}
        for one in wanted.promises:
            policy = known.get(one.priority) or SlaPolicy(priority=one.priority)
            policy.is_on, policy.start_minutes, policy.finish_minutes = one.is_on, one.start_minutes, one.finish_minutes
            db.session.add(policy)
    apply_anew(wanted.week)
    return read_sla()


def apply_anew(week: Week | None = None) -> None:
    """Has the job compute the deadlines of open tasks again, by the given week, by the stored one without it."""
    # It waits for the job that applies the former policy to a set of tasks.
    calendar = db.session.scalar(select(WorkCalendar).with_for_update().execution_options(populate_existing=True))
    if calendar is None:
        calendar = WorkCalendar(hours=write_week(read_sla().hours.week))
        db.session.add(calendar)
    if week is not None:
        calendar.hours = write_week(week)
    calendar.applied_timezone = None
    # Also where it was None already: a job at work then finds another version, and begins anew.
    flag_modified(calendar, "applied_timezone")
    db.session.flush()
    forget_sla()


def _check(promises: Sequence[Promise]) -> None:
    errors: dict[str, list[str]] = {}
    for one in promises:
        start, finish = one.start_minutes, one.finish_minutes
        for name, minutes in (("start", start), ("finish", finish)):
            if minutes is not None and not 1 <= minutes <= MAX_MINUTES:
                errors[f"{name}_{one.priority}"] = [
                    _("Write more than 0 and at most %(count)s hours.", count=MAX_MINUTES // 60)
                ]
        if not errors and start is not None and finish is not None and finish < start:
            errors[f"finish_{one.priority}"] = [_("A task is not finished before it is started.")]
        if one.is_on and start is None and finish is None:
            errors[f"start_{one.priority}"] = [_("Write the hours to start, to finish, or both.")]
    if errors:
        raise Invalid(errors=errors)


class Position(NamedTuple):
    """How far a policy was applied: to which task, and which version of the calendar that policy is."""

    task_id: UUID
    version: int


def apply_policy(after: Position | None = None) -> Position | None:
    """Gives BATCH open tasks, those after one, the deadlines of today's policy: what is past by it counts as breached.

    The last of them, to go on after in another unit of work, so that nobody waits for all; None when none are left,
    the policy was applied already, or another was made meanwhile: that one begins anew. Neither versions nor dates of
    change move, and nobody is told: a changed policy is nobody's breach.
    """
    calendar = db.session.scalar(select(WorkCalendar).with_for_update())
    timezone = current_organization().timezone
    if calendar is None or calendar.applied_timezone == timezone:
        return None
    if after is not None and after.version != calendar.version:
        return None
    sla, now = read_sla(), clock.now()
    columns = (
        Task.id, Task.type, Task.priority, Task.start_on, Task.created_at, Task.sla_from, Task.sla_started_at,
        Task.sla_start_warn_at, Task.sla_start_due_at, Task.sla_start_breached_at, Task.sla_breached_at,
    )  # fmt: skip
    page = select(*columns).where(Task.status_group.not_in(CLOSED)).order_by(Task.id).limit(BATCH).with_for_update()
    rows = db.session.execute(page if after is None else page.where(Task.id > after.task_id)).all()
    if rows:
        _write([(one, _since(one, sla.hours.timezone), *_deadlines(one, sla)) for one in rows], now)
    if len(rows) < BATCH:
        calendar.applied_timezone = timezone
        return None
    return Position(rows[-1].id, calendar.version)


def _write(rows: Sequence[tuple[Any, dt.datetime, Deadline, Deadline]], now: dt.datetime) -> None:
    moment = DateTime(timezone=True)
    given = [
        (one.id, since, *((one.sla_start_warn_at, one.sla_start_due_at) if one.sla_started_at else start), *finish)
        for one, since, start, finish in rows
    ]
    ids, *moments = zip(*given, strict=True)
    arrays = [bindparam(None, list(one), ARRAY(moment)) for one in moments]
    new = func.unnest(bindparam(None, list(ids), ARRAY(Uuid())), *arrays).table_valued(
        "id", "since", "start_warn_at", "start_due_at", "warn_at", "due_at", name="new"
    )
    new = new.render_derived()
    start_breach = case((new.c.start_due_at <= now, func.coalesce(Task.sla_start_breached_at, now)))
    # As _settle does for one.
    is_late = or_(and_(new.c.start_due_at <= now, Task.sla_started_at.is_(None)), new.c.due_at <= now)
    settled = case((is_late, new.c.since), else_=Task.sla_from)
    db.session.execute(
        update(Task)
        .where(Task.id == new.c.id)
        .values(
            {
                Task.sla_from: settled,
                Task.sla_start_warn_at: new.c.start_warn_at,
                Task.sla_start_due_at: new.c.start_due_at,
                Task.sla_start_breached_at: case(
                    (Task.sla_started_at.is_(None), start_breach), else_=Task.sla_start_breached_at
                ),
                Task.sla_warn_at: new.c.warn_at,
                Task.sla_due_at: new.c.due_at,
                Task.sla_breached_at: case((new.c.due_at <= now, func.coalesce(Task.sla_breached_at, now))),
                Task.updated_at: Task.updated_at,
            }
        )
        .execution_options(synchronize_session=False)
    )
