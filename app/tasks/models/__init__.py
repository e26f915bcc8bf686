"""The tables of tasks, by subject."""

from __future__ import annotations

from app.tasks.models.approvals import TaskApproval, TaskApprover
from app.tasks.models.names import (
    CLOSED,
    PENDING,
    PREFIX,
    ApprovalRule,
    Decision,
    MemberRole,
    Module,
    Priority,
    Recurs,
    StatusGroup,
    TaskType,
)
from app.tasks.models.plan import TaskDependency, TimelineBaseline
from app.tasks.models.sla import SlaPolicy, WorkCalendar
from app.tasks.models.tasks import Task, TaskMember, TaskStatus
from app.tasks.models.templates import TaskTemplate
from app.tasks.models.work import ChecklistItem, TimeEntry

__all__ = [
    "CLOSED",
    "PENDING",
    "PREFIX",
    "ApprovalRule",
    "ChecklistItem",
    "Decision",
    "MemberRole",
    "Module",
    "Priority",
    "Recurs",
    "SlaPolicy",
    "StatusGroup",
    "Task",
    "TaskApproval",
    "TaskApprover",
    "TaskDependency",
    "TaskMember",
    "TaskStatus",
    "TaskTemplate",
    "TaskType",
    "TimeEntry",
    "TimelineBaseline",
    "WorkCalendar",
]
