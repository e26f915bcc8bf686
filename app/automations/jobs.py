"""Runs, calls and moments, worked off in the background."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from sqlalchemy import exists, select

from app.automations import webhooks
from app.automations.acting import acting
from app.automations.models import KEPT, AutomationCall, AutomationRule, AutomationRun, CallStatus, RunStatus
from app.automations.service import calls, moments, pruning, running
from app.automations.triggers import TRIGGERS
from app.kernel import clock, i18n, jobs
from app.kernel.actor import system_actor
from app.kernel.db import db
from app.kernel.errors import Conflict, DomainError
from app.kernel.tenant import tenant_scope
from app.kernel.uow import platform_uow, uow
from app.tenancy.models import Organization
from app.tenancy.queries import IN_SERVICE, current_organization

if TYPE_CHECKING:
    from app.kernel.actor import Actor

log = structlog.get_logger()
BATCH = 1000
TRIES = 3
# How long Valkey may take with what was queued, before the sweep looks after it.
PATIENCE = dt.timedelta(minutes=1)


@jobs.job("automations.run", timeout=300, retries=0)
def run(run_id: str, *, actor: Actor, **_context: Any) -> None:
    """Does a queued run, in one transaction; what it was refused is in the log."""
    found = UUID(run_id)
    with tenant_scope(actor):
        own = _own_actor(found)
    if own is None:
        return None
    with i18n.force_locale(own.locale):
        for last in range(TRIES):
            try:
                with uow(own):
                    running.execute(found, actor=own)
                return None
            except Conflict as error:
                # Somebody changed the record at the same moment: it is looked at again.
                if last == TRIES - 1:
                    _failed(found, error, actor)
            except Exception as error:  # noqa: BLE001 - whatever it was, the run has come to an end
                return _failed(found, error, actor)
    return None


def _own_actor(run_id: UUID) -> Actor | None:
    row = db.session.execute(
        select(AutomationRun.depth, AutomationRule)
        .join(AutomationRule, AutomationRule.id == AutomationRun.rule_id)
        .where(AutomationRun.id == run_id, AutomationRun.status == RunStatus.QUEUED)
    ).one_or_none()
    return acting(row[1], current_organization(), depth=row[0], run_id=run_id) if row else None


def _failed(run_id: UUID, error: Exception, actor: Actor) -> None:
    known = isinstance(error, running.ActionFailed | Conflict)
    if not known:
        log.error("automations.run_failed", run=str(run_id), exc_info=error)
    with uow(actor):
        running.note_failure(run_id, error, known=known, actor=actor)


@jobs.job("automations.call", timeout=60, retries=0)
def call(call_id: str, *, actor: Actor, **_context: Any) -> None:
    """Calls a webhook address once; the sweep tries again what failed."""
    found = UUID(call_id)
    with uow(actor):
        wanted = calls.claim(found, actor=actor)
    if wanted is None:
        return
    status, error = webhooks.send(found, wanted.url, wanted.body, wanted.secret)
    with uow(actor):
        calls.note(found, status, error, actor=actor)


@jobs.job("automations.tick", timeout=600, retries=0)
def tick(**_context: Any) -> int:
    """Sets off the rules of time; how many runs were queued."""
    names = [one.name for one in TRIGGERS.values() if one.is_of_time]
    with platform_uow("jobs") as session:
        rules = session.execute(
            select(AutomationRule.id, AutomationRule.organization_id, Organization.timezone)
            .join(Organization, Organization.id == AutomationRule.organization_id)
            .where(
                AutomationRule.active,
                AutomationRule.trigger["type"].astext.in_(names),
                Organization.status.in_(IN_SERVICE),
            )
            .order_by(AutomationRule.organization_id, AutomationRule.id)
        ).all()
    queued = 0
    for rule_id, organization_id, timezone in rules:
        actor = system_actor(organization_id, timezone=timezone)
        with jobs.apart(rule=rule_id), uow(actor):
            queued += moments.work_off(rule_id, actor=actor)
    return queued


@jobs.job("automations.sweep", queue="critical", timeout=120, retries=0)
def sweep(**_context: Any) -> int:
    """Queues runs that Valkey lost, and calls that are due again; how many."""
    now = clock.now()
    with platform_uow("jobs") as session:
        runs = session.execute(
            select(AutomationRun.id, AutomationRun.organization_id)
            .where(AutomationRun.status == RunStatus.QUEUED, AutomationRun.at < now - PATIENCE)
            .order_by(AutomationRun.at)
            .limit(BATCH)
        ).all()
        due = session.execute(
            select(AutomationCall.id, AutomationCall.attempts, AutomationCall.organization_id)
            .where(AutomationCall.status == CallStatus.QUEUED, AutomationCall.next_at <= now)
            .order_by(AutomationCall.next_at)
            .limit(BATCH)
        ).all()
    lost = [("automations.run", {"run_id": str(key)}, running.job_id(key), where) for key, where in runs]
    lost += [
        ("automations.call", {"call_id": str(key)}, webhooks.job_id(key, tried), where) for key, tried, where in due
    ]
    return sum(
        jobs.enqueue_lost(name, arguments, job_id=job_id, organization_id=where, member_id=None)
        for name, arguments, job_id, where in lost
    )


@jobs.job("automations.prune", queue="bulk", timeout=600, retries=0)
def prune(**_context: Any) -> None:
    """Deletes the runs and calls that are no longer kept, a set at a time, each organization's by itself."""
    with platform_uow("jobs") as session:
        old = exists().where(
            AutomationRun.organization_id == Organization.id,
            AutomationRun.at < clock.now() - KEPT,
            AutomationRun.status != RunStatus.QUEUED,
        )
        found = session.scalars(select(Organization.id).where(old)).all()
    for organization_id in found:
        actor = system_actor(organization_id)
        more = True
        while more:
            try:
                with uow(actor):
                    more = pruning.prune(actor=actor)
            except DomainError:  # a task was deleted meanwhile: tomorrow's turn does it
                log.warning("automations.prune_failed", organization=str(organization_id))
                break
