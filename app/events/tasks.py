"""Events of tasks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, kw_only=True)
class TaskCreated(Event):
    """Something new is to be done."""

    name: ClassVar[str] = "tasks.task_created"
    subject_kind: ClassVar[str] = "task"
    title: str
    module: str
    owner_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class TaskAssigned(Event):
    """A task got another owner."""

    name: ClassVar[str] = "tasks.task_assigned"
    subject_kind: ClassVar[str] = "task"
    title: str
    owner_id: UUID | None
    previous_owner_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class TaskStatusChanged(Event):
    """A task entered another status. The groups say what the names mean."""

    name: ClassVar[str] = "tasks.task_status_changed"
    subject_kind: ClassVar[str] = "task"
    title: str
    owner_id: UUID | None
    from_status: str
    to_status: str
    from_group: str
    to_group: str
    from_status_id: UUID | None = None
    to_status_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class TaskChanged(Event):
    """Columns of a task other than its status changed; ``changes`` maps each to ``[old, new]``."""

    name: ClassVar[str] = "tasks.task_changed"
    subject_kind: ClassVar[str] = "task"
    title: str
    changes: dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class ChecklistItemAssigned(Event):
    """A line of a task's check-list (its ``text``) was given to a member."""

    name: ClassVar[str] = "tasks.checklist_item_assigned"
    subject_kind: ClassVar[str] = "task"
    title: str
    text: str
    assignee_id: UUID


@dataclass(frozen=True, kw_only=True)
class TaskUnblocked(Event):
    """The last task that this one waited for is closed, or approved (``cleared_by``: its title)."""

    name: ClassVar[str] = "tasks.task_unblocked"
    subject_kind: ClassVar[str] = "task"
    title: str
    owner_id: UUID | None
    cleared_by: str


@dataclass(frozen=True, kw_only=True)
class ApprovalRequested(Event):
    """Members (their ids) are asked to approve a task."""

    name: ClassVar[str] = "tasks.approval_requested"
    subject_kind: ClassVar[str] = "task"
    title: str
    owner_id: UUID | None
    round: int
    approvers: list[str]


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided(Event):
    """An approver answered. ``state`` is what the approval has become: pending while others are still asked."""

    name: ClassVar[str] = "tasks.approval_decided"
    subject_kind: ClassVar[str] = "task"
    title: str
    owner_id: UUID | None
    round: int
    member_id: UUID
    decision: str
    state: str


@dataclass(frozen=True, kw_only=True)
class TaskSlaBreached(Event):
    """A task was not started, or not finished (``target``), by the moment that its priority promises."""

    name: ClassVar[str] = "tasks.task_sla_breached"
    subject_kind: ClassVar[str] = "task"
    title: str
    owner_id: UUID | None
    priority: str
    target: str
    due_at: dt.datetime
