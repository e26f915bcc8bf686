"""The tenant context: which organization's rows the current code may touch.

A *scope* is a token. The database session is keyed by it, so one session belongs to exactly one
scope and a tenant is never switched inside a session. Without a scope no database work is possible.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.kernel.actor import Actor

# The complete list of reasons for which code may look across tenants; a test holds it.
PLATFORM_REASONS = frozenset(
    {
        "identity",  # sign-in, sessions, password reset, profile of the signed-in person
        "membership",  # invitations, placeholder people, roles of the signed-in person
        "sign-up",  # creating an organization
        "relay",  # outbox to deliveries
        "jobs",  # schedules that visit every organization
        "vendor",  # the vendor's own screens and commands
        "health",  # readiness checks
    }
)


class MissingScope(RuntimeError):
    """Database work outside any tenant or platform scope: a programming error."""


@dataclass(eq=False, slots=True)
class DataScope:
    """One span of database work. ``kind`` decides the engine and the guard."""

    kind: Literal["none", "tenant", "platform"]
    organization_id: UUID | None = None
    actor: Actor | None = None
    reason: str = ""
    info: dict[str, Any] = field(default_factory=dict)


NO_SCOPE = DataScope("none")
_current: ContextVar[DataScope] = ContextVar("data_scope", default=NO_SCOPE)
_read_only: ContextVar[bool] = ContextVar("read_only", default=False)

# The session registry's remove(); set by kernel.db, which knows sessions.
_on_leave: list[Callable[[DataScope], None]] = []


def current() -> DataScope:
    """The innermost scope, NO_SCOPE outside any."""
    return _current.get()


def current_organization_id() -> UUID:
    """The organization of the current tenant scope; raises MissingScope outside one."""
    scope = _current.get()
    if scope.kind != "tenant" or scope.organization_id is None:
        raise MissingScope("no tenant scope is active")
    return scope.organization_id


def set_read_only(value: bool) -> None:
    """Whether units of work are refused in this context, whatever their scope (a preview)."""
    _read_only.set(value)


def is_read_only() -> bool:
    """Whether units of work are refused in this context."""
    return _read_only.get()


def on_leave(callback: Callable[[DataScope], None]) -> None:
    """Registers what happens when a scope ends (its session is closed)."""
    _on_leave.append(callback)


def enter(scope: DataScope) -> Any:
    """Makes ``scope`` the current one; hand the returned token to leave()."""
    return _current.set(scope)


def leave(token: Any) -> None:
    """Ends the scope entered with ``token`` and closes its session."""
    scope = _current.get()
    try:
        for callback in _on_leave:
            callback(scope)
    finally:
        _current.reset(token)


@contextmanager
def tenant_scope(actor: Actor) -> Iterator[DataScope]:
    """Database work as ``actor`` inside the actor's organization."""
    if actor.organization_id is None:
        raise MissingScope("the actor has no organization")
    scope = DataScope("tenant", actor.organization_id, actor)
    token = enter(scope)
    try:
        yield scope
    finally:
        leave(token)


@contextmanager
def platform_scope(reason: str, actor: Actor | None = None) -> Iterator[DataScope]:
    """Database work across tenants, on the platform role; ``reason`` is one of PLATFORM_REASONS."""
    if reason not in PLATFORM_REASONS:
        raise ValueError(f"unknown platform reason {reason!r}")
    scope = DataScope("platform", None, actor, reason)
    token = enter(scope)
    try:
        yield scope
    finally:
        leave(token)
