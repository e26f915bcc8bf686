"""Who may connect to the live channel, and which rooms they hear."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from flask import request, session
from flask_socketio import ConnectionRefusedError, join_room
from sqlalchemy import select

from app.kernel.db import db
from app.kernel.errors import DomainError
from app.kernel.outbox import Outbox
from app.kernel.realtime import APP, org_room, socketio, user_room
from app.kernel.tenant import tenant_scope
from app.tenancy.security import identity

log = structlog.get_logger()

# A reconnecting page gets at most this many missed changes; beyond, it reloads itself.
MAX_MISSED = 500
OVERLAP = 200

_connected: dict[str, tuple[UUID, str | None]] = {}


def _sid() -> str:
    """The connection's id, which Flask-SocketIO puts on the request."""
    return str(request.sid)  # type: ignore[attr-defined]


def _identify(auth: Any) -> identity.Identity | None:
    try:
        if isinstance(auth, dict) and isinstance(auth.get("token"), str):
            slug = auth.get("organization")
            return identity.load(identity.session_of_token(auth["token"]), slug if isinstance(slug, str) else None)
        raw = session.get("sid")
        return identity.load(UUID(raw)) if raw else None
    except DomainError:
        return None


def _on_connect(auth: Any = None) -> None:
    found = _identify(auth)
    if found is None or found.actor.organization_id is None:
        raise ConnectionRefusedError("unauthenticated")
    _connected[_sid()] = (found.session_id, found.organization.slug if found.organization else None)
    join_room(org_room(found.actor.organization_id))
    join_room(user_room(found.account.id, found.actor.organization_id))


def _on_disconnect(*_args: Any) -> None:
    _connected.pop(_sid(), None)


def _on_sync(data: Any = None) -> dict[str, Any]:
    """What was missed since the event with sequence number ``since``; ``reload`` when too much was.

    Sequence numbers are given before commit, so the answer reaches back a little further.
    """
    known = _connected.get(_sid())
    found = identity.load(*known) if known else None
    if found is None or found.actor.organization_id is None:
        return {"error": "unauthenticated"}
    since = data.get("since") if isinstance(data, dict) else None
    if isinstance(since, bool) or not isinstance(since, int) or not 0 <= since < 2**62:
        since = None
    with tenant_scope(found.actor):
        statement = select(Outbox.seq, Outbox.name, Outbox.subject_kind, Outbox.subject_id).order_by(Outbox.seq.desc())
        if since is None:
            newest = db.session.execute(statement.limit(1)).first()
            return {"seq": newest.seq if newest else 0, "events": []}
        rows = db.session.execute(statement.where(Outbox.seq > max(0, since - OVERLAP)).limit(MAX_MISSED + 1)).all()
    if len(rows) > MAX_MISSED:
        return {"seq": rows[0].seq, "reload": True, "events": []}
    return {
        "seq": max([since, *(row.seq for row in rows)]),
        "events": [
            {"seq": row.seq, "name": row.name, "kind": row.subject_kind, "id": str(row.subject_id)}
            for row in reversed(rows)
        ],
    }


def init() -> None:
    """Registers the namespace ``/app``."""
    socketio.on_event("connect", _on_connect, namespace=APP)
    socketio.on_event("disconnect", _on_disconnect, namespace=APP)
    socketio.on_event("sync", _on_sync, namespace=APP)
