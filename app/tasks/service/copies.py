"""Copies of tasks with what belongs to them, for recurrence."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.kernel.db import db
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task, TaskMember
from app.tasks.models.work import ChecklistItem
from app.tasks.queries import tasks as queries
from app.tasks.service.approvals import copy_approvers
from app.tasks.service.tasks import create_task
from app.tenancy.queries import still_here

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

MAX_COPIES = 200
# What a copy has of its original. Dates are shifted, status and time start anew.
COPIED = ("title", "description", "module", "type", "priority", "owner_id", "estimate", "tags", "custom")


def copy_task(task: Task, *, actor: Actor, shift: dt.timedelta, **changes: Any) -> Task:
    """A new task like ``task``, its dates moved by ``shift``, with people, check-list and sub-tasks (all open); what
    belongs to somebody who has left is nobody's in it, and they are not among its people.

    ``changes`` replace values of the topmost copy.
    """
    backlog = queries.first_status(StatusGroup.BACKLOG).id
    made: dict[UUID, UUID] = {}
    top: Task | None = None
    tree = queries.tree_of(task)[:MAX_COPIES]
    here = still_here(one.owner_id for one in tree)
    for one in tree:
        values = {name: getattr(one, name) for name in COPIED}
        values["owner_id"] = one.owner_id if one.owner_id in here else None
        values |= {name: getattr(one, name) and getattr(one, name) + shift for name in ("start_on", "due_on")}
        parent = made[one.parent_id] if top is not None and one.parent_id is not None else task.parent_id
        values |= {"status_id": backlog, "parent_id": parent}
        copy = create_task(actor=actor, **values, **(changes if top is None else {}))
        made[one.id] = copy.id
        top = top or copy
    _copy_parts(made, shift)
    copy_approvers(made, actor=actor)
    assert top is not None
    return top


def _copy_parts(made: dict[UUID, UUID], shift: dt.timedelta) -> None:
    people = db.session.scalars(select(TaskMember).where(TaskMember.task_id.in_(made))).all()
    items = db.session.scalars(select(ChecklistItem).where(ChecklistItem.task_id.in_(made))).all()
    here = still_here([*(one.member_id for one in people), *(one.assignee_id for one in items)])
    for person in people:
        if person.member_id in here:
            db.session.add(TaskMember(task_id=made[person.task_id], member_id=person.member_id, role=person.role))
    for item in items:
        copy = ChecklistItem(task_id=made[item.task_id], text=item.text, position=item.position)
        copy.assignee_id = item.assignee_id if item.assignee_id in here else None
        copy.due_on = item.due_on and item.due_on + shift
        db.session.add(copy)
    db.session.flush()
