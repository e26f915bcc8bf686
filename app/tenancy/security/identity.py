"""Who is asking: from the session cookie, a token or an API key to an Actor, remembered per process.

What is remembered counts only while the versions of the person and of the organization stand still
(``tenancy.versions``), so a revoked session or a changed role takes effect with the next request.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar
from uuid import UUID

from flask import g, request, session
from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from sqlalchemy import or_, select

from app.kernel import clock, crypto, http, tenant
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.db import db
from app.kernel.errors import Forbidden, NotFound, Unauthenticated
from app.kernel.feature import registry
from app.kernel.i18n import force_locale
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import platform_uow
from app.tenancy import queries, versions
from app.tenancy.models import (
    AuthSession,
    Membership,
    MemberStatus,
    Organization,
    OrgApiKey,
    Role,
    User,
)
from app.tenancy.service import api_keys

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

    @property
    def version_keys(self) -> list[str]:
        return [versions.user_key(self.account.id), versions.organization_key(self.actor.organization_id)]


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """One secret of an API key: its actor, and what has to be asked at every request."""

    key_id: UUID
    slug: str
    actor: Actor
    ends_at: dt.datetime | None
    networks: tuple[IPv4Network | IPv6Network, ...]
    is_open: bool

    @property
    def version_keys(self) -> list[str]:
        return [versions.api_key_key(self.key_id), versions.organization_key(self.actor.organization_id)]


Known = TypeVar("Known", Identity, KeyIdentity)

_cache: OrderedDict[Any, tuple[list[bytes], float, Any]] = OrderedDict()
# When this process last wrote down the use of a key.
_uses: dict[UUID, dt.datetime] = {}
_lock = threading.Lock()


def forget_everything() -> None:
    """Empties this process's memory of identities."""
    with _lock:
        _cache.clear()
        _uses.clear()


def load(session_id: UUID, wanted_slug: str | None = None) -> Identity | None:
    """The identity of a live session; None when it is unknown, revoked or expired.

    ``wanted_slug`` picks one of the person's organizations (REST's ``X-Organization``); NotFound for
    one that is not theirs. Otherwise the session's last active one counts, else the first.
    """
    found = _remembered((session_id, wanted_slug), lambda: _read(session_id, wanted_slug))
    return found if found is not None and found.expires_at > clock.now() else None


def _remembered(key: Any, read: Callable[[], Known | None]) -> Known | None:
    """What ``read`` answers, from this process's memory while its versions stand still."""
    with _lock:
        hit = _cache.get(key)
    if hit is not None and time.monotonic() - hit[1] < CACHE_SECONDS:
        remembered: Known = hit[2]
        current = versions.current(remembered.version_keys)
        if current is not None and current == hit[0]:
            return remembered
    known = read()
    found = versions.current(known.version_keys) if known is not None else None
    if found is not None:
        # Read again after the versions: a change between the two would otherwise go unseen.
        known = read()
    with _lock:
        if known is None or found is None:
            _cache.pop(key, None)
            return known
        _cache[key] = (found, time.monotonic(), known)
        _cache.move_to_end(key)
        while len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    return known


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

    A bearer token or an API key wins over the cookie. Raises Unauthenticated for one that is not valid.
    """
    g.identity = None
    slug = request.headers.get("X-Organization") or None
    header = request.headers.get("Authorization", "")
    if header[:7].lower() == "bearer ":
        token = header[7:].strip()
        if token.startswith(api_keys.PREFIX):
            return _key_actor(token, slug)
        session_id = session_of_token(token)
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
    g.actor = _here(identity.actor)
    if "see_as" in session:
        seen = _permissions_seen_as(identity)
        if seen is None:
            session.pop("see_as")
        else:
            g.actor = replace(g.actor, permissions=seen, preview=True)
    actor: Actor = g.actor
    return actor


def _here(actor: Actor) -> Actor:
    """The actor with the request's own facts."""
    return replace(
        actor,
        source="api" if http.is_api() else "ui",
        request_id=getattr(g, "request_id", None),
        ip=request.remote_addr,
        user_agent=request.user_agent.string[:300],
    )


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────


def load_key(secret: str) -> KeyIdentity | None:
    """What is behind a secret; None when no key in force has it. Time and address are the caller's to ask.

    Found by its hash, which nobody can steer; compared in constant time all the same.
    """
    digest = crypto.token_hash(secret)
    return _remembered(digest, lambda: _read_key(digest))


def _read_key(digest: str) -> KeyIdentity | None:
    with tenant.platform_scope("identity"):
        row = db.session.execute(
            select(OrgApiKey, Organization)
            .join(Organization, Organization.id == OrgApiKey.organization_id)
            .where(or_(OrgApiKey.secret_hash == digest, OrgApiKey.previous_hash == digest))
        ).one_or_none()
        if row is None or row[0].revoked_at is not None:
            return None
        key, organization = row
        ends_at = key.expires_at
        if not crypto.same(key.secret_hash, digest):
            ends_at = min(key.previous_until, ends_at or key.previous_until)
        with force_locale(organization.locale):
            label = _("API key %(name)s", name=key.name)
        held = set(key.scopes) & set(registry.key_permissions)
        actor = Actor(
            ActorKind.API_KEY,
            label,
            organization_id=organization.id,
            key_id=key.id,
            permissions=dict.fromkeys(sorted(held), Scope.ALL),
            locale=organization.locale,
            timezone=organization.timezone,
            currency=organization.base_currency,
        )
        return KeyIdentity(
            key.id,
            organization.slug,
            actor,
            ends_at,
            tuple(ip_network(one) for one in key.ip_allow),
            organization.status in queries.IN_SERVICE,
        )


def _key_actor(secret: str, wanted_slug: str | None) -> Actor:
    """The actor of a request with an API key. No cookie counts beside it.

    Raises Unauthenticated for a key that is unknown, revoked or expired, Forbidden for one that may not
    be used here, NotFound when the request names another organization.
    """
    if not http.is_api():
        raise Forbidden(_("API keys open the REST API only."))
    known = load_key(secret)
    if known is None or (known.ends_at is not None and known.ends_at <= clock.now()):
        raise Unauthenticated(_("This API key is not valid."))
    if not known.is_open:
        raise Forbidden(_("This organization is suspended."))
    if known.networks and not _comes_from(known.networks):
        raise Forbidden(_("This API key cannot be used from this address."))
    if wanted_slug not in {None, known.slug}:
        raise NotFound
    _note_use(known.key_id)
    return _here(known.actor)


def _comes_from(networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in one for one in networks)


def _note_use(key_id: UUID) -> None:
    """Writes down when and from where the key was used, every few minutes only."""
    now = clock.now()
    last = _uses.get(key_id)
    if last is not None and abs(now - last) < dt.timedelta(minutes=SEEN_MINUTES):
        return
    _uses[key_id] = now
    with platform_uow("identity") as session:
        # A plain update: being used is not a change of the key, for version and audit log.
        session.execute(
            OrgApiKey.__table__.update()
            .where(OrgApiKey.id == key_id)
            .values(last_used_at=now, last_used_ip=request.remote_addr)
        )


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
