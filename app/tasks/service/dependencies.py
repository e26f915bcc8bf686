"""Links between tasks: which one waits for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import advisory_lock, db
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.tasks import schedule
from app.tasks.models.plan import TaskDependency
from app.tasks.models.tasks import Task
from app.tasks.queries import plan
from app.tasks.queries import tasks as queries
from app.tasks.schedule import LinkType
from app.tasks.service.tasks import announce, lock_task

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_LAG = 365
# Links of one task, in both directions.
MAX_LINKS = 100


def add_dependency(
    predecessor_id: UUID, successor_id: UUID, *, actor: Actor, type: str = LinkType.FS, lag: int = 0
) -> TaskDependency:
    """Makes a task wait for another; the actor must be able to write the one that waits.

    Raises Invalid for a loop (its tasks named), for a task above or below the other, for a link that is there.
    """
    _check(type, lag)
    advisory_lock("task-dependencies")  # two links at the same moment may close a loop that neither does alone
    before, after = queries.get_task(predecessor_id), lock_task(successor_id, actor=actor)
    if before.id != after.id and (after.id in queries.ancestors(before.id) or before.id in queries.ancestors(after.id)):
        raise Invalid(errors={"predecessor": [_("A task cannot depend on a task above or below it.")]})
    if plan.are_joined([before.id], [after.id]):
        _require_new(before, after)
    loop = schedule.find_loop(plan.links_below(after.id), before.id, after.id)
    if loop:
        raise Invalid(_loop_text(loop), errors={"predecessor": [_loop_text(loop)]})
    if len(plan.list_neighbours(after.id)) >= MAX_LINKS:
        raise Conflict(_("A task has at most %(count)s links.", count=MAX_LINKS))
    link = TaskDependency(predecessor_id=before.id, successor_id=after.id, type=type, lag=lag)
    db.session.add(link)
    db.session.flush()
    _announce(before, after)
    return link


def update_dependency(
    link_id: UUID, *, actor: Actor, type: str | None = None, lag: int | None = None, version: int | None = None
) -> TaskDependency:
    """Changes a link's type or lag. Raises Conflict for a stale version."""
    link, before, after = _lock(link_id, actor)
    if version is not None and link.version != version:
        raise Conflict(details={"version": link.version, "type": link.type, "lag": link.lag})
    _check(type or link.type, link.lag if lag is None else lag)
    link.type, link.lag = type or link.type, link.lag if lag is None else lag
    db.session.flush()
    _announce(before, after)
    return link


def delete_dependency(link_id: UUID, *, actor: Actor) -> None:
    """Removes a link."""
    link, before, after = _lock(link_id, actor)
    db.session.delete(link)
    db.session.flush()
    _announce(before, after)


def _lock(link_id: UUID, actor: Actor) -> tuple[TaskDependency, Task, Task]:
    link = plan.get_dependency(link_id)
    after = lock_task(link.successor_id, actor=actor)
    return link, queries.get_task(link.predecessor_id), after


def _require_new(before: Task, after: Task) -> None:
    known = db.session.scalar(
        select(TaskDependency.id).where(
            TaskDependency.predecessor_id == before.id, TaskDependency.successor_id == after.id
        )
    )
    if known is not None:
        message = _("“%(after)s” already depends on “%(before)s”.", after=after.title, before=before.title)
        raise Invalid(message, errors={"predecessor": [message]})


def _check(type: str, lag: Any) -> None:
    errors = {}
    if type not in set(LinkType):
        errors["type"] = [_("Choose one of the list.")]
    if not -MAX_LAG <= lag <= MAX_LAG:
        errors["lag"] = [_("Write a number of days from −%(count)s to %(count)s.", count=MAX_LAG)]
    if errors:
        raise Invalid(errors=errors)


def _loop_text(loop: list[Any]) -> str:
    known = plan.planned(set(loop))
    names = [
        f"{known[one].code} “{known[one].title}”" if one in known else _("a task that you cannot see") for one in loop
    ]
    return _("This would be a loop: %(names)s.", names=" → ".join(names))


def _announce(*tasks: Task) -> None:
    for task in tasks:
        announce(task, "linked")
