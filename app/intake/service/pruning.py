"""What the intake forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import and_, or_, select

from app.intake.models import KEPT, RequestState, TaskRequest
from app.kernel import clock
from app.kernel.db import db

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from app.kernel.actor import Actor


def has_heard_the_last() -> ColumnElement[bool]:
    """Of requests that name who made them, in SQL: those that were decided long enough ago, and accepted ones once
    their requester was told long enough ago that the task is done.
    """
    before = clock.now() - KEPT
    decided = TaskRequest.state.in_((RequestState.DECLINED, RequestState.DUPLICATE))
    return and_(
        TaskRequest.state != RequestState.NEW,
        TaskRequest.requester_email.is_not(None),
        TaskRequest.decided_at < before,
        or_(decided, TaskRequest.told_done_at < before),
    )


def forget_requesters(request_ids: Sequence[UUID], *, actor: Actor) -> int:  # noqa: ARG001 - a schedule's
    """Takes the name and the e-mail out of requests whose time has come; out of how many."""
    found = db.session.scalars(
        select(TaskRequest)
        .where(TaskRequest.id.in_(request_ids), has_heard_the_last())
        .with_for_update(skip_locked=True)
    ).all()
    for request in found:
        request.requester_name = request.requester_email = None
    db.session.flush()
    return len(found)
