"""API keys: a program's way in over REST, and everything that it must not open."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from app.kernel import clock, http
from app.kernel.actor import ActorKind, Scope, system_actor
from app.kernel.audit import AuditLog
from app.kernel.crypto import token_hash
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.feature import registry
from app.kernel.jobs import enqueue
from app.kernel.tenant import tenant_scope
from app.kernel.uow import platform_uow, uow
from app.sales.models.accounts import Account
from app.sales.queries import pipelines
from app.tenancy import queries
from app.tenancy.models import Organization, OrgApiKey
from app.tenancy.security.identity.api_keys import load_key
from app.tenancy.security.identity.memory import forget_everything
from app.tenancy.service import api_keys, members, roles
from tests.architecture.walls import superuser_engine, walls
from tests.tenancy.helpers import add_person

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)
ALL = ["read account", "write account", "read deal", "write deal"]


class Program:
    """A REST client with nothing but its secret."""

    def __init__(self, app: Any, secret: str) -> None:
        self.client, self.secret = app.test_client(use_cookies=False), secret

    def __call__(self, method: str, url: str, *, ip: str = "127.0.0.1", **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", **kwargs.pop("headers", {})}
        return self.client.open(url, method=method, headers=headers, environ_overrides={"REMOTE_ADDR": ip}, **kwargs)


def make(company: Any, name: str = "ERP", scopes: Any = ALL, **kwargs: Any) -> tuple[Any, str]:
    """A key of the company: (its id, its secret)."""
    actor = company.admin.actor
    with uow(actor):
        key, secret = api_keys.create_key(name, actor=actor, scopes=scopes, **kwargs)
        return key.id, secret


def stored(company: Any, key_id: Any) -> Any:
    with tenant_scope(system_actor(company.id)):
        key = queries.get_api_key(key_id)
        db.session.expunge(key)
        return key


# ── a key's life over REST ───────────────────────────────────────────────────────────────────────


def test_the_life_of_a_key(app, company, sign_in):
    admin = sign_in(company.admin)
    made = admin.api("POST", "/api/v1/api-keys/", json={"name": "ERP", "scopes": ["read account", "write account"]})
    assert made.status_code == 201, made.text
    secret, key_id = made.json["secret"], made.json["id"]
    assert secret.startswith("sk_") and len(secret) > 40
    assert made.json["result"]["prefix"] == secret[:11]
    program = Program(app, secret)
    created = program("POST", "/api/v1/accounts/", json={"name": "Made by a program"})
    assert created.status_code == 201, created.text
    found = program("GET", "/api/v1/accounts/")
    assert [one["name"] for one in found.json["result"]] == ["Made by a program"]
    changed = program("PATCH", f"/api/v1/accounts/{created.json['id']}", json={"city": "Lodi"})
    assert changed.status_code == 200
    assert "Set-Cookie" not in changed.headers
    listed = admin.api("GET", "/api/v1/api-keys/").json["result"]
    assert [one["name"] for one in listed] == ["ERP"]
    assert listed[0]["last_used_ip"] == "127.0.0.1" and listed[0]["last_used_at"]
    assert admin.api("GET", f"/api/v1/api-keys/{key_id}").json["result"]["revoked_at"] is None
    assert secret not in admin.api("GET", f"/api/v1/api-keys/{key_id}").text
    assert admin.api("DELETE", f"/api/v1/api-keys/{key_id}").status_code == 200
    refused = program("GET", "/api/v1/accounts/")
    assert refused.status_code == 401 and set(refused.json) == {"message"}
    assert admin.api("DELETE", f"/api/v1/api-keys/{key_id}").status_code == 200
    assert admin.api("GET", f"/api/v1/api-keys/{key_id}").json["result"]["revoked_at"]
    assert admin.api("POST", f"/api/v1/api-keys/{key_id}/rotate", json={}).status_code == 409
    # The name is free again.
    assert admin.api("POST", "/api/v1/api-keys/", json={"name": "erp", "scopes": ["read_only"]}).status_code == 201


def test_the_audit_log_names_the_key(app, company):
    key_id, secret = make(company, "Gestionale")
    answer = Program(app, secret)("POST", "/api/v1/accounts/", json={"name": "Audited"})
    with tenant_scope(system_actor(company.id)):
        row = db.session.scalar(db.select(AuditLog).where(AuditLog.entity_id == answer.json["id"]))
    assert (row.actor_kind, row.actor_label, row.source) == ("api_key", "Chiave API Gestionale", "api")
    assert row.actor_id == key_id and row.ip == "127.0.0.1"


def test_a_read_only_key_cannot_write(app, company):
    _key_id, secret = make(company, scopes=["read_only"])
    program = Program(app, secret)
    with uow(system_actor(company.id)) as session:
        account = Account(name="Stays")
        session.add(account)
        session.flush()
        url = f"/api/v1/accounts/{account.id}"
    assert program("GET", url).status_code == 200
    for method, address in (("POST", "/api/v1/accounts/"), ("PUT", url), ("PATCH", url), ("DELETE", url)):
        answer = program(method, address, json={"name": "Changed"})
        assert answer.status_code == 403, (method, answer.text)
        assert "message" in answer.json
    assert program("GET", url).json["result"]["name"] == "Stays"
    assert program("GET", "/api/v1/accounts/_info").json["permissions"] == ["can_read"]


def test_scopes_open_what_they_name_and_nothing_else(app, company):
    program = Program(app, make(company, scopes=["read account"])[1])
    assert program("GET", "/api/v1/accounts/").status_code == 200
    for name in ("contacts", "leads", "opportunities", "products", "activities", "pipelines", "api-keys"):
        answer = program("GET", f"/api/v1/{name}/")
        assert answer.status_code == 403, name
        assert "message" in answer.json


def test_every_rest_resource_answers_to_a_key_that_may(app, company):
    program = Program(app, make(company, scopes=["read_only"])[1])
    for one in registry.features:
        for api in one.apis:
            # Requests name people outside, and are for whoever decides them: reading alone is not enough.
            reads = api.method_permission_name.get("get_list", "read") == "read"
            expected = 200 if reads and registry.resources[api.class_permission_name].for_keys else 403
            assert program("GET", f"/api/v1/{api.resource_name}/").status_code == expected, api.resource_name
            assert program("GET", f"/api/{api.resource_name}").status_code == expected, api.resource_name
    deciding = Program(app, make(company, name="Desk", scopes=["read tasks", "write tasks", "manage tasks"])[1])
    for name in ("task-requests", "intake-forms"):
        assert deciding("GET", f"/api/v1/{name}/").status_code == 200, name


def test_writing_deals_needs_no_right_over_pipelines(app, company):
    program = Program(app, make(company, scopes=["read deal", "write deal"])[1])
    made = program("POST", "/api/v1/opportunities/", json={"title": "From the shop"})
    assert made.status_code == 201, made.text
    with tenant_scope(system_actor(company.id)):
        pipeline = pipelines.default_pipeline()
        first = pipelines.first_stage(pipeline.id)
        reason = pipelines.list_lost_reasons()[0]
        others = {"stage": str(first.id), "pipeline": str(pipeline.id)}
    # What it may not read is not named to it, neither in answers nor by being accepted.
    assert made.json["result"]["stage"] == {"id": str(first.id), "name": None}
    for key, value in others.items():
        refused = program("POST", "/api/v1/opportunities/", json={"title": "X", key: value})
        assert (refused.status_code, set(refused.json["errors"])) == (422, {key}), refused.text
    url = f"/api/v1/opportunities/{made.json['id']}"
    for verb, body, kind in (
        ("win", {}, "won"),
        ("reopen", {}, "open"),
        ("lose", {"lost_reason": str(reason.id)}, "lost"),
    ):
        answer = program("POST", f"{url}/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json["result"]["stage_kind"] == kind
    assert program("GET", "/api/v1/pipelines/").status_code == 403


# ── until when, from where ───────────────────────────────────────────────────────────────────────


def test_an_expired_key_is_refused_also_when_it_is_remembered(app, company):
    with clock.frozen(NOW):
        _key_id, secret = make(company, expires_at=NOW + dt.timedelta(days=30))
        program = Program(app, secret)
        assert program("GET", "/api/v1/accounts/").status_code == 200
    with clock.frozen(NOW + dt.timedelta(days=30)):
        assert program("GET", "/api/v1/accounts/").status_code == 401
    with clock.frozen(NOW + dt.timedelta(days=29)):
        assert program("GET", "/api/v1/accounts/").status_code == 200


@pytest.mark.parametrize(
    ("allowed", "ip", "status"),
    [
        (["203.0.113.7"], "203.0.113.7", 200),
        (["203.0.113.7"], "203.0.113.8", 403),
        (["203.0.113.0/24", "2001:db8::/32"], "203.0.113.200", 200),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::7", 200),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 200),
        (["203.0.113.0/24"], "2001:db8::7", 403),
        (["203.0.113.0/24"], "", 403),
    ],
)
def test_a_key_works_from_its_addresses_only(app, company, allowed, ip, status):
    _key_id, secret = make(company, ip_allow=allowed)
    answer = Program(app, secret)("GET", "/api/v1/accounts/", ip=ip)
    assert answer.status_code == status, answer.text
    assert status == 200 or set(answer.json) == {"message"}


def test_rotation_overlaps_and_ends(app, company, sign_in):
    with clock.frozen(NOW):
        key_id, first = make(company)
        actor = company.admin.actor
        old = Program(app, first)
        assert old("GET", "/api/v1/accounts/").status_code == 200
        with uow(actor):
            _key, second = api_keys.rotate_key(key_id, actor=actor, overlap_hours=24)
        new = Program(app, second)
        assert second != first
        assert [one("GET", "/api/v1/accounts/").status_code for one in (old, new)] == [200, 200]
    with clock.frozen(NOW + dt.timedelta(hours=23, minutes=59)):
        assert [one("GET", "/api/v1/accounts/").status_code for one in (old, new)] == [200, 200]
    with clock.frozen(NOW + dt.timedelta(hours=24)):
        assert [one("GET", "/api/v1/accounts/").status_code for one in (old, new)] == [401, 200]


def test_rotation_at_once_and_twice(app, company):
    key_id, first = make(company)
    actor = company.admin.actor
    with uow(actor):
        second = api_keys.rotate_key(key_id, actor=actor, overlap_hours=24)[1]
    with uow(actor):
        third = api_keys.rotate_key(key_id, actor=actor, overlap_hours=1)[1]
    ask = [Program(app, one)("GET", "/api/v1/accounts/").status_code for one in (first, second, third)]
    assert ask == [401, 200, 200]  # one old secret at a time
    with uow(actor):
        last = api_keys.rotate_key(key_id, actor=actor, overlap_hours=0)[1]
    ask = [Program(app, one)("GET", "/api/v1/accounts/").status_code for one in (second, third, last)]
    assert ask == [401, 401, 200]
    assert stored(company, key_id).prefix == last[:11]


def test_rotation_never_outlives_the_key(app, company):
    with clock.frozen(NOW):
        key_id, first = make(company, expires_at=NOW + dt.timedelta(hours=1))
        actor = company.admin.actor
        with uow(actor):
            api_keys.rotate_key(key_id, actor=actor, overlap_hours=24)
    with clock.frozen(NOW + dt.timedelta(hours=2)):
        assert Program(app, first)("GET", "/api/v1/accounts/").status_code == 401


def test_revoking_takes_effect_at_once_for_both_secrets(app, company):
    key_id, first = make(company)
    actor = company.admin.actor
    with uow(actor):
        second = api_keys.rotate_key(key_id, actor=actor)[1]
    programs = [Program(app, one) for one in (first, second)]
    assert [one("GET", "/api/v1/accounts/").status_code for one in programs] == [200, 200]  # remembered now
    with uow(actor):
        api_keys.revoke_key(key_id, actor=actor)
    assert [one("GET", "/api/v1/accounts/").status_code for one in programs] == [401, 401]


def test_a_suspended_organizations_key_is_refused(app, company):
    program = Program(app, make(company)[1])
    assert program("GET", "/api/v1/accounts/").status_code == 200
    with platform_uow("vendor") as session:
        session.get(Organization, company.id).status = "suspended"
        from app.tenancy.versions import bump_organization

        bump_organization(company.id)
    answer = program("GET", "/api/v1/accounts/")
    assert answer.status_code == 403 and "message" in answer.json


@pytest.mark.parametrize("secret", ["sk_", "sk_unknown", "sk_" + "a" * 43, "sk_" + "é" * 10, "sk_" + "x" * 5000])
def test_an_unknown_secret_is_refused(app, secret):
    answer = Program(app, secret)("GET", "/api/v1/accounts/", headers={})
    assert answer.status_code == 401
    assert set(answer.json) == {"message"}


# ── what a key never opens ───────────────────────────────────────────────────────────────────────

CLOSED = [
    "/", "/settings/profile", "/settings/security", "/settings/api-keys", "/users/list/", "/roles/list/",
    "/sales/accounts/", "/notifications/", "/search?q=a", "/platform/", "/swagger/v1", "/settings/audit",
]  # fmt: skip


@pytest.mark.parametrize("url", CLOSED)
def test_a_key_opens_no_screen(app, company, url):
    program = Program(app, make(company, scopes=["read_only"])[1])
    assert program("GET", url).status_code == 403
    assert program("POST", url, data={"first_name": "Taken"}).status_code == 403


def test_a_cookie_counts_for_nothing_beside_a_key(app, company, sign_in):
    _key_id, secret = make(company, scopes=["read account"])
    admin = sign_in(company.admin)
    header = {"Authorization": f"Bearer {secret}"}
    assert admin.api("GET", "/api/v1/leads/", headers=header).status_code == 403
    assert admin.api("GET", "/api/v1/accounts/", headers=header).status_code == 200
    assert admin.get("/settings/profile", headers=header).status_code == 403
    assert admin.client.post("/api/v1/accounts/", json={"name": "No"}, headers=header).status_code == 403


def test_keys_never_hold_rights_over_people_roles_and_keys(app, company, sign_in):
    assert not {one.split(" ")[1] for one in registry.key_permissions} & {"users", "roles", "api"}
    actor = company.admin.actor
    for scope in ("read api", "write api", "assign roles", "read users", "manage branding", "read nothing", ""):
        with pytest.raises(Invalid) as error, uow(actor):
            api_keys.create_key("Too much", actor=actor, scopes=["read account", scope])
        assert "scopes" in error.value.errors
    # Put into the table all the same, they give nothing.
    key_id, secret = make(company, scopes=["read account"])
    with uow(system_actor(company.id)) as session:
        session.get(OrgApiKey, key_id).scopes = ["read account", "read api", "write api", "assign roles"]
    known = load_key(secret)
    # Who may read records may read what was written about them.
    assert dict(known.actor.permissions) == {"read account": Scope.ALL, "read comment": Scope.ALL}
    program = Program(app, secret)
    assert program("GET", "/api/v1/api-keys/").status_code == 403
    assert program("POST", "/api/v1/api-keys/", json={"name": "Child", "scopes": ["read_only"]}).status_code == 403
    assert program("POST", f"/api/v1/api-keys/{key_id}/rotate", json={}).status_code == 403
    assert program("DELETE", f"/api/v1/api-keys/{key_id}").status_code == 403


def test_a_resource_that_keys_lose_is_lost_at_once(app, company, monkeypatch):
    """What the product lets keys do is asked at use, not only when the key was made."""
    from dataclasses import replace

    _key_id, secret = make(company, scopes=["read account", "read lead"])
    assert Program(app, secret)("GET", "/api/v1/leads/").status_code == 200
    sales = next(one for one in registry.features if one.name == "sales")
    changed = [replace(one, for_keys=False) if one.name == "lead" else one for one in sales.resources]
    monkeypatch.setattr(sales, "resources", changed)
    forget_everything()
    assert Program(app, secret)("GET", "/api/v1/leads/").status_code == 403
    assert Program(app, secret)("GET", "/api/v1/accounts/").status_code == 200


def _key_maker(company: Any, sign_in: Any, **permissions: str) -> Any:
    """Somebody who may make keys and little else; their actor."""
    admin = sign_in(company.admin)
    made = admin.post("/roles/new", data={"name": "Key maker"})
    number = int(made.location.rpartition("=")[2])
    held = {"read api": "all", "write api": "all", **{key.replace("_", " "): one for key, one in permissions.items()}}
    assert admin.api("POST", f"/roles/{number}/permissions", json={"permissions": held}).status_code == 200
    person = add_person(company, f"maker@{company.slug}.example", "Key maker")
    return person


def test_a_key_cannot_do_more_than_its_maker(company, sign_in):
    actor = _key_maker(company, sign_in, read_account="all", read_deal="own").actor
    assert api_keys.offered(actor) == ["read account"]  # own deals are no key's matter
    for scope in ("write account", "read deal", "read lead"):
        with pytest.raises(Forbidden), uow(actor):
            api_keys.create_key("Too much", actor=actor, scopes=["read account", scope])
    with uow(actor):
        key, _secret = api_keys.create_key("Fits", actor=actor, scopes=["read_only"])
        assert key.scopes == ["read account"]
    # Nor is rotating somebody else's key a way to its rights.
    key_id, _secret = make(company, "Strong")
    with pytest.raises(Forbidden), uow(actor):
        api_keys.rotate_key(key_id, actor=actor)


def test_a_key_outlives_whoever_made_it(app, company):
    """It is the organization's: features.md 7.2, decision 6."""
    other = add_person(company, f"second@{company.slug}.example", "Org Admin")
    with uow(other.actor):
        _key, secret = api_keys.create_key("Stays", actor=other.actor, scopes=["read account"])
    actor = company.admin.actor
    with uow(actor):
        members.remove_member(other.member_id, actor=actor)
    assert Program(app, secret)("GET", "/api/v1/accounts/").status_code == 200


def test_a_key_owns_nothing_and_is_nobody(app, company):
    _key_id, secret = make(company)
    actor = load_key(secret).actor
    assert actor.kind is ActorKind.API_KEY
    assert actor.member_id is None and actor.user_id is None
    assert not actor.covers(Scope.OWN, None)
    with tenant_scope(actor), pytest.raises(Forbidden):
        enqueue("sales.run_import", {})
    _key_id, secret = make(company, "With the board", [*ALL, "read pipeline"])
    made = Program(app, secret)("POST", "/api/v1/opportunities/", json={"title": "From outside"})
    assert made.status_code == 201, made.text
    assert made.json["result"]["owner"] is None


# ── tenants ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
def test_a_key_sees_its_own_organization_only(app, company, rival, which):
    with uow(system_actor(rival.id)) as session:
        theirs = Account(name=f"Rival's {which} {company.slug}")
        session.add(theirs)
        session.flush()
        foreign = theirs.id
    program = Program(app, make(company)[1])
    with walls(which):
        assert program("GET", f"/api/v1/accounts/{foreign}").status_code == 404
        assert program("PATCH", f"/api/v1/accounts/{foreign}", json={"name": "Taken"}).status_code == 404
        assert program("GET", "/api/v1/accounts/").json["count"] == 0


def test_the_organization_is_the_keys_own(app, company, rival):
    program = Program(app, make(company)[1])
    own, other = {"X-Organization": company.slug}, {"X-Organization": rival.slug}
    assert program("GET", "/api/v1/accounts/", headers=own).status_code == 200
    assert program("GET", "/api/v1/accounts/", headers=other).status_code == 404
    assert program("GET", "/api/v1/accounts/", headers={"X-Organization": "nobody"}).status_code == 404


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
def test_keys_of_another_organization_are_unknown(company, rival, which):
    key_id, _secret = make(company, f"Hidden {which}")
    actor = rival.admin.actor
    with walls(which):
        with tenant_scope(actor):
            assert key_id not in {one.id for one in queries.list_api_keys()}
        for verb in (api_keys.rotate_key, api_keys.revoke_key):
            with pytest.raises(NotFound), uow(actor):
                verb(key_id, actor=actor)


# ── input ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "scopes": ["read account"]}, "name"),
        ({"name": "x", "scopes": ["read account"]}, "name"),
        ({"name": "A" * 81, "scopes": ["read account"]}, "name"),
        ({"name": "No scopes"}, "scopes"),
        ({"name": "Bad scopes", "scopes": "read account"}, "scopes"),
        ({"name": "Bad scopes", "scopes": [1]}, "scopes"),
        ({"name": "Past", "scopes": ["read account"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "Odd", "scopes": ["read account"], "expires_at": "soon"}, "expires_at"),
        ({"name": "IP", "scopes": ["read account"], "ip_allow": ["nowhere"]}, "ip_allow"),
        ({"name": "IP", "scopes": ["read account"], "ip_allow": ["fe80::1%eth0"]}, "ip_allow"),
        ({"name": "IP", "scopes": ["read account"], "ip_allow": ["10.0.0.0/33"]}, "ip_allow"),
        ({"name": "IP", "scopes": ["read account"], "ip_allow": [f"10.0.0.{n}" for n in range(60)]}, "ip_allow"),
        ({"name": "Hash", "scopes": ["read account"], "prefix": "sk_mine"}, "prefix"),
    ],
)
def test_bad_input_is_answered_in_words(company, sign_in, body, field):
    answer = sign_in(company.admin).api("POST", "/api/v1/api-keys/", json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.json["errors"], answer.json


def test_a_long_network_is_kept_whole(company):
    key_id, _secret = make(
        company, ip_allow=["2001:0db8:1111:2222:3333:4444:5555:6666/128", "10.1.2.3/8", "10.0.0.0/8"]
    )
    assert stored(company, key_id).ip_allow == ["2001:db8:1111:2222:3333:4444:5555:6666/128", "10.0.0.0/8"]


def test_a_name_is_taken_once_and_keys_have_a_limit(company, monkeypatch):
    make(company, "Twice")
    with pytest.raises(Invalid) as error:
        make(company, "TWICE")
    assert "name" in error.value.errors
    monkeypatch.setattr(api_keys, "MAX_KEYS", 1)
    with pytest.raises(Conflict):
        make(company, "One too many")


# ── the secret, the cost, the limit ──────────────────────────────────────────────────────────────


def test_the_secret_is_nowhere(app, company, sign_in, capfd):
    admin = sign_in(company.admin)
    made = admin.api(
        "POST",
        "/api/v1/api-keys/",
        json={"name": "Quiet", "scopes": ["read_only"]},
        headers={"Idempotency-Key": "only-once"},
    )
    secrets = [made.json["secret"]]
    rotated = admin.api(
        "POST", f"/api/v1/api-keys/{made.json['id']}/rotate", json={}, headers={"Idempotency-Key": "only-twice"}
    )
    secrets.append(rotated.json["secret"])
    page = admin.post("/settings/api-keys", data={"name": "Page", "access": "read_only", "days": "90"})
    assert page.status_code == 200
    key = stored(company, made.json["id"])
    secrets.append(page.text.split('id="api-secret">')[1].split("<")[0])
    for secret in secrets:
        Program(app, secret)("GET", "/api/v1/accounts/")
        assert secret not in admin.get("/settings/api-keys").text
        assert secret not in admin.get("/settings/audit").text
    assert key.secret_hash == token_hash(secrets[1]) and key.previous_hash == token_hash(secrets[0])
    out = "".join(capfd.readouterr())
    engine = superuser_engine()
    with engine.connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        for secret in secrets:
            assert secret not in out
            for table in tables:
                query = text(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE :part')
                # The end of the secret: its start is shown on purpose.
                assert connection.scalar(query, {"part": f"%{secret[11:]}%"}) == 0, table
    engine.dispose()
    with tenant_scope(system_actor(company.id)):
        for row in db.session.scalars(db.select(AuditLog).where(AuditLog.entity == "api_key")):
            assert key.secret_hash not in str(row.changes) and key.previous_hash not in str(row.changes)


def test_a_warm_key_costs_no_query_of_its_own(app, company, sign_in, counting):
    program = Program(app, make(company)[1])
    admin = sign_in(company.admin)
    url = "/api/v1/accounts/"
    for _turn in range(2):
        program("GET", url)
        admin.api("GET", url)
    with counting() as by_cookie:
        assert admin.api("GET", url).status_code == 200
    with counting() as by_key:
        assert program("GET", url).status_code == 200
    assert len(by_key) == len(by_cookie)
    assert not [one for one in by_key if "api_key" in one]


def test_last_use_is_written_every_few_minutes_only(app, company, counting):
    with clock.frozen(NOW):
        key_id, secret = make(company)
        program = Program(app, secret)
        program("GET", "/api/v1/accounts/", ip="203.0.113.5")
        assert stored(company, key_id).last_used_at == NOW
    with clock.frozen(NOW + dt.timedelta(minutes=4)), counting() as statements:
        program("GET", "/api/v1/accounts/", ip="203.0.113.6")
    assert not [one for one in statements if one.startswith("UPDATE")]
    with clock.frozen(NOW + dt.timedelta(minutes=6)):
        program("GET", "/api/v1/accounts/", ip="203.0.113.7")
    key = stored(company, key_id)
    assert key.last_used_at == NOW + dt.timedelta(minutes=6)
    assert key.last_used_ip == "203.0.113.7"
    assert key.version == 1  # being used changes nothing about it
    with tenant_scope(system_actor(company.id)):
        rows = db.session.scalars(db.select(AuditLog.action).where(AuditLog.entity_id == str(key_id))).all()
    assert rows == ["created"]


@pytest.mark.usefixtures("limited")
def test_a_key_has_a_rate_of_its_own(app, company, monkeypatch):
    monkeypatch.setattr(http, "KEY_RATE", "3 per hour")
    busy, calm = Program(app, make(company, "Busy")[1]), Program(app, make(company, "Calm")[1])
    assert [busy("GET", "/api/v1/accounts/", ip=f"10.0.0.{n}").status_code for n in range(3)] == [200] * 3
    answer = busy("GET", "/api/v1/opportunities/", ip="10.0.0.9")
    assert answer.status_code == 429 and answer.headers["Retry-After"]
    assert "message" in answer.json
    assert calm("GET", "/api/v1/accounts/").status_code == 200
    assert app.test_client().get("/login/").status_code == 200


def test_openapi_says_how_to_send_a_key(app, company, sign_in):
    document = sign_in(company.admin).api("GET", "/api/v1/_openapi").json
    scheme = document["components"]["securitySchemes"]["api_key"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "sk_…")
    assert {"api_key": []} in document["paths"]["/api/v1/accounts/"]["get"]["security"]
    own = document["paths"]["/api/v1/api-keys/"]
    assert own["post"]["security"] == [{"jwt": []}]
    assert "secret" in str(own["post"]["responses"]["201"])
    assert set(document["paths"]["/api/v1/api-keys/{pk}"]) == {"get", "delete"}
    assert set(document["paths"]["/api/v1/pipelines/"]) == {"get"}


# ── the screen ───────────────────────────────────────────────────────────────────────────────────


def test_the_screen_from_the_first_key_to_the_last(app, company, sign_in):
    admin = sign_in(company.admin)
    assert "No API key yet" in admin.get("/settings/api-keys").text
    bad = admin.post("/settings/api-keys", data={"name": "", "access": "custom", "days": "90"})
    assert bad.status_code == 422
    assert "data-autoopen" in bad.text
    form = {"name": "Web shop", "access": "custom", "scope": ["read product", "read account"], "days": "30"}
    page = admin.post("/settings/api-keys", data={**form, "ip_allow": "127.0.0.1\n203.0.113.0/24"})
    assert page.status_code == 200, page.text[:300]
    secret = page.text.split('id="api-secret">')[1].split("<")[0]
    assert Program(app, secret)("GET", "/api/v1/products/").status_code == 200
    again = admin.post("/settings/api-keys", data=form)
    assert again.status_code == 422  # a reload does not make a second one
    listed = admin.get("/settings/api-keys").text
    assert "Web shop" in listed and secret[:11] in listed and "127.0.0.1" in listed
    with tenant_scope(system_actor(company.id)):
        key_id = queries.list_api_keys()[0].id
    turned = admin.post(f"/settings/api-keys/{key_id}/rotate", data={"hours": "1"})
    second = turned.text.split('id="api-secret">')[1].split("<")[0]
    assert second != secret
    assert "Rotating" in admin.get("/settings/api-keys").text
    assert admin.post(f"/settings/api-keys/{key_id}/rotate", data={"hours": "5"}).status_code == 422
    gone = admin.post(f"/settings/api-keys/{key_id}/revoke")
    assert gone.status_code == 302
    assert "Revoked" in admin.get("/settings/api-keys").text
    assert Program(app, second)("GET", "/api/v1/products/").status_code == 401


def test_nobody_but_admins_sees_the_screen(company, sign_in):
    for person in (company.viewer, company.sales, company.marketing):
        browser = sign_in(person)
        assert browser.get("/settings/api-keys").status_code == 403
        assert browser.api("GET", "/api/v1/api-keys/").status_code == 403
        assert "/settings/api-keys" not in browser.get("/settings/profile").text
    assert "/settings/api-keys" in sign_in(company.admin).get("/settings/profile").text


def test_the_list_costs_the_same_with_three_times_the_keys(company, sign_in, counting):
    admin = sign_in(company.admin)
    seen = []
    for start, stop in ((0, 3), (3, 9)):
        for number in range(start, stop):
            make(company, f"Key {number}")
        admin.get("/settings/api-keys")
        with counting() as statements:
            assert admin.get("/settings/api-keys").status_code == 200
        with counting() as by_rest:
            admin.api("GET", "/api/v1/api-keys/")
        seen.append((len(statements), len(by_rest)))
    assert seen[0] == seen[1]


def test_only_org_admin_gets_the_permission_by_default(app: Any):
    assert roles.default_permissions("Org Admin")["write api"] is Scope.ALL
    for name in ("Marketing Manager", "Sales Rep", "Viewer"):
        assert not [one for one in roles.default_permissions(name) if one.endswith(" api")]
