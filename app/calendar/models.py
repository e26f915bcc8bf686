"""The secret addresses under which other programs read somebody's calendar."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Boolean, Index, String, UniqueConstraint, Uuid
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args


class CalendarFeed(TenantModel):
    """A member's feed. Its address holds 256 random bits, of which only the SHA-256 is stored.

    ``everything`` gives what the member may see; else what they own, collaborate on or watch.
    """

    __tablename__ = "calendar_feed"
    __table_args__ = tenant_table_args(
        "calendar_feed",
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "member_id", name="uq_calendar_feed_member"),
        Index("uq_calendar_feed_token_hash", "token_hash", unique=True),
    )

    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    token_hash: Mapped[str] = mapped_column(String(64), nullable=False, info={"secret": True})
    everything: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))

    @property
    def label(self) -> str:
        return "ICS"
