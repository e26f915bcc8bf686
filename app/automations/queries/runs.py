"""Reads of rules and of what they did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.automations.models import AutomationCall, AutomationRule, AutomationRun, RunStatus, Skip
from app.collaboration.records import Named, name_records
from app.kernel import clock
from app.kernel.db import db, is_one_of
from app.kernel.errors import NotFound
from app.tenancy.models import Organization

PAGE = 50


def get_rule(rule_id: UUID) -> AutomationRule:
    """A rule. Raises NotFound."""
    found = db.session.scalar(select(AutomationRule).where(AutomationRule.id == rule_id))
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Summary:
    """A rule with its last run, and how many it had today."""

    rule: AutomationRule
    last_at: dt.datetime | None
    last_status: str | None
    today: int


def today_bounds() -> tuple[dt.datetime, dt.datetime]:
    """The organization's day, as moments."""
    timezone = db.session.scalar(select(Organization.timezone)) or "Europe/Rome"
    return clock.day_bounds(clock.today(timezone), timezone)


def list_rules() -> list[Summary]:
    """All rules: those that are on first, by name. Three queries."""
    rules = db.session.scalars(
        select(AutomationRule).order_by(AutomationRule.active.desc(), func.lower(AutomationRule.name))
    ).all()
    start, _end = today_bounds()
    done = AutomationRun.status.in_((RunStatus.OK, RunStatus.FAILED, RunStatus.QUEUED))
    rows = db.session.execute(
        select(AutomationRun.rule_id, func.count())
        .where(AutomationRun.at >= start, done)
        .group_by(AutomationRun.rule_id)
    )
    counts = {row[0]: row[1] for row in rows}
    last = {
        row.rule_id: row
        for row in db.session.execute(
            select(AutomationRun.rule_id, AutomationRun.at, AutomationRun.status)
            .ext(distinct_on(AutomationRun.rule_id))
            .order_by(AutomationRun.rule_id, AutomationRun.at.desc(), AutomationRun.id.desc())
        )
    }
    return [
        Summary(
            one,
            last[one.id].at if one.id in last else None,
            last[one.id].status if one.id in last else None,
            counts.get(one.id, 0),
        )
        for one in rules
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A run of the log; ``record`` is None for one that is gone, or that the reader may not see."""

    run: AutomationRun
    rule_name: str
    record: Named | None
    calls: Sequence[AutomationCall]
    seen: frozenset[UUID] = frozenset()

    @property
    def log(self) -> list[dict[str, Any]]:
        """What each action did, without the words of records that the reader may not see."""
        if self.record is None:
            return [{"type": one.get("type")} for one in self.run.log]
        return [
            self._without_unseen(one) | ({"on": self._without_unseen(one["on"])} if "on" in one else {})
            for one in self.run.log
        ]

    def _without_unseen(self, named: dict[str, Any]) -> dict[str, Any]:
        if "id" not in named or UUID(named["id"]) in self.seen:
            return named
        return {key: value for key, value in named.items() if key != "label"}

    @property
    def reason(self) -> str:
        """Why it was left out or failed; refusals name records, so only to who may see the run's own, and the one
        that refused.
        """
        refused = [UUID(one["on"]["id"]) for one in self.run.log if "on" in one and one.get("failed")]
        known = self.record is not None and all(one in self.seen for one in refused)
        return self.run.reason if known or self.run.reason in set(Skip) else ""


def list_runs(
    *, rule_id: UUID | None = None, status: str | None = None, before: UUID | None = None, limit: int = PAGE
) -> tuple[list[Line], bool]:
    """Runs, newest first, and whether there are more. A few queries, however many there are."""
    statement = (
        select(AutomationRun, AutomationRule.name)
        .join(AutomationRule, AutomationRule.id == AutomationRun.rule_id)
        .order_by(AutomationRun.id.desc())
        .limit(limit + 1)
    )
    if rule_id is not None:
        statement = statement.where(AutomationRun.rule_id == rule_id)
    if status is not None:
        statement = statement.where(AutomationRun.status == status)
    if before is not None:
        statement = statement.where(AutomationRun.id < before)
    rows = db.session.execute(statement).all()
    more, rows = len(rows) > limit, rows[:limit]
    logged = {
        (one["kind"], UUID(one["id"]))
        for run, _name in rows
        for line in run.log
        for one in (line, line.get("on", {}))
        if one.get("id") and one.get("kind")
    }
    named = name_records({(run.kind, run.record_id) for run, _name in rows} | logged)
    seen = frozenset(named)
    calls: dict[UUID, list[AutomationCall]] = {}
    for call in db.session.scalars(
        select(AutomationCall)
        .where(is_one_of(AutomationCall.run_id, [run.id for run, _name in rows]))
        .order_by(AutomationCall.id)
    ):
        calls.setdefault(call.run_id, []).append(call)
    return [Line(run, name, named.get(run.record_id), calls.get(run.id, []), seen) for run, name in rows], more


def chain_has(run_id: UUID | None, rule_id: UUID, record_id: UUID) -> bool:
    """Whether ``run_id``, or one of those that led to it, was this rule at this record."""
    return run_id is not None and (run_id, record_id) in chained({run_id}, rule_id)


def chained(run_ids: Collection[UUID], rule_id: UUID) -> set[tuple[UUID, UUID]]:
    """The records at which this rule was each of ``run_ids``, or one of those that led to it: (run, record).

    One query, however many there are.
    """
    if not run_ids:
        return set()
    run = AutomationRun
    columns = (run.id, run.rule_id, run.record_id, run.caused_by)
    chain = select(run.id.label("start"), *columns).where(is_one_of(run.id, run_ids)).cte("chain", recursive=True)
    chain = chain.union(select(chain.c.start, *columns).join(chain, run.id == chain.c.caused_by))
    statement = select(chain.c.start, chain.c.record_id).where(chain.c.rule_id == rule_id).distinct()
    return {(row[0], row[1]) for row in db.session.execute(statement)}


def count_today(rule_id: UUID) -> int:
    """How many runs a rule had on the organization's day, without those that were left out."""
    start, end = today_bounds()
    statement = (
        select(func.count())
        .select_from(AutomationRun)
        .where(
            AutomationRun.rule_id == rule_id,
            AutomationRun.at >= start,
            AutomationRun.at < end,
            AutomationRun.status != RunStatus.SKIPPED,
        )
    )
    return db.session.scalar(statement) or 0
