"""Who is asking: from the session cookie or a token to an Actor, remembered per process.

What is remembered counts only while the versions of the person and of the organization stand still
(``tenancy.versions``), so a revoked session or a changed role takes effect with the next request.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import g, request, session
from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from app.kernel import clock, tenant
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.db import db
from app.kernel.errors import NotFound, Unauthenticated
from app.kernel.ids import parse_id
from app.kernel.uow import platform_uow
from app.tenancy import queries, versions
from app.tenancy.models import AuthSession, Membership, MemberStatus, Organization, Role, User

CACHE_SIZE = 5000
CACHE_SECONDS = 60.0
SEEN_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Account:
    """The signed-in person, as pages need them; also what flask-login calls the user."""

    id: int
    email: str
    first_name: str
    last_name: str
    locale: str
    timezone: str
    theme: str
    shortcuts: bool
    avatar_key: str | None
    is_vendor: bool
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return str(self.id)

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def username(self) -> str:
        return self.email

    @property
    def roles(self) -> list[Any]:
        return []


@dataclass(frozen=True, slots=True)
class Identity:
    """A session's person, their organizations and their actor in the active one."""

    session_id: UUID
    account: Account
    actor: Actor
    organization: queries.OrganizationRef | None
    organizations: tuple[queries.OrganizationRef, ...]
    expires_at: dt.datetime


_cache: OrderedDict[tuple[UUID, str | None], tuple[list[bytes], float, Identity]] = OrderedDict()
_lock = threading.Lock()


def forget_everything() -> None:
    """Empties this process's memory of identities."""
    with _lock:
        _cache.clear()


def load(session_id: UUID, wanted_slug: str | None = None) -> Identity | None:
    """The identity of a live session; None when it is unknown, revoked or expired.

    ``wanted_slug`` picks one of the person's organizations (REST's ``X-Organization``); NotFound for
    one that is not theirs. Otherwise the session's last active one counts, else the first.
    """
    key = (session_id, wanted_slug)
    with _lock:
        hit = _cache.get(key)
    if hit is not None and time.monotonic() - hit[1] < CACHE_SECONDS and hit[2].expires_at > clock.now():
        current = versions.current(version_keys(hit[2]))
        if current is not None and current == hit[0]:
            return hit[2]
    identity = _read(session_id, wanted_slug)
    if identity is None:
        with _lock:
            _cache.pop(key, None)
        return None
    found = versions.current(version_keys(identity))
    if found is not None:
        # Read again after the versions: a change between the two would otherwise go unseen.
        identity = _read(session_id, wanted_slug) or identity
        with _lock:
            _cache[key] = (found, time.monotonic(), identity)
            _cache.move_to_end(key)
            while len(_cache) > CACHE_SIZE:
                _cache.popitem(last=False)
    return identity


def version_keys(identity: Identity) -> list[str]:
    """The keys of the versions that must stand still for ``identity`` to be true."""
    return [
        versions.user_key(identity.account.id),
        versions.organization_key(identity.actor.organization_id),
    ]


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


def resolve() -> Actor | None:
    """The actor of the current request; sets ``g.identity``. None for a visitor.

    A bearer token wins over the cookie. Raises Unauthenticated for a token that is not valid.
    """
    g.identity = None
    slug = request.headers.get("X-Organization") or None
    header = request.headers.get("Authorization", "")
    if header[:7].lower() == "bearer ":
        session_id = session_of_token(header[7:].strip())
        identity = load(session_id, slug)
        if identity is None:
            raise Unauthenticated
    else:
        raw = session.get("sid")
        if raw is None:
            return None
        identity = load(UUID(raw), slug if request.path.startswith("/api/") else None)
        if identity is None:
            session.clear()
            return None
    return adopt(identity)


def adopt(identity: Identity) -> Actor:
    """Makes ``identity`` the request's; returns its actor with the request's own facts."""
    g.identity = identity
    g.actor = replace(
        identity.actor,
        source="api" if request.path.startswith("/api/") else "ui",
        request_id=getattr(g, "request_id", None),
        ip=request.remote_addr,
        user_agent=request.user_agent.string[:300],
    )
    if "see_as" in session:
        seen = _permissions_seen_as(identity)
        if seen is None:
            session.pop("see_as")
        else:
            g.actor = replace(g.actor, permissions=seen, preview=True)
    actor: Actor = g.actor
    return actor


def _permissions_seen_as(identity: Identity) -> dict[str, Scope] | None:
    """What the role of the preview “see as this role” may read; None when the role is gone.

    Nothing outside the role's organization, and nothing for somebody who may no longer read roles.
    """
    with tenant.platform_scope("membership"):
        role = db.session.get(Role, session["see_as"][0])
        if role is None:
            return None
        if role.organization_id != identity.actor.organization_id or not identity.actor.can("read", "roles"):
            return {}
        held = queries.role_permissions(role.id)
    return {key: scope for key, scope in held.items() if key.startswith("read ")}


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
