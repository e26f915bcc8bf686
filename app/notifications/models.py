"""Notifications: what a person should know, in the bell and by mail."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc


class Category(StrEnum):
    MENTIONS = "mentions"
    ASSIGNMENTS = "assignments"
    DEALS = "deals"
    TASKS = "tasks"
    COMMENTS = "comments"
    TEAM = "team"
    SYSTEM = "system"


class Notification(TenantModel):
    """One line of the bell. ``dedupe_key`` keeps a repeated delivery from telling twice."""

    __tablename__ = "notification"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "notification",
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "member_id", "dedupe_key"),
        Index("ix_notification_member", "organization_id", "member_id", "created_at"),
        Index(
            "ix_notification_unread",
            "organization_id",
            "member_id",
            postgresql_where=text("read_at IS NULL"),
        ),
        Index(
            "ix_notification_mail",
            "mail_at",
            postgresql_where=text("read_at IS NULL AND mailed_at IS NULL AND mail_at IS NOT NULL"),
        ),
    )

    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    category: Mapped[str] = mapped_column(String(16), nullable=False)
    icon: Mapped[str] = mapped_column(String(32), nullable=False, default="bell")
    message: Mapped[str] = mapped_column(String(120), nullable=False)
    params: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False, default=dict)
    url: Mapped[str] = mapped_column(String(300), nullable=False, default="")
    dedupe_key: Mapped[str] = mapped_column(String(80), nullable=False)
    read_at: Mapped[dt.datetime | None] = utc()
    # When it goes by mail too, unless it has been read by then.
    mail_at: Mapped[dt.datetime | None] = utc()
    mailed_at: Mapped[dt.datetime | None] = utc()
