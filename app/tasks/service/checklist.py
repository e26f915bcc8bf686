"""Check-lists of tasks: their lines, who does them, and by when."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.events.tasks import ChecklistItemAssigned
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.tasks.models.names import MemberRole
from app.tasks.models.tasks import Task, TaskMember
from app.tasks.models.work import ChecklistItem
from app.tasks.queries import tasks as queries
from app.tasks.service.tasks import MAX_PEOPLE, announce, lock_task
from app.tenancy.models import MemberStatus
from app.tenancy.queries import get_member

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_ITEMS = 100


def add_item(
    task_id: UUID, text: str, *, actor: Actor, assignee_id: UUID | None = None, due_on: dt.date | None = None
) -> ChecklistItem:
    """Adds a line to a task's check-list, for ``assignee_id`` as in ``update_item``.

    Raises Invalid for no text and for somebody who is not here, Conflict beyond MAX_ITEMS.
    """
    task = lock_task(task_id, actor=actor)
    items = queries.list_checklist(task.id)
    if len(items) >= MAX_ITEMS:
        raise Conflict(_("A check-list has at most %(count)s lines.", count=MAX_ITEMS))
    item = ChecklistItem(task_id=task.id, text=_line(text), position=items[-1].position + 1 if items else 0)
    item.due_on = due_on
    _assign(task, item, assignee_id, actor)
    db.session.add(item)
    db.session.flush()
    return item


def update_item(item_id: UUID, *, actor: Actor, **values: Any) -> ChecklistItem:
    """Changes a line (``text``, ``assignee_id``, ``due_on``) or ticks it (``done``).

    Whoever is given a line becomes a collaborator of its task, unless it is their own: so they see it, and may
    tick it. Emits ChecklistItemAssigned, to others than the actor. Raises Invalid for somebody who is not here.
    """
    item = queries.get_checklist_item(item_id)
    task = lock_task(item.task_id, actor=actor)
    if values.get("text") is not None:
        item.text = _line(values["text"])
    if values.get("done") is not None:
        item.done = values["done"]
    if "due_on" in values:
        item.due_on = values["due_on"]
    if "assignee_id" in values:
        _assign(task, item, values["assignee_id"], actor)
    db.session.flush()
    if values.keys() & {"due_on", "assignee_id"}:
        announce(task, "updated")
    return item


def delete_item(item_id: UUID, *, actor: Actor) -> None:
    """Removes a line."""
    item = queries.get_checklist_item(item_id)
    lock_task(item.task_id, actor=actor)
    db.session.delete(item)


def _line(text: str) -> str:
    line = " ".join(text.split())
    if not 1 <= len(line) <= 300:
        raise Invalid(errors={"text": [_("Write a text of at most %(count)s characters.", count=300)]})
    return line


def _assign(task: Task, item: ChecklistItem, member_id: UUID | None, actor: Actor) -> None:
    if member_id == item.assignee_id:
        return
    if member_id is not None:
        _require_here(member_id)
        _let_in(task, member_id)
        if member_id != actor.member_id:
            emit(
                ChecklistItemAssigned(subject_id=task.id, title=task.title, text=item.text, assignee_id=member_id),
            )
    item.assignee_id = member_id


def _require_here(member_id: UUID) -> None:
    try:
        member = get_member(member_id)
    except NotFound:
        raise Invalid(errors={"assignee": [_("This record does not exist.")]}) from None
    if member.status == MemberStatus.REMOVED:
        raise Invalid(errors={"assignee": [_("This person has left.")]})


def _let_in(task: Task, member_id: UUID) -> None:
    """Makes somebody who is given a part of a task one of its collaborators."""
    known = {one for one, _name in queries.people_of([task.id])[task.id].collaborators}
    if member_id == task.owner_id or member_id in known:
        return
    if len(known) >= MAX_PEOPLE:
        raise Invalid(errors={"assignee": [_("At most %(count)s people.", count=MAX_PEOPLE)]})
    db.session.add(TaskMember(task_id=task.id, member_id=member_id, role=MemberRole.COLLABORATOR))
    task.updated_at = clock.now()  # a new version, as every change of its people makes one
