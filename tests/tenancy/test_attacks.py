"""The holes of Flask-AppBuilder's security model, each attacked (design: fab.md, section 2)."""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from app.kernel.actor import Scope, system_actor
from app.kernel.db import db
from app.kernel.errors import Conflict, DomainError, Forbidden, Invalid
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import platform_uow, uow
from app.kernel.web.addresses import local_target
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.tenancy import queries
from app.tenancy.models import AuthSession, Membership, PermissionView, Role, RolePermission, UserRole
from app.tenancy.service import members, roles
from tests.architecture.walls import walls
from tests.cast import PASSWORD
from tests.tenancy.helpers import add_person, role_id, roles_of, share, token, try_login

# ── roles by name ────────────────────────────────────────────────────────────────────────────────

RESERVED = ["Super Admin", "Admin", "Public", "Org Admin", "Support Agent", "  super   ADMIN ", "vendor operations"]


@pytest.mark.parametrize("name", RESERVED)
def test_a_role_cannot_be_called_like_a_built_in_one(company, sign_in, name):
    admin = sign_in(company.admin)
    answer = admin.post("/roles/new", data={"name": name})
    assert answer.status_code == 422
    made = admin.post("/roles/new", data={"name": "Harmless"})
    assert made.status_code == 302
    role = made.location.rpartition("=")[2]
    assert admin.post(f"/roles/{role}/rename", data={"name": name}).status_code == 422
    with tenant_scope(system_actor(company.id)):
        assert {one.name for one in queries.list_roles()} == {*roles.SYSTEM_ROLES, "Harmless"}


@pytest.mark.parametrize("name", ["Super Admin", "Admin", "Public", "Support Agent"])
def test_a_role_with_a_built_in_name_gives_nothing_even_when_it_exists(app, company, sign_in, client, name):
    with platform_uow("vendor") as session:
        bad = Role(name=name, organization_id=company.id, is_system=True)
        session.add(bad)
        session.flush()
        session.add(UserRole(user_id=company.viewer.user_id, role_id=bad.id))
    actor = company.viewer.actor
    assert actor.vendor_roles == frozenset()
    assert not actor.can("manage", "branding")
    assert not actor.can("write", "roles")
    viewer = sign_in(company.viewer)
    for url in ("/platform/", "/platform/mail", "/platform/jobs"):
        assert viewer.get(url).status_code == 404
    assert viewer.get("/roles/list/").status_code == 403
    # A role called Public once broke every anonymous request.
    assert client.get("/login/").status_code == 200
    assert client.get("/api/v1/accounts/").status_code == 401


def test_a_vendor_role_without_the_account_flag_opens_nothing(app, company, stella, sign_in):
    """The vendor area asks for the flag of the account and for the role."""
    with platform_uow("vendor") as session:
        vendor_role = session.scalar(select(Role.id).where(Role.name == "Super Admin", Role.organization_id.is_(None)))
        session.add(UserRole(user_id=company.sales.user_id, role_id=vendor_role))
    assert sign_in(company.sales).get("/platform/").status_code == 404
    assert sign_in(stella).get("/platform/").status_code == 200


def test_vendor_roles_are_not_offered_or_accepted_in_an_organization(app, company, stella, sign_in):
    with platform_uow("vendor") as session:
        vendor_role = session.scalar(select(Role.id).where(Role.name == "Super Admin", Role.organization_id.is_(None)))
    admin = sign_in(company.admin)
    assert "Super Admin" not in admin.get("/roles/list/").text
    answer = admin.post(f"/users/{company.admin.member_id}/roles", data={"role": [str(vendor_role)]})
    assert answer.status_code == 404
    assert admin.get(f"/roles/list/?role={vendor_role}").status_code == 404
    assert roles_of(company.admin, company) == {"Org Admin"}


# ── any permission ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["menu_access Security", "read credential", "delete users", "write audit", "", "deal"])
def test_only_the_products_permissions_can_be_granted(company, sign_in, key):
    admin = sign_in(company.admin)
    role = role_id(company, "Sales Rep")
    answer = admin.api("POST", f"/roles/{role}/permissions", json={"permissions": {key: "all"}})
    assert answer.status_code == 422
    assert "permissions" in answer.json["errors"]


def test_an_unknown_scope_is_refused(company, sign_in):
    role = role_id(company, "Sales Rep")
    answer = sign_in(company.admin).api("POST", f"/roles/{role}/permissions", json={"permissions": {"read deal": "x"}})
    assert answer.status_code == 422


def test_a_bad_row_gives_nothing(app, company, monkeypatch):
    """Permissions that nobody may hand out, put straight into the table."""
    with platform_uow("vendor") as session:
        permission = PermissionView.permission.property.mapper.class_
        view_menu = PermissionView.view_menu.property.mapper.class_
        read = session.scalar(select(permission).where(permission.name == "can_read"))
        odd = session.scalar(select(permission).where(permission.name == "can_destroy")) or permission(
            name="can_destroy"
        )
        menu = session.scalar(select(view_menu).where(view_menu.name == "everything")) or view_menu(name="everything")
        deal = session.scalar(select(view_menu).where(view_menu.name == "deal"))
        session.add_all([odd, menu])
        session.flush()
        target = session.scalar(
            select(Role.id).where(Role.organization_id == company.id, Role.name == "Marketing Manager")
        )
        for left, right in ((read, menu), (odd, deal)):
            pair = session.scalar(
                select(PermissionView).where(
                    PermissionView.permission_id == left.id, PermissionView.view_menu_id == right.id
                )
            )
            if pair is None:
                pair = PermissionView()
                pair.permission_id, pair.view_menu_id = left.id, right.id
                session.add(pair)
                session.flush()
            session.add(RolePermission(role_id=target, permission_view_id=pair.id, scope="all"))
    held = company.marketing.actor.permissions
    assert "read everything" not in held
    assert "destroy deal" not in held
    # A resource that stops being assignable gives nothing from then on.
    from app.kernel.feature import registry

    assert company.admin.actor.can("read", "audit")
    tenancy = next(one for one in registry.features if one.name == "tenancy")
    changed = [replace(one, assignable=False) if one.name == "audit" else one for one in tenancy.resources]
    monkeypatch.setattr(tenancy, "resources", changed)
    assert not company.admin.actor.can("read", "audit")


def test_inviting_is_no_way_to_more_rights(app, company, sign_in):
    """Somebody who may only invite cannot make an Org Admin of a second address of theirs."""
    admin = sign_in(company.admin)
    made = admin.post("/roles/new", data={"name": "Inviter"})
    inviter = int(made.location.rpartition("=")[2])
    admin.api("POST", f"/roles/{inviter}/permissions",
              json={"permissions": {"read users": "all", "invite users": "all", "read deal": "own"}})  # fmt: skip
    with uow(system_actor(company.id)):
        roles.assign_roles(company.viewer.member_id, {inviter}, actor=system_actor(company.id))
    person = sign_in(company.viewer)
    mail = f"{uuid.uuid4().hex[:8]}@second.example"
    for name in ("Org Admin", "Sales Rep"):
        answer = person.post("/users/invite", data={"emails": mail, "role": role_id(company, name)})
        assert answer.status_code == 403, name
    assert person.post("/users/invite", data={"emails": mail, "role": inviter}).status_code == 302


# ── accounts belong to their person ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "/users/add", "/users/edit/1", "/users/show/1", "/users/delete/1", "/users/action/x/1", "/users/action_post",
        "/users/userinfo/", "/resetpassword/form", "/resetpassword/form?pk=1", "/resetmypassword/form",
        "/userinfoeditview/form", "/groups/list/", "/groups/add", "/userstatschartview/chart/", "/permissions/list/",
        "/viewmenus/list/", "/permissionviews/list/", "/register/form", "/registeruser/list/", "/roles/add",
        "/roles/edit/1", "/roles/show/1", "/roles/action_post", "/api/v1/security/users/", "/api/v1/security/roles/",
        "/api/v1/security/groups/", "/api/v1/security/permissions/", "/api/v1/security/resources/",
        "/api/v1/security/permissions-resources/", "/api/v1/security/refresh", "/api/v1/menu/", "/users/api/read",
        "/users/download/x", "/login/google",
    ],
)  # fmt: skip
def test_stock_security_screens_do_not_exist(company, sign_in, url):
    admin = sign_in(company.admin)
    assert admin.get(url).status_code in {404, 405}, url
    assert admin.post(url).status_code in {404, 405}, url


@pytest.mark.parametrize("wall", ["both", "guard"])
def test_an_admin_changes_the_roles_of_a_shared_person_in_their_own_organization_only(
    app, company, rival, sign_in, wall
):
    """Row-level security would hide the code's own check: it is looked at without it too."""
    with walls(wall):
        consultant = add_person(company, f"{uuid.uuid4().hex[:8]}@consultant.example", "Sales Rep")
        there = share(consultant, rival, "Sales Rep")
        admin = sign_in(company.admin)
        answer = admin.post(
            f"/users/{consultant.member_id}/roles", data={"role": [str(role_id(company, "Viewer"))]}
        )  # fmt: skip
        assert answer.status_code == 302
        assert roles_of(consultant, company) == {"Viewer"}
        assert roles_of(there, rival) == {"Sales Rep"}
        # Rival's membership of the same person, and Rival's roles, are unknown here.
        assert admin.post(f"/users/{there.member_id}/roles", data={"role": "1"}).status_code == 404
        foreign = role_id(rival, "Org Admin")
        assert admin.post(f"/users/{consultant.member_id}/roles", data={"role": [str(foreign)]}).status_code == 404
        # Removing the person here ends nothing there.
        assert admin.post(f"/users/{consultant.member_id}/remove").status_code == 302
        assert roles_of(consultant, company) == set()
        assert roles_of(there, rival) == {"Sales Rep"}
        assert sign_in(there).get("/sales/").status_code == 200


def test_an_admin_never_touches_a_persons_identity(app, company, sign_in):
    person = company.sales
    sign_in(company.admin).post(
        f"/users/{person.member_id}/update",
        data={"title": "Boss", "email": "x@evil.example", "password": "another-good-password", "active": "0"},
    )
    answer = try_login(app, person.email, PASSWORD)
    assert answer.status_code == 302
    with platform_scope("vendor"):
        user = queries.find_user(person.email)
        assert user.active
        assert user.email == person.email
        assert db.session.get(Membership, person.member_id).title == "Boss"


def test_groups_give_no_roles(app, company):
    """FAB's groups carry roles; the product's permissions never ask them."""
    with platform_uow("vendor") as session:
        admin_role = session.scalar(select(Role.id).where(Role.organization_id == company.id, Role.name == "Org Admin"))
        number = session.scalar(text("SELECT coalesce(max(id), 0) + 1 FROM ab_group"))
        session.execute(
            text("INSERT INTO ab_group (id, name) VALUES (:n, :name)"), {"n": number, "name": str(company.id)}
        )
        session.execute(
            text("INSERT INTO ab_group_role (id, group_id, role_id) VALUES (:n, :n, :r)"),
            {"n": number, "r": admin_role},
        )
        session.execute(
            text("INSERT INTO ab_user_group (id, group_id, user_id) VALUES (:n, :n, :u)"),
            {"n": number, "u": company.viewer.user_id},
        )
    assert not company.viewer.actor.can("write", "roles")


# ── the last admin ───────────────────────────────────────────────────────────────────────────────


def test_the_last_admin_stays(company, sign_in):
    admin = sign_in(company.admin)
    me = company.admin.member_id
    assert admin.post(f"/users/{me}/roles", data={"role": [str(role_id(company, "Viewer"))]}).status_code == 409
    assert admin.post(f"/users/{me}/remove").status_code == 409
    assert roles_of(company.admin, company) == {"Org Admin"}
    assert admin.post(f"/roles/{role_id(company, 'Org Admin')}/delete").status_code == 403
    answer = admin.api(
        "POST", f"/roles/{role_id(company, 'Org Admin')}/permissions", json={"permissions": {"write roles": None}}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("how", ["demote", "remove"])
def test_two_admins_cannot_undo_each_other_at_once(app, company, how):
    second = add_person(company, f"{uuid.uuid4().hex[:8]}@admin.example", "Org Admin")
    viewer = role_id(company, "Viewer")
    pairs = [(company.admin.actor, second.member_id), (second.actor, company.admin.member_id)]
    barrier, outcomes = threading.Barrier(2), []

    def act(actor, target):
        with app.app_context():
            barrier.wait(5)
            try:
                with uow(actor):
                    if how == "demote":
                        roles.assign_roles(target, {viewer}, actor=actor)
                    else:
                        members.remove_member(target, actor=actor)
                outcomes.append("done")
            except Conflict:
                outcomes.append("refused")

    threads = [threading.Thread(target=act, args=pair) for pair in pairs]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert sorted(outcomes) == ["done", "refused"]
    with tenant_scope(system_actor(company.id)):
        assert len(roles.admins()) == 1


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_foreign_related_id_is_an_error_and_leaves_no_stub(app, acme, rival, sign_in):
    with uow(system_actor(acme.id)) as session:
        target = Account(name=f"Target {uuid.uuid4().hex[:6]}")
        session.add(target)
    charlie = sign_in(rival.admin)
    for foreign in (str(target.id), str(uuid.uuid4())):
        answer = charlie.api("POST", "/api/v1/contacts/", json={"name": "Stub", "account": foreign})
        assert answer.status_code == 422
        assert set(answer.json["errors"]) == {"account"}
    first, second = (
        charlie.api("POST", "/api/v1/contacts/", json={"name": "Stub", "account": one}).json
        for one in (str(target.id), str(uuid.uuid4()))
    )
    assert first == second  # foreign and unknown cannot be told apart
    mine = charlie.api("POST", "/api/v1/contacts/", json={"name": "Mine"}).json["id"]
    for field, foreign in (("account", str(target.id)), ("owner", str(acme.admin.member_id))):
        answer = charlie.api("PUT", f"/api/v1/contacts/{mine}", json={field: foreign})
        assert answer.status_code == 422
        assert set(answer.json["errors"]) == {field}
    with platform_scope("vendor"):
        assert db.session.scalar(select(func.count()).select_from(Account).where(Account.id == target.id)) == 1
        assert db.session.get(Contact, uuid.UUID(mine)).account_id is None


def test_a_filter_by_a_foreign_record_finds_nothing(app, acme, rival, sign_in):
    with uow(system_actor(acme.id)) as session:
        target = Account(name=f"Filter {uuid.uuid4().hex[:6]}")
        session.add(target)
        session.flush()
        session.add(Contact(name="Hidden", account_id=target.id))
    charlie = sign_in(rival.admin)
    q = f"(filters:!((col:account,opr:rel_o_m,value:'{target.id}')))"
    found = charlie.api("GET", f"/api/v1/contacts/?q={q}")
    assert found.status_code in {200, 400}
    assert target.name not in found.text
    if found.status_code == 200:
        assert found.json["count"] == 0
    assert charlie.get(f"/sales/contacts/?f=account:in:{target.id}").text.count("Hidden") == 0


def test_organization_id_cannot_be_written(app, acme, rival, sign_in):
    charlie = sign_in(rival.admin)
    for key in ("organization_id", "organization", "created_by_id", "version_id"):
        answer = charlie.api("POST", "/api/v1/accounts/", json={"name": "X", key: str(acme.id)})
        assert answer.status_code == 422
        assert key in answer.json["errors"]


def test_error_texts_carry_no_sql(app, company, sign_in):
    admin = sign_in(company.admin)
    name = f"Twice {uuid.uuid4().hex[:6]}"
    assert admin.api("POST", "/api/v1/accounts/", json={"name": name}).status_code == 201
    answers = [
        admin.api("POST", "/api/v1/accounts/", json={"name": name}),
        admin.api("POST", "/api/v1/accounts/", json={"name": "x" * 5000}),
        admin.api("GET", "/api/v1/accounts/?q=(order_column:'1;drop')"),
        admin.api("GET", "/api/v1/accounts/?q=(filters:!((col:name,opr:'x',value:y)))"),
        admin.api("GET", "/api/v1/accounts/not-an-id"),
        admin.get("/sales/accounts/?f=name:bogus:1"),
        admin.get("/sales/accounts/show/' OR 1=1"),
    ]
    assert answers[0].status_code == 422
    assert "name" in answers[0].json["errors"]
    for one in answers:
        assert 400 <= one.status_code < 500
        assert not re.search(r"psycopg|sqlalchemy|SELECT |INSERT |uq_|constraint|Traceback|already exists", one.text)


# ── tokens, sessions, CSRF ───────────────────────────────────────────────────────────────────────


def bearer(app, person, **extra):
    client = app.test_client()
    # A request without a session still needs the token, or another site could sign a browser in.
    csrf = token(client)
    answer = client.post(
        "/api/v1/security/login",
        json={"username": person.email, "password": PASSWORD, **extra},
        headers={"X-CSRFToken": csrf},
    )
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}", "Accept": "application/json"}, answer.json


def test_a_token_names_its_organization_and_no_other_can_be_asked_for(app, company, acme, client):
    headers, answer = bearer(app, company.admin)
    assert answer["organization"] == company.slug
    assert client.get("/api/v1/accounts/", headers=headers).status_code == 200
    assert client.get("/api/v1/accounts/", headers={**headers, "X-Organization": company.slug}).status_code == 200
    for slug in (acme.slug, "nobody-has-this"):
        answer = client.get("/api/v1/accounts/", headers={**headers, "X-Organization": slug})
        assert answer.status_code == 404
        assert "result" not in answer.json


def test_a_consultants_token_reaches_both_organizations_by_the_header(app, company, rival, client):
    person = add_person(company, f"{uuid.uuid4().hex[:8]}@both.example", "Sales Rep")
    share(person, rival)
    headers, _answer = bearer(app, person)
    made = client.post(
        "/api/v1/accounts/", headers={**headers, "X-Organization": company.slug}, json={"name": "Only here"}
    )
    assert made.status_code == 201
    url = f"/api/v1/accounts/{made.json['id']}"
    assert client.get(url, headers={**headers, "X-Organization": company.slug}).status_code == 200
    assert client.get(url, headers={**headers, "X-Organization": rival.slug}).status_code == 404
    # A viewer there, whatever they are here.
    answer = client.post("/api/v1/accounts/", headers={**headers, "X-Organization": rival.slug}, json={"name": "No"})
    assert answer.status_code == 403


def test_a_revoked_or_expired_token_is_dead_at_the_next_request(app, company, client):
    headers, _answer = bearer(app, company.sales)
    assert client.get("/api/v1/accounts/", headers=headers).status_code == 200
    from app.tenancy.service.accounts.sessions import revoke_other_sessions

    with platform_uow("identity"):
        revoke_other_sessions(company.sales.user_id, None)
    answer = client.get("/api/v1/accounts/", headers=headers)
    assert answer.status_code == 401
    for bad in ("Bearer x", "Bearer ", "Bearer " + headers["Authorization"][7:-4] + "AAAA", "bearer a.b.c"):
        assert client.get("/api/v1/accounts/", headers={"Authorization": bad}).status_code == 401


def test_a_token_made_with_another_key_or_kind_is_refused(app, company, client):
    import jwt

    headers, _answer = bearer(app, company.sales)
    claims = jwt.decode(headers["Authorization"][7:], options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "another-secret-of-thirty-two-bytes!!", "HS256"),
        jwt.encode({**claims, "type": "refresh"}, app.config["JWT_SECRET_KEY"], "HS256"),
        jwt.encode({**claims, "sid": "nonsense"}, app.config["JWT_SECRET_KEY"], "HS256"),
        jwt.encode({key: one for key, one in claims.items() if key != "sid"}, app.config["JWT_SECRET_KEY"], "HS256"),
        jwt.encode(claims, None, "none"),
    ]
    for one in forged:
        answer = client.get("/api/v1/accounts/", headers={"Authorization": f"Bearer {one}"})
        assert answer.status_code == 401


def test_rest_with_a_cookie_needs_the_csrf_token_and_a_bearer_does_not(app, company, sign_in, client):
    person = sign_in(company.admin)
    for method, url in (("POST", "/api/v1/accounts/"), ("PUT", f"/api/v1/accounts/{uuid.uuid4()}"),
                        ("DELETE", f"/api/v1/accounts/{uuid.uuid4()}"), ("POST", "/users/invite"),
                        ("POST", "/logout/"), ("POST", "/settings/profile")):  # fmt: skip
        for headers in ({}, {"X-CSRFToken": "wrong"}, {"Authorization": "Basic eDp4"}):
            answer = person.client.open(url, method=method, json={"name": "Forged"}, headers=headers)
            assert answer.status_code == 400, (url, headers)
    # An empty bearer header on top of a cookie is no way round.
    answer = person.client.post("/api/v1/accounts/", json={"name": "Forged"}, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    headers, _answer = bearer(app, company.admin)
    assert client.post("/api/v1/accounts/", json={"name": "By token"}, headers=headers).status_code == 201
    with tenant_scope(system_actor(company.id)):
        assert db.session.scalars(select(Account.name)).all() == ["By token"]


def test_a_csrf_token_of_another_session_is_refused(company, acme, sign_in):
    mine, theirs = sign_in(company.admin), sign_in(acme.admin)
    answer = mine.client.post("/users/placeholders", data={"name": "X"}, headers={"X-CSRFToken": theirs.token})
    assert answer.status_code == 400


def test_a_session_cannot_be_moved_into_a_foreign_organization(app, company, acme, sign_in):
    """The active organization of a session is looked at again on every request."""
    person = sign_in(company.admin)
    with platform_uow("identity") as session:
        session.execute(
            AuthSession.__table__.update().where(AuthSession.user_id == company.admin.user_id).values(
                organization_id=acme.id
            )
        )  # fmt: skip
        session.execute(
            text("UPDATE ab_user SET last_organization_id = :o WHERE id = :u"),
            {"o": acme.id, "u": company.admin.user_id},
        )
    assert person.post(f"/switch/{acme.slug}").status_code == 404
    with person.client.session_transaction() as cookie:
        cookie["org_id"] = cookie["organization_id"] = str(acme.id)
    page = person.get("/settings/company").text
    assert "Acme" not in page
    assert sign_in(company.admin).get("/users/list/").text.count("alice@") == 0


def test_the_session_is_new_after_signing_in(app, company):
    client = app.test_client()
    csrf = token(client)
    with client.session_transaction() as cookie:
        cookie["planted"] = "by an attacker"
        cookie["sid"] = None
    before = client.get_cookie("stratikey").value
    client.post("/login/", data={"email": company.sales.email, "password": PASSWORD, "csrf_token": csrf})
    after = client.get_cookie("stratikey").value
    assert before != after
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert cookie["sid"]
    raw = app.test_client().get("/login/").headers.get_all("Set-Cookie")
    assert all("HttpOnly" in one and "SameSite=Lax" in one for one in raw if one.startswith("stratikey="))


def test_a_link_elsewhere_cannot_sign_out(company, sign_in):
    person = sign_in(company.sales)
    page = person.get("/logout/")
    assert page.status_code == 200
    assert 'method="post"' in page.text
    assert person.get("/sales/").status_code == 200
    assert person.client.post("/logout/").status_code == 400
    assert person.get("/sales/").status_code == 200
    assert person.post("/logout/").status_code == 302
    assert person.get("/sales/").status_code == 302


def test_signing_out_ends_the_session_itself_not_only_the_cookie(app, company, sign_in):
    person = sign_in(company.sales)
    stolen = person.client.get_cookie("stratikey").value
    person.post("/logout/")
    thief = app.test_client()
    thief.set_cookie("stratikey", stolen)
    assert thief.get("/sales/", headers={"Accept": "text/html"}).status_code == 302


def test_a_removed_member_and_a_changed_role_count_at_the_next_request(company, sign_in):
    admin, person = sign_in(company.admin), sign_in(company.sales)
    assert person.get("/sales/accounts/add").status_code == 200
    admin.post(f"/users/{company.sales.member_id}/roles", data={"role": [str(role_id(company, "Viewer"))]})
    assert person.get("/sales/accounts/add").status_code == 403
    admin.post(f"/users/{company.sales.member_id}/remove")
    answer = person.get("/sales/accounts/")
    assert answer.status_code in {302, 403}
    assert person.get("/").status_code == 200  # the account lives on, without an organization


def test_a_removed_person_can_neither_be_given_roles_nor_removed_twice(company, sign_in):
    admin = sign_in(company.admin)
    member = company.viewer.member_id
    assert admin.post(f"/users/{member}/remove").status_code == 302
    assert admin.post(f"/users/{member}/remove").status_code == 404
    answer = admin.post(f"/users/{member}/roles", data={"role": [str(role_id(company, "Org Admin"))]})
    assert answer.status_code == 404
    assert admin.post(f"/users/{member}/update", data={"title": "Ghost"}).status_code == 404
    assert roles_of(company.viewer, company) == set()


# ── oracles and redirects ────────────────────────────────────────────────────────────────────────


def test_inviting_tells_nothing_about_accounts_elsewhere(company, acme, sign_in):
    admin = sign_in(company.admin)
    role = role_id(company, "Viewer")
    known = admin.post("/users/invite", data={"emails": acme.sales.email, "role": role})
    unknown = admin.post("/users/invite", data={"emails": f"{uuid.uuid4().hex}@nobody.example", "role": role})
    assert known.status_code == unknown.status_code == 302
    assert known.location == unknown.location
    page = admin.get("/users/list/").text
    assert "Bob Seller" not in page


EVIL = ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "\t//evil.example",
        "javascript:alert(1)", "/\n/evil.example", "///evil.example", "http:evil.example", "/\r\nSet-Cookie: a=b"]  # fmt: skip


@pytest.mark.parametrize("target", EVIL)
def test_no_open_redirect(app, company, sign_in, target):
    assert local_target(target) is None
    client = app.test_client()
    answer = client.post(
        "/login/",
        query_string={"next": target},
        data={"email": company.sales.email, "password": PASSWORD, "csrf_token": token(client)},
    )
    assert answer.status_code == 302
    assert answer.location == "/"
    answer = sign_in(company.sales).post("/preferences", data={"theme": "dark", "next": target})
    assert answer.status_code == 302
    assert answer.location == "/"


def test_next_takes_people_to_the_page_they_wanted(app, company):
    client = app.test_client()
    first = client.get("/sales/accounts/?q=x", headers={"Accept": "text/html"})
    assert first.status_code == 302
    assert first.location.startswith("/login/?next=")
    answer = client.post(
        first.location, data={"email": company.sales.email, "password": PASSWORD, "csrf_token": token(client)}
    )
    assert answer.location == "/sales/accounts/?q=x"


def test_the_host_header_is_not_believed(app, company, client, run_jobs):
    from tests.tenancy.helpers import mails

    csrf = token(client)
    client.post(
        "/login/forgot",
        data={"email": company.viewer.email, "csrf_token": csrf},
        headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"},
    )
    run_jobs()
    body = mails(company.viewer.email)[-1].get_body(("plain",)).get_content()
    assert "evil.example" not in body
    assert app.config["PUBLIC_URL"] + "/login/reset/" in body
    answer = client.get("/sales/", headers={"Accept": "text/html", "X-Forwarded-Host": "evil.example"})
    assert answer.location.startswith("/login/")


# ── a preview writes nothing ─────────────────────────────────────────────────────────────────────


def test_seeing_as_a_role_is_read_only_and_never_widens(company, sign_in):
    admin = sign_in(company.admin)
    assert admin.post(f"/roles/{role_id(company, 'Sales Rep')}/see-as").status_code == 302
    assert admin.get("/sales/accounts/").status_code == 200
    assert admin.get("/users/list/").status_code == 403
    assert admin.api("POST", "/api/v1/accounts/", json={"name": "No"}).status_code == 403
    assert admin.post("/sales/accounts/add", data={"name": "No"}).status_code == 403
    assert admin.post("/see-as/stop").status_code == 302
    assert admin.get("/users/list/").status_code == 200
    # Without the right to read roles there is no preview at all.
    seller = sign_in(company.sales)
    assert seller.post(f"/roles/{role_id(company, 'Org Admin')}/see-as").status_code == 403
    with seller.client.session_transaction() as cookie:
        cookie["see_as"] = [role_id(company, "Org Admin"), "Org Admin"]
    assert seller.get("/users/list/").status_code == 403


def test_a_preview_writes_nothing_not_even_ones_own_things(app, company, rival, sign_in):
    """Not one's views, notifications, profile, password, second factor, sessions, preferences: nowhere."""
    person = share(company.admin, rival, "Org Admin")
    admin = sign_in(company.admin)
    saved = admin.post("/views/account/save", data={"state": "", "name": "Mine"})
    view = saved.location.rpartition("view=")[2]
    admin.post(f"/roles/{role_id(company, 'Org Admin')}/see-as")

    def state():
        # When somebody was last here is not a change of theirs.
        row = "to_jsonb(t) - '{last_seen_at,updated_at}'::text[]"
        rows = f"SELECT md5(string_agg(r::text, '' ORDER BY r::text)) FROM (SELECT {row} r FROM % t)"
        tables = ["saved_view", "ab_user", "credential", "auth_session", "notification", "audit_log", "membership"]
        with platform_scope("vendor"):
            return {one: db.session.scalar(text(rows.replace("%", one))) for one in tables}

    before = state()
    answers = {
        url: admin.post(url, data=data)
        for url, data in {
            "/views/account/save": {"state": "", "name": "Other"},
            f"/views/account/{view}/delete": {},
            "/notifications/read": {},
            "/settings/profile": {"first_name": "Changed", "last_name": "Name"},
            "/settings/security/password": {"current": PASSWORD, "password": "another-good-password"},
            "/settings/security/second-factor": {"code": "123456"},
            "/settings/security/second-factor/off": {"password": PASSWORD},
            "/settings/security/sessions/revoke-others": {},
            "/preferences": {"theme": "dark"},
            "/sales/accounts/add": {"name": "No"},
            f"/roles/{role_id(company, 'Viewer')}/see-as": {},
            "/nowhere-at-all": {},
        }.items()
    }
    assert {url: one.status_code for url, one in answers.items()} == dict.fromkeys(answers, 403)
    assert "Stop the preview first" in answers["/settings/profile"].text
    # A page that writes when it is only opened.
    assert admin.get("/settings/security/second-factor").status_code == 403
    for method, url in (("POST", "/api/v1/accounts/"), ("PUT", f"/api/v1/accounts/{uuid.uuid4()}"),
                        ("DELETE", f"/api/v1/accounts/{uuid.uuid4()}")):  # fmt: skip
        for slug in (company.slug, rival.slug):
            answer = admin.api(method, url, json={"name": "No"}, headers={"X-Organization": slug})
            assert answer.status_code == 403, (method, slug)
            assert "Stop the preview first" in answer.json["message"]
    assert state() == before
    assert person.user_id == company.admin.user_id
    # Reading goes on; the preview ends, and signing out works in it.
    assert admin.get("/settings/profile").status_code == 200
    assert admin.get("/notifications/").status_code == 200
    assert admin.api("GET", "/api/v1/accounts/").status_code == 200
    assert admin.post("/see-as/stop").status_code == 302
    assert admin.post("/preferences", data={"theme": "dark"}).status_code == 302
    admin.post(f"/roles/{role_id(company, 'Viewer')}/see-as")
    assert admin.post("/logout/").status_code == 302
    assert admin.get("/sales/").status_code == 302


def test_switching_the_organization_ends_a_preview(company, rival, sign_in):
    share(company.admin, rival, "Org Admin")
    admin = sign_in(company.admin)
    assert admin.post(f"/switch/{company.slug}").status_code == 302
    admin.post(f"/roles/{role_id(company, 'Viewer')}/see-as")
    assert admin.get("/users/list/").status_code == 403
    # An organization that is not one's own changes nothing, and the preview stays.
    assert admin.post("/switch/nowhere-at-all").status_code == 404
    assert admin.get("/users/list/").status_code == 403
    assert admin.post(f"/switch/{rival.slug}").status_code == 302
    assert "charlie@" in admin.get("/users/list/").text
    # Nor does it come back with the old organization.
    assert admin.post(f"/switch/{company.slug}").status_code == 302
    assert admin.get("/users/list/").status_code == 200
    assert admin.post("/preferences", data={"theme": "dark"}).status_code == 302


def test_a_preview_ends_with_its_role(company, sign_in):
    admin = sign_in(company.admin)
    made = admin.post("/roles/new", data={"name": "Passing"})
    role = made.location.rpartition("=")[2]
    admin.post(f"/roles/{role}/see-as")
    assert admin.get("/users/list/").status_code == 403
    assert sign_in(company.admin).post(f"/roles/{role}/delete").status_code == 302
    assert admin.get("/users/list/").status_code == 200


def test_verbs_check_the_actor_whatever_the_screen_did(app, company):
    viewer = company.viewer.actor
    someone = company.sales.member_id
    calls = [
        lambda: roles.create_role("Mine", actor=viewer),
        lambda: roles.assign_roles(viewer.member_id, {role_id(company, "Org Admin")}, actor=viewer),
        lambda: members.remove_member(someone, actor=viewer),
        lambda: members.add_placeholder("X", actor=viewer),
        lambda: members.save_team(None, actor=viewer, name="X"),
        lambda: members.update_member(someone, actor=viewer),
    ]
    for call in calls:
        with pytest.raises(Forbidden), uow(viewer):
            call()
    assert Scope.OWN.width < Scope.TEAM.width < Scope.ALL.width
    assert issubclass(Invalid, DomainError)
