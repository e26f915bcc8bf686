"""Comments: write, edit, delete and take back, resolve, react."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

import emoji as emojis
from sqlalchemy import delete, func, select

from app.collaboration.models import Attachment, Comment, CommentMention, CommentReaction, CommentRevision, excerpt
from app.collaboration.queries import Mentionable, get_comment, mentionable
from app.collaboration.records import Record, get_record, may_comment, sees_internal
from app.events.collaboration import CommentAdded
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.kernel.realtime import org_room, push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kernel.actor import Actor

MAX_LENGTH = 20_000
MAX_FILES = 10
MAX_REACTIONS = 20
MAX_MENTIONS = 200
# How long a deleted comment can be taken back.
UNDO = dt.timedelta(days=1)


def add_comment(
    kind: str,
    record_id: UUID,
    body: str,
    *,
    actor: Actor,
    parent_id: UUID | None = None,
    internal: bool = False,
    attachment_ids: Sequence[UUID] = (),
) -> Comment:
    """Writes about a record; emits CommentAdded. An answer is as internal as what it answers.

    Raises NotFound for a record out of sight, Forbidden for people who only read, Invalid for a text that is
    empty (without files) or longer than MAX_LENGTH characters.
    """
    record = get_record(kind, record_id)
    _require(actor, record)
    body = _text(body, needed=not attachment_ids)
    if internal and not sees_internal(actor, record.of):
        raise Forbidden
    if parent_id is not None:
        parent, of = get_comment(parent_id, actor)
        if of.id != record.id or parent.deleted_at is not None:
            raise NotFound
        parent_id = parent.parent_id or parent.id
        internal = parent.internal
    comment = Comment(
        kind=kind,
        record_id=record.id,
        parent_id=parent_id,
        author_id=actor.member_id,
        author_name=actor.label[:200],
        body=body,
        internal=internal,
    )
    db.session.add(comment)
    db.session.flush()
    _attach(comment, record, attachment_ids, actor)
    _tell(comment, record, _mention(comment, actor), edited=False)
    _announce(comment, record)
    return comment


def edit_comment(comment_id: UUID, body: str, *, actor: Actor, version: int | None = None) -> Comment:
    """Changes one's own comment; what it said is kept, people who are named anew hear of it.

    Raises Forbidden for another's, Conflict for a stale ``version``.
    """
    comment, record = _own(comment_id, actor)
    if version is not None and comment.version != version:
        raise Conflict(details={"version": comment.version, "body": comment.body})
    body = _text(body, needed=not _has_files(comment))
    if body == comment.body:
        return comment
    db.session.add(CommentRevision(comment_id=comment.id, body=comment.body))
    comment.body, comment.edited_at = body, clock.now()
    db.session.flush()
    named = _mention(comment, actor)
    if named:
        _tell(comment, record, named, edited=True)
    _announce(comment, record)
    return comment


def delete_comment(comment_id: UUID, *, actor: Actor) -> Comment:
    """Takes a comment away: one's own, or any for somebody who manages the organization's roles.

    For UNDO it can be restored; then ``purge`` removes it, with its files.
    """
    comment, record = get_comment(comment_id, actor)
    if comment.deleted_at is not None:
        raise NotFound
    _require(actor, record)
    if not _is_author(comment, actor) and not actor.can("write", "roles"):
        raise Forbidden(_("Only its author deletes a comment."))
    comment.deleted_at = clock.now()
    db.session.flush()
    _announce(comment, record)
    return comment


def restore_comment(comment_id: UUID, *, actor: Actor) -> Comment:
    """Brings a deleted comment back. Raises NotFound after UNDO."""
    comment, record = get_comment(comment_id, actor)
    if not _is_author(comment, actor) and not actor.can("write", "roles"):
        raise Forbidden(_("Only its author deletes a comment."))
    if comment.deleted_at is None or comment.deleted_at < clock.now() - UNDO:
        raise NotFound
    comment.deleted_at = None
    db.session.flush()
    _announce(comment, record)
    return comment


def resolve_thread(comment_id: UUID, *, actor: Actor, resolved: bool) -> Comment:
    """Marks a thread as settled, or opens it again. Raises Invalid for an answer: its first comment stands for it."""
    comment, record = get_comment(comment_id, actor)
    if comment.deleted_at is not None:
        raise NotFound
    _require(actor, record)
    if comment.parent_id is not None:
        raise Invalid(_("A thread is resolved at its first comment."))
    if resolved and comment.resolved_at is None:
        comment.resolved_at, comment.resolved_by_id = clock.now(), actor.member_id
    elif not resolved:
        comment.resolved_at = comment.resolved_by_id = None
    db.session.flush()
    _announce(comment, record)
    return comment


def react(comment_id: UUID, emoji: str, *, actor: Actor) -> bool:
    """Puts an emoji under a comment, or takes one's own away; whether it is there now.

    Raises Invalid for what is no emoji, Conflict beyond MAX_REACTIONS different ones, Forbidden for no member.
    """
    comment, record = get_comment(comment_id, actor)
    if comment.deleted_at is not None:
        raise NotFound
    _require(actor, record)
    if actor.member_id is None:
        raise Forbidden
    if not emojis.is_emoji(emoji) or len(emoji) > 32:
        raise Invalid(errors={"emoji": [_("Choose an emoji.")]})
    db.session.execute(select(Comment.id).where(Comment.id == comment.id).with_for_update())
    mine = (
        CommentReaction.comment_id == comment.id,
        CommentReaction.member_id == actor.member_id,
        CommentReaction.emoji == emoji,
    )
    removed = db.session.execute(delete(CommentReaction).where(*mine).returning(CommentReaction.id)).first()
    if removed is None:
        used = set(
            db.session.scalars(select(CommentReaction.emoji).where(CommentReaction.comment_id == comment.id).distinct())
        )
        if emoji not in used and len(used) >= MAX_REACTIONS:
            raise Conflict(_("A comment takes at most %(count)s different reactions.", count=MAX_REACTIONS))
        db.session.add(CommentReaction(comment_id=comment.id, member_id=actor.member_id, emoji=emoji))
    db.session.flush()
    _announce(comment, record)
    return removed is None


def _require(actor: Actor, record: Record) -> None:
    if not may_comment(actor, record.of):
        raise Forbidden(details={"permission": f"write {record.of.resource}"})


def _is_author(comment: Comment, actor: Actor) -> bool:
    return comment.author_id is not None and comment.author_id == actor.member_id


def _own(comment_id: UUID, actor: Actor) -> tuple[Comment, Record]:
    comment, record = get_comment(comment_id, actor)
    if comment.deleted_at is not None:
        raise NotFound
    _require(actor, record)
    if not _is_author(comment, actor):
        raise Forbidden(_("Only its author changes a comment."))
    return comment, record


def _text(body: str, *, needed: bool) -> str:
    body = body.replace("\r\n", "\n").strip()
    if needed and not body:
        raise Invalid(errors={"body": [_("Write something first.")]})
    if len(body) > MAX_LENGTH:
        raise Invalid(errors={"body": [_("A comment has at most %(count)s characters.", count=f"{MAX_LENGTH:,}")]})
    return body


def _has_files(comment: Comment) -> bool:
    return bool(db.session.scalar(select(func.count()).where(Attachment.comment_id == comment.id)))


def _attach(comment: Comment, record: Record, ids: Sequence[UUID], actor: Actor) -> None:
    if len(ids) > MAX_FILES:
        raise Invalid(errors={"attachments": [_("At most %(count)s files.", count=MAX_FILES)]})
    if not ids:
        return
    unsent = db.session.scalars(
        select(Attachment).where(
            Attachment.id.in_(ids),
            Attachment.record_id == record.id,
            Attachment.comment_id.is_(None),
            Attachment.created_by_id == actor.member_id,
        )
    ).all()
    if len(unsent) != len(set(ids)):
        raise Invalid(errors={"attachments": [_("This record does not exist.")]})
    for file in unsent:
        file.comment_id = comment.id
    db.session.flush()


def find_mentions(body: str, people: Sequence[Mentionable]) -> list[tuple[str, Mentionable]]:
    """Who is named in ``body``: an ``@`` with a name of ``people``, the longest that fits; the text and who it is.

    Two people of one name are both meant.
    """
    by_length = sorted(people, key=lambda one: -len(one.name))
    found: list[tuple[str, Mentionable]] = []
    place = body.find("@")
    while place >= 0:
        rest = body[place + 1 :]
        before = body[place - 1] if place else " "
        if not before.isalnum():
            length = 0
            for one in by_length:
                size = len(one.name)
                if length and size < length:
                    break
                if rest[:size].casefold() == one.name.casefold() and not rest[size : size + 1].isalnum():
                    length = size
                    found.append((body[place : place + size + 1], one))
        place = body.find("@", place + 1)
    return found


def _mention(comment: Comment, actor: Actor) -> list[UUID]:
    """Writes down who a comment names; the members who are named for the first time, but for its author."""
    known = set(db.session.scalars(select(CommentMention.member_id).where(CommentMention.comment_id == comment.id)))
    db.session.execute(delete(CommentMention).where(CommentMention.comment_id == comment.id))
    named = find_mentions(comment.body, mentionable()) if "@" in comment.body else []
    rows = {(member, text) for text, one in named for member in one.member_ids}
    if len(rows) > MAX_MENTIONS:
        raise Invalid(errors={"body": [_("A comment names at most %(count)s people.", count=MAX_MENTIONS)]})
    for member_id, text in rows:
        db.session.add(CommentMention(comment_id=comment.id, member_id=member_id, text=text))
    db.session.flush()
    return sorted({member for member, _text in rows} - known - {actor.member_id})


def _tell(comment: Comment, record: Record, mentioned: list[UUID], *, edited: bool) -> None:
    emit(
        CommentAdded(
            subject_id=comment.id,
            kind=comment.kind,
            record_id=record.id,
            title=record.label,
            excerpt=excerpt(comment.body),
            author_id=comment.author_id,
            mentioned=[str(one) for one in mentioned],
            internal=comment.internal,
            edited=edited,
        )
    )


def _announce(comment: Comment, record: Record) -> None:
    """Tells open pages that the conversation about a record changed."""
    push(
        org_room(comment.organization_id, record.of.resource),
        "comment:changed",
        {"kind": comment.kind, "id": str(record.id), "comment": str(comment.id)},
    )
