"""The words of tasks: what their columns may say."""

from __future__ import annotations

from enum import StrEnum

# What links, comments and searches call this kind of record.
KIND = "task"
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
FOLLOWS = {"follows": True}


class MemberRole(StrEnum):
    COLLABORATOR = "collaborator"
    WATCHER = "watcher"
