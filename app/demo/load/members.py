"""Members of the demo's organizations, to act as."""

from __future__ import annotations

from app.kernel.actor import Actor
from app.kernel.uow import platform_uow
from app.tenancy import queries as tenancy
from app.tenancy.security.identity.jobs import load_member_actor


def member_actor(email: str, slug: str) -> Actor:
    """The actor of a person in one of their organizations."""
    with platform_uow("vendor"):
        user = tenancy.find_user(email)
        assert user is not None
        found = next(one for one in tenancy.organizations_of(user.id) if one.slug == slug)
    return load_member_actor(found.id, found.member_id)
