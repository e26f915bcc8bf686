"""What the intake forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from app.intake.models import RequestState, TaskRequest
from app.kernel.db import db

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def forget_requesters(request_ids: Sequence[UUID], *, actor: Actor) -> int:  # noqa: ARG001 - a schedule's
    """Takes the name and the e-mail out of declined requests; out of how many."""
    found = db.session.scalars(
        select(TaskRequest)
        .where(TaskRequest.id.in_(request_ids), TaskRequest.state == RequestState.DECLINED)
        .with_for_update(skip_locked=True)
    ).all()
    for request in found:
        request.requester_name = request.requester_email = None
    db.session.flush()
    return len(found)
