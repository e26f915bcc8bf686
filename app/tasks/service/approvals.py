"""Approvals: whom a task asks, what they answer, and what follows for the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from app.collaboration.records import kind_of, may_comment
from app.collaboration.service.comments import add_comment
from app.events.tasks import ApprovalDecided, ApprovalRequested
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.tasks.models.approvals import TaskApproval, TaskApprover
from app.tasks.models.names import CLOSED, PENDING, ApprovalRule, Decision, StatusGroup, TaskType
from app.tasks.models.tasks import Task
from app.tasks.queries import approvals
from app.tasks.queries import tasks as queries
from app.tasks.service.tasks import announce, lock_task, update_task
from app.tenancy.models import Membership, MemberStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from app.kernel.actor import Actor

MAX_APPROVERS = 20
MAX_NOTE = 2000


def set_approvers(
    task_id: UUID,
    *,
    actor: Actor,
    members: Sequence[UUID] | None = None,
    rule: str | None = None,
    again: bool = False,
    version: int | None = None,
) -> TaskApproval:
    """Says who approves a task and asks those who are new; emits ApprovalRequested.

    ``members`` and ``rule`` stay as they are where they are None. A round that is decided, or ``again``, starts
    a new one: everybody is asked anew, and the earlier answers stand in the history. Once somebody has answered,
    only who manages tasks changes whom it asks. Raises Conflict for a task that is no approval or is closed,
    Forbidden, Invalid for nobody, too many, and people who cannot answer.
    """
    task = lock_task(task_id, actor=actor, version=version)
    if task.type != TaskType.APPROVAL:
        raise Conflict(_("Only a task of the type “Approval” has approvers."))
    if task.status_group in CLOSED:
        raise Conflict(_("This task is closed."))
    found = approvals.find_approval(task.id)
    known = approvals.list_approvers(found.id) if found is not None else []
    asked = [one.member_id for one in known]
    anew = found is None or found.state != PENDING or again
    wanted = list(dict.fromkeys(_active(asked) if members is None and anew else members if members else asked))
    _check(wanted if members is None else members, rule, kept=set() if anew else set(asked))
    changes = (members is not None and set(asked) != set(wanted)) or rule not in {None, found.rule if found else None}
    if found is not None and changes and not approvals.may_change_approvers(task, actor):
        raise Forbidden(_("Somebody has already answered: only who manages tasks changes whom it asks."))
    if found is None or anew:
        found = _start(task, found, wanted, rule, actor)
    else:
        found.rule = rule or found.rule
        _change(task, found, known, wanted)
        _settle(task, found, actor)
    db.session.flush()
    announce(task, "updated")
    return found


def decide(task_id: UUID, decision: str, *, actor: Actor, note: str = "") -> TaskApproval:
    """The actor's answer; emits ApprovalDecided. The last one that is needed moves the task.

    ``note`` becomes a comment of the task, where the actor may write one. Raises Forbidden for who is not
    asked, Conflict for a second answer and when nothing is asked any more.
    """
    # Locked first: of two last answers at the same moment the second sees the first.
    task = db.session.scalar(
        select(Task).where(Task.id == task_id).with_for_update().execution_options(populate_existing=True)
    )
    if task is None:
        raise NotFound
    if decision not in set(Decision):
        raise Invalid(errors={"decision": [_("Choose one of the list.")]})
    note = note.strip()
    if len(note) > MAX_NOTE:
        raise Invalid(errors={"note": [_("Write a text of at most %(count)s characters.", count=MAX_NOTE)]})
    found = approvals.find_approval(task.id)
    known = approvals.list_approvers(found.id) if found is not None else []
    mine = next((one for one in known if actor.member_id is not None and one.member_id == actor.member_id), None)
    if found is None or mine is None:
        raise Forbidden(_("Only its approvers decide."))
    if mine.decision is not None:
        raise Conflict(_("You have answered already."))
    if found.state != PENDING or task.type != TaskType.APPROVAL or task.status_group in CLOSED:
        raise Conflict(_("This has been decided already."))
    mine.decision, mine.decided_at, mine.note = decision, clock.now(), note
    db.session.flush()
    if note and may_comment(actor, kind_of("task")):
        add_comment("task", task.id, note, actor=actor)
    _settle(task, found, actor)
    emit(
        ApprovalDecided(
            subject_id=task.id,
            title=task.title,
            owner_id=task.owner_id,
            round=found.round,
            member_id=mine.member_id,
            decision=decision,
            state=found.state,
        )
    )
    db.session.flush()
    announce(task, "updated")
    return found


def copy_approvers(made: dict[UUID, UUID], *, actor: Actor) -> None:
    """Asks for copies whom their originals ask: ``made`` is original -> copy."""
    rows = db.session.execute(
        select(TaskApprover.task_id, TaskApprover.member_id, TaskApproval.rule)
        .join(TaskApproval, TaskApproval.id == TaskApprover.approval_id)
        .join(Membership, Membership.id == TaskApprover.member_id)
        .where(TaskApprover.task_id.in_(made), TaskApprover.is_current, Membership.status == MemberStatus.ACTIVE)
        .order_by(TaskApprover.created_at, TaskApprover.id)
    ).all()
    asked: dict[UUID, tuple[str, list[UUID]]] = {}
    for task_id, member_id, rule in rows:
        asked.setdefault(task_id, (rule, []))[1].append(member_id)
    for task_id, (rule, members) in asked.items():
        copy = queries.get_task(made[task_id])
        _start(copy, None, members, rule, actor)


def _active(members: Sequence[UUID]) -> list[UUID]:
    """Those of some members who can answer, in their order."""
    known = set(
        db.session.scalars(
            select(Membership.id).where(Membership.id.in_(members), Membership.status == MemberStatus.ACTIVE)
        )
    )
    return [one for one in members if one in known]


def _check(members: Sequence[Any], rule: str | None, *, kept: set[UUID]) -> None:
    """Raises Invalid. ``kept`` are asked in this round: who has left meanwhile stays until they are taken out."""
    errors: dict[str, list[str]] = {}
    if rule is not None and rule not in set(ApprovalRule):
        errors["rule"] = [_("Choose one of the list.")]
    if not members:
        errors["members"] = [_("Choose at least one person.")]
    elif len(members) > MAX_APPROVERS:
        errors["members"] = [_("At most %(count)s people.", count=MAX_APPROVERS)]
    else:
        if set(members) - set(_active(members)) - kept:
            errors["members"] = [_("Choose people who can sign in to this organization.")]
    if errors:
        raise Invalid(errors=errors)


def _start(
    task: Task, before: TaskApproval | None, members: Sequence[UUID], rule: str | None, actor: Actor
) -> TaskApproval:
    """A new round; a task that was approved, or sent back, is in review again."""
    rule = rule or (before.rule if before is not None else ApprovalRule.ALL)
    if before is not None:
        db.session.execute(
            update(TaskApprover)
            .where(TaskApprover.task_id == task.id, TaskApprover.is_current)
            .values(is_current=False)
            .execution_options(synchronize_session=False)
        )
    found = TaskApproval(task_id=task.id, round=before.round + 1 if before is not None else 1, rule=rule)
    db.session.add(found)
    db.session.flush()
    back = {StatusGroup.APPROVED} if before is None else {StatusGroup.APPROVED, StatusGroup.IN_PROGRESS}
    if task.status_group in back:
        update_task(task, actor=actor, status_id=queries.first_status(StatusGroup.IN_REVIEW).id)
    _ask(task, found, members)
    return found


def _change(task: Task, found: TaskApproval, known: Sequence[TaskApprover], wanted: Sequence[UUID]) -> None:
    for one in known:
        if one.member_id in wanted:
            continue
        if one.decision is None:
            db.session.delete(one)
        else:
            one.is_current = False  # what they said stays in the history
    db.session.flush()
    _ask(task, found, [one for one in wanted if one not in {other.member_id for other in known}])


def _ask(task: Task, found: TaskApproval, members: Sequence[UUID]) -> None:
    if not members:
        return
    earlier = db.session.scalars(
        select(TaskApprover).where(TaskApprover.approval_id == found.id, TaskApprover.member_id.in_(members))
    ).all()
    for one in earlier:  # asked again in the same round: their answer counts again
        one.is_current = True
    new = [one for one in members if one not in {other.member_id for other in earlier}]
    for member_id in new:
        db.session.add(TaskApprover(approval_id=found.id, task_id=task.id, member_id=member_id))
    db.session.flush()
    if new:
        emit(
            ApprovalRequested(
                subject_id=task.id,
                title=task.title,
                owner_id=task.owner_id,
                round=found.round,
                approvers=[str(one) for one in new],
            )
        )


def _settle(task: Task, found: TaskApproval, actor: Actor) -> None:
    """Ends the round when its answers suffice, and moves the task: to approved, or back to progress."""
    state = approvals.outcome(found.rule, [one.decision for one in approvals.list_approvers(found.id)])
    if state == PENDING:
        return
    found.state, found.decided_at = state, clock.now()
    db.session.flush()
    group = StatusGroup.APPROVED if state == Decision.APPROVED else StatusGroup.IN_PROGRESS
    if task.status_group != group:
        update_task(task, actor=actor, status_id=queries.first_status(group).id)
