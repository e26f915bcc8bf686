"""Tasks of every module in one table, their statuses, people and check-lists."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
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
from app.tasks.schedule import LinkType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.kernel.actor import Actor

# What a person says to name a task.
PREFIX = "ATT"


class Module(StrEnum):
    """The part of the company's work that a task belongs to; decides whose permission counts."""

    MARKETING = "marketing"
    SALES = "sales"


class TaskType(StrEnum):
    TASK = "task"
    MILESTONE = "milestone"
    APPROVAL = "approval"


class Priority(StrEnum):
    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Recurs(StrEnum):
    """From when the next of a recurring task is counted."""

    SCHEDULE = "schedule"
    COMPLETION = "completion"


class ApprovalRule(StrEnum):
    """Whose approval it takes."""

    ALL = "all"
    ANY = "any"


class Decision(StrEnum):
    """What an approver answers; the first one that is no approval decides for everybody."""

    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"


# The state of an approval that nobody has decided yet; the others are those of Decision.
PENDING = "pending"


class StatusGroup(StrEnum):
    """What a status means, whatever an organization calls it."""

    BACKLOG = "backlog"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do."""
        return self in {StatusGroup.DONE, StatusGroup.CANCELLED}


CLOSED = ("done", "cancelled")
# Columns that follow from others and from the organization's policy: the audit log leaves them out.
_FOLLOWS = {"follows": True}
# The words of a task as both dictionaries know them, those of its title above those of its description:
# an organization's language is not in the row, so a search picks the dictionary (`app.tasks.assist`).
_WORDS = (
    "setweight(to_tsvector('italian'::regconfig, title::text) || to_tsvector('english'::regconfig, title::text), 'A')"
    " || setweight(to_tsvector('italian'::regconfig, left(coalesce(description, ''), 2000))"
    " || to_tsvector('english'::regconfig, left(coalesce(description, ''), 2000)), 'D')"
)


class MemberRole(StrEnum):
    COLLABORATOR = "collaborator"
    WATCHER = "watcher"


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
    # It runs from the creation, or from ``sla_from``, when it was opened again.
    sla_from: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_start_warn_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_start_due_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_start_breached_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_started_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_warn_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_due_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
    sla_breached_at: Mapped[dt.datetime | None] = utc(info=_FOLLOWS)
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


class ChecklistItem(TenantModel):
    """A line to tick inside a task."""

    __tablename__ = "checklist_item"
    __table_args__ = tenant_table_args(
        "checklist_item",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        Index("ix_checklist_item_task", "organization_id", "task_id", "position"),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    text: Mapped[str] = mapped_column(String(300), nullable=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    done: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))

    @property
    def label(self) -> str:
        return self.text


class TimeEntry(TenantModel):
    """Time that a member spent on a task: ``minutes`` on ``day``, or a timer that runs since ``started_at``."""

    __tablename__ = "time_entry"
    __table_args__ = tenant_table_args(
        "time_entry",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        Index("ix_time_entry_task", "organization_id", "task_id", "day"),
        Index("ix_time_entry_member", "organization_id", "member_id", "day"),
        # One timer at a time.
        Index(
            "uq_time_entry_running",
            "organization_id",
            "member_id",
            unique=True,
            postgresql_where=sql("minutes IS NULL"),
        ),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        CheckConstraint("minutes IS NOT NULL OR started_at IS NOT NULL", name="running"),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    day: Mapped[dt.date] = mapped_column(Date, nullable=False)
    minutes: Mapped[int | None] = mapped_column(Integer)
    started_at: Mapped[dt.datetime | None] = utc()
    note: Mapped[str] = mapped_column(String(300), nullable=False, default="", server_default=sql("''"))
    billable: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))

    @property
    def label(self) -> str:
        return self.note or str(self.day)


class TaskDependency(TenantModel):
    """One task waits for another; ``lag`` in working days, negative for an overlap.

    Only FS blocks its successor; SS and FF say how the dates of the two go together.
    """

    __tablename__ = "task_dependency"
    __table_args__ = tenant_table_args(
        "task_dependency",
        tenant_fk("predecessor_id", "task", ondelete="CASCADE"),
        tenant_fk("successor_id", "task", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "predecessor_id", "successor_id", name="uq_task_dependency_pair"),
        Index("ix_task_dependency_successor", "organization_id", "successor_id"),
        CheckConstraint("predecessor_id <> successor_id", name="itself"),
        CheckConstraint("type IN ('FS', 'SS', 'FF')", name="type"),
        CheckConstraint("lag BETWEEN -365 AND 365", name="lag"),
    )

    predecessor_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    successor_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    type: Mapped[str] = mapped_column(String(2), nullable=False, default=LinkType.FS)
    lag: Mapped[int] = mapped_column(Integer, nullable=False, default=0, server_default=sql("0"))

    @property
    def label(self) -> str:
        return f"{self.type} {self.lag:+d}"


class TimelineBaseline(TenantModel):
    """A member's picture of the plan, to compare today's dates with: ``dates`` is id -> [start, due]."""

    __tablename__ = "timeline_baseline"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "timeline_baseline",
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "member_id", name="uq_timeline_baseline_member"),
    )

    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    taken_at: Mapped[dt.datetime] = utc(nullable=False)
    dates: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)


class TaskApproval(TenantModel):
    """One round of asking whether a task is approved: ``state`` is ``pending`` or the decision."""

    __tablename__ = "task_approval"
    __table_args__ = tenant_table_args(
        "task_approval",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "task_id", "round", name="uq_task_approval_round"),
        CheckConstraint("rule IN ('all', 'any')", name="rule"),
        CheckConstraint("state IN ('pending', 'approved', 'rejected', 'changes')", name="state"),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="decided"),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    round: Mapped[int] = mapped_column(Integer, nullable=False)
    rule: Mapped[str] = mapped_column(String(3), nullable=False, default=ApprovalRule.ALL)
    state: Mapped[str] = mapped_column(String(8), nullable=False, default=PENDING)
    decided_at: Mapped[dt.datetime | None] = utc()

    @property
    def label(self) -> str:
        return f"#{self.round}"


class TaskApprover(TenantModel):
    """Somebody who was asked in a round, and what they answered.

    ``is_current`` is off for those of earlier rounds, and for those who were asked no longer after they answered.
    """

    __tablename__ = "task_approver"
    __table_args__ = tenant_table_args(
        "task_approver",
        tenant_fk("approval_id", "task_approval", ondelete="CASCADE"),
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "approval_id", "member_id", name="uq_task_approver_member"),
        Index("ix_task_approver_task", "organization_id", "task_id"),
        Index("ix_task_approver_member", "organization_id", "member_id", "task_id", postgresql_where=sql("is_current")),
        CheckConstraint("decision IN ('approved', 'rejected', 'changes')", name="decision"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided"),
    )

    approval_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    decision: Mapped[str | None] = mapped_column(String(8))
    decided_at: Mapped[dt.datetime | None] = utc()
    note: Mapped[str] = mapped_column(String(2000), nullable=False, default="", server_default=sql("''"))
    is_current: Mapped[bool] = mapped_column(Boolean, nullable=False, default=True, server_default=sql("true"))

    @property
    def label(self) -> str:
        return self.decision or ""


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


class SlaPolicy(TenantModel):
    """How soon tasks of a priority are to be started and finished, in minutes of working time; None: no promise."""

    __tablename__ = "sla_policy"
    __table_args__ = tenant_table_args(
        "sla_policy",
        UniqueConstraint("organization_id", "priority", name="uq_sla_policy_priority"),
        CheckConstraint("priority IN ('P0', 'P1', 'P2', 'P3')", name="priority"),
        CheckConstraint("start_minutes BETWEEN 1 AND 60000", name="start"),
        CheckConstraint("finish_minutes BETWEEN 1 AND 60000", name="finish"),
        CheckConstraint("start_minutes <= finish_minutes", name="order"),
        CheckConstraint("NOT is_on OR start_minutes IS NOT NULL OR finish_minutes IS NOT NULL", name="promise"),
    )

    priority: Mapped[str] = mapped_column(String(2), nullable=False)
    is_on: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))
    start_minutes: Mapped[int | None] = mapped_column(Integer)
    finish_minutes: Mapped[int | None] = mapped_column(Integer)

    @property
    def label(self) -> str:
        return f"SLA {self.priority}"


class WorkCalendar(TenantModel):
    """The organization's business hours: ``hours`` is what ``app.kernel.business_hours.write_week`` writes.

    ``applied_timezone`` is the zone in which the deadlines of open tasks were last computed; None: they are to be.
    """

    __tablename__ = "work_calendar"
    __table_args__ = tenant_table_args(
        "work_calendar", UniqueConstraint("organization_id", name="uq_work_calendar_organization_id")
    )

    hours: Mapped[list[list[list[str]]]] = mapped_column(JSONB, nullable=False)
    applied_timezone: Mapped[str | None] = mapped_column(String(64), info=_FOLLOWS)

    @property
    def label(self) -> str:
        return "SLA"
