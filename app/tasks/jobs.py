"""What tasks do by themselves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from app.kernel import clock, jobs
from app.kernel.actor import system_actor
from app.kernel.uow import platform_uow, uow
from app.tasks.models.names import Recurs
from app.tasks.models.sla import WorkCalendar
from app.tasks.models.tasks import Task
from app.tasks.service.recurrence import follow, is_due_again
from app.tasks.service.sla import Position, apply_policy, note_breaches
from app.tasks.service.tasks import announce
from app.tenancy.models import Organization
from app.tenancy.queries import IN_SERVICE

if TYPE_CHECKING:
    from app.kernel.actor import Actor

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
        with jobs.apart(task=task_id), uow(actor) as session:
            task = session.scalar(select(Task).where(Task.id == task_id).with_for_update(skip_locked=True))
            if task is not None and is_due_again(task, clock.today(timezone)):
                made += follow(task, actor=actor) is not None
    return made


@jobs.job("tasks.sla", queue="default", timeout=300, retries=0)
def sla(**_context: Any) -> int:
    """Marks the deadlines that were missed, then has changed policies applied; how many were missed."""
    now = clock.now()
    late_start = (Task.sla_start_due_at < now, Task.sla_started_at.is_(None), Task.sla_start_breached_at.is_(None))
    late = (Task.sla_due_at < now, Task.sla_breached_at.is_(None))
    with platform_uow("jobs") as session:
        found = session.execute(
            select(Task.id, Task.organization_id)
            .join(Organization, Organization.id == Task.organization_id)
            .where(or_(and_(*late_start), and_(*late)), Task.done_at.is_(None), Organization.status.in_(IN_SERVICE))
            .order_by(Task.sla_due_at)
            .limit(BATCH)
        ).all()
        changed = session.execute(
            select(WorkCalendar.organization_id, WorkCalendar.version)
            .join(Organization, Organization.id == WorkCalendar.organization_id)
            .where(
                WorkCalendar.applied_timezone.is_distinct_from(Organization.timezone),
                Organization.status.in_(IN_SERVICE),
            )
        ).all()
    missed = 0
    for task_id, organization_id in found:
        with jobs.apart(task=task_id), uow(system_actor(organization_id)) as session:
            task = session.scalar(select(Task).where(Task.id == task_id).with_for_update(skip_locked=True))
            if task is not None and note_breaches(task, now):
                missed += 1
                session.flush()
                announce(task, "sla")
    # Each organization's is a job of its own: what takes long, or fails, keeps no other waiting.
    for organization_id, version in changed:
        job_id = f"tasks-apply-sla-{organization_id}-{version}"
        jobs.enqueue_lost("tasks.apply_sla", {}, job_id=job_id, organization_id=organization_id, member_id=None)
    return missed


@jobs.job("tasks.apply_sla", queue="bulk", timeout=3600, retries=1)
def apply_sla(*, actor: Actor, **_context: Any) -> None:
    """Gives the open tasks of an organization the deadlines of its policy."""
    last: Position | None = None
    while True:
        with uow(actor):
            last = apply_policy(last)
        if last is None:
            return
