"""What the intake does by itself."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sqlalchemy import select

from app.intake.models import TaskRequest
from app.intake.queries import has_heard_the_last
from app.intake.service.pruning import forget_requesters
from app.kernel import jobs
from app.kernel.actor import system_actor
from app.kernel.uow import platform_uow, uow

BATCH = 1000


@jobs.job("intake.forget", queue="default", timeout=600, retries=0)
def forget(**_context: Any) -> int:
    """Forgets who made the requests that they have heard the last of long enough ago; how many."""
    with platform_uow("jobs") as session:
        found = session.execute(
            select(TaskRequest.organization_id, TaskRequest.id)
            .where(has_heard_the_last())
            .order_by(TaskRequest.organization_id)
            .limit(BATCH)
        ).all()
    forgotten = 0
    for organization_id, rows in groupby(found, key=lambda row: row[0]):
        actor = system_actor(organization_id)
        with jobs.apart(organization=organization_id), uow(actor):
            forgotten += forget_requesters([one[1] for one in rows], actor=actor)
    return forgotten
