"""Runs: an event or a moment sets rules off, each run is done by itself, and what stops one is written down."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.automations.actions import ACTIONS
from app.automations.conditions import criterion
from app.automations.execution import Execution
from app.automations.models import MAX_DEPTH, AutomationRule, AutomationRun, RunStatus, Skip
from app.automations.queries.answering import answerer_of, is_answered_for
from app.automations.queries.runs import chain_has, count_today
from app.automations.queries.targets import records_at
from app.automations.subjects import SUBJECTS
from app.automations.targets import MAX_LINKED, MORE, NONE, target_of
from app.automations.telling import tell_admins
from app.automations.triggers import TRIGGERS, of_event, record_of
from app.kernel import clock, jobs
from app.kernel.db import advisory_lock, db
from app.kernel.errors import BadRequest, DomainError
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id
from app.notifications.models import Category
from app.notifications.service import notify
from app.tenancy.queries import current_organization

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.kernel.outbox import ReceivedEvent


class Outcome(StrEnum):
    """What became of an occasion."""

    NOT_MEANT = "not_meant"
    KNOWN = "known"
    QUEUED = "queued"
    STOPPED = "stopped"
    CAPPED = "capped"


class ActionFailed(Exception):
    """One of a rule's actions was refused; the text says why, in words."""

    def __init__(self, line: dict[str, Any], reason: str) -> None:
        super().__init__(reason)
        self.line = line


def job_id(run_id: UUID) -> str:
    """The name of a run's job."""
    return f"automation-run-{run_id}"


# ── what sets rules off ──────────────────────────────────────────────────────────────────────────


def react(event: ReceivedEvent, *, actor: Actor) -> int:
    """Queues the runs of the rules that an event sets off; how many."""
    kind, record_id = record_of(event.subject_kind, event.subject_id, event.payload)
    if kind not in SUBJECTS:
        return 0
    rules = db.session.scalars(
        select(AutomationRule)
        .where(
            AutomationRule.active,
            AutomationRule.activated_at <= event.at,
            AutomationRule.subject == kind,
            AutomationRule.trigger["type"].astext.in_(of_event(event.name)),
        )
        .order_by(AutomationRule.id)
    ).all()
    return sum(
        consider(
            rule,
            UUID(str(record_id)),
            str(event.delivery_id),
            actor=actor,
            depth=event.depth + 1,
            caused_by=event.cause_id,
        )
        is Outcome.QUEUED
        for rule in rules
        if TRIGGERS[rule.trigger["type"]].fires(rule.trigger, event.name, event.payload)
    )


def meets(rule: AutomationRule, record_id: UUID, *, actor: Actor) -> bool:
    """Whether the record is there and meets the rule's conditions; broken ones are met by none."""
    subject = SUBJECTS[rule.subject]
    model = subject.crud.model
    try:
        wanted = criterion(rule.conditions, subject, actor)
    except BadRequest:
        return False
    return db.session.scalar(select(model.id).where(model.id == record_id, wanted)) is not None


def consider(
    rule: AutomationRule,
    record_id: UUID,
    key: str,
    *,
    actor: Actor,
    depth: int = 1,
    caused_by: UUID | None = None,
    met: bool = False,
) -> Outcome:
    """Queues a run of the rule for the record, or writes down what stops it. ``key`` counts once for ever.

    ``met`` says that the conditions have been asked already.
    """
    if not met and not meets(rule, record_id, actor=actor):
        return Outcome.NOT_MEANT
    cause = {"depth": depth, "caused_by": caused_by}
    if depth > MAX_DEPTH:
        return _stop(rule, record_id, key, Skip.DEPTH, **cause)
    if chain_has(caused_by, rule.id, record_id):
        return _stop(rule, record_id, key, Skip.LOOP, **cause)
    advisory_lock(f"automation:{rule.id}")
    if count_today(rule.id) >= rule.daily_cap:
        return _cap(rule, record_id, **cause)
    run_id = _add(rule, record_id, key, RunStatus.QUEUED, **cause)
    if run_id is None:
        return Outcome.KNOWN
    jobs.enqueue("automations.run", {"run_id": str(run_id)}, job_id=job_id(run_id))
    return Outcome.QUEUED


def _add(rule: AutomationRule, record_id: UUID, key: str, status: RunStatus, **values: Any) -> UUID | None:
    """A run; None where the same occasion was written down before."""
    now = clock.now()
    return db.session.scalar(
        insert(AutomationRun)
        .values(
            id=new_id(), organization_id=rule.organization_id, rule_id=rule.id, kind=rule.subject, record_id=record_id,
            key=key, status=status.value, at=now, created_at=now, updated_at=now, version=1, **values,
        )
        .on_conflict_do_nothing()
        .returning(AutomationRun.id)
    )  # fmt: skip


def _stop(rule: AutomationRule, record_id: UUID, key: str, why: Skip, **values: Any) -> Outcome:
    _add(rule, record_id, key, RunStatus.SKIPPED, reason=why.value, **values)
    return Outcome.STOPPED


def _cap(rule: AutomationRule, record_id: UUID, **values: Any) -> Outcome:
    """Beyond the day's limit: written down, and told to who answers for the rule, once."""
    day = clock.today(current_organization().timezone)
    made = _add(rule, record_id, f"cap:{day}", RunStatus.SKIPPED, reason=Skip.CAP.value, **values)
    answerer = answerer_of(rule) if made is not None else None
    if answerer is not None:
        notify(
            answerer,
            "automation_capped",
            {"title": rule.name, "count": str(rule.daily_cap)},
            category=Category.SYSTEM,
            icon="workflow",
            url=f"/settings/automations/{rule.id}",
            dedupe_key=f"cap:{rule.id}:{day}",
        )
    return Outcome.CAPPED


# ── a run ────────────────────────────────────────────────────────────────────────────────────────


def execute(run_id: UUID, *, actor: Actor) -> RunStatus | None:
    """Does the actions of a queued run as ``actor`` (its own), all or none; None where it is no longer to be done.

    Raises ActionFailed for the first one that is refused.
    """
    run = db.session.scalar(
        select(AutomationRun)
        .where(AutomationRun.id == run_id, AutomationRun.status == RunStatus.QUEUED)
        .with_for_update(skip_locked=True)
    )
    if run is None:
        return None
    started = time.perf_counter()
    rule = db.session.scalar(select(AutomationRule).where(AutomationRule.id == run.rule_id))
    assert rule is not None
    subject = SUBJECTS[rule.subject]
    model = subject.crud.model
    record = db.session.scalar(select(model).where(model.id == run.record_id))
    if record is None or not rule.active:
        run.status, run.reason = RunStatus.SKIPPED, Skip.GONE if record is None else Skip.OFF
        return RunStatus.SKIPPED
    if not is_answered_for(rule):
        tell_admins(rule)
        run.status, run.reason = RunStatus.SKIPPED, Skip.AUTHOR
        return RunStatus.SKIPPED
    log = []
    day = clock.today(actor.timezone)
    for place, params in enumerate(rule.actions):
        log += _act(Execution(run.id, rule, subject, record, actor, day, place, record), params)
    run.log, run.status = log, RunStatus.OK
    if all("skipped" in line for line in log):
        run.status, run.reason = RunStatus.SKIPPED, Skip.TARGET
    run.duration_ms = int(1000 * (time.perf_counter() - started))
    return RunStatus(run.status)


def _act(run: Execution, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Does an action on what it is aimed at; a line of the log for each record, and for what was left out."""
    line = {"type": params["type"]}
    if "target" not in params:
        return [_do(run, params, line)]
    line["target"] = params["target"]
    target = target_of(run.subject, params)
    aimed = records_at(target, run.record.id)
    if not aimed:
        return [{**line, "skipped": NONE}]
    found = []
    for record in aimed[:MAX_LINKED]:
        named = {"kind": target.subject.kind, "id": str(record.id), "label": str(record.label)}
        now = replace(run, subject=target.subject, record=record)
        found.append(_do(now, params, {**line, "on": named}))
    if len(aimed) > MAX_LINKED:
        found.append({**line, "skipped": MORE, "count": len(aimed) - MAX_LINKED})
    return found


def _do(run: Execution, params: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    try:
        line = {**line, **ACTIONS[params["type"]].run(run, params)}
        db.session.flush()
    except DomainError as error:
        raise ActionFailed({**line, "place": run.place}, words_of(error)) from error
    return line


def words_of(error: DomainError) -> str:
    """What an error says: of each field, or of the whole."""
    return " ".join(text for texts in error.errors.values() for text in texts) or error.message


def note_failure(run_id: UUID, error: Exception, *, known: bool, actor: Actor) -> None:  # noqa: ARG001 - who notes it
    """Writes down that a run failed, and nothing of it was kept. ``known`` errors are told in their words."""
    run = db.session.scalar(select(AutomationRun).where(AutomationRun.id == run_id).with_for_update())
    if run is None or run.status != RunStatus.QUEUED:
        return
    run.status, run.reason = RunStatus.FAILED, (str(error) if known else _("An unexpected error."))[:300]
    if isinstance(error, ActionFailed):
        run.log = [{**error.line, "failed": True}]
