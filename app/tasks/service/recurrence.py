"""Tasks that come again: the rule of a task, and the task that follows it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.tasks import recurrence
from app.tasks.models.names import Recurs
from app.tasks.models.tasks import Task
from app.tasks.service.copies import copy_task
from app.tasks.service.tasks import announce, lock_task

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def set_recurrence(
    task_id: UUID, *, actor: Actor, rule: str | None, recurs: str | None = None, version: int | None = None
) -> Task:
    """Gives a task a rule (RRULE) or takes it away; ``recurs`` says what counts: the schedule, or the completion.

    Raises Invalid for a rule that is none, and for a task without a due date, Conflict for a stale ``version``.
    """
    task = lock_task(task_id, actor=actor, version=version)
    if rule:
        try:
            rule = recurrence.normal(rule)
        except recurrence.BadRule:
            raise Invalid(errors={"rule": [_("This is no rule for a recurrence.")]}) from None
        if task.due_on is None:
            raise Invalid(errors={"rule": [_("Give the task a due date first.")]})
        if (recurs or Recurs.SCHEDULE) not in set(Recurs):
            raise Invalid(errors={"recurs": [_("Choose one of the list.")]})
    task.recurrence = rule or None
    task.recurs = (recurs or Recurs.SCHEDULE) if rule else None
    db.session.flush()
    announce(task, "updated")
    return task


def follow(task: Task, *, actor: Actor) -> Task | None:
    """Makes the task that follows a recurring one, once: when it is finished, or its next day has come.

    On schedule the next day is the rule's first after the due date that is not past; after completion it
    counts from today. None when there is none (any more).
    """
    if not task.recurrence or task.due_on is None or task.successor_id is not None:
        return None
    today = clock.today(actor.timezone)
    if task.recurs == Recurs.COMPLETION:
        day = recurrence.next_day(task.recurrence, today)
    else:
        day = recurrence.next_day(task.recurrence, task.due_on, not_before=today)
    if day is None:
        return None
    copy = copy_task(
        task,
        actor=actor,
        shift=day - task.due_on,
        recurrence=recurrence.successor(task.recurrence),
        recurs=task.recurs,
    )
    task.successor_id = copy.id
    db.session.flush()
    return copy


def is_due_again(task: Task, today: dt.date) -> bool:
    """Whether the next day of a task that recurs on schedule has come though it is not finished."""
    if not task.recurrence or task.recurs != Recurs.SCHEDULE or task.due_on is None:
        return False
    day = recurrence.next_day(task.recurrence, task.due_on)
    return day is not None and day <= today
