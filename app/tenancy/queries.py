"""Reads about people, roles and organizations."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.kernel import clock
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.db import db, read_prepared
from app.kernel.errors import NotFound
from app.kernel.feature import registry
from app.tenancy.models import (
    BrandingTheme,
    Invitation,
    InvitationStatus,
    Membership,
    MemberStatus,
    Organization,
    OrganizationStatus,
    OrgApiKey,
    PermissionView,
    Role,
    RolePermission,
    Team,
    User,
    UserRole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Select


# The states in which an organization's people and its own jobs work.
IN_SERVICE = (OrganizationStatus.TRIAL, OrganizationStatus.ACTIVE)


@dataclass(frozen=True, slots=True)
class OrganizationRef:
    """An organization that a person may switch to."""

    id: UUID
    slug: str
    name: str
    plan: str
    member_id: UUID
    seats: int
    colours: tuple[str, str, str]
    logo_key: str | None


def organizations_of(user_id: int) -> list[OrganizationRef]:
    """The organizations where the person is an active member, by name. Platform scope."""
    rows = db.session.execute(
        select(
            Organization.id,
            Organization.slug,
            Organization.name,
            Organization.plan,
            Membership.id,
            Organization.seats,
            BrandingTheme.primary,
            BrandingTheme.secondary,
            BrandingTheme.accent,
            BrandingTheme.logo_key,
        )
        .join(Membership, Membership.organization_id == Organization.id)
        .join(BrandingTheme, BrandingTheme.organization_id == Organization.id)
        .where(
            Membership.user_id == user_id,
            Membership.status == MemberStatus.ACTIVE,
            Organization.status.in_(IN_SERVICE),
        )
        .order_by(func.lower(Organization.name))
    )
    return [
        OrganizationRef(
            id=row[0],
            slug=row[1],
            name=row[2],
            plan=row[3],
            member_id=row[4],
            seats=row[5],
            colours=(row[6], row[7], row[8]),
            logo_key=row[9],
        )
        for row in rows
    ]


def effective_permissions(user_id: int, organization_id: UUID) -> dict[str, Scope]:
    """What the person's roles in the organization give, the widest scope winning.

    Only roles *of that organization* count, and only permissions that organizations may grant:
    a bad row in the database gives nothing. Platform scope.
    """
    return registry.complete(
        _merge(
            db.session.execute(
                _role_permissions()
                .join(UserRole, UserRole.role_id == Role.id)
                .where(UserRole.user_id == user_id, Role.organization_id == organization_id)
            )
        )
    )


def role_permissions(role_id: int) -> dict[str, Scope]:
    """What one role gives. Tenant or platform scope."""
    return _merge(db.session.execute(_role_permissions().where(Role.id == role_id)))


def _role_permissions() -> Any:
    permission = PermissionView.permission.property.mapper.class_
    view_menu = PermissionView.view_menu.property.mapper.class_
    return (
        select(permission.name, view_menu.name, RolePermission.scope)
        .select_from(Role)
        .join(RolePermission, RolePermission.role_id == Role.id)
        .join(PermissionView, PermissionView.id == RolePermission.permission_view_id)
        .join(permission, permission.id == PermissionView.permission_id)
        .join(view_menu, view_menu.id == PermissionView.view_menu_id)
    )


def _merge(rows: Iterable[Any]) -> dict[str, Scope]:
    resources = registry.resources
    found: dict[str, Scope] = {}
    for permission, resource_name, scope_name in rows:
        resource = resources.get(resource_name)
        verb = permission.removeprefix("can_")
        if resource is None or not resource.assignable or verb not in resource.verbs:
            continue
        scope = Scope(scope_name) if resource.scoped else Scope.ALL
        key = f"{verb} {resource_name}"
        if key not in found or scope.width > found[key].width:
            found[key] = scope
    return found


def vendor_roles(user_id: int) -> frozenset[str]:
    """The names of the person's vendor roles (roles of no organization). Platform scope."""
    names = db.session.scalars(
        select(Role.name)
        .join(UserRole, UserRole.role_id == Role.id)
        .where(UserRole.user_id == user_id, Role.organization_id.is_(None))
    )
    return frozenset(names)


def team_reach(organization_id: UUID, member_id: UUID, team_id: UUID | None) -> frozenset[UUID]:
    """The members whose records the scope *team* covers for ``member_id``.

    The own team's people, and those of every team that the member manages, with the teams below.
    Platform or tenant scope.
    """
    teams = db.session.execute(
        select(Team.id, Team.parent_id, Team.manager_id).where(Team.organization_id == organization_id)
    ).all()
    children: dict[UUID | None, list[UUID]] = defaultdict(list)
    for one in teams:
        children[one.parent_id].append(one.id)
    reached = {team_id} if team_id else set()
    pending = [one.id for one in teams if one.manager_id == member_id]
    while pending:
        current = pending.pop()
        if current not in reached or current == team_id:
            reached.add(current)
            pending.extend(child for child in children[current] if child not in reached)
    if not reached:
        return frozenset({member_id})
    members = db.session.scalars(
        select(Membership.id).where(Membership.organization_id == organization_id, Membership.team_id.in_(reached))
    )
    return frozenset(members) | {member_id}


def build_actor(user: Any, organization: Organization, member: Membership, **extra: Any) -> Actor:
    """The actor of a person in an organization, with today's permissions. Platform scope."""
    return Actor(
        ActorKind.USER,
        member.display_name,
        organization_id=organization.id,
        user_id=user.id,
        member_id=member.id,
        permissions=effective_permissions(user.id, organization.id),
        team_member_ids=team_reach(organization.id, member.id, member.team_id),
        locale=user.locale,
        timezone=user.timezone,
        currency=organization.base_currency,
        **extra,
    )


# ── the members and roles screens (tenant scope) ─────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A line of the members screen."""

    member: Membership
    roles: list[tuple[int, str]]
    team: str | None


def list_members(*, search: str = "", role_id: int | None = None) -> list[MemberRow]:
    """Everybody with access, then the placeholders, by name. Three queries."""
    statement = (
        select(Membership)
        .where(Membership.status != MemberStatus.REMOVED)
        .order_by(Membership.status, func.lower(Membership.display_name))
        .options(joinedload(Membership.team))
    )
    if search:
        pattern = f"%{search}%"
        statement = statement.where(Membership.display_name.ilike(pattern) | Membership.email.ilike(pattern))
    members = db.session.scalars(statement).all()
    roles = roles_by_user()
    rows = [MemberRow(one, roles.get(one.user_id or 0, []), one.team.name if one.team else None) for one in members]
    if role_id is not None:
        rows = [row for row in rows if any(found == role_id for found, _name in row.roles)]
    return rows


def roles_by_user() -> dict[int, list[tuple[int, str]]]:
    """Each person's roles in the current organization: user id -> [(role id, name)]."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for user_id, role_id, name in db.session.execute(
        select(UserRole.user_id, Role.id, Role.name)
        .join(Role, Role.id == UserRole.role_id)
        .where(Role.organization_id.is_not(None))
        .order_by(Role.id)
    ):
        found[user_id].append((role_id, name))
    return found


def pending_invitations(search: str = "") -> Sequence[Invitation]:
    """Invitations that still wait, newest first."""
    statement = (
        select(Invitation)
        .where(Invitation.status == InvitationStatus.PENDING)
        .order_by(Invitation.created_at.desc())
        .options(joinedload(Invitation.invited_by), joinedload(Invitation.role))
    )
    if search:
        statement = statement.where(Invitation.email.ilike(f"%{search}%"))
    return db.session.scalars(statement).all()


def list_roles() -> Sequence[Any]:
    """The organization's roles: the four of the system first, then its own by name."""
    return db.session.scalars(
        select(Role).where(Role.organization_id.is_not(None)).order_by(Role.is_system.desc(), Role.id)
    ).all()


def get_role(role_id: int) -> Any:
    """A role of the current organization; NotFound for any other."""
    role = db.session.scalar(select(Role).where(Role.id == role_id, Role.organization_id.is_not(None)))
    if role is None:
        raise NotFound
    return role


def get_member(member_id: UUID) -> Membership:
    """A member of the current organization; NotFound for any other."""
    member = db.session.scalar(select(Membership).where(Membership.id == member_id))
    if member is None:
        raise NotFound
    return member


class Person(NamedTuple):
    """Somebody who may own records, as menus offer them."""

    id: UUID
    display_name: str
    status: str
    team_id: UUID | None


def list_people() -> list[Person]:
    """Everybody who may own records: active members and placeholders, by name."""
    return [one for one in list_owners() if one.status != MemberStatus.REMOVED]


def still_here(member_ids: Iterable[UUID | None]) -> set[UUID]:
    """Those of the members who may own records: a copy of what somebody owned who has left is nobody's."""
    people = select(Membership.id).where(
        Membership.id.in_({one for one in member_ids if one is not None}), Membership.status != MemberStatus.REMOVED
    )
    return set(db.session.scalars(people))


def list_owners() -> list[Person]:
    """Everybody who may own records, by name, then those who have left: what they owned keeps their name."""

    def statement() -> Select[Any]:
        gone = Membership.status == MemberStatus.REMOVED
        columns: Any = Membership.id, Membership.display_name, Membership.status, Membership.team_id
        return select(*columns).order_by(gone, func.lower(Membership.display_name))

    return [Person(*row) for row in read_prepared("owners", statement, {})]


def members_with(permission: str) -> set[UUID]:
    """Active members whose roles give ``permission`` (``"manage tasks"``), whatever its scope. One query."""
    verb, _blank, resource = permission.partition(" ")
    name, on, _scope = (one for one in _role_permissions().selected_columns)
    held = (
        _role_permissions()
        .join(UserRole, UserRole.role_id == Role.id)
        .join(Membership, Membership.user_id == UserRole.user_id)
        .where(
            name == f"can_{verb}",
            on == resource,
            Membership.status == MemberStatus.ACTIVE,
            Role.organization_id == Membership.organization_id,
        )
        .with_only_columns(Membership.id, maintain_column_froms=True)
    )
    return set(db.session.scalars(held))


def list_teams() -> Sequence[Team]:
    """The organization's teams, by name."""
    return db.session.scalars(select(Team).order_by(func.lower(Team.name))).all()


def get_team(team_id: UUID) -> Team:
    """A team of the current organization; NotFound for any other."""
    team = db.session.scalar(select(Team).where(Team.id == team_id))
    if team is None:
        raise NotFound
    return team


def seats() -> tuple[int, int]:
    """Seats taken (active members and pending invitations) and seats of the current organization."""

    def build() -> Select[Any]:
        members = select(func.count()).select_from(Membership).where(Membership.status == MemberStatus.ACTIVE)
        invited = select(func.count()).select_from(Invitation).where(Invitation.status == InvitationStatus.PENDING)
        return select(members.scalar_subquery() + invited.scalar_subquery(), Organization.seats)

    ((used, all_of_them),) = read_prepared("seats", build, {})
    return used, all_of_them


def list_api_keys(limit: int = 200) -> Sequence[OrgApiKey]:
    """The organization's API keys: those in use, those that expired, those revoked; each newest first."""
    expired = func.coalesce(OrgApiKey.expires_at <= clock.now(), False)
    return db.session.scalars(
        select(OrgApiKey)
        .order_by(OrgApiKey.revoked_at.is_not(None), expired, OrgApiKey.created_at.desc(), OrgApiKey.id)
        .options(joinedload(OrgApiKey.creator))
        .limit(limit)
    ).all()


def get_api_key(key_id: UUID) -> OrgApiKey:
    """An API key of the current organization; NotFound for any other."""
    key = db.session.scalar(select(OrgApiKey).where(OrgApiKey.id == key_id))
    if key is None:
        raise NotFound
    return key


def current_organization() -> Organization:
    """The organization of the current tenant scope."""
    found = db.session.scalar(select(Organization))
    if found is None:
        raise NotFound
    return found


def find_user(email: str) -> Any | None:
    """The account with this e-mail, compared without case. Platform scope."""
    return db.session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))
