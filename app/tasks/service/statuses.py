"""The statuses that an organization works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.db import advisory_lock, db
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task, TaskStatus
from app.tasks.queries import tasks as queries

if TYPE_CHECKING:
    from app.kernel.actor import Actor

# What a new organization starts with; names are data, so they are in the organization's language.
DEFAULTS = {
    "it": ("Backlog", "In corso", "In review", "Approvato", "Fatto", "Annullato"),
    "en": ("Backlog", "In progress", "In review", "Approved", "Done", "Cancelled"),
}
MAX_STATUSES = 20


def seed(organization: Any) -> None:
    """Gives a new organization a status of each group. Platform scope."""
    names = DEFAULTS.get(str(organization.locale)[:2], DEFAULTS["en"])
    for position, (group, name) in enumerate(zip(StatusGroup, names, strict=True)):
        db.session.add(TaskStatus(organization_id=organization.id, name=name, group=group.value, position=position))


def save_status(
    status_id: UUID | None,
    *,
    actor: Actor,
    name: str,
    group: str | None = None,
    wip_limit: int | None = None,
    wip_hard: bool = False,
) -> TaskStatus:
    """Creates a status at the end of its group, or changes one; a status stays in its group.

    Raises Invalid for a bad name or limit, Conflict beyond MAX_STATUSES.
    """
    actor.require("manage", "tasks")
    advisory_lock("task-statuses")
    name = " ".join(name.split())
    errors: dict[str, list[str]] = {}
    if not 1 <= len(name) <= 60:
        errors["name"] = [_("Write a name of at most %(count)s characters.", count=60)]
    if wip_limit is not None and not 1 <= wip_limit <= 999:
        errors["wip_limit"] = [_("Write a number from 1 to %(count)s.", count=999)]
    if status_id is None and group not in set(StatusGroup):
        errors["group"] = [_("Choose one of the list.")]
    if errors:
        raise Invalid(errors=errors)
    if status_id is None:
        existing = queries.list_statuses()
        if len(existing) >= MAX_STATUSES:
            raise Conflict(_("An organization has at most %(count)s statuses.", count=MAX_STATUSES))
        status = TaskStatus(group=group, position=max(one.position for one in existing) + 1)
        db.session.add(status)
    else:
        status = queries.get_status(status_id)
    status.name, status.wip_limit, status.wip_hard = name, wip_limit, wip_hard
    db.session.flush()
    return status


def delete_status(status_id: UUID, *, actor: Actor) -> None:
    """Deletes a status without tasks. Raises Conflict for one in use, and for the last of its group."""
    actor.require("manage", "tasks")
    advisory_lock("task-statuses")
    status = queries.get_status(status_id)
    if sum(1 for one in queries.list_statuses() if one.group == status.group) == 1:
        raise Conflict(_("Each group needs at least one status."))
    if db.session.scalar(select(func.count()).select_from(Task).where(Task.status_id == status_id)):
        raise Conflict(_("Move the tasks of this status first."))
    db.session.delete(status)
