"""Reads of approvals: the round that runs, who was asked, what they answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from app.kernel.db import db
from app.kernel.errors import Conflict
from app.kernel.i18n import gettext as _
from app.tasks.models.approvals import TaskApproval, TaskApprover
from app.tasks.models.names import CLOSED, PENDING, ApprovalRule, Decision, TaskType
from app.tasks.models.tasks import Task
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Select

    from app.kernel.actor import Actor

# Rounds that a task's history shows.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """An approver and their name."""

    approver: TaskApprover
    name: str

    @property
    def decision(self) -> str | None:
        return self.approver.decision


@dataclass(slots=True)
class Round:
    """One round with everybody who was asked, by name."""

    approval: TaskApproval
    asked: list[Asked] = field(default_factory=list)

    @property
    def is_pending(self) -> bool:
        """Whether answers are missing."""
        return self.approval.state == PENDING

    @property
    def current(self) -> list[Asked]:
        """Those whose answer counts."""
        return [one for one in self.asked if one.approver.is_current]

    def waits_for(self, member_id: UUID | None) -> bool:
        """Whether a member still has to answer."""
        return self.is_pending and any(
            one.approver.member_id == member_id and one.decision is None for one in self.current
        )


def find_approval(task_id: UUID) -> TaskApproval | None:
    """The newest round of a task, as the database has it now."""
    return db.session.scalar(
        select(TaskApproval)
        .where(TaskApproval.task_id == task_id)
        .order_by(TaskApproval.round.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def list_approvers(approval_id: UUID) -> list[TaskApprover]:
    """Those whose answer counts in a round, as the database has them now."""
    return list(
        db.session.scalars(
            select(TaskApprover)
            .where(TaskApprover.approval_id == approval_id, TaskApprover.is_current)
            .order_by(TaskApprover.created_at, TaskApprover.id)
            .execution_options(populate_existing=True)
        )
    )


def list_rounds(task_id: UUID) -> list[Round]:
    """The newest SHOWN rounds of a task, the one that runs first. One query."""
    newest = select(TaskApproval.id).where(TaskApproval.task_id == task_id)
    newest = newest.order_by(TaskApproval.round.desc()).limit(SHOWN)
    rows = db.session.execute(
        select(TaskApproval, TaskApprover, Membership.display_name)
        .join(TaskApprover, TaskApprover.approval_id == TaskApproval.id)
        .join(Membership, Membership.id == TaskApprover.member_id)
        .where(TaskApproval.id.in_(newest))
        .order_by(TaskApproval.round.desc(), func.lower(Membership.display_name), TaskApprover.id)
    )
    found: dict[UUID, Round] = {}
    for approval, approver, name in rows:
        found.setdefault(approval.id, Round(approval)).asked.append(Asked(approver, name))
    return list(found.values())


def was_answered(task_id: UUID) -> bool:
    """Whether anybody ever decided about a task."""
    return bool(
        db.session.scalar(
            select(TaskApprover.id).where(TaskApprover.task_id == task_id, TaskApprover.decision.is_not(None)).limit(1)
        )
    )


def require_settled(task: Task) -> None:
    """Raises Conflict when an approval was asked for and not given: then the task is neither approved nor done."""
    if task.type != TaskType.APPROVAL:
        return
    with db.session.no_autoflush:
        refuse_unsettled(task, db.session.scalar(newest_state(task.id)))


def newest_state(task_id: UUID) -> Select[Any]:
    """The state of a task's newest round."""
    of = TaskApproval
    return select(of.state).where(of.task_id == task_id).order_by(of.round.desc()).limit(1)


def refuse_unsettled(task: Task, state: str | None) -> None:
    """As require_settled, for a state that was read already."""
    if task.type == TaskType.APPROVAL and state is not None and state != Decision.APPROVED:
        raise Conflict(_("“%(title)s” waits for its approvers: they decide.", title=task.title))


def waiting_for(member_id: UUID) -> Any:
    """The criterion of tasks that a member still has to approve."""
    link, of = TaskApprover, TaskApproval
    pair = and_(of.id == link.approval_id, of.organization_id == link.organization_id)
    asked = (
        select(link.task_id)
        .join(of, pair)
        .where(link.member_id == member_id, link.is_current, link.decision.is_(None), of.state == PENDING)
    )
    return and_(Task.id.in_(asked), Task.status_group.not_in(CLOSED))


def may_change_approvers(task: Task, actor: Actor) -> bool:
    """Whoever may write the task, until somebody has answered; from then on whoever manages tasks."""
    return task.is_reached_by(actor, "write", "task") and (actor.can("manage", "tasks") or not was_answered(task.id))


def outcome(rule: str, decisions: Sequence[str | None]) -> str:
    """What answers come to. Whoever does not approve decides for all; else all must approve, or any one."""
    for one in (Decision.REJECTED, Decision.CHANGES):
        if one in decisions:
            return one.value
    given = [one for one in decisions if one is not None]
    enough = bool(given) if rule == ApprovalRule.ANY else len(given) == len(decisions)
    return Decision.APPROVED.value if enough and given else PENDING
