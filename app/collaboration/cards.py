"""What comments put on the home page: where the person was named."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.collaboration.models import Comment, CommentMention, excerpt
from app.collaboration.records import name_records, sees_internal
from app.kernel import clock
from app.kernel.db import db
from app.kernel.feature import registry

if TYPE_CHECKING:
    from app.kernel.actor import Actor

SHOWN = 5
SINCE = dt.timedelta(days=14)


def mentions(actor: Actor) -> dict[str, Any] | None:
    """The newest comments of the last two weeks that name the person; None when there are none."""
    if actor.member_id is None:
        return None
    found = db.session.scalars(
        select(Comment)
        .where(
            Comment.id.in_(select(CommentMention.comment_id).where(CommentMention.member_id == actor.member_id)),
            Comment.author_id.is_distinct_from(actor.member_id),
            Comment.deleted_at.is_(None),
            Comment.resolved_at.is_(None),
            Comment.created_at > clock.now() - SINCE,
        )
        .order_by(Comment.created_at.desc())
        .limit(SHOWN * 2)
    ).all()
    kinds = registry.records
    names = name_records((one.kind, one.record_id) for one in found)
    rows = [
        (one, names[one.record_id], excerpt(one.body))
        for one in found
        if one.record_id in names and (not one.internal or sees_internal(actor, kinds[one.kind]))
    ][:SHOWN]
    if not rows:
        return None
    return {"template": "collaboration/mentions.html", "order": 30, "rows": rows}
