"""A member's own feed: made, given another address, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.calendar import queries
from app.calendar.models import CalendarFeed
from app.kernel import crypto
from app.kernel.db import advisory_lock, db
from app.kernel.errors import Forbidden, NotFound
from app.kernel.ids import new_token

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def create_feed(*, actor: Actor, everything: bool = False) -> str:
    """Makes the actor's feed, or gives it a new address, and returns the secret, which is kept nowhere.

    The address of before answers no more. Raises Forbidden for whoever is no member.
    """
    if actor.member_id is None:
        raise Forbidden
    advisory_lock(f"calendar-feed:{actor.member_id}")
    secret = new_token(32)
    feed = queries.get_feed(actor)
    if feed is None:
        feed = CalendarFeed(member_id=actor.member_id)
        db.session.add(feed)
    feed.token_hash, feed.everything = crypto.token_hash(secret), everything
    db.session.flush()
    return secret


def change_feed(*, actor: Actor, everything: bool) -> CalendarFeed:
    """Changes what the feed shows; its address stays. Raises NotFound when there is none."""
    feed = queries.get_feed(actor)
    if feed is None:
        raise NotFound
    feed.everything = everything
    db.session.flush()
    return feed


def revoke_feed(*, actor: Actor) -> None:
    """Ends the feed: its address is unknown from now on. Ending it again changes nothing."""
    feed = queries.get_feed(actor)
    if feed is not None:
        db.session.delete(feed)
        db.session.flush()
