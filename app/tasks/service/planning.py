"""Dates of several tasks at once, with their undo; and pictures of the plan to compare with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import or_, select

from app.events.tasks import TaskChanged
from app.kernel import audit, clock, i18n
from app.kernel.db import db, is_one_of
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.tasks.models.plan import TimelineBaseline
from app.tasks.models.tasks import Task
from app.tasks.queries.timeline import get_baseline
from app.tasks.service.sla import plan_start
from app.tasks.service.tasks import announce
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_MOVES = 500
# Tasks in one picture of the plan.
MAX_PICTURED = 5000


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates that a task is to have, and the version that whoever says so has seen."""

    id: UUID
    version: int
    start_on: dt.date | None
    due_on: dt.date | None


def set_dates(wanted: Sequence[Dates], *, actor: Actor) -> list[Dates]:
    """Gives each task its dates, all or none; answers the old ones with the new versions: the undo. Emits TaskChanged.

    Raises Conflict when one of them was changed since, with what was written.
    """
    if not 1 <= len(wanted) <= MAX_MOVES or len({one.id for one in wanted}) != len(wanted):
        raise Invalid(errors={"tasks": [_("Name from 1 to %(count)s different tasks.", count=MAX_MOVES)]})
    statement = select(Task).where(is_one_of(Task.id, [one.id for one in wanted])).order_by(Task.id).with_for_update()
    found = {task.id: task for task in db.session.scalars(statement)}
    before = []
    for one in wanted:
        task = found.get(one.id)
        if task is None:
            raise NotFound
        actor.require_on("write", "task", task)
        if task.version != one.version:
            raise _changed(task)
        if one.start_on is not None and one.due_on is not None and one.due_on < one.start_on:
            raise Invalid(errors={"due_on": [_("The due date is before the start.")]})
        before.append((task, task.start_on, task.due_on))
        plan_start(task, one.start_on)
        task.due_on = one.due_on
    db.session.flush()
    for task, start, due in before:
        days = (("start_on", start, task.start_on), ("due_on", due, task.due_on))
        changes = {name: [audit.plain(old), audit.plain(new)] for name, old, new in days if old != new}
        if changes:
            emit(TaskChanged(subject_id=task.id, title=task.title, changes=changes))
        announce(task, "planned")
    return [Dates(task.id, task.version, start, due) for task, start, due in before]


def _changed(task: Task) -> Conflict:
    writer = db.session.scalar(select(Membership.display_name).where(Membership.id == task.updated_by_id))
    return Conflict(
        _(
            "“%(title)s” was changed by %(name)s in the meantime; it is planned for %(start)s – %(due)s.",
            title=task.title,
            name=writer or _("somebody else"),
            start=i18n.short_date(task.start_on) or "?",
            due=i18n.short_date(task.due_on) or "?",
        ),
        details={"id": str(task.id), "version": task.version, "start_on": task.start_on, "due_on": task.due_on},
    )


def take_baseline(*, actor: Actor) -> TimelineBaseline:
    """Keeps the dates of all tasks that the actor sees, in place of the picture that they had."""
    member = _require_member(actor)
    rows = db.session.execute(
        select(Task.id, Task.start_on, Task.due_on)
        .where(or_(Task.start_on.is_not(None), Task.due_on.is_not(None)))
        .order_by(Task.due_on.desc().nulls_last(), Task.id)
        .limit(MAX_PICTURED)
    )
    dates = {str(key): [start and start.isoformat(), due and due.isoformat()] for key, start, due in rows}
    picture = get_baseline(actor) or TimelineBaseline(member_id=member)
    picture.taken_at, picture.dates = clock.now(), dates
    db.session.add(picture)
    db.session.flush()
    return picture


def remove_baseline(*, actor: Actor) -> None:
    """Forgets the actor's picture, if there is one."""
    _require_member(actor)
    picture = get_baseline(actor)
    if picture is not None:
        db.session.delete(picture)


def _require_member(actor: Actor) -> UUID:
    actor.require("read", "task")
    if actor.member_id is None:
        raise Forbidden
    return actor.member_id
