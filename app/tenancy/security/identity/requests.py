"""Who is asking: from the session cookie, a token or an API key to the request's actor."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import g, request, session

from app.kernel import http, tenant
from app.kernel.actor import Actor, Scope
from app.kernel.db import db
from app.kernel.errors import Unauthenticated
from app.kernel.feature import registry
from app.tenancy import queries
from app.tenancy.models import Role
from app.tenancy.security.identity.api_keys import key_actor
from app.tenancy.security.identity.kinds import Identity
from app.tenancy.security.identity.sessions import load_identity, session_of_token
from app.tenancy.service import api_keys


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
            return _here(key_actor(token, slug))
        session_id = session_of_token(token)
        identity = load_identity(session_id, slug)
        if identity is None:
            raise Unauthenticated
    else:
        raw = session.get("sid")
        if raw is None:
            return None
        identity = load_identity(UUID(raw), slug if request.path.startswith("/api/") else None)
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
        held = registry.complete(queries.role_permissions(role.id))
    return {key: scope for key, scope in held.items() if key.startswith("read ")}
