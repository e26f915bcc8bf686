"""Events of comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, kw_only=True)
class CommentAdded(Event):
    """Somebody wrote about a record, or changed what they wrote so that it names more people.

    ``subject_id`` is the comment. ``mentioned`` are the ids of members whom it names now and did not before;
    ``edited`` tells that only they are to hear of it.
    """

    name: ClassVar[str] = "collaboration.comment_added"
    subject_kind: ClassVar[str] = "comment"
    kind: str
    record_id: UUID
    title: str
    excerpt: str
    author_id: UUID | None
    mentioned: list[str]
    internal: bool
    edited: bool = False
