"""API keys: what a program may do over REST, for how long and from where.

A key belongs to the organization and outlives whoever made it. It never holds more than its maker may
do, and at each use no more than the product lets keys do at all (decision 6).
"""

from __future__ import annotations

import datetime as dt
from ipaddress import ip_network
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from app.kernel import clock, crypto
from app.kernel.actor import Actor, Scope
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_token
from app.tenancy import queries
from app.tenancy.models import ApiKeyState, OrgApiKey
from app.tenancy.versions import bump_api_key

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "sk_"
SHOWN = len(PREFIX) + 8
READ_ONLY = "read_only"
OVERLAP_HOURS = (0, 1, 24, 72, 168)
MAX_KEYS = 100
MAX_NETWORKS = 50


def offered(actor: Actor) -> list[str]:
    """``"<verb> <resource>"`` that the actor may give to a key.

    A key reaches the whole organization, so only what the actor holds for all of it can be given.
    """
    return [key for key in registry.key_permissions if actor.scope(*key.split(" ", 1)) is Scope.ALL]


def create_key(
    name: str,
    *,
    actor: Actor,
    scopes: Iterable[str],
    expires_at: dt.datetime | None = None,
    ip_allow: Iterable[str] = (),
) -> tuple[OrgApiKey, str]:
    """Makes a key; returns it with its secret, which nobody can read again.

    ``scopes`` are permissions, or the preset ``read_only``: everything that the actor may read.
    Raises Invalid for a bad value, Forbidden for a permission beyond the actor's own, Conflict when
    the organization has too many keys.
    """
    actor.require("write", "api")
    name = " ".join(name.split())
    errors: dict[str, list[str]] = {}
    if not 2 <= len(name) <= 80:
        errors["name"] = [_("Give the key a name of 2 to 80 characters.")]
    if expires_at is not None and expires_at <= clock.now():
        errors["expires_at"] = [_("This moment has passed.")]
    networks, bad = _networks(ip_allow)
    if bad:
        errors["ip_allow"] = [_("This is neither an address nor a network: %(text)s", text=", ".join(bad))]
    elif len(networks) > MAX_NETWORKS:
        errors["ip_allow"] = [_("At most %(count)s addresses.", count=MAX_NETWORKS)]
    wanted = _expand(scopes, actor)
    if not wanted:
        errors["scopes"] = [_("Choose at least one permission.")]
    elif not set(wanted) <= set(registry.key_permissions):
        errors["scopes"] = [_("A key cannot hold this permission.")]
    if errors:
        raise Invalid(errors=errors)
    _require_within(actor, wanted)
    live = db.session.scalar(select(func.count()).select_from(OrgApiKey).where(OrgApiKey.revoked_at.is_(None))) or 0
    if live >= MAX_KEYS:
        raise Conflict(_("There are %(count)s keys already: revoke one first.", count=MAX_KEYS))
    secret = _new_secret()
    key = OrgApiKey(
        name=name,
        prefix=secret[:SHOWN],
        secret_hash=crypto.token_hash(secret),
        scopes=wanted,
        ip_allow=networks,
        expires_at=expires_at,
    )
    db.session.add(key)
    db.session.flush()
    return key, secret


def rotate_key(key_id: UUID, *, actor: Actor, overlap_hours: int = 24) -> tuple[OrgApiKey, str]:
    """Gives the key a new secret; the old one works for ``overlap_hours`` more, then stops.

    A secret that was still in its own overlap stops at once. Raises Conflict for a key that has ended.
    """
    actor.require("write", "api")
    key = queries.get_api_key(key_id)
    if overlap_hours not in OVERLAP_HOURS:
        raise Invalid(errors={"overlap_hours": [_("Choose one of the list.")]})
    if key.state is not ApiKeyState.ACTIVE:
        raise Conflict(_("This key has ended: create a new one."))
    # Whoever rotates holds the secret afterwards, so it must not be a way to more rights.
    _require_within(actor, set(key.scopes) & set(registry.key_permissions))
    secret = _new_secret()
    if overlap_hours:
        key.previous_prefix, key.previous_hash = key.prefix, key.secret_hash
        key.previous_until = clock.now() + dt.timedelta(hours=overlap_hours)
    else:
        _forget_previous(key)
    key.prefix, key.secret_hash = secret[:SHOWN], crypto.token_hash(secret)
    db.session.flush()
    bump_api_key(key.id)
    return key, secret


def revoke_key(key_id: UUID, *, actor: Actor) -> OrgApiKey:
    """Ends the key with the next request; revoking it again changes nothing."""
    actor.require("write", "api")
    key = queries.get_api_key(key_id)
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        _forget_previous(key)
        bump_api_key(key.id)
    return key


def _new_secret() -> str:
    return PREFIX + new_token(32)


def _forget_previous(key: OrgApiKey) -> None:
    key.previous_prefix = key.previous_hash = key.previous_until = None


def _expand(scopes: Iterable[str], actor: Actor) -> list[str]:
    """The permissions in the order of the product, the preset spelled out; unknown ones come last."""
    wanted = set(scopes)
    if READ_ONLY in wanted:
        wanted = (wanted - {READ_ONLY}) | {one for one in offered(actor) if one.startswith("read ")}
    known = [one for one in registry.key_permissions if one in wanted]
    return known + sorted(wanted - set(known))


def _require_within(actor: Actor, scopes: Iterable[str]) -> None:
    if not set(scopes) <= set(offered(actor)):
        raise Forbidden(_("A key cannot do more than you may."))


def _networks(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Addresses and networks in their normal form, and those that are neither."""
    found: list[str] = []
    bad: list[str] = []
    for text in texts:
        try:
            if "%" in text:
                raise ValueError  # an interface of one machine says nothing here
            network = str(ip_network(text.strip(), strict=False))
        except ValueError:
            bad.append(text.strip()[:60])
            continue
        if network not in found:
            found.append(network)
    return found, bad[:3]
