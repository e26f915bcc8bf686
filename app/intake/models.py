"""What people outside the task manager ask for, and the forms with which they ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Date, Index, String, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import StringArray, TenantModel, tenant_fk, tenant_table_args, utc
from app.tasks.models.tasks import Task

if TYPE_CHECKING:
    from app.kernel.actor import Actor

# The fields that a form may ask beside the title and the e-mail.
OPTIONAL = ("description", "name", "due_on")
# How long the name and the e-mail of a requester are kept once they have heard the last of it.
KEPT = dt.timedelta(days=180)


class RequestState(StrEnum):
    NEW = "new"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DUPLICATE = "duplicate"


class IntakeForm(TenantModel):
    """A public form. Its address holds 256 random bits, of which only the SHA-256 is stored.

    ``mail_key`` is in the address to which requests can be mailed as well, ``requests-<key>@…``; whoever manages tasks
    can look it up.

    ``default_status_id`` and ``default_owner_id`` are what accepting a request starts from; ``tells_done`` mails the
    requester when the accepted task is done.
    """

    __tablename__ = "intake_form"
    __table_args__ = tenant_table_args(
        "intake_form",
        tenant_fk("default_status_id", "task_status", ondelete="SET NULL"),
        tenant_fk("default_owner_id", "membership", ondelete="SET NULL"),
        Index("uq_intake_form_name", "organization_id", sql("lower(name)"), unique=True),
        Index("uq_intake_form_token_hash", "token_hash", unique=True),
        Index("uq_intake_form_mail_key", "mail_key", unique=True),
        Index("ix_intake_form_status", "organization_id", "default_status_id"),
        Index("ix_intake_form_owner", "organization_id", "default_owner_id"),
        CheckConstraint("takes_mail = (mail_key IS NOT NULL)", name="mail"),
        CheckConstraint("asks <@ ARRAY['description', 'name', 'due_on']::varchar[]", name="asks"),
    )

    name: Mapped[str] = mapped_column(String(120), nullable=False)
    intro: Mapped[str | None] = mapped_column(Text)
    module: Mapped[str] = mapped_column(String(16), nullable=False)
    default_status_id: Mapped[UUID | None] = mapped_column(Uuid)
    default_owner_id: Mapped[UUID | None] = mapped_column(Uuid)
    asks: Mapped[list[str]] = mapped_column(
        StringArray(12), nullable=False, default=lambda: list(OPTIONAL), server_default=sql("'{}'")
    )
    is_open: Mapped[bool] = mapped_column(Boolean, nullable=False, default=True, server_default=sql("true"))
    tells_done: Mapped[bool] = mapped_column(Boolean, nullable=False, default=True, server_default=sql("true"))
    token_hash: Mapped[str] = mapped_column(String(64), nullable=False, info={"secret": True})
    takes_mail: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))
    mail_key: Mapped[str | None] = mapped_column(String(26), info={"secret": True})


class TaskRequest(TenantModel):
    """What somebody asked for, until it is decided and after.

    It is for those who write the tasks of its module. ``task_id`` is the task made of it, or the one that it repeats.
    The requester's name and e-mail are in no audit log, so that they can be forgotten.
    """

    __tablename__ = "task_request"
    __resource__ = "task"
    __resources__: ClassVar[Mapping[str, str]] = Task.__resources__
    __table_args__ = tenant_table_args(
        "task_request",
        tenant_fk("form_id", "intake_form", ondelete="SET NULL"),
        tenant_fk("task_id", "task", ondelete="SET NULL"),
        tenant_fk("decided_by_id", "membership", ondelete="SET NULL"),
        Index("ix_task_request_state", "organization_id", "state", "created_at"),
        Index("ix_task_request_form", "organization_id", "form_id"),
        Index("ix_task_request_task", "organization_id", "task_id"),
        Index("ix_task_request_decided_by", "organization_id", "decided_by_id"),
        # A message that is delivered again is one request.
        Index("uq_task_request_mail", "organization_id", "form_id", "mail_hash", unique=True),
        Index(
            "ix_task_request_forget",
            "decided_at",
            postgresql_where=sql("state <> 'new' AND requester_email IS NOT NULL"),
        ),
        CheckConstraint("state IN ('new', 'accepted', 'declined', 'duplicate')", name="state"),
        CheckConstraint("(state = 'new') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("state <> 'declined' OR reason IS NOT NULL", name="reason"),
        CheckConstraint("state <> 'new' OR requester_email IS NOT NULL", name="requester"),
    )

    title: Mapped[str] = mapped_column(String(200), nullable=False)
    description: Mapped[str | None] = mapped_column(Text)
    requester_name: Mapped[str | None] = mapped_column(String(120), info={"secret": True})
    requester_email: Mapped[str | None] = mapped_column(String(320), info={"secret": True})
    # In which language the requester wrote, and is answered.
    locale: Mapped[str] = mapped_column(String(5), nullable=False)
    due_on: Mapped[dt.date | None] = mapped_column(Date)
    module: Mapped[str] = mapped_column(String(16), nullable=False)
    form_id: Mapped[UUID | None] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(String(9), nullable=False, default=RequestState.NEW, server_default=sql("'new'"))
    reason: Mapped[str | None] = mapped_column(String(1000))
    task_id: Mapped[UUID | None] = mapped_column(Uuid)
    decided_by_id: Mapped[UUID | None] = mapped_column(Uuid)
    decided_at: Mapped[dt.datetime | None] = utc()
    told_done_at: Mapped[dt.datetime | None] = utc()
    # What the message is known by that it came with; None for those of the form.
    mail_hash: Mapped[str | None] = mapped_column(String(64), info={"secret": True})

    def is_reached_by(self, actor: Actor, verb: str, resource: str) -> bool:  # noqa: ARG002
        """By the permission for the module's tasks, whatever its scope."""
        return actor.can(verb, self.__resources__.get(self.module, ""))
