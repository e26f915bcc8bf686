"""Calls, mails, meetings, notes and to-dos of sales."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.kernel import clock
from app.kernel.db import db, every_record
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.sales.models.activities import ActivityLog, ActivityType
from app.sales.models.opportunities import Opportunity

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def create_activity(*, actor: Actor, **values: Any) -> ActivityLog:
    """Plans an activity, or logs one that is done; moves the deal's next activity date."""
    done = values.pop("done", None)
    activity = ActivityLog(**{key: value for key, value in values.items() if value is not None})
    if activity.owner_id is None:
        activity.owner_id = actor.member_id
    if activity.type == ActivityType.NOTE or done:
        activity.done_at = activity.done_at or clock.now()
    actor.require_on("write", "deal", activity)
    _check(activity)
    db.session.add(activity)
    db.session.flush()
    _touch(activity.opportunity_id)
    return activity


def update_activity(activity: ActivityLog, *, actor: Actor, **values: Any) -> ActivityLog:
    """Changes an activity."""
    actor.require_on("write", "deal", activity)
    before = activity.opportunity_id
    for name, value in values.items():
        setattr(activity, name, value)
    _check(activity)
    db.session.flush()
    _touch(activity.opportunity_id)
    if before != activity.opportunity_id:
        _touch(before)
    return activity


def reschedule_activity(
    activity_id: UUID,
    *,
    start: dt.date | dt.datetime | None,
    end: dt.date | dt.datetime | None,
    actor: Actor,
    timezone: str,
    version: int | None = None,
) -> ActivityLog:
    """Gives an activity another time, and another length where ``end`` is a moment.

    A day alone keeps the time of day, in ``timezone``. Raises Conflict for a stale version, Invalid for no
    start and for an end that is not after it.
    """
    activity = _lock(activity_id, actor, version)
    if start is None:
        raise Invalid(errors={"start": [_("Choose a day.")]})
    if not isinstance(start, dt.datetime):
        was = (activity.due_at or clock.now()).astimezone(ZoneInfo(timezone))
        start, end = dt.datetime.combine(start, was.time(), ZoneInfo(timezone)), None
    values: dict[str, Any] = {"due_at": start}
    if isinstance(end, dt.datetime):
        if end <= start:
            raise Invalid(errors={"end": [_("The end is before the start.")]})
        values["duration_min"] = int((end - start).total_seconds() // 60)
    return update_activity(activity, actor=actor, **values)


def _lock(activity_id: UUID, actor: Actor, version: int | None = None) -> ActivityLog:
    activity = db.session.scalar(select(ActivityLog).where(ActivityLog.id == activity_id).with_for_update())
    if activity is None:
        raise NotFound
    actor.require_on("write", "deal", activity)
    if version is not None and activity.version != version:
        raise Conflict(details={"version": activity.version})
    return activity


def complete_activity(
    activity_id: UUID, *, actor: Actor, outcome: str | None = None, version: int | None = None
) -> ActivityLog:
    """Marks an activity done, with its outcome. Raises Conflict for a stale version, and when it was done already."""
    activity = _lock(activity_id, actor, version)
    if activity.done_at is not None:
        raise Conflict(_("This activity is done already."))
    activity.done_at = clock.now()
    if outcome:
        activity.outcome = " ".join(outcome.split())[:200]
    db.session.flush()
    _touch(activity.opportunity_id)
    return activity


def delete_activity(activity: ActivityLog, *, actor: Actor) -> None:
    """Deletes an activity."""
    actor.require_on("write", "deal", activity)
    opportunity_id = activity.opportunity_id
    db.session.delete(activity)
    db.session.flush()
    _touch(opportunity_id)


def _check(activity: ActivityLog) -> None:
    if activity.duration_min is not None and not 0 <= activity.duration_min <= 100_000:
        raise Invalid(errors={"duration_min": [_("Write a number of minutes.")]})


def _touch(opportunity_id: UUID | None) -> None:
    """Stores on the deal when its next activity is due; the board shows and sorts by it."""
    if opportunity_id is None:
        return
    with every_record():
        due = db.session.scalar(
            select(func.min(ActivityLog.due_at)).where(
                ActivityLog.opportunity_id == opportunity_id,
                ActivityLog.done_at.is_(None),
                ActivityLog.due_at.is_not(None),
            )
        )
        # Not a change of the deal by a person: no new version, nothing in the audit log.
        db.session.execute(
            Opportunity.__table__.update().where(Opportunity.id == opportunity_id).values(next_activity_at=due)
        )
