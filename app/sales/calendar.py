"""Sales in the calendar: activities at their time, and the days on which open deals are expected to close."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, and_, select

from app.kernel import clock
from app.kernel.calendar import CalendarProvider, Entry, Move, Question
from app.kernel.crud.fields import Choice, Crud
from app.kernel.crud.query import plan, search_criterion
from app.kernel.crud.store import announce
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.activities import ACTIVITIES, ACTIVITY_TYPES
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.models.activities import ActivityLog
from app.sales.models.opportunities import Opportunity
from app.sales.service.activities import complete_activity, reschedule_activity
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MODULE = "sales"
MODULES = (Choice(MODULE, _l("Sales"), "b-p2", "handshake"),)
# What an activity without a length is drawn with.
HALF_HOUR = dt.timedelta(minutes=30)
# An activity's “to-do” is no task, so that a filter can tell them apart.
_NAMES = {"task": "todo"}
_VALUES = {name: value for value, name in _NAMES.items()}
TYPES = tuple(Choice(_NAMES.get(one.value, one.value), one.label, one.css, one.icon) for one in ACTIVITY_TYPES)
CLOSING = Choice("closing", _l("Expected closing"), "b-warn", "flag")


def _owned(model: Any, *columns: Any) -> Select[Any]:
    return (
        select(
            model.id, model.version, model.title, model.owner_id, model.updated_at, model.updated_by_id,
            Membership.display_name.label("owner"), *columns,
        )
        .select_from(model)
        .outerjoin(
            Membership, and_(Membership.id == model.owner_id, Membership.organization_id == model.organization_id)
        )
    )  # fmt: skip


def _matching(statement: Select[Any], actor: Actor, question: Question, crud: Crud) -> Select[Any]:
    if question.search:
        statement = statement.where(search_criterion(crud, question.search, plan(crud).columns))
    if question.mine:
        statement = statement.where(crud.model.owner_id == actor.member_id)
    return statement.limit(question.limit)


# ── activities ───────────────────────────────────────────────────────────────────────────────────


def _activities() -> Select[Any]:
    return _owned(ActivityLog, ActivityLog.type, ActivityLog.due_at, ActivityLog.done_at, ActivityLog.duration_min)


def _activity(actor: Actor, row: Any) -> Entry:
    length = dt.timedelta(minutes=row.duration_min) if row.duration_min else HALF_HOUR
    scope = actor.scope("write", ACTIVITIES.resource)
    writable = scope is not None and actor.covers(scope, row.owner_id)
    return Entry(
        kind=ACTIVITIES.kind,
        id=row.id,
        version=row.version,
        title=row.title,
        start=row.due_at,
        end=None if row.due_at is None else row.due_at + length,
        module=MODULE,
        type=_NAMES.get(row.type, row.type),
        priority=None,
        owner_id=row.owner_id,
        owner=row.owner,
        url=f"{ACTIVITIES.url}/show/{row.id}",
        updated_at=row.updated_at,
        updated_by_id=row.updated_by_id,
        state="open" if row.done_at is None else "done",
        movable=writable,
        resizable=writable,
        finishable=writable and row.done_at is None,
    )


def list_activities(actor: Actor, question: Question) -> list[Entry]:
    """Activities whose time is in the period, planned and done."""
    if question.leaves:
        return []
    types = None
    if question.types is not None:
        types = frozenset(_VALUES.get(one, one) for one in question.types if one not in _NAMES)
    wanted = replace(question, types=types).within(
        module=MODULE, type_=ActivityLog.type, priority=None, owner=ActivityLog.owner_id
    )
    first = clock.day_bounds(question.first, actor.timezone)[0]
    until = clock.day_bounds(question.until, actor.timezone)[0]
    statement = _activities().where(ActivityLog.due_at >= first, ActivityLog.due_at < until, *wanted)
    statement = statement.order_by(ActivityLog.due_at, ActivityLog.id)
    return [_activity(actor, row) for row in db.session.execute(_matching(statement, actor, question, ACTIVITIES))]


def find_activity(actor: Actor, activity_id: UUID) -> Entry:
    """One activity. Raises NotFound."""
    row = db.session.execute(_activities().where(ActivityLog.id == activity_id)).one_or_none()
    if row is None:
        raise NotFound
    return _activity(actor, row)


def move_activity(actor: Actor, activity_id: UUID, move: Move) -> None:
    """Gives an activity another time; a day alone keeps its time of day."""
    activity = reschedule_activity(
        activity_id, start=move.start, end=move.end, actor=actor, version=move.version, timezone=actor.timezone
    )
    announce(ACTIVITIES, activity, "moved")


def finish_activity(actor: Actor, activity_id: UUID, version: int | None) -> None:
    """Marks an activity done. Raises Conflict for a stale version, and when it was done already."""
    announce(ACTIVITIES, complete_activity(activity_id, actor=actor, version=version), "updated")


# ── expected closings ────────────────────────────────────────────────────────────────────────────


def _closings() -> Select[Any]:
    return _owned(Opportunity, Opportunity.close_date, Opportunity.priority)


def _closing(row: Any) -> Entry:
    """Read-only: when a deal closes is agreed with the client, not moved by a hand that slips."""
    return Entry(
        kind=OPPORTUNITIES.kind,
        id=row.id,
        version=row.version,
        title=row.title,
        start=row.close_date,
        end=row.close_date and row.close_date + dt.timedelta(days=1),
        module=MODULE,
        type=CLOSING.value,
        priority=row.priority,
        owner_id=row.owner_id,
        owner=row.owner,
        url=f"{OPPORTUNITIES.url}/show/{row.id}",
        updated_at=row.updated_at,
        updated_by_id=row.updated_by_id,
    )


def list_closings(actor: Actor, question: Question) -> list[Entry]:
    """Open deals that are expected to close in the period."""
    if question.leaves:
        return []
    wanted = question.within(
        module=MODULE, type_=CLOSING.value, priority=Opportunity.priority, owner=Opportunity.owner_id
    )
    statement = _closings().where(
        Opportunity.stage_kind == "open",
        Opportunity.close_date >= question.first,
        Opportunity.close_date < question.until,
        *wanted,
    )
    statement = statement.order_by(Opportunity.close_date, Opportunity.id)
    return [_closing(row) for row in db.session.execute(_matching(statement, actor, question, OPPORTUNITIES))]


def find_closing(_actor: Actor, opportunity_id: UUID) -> Entry:
    """One deal's expected closing. Raises NotFound."""
    row = db.session.execute(_closings().where(Opportunity.id == opportunity_id)).one_or_none()
    if row is None:
        raise NotFound
    return _closing(row)


CALENDARS = [
    CalendarProvider(
        ACTIVITIES.kind,
        ACTIVITIES.resource,
        modules=MODULES,
        types=TYPES,
        entries=list_activities,
        find=find_activity,
        move=move_activity,
        finish=finish_activity,
    ),
    CalendarProvider(
        OPPORTUNITIES.kind,
        OPPORTUNITIES.resource,
        modules=MODULES,
        types=(CLOSING,),
        entries=list_closings,
        find=find_closing,
    ),
]
