"""Tasks in the calendar: from start to due date; those without a due date wait beside it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, false, func, or_, select

from app.kernel.calendar import CalendarProvider, Entry, Move, Question
from app.kernel.crud.query import ListParams, matching
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.tasks.cruds import MODULES, PRIORITIES, TASKS, TYPES
from app.tasks.models.names import CLOSED, MemberRole, StatusGroup
from app.tasks.models.tasks import Task, TaskMember
from app.tasks.queries.tasks import first_status
from app.tasks.service.schedule import reschedule_task
from app.tasks.service.tasks import announce, lock_task, update_task
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor

_DAY = dt.timedelta(days=1)


def _select(actor: Actor) -> Select[Any]:
    collaborates: Any = false()
    if actor.member_id is not None:
        collaborates = exists().where(
            TaskMember.task_id == Task.id,
            TaskMember.member_id == actor.member_id,
            TaskMember.role == MemberRole.COLLABORATOR,
        )
    columns: tuple[Any, ...] = (
        Task.id, Task.version, Task.title, Task.start_on, Task.due_on, Task.module, Task.type, Task.priority,
        Task.owner_id, Membership.display_name.label("owner"), Task.status_group, Task.updated_at,
        Task.updated_by_id, collaborates.label("collaborates"),
    )  # fmt: skip
    owner = and_(Membership.id == Task.owner_id, Membership.organization_id == Task.organization_id)
    return select(*columns).select_from(Task).outerjoin(Membership, owner)


def _entry(actor: Actor, row: Any) -> Entry:
    start = row.start_on if row.start_on is not None and row.due_on is not None else row.due_on
    writable = _may_write(actor, row)
    return Entry(
        kind=TASKS.kind,
        id=row.id,
        version=row.version,
        title=row.title,
        start=start,
        end=None if row.due_on is None else row.due_on + _DAY,
        module=row.module,
        type=row.type,
        priority=row.priority,
        owner_id=row.owner_id,
        owner=row.owner,
        url=f"/tasks/{row.id}",
        updated_at=row.updated_at,
        updated_by_id=row.updated_by_id,
        state=row.status_group if row.status_group in CLOSED else "open",
        movable=writable,
        resizable=writable and row.type != "milestone",
        finishable=writable and row.status_group not in CLOSED,
    )


def _may_write(actor: Actor, row: Any) -> bool:
    """As ``Task.is_reached_by``, without a query for each row."""
    scope = actor.scope("write", Task.__resources__.get(row.module, ""))
    if scope is not None and actor.covers(scope, row.owner_id):
        return True
    return actor.can("write", "task") and (
        row.collaborates or (row.owner_id is not None and row.owner_id == actor.member_id)
    )


def _matching(statement: Select[Any], actor: Actor, question: Question) -> Select[Any]:
    params = ListParams(search=question.search, leaves=list(question.leaves))
    statement = statement.where(
        matching(TASKS, params, actor),
        *question.within(module=Task.module, type_=Task.type, priority=Task.priority, owner=Task.owner_id),
    )
    if question.mine:
        statement = statement.where(Task.shared_with(actor.member_id, "read"))
    return statement.limit(question.limit)


def list_entries(actor: Actor, question: Question) -> list[Entry]:
    """The tasks of a period, by their first day in it."""
    inside = and_(Task.due_on >= question.first, Task.due_on < question.until)
    across = and_(Task.due_on >= question.until, Task.start_on < question.until)
    statement = _select(actor).where(or_(inside, across))
    statement = statement.order_by(func.coalesce(Task.start_on, Task.due_on), Task.priority, Task.id)
    return [_entry(actor, row) for row in db.session.execute(_matching(statement, actor, question))]


def list_undated(actor: Actor, question: Question) -> list[Entry]:
    """What is still to do and has no due date: the most urgent first."""
    statement = _select(actor).where(Task.due_on.is_(None), Task.status_group.not_in(CLOSED))
    statement = statement.order_by(Task.priority, Task.rank, Task.id)
    return [_entry(actor, row) for row in db.session.execute(_matching(statement, actor, question))]


def find_entry(actor: Actor, task_id: UUID) -> Entry:
    """One task. Raises NotFound."""
    row = db.session.execute(_select(actor).where(Task.id == task_id)).one_or_none()
    if row is None:
        raise NotFound
    return _entry(actor, row)


def move_entry(actor: Actor, task_id: UUID, move: Move) -> None:
    """Gives a task other days; its first day stays unsaid where it was. Raises Invalid for a time of day."""
    if isinstance(move.start, dt.datetime) or isinstance(move.end, dt.datetime):
        raise Invalid(errors={"start": [_("A task has days, no time.")]})
    last = None if move.end is None else move.end - _DAY
    reschedule_task(task_id, first=move.start, last=last, actor=actor, version=move.version)


def finish_entry(actor: Actor, task_id: UUID, version: int | None) -> None:
    """Puts a task into the first status that means done. Raises Conflict for a stale version and a closed task."""
    task = lock_task(task_id, actor=actor, version=version)
    if task.status_group in CLOSED:
        raise Conflict(_("This task is closed already."))
    update_task(task, actor=actor, status_id=first_status(StatusGroup.DONE).id)
    db.session.flush()
    announce(task, "updated")


CALENDAR = CalendarProvider(
    TASKS.kind,
    TASKS.resource,
    modules=MODULES,
    types=TYPES,
    priorities=PRIORITIES,
    entries=list_entries,
    find=find_entry,
    undated=list_undated,
    move=move_entry,
    finish=finish_entry,
)
