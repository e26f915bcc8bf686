"""The sessions of a person: opened, listed, ended, moved to another organization."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tenancy import queries
from app.tenancy.models import AuthSession, User
from app.tenancy.service.accounts.audit_trail import ClientInfo, audit_identity
from app.tenancy.versions import bump_user

SESSION_HOURS = 12
REMEMBER_DAYS = 30


def start_session(
    user: Any,
    client: ClientInfo,
    *,
    remember: bool = False,
    kind: str = "browser",
    organization_id: UUID | None = None,
) -> AuthSession:
    """Opens a session for a person who has proved who they are."""
    length = dt.timedelta(days=REMEMBER_DAYS) if remember else dt.timedelta(hours=SESSION_HOURS)
    allowed = {one.id for one in queries.organizations_of(user.id)}
    wanted = organization_id or user.last_organization_id
    session = AuthSession(
        user_id=user.id,
        kind=kind,
        expires_at=clock.now() + length,
        ip=client.ip,
        user_agent=(client.user_agent or "")[:300] or None,
        organization_id=wanted if wanted in allowed else None,
    )
    db.session.add(session)
    user.last_login = clock.now().replace(tzinfo=None)
    user.login_count = (user.login_count or 0) + 1
    db.session.flush()
    audit_identity(user, "signed_in", client)
    bump_user(user.id)
    return session


def end_session(session_id: UUID) -> None:
    """Ends one session (sign-out)."""
    session = db.session.get(AuthSession, session_id)
    if session is not None:
        user = db.session.get(User, session.user_id)
        audit_identity(user, "signed_out", ClientInfo(session.ip, session.user_agent))
        bump_user(session.user_id)
        db.session.delete(session)


def list_sessions(user_id: int) -> list[AuthSession]:
    """The person's live sessions, newest activity first."""
    return list(
        db.session.scalars(
            select(AuthSession)
            .where(AuthSession.user_id == user_id, AuthSession.expires_at > clock.now())
            .order_by(AuthSession.last_seen_at.desc())
        )
    )


def revoke_session(session_id: UUID, *, user_id: int) -> None:
    """Ends one of the person's own sessions; NotFound for anybody else's."""
    session = db.session.get(AuthSession, session_id)
    if session is None or session.user_id != user_id:
        raise NotFound
    db.session.delete(session)
    bump_user(user_id)


def revoke_other_sessions(user_id: int, keep: UUID | None) -> None:
    """Ends all of the person's sessions but one."""
    statement = delete(AuthSession).where(AuthSession.user_id == user_id)
    if keep is not None:
        statement = statement.where(AuthSession.id != keep)
    db.session.execute(statement)
    bump_user(user_id)


def switch_organization(session_id: UUID, user_id: int, slug: str) -> queries.OrganizationRef:
    """Makes another of the person's organizations the active one; NotFound for any other slug."""
    for found in queries.organizations_of(user_id):
        if found.slug == slug:
            session = db.session.get(AuthSession, session_id)
            if session is not None:
                session.organization_id = found.id
            db.session.get(User, user_id).last_organization_id = found.id
            bump_user(user_id)
            return found
    raise NotFound
