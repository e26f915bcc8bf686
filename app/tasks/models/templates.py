"""Templates of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    Index,
    String,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args
from app.tasks.models.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.kernel.actor import Actor


class TaskTemplate(TenantModel):
    """A tree of tasks to make again: ``content`` is what ``app.tasks.templates.Content`` dumps.

    It belongs to a module, not to a person: who writes the module's tasks uses it, whoever made it.
    """

    __tablename__ = "task_template"
    __resource__ = "task"
    __resources__: ClassVar[Mapping[str, str]] = Task.__resources__
    __table_args__ = tenant_table_args(
        "task_template",
        tenant_fk("author_id", "membership", ondelete="SET NULL"),
        tenant_fk("source_id", "task", ondelete="SET NULL"),
        Index("uq_task_template_name", "organization_id", sql("lower(name)"), unique=True),
        Index("ix_task_template_author", "organization_id", "author_id"),
        Index("ix_task_template_source", "organization_id", "source_id"),
    )

    name: Mapped[str] = mapped_column(String(120), nullable=False)
    description: Mapped[str | None] = mapped_column(Text)
    module: Mapped[str] = mapped_column(String(16), nullable=False)
    # Who made it (not ``owner_id``, which would hold reading to a scope), and of which task.
    author_id: Mapped[UUID | None] = mapped_column(Uuid)
    source_id: Mapped[UUID | None] = mapped_column(Uuid)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)

    def is_reached_by(self, actor: Actor, verb: str, resource: str) -> bool:  # noqa: ARG002
        """By the permission for the module's tasks, whatever its scope."""
        return actor.can(verb, self.__resources__.get(self.module, ""))
