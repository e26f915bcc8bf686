"""Versions of cached identities: a process trusts what it remembers only while they stand still.

Each organization, person and API key has a random version in Valkey; any change of roles, membership,
session or key replaces it after the commit. A lost version (Valkey restarted) makes everybody read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event, inspect

from app.kernel import valkey
from app.kernel.ids import new_token
from app.kernel.uow import after_commit
from app.tenancy.models import Organization

if TYPE_CHECKING:
    from uuid import UUID


def organization_key(organization_id: UUID | None) -> str:
    return f"version:org:{organization_id}"


def user_key(user_id: int) -> str:
    return f"version:user:{user_id}"


def api_key_key(key_id: UUID) -> str:
    return f"version:key:{key_id}"


def bump_organization(organization_id: UUID) -> None:
    """Everybody's permissions in the organization are read again, once this work is committed."""
    key = organization_key(organization_id)
    after_commit(lambda: _replace(key), key=key)


def bump_user(user_id: int) -> None:
    """The person's sessions and profile are read again, once this work is committed."""
    key = user_key(user_id)
    after_commit(lambda: _replace(key), key=key)


def bump_api_key(key_id: UUID) -> None:
    """The API key is read again, once this work is committed."""
    key = api_key_key(key_id)
    after_commit(lambda: _replace(key), key=key)


@event.listens_for(Organization, "after_update")
def _on_update(_mapper: Any, _connection: Any, organization: Organization) -> None:
    """A suspended or closed organization counts at once, whoever changed its state."""
    if inspect(organization).attrs.status.history.has_changes():
        bump_organization(organization.id)


def _replace(key: str) -> None:
    valkey.connection().set(key, new_token(9))


def current(keys: list[str]) -> list[bytes] | None:
    """The versions of ``keys``, made where missing; None when Valkey does not answer."""
    values = valkey.mget(keys)
    if values is None:
        return None
    found: list[bytes] = []
    for key, value in zip(keys, values, strict=True):
        if value is None:
            try:
                connection = valkey.connection()
                connection.set(key, new_token(9), nx=True)
                value = connection.get(key)
            except valkey.RedisError:
                return None
        if value is None:
            return None
        found.append(value)
    return found
