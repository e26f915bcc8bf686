"""What is known of somebody who asks: a person in a session, or an API key."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from uuid import UUID

from app.kernel.actor import Actor
from app.tenancy import queries, versions


@dataclass(frozen=True, slots=True)
class Account:
    """The signed-in person, as pages need them; also what flask-login calls the user."""

    id: int
    email: str
    first_name: str
    last_name: str
    locale: str
    timezone: str
    theme: str
    shortcuts: bool
    avatar_key: str | None
    is_vendor: bool
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return str(self.id)

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def username(self) -> str:
        return self.email

    @property
    def roles(self) -> list[Any]:
        return []


@dataclass(frozen=True, slots=True)
class Identity:
    """A session's person, their organizations and their actor in the active one."""

    session_id: UUID
    account: Account
    actor: Actor
    organization: queries.OrganizationRef | None
    organizations: tuple[queries.OrganizationRef, ...]
    expires_at: dt.datetime

    @property
    def version_keys(self) -> list[str]:
        return [versions.user_key(self.account.id), versions.organization_key(self.actor.organization_id)]


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """One secret of an API key: its actor, and what has to be asked at every request."""

    key_id: UUID
    slug: str
    actor: Actor
    ends_at: dt.datetime | None
    networks: tuple[IPv4Network | IPv6Network, ...]
    is_open: bool

    @property
    def version_keys(self) -> list[str]:
        return [versions.api_key_key(self.key_id), versions.organization_key(self.actor.organization_id)]
