"""Records whose moment has come, for the rules about due dates and on a schedule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr
from sqlalchemy import Date, String, cast, exists, func, literal, or_, select

from app.automations.conditions import criterion
from app.automations.models import AutomationKey, AutomationRun
from app.automations.subjects import SUBJECTS
from app.kernel import clock
from app.kernel.db import db
from app.tasks import recurrence
from app.tasks.models.names import CLOSED
from app.tasks.models.tasks import Task

if TYPE_CHECKING:
    from app.automations.models import AutomationRule
    from app.kernel.actor import Actor

BATCH = 500


def moment_column(rule: AutomationRule) -> Any:
    """The day on which a task sets the rule off, in SQL."""
    days = rule.trigger["days"]
    return cast(Task.due_on + literal(days if rule.trigger["type"] == "overdue" else -days), Date)


def due(rule: AutomationRule, today: dt.date, *, actor: Actor) -> Sequence[tuple[UUID, str]]:
    """Open tasks whose moment has come since the rule was switched on: (id, key), those that were not met before."""
    key = func.concat(cast(Task.id, String), ":", cast(Task.due_on, String))
    known = [
        exists().where(one.rule_id == rule.id, one.organization_id == Task.organization_id, one.key == key)
        for one in (AutomationRun, AutomationKey)
    ]
    moment = moment_column(rule)
    assert rule.activated_at is not None
    statement = (
        select(Task.id, key)
        .where(
            Task.due_on.is_not(None),
            Task.status_group.not_in(CLOSED),
            moment <= today,
            moment >= rule.activated_at.astimezone(ZoneInfo(actor.timezone)).date(),
            *(~one for one in known),
            criterion(rule.conditions, SUBJECTS["task"], actor),
        )
        .order_by(Task.due_on, Task.id)
        .limit(BATCH)
    )
    if rule.trigger["type"] == "due_in":
        statement = statement.where(Task.due_on >= today)
    return [(row[0], row[1]) for row in db.session.execute(statement)]


def past_due(rule: AutomationRule, first: dt.date, today: dt.date, *, actor: Actor, limit: int) -> Sequence[Any]:
    """Tasks whose moment was from ``first`` to ``today`` and that were not done before it: (id, title, day)."""
    moment = moment_column(rule)
    statement = (
        select(Task.id, Task.title, moment)
        .where(
            Task.due_on.is_not(None),
            moment.between(first, today),
            or_(Task.done_at.is_(None), Task.done_at >= func.timezone(actor.timezone, moment)),
            criterion(rule.conditions, SUBJECTS["task"], actor),
        )
        .order_by(moment.desc(), Task.id)
        .limit(limit)
    )
    return db.session.execute(statement).all()


def falls_on(rule: AutomationRule, day: dt.date) -> bool:
    """Whether a schedule has this day. Intervals are counted from the day of its making, for days before it too."""
    made = (clock.now() if rule.created_at is None else rule.created_at).date()
    text = rule.trigger["rule"]
    start = made if day >= made else _start_before(made, day, text)
    if start is None:
        return False
    days: Any = rrulestr(text, dtstart=dt.datetime.combine(start, dt.time()))
    wanted = dt.datetime.combine(day, dt.time())
    if start != made:
        days = days.replace(count=None)  # what is counted begins with the rule
    return bool(days.between(wanted, wanted, inc=True))


def _start_before(made: dt.date, day: dt.date, text: str) -> dt.date | None:
    """The last day up to ``day`` that is whole intervals before ``made``; None where the calendar has none."""
    parts = recurrence.parse(text)
    step = int(parts.get("INTERVAL", 1)) * {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 1, "YEARLY": 12}[parts["FREQ"]]
    if parts["FREQ"] in ("DAILY", "WEEKLY"):
        return made - dt.timedelta(days=-(-(made - day).days // step) * step)
    for months in range(step, 12 * (made.year - 1), step):
        start = made - relativedelta(months=months)
        if start <= day and start.day == made.day:  # not the 30th for the 31st
            return start
    return None


def is_time(rule: AutomationRule, now: dt.datetime) -> bool:
    """Whether a schedule is to be worked off at ``now``, in the organization's time: not before it was switched on."""
    at = dt.datetime.combine(now.date(), dt.time.fromisoformat(rule.trigger["at"]), now.tzinfo)
    assert rule.activated_at is not None
    return rule.scheduled_on != now.date() and rule.activated_at <= at <= now and falls_on(rule, now.date())


def meeting(rule: AutomationRule, *, actor: Actor, limit: int) -> Sequence[Any]:
    """The records that meet the rule's conditions now: (id, label)."""
    subject = SUBJECTS[rule.subject]
    model = subject.crud.model
    label = getattr(model, subject.crud.label_field)
    statement = (
        select(model.id, label).where(criterion(rule.conditions, subject, actor)).order_by(model.id).limit(limit)
    )
    return db.session.execute(statement).all()
