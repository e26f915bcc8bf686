"""Reads of comments, files and links. Each takes the record that it is about, which the actor may see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import and_, exists, false, func, or_, select, true

from app.collaboration.models import (
    Attachment,
    Comment,
    CommentMention,
    CommentReaction,
    CommentRevision,
    RecordLink,
)
from app.collaboration.records import Named, Record, get_record, kind_of, may_comment, name_records, sees_internal
from app.kernel import markdown
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.feature import registry
from app.tenancy.models import Membership, MemberStatus, Team

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from app.kernel.actor import Actor

PAGE = 50
# From so many comments on a summary is offered.
ENOUGH = 8


@dataclass(slots=True)
class Reaction:
    """An emoji under a comment: how many put it there, who they are, and whether the reader is one."""

    emoji: str
    names: list[str] = field(default_factory=list)
    mine: bool = False

    @property
    def count(self) -> int:
        return len(self.names)


@dataclass(slots=True)
class Shown:
    """A comment as it is shown, with its answers."""

    comment: Comment
    author: str
    html: Markup
    mine: bool
    reactions: list[Reaction] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    replies: list[Shown] = field(default_factory=list)
    resolved_by: str | None = None

    @property
    def id(self) -> UUID:
        return self.comment.id


@dataclass(slots=True)
class Conversation:
    """The newest threads about a record, oldest first. ``count`` is of all comments, ``more`` of older threads."""

    threads: list[Shown]
    count: int
    more: int
    may_comment: bool
    may_be_internal: bool

    @property
    def may_summarize(self) -> bool:
        """Whether there is enough to sum up."""
        return self.count >= ENOUGH


def visible_to(record: Record, actor: Actor) -> ColumnElement[bool]:
    """The comments about a record that somebody who sees it may read, deleted ones too, as a criterion."""
    criterion: ColumnElement[bool] = (Comment.record_id == record.id) & (Comment.kind == record.of.kind)
    return criterion if sees_internal(actor, record.of) else criterion & Comment.internal.is_(False)


def conversation(record: Record, actor: Actor, *, before: dt.datetime | None = None) -> Conversation:
    """The PAGE newest threads about a record (older than ``before``), with answers, reactions and files.

    The same number of queries, whatever its length. A deleted comment is there only while it has answers.
    """
    visible = visible_to(record, actor)
    roots = select(Comment.id).where(visible, Comment.parent_id.is_(None))
    if before is not None:
        roots = roots.where(Comment.created_at < before)
    shown_roots = roots.order_by(Comment.created_at.desc()).limit(PAGE).subquery()
    rows = db.session.execute(
        select(Comment, Membership.display_name)
        .outerjoin(Membership, Membership.id == Comment.author_id)
        .where(visible, or_(Comment.id.in_(select(shown_roots.c.id)), Comment.parent_id.in_(select(shown_roots.c.id))))
        .order_by(Comment.created_at, Comment.id)
    ).all()
    found = _dress([(row[0], row[1]) for row in rows], actor)
    by_id = {one.id: one for one in found}
    threads = []
    for one in found:
        parent = by_id.get(one.comment.parent_id) if one.comment.parent_id else None
        if parent is not None and one.comment.deleted_at is None:
            parent.replies.append(one)
        elif one.comment.parent_id is None:
            threads.append(one)
    total, count = db.session.execute(
        select(
            select(func.count()).select_from(roots.subquery()).scalar_subquery(),
            select(func.count()).where(visible, Comment.deleted_at.is_(None)).scalar_subquery(),
        )
    ).one()
    return Conversation(
        [one for one in threads if one.comment.deleted_at is None or one.replies],
        count,
        max(0, total - PAGE),
        may_comment(actor, record.of),
        sees_internal(actor, record.of),
    )


def _dress(rows: Sequence[tuple[Comment, str | None]], actor: Actor) -> list[Shown]:
    """Comments with reactions, files and who resolved them; a query for each."""
    ids = [comment.id for comment, _name in rows]
    marked: dict[UUID, list[str]] = {}
    reactions: dict[UUID, dict[str, Reaction]] = {}
    files: dict[UUID, list[Attachment]] = {}
    if ids:
        for comment_id, text in db.session.execute(
            select(CommentMention.comment_id, CommentMention.text).where(CommentMention.comment_id.in_(ids))
        ):
            marked.setdefault(comment_id, []).append(text)
        for comment_id, emoji, member_id, name in db.session.execute(
            select(CommentReaction.comment_id, CommentReaction.emoji, Membership.id, Membership.display_name)
            .join(Membership, Membership.id == CommentReaction.member_id)
            .where(CommentReaction.comment_id.in_(ids))
            .order_by(CommentReaction.created_at)
        ):
            one = reactions.setdefault(comment_id, {}).setdefault(emoji, Reaction(emoji))
            one.names.append(name)
            one.mine = one.mine or member_id == actor.member_id
        for file in db.session.scalars(
            select(Attachment).where(Attachment.comment_id.in_(ids)).order_by(Attachment.created_at)
        ):
            files.setdefault(file.comment_id, []).append(file)  # type: ignore[arg-type]
    resolvers = {comment.resolved_by_id for comment, _name in rows if comment.resolved_by_id}
    names: dict[UUID, str] = {}
    if resolvers:
        found = select(Membership.id, Membership.display_name).where(Membership.id.in_(resolvers))
        names = dict(db.session.execute(found).all())
    return [
        Shown(
            comment,
            name or comment.author_name,
            Markup("")
            if comment.deleted_at
            else markdown.render(comment.body, tuple(sorted(set(marked.get(comment.id, ()))))),
            comment.author_id is not None and comment.author_id == actor.member_id,
            list(reactions.get(comment.id, {}).values()),
            files.get(comment.id, []),
            resolved_by=names.get(comment.resolved_by_id) if comment.resolved_by_id else None,
        )
        for comment, name in rows
    ]


def get_comment(comment_id: UUID, actor: Actor) -> tuple[Comment, Record]:
    """A comment, deleted ones too, of a record that the actor may see. Raises NotFound."""
    comment = db.session.scalar(select(Comment).where(Comment.id == comment_id))
    if comment is None:
        raise NotFound
    record = get_record(comment.kind, comment.record_id)
    if comment.internal and not sees_internal(actor, record.of):
        raise NotFound
    return comment, record


def show_comment(comment: Comment, actor: Actor) -> Shown:
    """One comment as it is shown, without its answers."""
    name = None
    if comment.author_id is not None:
        name = db.session.scalar(select(Membership.display_name).where(Membership.id == comment.author_id))
    return _dress([(comment, name)], actor)[0]


def list_comments(record: Record, actor: Actor, *, page: int, page_size: int) -> tuple[int, list[Shown]]:
    """How many comments a record has, and a page of them, oldest first."""
    alive = visible_to(record, actor) & Comment.deleted_at.is_(None)
    count = db.session.scalar(select(func.count()).where(alive)) or 0
    rows = db.session.execute(
        select(Comment, Membership.display_name)
        .outerjoin(Membership, Membership.id == Comment.author_id)
        .where(alive)
        .order_by(Comment.created_at, Comment.id)
        .offset(page * page_size)
        .limit(page_size)
    )
    return count, _dress([(row[0], row[1]) for row in rows], actor)


def list_newest(actor: Actor, *, kind: str | None, page: int, page_size: int) -> tuple[int, list[Shown]]:
    """As ``list_comments``, of all records that the actor may see (of one ``kind``), newest first."""
    kinds = [kind_of(kind)] if kind else [one for one in registry.records.values() if one.model is not None]
    reach = [
        and_(
            Comment.kind == of.kind,
            exists().where(of.model.id == Comment.record_id),
            true() if sees_internal(actor, of) else Comment.internal.is_(False),
        )
        for of in kinds
    ]
    seen = and_(or_(*reach), Comment.deleted_at.is_(None))
    count = db.session.scalar(select(func.count(Comment.id)).where(seen)) or 0
    rows = db.session.execute(
        select(Comment, Membership.display_name)
        .outerjoin(Membership, Membership.id == Comment.author_id)
        .where(seen)
        .order_by(Comment.created_at.desc(), Comment.id)
        .offset(page * page_size)
        .limit(page_size)
    )
    return count, _dress([(row[0], row[1]) for row in rows], actor)


def revisions(comment: Comment) -> list[CommentRevision]:
    """What a comment said before each of its edits, newest first."""
    return list(
        db.session.scalars(
            select(CommentRevision)
            .where(CommentRevision.comment_id == comment.id)
            .order_by(CommentRevision.created_at.desc())
        )
    )


def participants(record: Record) -> set[UUID]:
    """Members who wrote about a record."""
    statement = select(Comment.author_id).where(
        Comment.record_id == record.id, Comment.author_id.is_not(None), Comment.deleted_at.is_(None)
    )
    return set(db.session.scalars(statement.distinct()))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Mentionable:
    """Somebody, or a team, that a comment may name."""

    name: str
    member_ids: tuple[UUID, ...]
    is_team: bool = False


def mentionable() -> list[Mentionable]:
    """The members and teams of the organization, by name. Two queries."""
    members = db.session.execute(
        select(Membership.id, Membership.display_name, Membership.team_id)
        .where(Membership.status == MemberStatus.ACTIVE)
        .order_by(func.lower(Membership.display_name))
    ).all()
    teams = []
    for team_id, name in db.session.execute(select(Team.id, Team.name).order_by(func.lower(Team.name))):
        inside = tuple(one.id for one in members if one.team_id == team_id)
        if inside:
            teams.append(Mentionable(name, inside, is_team=True))
    return [*(Mentionable(one.display_name, (one.id,)) for one in members), *teams]


def get_attachment(attachment_id: UUID, actor: Actor) -> Attachment:
    """A file that the actor may see: of a record and a comment that they may, or their own unsent one."""
    file = db.session.scalar(select(Attachment).where(Attachment.id == attachment_id))
    if file is None:
        raise NotFound
    record = get_record(file.kind, file.record_id)
    if file.comment_id is None:
        if file.created_by_id != actor.member_id:
            raise NotFound
        return file
    comment = db.session.scalar(select(Comment).where(Comment.id == file.comment_id))
    if comment is None or comment.deleted_at is not None:
        raise NotFound
    if comment.internal and not sees_internal(actor, record.of):
        raise NotFound
    return file


@dataclass(frozen=True, slots=True)
class Link:
    """A linked record, seen from the other side."""

    id: UUID
    record: Named


def list_links(record: Record) -> list[Link]:
    """What a record is linked to, as far as the actor may see it, by kind and name."""
    rows = db.session.scalars(
        select(RecordLink).where(or_(RecordLink.left_id == record.id, RecordLink.right_id == record.id))
    ).all()
    others = [
        (one.id, *((one.right_kind, one.right_id) if one.left_id == record.id else (one.left_kind, one.left_id)))
        for one in rows
    ]
    names = name_records((kind, other) for _id, kind, other in others)
    found = [Link(link_id, names[other]) for link_id, _kind, other in others if other in names]
    return sorted(found, key=lambda one: (one.record.kind, one.record.label.lower()))


def list_newest_links(actor: Actor, *, page: int, page_size: int) -> tuple[int, list[tuple[RecordLink, Named, Named]]]:
    """The links between records that the actor may see both of, newest first: how many, and a page of them."""
    kinds = [one for one in registry.records.values() if one.model is not None and actor.can("read", one.resource)]

    def seen(kind: Any, record_id: Any) -> Any:
        return or_(false(), *(and_(kind == of.kind, exists().where(of.model.id == record_id)) for of in kinds))

    both = and_(seen(RecordLink.left_kind, RecordLink.left_id), seen(RecordLink.right_kind, RecordLink.right_id))
    count = db.session.scalar(select(func.count(RecordLink.id)).where(both)) or 0
    rows = db.session.scalars(
        select(RecordLink)
        .where(both)
        .order_by(RecordLink.created_at.desc(), RecordLink.id)
        .offset(page * page_size)
        .limit(page_size)
    ).all()
    names = name_records(
        pair for one in rows for pair in ((one.left_kind, one.left_id), (one.right_kind, one.right_id))
    )
    return count, [(one, names[one.left_id], names[one.right_id]) for one in rows]
