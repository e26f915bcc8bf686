"""The plan: what waits for what, and what was once planned."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc
from app.tasks.schedule import LinkType


class TaskDependency(TenantModel):
    """One task waits for another; ``lag`` in working days, negative for an overlap.

    Only FS blocks its successor; SS and FF say how the dates of the two go together.
    """

    __tablename__ = "task_dependency"
    __table_args__ = tenant_table_args(
        "task_dependency",
        tenant_fk("predecessor_id", "task", ondelete="CASCADE"),
        tenant_fk("successor_id", "task", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "predecessor_id", "successor_id", name="uq_task_dependency_pair"),
        Index("ix_task_dependency_successor", "organization_id", "successor_id"),
        CheckConstraint("predecessor_id <> successor_id", name="itself"),
        CheckConstraint("type IN ('FS', 'SS', 'FF')", name="type"),
        CheckConstraint("lag BETWEEN -365 AND 365", name="lag"),
    )

    predecessor_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    successor_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    type: Mapped[str] = mapped_column(String(2), nullable=False, default=LinkType.FS)
    lag: Mapped[int] = mapped_column(Integer, nullable=False, default=0, server_default=sql("0"))

    @property
    def label(self) -> str:
        return f"{self.type} {self.lag:+d}"


class TimelineBaseline(TenantModel):
    """A member's picture of the plan, to compare today's dates with: ``dates`` is id -> [start, due]."""

    __tablename__ = "timeline_baseline"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "timeline_baseline",
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "member_id", name="uq_timeline_baseline_member"),
    )

    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    taken_at: Mapped[dt.datetime] = utc(nullable=False)
    dates: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
