"""What a rule would have done: the events of the last days are asked again, and nothing is written."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.automations.conditions import criterion
from app.automations.models import MAX_DEPTH
from app.automations.queries import moments
from app.automations.queries.aiming import Aim, Aiming
from app.automations.queries.runs import chained
from app.automations.subjects import SUBJECTS
from app.automations.triggers import TRIGGERS, record_of
from app.kernel import clock
from app.kernel.db import db, is_one_of
from app.kernel.errors import BadRequest
from app.kernel.outbox import Outbox

if TYPE_CHECKING:
    from app.automations.models import AutomationRule
    from app.kernel.actor import Actor

DAYS = 30
MAX_EVENTS = 20_000
MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Occasion:
    """Once that the rule would have run; ``capped``: beyond the day's limit, so it would not.

    ``aims`` are what its actions are aimed at; ``idle``: there is nothing that any of them could act on.
    """

    at: dt.datetime
    record_id: UUID
    label: str
    url: str
    capped: bool = False
    aims: tuple[Aim, ...] = ()
    idle: bool = False


@dataclass(frozen=True, slots=True)
class DryRun:
    """``occasions`` newest first, as many as are shown; ``count`` of those that would have run, ``partial`` where not
    all was asked.
    """

    occasions: list[Occasion]
    count: int
    capped: int
    partial: bool


def dry_run(rule: AutomationRule, *, actor: Actor, url: Any) -> DryRun:
    """What the rule would have run on in the last DAYS days, among the records that the actor sees.

    Triggers are asked of what happened then, conditions of the records as they are now.
    """
    try:
        found, partial = _of_time(rule, actor) if TRIGGERS[rule.trigger["type"]].is_of_time else _of_events(rule, actor)
    except BadRequest:
        found, partial = [], False
    zone = ZoneInfo(actor.timezone)
    taken: Counter[dt.date] = Counter()
    occasions = []
    aiming = Aiming(rule, {record_id for _at, record_id, _label in found})
    for at, record_id, label in sorted(found, key=lambda one: (one[0], str(one[1]))):
        day, idle = at.astimezone(zone).date(), aiming.is_idle(record_id)
        capped = not idle and taken[day] >= rule.daily_cap
        taken[day] += not idle
        occasions.append(Occasion(at, record_id, str(label), url(record_id), capped, idle=idle))
    occasions.reverse()
    capped_count = sum(one.capped for one in occasions)
    count = len(occasions) - capped_count - sum(one.idle for one in occasions)
    shown = occasions[:MAX_SHOWN]
    aims = aiming.aims({one.record_id for one in shown})
    return DryRun([replace(one, aims=aims[one.record_id]) for one in shown], count, capped_count, partial)


_Found = tuple[list[tuple[dt.datetime, UUID, str]], bool]


def _of_events(rule: AutomationRule, actor: Actor) -> _Found:
    trigger = TRIGGERS[rule.trigger["type"]]
    names = [event.name for event in trigger.events[rule.subject]]
    since = clock.now() - dt.timedelta(days=DAYS)
    rows = db.session.execute(
        select(
            Outbox.name,
            Outbox.subject_kind,
            Outbox.subject_id,
            Outbox.payload,
            Outbox.at,
            Outbox.depth,
            Outbox.cause_id,
        )
        .where(Outbox.name.in_(names), Outbox.at >= since)
        .order_by(Outbox.seq.desc())
        .limit(MAX_EVENTS)
    ).all()
    meant: list[tuple[dt.datetime, UUID, UUID | None]] = []
    for one in rows:
        kind, record_id = record_of(one.subject_kind, one.subject_id, one.payload)
        record_id = UUID(str(record_id))
        if kind != rule.subject or one.depth >= MAX_DEPTH or not trigger.fires(rule.trigger, one.name, one.payload):
            continue
        meant.append((one.at, record_id, one.cause_id))
    labels = _meeting(rule, {record_id for _at, record_id, _cause in meant}, actor)
    causes = {cause for _at, _id, cause in meant if cause is not None}
    own = chained(causes, rule.id) if rule.id is not None else set()
    found = [(at, one, labels[one]) for at, one, cause in meant if one in labels and (cause, one) not in own]
    return found, len(rows) == MAX_EVENTS


def _meeting(rule: AutomationRule, ids: set[UUID], actor: Actor) -> dict[UUID, str]:
    """Those of ``ids`` that meet the conditions, with what they are called. One query."""
    subject = SUBJECTS[rule.subject]
    model = subject.crud.model
    label = getattr(model, subject.crud.label_field)
    statement = select(model.id, label).where(is_one_of(model.id, ids), criterion(rule.conditions, subject, actor))
    return {row[0]: row[1] for row in db.session.execute(statement)}


def _of_time(rule: AutomationRule, actor: Actor) -> _Found:
    today = clock.today(actor.timezone)
    first = today - dt.timedelta(days=DAYS)
    if rule.trigger["type"] != "schedule":
        rows = moments.past_due(rule, first, today, actor=actor, limit=MAX_EVENTS)
        return [(_start(day, actor), key, title) for key, title, day in rows], len(rows) == MAX_EVENTS
    records = moments.meeting(rule, actor=actor, limit=rule.daily_cap + 1)
    now = clock.now()
    hour, minute = (int(one) for one in rule.trigger["at"].split(":"))
    found = []
    for past in range(DAYS + 1):
        day = first + dt.timedelta(days=past)
        at = _start(day, actor, dt.time(hour, minute))
        if at <= now and moments.falls_on(rule, day):
            found += [(at, row[0], row[1]) for row in records]
    return found, False


def _start(day: dt.date, actor: Actor, at: dt.time = dt.time()) -> dt.datetime:
    return dt.datetime.combine(day, at, ZoneInfo(actor.timezone))
