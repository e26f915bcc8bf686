"""Time spent on tasks: a timer, and entries by hand."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from app.kernel import clock
from app.kernel.db import advisory_lock, db, every_record
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.tasks.models.tasks import Task
from app.tasks.models.work import TimeEntry
from app.tasks.queries import time as queries
from app.tasks.service.tasks import announce, lock_task

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_MINUTES = 1440
MAX_ENTRIES = 2000


def start_timer(task_id: UUID, *, actor: Actor) -> TimeEntry:
    """Starts the actor's timer on a task; one that runs on another task stops first.

    Raises Conflict when it runs on this one already, Forbidden for an actor that is no member.
    """
    member_id = _member(actor)
    task = lock_task(task_id, actor=actor)
    advisory_lock(f"timer:{member_id}")
    running = queries.running(member_id)
    if running is not None:
        if running.task_id == task.id:
            raise Conflict(_("Your timer runs on this task already."))
        _end(running)
    now = clock.now()
    entry = TimeEntry(task_id=task.id, member_id=member_id, day=clock.today(actor.timezone), started_at=now)
    db.session.add(entry)
    db.session.flush()
    announce(task, "updated")
    return entry


def stop_timer(*, actor: Actor) -> TimeEntry | None:
    """Stops the actor's timer; what it ran is an entry of at least a minute and at most a day. None where none runs."""
    member_id = _member(actor)
    advisory_lock(f"timer:{member_id}")
    running = queries.running(member_id)
    if running is None:
        return None
    _end(running)
    return running


def _end(entry: TimeEntry) -> None:
    assert entry.started_at is not None
    seconds = (clock.now() - entry.started_at).total_seconds()
    entry.minutes = min(MAX_MINUTES, max(1, math.ceil(seconds / 60)))
    db.session.flush()
    _sum(entry.task_id)


def log_time(
    task_id: UUID,
    *,
    actor: Actor,
    day: dt.date | None,
    minutes: int | None,
    note: str = "",
    billable: bool = False,
) -> TimeEntry:
    """Adds time of the actor's own by hand, today's unless ``day`` says another.

    Raises Invalid for a day to come and for minutes outside 1 … MAX_MINUTES.
    """
    member_id = _member(actor)
    task = lock_task(task_id, actor=actor)
    entry = TimeEntry(task_id=task.id, member_id=member_id)
    count = db.session.scalar(select(func.count()).where(TimeEntry.task_id == task.id)) or 0
    if count >= MAX_ENTRIES:
        raise Conflict(_("A task has at most %(count)s time entries.", count=MAX_ENTRIES))
    _write(entry, actor, day=day or clock.today(actor.timezone), minutes=minutes, note=note, billable=billable)
    db.session.add(entry)
    db.session.flush()
    _sum(task.id)
    return entry


def update_time(
    entry_id: UUID,
    *,
    actor: Actor,
    day: dt.date | None = None,
    minutes: int | None = None,
    note: str | None = None,
    billable: bool | None = None,
) -> TimeEntry:
    """Changes an entry of the actor's own that has ended. Raises as ``log_time``, Conflict for a timer that runs."""
    entry = _own(entry_id, actor)
    if entry.minutes is None:
        raise Conflict(_("Stop the timer first."))
    _write(
        entry,
        actor,
        day=day or entry.day,
        minutes=entry.minutes if minutes is None else minutes,
        note=entry.note if note is None else note,
        billable=entry.billable if billable is None else billable,
    )
    db.session.flush()
    _sum(entry.task_id)
    return entry


def delete_time(entry_id: UUID, *, actor: Actor) -> None:
    """Removes an entry: one's own, or anybody's for who manages tasks."""
    entry = _own(entry_id, actor, manage=True)
    db.session.delete(entry)
    db.session.flush()
    _sum(entry.task_id)


def _member(actor: Actor) -> UUID:
    if actor.member_id is None:
        raise Forbidden
    return actor.member_id


def _own(entry_id: UUID, actor: Actor, *, manage: bool = False) -> TimeEntry:
    entry = queries.get_entry(entry_id)
    lock_task(entry.task_id, actor=actor)
    if entry.member_id != _member(actor) and not (manage and actor.can("manage", "tasks")):
        raise Forbidden(_("Only who spent the time changes it."))
    return entry


def _write(entry: TimeEntry, actor: Actor, *, day: dt.date, minutes: int | None, note: str, billable: bool) -> None:
    errors: dict[str, list[str]] = {}
    if minutes is None or not 1 <= minutes <= MAX_MINUTES:
        errors["minutes"] = [_("Write a number from 1 to %(count)s.", count=MAX_MINUTES)]
    if not dt.date(2000, 1, 1) <= day <= clock.today(actor.timezone):
        errors["day"] = [_("Choose a day that has come.")]
    note = " ".join(note.split())
    if len(note) > 300:
        errors["note"] = [_("Write a text of at most %(count)s characters.", count=300)]
    if errors:
        raise Invalid(errors=errors)
    entry.day, entry.minutes, entry.note, entry.billable = day, minutes, note, billable


def _sum(task_id: UUID) -> None:
    """Writes what a task's entries sum up to. Whoever stops a timer may not see its task any more: the sum is true."""
    with every_record():
        task = db.session.scalar(select(Task).where(Task.id == task_id).with_for_update())
        total = db.session.scalar(select(func.sum(TimeEntry.minutes)).where(TimeEntry.task_id == task_id))
    if task is None:
        raise NotFound
    task.logged = int(total or 0)
    db.session.flush()
    announce(task, "updated")
