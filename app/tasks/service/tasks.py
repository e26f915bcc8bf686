"""Tasks: create, change, move, delete; their people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import aliased

from app.events.tasks import TaskAssigned, TaskChanged, TaskCreated, TaskStatusChanged, TaskUnblocked
from app.kernel import audit, clock
from app.kernel.db import advisory_lock, advisory_lock_call, db, every_record
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.kernel.ranks import Ranking
from app.kernel.realtime import org_room, push
from app.tasks.models.names import CLOSED, MemberRole, StatusGroup
from app.tasks.models.tasks import Task, TaskMember, TaskStatus
from app.tasks.models.work import ChecklistItem
from app.tasks.queries import approvals, plan
from app.tasks.queries import tasks as queries
from app.tasks.queries.entering import Entry, read_entry
from app.tasks.service.links import LinkChange, put_link
from app.tasks.service.sla import note_status, plan_start, set_deadlines
from app.tenancy.models import MemberStatus
from app.tenancy.queries import get_member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from app.kernel.actor import Actor

MAX_PEOPLE = 50
MAX_DEPTH = 10
# One order over all tasks, so that it is the same in every grouping.
ORDER = Ranking(Task)
# Columns that always have a value: an emptied control leaves them as they are.
_KEPT = {"title", "module", "type", "priority", "tags", "custom"}


def lock_task(task_id: UUID, *, actor: Actor, version: int | None = None) -> Task:
    """The task, locked, for an actor who may write it. Raises NotFound, Forbidden, Conflict for a stale version."""
    return _held(select(Task).where(Task.id == task_id).with_for_update(), actor, version)


def _lock_for_move(task_id: UUID, keys: Sequence[str], *, actor: Actor, version: int | None) -> Task:
    """As lock_task, and with the row the locks of these names, in one statement."""
    row: Any = aliased(Task, select(Task).where(Task.id == task_id).with_for_update().cte("held"))
    mine = row.collaboration_of(actor.member_id).label("collaborates")
    return _held(select(row, mine, *map(advisory_lock_call, keys)), actor, version)


def _held(statement: Select[Any], actor: Actor, version: int | None) -> Task:
    found = db.session.execute(statement.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound
    task: Task = found[0]
    # Read with the row, so that whether a collaborator may write it is no query of its own.
    if actor.member_id is not None and "collaborates" in found._fields:
        task.collaboration = (actor.member_id, found.collaborates)
    actor.require_on("write", "task", task)
    if version is not None and task.version != version:
        raise Conflict(details={"version": task.version, "status": str(task.status_id)})
    return task


def create_task(*, actor: Actor, **values: Any) -> Task:
    """Creates a task at the top of the order; emits TaskCreated, and TaskAssigned to somebody else.

    Without a module it goes where its parent is, else to the first one that the actor may write; without
    a status to the first of the backlog. Raises Invalid for dates in the wrong order, an unknown parent and an owner
    who has left, Conflict for a status that is full.
    """
    task = Task(**{key: value for key, value in values.items() if value is not None})
    if task.parent_id is not None:
        task.module = task.module or queries.get_task(task.parent_id).module
    task.module = task.module or _first_module(actor)
    if task.owner_id not in {None, actor.member_id}:
        _require_owner(task.owner_id)
    status = queries.get_status(task.status_id) if task.status_id else queries.first_status(StatusGroup.BACKLOG)
    _require_module(task.module, actor)
    _require_room(status)
    _enter(task, status)
    _check(task)
    task.rank = ORDER.top()
    task.number = _next_number()
    db.session.add(task)
    db.session.flush()
    actor.require_on("write", "task", task)
    emit(TaskCreated(subject_id=task.id, title=task.title, module=task.module, owner_id=task.owner_id))
    if task.owner_id is not None and task.owner_id != actor.member_id:
        emit(TaskAssigned(subject_id=task.id, title=task.title, owner_id=task.owner_id, previous_owner_id=None))
    return task


def _first_module(actor: Actor) -> str:
    for module, resource in Task.__resources__.items():
        if actor.can("write", resource):
            return str(module)
    raise Forbidden(details={"permission": "write tasks"})


def _require_module(module: str, actor: Actor) -> None:
    """Nobody puts a task where they may not write."""
    actor.require("write", Task.__resources__[module])


def _next_number() -> int:
    advisory_lock("task-number")
    with every_record():
        return (db.session.scalar(select(func.max(Task.number))) or 0) + 1


def update_task(task: Task, *, actor: Actor, **values: Any) -> Task:
    """Changes a task; emits TaskStatusChanged and TaskAssigned for what they say, TaskChanged for the rest.

    Raises Invalid for dates in the wrong order and for a parent that is below the task, Conflict when the
    status is full, or would be reached without the approval that was asked for.
    """
    return _update(task, values, actor)


def _update(task: Task, values: dict[str, Any], actor: Actor, entry: Entry | None = None) -> Task:
    """The same; ``entry`` was read under the status's lock."""
    values, locked = dict(values), entry is not None
    status_id = values.pop("status_id", None)
    previous_owner = task.owner_id
    if entry is None and values.get("owner_id") not in {None, previous_owner}:
        _require_owner(values["owner_id"])
    if values.get("module") not in {None, task.module}:
        _require_module(values["module"], actor)
    previous_parent, previous_sla = task.parent_id, (task.priority, task.type)
    if values.get("type") not in {None, task.type}:
        approvals.require_settled(task)
    changes: dict[str, list[Any]] = {}
    for name, value in values.items():
        if value is None and name in _KEPT:
            continue
        if value != getattr(task, name):
            changes[name] = [audit.plain(getattr(task, name)), audit.plain(value)]
        if name == "start_on":
            plan_start(task, value)
        setattr(task, name, value)
    _check(task, previous_parent)
    if task.parent_id is not None and task.parent_id != previous_parent:
        _require_unlinked(task)
    if (task.priority, task.type) != previous_sla and task.status_group not in CLOSED:
        set_deadlines(task)
    if status_id is not None and status_id != task.status_id:
        entry = entry or read_entry(task, status_id)
        if entry.others is not None and not locked:
            advisory_lock(_limit_key(status_id))
            entry = read_entry(task, status_id)
        _change_status(task, entry)
    changes.pop("description", None)  # long, and nobody waits for it
    if changes:
        emit(TaskChanged(subject_id=task.id, title=task.title, changes=changes))
    if task.owner_id != previous_owner:
        emit(
            TaskAssigned(subject_id=task.id, title=task.title, owner_id=task.owner_id, previous_owner_id=previous_owner)
        )
    return task


def move_task(
    task_id: UUID,
    *,
    actor: Actor,
    values: dict[str, Any],
    after_id: UUID | None = None,
    before_id: UUID | None = None,
    version: int | None = None,
    link: LinkChange | None = None,
) -> Task:
    """Puts a task between two others, and into the group that ``values`` describe (a status, an owner, …) or ``link``.

    ``after_id`` is the task above, ``before_id`` the one below; both absent means the top. Raises Conflict
    for a stale ``version`` and for a status that is full, Invalid for a status or an owner that there is not.
    """
    keys = [ORDER.lock_key()]
    if values.get("status_id") is not None:
        keys.append(_limit_key(values["status_id"]))
    task = _lock_for_move(task_id, keys, actor=actor, version=version)
    entry = read_entry(
        task,
        values.get("status_id") or task.status_id,
        owner_id=values.get("owner_id"),
        place=ORDER.surroundings(task.id, after_id, before_id),
    )
    if not entry.owner_exists:
        raise Invalid(errors={"owner": [_("This record does not exist.")]})
    _update(task, values, actor, entry)
    task.rank = ORDER.place(entry.place, task.id, after_id, before_id)
    actor.require_on("write", "task", task)  # nobody gives away what they could then no longer write
    if link is not None:
        with db.session.no_autoflush:
            if put_link(task, link, actor=actor):
                task.updated_at = clock.now()  # a new version: two who move it at once do not undo each other
    db.session.flush()
    announce(task, "moved")
    return task


def delete_task(task: Task, *, actor: Actor) -> None:
    """Deletes a task with its sub-tasks and check-list."""
    actor.require_on("write", "task", task)
    db.session.delete(task)


def _require_room(status: TaskStatus) -> None:
    """Raises Conflict when a new task would be one too many."""
    if status.wip_hard:
        advisory_lock(_limit_key(status.id))
        with every_record():
            held = db.session.scalar(select(func.count()).select_from(Task).where(Task.status_id == status.id)) or 0
        _refuse_full(status, held)


def _refuse_full(status: TaskStatus, held: int) -> None:
    if status.wip_hard and status.wip_limit is not None and held >= status.wip_limit:
        raise Conflict(_("“%(name)s” is full: its limit is %(limit)s tasks.", name=status.name, limit=status.wip_limit))


def _limit_key(status_id: UUID) -> str:
    """The name of the lock under which the tasks of a status are counted."""
    return f"task-status:{status_id}"


def _change_status(task: Task, entry: Entry) -> None:
    old, status = entry.old, entry.new
    if status is None:
        raise Invalid(errors={"status": [_("This record does not exist.")]})
    if status.group in {StatusGroup.APPROVED, StatusGroup.DONE}:
        approvals.refuse_unsettled(task, entry.approval)
    _refuse_full(status, entry.others or 0)
    _enter(task, status, entry.timezone)
    emit(
        TaskStatusChanged(
            subject_id=task.id,
            title=task.title,
            owner_id=task.owner_id,
            from_status=old.name,
            to_status=status.name,
            from_group=old.group,
            to_group=status.group,
            from_status_id=old.id,
            to_status_id=status.id,
        )
    )
    if queries.is_cleared(task.type, status.group) and not queries.is_cleared(task.type, old.group):
        for freed_id, title, owner_id in entry.freed:
            emit(TaskUnblocked(subject_id=freed_id, title=title, owner_id=owner_id, cleared_by=task.title))


def _require_owner(member_id: UUID | None) -> None:
    """Whoever has left gets no more work; NotFound for nobody of the organization."""
    if member_id is not None and get_member(member_id).status == MemberStatus.REMOVED:
        raise Invalid(errors={"owner": [_("This person has left.")]})


def _enter(task: Task, status: TaskStatus, timezone: str | None = None) -> None:
    before = task.status_group
    task.status_id, task.status_group = status.id, status.group
    if status.group not in CLOSED:
        task.done_at = None
    elif task.done_at is None:
        task.done_at = clock.now()
    note_status(task, before, timezone)


def _check(task: Task, checked_parent: UUID | None = None) -> None:
    errors: dict[str, list[str]] = {}
    if task.start_on is not None and task.due_on is not None and task.due_on < task.start_on:
        errors["due_on"] = [_("The due date is before the start.")]
    if task.parent_id is not None and task.parent_id != checked_parent:
        with db.session.no_autoflush:  # the database would refuse the simplest circle before we can say why
            above = queries.ancestors(task.parent_id)
        if not above:
            errors["parent"] = [_("This record does not exist.")]
        elif task.id in above:
            errors["parent"] = [_("A task cannot be below itself.")]
        elif len(above) >= MAX_DEPTH:
            errors["parent"] = [_("Sub-tasks go at most %(count)s levels deep.", count=MAX_DEPTH)]
    if errors:
        raise Invalid(errors=errors)


def _require_unlinked(task: Task) -> None:
    """Nothing depends on what it is a part of."""
    with db.session.no_autoflush:
        if plan.are_joined(plan.descendants(task.id), queries.ancestors(task.parent_id)):  # type: ignore[arg-type]
            raise Invalid(errors={"parent": [_("A task cannot depend on a task above or below it.")]})


def announce(task: Task, what: str) -> None:
    """Tells open lists and boards that a task changed: its id and version only."""
    payload = {"id": str(task.id), "version": task.version, "change": what}
    push(org_room(task.organization_id, "task"), "task:changed", payload)


# ── people ───────────────────────────────────────────────────────────────────────────────────────


def set_people(task: Task, role: MemberRole, member_ids: list[UUID], *, actor: Actor) -> None:
    """Makes ``member_ids`` the collaborators or watchers of a task. Open lines of its check-list that belong to
    collaborators who are taken off become nobody's: they may see the task no more.

    Raises NotFound for an unknown member, Invalid for too many and for somebody new who has left.
    """
    actor.require_on("write", "task", task)
    wanted = set(member_ids)
    if len(wanted) > MAX_PEOPLE:
        raise Invalid(errors={f"{role.value}s": [_("At most %(count)s people.", count=MAX_PEOPLE)]})
    here = TaskMember.task_id == task.id, TaskMember.role == role
    known = set(db.session.scalars(select(TaskMember.member_id).where(*here)))
    if known != wanted:
        task.updated_at = clock.now()  # a new version: two who change the list at once do not undo each other
    if known - wanted:
        db.session.execute(delete(TaskMember).where(*here, TaskMember.member_id.in_(known - wanted)))
        if role is MemberRole.COLLABORATOR:
            _free_lines(task, known - wanted)
    for member_id in wanted - known:
        member = get_member(member_id)
        if member.status == MemberStatus.REMOVED:
            raise Invalid(errors={f"{role.value}s": [_("This person has left.")]})
        db.session.add(TaskMember(task_id=task.id, member_id=member.id, role=role))
    db.session.flush()


def _free_lines(task: Task, member_ids: set[UUID]) -> None:
    mine = ChecklistItem.task_id == task.id, ChecklistItem.assignee_id.in_(member_ids - {task.owner_id})
    for item in db.session.scalars(select(ChecklistItem).where(*mine, ~ChecklistItem.done)):
        item.assignee_id = None


def watch_task(task_id: UUID, *, actor: Actor, on: bool) -> None:
    """Makes the actor a watcher of a task that they see, or no longer one. Raises Forbidden for no member."""
    task = queries.get_task(task_id)
    if actor.member_id is None:
        raise Forbidden
    mine = (
        TaskMember.task_id == task.id,
        TaskMember.member_id == actor.member_id,
        TaskMember.role == MemberRole.WATCHER,
    )
    watching = db.session.scalar(select(TaskMember).where(*mine))
    if on and watching is None:
        db.session.add(TaskMember(task_id=task.id, member_id=actor.member_id, role=MemberRole.WATCHER))
    elif not on and watching is not None:
        db.session.delete(watching)
    db.session.flush()
