"""What somebody has put off for themselves."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import Date, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args


class TaskSnooze(TenantModel):
    """A task that a member does not want to see on their day before ``until``. Nobody else is concerned."""

    __tablename__ = "task_snooze"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "task_snooze",
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        tenant_fk("task_id", "task", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "member_id", "task_id", name="uq_task_snooze_member"),
        Index("ix_task_snooze_task", "organization_id", "task_id"),
    )

    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    task_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    until: Mapped[dt.date] = mapped_column(Date, nullable=False)
