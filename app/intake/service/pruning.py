"""What the intake forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from app.intake.models import TaskRequest
from app.intake.queries import has_heard_the_last
from app.kernel.db import db

if TYPE_CHECKING:
    from app.kernel.actor import Actor


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
