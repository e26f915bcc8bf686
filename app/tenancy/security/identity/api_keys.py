"""From an API key to its actor."""

from __future__ import annotations

import datetime as dt
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from uuid import UUID

from flask import request
from sqlalchemy import or_, select

from app.kernel import clock, crypto, http, tenant
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.db import db
from app.kernel.errors import Forbidden, NotFound, Unauthenticated
from app.kernel.feature import registry
from app.kernel.i18n import force_locale
from app.kernel.i18n import gettext as _
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import Organization, OrgApiKey
from app.tenancy.security.identity.kinds import KeyIdentity
from app.tenancy.security.identity.memory import key_uses, recall
from app.tenancy.security.identity.sessions import SEEN_MINUTES


def load_key(secret: str) -> KeyIdentity | None:
    """What is behind a secret; None when no key in force has it. Time and address are the caller's to ask.

    Found by its hash, which nobody can steer; compared in constant time all the same.
    """
    digest = crypto.token_hash(secret)
    return recall(digest, lambda: _read_key(digest))


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
            permissions=registry.complete(dict.fromkeys(sorted(held), Scope.ALL), member=False),
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


def key_actor(secret: str, wanted_slug: str | None) -> Actor:
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
    return known.actor


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
    last = key_uses.get(key_id)
    if last is not None and abs(now - last) < dt.timedelta(minutes=SEEN_MINUTES):
        return
    key_uses[key_id] = now
    with platform_uow("identity") as session:
        # A plain update: being used is not a change of the key, for version and audit log.
        session.execute(
            OrgApiKey.__table__.update()
            .where(OrgApiKey.id == key_id)
            .values(last_used_at=now, last_used_ip=request.remote_addr)
        )
