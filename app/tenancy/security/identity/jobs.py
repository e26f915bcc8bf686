"""Who a job works for."""

from __future__ import annotations

from uuid import UUID

from app.kernel import tenant
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tenancy import queries
from app.tenancy.models import Membership, MemberStatus, Organization, User


def load_member_actor(organization_id: UUID, member_id: UUID) -> Actor:
    """The actor of a member inside a job, with today's permissions.

    Raises NotFound when the member has lost access: work queued by them is not done any more.
    """
    with tenant.platform_scope("identity"):
        member = db.session.get(Membership, member_id)
        if member is None or member.organization_id != organization_id or member.status != MemberStatus.ACTIVE:
            raise NotFound
        user = db.session.get(User, member.user_id)
        organization = db.session.get(Organization, organization_id)
        if user is None or not user.active or organization is None:
            raise NotFound
        return queries.build_actor(user, organization, member, source="job")


def is_in_service(organization_id: UUID) -> bool:
    """Whether the organization's own work is done: it exists and is neither suspended nor closed."""
    with tenant.platform_scope("jobs"):
        organization = db.session.get(Organization, organization_id)
        return organization is not None and organization.status in queries.IN_SERVICE
