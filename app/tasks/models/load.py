"""How much people work."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Integer, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args


class MemberCapacity(TenantModel):
    """A member's own minutes of work in a week; who has none here works the organization's business hours."""

    __tablename__ = "member_capacity"
    __table_args__ = tenant_table_args(
        "member_capacity",
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "member_id", name="uq_member_capacity_member"),
        CheckConstraint("weekly_minutes BETWEEN 0 AND 4800 AND weekly_minutes % 15 = 0", name="weekly_minutes"),
    )

    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    weekly_minutes: Mapped[int] = mapped_column(Integer, nullable=False)

    @property
    def label(self) -> str:
        return f"{self.weekly_minutes / 60:g} h"
