"""What an organization promises by priority, and the hours in which it works."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_table_args
from app.tasks.models.names import FOLLOWS


class SlaPolicy(TenantModel):
    """How soon tasks of a priority are to be started and finished, in minutes of working time; None: no promise."""

    __tablename__ = "sla_policy"
    __table_args__ = tenant_table_args(
        "sla_policy",
        UniqueConstraint("organization_id", "priority", name="uq_sla_policy_priority"),
        CheckConstraint("priority IN ('P0', 'P1', 'P2', 'P3')", name="priority"),
        CheckConstraint("start_minutes BETWEEN 1 AND 60000", name="start"),
        CheckConstraint("finish_minutes BETWEEN 1 AND 60000", name="finish"),
        CheckConstraint("start_minutes <= finish_minutes", name="order"),
        CheckConstraint("NOT is_on OR start_minutes IS NOT NULL OR finish_minutes IS NOT NULL", name="promise"),
    )

    priority: Mapped[str] = mapped_column(String(2), nullable=False)
    is_on: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))
    start_minutes: Mapped[int | None] = mapped_column(Integer)
    finish_minutes: Mapped[int | None] = mapped_column(Integer)

    @property
    def label(self) -> str:
        return f"SLA {self.priority}"


class WorkCalendar(TenantModel):
    """The organization's business hours: ``hours`` is what ``app.kernel.business_hours.write_week`` writes.

    ``applied_timezone`` is the zone in which the deadlines of open tasks were last computed; None: they are to be.
    """

    __tablename__ = "work_calendar"
    __table_args__ = tenant_table_args(
        "work_calendar", UniqueConstraint("organization_id", name="uq_work_calendar_organization_id")
    )

    hours: Mapped[list[list[list[str]]]] = mapped_column(JSONB, nullable=False)
    applied_timezone: Mapped[str | None] = mapped_column(String(64), info=FOLLOWS)

    @property
    def label(self) -> str:
        return "SLA"


class ClosingDay(TenantModel):
    """Days on which nobody works, from the first to the last: they are in no business hours and no working days."""

    __tablename__ = "closing_day"
    __table_args__ = tenant_table_args(
        "closing_day",
        Index("ix_closing_day_first", "organization_id", "first_on"),
        CheckConstraint("last_on >= first_on", name="order"),
    )

    name: Mapped[str] = mapped_column(String(80), nullable=False)
    first_on: Mapped[dt.date] = mapped_column(Date, nullable=False)
    last_on: Mapped[dt.date] = mapped_column(Date, nullable=False)
