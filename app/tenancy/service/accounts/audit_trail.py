"""What happens to an account, in the audit log of each of its organizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.kernel import audit
from app.kernel.actor import Actor, ActorKind
from app.kernel.db import db
from app.tenancy.models import Membership


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Where a sign-in comes from."""

    ip: str | None
    user_agent: str | None


def audit_identity(user: Any, action: str, client: ClientInfo) -> None:
    """Writes a fact about the account into the log of each of its organizations."""
    members = db.session.scalars(
        select(Membership).where(Membership.user_id == user.id, Membership.status == "active")
    ).all()
    for member in members:
        actor = Actor(
            ActorKind.USER,
            member.display_name,
            organization_id=member.organization_id,
            user_id=user.id,
            member_id=member.id,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        audit.record(
            action,
            entity="user",
            entity_id=member.id,
            label=member.display_name,
            organization_id=member.organization_id,
            actor=actor,
        )
