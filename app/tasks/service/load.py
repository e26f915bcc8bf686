"""How much each member works in a week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.db import advisory_lock, db
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.tasks.models.load import MemberCapacity
from app.tasks.queries.load import get_capacity
from app.tenancy.queries import get_member

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

MOST = 80 * 60
STEP = 15


def may_set_capacities(*, actor: Actor) -> bool:
    """Whoever manages tasks or members."""
    return actor.can("manage", "tasks") or actor.can("write", "users")


def require_capacities(*, actor: Actor) -> None:
    """Raises Forbidden for whoever may not set them."""
    if not may_set_capacities(actor=actor):
        actor.require("manage", "tasks")


def set_capacity(member_id: UUID, weekly_minutes: int | None, *, actor: Actor) -> None:
    """Gives a member minutes of work in a week of their own; None: the organization's business hours.

    Raises Invalid for less than none, more than MOST, and parts of a quarter of an hour.
    """
    require_capacities(actor=actor)
    member = get_member(member_id)
    if weekly_minutes is not None and (not 0 <= weekly_minutes <= MOST or weekly_minutes % STEP):
        text = _("Write hours from 0 to %(most)s, in quarters of an hour.", most=MOST // 60)
        raise Invalid(errors={"weekly_minutes": [text]})
    advisory_lock("member-capacity")
    kept = get_capacity(member.id)
    if weekly_minutes is None:
        if kept is not None:
            db.session.delete(kept)
    elif kept is None:
        db.session.add(MemberCapacity(member_id=member.id, weekly_minutes=weekly_minutes))
    else:
        kept.weekly_minutes = weekly_minutes
    db.session.flush()
