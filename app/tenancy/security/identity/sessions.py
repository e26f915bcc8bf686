"""From a session, by cookie or token, to the person's identity."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from app.kernel import clock
from app.kernel.actor import Actor, ActorKind
from app.kernel.db import db
from app.kernel.errors import NotFound, Unauthenticated
from app.kernel.ids import parse_id
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import AuthSession, Membership, Organization, User
from app.tenancy.security.identity.kinds import Account, Identity
from app.tenancy.security.identity.memory import recall

SEEN_MINUTES = 5


def load_identity(session_id: UUID, wanted_slug: str | None = None) -> Identity | None:
    """The identity of a live session; None when it is unknown, revoked or expired.

    ``wanted_slug`` picks one of the person's organizations (REST's ``X-Organization``); NotFound for
    one that is not theirs. Otherwise the session's last active one counts, else the first.
    """
    found = recall((session_id, wanted_slug), lambda: _read(session_id, wanted_slug))
    return found if found is not None and found.expires_at > clock.now() else None


def _read(session_id: UUID, wanted_slug: str | None) -> Identity | None:
    with platform_uow("identity"):
        auth = db.session.get(AuthSession, session_id)
        now = clock.now()
        if auth is None or auth.expires_at <= now:
            return None
        user = db.session.get(User, auth.user_id)
        if user is None or not user.active:
            return None
        organizations = tuple(queries.organizations_of(user.id))
        active = _pick(organizations, auth, wanted_slug)
        if now - auth.last_seen_at > dt.timedelta(minutes=SEEN_MINUTES):
            auth.last_seen_at = now
        account = Account(
            id=user.id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            locale=user.locale,
            timezone=user.timezone,
            theme=user.theme,
            shortcuts=user.shortcuts,
            avatar_key=user.avatar_key,
            is_vendor=user.is_vendor,
        )
        if active is None:
            actor = Actor(
                ActorKind.VENDOR if user.is_vendor else ActorKind.USER,
                user.get_full_name(),
                user_id=user.id,
                locale=user.locale,
                timezone=user.timezone,
            )
        else:
            organization = db.session.get(Organization, active.id)
            member = db.session.get(Membership, active.member_id)
            if member.last_seen_at is None or now - member.last_seen_at > dt.timedelta(minutes=SEEN_MINUTES):
                _touch(member.id, now)
            actor = queries.build_actor(user, organization, member)
        if user.is_vendor:
            actor = replace(actor, vendor_roles=queries.vendor_roles(user.id))
        return Identity(session_id, account, actor, active, organizations, auth.expires_at)


def _touch(member_id: UUID, now: dt.datetime) -> None:
    # A plain update: looking at a page is not a change of the record, for version and audit log.
    db.session.execute(Membership.__table__.update().where(Membership.id == member_id).values(last_seen_at=now))


def _pick(
    organizations: tuple[queries.OrganizationRef, ...], auth: AuthSession, wanted_slug: str | None
) -> queries.OrganizationRef | None:
    if wanted_slug is not None:
        for one in organizations:
            if one.slug == wanted_slug:
                return one
        raise NotFound
    for one in organizations:
        if one.id == auth.organization_id:
            return one
    return organizations[0] if organizations else None


def session_of_token(token: str) -> UUID:
    """The session that an access token belongs to; raises Unauthenticated for a bad one."""
    try:
        claims = decode_token(token)
    except (PyJWTError, JWTExtendedException):
        raise Unauthenticated from None
    if claims.get("type") != "access":
        raise Unauthenticated
    try:
        return parse_id(claims.get("sid"))
    except NotFound:
        raise Unauthenticated from None
