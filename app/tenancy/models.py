"""Organizations, people, roles, teams, invitations, sessions, branding.

FAB's Role and User are extended in place, because FAB names those classes itself. A person's secrets
live in tables that the tenant role cannot read at all.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask_appbuilder.security.sqla import models as fab
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kernel import audit, clock, outbox
from app.kernel.db import StringArray, TenantModel, db, ref, scope_class, tenant_fk, tenant_table_args, utc
from app.kernel.ids import new_id

User = fab.User
Role = fab.Role
PermissionView = fab.PermissionView

# ── FAB's tables, extended in place ──────────────────────────────────────────────────────────────

Role.__table__.c.name.unique = None
for constraint in list(Role.__table__.constraints):
    if isinstance(constraint, UniqueConstraint):
        Role.__table__.constraints.discard(constraint)
Role.organization_id = Column(Uuid, ForeignKey("organization.id", ondelete="CASCADE"), nullable=True)
Role.is_system = Column(Boolean, nullable=False, server_default=text("false"))
Role.description = Column(String(200), nullable=False, server_default="")
Role.created_at = Column(db.DateTime(timezone=True), nullable=True, default=clock.now)
Role.__table__.append_constraint(UniqueConstraint("organization_id", "name", name="uq_ab_role_organization_id_name"))
Index(
    "uq_ab_role_global_name",
    Role.__table__.c.name,
    unique=True,
    postgresql_where=text("organization_id IS NULL"),
)
Role.__audited__ = True

fab.assoc_permissionview_role.append_column(Column("scope", String(8), nullable=False, server_default="all"))
fab.assoc_permissionview_role.append_constraint(CheckConstraint("scope IN ('own', 'team', 'all')", name="scope"))

User.locale = Column(String(8), nullable=False, server_default="it")
User.timezone = Column(String(64), nullable=False, server_default="Europe/Rome")
User.theme = Column(String(8), nullable=False, server_default="dark")
User.avatar_key = Column(String(200), nullable=True)
User.is_vendor = Column(Boolean, nullable=False, server_default=text("false"))
User.shortcuts = Column(Boolean, nullable=False, server_default=text("true"))
User.last_organization_id = Column(Uuid, nullable=True)


class RolePermission(db.Model):  # type: ignore[name-defined,misc]
    """A permission of a role, with its scope (the same table as FAB's association)."""

    __table__ = fab.assoc_permissionview_role


class UserRole(db.Model):  # type: ignore[name-defined,misc]
    """A role of a person. The role's organization says where it counts."""

    __table__ = fab.assoc_user_role


scope_class(Role, Role.organization_id)
scope_class(audit.AuditLog, audit.AuditLog.organization_id)
scope_class(outbox.Outbox, outbox.Outbox.organization_id)
scope_class(outbox.Delivery, outbox.Delivery.organization_id)


# ── organizations ────────────────────────────────────────────────────────────────────────────────


class OrganizationStatus(StrEnum):
    TRIAL = "trial"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Organization(db.Model):  # type: ignore[name-defined,misc]
    """A client company: the tenant."""

    __tablename__ = "organization"
    __audited__ = True

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), nullable=False)
    legal_name: Mapped[str | None] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(63), nullable=False, unique=True)
    status: Mapped[str] = mapped_column(String(16), nullable=False, default=OrganizationStatus.TRIAL)
    plan: Mapped[str] = mapped_column(String(40), nullable=False, default="Prova")
    seats: Mapped[int] = mapped_column(Integer, nullable=False, default=10)
    locale: Mapped[str] = mapped_column(String(8), nullable=False, default="it")
    timezone: Mapped[str] = mapped_column(String(64), nullable=False, default="Europe/Rome")
    base_currency: Mapped[str] = mapped_column(String(3), nullable=False, default="EUR")
    vat_number: Mapped[str | None] = mapped_column(String(20))
    # Whether texts of tasks may go to the AI service that the installation is set up with.
    assist_sends: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False, server_default=text("false"))
    created_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    updated_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now, onupdate=clock.now)
    version: Mapped[int] = mapped_column(Integer, nullable=False, default=1)

    __mapper_args__ = {"version_id_col": version}


scope_class(Organization, Organization.id)


class BrandingTheme(TenantModel):
    """An organization's three colours and logo. Contrast is computed when the CSS is made."""

    __tablename__ = "branding_theme"
    __resource__ = None
    __table_args__ = tenant_table_args("branding_theme", UniqueConstraint("organization_id"))

    primary: Mapped[str] = mapped_column(String(7), nullable=False, default="#390035")
    secondary: Mapped[str] = mapped_column(String(7), nullable=False, default="#901d6b")
    accent: Mapped[str] = mapped_column(String(7), nullable=False, default="#901d6b")
    logo_key: Mapped[str | None] = mapped_column(String(200))


# ── people ───────────────────────────────────────────────────────────────────────────────────────


class MemberStatus(StrEnum):
    ACTIVE = "active"
    PLACEHOLDER = "placeholder"  # known by name from an import, cannot sign in
    REMOVED = "removed"


class Team(TenantModel):
    """A team with a manager; a manager's *team* scope covers the teams below too."""

    __tablename__ = "team"
    __table_args__ = tenant_table_args(
        "team",
        UniqueConstraint("organization_id", "name"),
        tenant_fk("parent_id", "team", ondelete="SET NULL"),
        ForeignKeyConstraint(
            ["organization_id", "manager_id"],
            ["membership.organization_id", "membership.id"],
            ondelete="SET NULL (manager_id)",
            use_alter=True,
            name="fk_team_organization_id_manager_id",
        ),
    )

    name: Mapped[str] = mapped_column(String(80), nullable=False)
    parent_id: Mapped[UUID | None] = mapped_column(Uuid)
    manager_id: Mapped[UUID | None] = mapped_column(Uuid)


class Membership(TenantModel):
    """A person in an organization. Owners of records point here.

    A *placeholder* has no account: a seller named in an import, until an invitation claims it.
    ``display_name`` and ``email`` repeat the account's, so that tenant queries never read accounts.
    """

    __tablename__ = "membership"
    __table_args__ = tenant_table_args(
        "membership",
        UniqueConstraint("organization_id", "user_id"),
        tenant_fk("team_id", "team", ondelete="SET NULL"),
        CheckConstraint("(status = 'placeholder') = (user_id IS NULL)", name="placeholder"),
        Index("ix_membership_user_id", "user_id"),
    )

    user_id: Mapped[int | None] = mapped_column(Integer, ForeignKey("ab_user.id", ondelete="RESTRICT"))
    display_name: Mapped[str] = mapped_column(String(130), nullable=False)
    email: Mapped[str | None] = mapped_column(String(320))
    title: Mapped[str | None] = mapped_column(String(80))
    team_id: Mapped[UUID | None] = mapped_column(Uuid)
    status: Mapped[str] = mapped_column(String(16), nullable=False, default=MemberStatus.ACTIVE)
    two_factor: Mapped[bool] = mapped_column(Boolean, nullable=False, default=False)
    avatar_key: Mapped[str | None] = mapped_column(String(200))
    last_seen_at: Mapped[dt.datetime | None] = utc()
    joined_at: Mapped[dt.datetime | None] = utc()

    team: Mapped[Team | None] = ref("Team", "Membership.team_id")

    @property
    def label(self) -> str:
        return self.display_name


class InvitationStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


class Invitation(TenantModel):
    """An invitation by mail; the link's token is stored as a hash only."""

    __tablename__ = "invitation"
    __table_args__ = tenant_table_args(
        "invitation",
        tenant_fk("team_id", "team", ondelete="SET NULL"),
        tenant_fk("member_id", "membership", ondelete="SET NULL"),
        tenant_fk("invited_by_id", "membership", ondelete="SET NULL"),
        Index(
            "uq_invitation_pending",
            "organization_id",
            "email",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_invitation_token_hash", "token_hash", unique=True),
    )

    email: Mapped[str] = mapped_column(String(320), nullable=False)
    role_id: Mapped[int] = mapped_column(Integer, ForeignKey("ab_role.id", ondelete="CASCADE"))
    team_id: Mapped[UUID | None] = mapped_column(Uuid)
    member_id: Mapped[UUID | None] = mapped_column(Uuid)
    token_hash: Mapped[str] = mapped_column(String(64), nullable=False, info={"secret": True})
    expires_at: Mapped[dt.datetime] = utc(nullable=False)
    opened_at: Mapped[dt.datetime | None] = utc()
    status: Mapped[str] = mapped_column(String(16), nullable=False, default=InvitationStatus.PENDING)
    sent_count: Mapped[int] = mapped_column(Integer, nullable=False, default=1)
    invited_by_id: Mapped[UUID | None] = mapped_column(Uuid)

    invited_by: Mapped[Membership | None] = ref("Membership", "Invitation.invited_by_id")
    role: Mapped[Any] = relationship(Role, viewonly=True, lazy="raise_on_sql")

    @property
    def is_expired(self) -> bool:
        return self.status == InvitationStatus.PENDING and self.expires_at <= clock.now()

    @property
    def label(self) -> str:
        return self.email


# ── programs ─────────────────────────────────────────────────────────────────────────────────────


class ApiKeyState(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class OrgApiKey(TenantModel):
    """A program's access to REST: the organization's, not a person's (FAB's ApiKey is, and stays unused).

    A secret is 256 random bits and stored as SHA-256 only; ``prefix`` is what people recognise it by.
    After a rotation the previous secret works until ``previous_until``.
    """

    __tablename__ = "api_key"
    __resource__ = "api"
    __table_args__ = tenant_table_args(
        "api_key",
        Index("uq_api_key_secret_hash", "secret_hash", unique=True),
        Index("uq_api_key_previous_hash", "previous_hash", unique=True),
        Index(
            "uq_api_key_name",
            "organization_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    name: Mapped[str] = mapped_column(String(80), nullable=False)
    prefix: Mapped[str] = mapped_column(String(16), nullable=False)
    secret_hash: Mapped[str] = mapped_column(String(64), nullable=False, info={"secret": True})
    previous_prefix: Mapped[str | None] = mapped_column(String(16))
    previous_hash: Mapped[str | None] = mapped_column(String(64), info={"secret": True})
    previous_until: Mapped[dt.datetime | None] = utc()
    scopes: Mapped[list[str]] = mapped_column(StringArray(80), nullable=False)
    ip_allow: Mapped[list[str]] = mapped_column(StringArray(43), nullable=False, default=list)
    expires_at: Mapped[dt.datetime | None] = utc()
    last_used_at: Mapped[dt.datetime | None] = utc()
    last_used_ip: Mapped[str | None] = mapped_column(String(64))
    revoked_at: Mapped[dt.datetime | None] = utc()

    creator: Mapped[Membership | None] = ref("Membership", "OrgApiKey.created_by_id")

    @property
    def state(self) -> ApiKeyState:
        if self.revoked_at is not None:
            return ApiKeyState.REVOKED
        ended = self.expires_at is not None and self.expires_at <= clock.now()
        return ApiKeyState.EXPIRED if ended else ApiKeyState.ACTIVE

    @property
    def holder_id(self) -> UUID | None:
        """Who gave the key in force its secret: whoever rotated it last, or made it. Use alone leaves no trace here."""
        return self.updated_by_id or self.created_by_id

    @property
    def is_read_only(self) -> bool:
        return all(one.startswith("read ") for one in self.scopes)

    @property
    def is_rotating(self) -> bool:
        return self.previous_until is not None and self.previous_until > clock.now()


# ── secrets of accounts: platform role only ──────────────────────────────────────────────────────


class Credential(db.Model):  # type: ignore[name-defined,misc]
    """A person's password and second factor. No grant lets the tenant role read it."""

    __tablename__ = "credential"

    user_id: Mapped[int] = mapped_column(Integer, ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    totp_secret: Mapped[str | None] = mapped_column(Text)  # encrypted
    totp_confirmed_at: Mapped[dt.datetime | None] = utc()
    totp_last_step: Mapped[int | None] = mapped_column(Integer)
    recovery_codes: Mapped[list[str]] = mapped_column(JSONB, nullable=False, default=list)  # hashes
    google_subject: Mapped[str | None] = mapped_column(String(64), unique=True)
    failed_count: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    locked_until: Mapped[dt.datetime | None] = utc()
    changed_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)


class AuthSession(db.Model):  # type: ignore[name-defined,misc]
    """A signed-in browser or token. The cookie holds its id; revoking it ends it everywhere."""

    __tablename__ = "auth_session"
    __table_args__ = (Index("ix_auth_session_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[int] = mapped_column(Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8), nullable=False, default="browser")
    created_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    last_seen_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    expires_at: Mapped[dt.datetime] = utc(nullable=False)
    ip: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    organization_id: Mapped[UUID | None] = mapped_column(Uuid)
