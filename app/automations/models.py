"""Rules that act by themselves, what they did, and what they send to other systems."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc

MAX_CAP = 10_000
# How many automations may follow from one another.
MAX_DEPTH = 5
# How long the log is kept: a quarter is long enough to look after what was done; the audit log keeps what changed.
KEPT = dt.timedelta(days=90)


class RunStatus(StrEnum):
    QUEUED = "queued"
    OK = "ok"
    SKIPPED = "skipped"
    FAILED = "failed"


class Skip(StrEnum):
    """Why a run was not done; what ``AutomationRun.reason`` holds then."""

    DEPTH = "depth"
    LOOP = "loop"
    CAP = "cap"
    GONE = "gone"
    OFF = "off"
    AUTHOR = "author"
    TARGET = "target"


class CallStatus(StrEnum):
    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class AutomationRule(TenantModel):
    """When something happens to a record (``trigger``), and it meets ``conditions``, the ``actions`` are done.

    The three are what ``service.rules`` has checked; what happened before ``activated_at`` sets nothing off;
    ``scheduled_on`` is the last day (the organization's) on which a schedule was worked off.
    """

    __tablename__ = "automation_rule"
    __resource__ = None
    __table_args__ = tenant_table_args(
        "automation_rule",
        tenant_fk("author_id", "membership", ondelete="SET NULL"),
        tenant_fk("api_key_id", "api_key"),
        Index("uq_automation_rule_name", "organization_id", sql("lower(name)"), unique=True),
        Index("ix_automation_rule_author", "organization_id", "author_id"),
        Index("ix_automation_rule_api_key", "organization_id", "api_key_id"),
        CheckConstraint("daily_cap BETWEEN 1 AND 10000", name="daily_cap"),
        CheckConstraint("NOT active OR activated_at IS NOT NULL", name="activated"),
    )

    name: Mapped[str] = mapped_column(String(120), nullable=False)
    subject: Mapped[str] = mapped_column(String(32), nullable=False)
    trigger: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    conditions: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False)
    active: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))
    activated_at: Mapped[dt.datetime | None] = utc()
    scheduled_on: Mapped[dt.date | None] = mapped_column(Date)
    daily_cap: Mapped[int] = mapped_column(Integer, nullable=False, default=100, server_default=sql("100"))
    preset: Mapped[str | None] = mapped_column(String(40))
    # Not ``owner_id``: a rule belongs to the organization, whoever wrote it.
    author_id: Mapped[UUID | None] = mapped_column(Uuid)
    # The key that saved it last, made by the author.
    api_key_id: Mapped[UUID | None] = mapped_column(Uuid)
    # What webhooks are signed with, encrypted.
    secret: Mapped[str] = mapped_column(Text, nullable=False, info={"secret": True})


class AutomationRun(TenantModel):
    """A rule and one record: done, left out or failed. ``key`` keeps the same occasion from counting twice."""

    __tablename__ = "automation_run"
    __audited__ = False
    __resource__ = None
    __table_args__ = tenant_table_args(
        "automation_run",
        tenant_fk("rule_id", "automation_rule", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "rule_id", "key", name="uq_automation_run_key"),
        Index("ix_automation_run_rule", "organization_id", "rule_id", "at"),
        Index("ix_automation_run_at", "organization_id", "at"),
        Index("ix_automation_run_queued", "at", postgresql_where=sql("status = 'queued'")),
        CheckConstraint("status IN ('queued', 'ok', 'skipped', 'failed')", name="status"),
    )

    rule_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    record_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    key: Mapped[str] = mapped_column(String(120), nullable=False)
    status: Mapped[str] = mapped_column(String(8), nullable=False, default=RunStatus.QUEUED)
    reason: Mapped[str] = mapped_column(String(300), nullable=False, default="", server_default=sql("''"))
    log: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, nullable=False, default=list, server_default=sql("'[]'"))
    depth: Mapped[int] = mapped_column(Integer, nullable=False, default=1)
    caused_by: Mapped[UUID | None] = mapped_column(Uuid)
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)


class AutomationKey(TenantModel):
    """The key of a due date whose run is no longer kept: the task is there yet, and must not set the rule off again."""

    __tablename__ = "automation_key"
    __audited__ = False
    __resource__ = None
    __table_args__ = tenant_table_args(
        "automation_key",
        tenant_fk("rule_id", "automation_rule", ondelete="CASCADE"),
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "rule_id", "key", name="uq_automation_key_key"),
        Index("ix_automation_key_task", "organization_id", "task_id"),
    )

    rule_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    key: Mapped[str] = mapped_column(String(120), nullable=False)


class AutomationCall(TenantModel):
    """A call of a webhook address that a run asked for; queued until it was answered, or given up."""

    __tablename__ = "automation_call"
    __audited__ = False
    __resource__ = None
    __table_args__ = tenant_table_args(
        "automation_call",
        tenant_fk("run_id", "automation_run", ondelete="CASCADE"),
        Index("ix_automation_call_run", "organization_id", "run_id"),
        Index("ix_automation_call_due", "next_at", postgresql_where=sql("status = 'queued'")),
        CheckConstraint("status IN ('queued', 'done', 'failed')", name="status"),
    )

    run_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    url: Mapped[str] = mapped_column(Text, nullable=False)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    status: Mapped[str] = mapped_column(String(8), nullable=False, default=CallStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    next_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    answer: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str] = mapped_column(String(300), nullable=False, default="", server_default=sql("''"))
    done_at: Mapped[dt.datetime | None] = utc()
