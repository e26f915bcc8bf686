"""What tasks do by themselves."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app.kernel import clock, jobs
from app.kernel.actor import system_actor
from app.kernel.uow import platform_uow, uow
from app.tasks.models import Recurs, Task
from app.tasks.service.recurrence import follow, is_due_again
from app.tenancy.models import Organization
from app.tenancy.queries import IN_SERVICE

BATCH = 1000


@jobs.job("tasks.recur", queue="default", timeout=600, retries=0)
def recur(**_context: Any) -> int:
    """Makes the next of tasks that recur on schedule and whose day has come; how many."""
    # Each organization has its own today: the earliest of them cannot be missed.
    latest = clock.now().date() + dt.timedelta(days=1)
    with platform_uow("jobs") as session:
        found = session.execute(
            select(Task.id, Task.organization_id, Organization.timezone)
            .join(Organization, Organization.id == Task.organization_id)
            .where(
                Task.recurrence.is_not(None),
                Task.recurs == Recurs.SCHEDULE,
                Task.successor_id.is_(None),
                Task.due_on < latest,
                Organization.status.in_(IN_SERVICE),
            )
            .order_by(Task.due_on)
            .limit(BATCH)
        ).all()
    made = 0
    for task_id, organization_id, timezone in found:
        actor = system_actor(organization_id, timezone=timezone)
        with uow(actor) as session:
            task = session.scalar(select(Task).where(Task.id == task_id).with_for_update(skip_locked=True))
            if task is not None and is_due_again(task, clock.today(timezone)):
                made += follow(task, actor=actor) is not None
    return made
