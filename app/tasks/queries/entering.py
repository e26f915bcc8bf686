"""All that must be known to put a task into a status and a place, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import case, func, literal, null, or_, select

from app.kernel.db import db, every_record
from app.tasks.models.names import TaskType
from app.tasks.models.tasks import Task, TaskStatus
from app.tasks.queries import approvals, plan
from app.tenancy.models import Membership, MemberStatus, Organization

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Entry:
    """The status that a task has and the one that it is to have (None: there is no such one); ``others`` is how many
    tasks a status with a hard limit holds. ``freed`` are the tasks (id, title, owner) that wait for this one only;
    ``timezone`` is the organization's."""

    old: TaskStatus
    new: TaskStatus | None
    others: int | None
    approval: str | None
    freed: Sequence[tuple[UUID, str, UUID | None]]
    owner_exists: bool
    timezone: str
    place: Any


def read_entry(task: Task, status_id: UUID, *, owner_id: UUID | None = None, place: Sequence[Any] = ()) -> Entry:
    """What the task meets in a status, whoever may see it; ``place`` are columns of its surroundings.

    Beside the statuses it reads only what this task asks for. One query.
    """
    here = or_(TaskStatus.id == task.status_id, TaskStatus.id == status_id)
    with every_record(), db.session.no_autoflush:
        rows = db.session.execute(select(TaskStatus, *_extras(task, status_id, owner_id), *place).where(here)).all()
    by_id = {row.TaskStatus.id: row for row in rows}
    new = by_id.get(status_id)
    found = new or rows[0]
    freed = [(UUID(one), title, UUID(owner) if owner else None) for one, title, owner in found.freed or ()]
    return Entry(
        by_id[task.status_id].TaskStatus,
        new and new.TaskStatus,
        found.others,
        found.approval,
        freed,
        found.owner_exists,
        found.timezone,
        found,
    )


def _extras(task: Task, status_id: UUID, owner_id: UUID | None) -> list[Any]:
    others = select(func.count()).select_from(Task).where(Task.status_id == status_id, Task.id != task.id)
    limited = TaskStatus.wip_hard & (TaskStatus.id == status_id) & (TaskStatus.id != task.status_id)
    approval: Any = null()
    if task.type == TaskType.APPROVAL:
        approval = approvals.newest_state(task.id).scalar_subquery()
    owner: Any = literal(True)
    if owner_id is not None:
        stays = or_(Membership.status != MemberStatus.REMOVED, Membership.id == task.owner_id)
        owner = select(Membership.id).where(Membership.id == owner_id, stays).exists()
    return [
        case((limited, others.scalar_subquery())).label("others"),
        approval.label("approval"),
        _freed(task).label("freed") if status_id != task.status_id else null().label("freed"),
        owner.label("owner_exists"),
        select(Organization.timezone)
        .where(Organization.id == TaskStatus.organization_id)
        .scalar_subquery()
        .label("timezone"),
    ]


def _freed(task: Task) -> Any:
    rows = plan.freed_by(task.id).subquery()
    return select(func.json_agg(func.json_build_array(*rows.c))).select_from(rows).scalar_subquery()
