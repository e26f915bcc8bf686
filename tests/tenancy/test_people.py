"""Invitations, sign-up, teams and their scope, custom roles, switching, Google."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from sqlalchemy import select

from app.kernel import clock
from app.kernel.actor import system_actor
from app.kernel.db import db
from app.kernel.mail import MailMessage
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import platform_uow, uow
from app.sales.models.accounts import Account
from app.tenancy import queries
from app.tenancy.models import Invitation, Membership, Organization
from app.tenancy.service import members, roles
from tests.cast import PASSWORD
from tests.tenancy.helpers import add_person, link, mails, role_id, roles_of, share, token, try_login


def address() -> str:
    return f"{uuid.uuid4().hex[:10]}@invited.example"


def invited(company, admin, run_jobs, email, role="Viewer", **data):
    answer = admin.post("/users/invite", data={"emails": email, "role": role_id(company, role), **data})
    assert answer.status_code == 302, answer.text[:500]
    run_jobs()
    return link(mails(email)[-1], "invite")


ACCOUNT = {"first_name": "New", "last_name": "Person", "password": PASSWORD}


def accept(app, url, **changes):
    client = app.test_client()
    data = {**ACCOUNT, **changes, "csrf_token": token(client, url)}
    return client, client.post(url, data=data)


def test_an_invitation_makes_a_new_account_a_member_once(app, company, sign_in, run_jobs):
    admin, email = sign_in(company.admin), address()
    url = invited(company, admin, run_jobs, email, "Sales Rep")
    assert email in admin.get("/users/list/").text
    assert accept(app, url, password="short")[1].status_code == 422
    client, answer = accept(app, url)
    assert answer.status_code == 302
    assert client.get("/sales/accounts/add", headers={"Accept": "text/html"}).status_code == 200
    assert app.test_client().get(url).status_code == 404
    with tenant_scope(system_actor(company.id)):
        member = db.session.scalar(select(Membership).where(Membership.email == email))
        assert (member.status, member.display_name) == ("active", "New Person")


def test_the_link_is_stored_as_a_hash_only(app, company, sign_in, run_jobs):
    email = address()
    url = invited(company, sign_in(company.admin), run_jobs, email)
    secret = url.rpartition("/")[2]
    with tenant_scope(system_actor(company.id)):
        row = db.session.scalar(select(Invitation).where(Invitation.email == email))
        assert secret not in row.token_hash
        assert len(row.token_hash) == 64


def test_an_invitation_lives_seven_days(app, company, sign_in, run_jobs):
    url = invited(company, sign_in(company.admin), run_jobs, address())
    for days, status in ((6, 200), (8, 404)):
        with clock.frozen(clock.now() + dt.timedelta(days=days)):
            assert app.test_client().get(url).status_code == status


def test_resending_invalidates_the_old_link_and_revoking_the_new(app, company, sign_in, run_jobs):
    admin, email = sign_in(company.admin), address()
    first = invited(company, admin, run_jobs, email)
    with tenant_scope(system_actor(company.id)):
        pk = db.session.scalar(select(Invitation.id).where(Invitation.email == email))
    assert admin.post(f"/users/invitations/{pk}/resend").status_code == 302
    run_jobs()
    second = link(mails(email)[-1], "invite")
    assert first != second
    assert app.test_client().get(first).status_code == 404
    assert app.test_client().get(second).status_code == 200
    assert admin.post(f"/users/invitations/{pk}/revoke").status_code == 302
    assert app.test_client().get(second).status_code == 404
    assert admin.post(f"/users/invitations/{pk}/revoke").status_code == 404


def test_the_mail_leaves_only_when_the_invitation_was_saved(app, company, run_jobs):
    email = address()
    actor = company.admin.actor
    with pytest.raises(RuntimeError, match="in between"), uow(actor):
        members.invite(email, actor=actor, role_id=role_id(company, "Viewer"), public_url="http://127.0.0.1")
        raise RuntimeError("in between")
    run_jobs()
    assert mails(email) == []
    with platform_scope("vendor"):
        assert db.session.scalar(select(MailMessage.id).where(MailMessage.to_email == email)) is None


def test_an_existing_account_joins_after_signing_in_and_nobody_else_can(app, company, acme, sign_in, run_jobs):
    other = add_person(acme, address(), "Viewer")
    url = invited(company, sign_in(company.admin), run_jobs, other.email, "Sales Rep")
    visitor = app.test_client()
    assert other.email in visitor.get(url).text
    answer = visitor.post(url, data={**ACCOUNT, "csrf_token": token(visitor, "/login/")})
    assert answer.status_code == 302
    assert "/login/" in answer.location
    stranger = sign_in(acme.viewer)
    assert stranger.post(url, data=ACCOUNT).status_code == 302
    assert roles_of(acme.viewer, company) == set()
    assert roles_of(other, company) == set()
    person = sign_in(other)
    assert person.post(url).status_code == 302
    assert roles_of(other, company) == {"Sales Rep"}
    assert roles_of(other, acme) == {"Viewer"}
    assert company.slug.replace("-", " ").lower() in person.get("/").text.lower()


def test_a_placeholder_is_taken_over_with_its_records(app, company, sign_in, run_jobs):
    admin, email = sign_in(company.admin), address()
    assert admin.post("/users/placeholders", data={"name": "Import Ed"}).status_code == 302
    with uow(system_actor(company.id)) as session:
        member = session.scalar(select(Membership).where(Membership.display_name == "Import Ed"))
        session.add(Account(name="Owned by nobody yet", owner_id=member.id))
    url = invited(company, admin, run_jobs, email, member=str(member.id))
    assert accept(app, url)[1].status_code == 302
    with tenant_scope(system_actor(company.id)):
        found = db.session.get(Membership, member.id)
        assert (found.email, found.display_name, found.status) == (email, "New Person", "active")
        assert db.session.scalar(select(Account.owner_id).where(Account.name == "Owned by nobody yet")) == member.id


def test_seats_are_counted_with_pending_invitations(app, company, sign_in):
    with platform_uow("vendor"):
        db.session.get(Organization, company.id).seats = 5
    admin, role = sign_in(company.admin), role_id(company, "Viewer")
    assert admin.post("/users/invite", data={"emails": address(), "role": role}).status_code == 302
    full = admin.post("/users/invite", data={"emails": address(), "role": role})
    assert full.status_code == 422
    assert "seat" in full.text


def test_several_addresses_at_once_and_the_wrong_ones_are_named(app, company, sign_in):
    good, bad = address(), "not-an-address"
    answer = sign_in(company.admin).post(
        "/users/invite", data={"emails": f"{good}\n{bad};{company.sales.email}", "role": role_id(company, "Viewer")}
    )
    assert answer.status_code == 422
    assert bad in answer.text
    assert company.sales.email in answer.text
    with tenant_scope(system_actor(company.id)):
        assert db.session.scalars(select(Invitation.email)).all() == [good]


# ── sign-up ──────────────────────────────────────────────────────────────────────────────────────


def ask_signup(app, email, name):
    client = app.test_client()
    data = {"email": email, "organization": name, "csrf_token": token(client, "/signup/")}
    return client.post("/signup/", data=data)


def test_signing_up_by_the_mailed_link(app, acme, run_jobs):
    email, name = address(), f"Officine {uuid.uuid4().hex[:6]} S.r.l."
    known, unknown = ask_signup(app, acme.sales.email, name), ask_signup(app, email, name)
    assert known.status_code == unknown.status_code == 200
    run_jobs()
    assert "/signup/" not in mails(acme.sales.email)[-1].get_body(("plain",)).get_content()
    url = link(mails(email)[-1], "signup")
    client, answer = accept(app, url)
    assert answer.status_code == 302
    for page in ("/users/list/", "/roles/list/", "/settings/company", "/sales/pipeline"):
        assert client.get(page, headers={"Accept": "text/html"}).status_code == 200, page
    with platform_scope("vendor"):
        user = queries.find_user(email)
        assert [one.name for one in queries.organizations_of(user.id)] == [name]
        assert not user.is_vendor
    assert app.test_client().get(url).status_code == 404
    csrf = app.test_client()
    assert csrf.post(url, data={**ACCOUNT, "csrf_token": token(csrf)}).status_code == 404
    with clock.frozen(clock.now() + dt.timedelta(days=2)):
        assert app.test_client().get(url).status_code == 404


@pytest.mark.parametrize(
    ("email", "name"), [("nonsense", "Good name"), ("a@b.example", "x"), ("", ""), ("\x00@x.y", "N")]
)
def test_a_bad_sign_up_is_answered_in_the_form(app, email, name):
    assert ask_signup(app, email, name).status_code in {400, 422}


def test_sign_up_can_be_switched_off(app, client):
    app.config["SIGNUP_ENABLED"] = False
    try:
        assert client.get("/signup/").status_code == 404
    finally:
        app.config["SIGNUP_ENABLED"] = True


# ── teams and scopes ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def scoped(app, company, sign_in):
    """Four accounts: Sam's own, a team mate's, another team's, nobody's; and a role to scope."""
    admin = sign_in(company.admin)
    mate = add_person(company, address(), "Viewer")
    other = add_person(company, address(), "Viewer")
    actor = company.admin.actor
    with uow(actor):
        upper = members.save_team(None, actor=actor, name="Upper", manager_id=other.member_id)
        team = members.save_team(None, actor=actor, name="North", parent_id=upper.id)
        for one in (company.sales, mate):
            members.update_member(one.member_id, actor=actor, team_id=team.id)
        custom = roles.create_role("Scoped seller", actor=actor)
        roles.assign_roles(company.sales.member_id, {custom.id}, actor=actor)
        roles.assign_roles(other.member_id, {custom.id}, actor=actor)
        for name, owner in (("Own", company.sales), ("Mate", mate), ("Other", other), ("Nobody", None)):
            db.session.add(Account(name=name, owner_id=owner.member_id if owner else None))
        role = custom.id
    return admin, role, other, upper.id, team.id


@pytest.mark.parametrize(
    ("scope", "seen"),
    [("own", {"Own"}), ("team", {"Own", "Mate", "Nobody"}), ("all", {"Own", "Mate", "Other", "Nobody"}), (None, None)],
)
def test_a_scope_is_the_rows_that_one_sees_and_may_change(company, scoped, sign_in, scope, seen):
    admin, role, *_rest = scoped
    permissions = {"read account": scope, "write account": scope}
    answer = admin.api("POST", f"/roles/{role}/permissions", json={"permissions": permissions})
    assert answer.status_code == 200
    assert answer.json["people"] == 2
    person = sign_in(company.sales)
    found = person.api("GET", "/api/v1/accounts/")
    if seen is None:
        assert found.status_code == 403
        assert person.get("/sales/accounts/").status_code == 403
        return
    assert {one["name"] for one in found.json["result"]} == seen
    assert found.json["count"] == len(seen)
    every = admin.api("GET", "/api/v1/accounts/").json["result"]
    for one in every:
        url = f"/api/v1/accounts/{one['id']}"
        assert person.api("GET", url).status_code == (200 if one["name"] in seen else 404)
        assert person.api("PUT", url, json={"city": "Roma"}).status_code == (200 if one["name"] in seen else 404)
        page = person.get(f"/sales/accounts/show/{one['id']}").status_code
        assert page == (200 if one["name"] in seen else 404)


def test_reading_all_and_writing_own(company, scoped, sign_in):
    admin, role, *_rest = scoped
    admin.api("POST", f"/roles/{role}/permissions",
              json={"permissions": {"read account": "all", "write account": "own"}})  # fmt: skip
    person = sign_in(company.sales)
    for one in person.api("GET", "/api/v1/accounts/").json["result"]:
        answer = person.api("PUT", f"/api/v1/accounts/{one['id']}", json={"city": "Roma"})
        assert answer.status_code == (200 if one["name"] == "Own" else 403), one["name"]
        answer = person.api("DELETE", f"/api/v1/accounts/{one['id']}")
        assert answer.status_code == (200 if one["name"] == "Own" else 403), one["name"]


def test_a_manager_reaches_the_teams_below(company, scoped, sign_in):
    admin, role, other, _upper, _team = scoped
    admin.api("POST", f"/roles/{role}/permissions", json={"permissions": {"read account": "team"}})
    names = {one["name"] for one in sign_in(other).api("GET", "/api/v1/accounts/").json["result"]}
    assert names == {"Own", "Mate", "Other", "Nobody"}


def test_a_team_cannot_stand_below_itself(company, scoped):
    admin, _role, _other, upper, team = scoped
    answer = admin.post("/users/teams/save", data={"id": str(upper), "name": "Upper", "parent": str(team)})
    assert answer.status_code == 422
    assert admin.post("/users/teams/save", data={"name": "North"}).status_code == 422
    assert admin.post(f"/users/teams/{team}/delete").status_code == 302
    with tenant_scope(system_actor(company.id)):
        assert db.session.get(Membership, company.sales.member_id).team_id is None


def test_a_role_in_use_is_deleted_only_with_a_replacement(company, scoped):
    admin, role, *_rest = scoped
    assert admin.post(f"/roles/{role}/delete").status_code == 409
    viewer = role_id(company, "Viewer")
    assert admin.post(f"/roles/{role}/delete", data={"replacement": str(viewer)}).status_code == 302
    assert roles_of(company.sales, company) == {"Viewer"}


# ── several organizations ────────────────────────────────────────────────────────────────────────


def test_switching_changes_menu_and_data(app, company, rival, sign_in):
    person = add_person(company, address(), "Org Admin")
    share(person, rival, "Viewer")
    with uow(system_actor(company.id)) as session:
        session.add(Account(name="Visible here only"))
    browser = sign_in(person)
    assert browser.post(f"/switch/{company.slug}").status_code == 302
    here = browser.get("/sales/accounts/").text
    assert "Visible here only" in here
    assert "/roles/list/" in here
    assert browser.post(f"/switch/{rival.slug}").status_code == 302
    there = browser.get("/sales/accounts/").text
    assert "Visible here only" not in there
    assert "/roles/list/" not in there
    assert browser.get("/roles/list/").status_code == 403
    again = try_login(app, person.email, PASSWORD).browser
    assert "Rival" in again.get("/", headers={"Accept": "text/html"}).text


def test_a_suspended_organization_is_closed_to_its_people(app, company, sign_in):
    from app.tenancy.versions import bump_organization

    person = sign_in(company.admin)
    with platform_uow("vendor"):
        db.session.get(Organization, company.id).status = "suspended"
        bump_organization(company.id)
    assert person.get("/sales/accounts/").status_code in {302, 403}
    assert person.api("GET", "/api/v1/accounts/").status_code == 403
    assert re.search(r"<html", person.get("/").text)


def test_teams_are_made_changed_and_deleted_on_their_page(company, browser, actor):
    form = {"name": "North", "manager": str(company.sales.member_id)}
    assert browser.post("/users/teams/save", data=form).status_code == 302
    page = browser.get("/users/teams/").text
    assert "North" in page
    with tenant_scope(actor):
        team = queries.list_teams()[0]
        assert team.manager_id == company.sales.member_id
    assert browser.post("/users/teams/save", data={"id": str(team.id), "name": "South"}).status_code == 302
    with tenant_scope(actor):
        assert [(one.name, one.manager_id) for one in queries.list_teams()] == [("South", None)]
    assert browser.post(f"/users/teams/{team.id}/delete").status_code == 302
    assert "South" not in browser.get("/users/teams/").text


def test_a_sign_up_is_confirmed_by_a_whole_account_while_sign_up_is_on(app, run_jobs):
    email = address()
    ask_signup(app, email, f"Officine {uuid.uuid4().hex[:6]}")
    run_jobs()
    url = link(mails(email)[-1], "signup")
    _client, answer = accept(app, url, first_name=" ")
    assert answer.status_code == 422
    app.config["SIGNUP_ENABLED"] = False
    try:
        assert app.test_client().get(url).status_code == 404
    finally:
        app.config["SIGNUP_ENABLED"] = True
    assert accept(app, url)[1].status_code == 302


def test_the_home_page_of_somebody_who_may_nothing(company, browser, sign_in):
    with uow(company.admin.actor):
        role = roles.create_role("Nothing", actor=company.admin.actor).id
        roles.assign_roles(company.sales.member_id, {role}, actor=company.admin.actor)
    person = sign_in(company.sales)
    page = person.get("/")
    assert page.status_code == 200
    assert "/sales/" not in page.text.split("<main")[1]
    assert person.get("/sales/pipeline").status_code == 403
