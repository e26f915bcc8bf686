"""What nobody can reach any more is removed, rows and files."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import aliased

from app.collaboration.models import Attachment, Comment, RecordLink
from app.collaboration.service.attachments import remove_files
from app.collaboration.service.comments import UNDO
from app.kernel import clock
from app.kernel.db import db
from app.kernel.feature import registry

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

# How long a file waits for its comment.
UNSENT = dt.timedelta(days=1)


def purge() -> int:
    """Removes what belongs to records that are gone, deleted comments past UNDO without answers that live, and
    files whose comment was never sent. Platform scope; the number of comments, files and links that went.
    """
    now = clock.now()
    answer = aliased(Comment)
    answered = exists().where(answer.parent_id == Comment.id, answer.deleted_at.is_(None))
    old = and_(Comment.deleted_at.is_not(None), Comment.deleted_at < now - UNDO, ~answered)
    gone = select(Comment.id).where(or_(old, _is_lost(Comment.kind, Comment.record_id)))
    ids = list(db.session.scalars(gone))
    # Answers go with the comment that they answer.
    ids += list(db.session.scalars(select(Comment.id).where(Comment.parent_id.in_(ids))))
    files = db.session.scalars(
        select(Attachment).where(
            or_(
                Attachment.comment_id.in_(ids),
                and_(Attachment.comment_id.is_(None), Attachment.created_at < now - UNSENT),
                _is_lost(Attachment.kind, Attachment.record_id),
            )
        )
    ).all()
    for file in files:
        remove_files(file)
        db.session.delete(file)
    db.session.flush()
    db.session.execute(delete(Comment).where(Comment.id.in_(ids)))
    lost = or_(_is_lost(RecordLink.left_kind, RecordLink.left_id), _is_lost(RecordLink.right_kind, RecordLink.right_id))
    links = db.session.execute(delete(RecordLink).where(lost).returning(RecordLink.id)).all()
    # A deleted comment that holds a thread together keeps its place, not its words.
    hollow = and_(Comment.deleted_at.is_not(None), Comment.deleted_at < now - UNDO, Comment.body != "")
    for comment in db.session.scalars(select(Comment).where(hollow)):
        comment.body = ""
    return len(set(ids)) + len(files) + len(links)


def _is_lost(kind: Any, record_id: Any) -> ColumnElement[bool]:
    """Whether a record is in its kind's table no more."""
    known = {one.kind: one.model for one in registry.records.values() if one.model is not None}
    return or_(
        *(and_(kind == name, ~exists().where(model.id == record_id)) for name, model in known.items()),
    )
