"""Reads of templates of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tasks.models.tasks import Task
from app.tasks.models.templates import TaskTemplate
from app.tenancy.models import Membership


@dataclass(frozen=True, slots=True)
class Listed:
    """A template in a list."""

    id: UUID
    version: int
    name: str
    description: str | None
    module: str
    author_id: UUID | None
    author: str | None
    count: int
    source_id: UUID | None
    source: str | None


def get_template(template_id: UUID) -> TaskTemplate:
    """A template of a module whose tasks the actor may read. Raises NotFound."""
    found = db.session.scalar(select(TaskTemplate).where(TaskTemplate.id == template_id))
    if found is None:
        raise NotFound
    return found


def list_templates(modules: list[str] | None = None) -> list[Listed]:
    """The templates by name, of some modules only when they are given. One query."""
    one = TaskTemplate
    statement = (
        select(
            one.id, one.version, one.name, one.description, one.module, one.author_id, Membership.display_name,
            func.jsonb_array_length(one.content["items"]), Task.id, Task.title,
        )
        .outerjoin(Membership, Membership.id == one.author_id)
        .outerjoin(Task, Task.id == one.source_id)
        .order_by(func.lower(one.name), one.id)
    )  # fmt: skip
    if modules is not None:
        statement = statement.where(one.module.in_(modules))
    return [Listed(*row) for row in db.session.execute(statement)]
