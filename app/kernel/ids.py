"""Identifiers."""

from __future__ import annotations

import secrets
from uuid import UUID

from uuid_utils import compat

from app.kernel.errors import NotFound


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): sorts by creation time, so indexes stay compact."""
    return compat.uuid7()


def parse_id(value: object) -> UUID:
    """The UUID written in ``value``; raises NotFound, because an id that cannot exist is unknown."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        raise NotFound from None


def new_token(nbytes: int = 32) -> str:
    """A URL-safe random secret of ``nbytes`` bytes."""
    return secrets.token_urlsafe(nbytes)
