"""The record that a task is linked to first: where lists and boards that group by it put a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.collaboration.service.links import replace_link
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.tasks.models.names import KIND
from app.tasks.queries.links import read_place

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.tasks.models.tasks import Task

Record = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """The record (kind, id) that a task is to be linked to first, or None for none; and the one that it was seen with,
    where ``is_checked``."""

    to: Record | None
    seen: Record | None = None
    is_checked: bool = False


def put_link(task: Task, change: LinkChange, *, actor: Actor) -> bool:
    """Puts a record into the place of the one that a task is linked to first, if it is another one; says whether.

    For an actor who may write the task. The other links stay as they are. Raises Invalid for a record that the actor
    does not see, Conflict when the task is no longer linked as it was seen, and for too many links.
    """
    place = read_place(task.id, change.to)
    first = next(iter(place.links), None)
    if change.is_checked and change.seen != first:
        raise Conflict(details={"version": task.version})
    if change.to is not None and not place.exists:
        raise Invalid(errors={"link": [_("This record does not exist.")]})
    if change.to == first:
        return False
    old, known = (place.links.get(one) if one is not None else None for one in (first, change.to))
    replace_link((KIND, task.id), old, change.to, known, place.counts, actor=actor)
    return True
