"""Roles and permissions of an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, func, select

from app.events.tenancy import RoleChanged
from app.kernel import audit
from app.kernel.actor import Actor, Scope
from app.kernel.db import advisory_lock, db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.tenancy import queries
from app.tenancy.models import Invitation, Membership, PermissionView, Role, RolePermission, UserRole
from app.tenancy.versions import bump_organization

if TYPE_CHECKING:
    from collections.abc import Mapping

ORG_ADMIN = "Org Admin"
MARKETING_MANAGER = "Marketing Manager"
SALES_REP = "Sales Rep"
VIEWER = "Viewer"
SYSTEM_ROLES = (ORG_ADMIN, MARKETING_MANAGER, SALES_REP, VIEWER)
VENDOR_ROLES = ("Super Admin", "Support Agent", "Vendor Operations", "Vendor Finance")
# Names that a custom role may not take: they mean something elsewhere in Flask-AppBuilder.
RESERVED_NAMES = {name.lower() for name in (*SYSTEM_ROLES, *VENDOR_ROLES, "Admin", "Public")}

_MARKETING = ("campaign", "activity", "assets", "audiences", "analytics")
_SALES = ("pipeline", "lead", "deal", "account", "contact", "product", "tasks", "reports")


def default_permissions(role_name: str) -> dict[str, Scope]:
    """The permissions of a system role (product.md P2), over the resources that exist.

    Org Admin holds everything that organizations may hold. Marketing Manager and Sales Rep hold
    their whole section and read what ties it to the other; Viewer reads overviews and data.
    """
    found: dict[str, Scope] = {}
    for resource in registry.resources.values():
        if not resource.assignable:
            continue
        for verb in resource.verbs:
            key = f"{verb} {resource.name}"
            if role_name == ORG_ADMIN:
                found[key] = Scope.ALL
            elif role_name == MARKETING_MANAGER:
                if resource.name in _MARKETING:
                    found[key] = Scope.ALL
            elif role_name == SALES_REP:
                if resource.name in _SALES and not (
                    verb == "manage" or (resource.name == "product" and verb == "write")
                ):
                    found[key] = Scope.ALL
            elif role_name == VIEWER and verb == "read" and resource.name in (*_MARKETING, *_SALES):
                found[key] = Scope.ALL
    return found


def _permission_views() -> dict[str, int]:
    """``"<verb> <resource>"`` -> id of FAB's permission pair."""
    pairs = db.session.scalars(select(PermissionView)).all()
    return {f"{pair.permission.name.removeprefix('can_')} {pair.view_menu.name}": pair.id for pair in pairs}


def seed_roles(organization_id: UUID) -> dict[str, Any]:
    """Creates the system roles of a new organization; name -> role. Platform scope."""
    pairs = _permission_views()
    roles = {}
    for name in SYSTEM_ROLES:
        role = Role(name=name, organization_id=organization_id, is_system=True)
        db.session.add(role)
        roles[name] = role
    db.session.flush()
    for name, role in roles.items():
        for key, scope in default_permissions(name).items():
            db.session.add(RolePermission(role_id=role.id, permission_view_id=pairs[key], scope=scope.value))
    return roles


def grantable() -> set[str]:
    """``"<verb> <resource>"`` that an organization may give to a role."""
    return {
        f"{verb} {resource.name}"
        for resource in registry.resources.values()
        if resource.assignable
        for verb in resource.verbs
    }


def create_role(name: str, *, actor: Actor, description: str = "", copy_of: int | None = None) -> Any:
    """Creates a custom role, empty or as a copy; emits nothing, for nobody holds it yet.

    Raises Invalid for a reserved or taken name.
    """
    actor.require("write", "roles")
    name = " ".join(name.split())
    errors: dict[str, list[str]] = {}
    if not 2 <= len(name) <= 64:
        errors["name"] = [_("Give the role a name of 2 to 64 characters.")]
    elif name.lower() in RESERVED_NAMES:
        errors["name"] = [_("This name is reserved.")]
    elif any(role.name.lower() == name.lower() for role in queries.list_roles()):
        errors["name"] = [_("This value is already in use.")]
    if errors:
        raise Invalid(errors=errors)
    role = Role(
        name=name,
        description=description.strip()[:200],
        organization_id=actor.organization_id,
        is_system=False,
    )
    db.session.add(role)
    db.session.flush()
    if copy_of is not None:
        source = queries.get_role(copy_of)
        _set(role, queries.role_permissions(source.id))
    return role


def update_role(role_id: int, *, actor: Actor, name: str, description: str = "") -> Any:
    """Renames a custom role. System roles keep their names."""
    actor.require("write", "roles")
    role = queries.get_role(role_id)
    if role.is_system:
        raise Forbidden(_("System roles cannot be renamed."))
    name = " ".join(name.split())
    taken = any(other.name.lower() == name.lower() and other.id != role_id for other in queries.list_roles())
    if taken or name.lower() in RESERVED_NAMES or not 2 <= len(name) <= 64:
        raise Invalid(errors={"name": [_("This name is not available.")]})
    role.name, role.description = name, description.strip()[:200]
    return role


def set_permissions(role_id: int, permissions: Mapping[str, str | None], *, actor: Actor) -> int:
    """Sets some permissions of a role: ``"<verb> <resource>"`` -> scope name, or None for no access.

    Keys that are absent stay as they are. Returns the number of people whom the change concerns.
    Raises Invalid for a permission that organizations cannot grant, Conflict when the organization
    would be left without anybody who can manage roles.
    """
    actor.require("write", "roles")
    role = queries.get_role(role_id)
    allowed = grantable()
    unknown = [key for key in permissions if key not in allowed]
    if unknown:
        raise Invalid(errors={"permissions": [_("This permission cannot be granted.")]})
    before = queries.role_permissions(role_id)
    after = dict(before)
    for key, scope in permissions.items():
        if scope is None:
            after.pop(key, None)
            continue
        if scope not in Scope.__members__.values():
            raise Invalid(errors={"permissions": [_("Unknown scope.")]})
        scoped = registry.resources[key.split(" ", 1)[1]].scoped
        after[key] = Scope(scope) if scoped else Scope.ALL
    if role.name == ORG_ADMIN and role.is_system and after != before:
        raise Forbidden(_("Org Admin always holds every permission."))
    _set(role, after)
    changes = {
        key: [before.get(key), after.get(key)] for key in sorted({*before, *after}) if before.get(key) != after.get(key)
    }
    if changes:
        audit.record("permissions_changed", entity="role", entity_id=role.id, label=role.name, changes=changes)
    bump_organization(role.organization_id)
    return people_with_role(role_id)


def people_with_role(role_id: int) -> int:
    """How many people hold the role."""
    return db.session.scalar(select(func.count()).select_from(UserRole).where(UserRole.role_id == role_id)) or 0


def _set(role: Any, permissions: Mapping[str, Scope]) -> None:
    pairs = _permission_views()
    existing = {
        row.permission_view_id: row
        for row in db.session.scalars(select(RolePermission).where(RolePermission.role_id == role.id))
    }
    wanted = {pairs[key]: scope.value for key, scope in permissions.items()}
    for pair_id, row in existing.items():
        if pair_id not in wanted:
            db.session.delete(row)
        elif row.scope != wanted[pair_id]:
            row.scope = wanted[pair_id]
    for pair_id, scope_name in wanted.items():
        if pair_id not in existing:
            db.session.add(RolePermission(role_id=role.id, permission_view_id=pair_id, scope=scope_name))
    db.session.flush()


def delete_role(role_id: int, *, actor: Actor, replacement_id: int | None = None) -> None:
    """Deletes a custom role; the people who hold it get ``replacement_id``.

    Raises Conflict when somebody holds it and no replacement is given.
    """
    actor.require("write", "roles")
    role = queries.get_role(role_id)
    if role.is_system:
        raise Forbidden(_("System roles cannot be deleted."))
    holders = set(db.session.scalars(select(UserRole.user_id).where(UserRole.role_id == role_id)))
    invited = db.session.scalar(
        select(func.count())
        .select_from(Invitation)
        .where(Invitation.role_id == role_id, Invitation.status == "pending")
    )
    if (holders or invited) and replacement_id is None:
        raise Conflict(_("People still hold this role: choose a replacement."))
    if replacement_id is not None:
        replacement = queries.get_role(replacement_id)
        if replacement.id == role_id:
            raise Invalid(errors={"replacement": [_("Choose another role.")]})
        already = set(db.session.scalars(select(UserRole.user_id).where(UserRole.role_id == replacement.id)))
        for user_id in holders - already:
            db.session.add(UserRole(user_id=user_id, role_id=replacement.id))
        for invitation in db.session.scalars(select(Invitation).where(Invitation.role_id == role_id)):
            invitation.role_id = replacement.id
    db.session.flush()
    db.session.execute(delete(UserRole).where(UserRole.role_id == role_id))
    db.session.execute(delete(RolePermission).where(RolePermission.role_id == role_id))
    # FAB's Role.user would be read on an ORM delete, and the tenant's role may not read ab_user.
    audit.record("deleted", entity="role", entity_id=role.id, label=role.name, changes={"name": [role.name, None]})
    organization_id = role.organization_id
    db.session.expunge(role)
    db.session.execute(delete(Role).where(Role.id == role_id))
    bump_organization(organization_id)


def admins() -> set[int]:
    """User ids of the organization's admins with access."""
    return set(
        db.session.scalars(
            select(UserRole.user_id)
            .join(Role, Role.id == UserRole.role_id)
            .join(Membership, Membership.user_id == UserRole.user_id)
            .where(Role.name == ORG_ADMIN, Role.is_system, Membership.status == "active")
        )
    )


def assign_roles(member_id: UUID, role_ids: set[int], *, actor: Actor) -> None:
    """Gives the member exactly these roles of the organization; emits RoleChanged.

    Raises Conflict rather than leave the organization without an admin, NotFound for a role or a
    member of another organization.
    """
    actor.require("assign", "roles")
    member = queries.get_member(member_id)
    if member.status == "removed":
        raise NotFound
    if member.user_id is None:
        raise Conflict(_("This person has no access yet: invite them first."))
    if not role_ids:
        raise Invalid(errors={"roles": [_("Choose at least one role.")]})
    roles = [queries.get_role(role_id) for role_id in role_ids]
    # Two admins demoting each other at once must not both succeed.
    lock_admins()
    own = {role.id for role in queries.list_roles()}
    current = set(
        db.session.scalars(
            select(UserRole.role_id).where(UserRole.user_id == member.user_id, UserRole.role_id.in_(own))
        )
    )
    keeps_admin = any(role.name == ORG_ADMIN and role.is_system for role in roles)
    if not keeps_admin and admins() == {member.user_id}:
        raise Conflict(_("The organization needs at least one admin."))
    gone, new = current - role_ids, role_ids - current
    if gone:
        db.session.execute(delete(UserRole).where(UserRole.user_id == member.user_id, UserRole.role_id.in_(gone)))
    for role_id in new:
        db.session.add(UserRole(user_id=member.user_id, role_id=role_id))
    if gone or new:
        names = {role.id: role.name for role in queries.list_roles()}
        audit.record(
            "roles_assigned",
            entity="membership",
            entity_id=member.id,
            label=member.display_name,
            changes={
                "roles": [
                    sorted(names[one] for one in current),
                    sorted(names[one] for one in role_ids),
                ]
            },
        )
        emit(RoleChanged(subject_id=member.id, role=", ".join(sorted(role.name for role in roles))))
        bump_organization(member.organization_id)


def lock_admins() -> None:
    """Serialises changes of who administers the organization."""
    advisory_lock("admins")
