"""Who may connect to the live channel, which rooms they hear, and for how long.

A connection is let in once and stays open for hours: every second each process looks whether the
versions of its connections' people and organizations stand still (``tenancy.versions``), and ends
those whose session, membership or reading rights are not what they were let in with. The page
connects again by itself, when it still may.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from flask import current_app, request, session
from flask_socketio import ConnectionRefusedError, join_room
from sqlalchemy import select

from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import DomainError
from app.kernel.feature import registry
from app.kernel.outbox import Outbox
from app.kernel.realtime import APP, org_room, socketio, user_room
from app.kernel.tenant import tenant_scope
from app.tenancy import versions
from app.tenancy.security.identity.kinds import Identity
from app.tenancy.security.identity.memory import CACHE_SECONDS
from app.tenancy.security.identity.sessions import load_identity, session_of_token

if TYPE_CHECKING:
    from flask import Flask

    from app.kernel.actor import Actor, Scope

log = structlog.get_logger()

# A reconnecting page gets at most this many missed changes; beyond, it reloads itself.
MAX_MISSED = 500
OVERLAP = 200

WATCH_SECONDS = 1.0


@dataclass(slots=True)
class _Connection:
    """An open connection and what it was let in with."""

    admitted: Identity
    # None until looked at for the first time: something may have changed while it was let in.
    versions: list[bytes] | None = None
    checked: float = field(default_factory=time.monotonic)

    def load(self) -> Identity | None:
        """The identity as it is now; None when the session or the membership is gone."""
        organization = self.admitted.organization
        try:
            return load_identity(self.admitted.session_id, organization.slug if organization else None)
        except DomainError:
            return None

    def may_stay(self) -> bool:
        """Whether the person may still hear what this connection hears."""
        found = self.load()
        return (
            found is not None
            and found.actor.organization_id == self.admitted.actor.organization_id
            and _readable(found.actor) == _readable(self.admitted.actor)
        )


_connected: dict[str, _Connection] = {}
_starting = threading.Lock()
_watcher: list[threading.Thread] = []


def _sid() -> str:
    """The connection's id, which Flask-SocketIO puts on the request."""
    return str(request.sid)  # type: ignore[attr-defined]


def _readable(actor: Actor) -> dict[str, Scope]:
    """Resource -> how far the actor may read it."""
    pairs = ((key.split(" ", 1), scope) for key, scope in actor.permissions.items())
    return {resource: scope for (verb, resource), scope in pairs if verb == "read"}


def _identify(auth: Any) -> Identity | None:
    try:
        if isinstance(auth, dict) and isinstance(auth.get("token"), str):
            slug = auth.get("organization")
            return load_identity(session_of_token(auth["token"]), slug if isinstance(slug, str) else None)
        raw = session.get("sid")
        return load_identity(UUID(raw)) if raw else None
    except DomainError:
        return None


def _on_connect(auth: Any = None) -> None:
    found = _identify(auth)
    if found is None or found.actor.organization_id is None:
        raise ConnectionRefusedError("unauthenticated")
    _connected[_sid()] = _Connection(found)
    for resource in _readable(found.actor):
        join_room(org_room(found.actor.organization_id, resource))
    join_room(user_room(found.account.id, found.actor.organization_id))
    with _starting:
        if not _watcher:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            _watcher.append(threading.Thread(target=_watch, args=(app,), name="live-watch", daemon=True))
            _watcher[0].start()


def _on_disconnect(*_args: Any) -> None:
    _connected.pop(_sid(), None)


def _watch(app: Flask) -> None:
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            with app.app_context():
                end_stale_connections()
        except Exception:
            # The database or Valkey is away: looked at again in a moment.
            log.exception("live.watch_failed")


def end_stale_connections() -> None:
    """Ends this process's connections that may not stay. One question to Valkey, for all of them."""
    known = list(_connected.items())
    keys = sorted({key for _sid, one in known for key in one.admitted.version_keys})
    values = versions.current(keys) if keys else []
    current = dict(zip(keys, values, strict=True)) if values is not None else None
    now = time.monotonic()
    for sid, one in known:
        # Without Valkey nobody tells of a change: what is known counts until it is read again anyway.
        found = [current[key] for key in one.admitted.version_keys] if current is not None else one.versions
        fresh = found == one.versions and now - one.checked < CACHE_SECONDS
        if fresh and one.admitted.expires_at > clock.now():
            continue
        if one.may_stay():
            one.versions, one.checked = found, now
        else:
            log.info("live.ended", user=one.admitted.account.id)
            socketio.server.disconnect(sid, namespace=APP)
            _connected.pop(sid, None)


def _on_sync(data: Any = None) -> dict[str, Any]:
    """What was missed since the event with sequence number ``since``; ``reload`` when too much was.

    Only events about records that the person may read. Sequence numbers are given before commit, so
    the answer reaches back a little further.
    """
    known = _connected.get(_sid())
    found = known.load() if known else None
    if found is None or found.actor.organization_id is None:
        return {"error": "unauthenticated"}
    since = data.get("since") if isinstance(data, dict) else None
    if isinstance(since, bool) or not isinstance(since, int) or not 0 <= since < 2**62:
        since = None
    kinds = [kind for kind, record in registry.records.items() if found.actor.can("read", record.resource)]
    with tenant_scope(found.actor):
        statement = (
            select(Outbox.seq, Outbox.name, Outbox.subject_kind, Outbox.subject_id)
            .where(Outbox.subject_kind.in_(kinds))
            .order_by(Outbox.seq.desc())
        )
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
