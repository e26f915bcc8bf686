"""Events of organizations and their people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event):
    """An invitation was sent (or sent again)."""

    name: ClassVar[str] = "tenancy.member_invited"
    subject_kind: ClassVar[str] = "invitation"
    email: str


@dataclass(frozen=True, kw_only=True)
class MemberJoined(Event):
    """Somebody accepted an invitation."""

    name: ClassVar[str] = "tenancy.member_joined"
    subject_kind: ClassVar[str] = "membership"
    organization_id: UUID
    invited_by_id: UUID | None
    display_name: str


@dataclass(frozen=True, kw_only=True)
class MemberRemoved(Event):
    """A member lost access to the organization."""

    name: ClassVar[str] = "tenancy.member_removed"
    subject_kind: ClassVar[str] = "membership"


@dataclass(frozen=True, kw_only=True)
class RoleChanged(Event):
    """A member's role, or a role's permissions, changed."""

    name: ClassVar[str] = "tenancy.role_changed"
    subject_kind: ClassVar[str] = "membership"
    role: str
