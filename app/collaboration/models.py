"""Comments, reactions, mentions, attached files and links of any record.

A record is named by its kind (``registry.records``) and its id. There is no foreign key to it, because it may be
in any table: what belongs to a record that is gone is out of reach at once and removed by ``purge``.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, String, Text, UniqueConstraint, Uuid
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import markdown
from app.kernel.db import TenantModel, tenant_fk, tenant_table_args, utc


class Comment(TenantModel):
    """What somebody wrote about a record. ``parent_id`` is the first comment of the thread that it answers.

    ``body`` is Markdown. ``internal`` comments are for those who work on such records, not for people who only
    read and not for the vendor's staff. ``author_name`` stays when the author goes, and names those that are no member.
    """

    __tablename__ = "comment"
    __table_args__ = tenant_table_args(
        "comment",
        tenant_fk("author_id", "membership", ondelete="SET NULL"),
        tenant_fk("resolved_by_id", "membership", ondelete="SET NULL"),
        tenant_fk("parent_id", "comment", ondelete="CASCADE"),
        Index("ix_comment_record", "organization_id", "record_id", "created_at"),
        Index("ix_comment_parent", "organization_id", "parent_id"),
        Index("ix_comment_author", "organization_id", "author_id"),
    )

    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    record_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    parent_id: Mapped[UUID | None] = mapped_column(Uuid)
    author_id: Mapped[UUID | None] = mapped_column(Uuid)
    author_name: Mapped[str] = mapped_column(String(200), nullable=False)
    # Words between people are no business of the audit log: it says that they changed, revisions say how.
    body: Mapped[str] = mapped_column(Text, nullable=False, info={"secret": True})
    internal: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=sql("false"))
    edited_at: Mapped[dt.datetime | None] = utc()
    resolved_at: Mapped[dt.datetime | None] = utc()
    resolved_by_id: Mapped[UUID | None] = mapped_column(Uuid)
    deleted_at: Mapped[dt.datetime | None] = utc()

    @property
    def label(self) -> str:
        return self.author_name


class CommentRevision(TenantModel):
    """What a comment said before an edit; ``created_at`` is the moment of the edit."""

    __tablename__ = "comment_revision"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "comment_revision",
        tenant_fk("comment_id", "comment", ondelete="CASCADE"),
        Index("ix_comment_revision_comment", "organization_id", "comment_id", "created_at"),
    )

    comment_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    body: Mapped[str] = mapped_column(Text, nullable=False)


class CommentReaction(TenantModel):
    """An emoji that a member put under a comment."""

    __tablename__ = "comment_reaction"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "comment_reaction",
        tenant_fk("comment_id", "comment", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "comment_id", "member_id", "emoji", name="uq_comment_reaction"),
        Index("ix_comment_reaction_member", "organization_id", "member_id"),
    )

    comment_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    emoji: Mapped[str] = mapped_column(String(32), nullable=False)


class CommentMention(TenantModel):
    """Somebody whom a comment names, as it is written there (``text``: ``@Anna Rossi``, or their team's name)."""

    __tablename__ = "comment_mention"
    __audited__ = False
    __table_args__ = tenant_table_args(
        "comment_mention",
        tenant_fk("comment_id", "comment", ondelete="CASCADE"),
        tenant_fk("member_id", "membership", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "comment_id", "member_id", "text", name="uq_comment_mention_member"),
        Index("ix_comment_mention_member", "organization_id", "member_id", "created_at"),
    )

    comment_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    member_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    text: Mapped[str] = mapped_column(String(201), nullable=False)


class Attachment(TenantModel):
    """A file of a record. Until its comment is sent it has none, and is its uploader's alone (``created_by_id``).

    ``size`` in bytes; ``width`` and ``height`` in pixels, of pictures, which have a ``preview_key`` too.
    """

    __tablename__ = "attachment"
    __table_args__ = tenant_table_args(
        "attachment",
        tenant_fk("comment_id", "comment", ondelete="CASCADE"),
        Index("ix_attachment_record", "organization_id", "record_id", "created_at"),
        Index("ix_attachment_comment", "organization_id", "comment_id"),
        CheckConstraint("size >= 0", name="size"),
    )

    kind: Mapped[str] = mapped_column(String(32), nullable=False)
    record_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    comment_id: Mapped[UUID | None] = mapped_column(Uuid)
    name: Mapped[str] = mapped_column(String(200), nullable=False)
    content_type: Mapped[str] = mapped_column(String(100), nullable=False)
    size: Mapped[int] = mapped_column(BigInteger, nullable=False)
    key: Mapped[str] = mapped_column(String(200), nullable=False)
    preview_key: Mapped[str | None] = mapped_column(String(200))
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)


class RecordLink(TenantModel):
    """Two records that belong together, whatever their kinds. Stored once, shown on both sides."""

    __tablename__ = "record_link"
    __table_args__ = tenant_table_args(
        "record_link",
        UniqueConstraint("organization_id", "left_id", "right_id", name="uq_record_link_pair"),
        Index("ix_record_link_right", "organization_id", "right_id"),
        CheckConstraint("left_id < right_id", name="order"),
    )

    left_kind: Mapped[str] = mapped_column(String(32), nullable=False)
    left_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    right_kind: Mapped[str] = mapped_column(String(32), nullable=False)
    right_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)

    @property
    def label(self) -> str:
        return f"{self.left_kind} – {self.right_kind}"


def excerpt(body: str) -> str:
    """The beginning of a comment, for a line of a list or a mail."""
    return markdown.plain(body, 200)
