"""What a conversation comes to, drawn from it alone: who spoke first and last, what is open, who was asked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from app.collaboration.models import Comment, CommentMention
from app.collaboration.queries import visible_to
from app.kernel import markdown
from app.kernel.db import db
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.collaboration.records import Record
    from app.kernel.actor import Actor

# The newest of a very long conversation.
MAX_READ = 500
# Lines of each kind, and how much of a comment one shows.
MOST = 5
LENGTH = 160


class Remark(NamedTuple):
    """A comment as it is read here."""

    id: UUID
    parent_id: UUID | None
    author_id: UUID | None
    author: str
    body: str
    internal: bool
    at: dt.datetime
    resolved_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Point:
    """A line of a summary: of which ``section``, who and when, what; the comment that it rests on.

    ``whom`` was asked; ``answers`` is how many a thread has.
    """

    section: str
    text: str
    author: str = ""
    at: dt.datetime | None = None
    comment: UUID | None = None
    internal: bool = False
    whom: str = ""
    answers: int = 0

    @property
    def url(self) -> str | None:
        """The comment's own address."""
        return f"/comments/go/{self.comment}" if self.comment is not None else None


def read_remarks(record: Record, actor: Actor) -> list[Remark]:
    """The newest MAX_READ comments about a record that the actor may read, oldest first. One query."""
    rows = db.session.execute(
        select(
            Comment.id,
            Comment.parent_id,
            Comment.author_id,
            func.coalesce(Membership.display_name, Comment.author_name),
            Comment.body,
            Comment.internal,
            Comment.created_at,
            Comment.resolved_at,
        )
        .outerjoin(Membership, Membership.id == Comment.author_id)
        .where(visible_to(record, actor), Comment.deleted_at.is_(None))
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(MAX_READ)
    )
    return [Remark(*row) for row in rows][::-1]


def points_of(remarks: Sequence[Remark]) -> list[Point]:
    """The lines of a summary, section by section. One query, for the mentions."""
    if not remarks:
        return []
    ends = [_point("first", remarks[0])]
    if len(remarks) > 1:
        ends.append(_point("last", remarks[-1]))
    return [*ends, *_open_threads(remarks), *_unanswered(remarks)]


def _point(section: str, one: Remark, *, whom: str = "", answers: int = 0) -> Point:
    text = markdown.plain(one.body, LENGTH)
    return Point(section, text, one.author, one.at, one.id, one.internal, whom, answers)


def _open_threads(remarks: Sequence[Remark]) -> list[Point]:
    """The newest threads that ask something, or that were answered, and that nobody resolved."""
    answers: dict[UUID, int] = {}
    for one in remarks:
        if one.parent_id is not None:
            answers[one.parent_id] = answers.get(one.parent_id, 0) + 1
    found = [
        _point("open", one, answers=answers.get(one.id, 0))
        for one in remarks
        if one.parent_id is None and one.resolved_at is None and (one.id in answers or "?" in one.body)
    ]
    return found[-MOST:]


def _unanswered(remarks: Sequence[Remark]) -> list[Point]:
    """The newest comments that name somebody who has written nothing since; of a team, nobody of it."""
    last = {one.author_id: one.at for one in remarks if one.author_id is not None}
    named: dict[tuple[UUID, str], set[UUID]] = {}
    mentions = select(CommentMention.comment_id, CommentMention.text, CommentMention.member_id)
    for comment_id, text, member_id in db.session.execute(
        mentions.where(CommentMention.comment_id.in_([one.id for one in remarks]))
    ):
        named.setdefault((comment_id, text), set()).add(member_id)
    by_comment: dict[UUID, list[str]] = {}
    by_id = {one.id: one for one in remarks}
    for (comment_id, text), members in named.items():
        one = by_id[comment_id]
        if one.author_id not in members and not _wrote_since(members, last, one.at):
            by_comment.setdefault(comment_id, []).append(text.removeprefix("@"))
    found = [
        _point("asked", one, whom=", ".join(sorted(by_comment[one.id]))) for one in remarks if one.id in by_comment
    ]
    return found[-MOST:]


def _wrote_since(members: Iterable[UUID], last: dict[UUID, dt.datetime], moment: dt.datetime) -> bool:
    return any(last[one] > moment for one in members if one in last)
