"""Accepting what was proposed, and whether texts may be sent to the AI service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.tasks.service.checklist import add_item
from app.tasks.service.tasks import announce, create_task, lock_task
from app.tenancy.queries import current_organization

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from app.kernel.actor import Actor
    from app.tasks.models.tasks import Task
    from app.tasks.models.work import ChecklistItem

MAX_ACCEPTED = 20


def accept_subtasks(task_id: UUID, lines: Sequence[tuple[str, int | None]], *, actor: Actor) -> list[Task]:
    """Adds sub-tasks (title, estimate in minutes) to a task, all or none, in their order. Raises Invalid."""
    task = lock_task(task_id, actor=actor)
    _check(lines)
    # Each goes to the top of the order: the last one first.
    made = [
        create_task(actor=actor, title=title, estimate=minutes, parent_id=task.id)
        for title, minutes in reversed([(_title(text), minutes) for text, minutes in lines])
    ]
    for one in (task, *made):
        announce(one, "updated")
    return made[::-1]


def accept_items(task_id: UUID, lines: Sequence[tuple[str, int | None]], *, actor: Actor) -> list[ChecklistItem]:
    """Adds lines to a task's check-list, all or none. Raises Invalid."""
    task = lock_task(task_id, actor=actor)
    _check(lines)
    made = [add_item(task.id, text, actor=actor) for text, _minutes in lines]
    announce(task, "updated")
    return made


def _check(lines: Sequence[Any]) -> None:
    if not 1 <= len(lines) <= MAX_ACCEPTED:
        raise Invalid(errors={"lines": [_("Write between 1 and %(count)s lines.", count=MAX_ACCEPTED)]})
    if any(minutes is not None and not 0 <= minutes <= 600_000 for _text, minutes in lines):
        raise Invalid(errors={"minutes": [_("This is not a number.")]})


def _title(text: str) -> str:
    title = " ".join(text.split())
    if not 1 <= len(title) <= 200:
        raise Invalid(errors={"text": [_("Write a text of at most %(count)s characters.", count=200)]})
    return title


def allow_sending(on: bool, *, actor: Actor) -> None:
    """Whether titles, descriptions and comments of the organization may be sent to the AI service."""
    actor.require("manage", "tasks")
    current_organization().assist_sends = on
    db.session.flush()
