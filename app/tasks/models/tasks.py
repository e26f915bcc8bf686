"""Tasks of every module in one table, their statuses and their people."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    exists,
    or_,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import StringArray, TenantModel, db, tenant_fk, tenant_table_args, utc
from app.tasks.models.approvals import TaskApprover
from app.tasks.models.names import (
    FOLLOWS,
    PREFIX,
    MemberRole,
    Module,
    Priority,
    TaskType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.kernel.actor import Actor


# The words of a task as both dictionaries know them, those of its title above those of its description:
# an organization's language is not in the row, so a search picks the dictionary (`app.tasks.assist`).
_WORDS = (
    "setweight(to_tsvector('italian'::regconfig, title::text) || to_tsvector('english'::regconfig, title::text), 'A')"
    " || setweight(to_tsvector('italian'::regconfig, left(coalesce(description, ''), 2000))"
    " || to_tsvector('english'::regconfig, left(coalesce(description, ''), 2000)), 'D')"
)


class TaskStatus(TenantModel):
    """A column of the board, with the organization's own name.

    ``wip_limit`` is how many tasks may be in it; beyond, the board warns, or (``wip_hard``) the server refuses.
    """

    __tablename__ = "task_status"
    __table_args__ = tenant_table_args(
        "task_status",
        Index("uq_task_status_name", "organization_id", sql("lower(name)"), unique=True),
        UniqueConstraint("organization_id", "id", "group", name="uq_task_status_group"),
        CheckConstraint("wip_limit BETWEEN 1 AND 999", name="wip_limit"),
    )

    name: Mapped[str] = mapped_column(String(60), nullable=False)
    group: Mapped[str] = mapped_column(String(12), nullable=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    wip_limit: Mapped[int | None] = mapped_column(Integer)
    wip_hard: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))


class Task(TenantModel):
    """Something to do. ``start_on`` and ``due_on`` are calendar days; ``estimate`` is in minutes.

    ``logged`` is the sum of its time entries that have ended, in minutes.
    """

    __tablename__ = "task"
    __resource__ = "task"
    __resources__: ClassVar[Mapping[str, str]] = {Module.MARKETING: "activity", Module.SALES: "tasks"}
    __table_args__ = tenant_table_args(
        "task",
        tenant_fk("owner_id", "membership"),
        tenant_fk("parent_id", "task", ondelete="CASCADE"),
        tenant_fk("successor_id", "task", ondelete="SET NULL"),
        # With its group, so that a copy of it can stand here and never be wrong.
        ForeignKeyConstraint(
            ["organization_id", "status_id", "status_group"],
            ["task_status.organization_id", "task_status.id", "task_status.group"],
            onupdate="CASCADE",
            name="fk_task_status",
        ),
        UniqueConstraint("organization_id", "number", name="uq_task_number"),
        Index("ix_task_rank", "organization_id", "rank"),
        Index("ix_task_status", "organization_id", "status_id", "rank"),
        Index("ix_task_owner", "organization_id", "owner_id", "status_group"),
        Index("ix_task_due", "organization_id", "due_on"),
        Index("ix_task_parent", "organization_id", "parent_id"),
        Index("ix_task_finished", "organization_id", "done_at", postgresql_where=sql("status_group = 'done'")),
        Index("ix_task_successor", "organization_id", "successor_id", postgresql_where=sql("successor_id IS NOT NULL")),
        Index(
            "ix_task_recurring",
            "due_on",
            postgresql_where=sql("recurrence IS NOT NULL AND recurs = 'schedule' AND successor_id IS NULL"),
        ),
        Index(
            "ix_task_sla_start",
            "sla_start_due_at",
            postgresql_where=sql("sla_started_at IS NULL AND sla_start_breached_at IS NULL AND done_at IS NULL"),
        ),
        Index("ix_task_sla_due", "sla_due_at", postgresql_where=sql("sla_breached_at IS NULL AND done_at IS NULL")),
        CheckConstraint("due_on >= start_on", name="dates"),
        CheckConstraint("parent_id <> id", name="parent"),
        CheckConstraint("(recurrence IS NULL) = (recurs IS NULL)", name="recurs"),
        CheckConstraint("estimate BETWEEN 0 AND 600000", name="estimate"),
        CheckConstraint("jsonb_typeof(custom) = 'object'", name="custom"),
        CheckConstraint("(status_group IN ('done', 'cancelled')) = (done_at IS NOT NULL)", name="done"),
    )

    number: Mapped[int] = mapped_column(Integer, nullable=False)
    title: Mapped[str] = mapped_column(String(200), nullable=False)
    description: Mapped[str | None] = mapped_column(Text)
    module: Mapped[str] = mapped_column(String(16), nullable=False)
    type: Mapped[str] = mapped_column(String(12), nullable=False, default=TaskType.TASK)
    status_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    status_group: Mapped[str] = mapped_column(String(12), nullable=False)
    priority: Mapped[str] = mapped_column(String(2), nullable=False, default=Priority.P2)
    owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    start_on: Mapped[dt.date | None] = mapped_column(Date)
    due_on: Mapped[dt.date | None] = mapped_column(Date)
    estimate: Mapped[int | None] = mapped_column(Integer)
    parent_id: Mapped[UUID | None] = mapped_column(Uuid)
    # An RRULE, and the task that came after this one by it.
    recurrence: Mapped[str | None] = mapped_column(String(200))
    recurs: Mapped[str | None] = mapped_column(String(12))
    successor_id: Mapped[UUID | None] = mapped_column(Uuid)
    logged: Mapped[int] = mapped_column(Integer, nullable=False, default=0, server_default=sql("0"))
    tags: Mapped[list[str]] = mapped_column(StringArray(40), nullable=False, default=list, server_default=sql("'{}'"))
    custom: Mapped[dict[str, Any]] = mapped_column(
        JSONB, nullable=False, default=dict, server_default=sql("'{}'"), info={"parts": True}
    )
    rank: Mapped[str] = mapped_column(String(80, collation="C"), nullable=False)
    done_at: Mapped[dt.datetime | None] = utc()
    # The SLA (`app.tasks.sla`): by when to start and to finish, from when there is a risk, what became of it.
    # It runs from the creation, or from ``sla_from``: when it was opened again, or the start date that counted.
    sla_from: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_start_warn_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_start_due_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_start_breached_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_started_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_warn_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_due_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    sla_breached_at: Mapped[dt.datetime | None] = utc(info=FOLLOWS)
    words: Mapped[Any] = mapped_column(TSVECTOR, Computed(_WORDS, persisted=True), deferred=True)
    # A member and whether they collaborate, where that was read along with the row.
    collaboration = cast("tuple[UUID, bool] | None", None)

    @classmethod
    def collaboration_of(cls, member: Any) -> Any:
        """Whether ``member`` collaborates on the task, in SQL."""
        mine = TaskMember.task_id == cls.id, TaskMember.member_id == member
        return exists().where(*mine, TaskMember.role == MemberRole.COLLABORATOR)

    @classmethod
    def shared_with(cls, member: Any, verb: str) -> Any:
        """Own tasks, and those to collaborate on; to read also those that the member watches or is asked to approve."""
        mine = select(TaskMember.task_id).where(TaskMember.member_id == member)
        if verb != "read":
            mine = mine.where(TaskMember.role == MemberRole.COLLABORATOR)
            return or_(cls.owner_id == member, cls.id.in_(mine))
        asked = select(TaskApprover.task_id).where(TaskApprover.member_id == member, TaskApprover.is_current)
        return or_(cls.owner_id == member, cls.id.in_(mine), cls.id.in_(asked))

    def is_reached_by(self, actor: Actor, verb: str, resource: str) -> bool:
        """By the permission for the task's module; else owners and collaborators who may write any task."""
        scope = actor.scope(verb, self.__resources__.get(self.module, ""))
        if scope is not None and actor.covers(scope, self.owner_id):
            return True
        if actor.member_id is None or not actor.can(verb, resource):
            return False
        if self.owner_id == actor.member_id:
            return True
        if self.collaboration is not None and self.collaboration[0] == actor.member_id:
            return self.collaboration[1]
        return bool(db.session.scalar(select(Task.collaboration_of(actor.member_id)).where(Task.id == self.id)))

    @property
    def code(self) -> str:
        """``ATT-214``."""
        return f"{PREFIX}-{self.number}"


class TaskMember(TenantModel):
    """Somebody beside the owner."""

    __tablename__ = "task_member"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "task_member",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "task_id", "member_id", "role", name="uq_task_member_role"),
        Index("ix_task_member_member", "organization_id", "member_id", "task_id"),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    role: Mapped[str] = mapped_column(String(12), nullable=False)
