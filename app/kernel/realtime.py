"""Pushes to open pages over Socket.IO, after commit, to rooms.

Rooms: ``user:<id>:<organization>``, ``org:<id>:<resource>``; joined by the server from the session's
own membership and what it may read, never by a client's word. Payloads carry ids and facts that
everybody in the room may know; a page that needs more asks the server, which checks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_socketio import SocketIO

from app.kernel.uow import after_commit

if TYPE_CHECKING:
    from uuid import UUID

socketio = SocketIO()

APP = "/app"


def org_room(organization_id: UUID, resource: str) -> str:
    """Everybody in the organization who may read ``resource``."""
    return f"org:{organization_id}:{resource}"


def user_room(user_id: int, organization_id: UUID) -> str:
    """One person in one organization, on all their devices."""
    return f"user:{user_id}:{organization_id}"


def push(room: str, event: str, payload: dict[str, Any]) -> None:
    """Sends ``event`` to ``room`` once the current unit of work has committed."""
    after_commit(lambda: push_now(room, event, payload))


def push_now(room: str, event: str, payload: dict[str, Any]) -> None:
    """Sends at once; only outside a unit of work."""
    socketio.emit(event, payload, to=room, namespace=APP)
