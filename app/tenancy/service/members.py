"""People of an organization: invitations, membership, teams."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, func, select

from app.events.tenancy import MemberInvited, MemberJoined, MemberRemoved
from app.kernel import clock, crypto, mail
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_token
from app.kernel.outbox import emit
from app.tenancy import queries
from app.tenancy.models import (
    Invitation,
    InvitationStatus,
    Membership,
    MemberStatus,
    Organization,
    Role,
    Team,
    UserRole,
)
from app.tenancy.service.roles import admins, lock_admins
from app.tenancy.versions import bump_organization, bump_user

INVITATION_DAYS = 7


def normal_email(text: str) -> str:
    """The e-mail address as stored: trimmed, lower case. Raises Invalid when it is none."""
    try:
        checked = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Invalid(errors={"email": [_("This is not an e-mail address.")]}) from None
    return checked.normalized.lower()


def invite(
    email: str,
    *,
    actor: Actor,
    role_id: int,
    public_url: str,
    team_id: UUID | None = None,
    member_id: UUID | None = None,
) -> Invitation:
    """Invites somebody by mail for 7 days; emits MemberInvited.

    The answer is the same whether or not the address has an account elsewhere. Inviting an address
    again sends the pending invitation anew. ``member_id`` names a placeholder that the invited
    person takes over, with all its records. Raises Conflict when the address already has access, or
    no seat is left.
    """
    actor.require("invite", "users")
    email = normal_email(email)
    role = queries.get_role(role_id)
    if not actor.can("assign", "roles"):
        # Inviting must not be a way to more rights than the inviter's own.
        for key, scope in queries.role_permissions(role.id).items():
            held = actor.scope(*key.split(" ", 1))
            if held is None or held.width < scope.width:
                raise Forbidden(_("You cannot invite with a role that may do more than you."))
    if team_id is not None:
        queries.get_team(team_id)
    if member_id is not None and queries.get_member(member_id).status != MemberStatus.PLACEHOLDER:
        raise Conflict(_("This person already has access."))
    taken = db.session.scalar(
        select(Membership.id).where(func.lower(Membership.email) == email, Membership.status == MemberStatus.ACTIVE)
    )
    if taken is not None:
        raise Conflict(_("This person already has access."))
    invitation = db.session.scalar(
        select(Invitation).where(Invitation.email == email, Invitation.status == InvitationStatus.PENDING)
    )
    organization = queries.current_organization()
    if invitation is None:
        used, seats = queries.seats()
        if used >= seats:
            raise Conflict(_("No seat is left in your plan."))
        invitation = Invitation(email=email, sent_count=0, token_hash="", expires_at=clock.now())
        invitation.invited_by_id = actor.member_id
        db.session.add(invitation)
    invitation.role_id, invitation.team_id, invitation.member_id = role.id, team_id, member_id
    _send(invitation, organization, actor, public_url)
    return invitation


def resend(invitation_id: UUID, *, actor: Actor, public_url: str) -> Invitation:
    """Sends an invitation again with a new link and 7 new days; the old link stops working."""
    actor.require("invite", "users")
    invitation = get_invitation(invitation_id)
    _send(invitation, queries.current_organization(), actor, public_url)
    return invitation


def revoke(invitation_id: UUID, *, actor: Actor) -> None:
    """Takes an invitation back; its link stops working."""
    actor.require("revoke", "users")
    get_invitation(invitation_id).status = InvitationStatus.REVOKED


def get_invitation(invitation_id: UUID) -> Invitation:
    """A pending invitation of the current organization; NotFound for any other."""
    found = db.session.scalar(
        select(Invitation).where(Invitation.id == invitation_id, Invitation.status == InvitationStatus.PENDING)
    )
    if found is None:
        raise NotFound
    return found


def _send(invitation: Invitation, organization: Organization, actor: Actor, public_url: str) -> None:
    token = new_token()
    invitation.token_hash = crypto.token_hash(token)
    invitation.expires_at = clock.now() + dt.timedelta(days=INVITATION_DAYS)
    invitation.sent_count += 1
    invitation.opened_at = None
    db.session.flush()
    mail.send(
        "invitation",
        to=invitation.email,
        locale=organization.locale,
        context={
            "organization": organization.name,
            "inviter": actor.label,
            "url": f"{public_url}/invite/{token}",
            "days": INVITATION_DAYS,
        },
    )
    emit(MemberInvited(subject_id=invitation.id, email=invitation.email))


# ── accepting, in a platform scope: the visitor is not in the organization yet ───────────────────


def open_invitation(token: str) -> tuple[Invitation, Organization]:
    """The pending invitation behind a link; NotFound for a wrong, used, revoked or expired one."""
    found = db.session.execute(
        select(Invitation, Organization)
        .join(Organization, Organization.id == Invitation.organization_id)
        .where(
            Invitation.token_hash == crypto.token_hash(token),
            Invitation.status == InvitationStatus.PENDING,
            Invitation.expires_at > clock.now(),
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    return found[0], found[1]


def accept(token: str, *, user: Any) -> tuple[Organization, Membership]:
    """Makes ``user`` a member; emits MemberJoined. The account's e-mail must be the invited one."""
    invitation, organization = open_invitation(token)
    if user.email.lower() != invitation.email:
        raise NotFound
    member = db.session.scalar(
        select(Membership).where(Membership.organization_id == organization.id, Membership.user_id == user.id)
    )
    if member is None and invitation.member_id is not None:
        member = db.session.scalar(
            select(Membership).where(
                Membership.organization_id == organization.id,
                Membership.id == invitation.member_id,
                Membership.status == MemberStatus.PLACEHOLDER,
            )
        )
    if member is None:
        member = Membership(organization_id=organization.id)
        db.session.add(member)
    member.user_id = user.id
    member.display_name = user.get_full_name()
    member.email = user.email.lower()
    member.status = MemberStatus.ACTIVE
    member.joined_at = clock.now()
    if invitation.team_id:
        member.team_id = invitation.team_id
    invitation.status = InvitationStatus.ACCEPTED
    db.session.flush()
    own_roles = select(Role.id).where(Role.organization_id == organization.id)
    db.session.execute(delete(UserRole).where(UserRole.user_id == user.id, UserRole.role_id.in_(own_roles)))
    db.session.add(UserRole(user_id=user.id, role_id=invitation.role_id))
    emit(
        MemberJoined(
            subject_id=member.id,
            organization_id=organization.id,
            invited_by_id=invitation.invited_by_id,
            display_name=member.display_name,
        )
    )
    bump_organization(organization.id)
    bump_user(user.id)
    return organization, member


# ── membership and teams (tenant scope) ──────────────────────────────────────────────────────────


def remove_member(member_id: UUID, *, actor: Actor) -> None:
    """Takes a person's access to this organization away; emits MemberRemoved.

    Records keep their owner's name. The account itself is not touched: it is the person's.
    """
    actor.require("revoke", "users")
    member = queries.get_member(member_id)
    if member.status == MemberStatus.REMOVED:
        raise NotFound
    lock_admins()
    if member.user_id is not None and admins() == {member.user_id}:
        raise Conflict(_("The organization needs at least one admin."))
    if member.user_id is not None:
        own = [role.id for role in queries.list_roles()]
        db.session.execute(delete(UserRole).where(UserRole.user_id == member.user_id, UserRole.role_id.in_(own)))
        bump_user(member.user_id)
        member.status = MemberStatus.REMOVED
    else:
        # A placeholder without an account: it can only be deleted when nothing refers to it.
        db.session.delete(member)
    emit(MemberRemoved(subject_id=member.id))
    bump_organization(member.organization_id)


def update_member(
    member_id: UUID, *, actor: Actor, title: str | None = None, team_id: UUID | None = None
) -> Membership:
    """Sets what the organization says about a person: title and team. Identity stays theirs."""
    actor.require("write", "users")
    member = queries.get_member(member_id)
    if member.status == MemberStatus.REMOVED:
        raise NotFound
    if team_id is not None:
        queries.get_team(team_id)
    member.title = (title or "").strip()[:80] or None
    member.team_id = team_id
    bump_organization(member.organization_id)
    return member


def add_placeholder(name: str, *, actor: Actor, team_id: UUID | None = None) -> Membership:
    """Adds a person known by name only, who may own records and cannot sign in."""
    actor.require("invite", "users")
    name = " ".join(name.split())[:130]
    if not name:
        raise Invalid(errors={"name": [_("This field is required.")]})
    member = Membership(
        organization_id=actor.organization_id,
        display_name=name,
        status=MemberStatus.PLACEHOLDER,
        team_id=team_id,
    )
    db.session.add(member)
    db.session.flush()
    bump_organization(member.organization_id)
    return member


def save_team(
    team_id: UUID | None,
    *,
    actor: Actor,
    name: str,
    manager_id: UUID | None = None,
    parent_id: UUID | None = None,
) -> Team:
    """Creates (``team_id`` None) or changes a team. Raises Invalid for a team below itself."""
    actor.require("write", "users")
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80:
        raise Invalid(errors={"name": [_("This field is required.")]})
    if manager_id is not None:
        queries.get_member(manager_id)
    team = queries.get_team(team_id) if team_id else Team()
    parents = {one.id: one.parent_id for one in queries.list_teams()}
    cursor = parent_id
    while cursor is not None:
        if cursor not in parents:
            raise NotFound
        if cursor == team_id:
            raise Invalid(errors={"parent_id": [_("A team cannot stand below itself.")]})
        cursor = parents[cursor]
    team.name, team.manager_id, team.parent_id = name, manager_id, parent_id
    db.session.add(team)
    db.session.flush()
    bump_organization(team.organization_id)
    return team


def delete_team(team_id: UUID, *, actor: Actor) -> None:
    """Deletes a team; its people stay, without one."""
    actor.require("write", "users")
    team = queries.get_team(team_id)
    db.session.delete(team)
    bump_organization(team.organization_id)


def sync_profile(user: Any) -> None:
    """Repeats the account's name, e-mail and picture in its memberships. Platform scope."""
    for member in db.session.scalars(select(Membership).where(Membership.user_id == user.id)):
        member.display_name = user.get_full_name()
        member.email = user.email.lower()
        member.avatar_key = user.avatar_key
        bump_organization(member.organization_id)
