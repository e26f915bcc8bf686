"""What time sets off: due dates that come, due dates that passed, schedules."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from app.automations.models import AutomationRule
from app.automations.queries import moments
from app.automations.service.running import Outcome, consider
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import BadRequest

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def work_off(rule_id: UUID, *, actor: Actor) -> int:
    """Queues the runs of a rule of time whose moment has come; how many. Stops at the day's limit."""
    rule = db.session.scalar(
        select(AutomationRule)
        .where(AutomationRule.id == rule_id, AutomationRule.active)
        .with_for_update(skip_locked=True)
    )
    if rule is None:
        return 0
    now = clock.now().astimezone(ZoneInfo(actor.timezone))
    try:
        occasions = _occasions(rule, now, actor)
    except BadRequest:
        return 0  # what a condition names is gone: nothing meets it
    queued = 0
    for record_id, key in occasions:
        outcome = consider(rule, record_id, key, actor=actor, met=True)
        if outcome is Outcome.CAPPED:
            break
        queued += outcome is Outcome.QUEUED
    return queued


def _occasions(rule: AutomationRule, now: dt.datetime, actor: Actor) -> list[tuple[UUID, str]]:
    if rule.trigger["type"] != "schedule":
        return list(moments.due(rule, now.date(), actor=actor))
    if not moments.is_time(rule, now):
        return []
    # A plain update: being worked off is no change of the rule, for version and audit log.
    db.session.execute(
        update(AutomationRule.__table__).where(AutomationRule.__table__.c.id == rule.id).values(scheduled_on=now.date())  # type: ignore[arg-type]
    )
    return [(row[0], f"{row[0]}:{now.date()}") for row in moments.meeting(rule, actor=actor, limit=rule.daily_cap + 1)]
