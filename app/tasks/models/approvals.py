"""Whom a task asks for approval, and what they answered."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc
from app.tasks.models.names import (
    PENDING,
    ApprovalRule,
)


class TaskApproval(TenantModel):
    """One round of asking whether a task is approved: ``state`` is ``pending`` or the decision."""

    __tablename__ = "task_approval"
    __table_args__ = tenant_table_args(
        "task_approval",
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "task_id", "round", name="uq_task_approval_round"),
        CheckConstraint("rule IN ('all', 'any')", name="rule"),
        CheckConstraint("state IN ('pending', 'approved', 'rejected', 'changes')", name="state"),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="decided"),
    )

    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    round: Mapped[int] = mapped_column(Integer, nullable=False)
    rule: Mapped[str] = mapped_column(String(3), nullable=False, default=ApprovalRule.ALL)
    state: Mapped[str] = mapped_column(String(8), nullable=False, default=PENDING)
    decided_at: Mapped[dt.datetime | None] = utc()

    @property
    def label(self) -> str:
        return f"#{self.round}"


class TaskApprover(TenantModel):
    """Somebody who was asked in a round, and what they answered.

    ``is_current`` is off for those of earlier rounds, and for those who were asked no longer after they answered.
    """

    __tablename__ = "task_approver"
    __table_args__ = tenant_table_args(
        "task_approver",
        tenant_fk("approval_id", "task_approval", ondelete="CASCADE"),
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "approval_id", "member_id", name="uq_task_approver_member"),
        Index("ix_task_approver_task", "organization_id", "task_id"),
        Index("ix_task_approver_member", "organization_id", "member_id", "task_id", postgresql_where=sql("is_current")),
        CheckConstraint("decision IN ('approved', 'rejected', 'changes')", name="decision"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided"),
    )

    approval_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    decision: Mapped[str | None] = mapped_column(String(8))
    decided_at: Mapped[dt.datetime | None] = utc()
    note: Mapped[str] = mapped_column(String(2000), nullable=False, default="", server_default=sql("''"))
    is_current: Mapped[bool] = mapped_column(Boolean, nullable=False, default=True, server_default=sql("true"))

    @property
    def label(self) -> str:
        return self.decision or ""
