"""Who acts. Every service verb takes an Actor; it is never optional."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from app.kernel.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


class ActorKind(StrEnum):
    USER = "user"
    API_KEY = "api_key"
    AUTOMATION = "automation"
    VENDOR = "vendor"
    SYSTEM = "system"


class Scope(StrEnum):
    """How far a permission reaches. Ordered by width."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"

    @property
    def width(self) -> int:
        return ("own", "team", "all").index(self.value)


_NO_PERMISSIONS: Mapping[str, Scope] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or process behind an action, inside at most one organization.

    ``permissions`` maps ``"<verb> <resource>"`` (``"write deal"``) to the scope that the person's
    roles give together (the widest wins). ``team_member_ids`` are the memberships that the scope
    *team* covers. ``key_id`` names the API key that acts: it is no member and owns no record, so each
    of its permissions reaches the whole organization. ``source`` is ui, api, job, socket, import, mail
    or cli: it goes into the audit log.
    """

    kind: ActorKind
    label: str
    organization_id: UUID | None = None
    user_id: int | None = None
    member_id: UUID | None = None
    key_id: UUID | None = None
    permissions: Mapping[str, Scope] = field(default_factory=lambda: _NO_PERMISSIONS)
    team_member_ids: frozenset[UUID] = frozenset()
    vendor_roles: frozenset[str] = frozenset()
    locale: str = "it"
    timezone: str = "Europe/Rome"
    currency: str = "EUR"
    source: str = "ui"
    request_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    impersonator_id: int | None = None
    # How far what is done now is from somebody's own act: automations in between, and the last of their runs.
    depth: int = 0
    cause_id: UUID | None = None
    # Looks at the product as a role sees it: reads with that role's permissions, writes nothing at all.
    preview: bool = False

    def scope(self, verb: str, resource: str) -> Scope | None:
        """The scope of a permission, or None when the actor does not hold it."""
        if self.kind is ActorKind.SYSTEM:
            return Scope.ALL
        return self.permissions.get(f"{verb} {resource}")

    def can(self, verb: str, resource: str) -> bool:
        """Whether the actor holds the permission, whatever its scope."""
        return self.scope(verb, resource) is not None

    def require(self, verb: str, resource: str) -> Scope:
        """The scope of a permission; raises Forbidden without it."""
        scope = self.scope(verb, resource)
        if scope is None:
            raise Forbidden(details={"permission": f"{verb} {resource}"})
        return scope

    def covers(self, scope: Scope, owner_id: UUID | None) -> bool:
        """Whether ``scope`` reaches a record owned by the membership ``owner_id``.

        A record without an owner belongs to nobody: *own* does not reach it, *team* does, so that
        the unassigned inbox can be worked by a team.
        """
        if scope is Scope.ALL:
            return True
        if scope is Scope.TEAM:
            return owner_id is None or owner_id in self.team_member_ids or owner_id == self.member_id
        return owner_id is not None and owner_id == self.member_id

    def require_on(self, verb: str, resource: str, record: Any) -> None:
        """Raises Forbidden unless the actor may do ``verb`` to this very record."""
        scope = self.require(verb, resource)
        if not record.is_reached_by(self, verb, resource):
            raise Forbidden(details={"permission": f"{verb} {resource}", "scope": scope.value})


def system_actor(organization_id: UUID | None, *, label: str = "Stratikey", **extra: Any) -> Actor:
    """The product itself acting, for schedules, handlers and migrations of data."""
    extra.setdefault("source", "job")
    return Actor(ActorKind.SYSTEM, label, organization_id=organization_id, **extra)
