"""Reads of tasks: statuses, one task with all that its drawer shows, groups of the list, columns of the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from app.kernel.db import db, is_one_of, read_prepared
from app.kernel.errors import NotFound
from app.tasks.models.names import CLOSED, MemberRole, StatusGroup, TaskType
from app.tasks.models.tasks import Task, TaskMember, TaskStatus
from app.tasks.models.work import ChecklistItem
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from sqlalchemy import Select

GROUP_ORDER = {group: place for place, group in enumerate(StatusGroup)}


def is_cleared(type: str, group: str) -> bool:
    """Whether a task no longer stands before those that wait for it: closed, or an approval that was given."""
    return group in CLOSED or (type == TaskType.APPROVAL and group == StatusGroup.APPROVED)


def cleared(task: Any) -> Any:
    """The same of a row, in SQL; ``task`` is Task or an alias of it."""
    given = and_(task.type == TaskType.APPROVAL.value, task.status_group == StatusGroup.APPROVED.value)
    return or_(task.status_group == CLOSED[0], task.status_group == CLOSED[1], given)


def list_statuses() -> list[TaskStatus]:
    """The organization's statuses, group by group."""
    found = db.session.scalars(select(TaskStatus).order_by(TaskStatus.position, TaskStatus.id))
    return sorted(found, key=lambda one: GROUP_ORDER[StatusGroup(one.group)])


class StatusLine(NamedTuple):
    """A status as lists and menus show it."""

    id: UUID
    name: str
    group: str
    wip_limit: int | None
    wip_hard: bool


def read_statuses() -> list[StatusLine]:
    """As ``list_statuses``, for pages."""

    def statement() -> Select[Any]:
        columns: Any = TaskStatus.id, TaskStatus.name, TaskStatus.group, TaskStatus.wip_limit, TaskStatus.wip_hard
        return select(*columns).order_by(TaskStatus.position, TaskStatus.id)

    found = [StatusLine(*row) for row in read_prepared("statuses", statement, {})]
    return sorted(found, key=lambda one: GROUP_ORDER[StatusGroup(one.group)])


def get_status(status_id: UUID) -> TaskStatus:
    """A status. Raises NotFound."""
    found = db.session.scalar(select(TaskStatus).where(TaskStatus.id == status_id))
    if found is None:
        raise NotFound
    return found


def first_status(group: StatusGroup) -> TaskStatus:
    """The first status of a group, or of the first group that has one."""
    found = list_statuses()
    return next((one for one in found if one.group == group), found[0])


def get_task(task_id: UUID) -> Task:
    """A task that the actor may see. Raises NotFound."""
    found = db.session.scalar(select(Task).where(Task.id == task_id))
    if found is None:
        raise NotFound
    return found


@dataclass(slots=True)
class People:
    """Who works on a task beside its owner: (member's id, name)."""

    collaborators: list[tuple[UUID, str]] = field(default_factory=list)
    watchers: list[tuple[UUID, str]] = field(default_factory=list)


def people_of(task_ids: Sequence[UUID]) -> dict[UUID, People]:
    """The people of some tasks, by name. One query."""
    found = {one: People() for one in task_ids}
    rows = db.session.execute(
        select(TaskMember.task_id, TaskMember.role, Membership.id, Membership.display_name)
        .join(Membership, Membership.id == TaskMember.member_id)
        .where(TaskMember.task_id.in_(task_ids))
        .order_by(func.lower(Membership.display_name))
    )
    for task_id, role, member_id, name in rows:
        people = found[task_id]
        (people.collaborators if role == MemberRole.COLLABORATOR else people.watchers).append((member_id, name))
    return found


def list_checklist(task_id: UUID) -> list[ChecklistItem]:
    """The lines of a task's check-list, in order."""
    return list(
        db.session.scalars(
            select(ChecklistItem)
            .where(ChecklistItem.task_id == task_id)
            .order_by(ChecklistItem.position, ChecklistItem.id)
        )
    )


def get_checklist_item(item_id: UUID) -> ChecklistItem:
    """A line of a check-list, of a task that the actor may see. Raises NotFound."""
    found = db.session.scalar(
        select(ChecklistItem).join(Task, Task.id == ChecklistItem.task_id).where(ChecklistItem.id == item_id)
    )
    if found is None:
        raise NotFound
    return found


def ancestors(task_id: UUID) -> set[UUID]:
    """The tasks above a task, itself included."""
    tree = select(Task.id, Task.parent_id).where(Task.id == task_id).cte("above", recursive=True)
    tree = tree.union(select(Task.id, Task.parent_id).join(tree, Task.id == tree.c.parent_id))
    return set(db.session.scalars(select(tree.c.id)))


def tree_of(task: Task) -> list[Task]:
    """A task and all below it that the actor sees, parents first, one query for a level.

    Each level is in reverse order: a new task goes to the top of the order, so copies made one after the other
    end up in the order of these.
    """
    found, level = [task], [task.id]
    while level:
        below = db.session.scalars(
            select(Task).where(is_one_of(Task.parent_id, level)).order_by(Task.rank.desc(), Task.id.desc())
        ).all()
        found += below
        level = [one.id for one in below]
    return found
