"""Accounts, members, roles and organizations where something is missing, taken or already so."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import func, select

from app.kernel import clock
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.feature import Resource, registry
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import platform_uow, uow
from app.tenancy import queries
from app.tenancy.models import BrandingTheme, Credential, Invitation, Membership
from app.tenancy.service import members, organizations, roles
from app.tenancy.service.accounts.passwords import change_password
from app.tenancy.service.accounts.profile import create_user, update_profile
from app.tenancy.service.accounts.second_factor import begin_second_factor, confirm_second_factor, disable_second_factor
from app.tenancy.service.accounts.sessions import end_session, switch_organization
from app.tenancy.service.accounts.sign_in import find_google_user, link_google
from tests.cast import PASSWORD
from tests.tenancy.helpers import link, mails, role_id, roles_of, token, try_login

URL = "http://127.0.0.1"


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["", "   ", "x" * 65])
def test_an_account_needs_both_names(app, name):
    email = f"{uuid4().hex[:10]}@nobody.example"
    with pytest.raises(Invalid) as error, platform_uow("sign-up"):
        create_user(email=email, first_name=name, last_name="Person", password=PASSWORD)
    assert list(error.value.errors) == ["first_name"]
    with platform_scope("vendor"):
        assert queries.find_user(email) is None


def test_an_account_without_a_password_cannot_sign_in_by_one(app):
    email = f"{uuid4().hex[:10]}@nobody.example"
    with platform_uow("sign-up"):
        create_user(email=email, first_name="Only", last_name="Google", password=None)
    assert try_login(app, email, "").status_code == 401
    assert try_login(app, email, PASSWORD).status_code == 401


@pytest.mark.parametrize(
    "call",
    [
        lambda: change_password(-1, current=PASSWORD, new=PASSWORD, keep_session=None),
        lambda: begin_second_factor(-1),
        lambda: confirm_second_factor(-1, "000000"),
        lambda: update_profile(-1, first_name="Nobody"),
    ],
    ids=["password", "begin", "confirm", "profile"],
)
def test_what_nobody_has_is_not_found(app, call):
    with pytest.raises(NotFound), platform_uow("identity"):
        call()


def test_an_account_that_lost_its_credentials(app, company, run_jobs):
    """No mail to reset what is not there; Google gives it new ones."""
    with platform_uow("identity") as session:
        session.delete(session.get(Credential, company.viewer.user_id))
    client = app.test_client()
    form = {"email": company.viewer.email, "csrf_token": token(client, "/login/forgot")}
    assert client.post("/login/forgot", data=form).status_code == 200
    run_jobs()
    assert mails(company.viewer.email) == []
    subject = uuid4().hex
    with platform_uow("identity"):
        link_google(queries.find_user(company.viewer.email), subject)
    with platform_scope("identity"):
        found = find_google_user(subject, "", verified=False)
        assert found.id == company.viewer.user_id


def test_a_session_that_has_gone_can_be_ended_again(app, company):
    with platform_scope("vendor"):
        before = db.session.scalar(select(func.count()).select_from(AuditLog))
    with platform_uow("identity"):
        end_session(uuid4())
    with platform_scope("vendor"):
        assert db.session.scalar(select(func.count()).select_from(AuditLog)) == before


def test_the_last_organization_is_remembered_without_a_session_too(app, company):
    """The session may end in another tab while its person switches."""
    with platform_uow("identity"):
        found = switch_organization(uuid4(), company.admin.user_id, company.slug)
        assert found.id == company.id
    with platform_scope("identity"):
        assert queries.find_user(company.admin.email).last_organization_id == company.id


def test_a_second_factor_that_is_on_is_not_begun_again_and_one_that_went_off_takes_no_code(app, company):
    user_id = company.sales.user_id
    now = clock.now()
    with platform_uow("identity"):
        address = begin_second_factor(user_id)
    with platform_uow("identity"):
        assert begin_second_factor(user_id) == address, "the QR code may be looked at twice"
        confirm_second_factor(user_id, pyotp.parse_uri(address).at(now))
    with pytest.raises(Invalid), platform_uow("identity"):
        begin_second_factor(user_id)
    browser = try_login(app, company.sales.email, PASSWORD).browser
    with platform_uow("identity"):
        disable_second_factor(user_id, PASSWORD)
    later = now + dt.timedelta(seconds=60)
    with clock.frozen(later):
        code = {"code": pyotp.parse_uri(address).at(later), "csrf_token": token(browser, "/login/code")}
        assert browser.post("/login/code", data=code).status_code == 401


# ── members and roles ────────────────────────────────────────────────────────────────────────────


def placeholder(actor: Any, name: str = "Paola Placeholder") -> Any:
    with uow(actor):
        return members.add_placeholder(name, actor=actor).id


def test_an_invitation_carries_its_team(app, company, actor, run_jobs):
    email = f"{uuid4().hex[:10]}@invited.example"
    viewer = role_id(company, "Viewer")
    with uow(actor):
        team = members.save_team(None, actor=actor, name="North").id
    with pytest.raises(NotFound), uow(actor):
        members.invite(email=email, role_id=viewer, actor=actor, public_url=URL, team_id=uuid4())
    for _time in range(2):  # the second time it is the same invitation, with a new link
        with uow(actor):
            members.invite(email=email, role_id=viewer, actor=actor, public_url=URL, team_id=team)
    run_jobs()
    secret = link(mails(email)[-1], "invite").rsplit("/", 1)[1]
    with tenant_scope(actor):
        assert db.session.scalar(select(func.count()).select_from(Invitation)) == 1
    other, wanted = (
        {"first_name": "New", "last_name": "Person", "password": PASSWORD, "email": one}
        for one in (f"{uuid4().hex[:10]}@other.example", email)
    )
    with pytest.raises(NotFound), platform_uow("sign-up"):
        members.accept(secret, user=create_user(**other))
    with platform_uow("sign-up"):
        members.accept(secret, user=create_user(**wanted))
    with tenant_scope(actor):
        assert db.session.scalar(select(Membership.team_id).where(Membership.email == email)) == team


def test_only_somebody_without_access_can_be_invited_in_person(company, actor):
    email, viewer = f"{uuid4().hex[:10]}@invited.example", role_id(company, "Viewer")
    with pytest.raises(Conflict), uow(actor):
        members.invite(email=email, role_id=viewer, actor=actor, public_url=URL, member_id=company.sales.member_id)
    member = placeholder(actor)
    with uow(actor):
        assert (
            members.invite(email=email, role_id=viewer, actor=actor, public_url=URL, member_id=member).member_id
            == member
        )


def test_a_placeholder_gets_no_role_and_can_be_deleted(company, browser, actor):
    member = placeholder(actor)
    viewer = role_id(company, "Viewer")
    with pytest.raises(Conflict), uow(actor):
        roles.assign_roles(member, {viewer}, actor=actor)
    assert browser.post(f"/users/{member}/remove").status_code == 302
    with tenant_scope(actor):
        assert db.session.get(Membership, member) is None


def test_roles_that_are_held_already_change_nothing(company, actor):
    member, viewer = company.viewer.member_id, role_id(company, "Viewer")
    with pytest.raises(Invalid) as error, uow(actor):
        roles.assign_roles(member, set(), actor=actor)
    assert list(error.value.errors) == ["roles"]

    def noted() -> int:
        with tenant_scope(actor):
            return db.session.scalar(
                select(func.count()).select_from(AuditLog).where(AuditLog.action == "roles_assigned")
            )

    with uow(actor):
        roles.assign_roles(member, {viewer}, actor=actor)
    assert noted() == 0
    with uow(actor):
        roles.assign_roles(member, {viewer, role_id(company, "Sales Rep")}, actor=actor)
    assert noted() == 1
    assert roles_of(company.viewer, company) == {"Viewer", "Sales Rep"}


def test_a_team_stands_below_one_that_exists(company, actor):
    with pytest.raises(NotFound), uow(actor):
        members.save_team(None, actor=actor, name="Lost", parent_id=uuid4())


def test_what_a_system_role_holds_follows_from_the_features(app, monkeypatch):
    more = [
        Resource("campaign", "Campaigns", "marketing", ("read", "write")),
        Resource("secrets", "Secrets", "settings", ("read",), assignable=False),
    ]
    tenancy = next(one for one in registry.features if one.name == "tenancy")
    monkeypatch.setattr(tenancy, "resources", [*tenancy.resources, *more])
    held = {name: roles.default_permissions(name) for name in roles.SYSTEM_ROLES}
    assert [name for name in held if "write campaign" in held[name]] == ["Org Admin", "Marketing Manager"]
    assert [name for name in held if "read campaign" in held[name]] == ["Org Admin", "Marketing Manager", "Viewer"]
    assert not any("read secrets" in one for one in held.values())


def test_people_are_listed_by_role(company, actor):
    viewer = role_id(company, "Viewer")
    with tenant_scope(actor):
        assert [one.member.id for one in queries.list_members(role_id=viewer)] == [company.viewer.member_id]


# ── organizations ────────────────────────────────────────────────────────────────────────────────


def test_addresses_of_organizations_are_different(app):
    name = f"Same name {uuid4().hex[:8]}"
    with platform_uow("sign-up"):
        first, second = (organizations.create_organization(name).slug for _time in range(2))
        reserved = organizations.create_organization("API").slug
    assert second == f"{first}-2"
    assert reserved != "api"
    with pytest.raises(Conflict), platform_uow("sign-up"):
        organizations.create_organization("Another", slug=first)


def test_what_is_not_said_of_a_company_stays(company, actor):
    with uow(actor):
        organizations.update_organization(actor=actor, name="Renamed S.p.A.", locale="en")
    with tenant_scope(actor):
        found = queries.current_organization()
        assert (found.name, found.locale, found.timezone) == ("Renamed S.p.A.", "en", "Europe/Rome")


def test_a_logo_comes_and_goes_with_the_colours(company, actor):
    colours = {"primary": "#390035", "secondary": "#901D6B", "accent": "#ffffff"}
    for given, kept in (("a/logo.webp", "a/logo.webp"), (None, "a/logo.webp"), ("", None)):
        with uow(actor):
            organizations.update_branding(actor=actor, **colours, logo_key=given)
        with tenant_scope(actor):
            theme = organizations.get_branding()
            assert (theme.secondary, theme.logo_key) == ("#901d6b", kept)


def test_an_organization_without_its_theme(company, actor):
    with pytest.raises(NotFound), uow(actor) as session:
        session.execute(BrandingTheme.__table__.delete())
        organizations.get_branding()
