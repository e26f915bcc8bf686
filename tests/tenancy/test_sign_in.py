"""Sign-in, second factor, password, sessions, profile."""

from __future__ import annotations

import datetime as dt
import io
import re
import uuid

import pyotp
import pytest
from PIL import Image

from app.kernel import clock, crypto
from app.kernel.db import db
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import AuthSession, Credential, Membership
from app.tenancy.service.accounts.passwords import _reset_mark
from tests.cast import PASSWORD
from tests.tenancy.helpers import link, mails, token, try_login

NEW = "an-even-better-password"


def test_a_wrong_password_and_an_unknown_address_answer_alike(app, company):
    wrong = try_login(app, company.sales.email, "not-the-password")
    unknown = try_login(app, f"{uuid.uuid4().hex}@nobody.example", "not-the-password")
    assert wrong.status_code == unknown.status_code == 401

    def plain(text):
        return re.sub(r'value="[^"]*"|content="[^"]*"|nonce="[^"]*"', "", text)

    assert plain(wrong.text) == plain(unknown.text)


def test_after_eight_wrong_passwords_both_wait(app, company):
    """An account and an address that nobody has cannot be told apart by the lock either."""
    answers = {}
    for address in (company.viewer.email, f"{uuid.uuid4().hex}@nobody.example"):
        answers[address] = [try_login(app, address, "wrong").status_code for _ in range(8)]
        locked = try_login(app, address, PASSWORD)
        answers[address] += [locked.status_code, bool(int(locked.headers.get("Retry-After", 60)) > 0)]
    first, second = answers.values()
    assert first == second == [401] * 8 + [429, True]
    with clock.frozen(clock.now() + dt.timedelta(minutes=16)):
        assert try_login(app, company.viewer.email, PASSWORD).status_code == 302


def test_a_right_password_forgives_the_wrong_ones(app, company):
    for _round in range(2):
        for _ in range(7):
            try_login(app, company.viewer.email, "wrong")
        assert try_login(app, company.viewer.email, PASSWORD).status_code == 302


@pytest.mark.parametrize(
    "email", ["", "\x00", "a" * 5000, "x@\ud800".encode("utf-8", "replace").decode(), "' OR 1=1 --"]
)
def test_odd_addresses_are_just_wrong(app, email):
    assert try_login(app, email, "\x00pw").status_code in {400, 401, 422}


def test_an_inactive_account_cannot_sign_in_and_its_sessions_end(app, company, sign_in):
    person = sign_in(company.viewer)
    with platform_uow("vendor"):
        queries.find_user(company.viewer.email).active = False
        from app.tenancy.versions import bump_user

        bump_user(company.viewer.user_id)
    assert person.get("/sales/").status_code == 302
    assert try_login(app, company.viewer.email, PASSWORD).status_code == 401


# ── second factor ────────────────────────────────────────────────────────────────────────────────


def turn_on(person, at):
    with clock.frozen(at):
        page = person.get("/settings/security/second-factor")
        secret = re.search(r"\b([A-Z2-7]{32})\b", page.text.replace(" ", "")).group(1)
        wrong = person.post("/settings/security/second-factor", data={"code": "000000"})
        assert wrong.status_code == 422
        code = pyotp.TOTP(secret).at(at)
        done = person.post("/settings/security/second-factor", data={"code": code})
        assert done.status_code == 200
    codes = re.findall(r">\s*([a-z0-9]{4}-[a-z0-9]{4})\s*<", done.text)
    assert len(codes) == 10
    return secret, codes


def code_step(app, browser, code, at):
    with clock.frozen(at):
        return browser.post("/login/code", data={"code": code, "csrf_token": token(browser, "/login/code")})


def pending(app, email, at):
    with clock.frozen(at):
        answer = try_login(app, email, PASSWORD)
    assert answer.status_code == 302
    assert "/login/code" in answer.location
    return answer.browser


def test_the_second_factor_from_on_to_off(app, company, sign_in):
    person = sign_in(company.sales)
    start = clock.now()
    secret, codes = turn_on(person, start)
    with platform_scope("identity"):
        stored = db.session.get(Credential, company.sales.user_id)
        assert secret not in stored.totp_secret
        assert codes[0] not in str(stored.recovery_codes)
        assert db.session.get(Membership, company.sales.member_id).two_factor is True
    totp = pyotp.TOTP(secret)
    # The code that turned it on is spent.
    browser = pending(app, company.sales.email, start)
    assert code_step(app, browser, totp.at(start), start).status_code == 401
    assert browser.get("/sales/", headers={"Accept": "text/html"}).status_code == 302
    later = start + dt.timedelta(seconds=60)
    assert code_step(app, browser, totp.at(later), later).status_code == 302
    # The same code is refused the second time, in another browser.
    again = pending(app, company.sales.email, later)
    assert code_step(app, again, totp.at(later), later).status_code == 401
    # A recovery code works once.
    assert code_step(app, again, codes[0].upper(), later).status_code == 302
    third = pending(app, company.sales.email, later)
    assert code_step(app, third, codes[0], later).status_code == 401
    assert code_step(app, third, codes[1].replace("-", ""), later).status_code == 302
    # Off needs the password.
    assert person.post("/settings/security/second-factor/off", data={"password": "wrong"}).status_code == 422
    assert person.post("/settings/security/second-factor/off", data={"password": PASSWORD}).status_code == 302
    plain = try_login(app, company.sales.email, PASSWORD)
    assert plain.status_code == 302
    assert plain.location == "/"


def test_codes_cannot_be_guessed_by_starting_over(app, company, sign_in):
    """A right password between the wrong codes does not reset their count."""
    start = clock.now()
    _secret, _codes = turn_on(sign_in(company.sales), start)
    with clock.frozen(start + dt.timedelta(seconds=90)):
        statuses = []
        for _round in range(4):
            answer = try_login(app, company.sales.email, PASSWORD)
            if answer.status_code != 302:
                statuses.append(answer.status_code)
                break
            for _ in range(3):
                page = {"code": "000000", "csrf_token": token(answer.browser, "/login/code")}
                statuses.append(answer.browser.post("/login/code", data=page).status_code)
        assert statuses[:8] == [401] * 8
        assert 429 in statuses[8:]
        answer = try_login(app, company.sales.email, PASSWORD)
        assert answer.status_code == 429


def test_a_token_needs_the_second_factor_too(app, company, sign_in):
    start = clock.now()
    secret, _codes = turn_on(sign_in(company.sales), start)
    later = start + dt.timedelta(seconds=90)
    client = app.test_client()
    headers = {"X-CSRFToken": token(client)}
    body = {"username": company.sales.email, "password": PASSWORD}
    with clock.frozen(later):
        for extra in ({}, {"code": "000000"}, {"code": None}, {"code": 123456}, {"code": [1]}):
            answer = client.post("/api/v1/security/login", json={**body, **extra}, headers=headers)
            assert answer.status_code == 401, extra
        right = client.post(
            "/api/v1/security/login", json={**body, "code": pyotp.TOTP(secret).at(later)}, headers=headers
        )
    assert right.status_code == 200


def test_the_half_signed_in_state_expires_and_opens_nothing(app, company, sign_in):
    start = clock.now()
    _secret, _codes = turn_on(sign_in(company.sales), start)
    browser = pending(app, company.sales.email, start)
    assert browser.get("/settings/profile", headers={"Accept": "text/html"}).status_code == 302
    with clock.frozen(start + dt.timedelta(seconds=400)):
        assert browser.get("/login/code").location.startswith("/login/")


# ── password ─────────────────────────────────────────────────────────────────────────────────────


def test_changing_the_password_ends_the_other_sessions(app, company, sign_in):
    here, there = sign_in(company.sales), sign_in(company.sales)
    bad = here.post("/settings/security/password", data={"current": "wrong", "password": NEW})
    assert bad.status_code == 422
    for weak in ("short", "aaaaaaaaaaaa", "x" * 201):
        answer = here.post("/settings/security/password", data={"current": PASSWORD, "password": weak})
        assert answer.status_code == 422
    assert there.get("/sales/").status_code == 200
    assert here.post("/settings/security/password", data={"current": PASSWORD, "password": NEW}).status_code == 302
    assert here.get("/sales/").status_code == 200
    assert there.get("/sales/").status_code == 302
    assert try_login(app, company.sales.email, PASSWORD).status_code == 401
    assert try_login(app, company.sales.email, NEW).status_code == 302


def ask_reset(app, email):
    client = app.test_client()
    return client.post("/login/forgot", data={"email": email, "csrf_token": token(client, "/login/forgot")})


def test_a_reset_link_works_once_and_ends_every_session(app, company, sign_in, run_jobs):
    person = sign_in(company.viewer)
    known, unknown = ask_reset(app, company.viewer.email), ask_reset(app, "nobody@nowhere.example")
    assert known.status_code == unknown.status_code == 200
    run_jobs()
    assert mails("nobody@nowhere.example") == []
    url = link(mails(company.viewer.email)[-1], "login/reset")
    client = app.test_client()
    assert client.get(url).status_code == 200
    csrf = token(client, url)
    assert client.post(url, data={"password": "short", "csrf_token": csrf}).status_code == 422
    assert client.post(url, data={"password": NEW, "csrf_token": csrf}).status_code == 302
    assert person.get("/sales/").status_code == 302
    assert client.get(url).status_code == 404
    assert client.post(url, data={"password": PASSWORD, "csrf_token": csrf}).status_code == 404
    assert try_login(app, company.viewer.email, NEW).status_code == 302


def test_a_reset_link_lives_an_hour_and_cannot_be_made_up(app, company, client):
    with platform_uow("identity"):
        credential = db.session.get(Credential, company.viewer.user_id)
        mark = _reset_mark(credential)
    link_ = crypto.sign([company.viewer.user_id, mark], purpose="password-reset")
    assert client.get(f"/login/reset/{link_}").status_code == 200
    with clock.frozen(clock.now() + dt.timedelta(minutes=59)):
        assert client.get(f"/login/reset/{link_}").status_code == 200
    with clock.frozen(clock.now() + dt.timedelta(minutes=61)):
        assert client.get(f"/login/reset/{link_}").status_code == 404
    for bad in (crypto.sign([company.viewer.user_id, mark], purpose="file"), link_[:-3] + "xxx", "x",
                crypto.sign([company.viewer.user_id, "0" * 16], purpose="password-reset")):  # fmt: skip
        assert client.get(f"/login/reset/{bad}").status_code == 404


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────


def test_sessions_are_listed_and_revoked_one_by_one(app, company, acme, sign_in):
    here, there = sign_in(company.sales), sign_in(company.sales)
    with there.client.session_transaction() as cookie:
        other = cookie["sid"]
    assert here.get("/settings/security").text.count(other) >= 1
    # Nobody ends somebody else's session.
    assert sign_in(acme.sales).post(f"/settings/security/sessions/{other}/revoke").status_code == 404
    assert sign_in(company.admin).post(f"/settings/security/sessions/{other}/revoke").status_code == 404
    assert there.get("/sales/").status_code == 200
    assert here.post(f"/settings/security/sessions/{other}/revoke").status_code == 302
    assert there.get("/sales/").status_code == 302
    third = sign_in(company.sales)
    assert here.post("/settings/security/sessions/revoke-others").status_code == 302
    assert third.get("/sales/").status_code == 302
    assert here.get("/sales/").status_code == 200


def test_a_session_ends_after_twelve_hours_and_remembered_ones_after_thirty_days(app, company):
    short = try_login(app, company.sales.email, PASSWORD)
    long = try_login(app, company.sales.email, PASSWORD, remember="1")
    with platform_scope("identity"):
        lengths = sorted(
            (one.expires_at - one.created_at)
            for one in db.session.scalars(db.select(AuthSession).where(AuthSession.user_id == company.sales.user_id))
        )
    assert [round(one / dt.timedelta(hours=1)) for one in lengths] == [12, 720]
    from app.tenancy.security.identity.memory import forget_everything

    with clock.frozen(clock.now() + dt.timedelta(hours=13)):
        forget_everything()
        assert short.browser.get("/sales/", headers={"Accept": "text/html"}).status_code == 302
        assert long.browser.get("/sales/", headers={"Accept": "text/html"}).status_code == 200


# ── profile ──────────────────────────────────────────────────────────────────────────────────────

GOOD = {"first_name": "Samuele", "last_name": "Rossi", "locale": "it", "timezone": "Europe/Rome", "theme": "light"}


def test_the_profile_changes_name_language_and_theme_everywhere(company, sign_in):
    person = sign_in(company.sales)
    assert person.post("/settings/profile", data=GOOD).status_code == 302
    page = person.get("/settings/profile")
    assert "Samuele" in page.text
    assert '<html lang="it"' in page.text
    assert 'data-theme="light"' in page.text
    assert "Samuele Rossi" in sign_in(company.admin).get("/users/list/").text


@pytest.mark.parametrize(
    ("key", "value"),
    [("first_name", ""), ("last_name", "x" * 65), ("locale", "xx"), ("timezone", "Mars/Base"), ("theme", "pink")],
)
def test_a_bad_value_in_the_profile_is_refused(company, sign_in, key, value):
    answer = sign_in(company.sales).post("/settings/profile", data={**GOOD, key: value})
    assert answer.status_code == 422
    with platform_scope("identity"):
        assert queries.find_user(company.sales.email).first_name == "Sam"


def test_nobody_gets_rights_through_their_profile(company, sign_in):
    person = sign_in(company.viewer)
    person.post(
        "/settings/profile", data={**GOOD, "is_vendor": "1", "email": "x@y.example", "active": "0", "roles": "1"}
    )
    with platform_scope("identity"):
        user = queries.find_user(company.viewer.email)
        assert user is not None
        assert not user.is_vendor
        assert user.active


def picture(kind="PNG", size=(300, 200)):
    target = io.BytesIO()
    Image.new("RGB", size, "#901d6b").save(target, kind)
    target.seek(0)
    return target


def test_an_avatar_is_re_encoded_and_served_by_its_signed_address(app, company, sign_in, client):
    person = sign_in(company.sales)
    answer = person.post("/settings/profile", data={**GOOD, "avatar": (picture(), "me.png")})
    assert answer.status_code == 302
    url = re.search(r"/files/[\w.\-]+", person.get("/settings/profile").text).group(0)
    served = client.get(url)
    assert served.status_code == 200
    assert served.content_type == "image/webp"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    with Image.open(io.BytesIO(served.data)) as image:
        assert image.size == (256, 256)
        assert image.format == "WEBP"
    served.close()
    assert client.get(url[:-2] + "zz").status_code == 404
    with clock.frozen(clock.now() + dt.timedelta(days=3)):
        assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<?php", b"\x89PNG\r\n\x1a\nbroken"]
)
def test_a_file_that_is_no_picture_is_refused(company, sign_in, content):
    answer = sign_in(company.sales).post("/settings/profile", data={**GOOD, "avatar": (io.BytesIO(content), "me.png")})
    assert answer.status_code == 422


def test_a_picture_that_is_too_large_is_refused(company, sign_in):
    answer = sign_in(company.sales).post(
        "/settings/profile", data={**GOOD, "avatar": (io.BytesIO(b"x" * (5 * 1024 * 1024 + 10)), "me.png")}
    )
    assert answer.status_code == 413


def test_signing_in_and_failing_to_stand_in_the_audit_log(app, company):
    try_login(app, company.sales.email, "wrong")
    try_login(app, company.sales.email, PASSWORD)
    from sqlalchemy import select

    from app.kernel.actor import system_actor
    from app.kernel.audit import AuditLog
    from app.kernel.tenant import tenant_scope

    with tenant_scope(system_actor(company.id)):
        rows = db.session.execute(
            select(AuditLog.action, AuditLog.ip).where(AuditLog.entity == "user").order_by(AuditLog.seq)
        ).all()
    assert [row.action for row in rows] == ["sign_in_failed", "signed_in"]
    assert all(row.ip == "127.0.0.1" for row in rows)


def test_the_log_tells_sign_ins_from_the_crms_accounts(company, sign_in):
    """New ones by their own name, those of before by their action: the log cannot be rewritten."""
    from app.kernel import audit
    from app.kernel.actor import system_actor
    from app.kernel.uow import uow
    from app.sales.models.accounts import Account

    admin = sign_in(company.admin)
    old = {"entity": "account", "entity_id": company.sales.member_id, "label": "Sam of before"}
    with uow(system_actor(company.id)) as session:
        session.add(Account(name="Customer Inc"))
        audit.record("signed_in", **old)
    sign_ins = admin.get("/settings/audit?entity=user").text
    customers = admin.get("/settings/audit?entity=account").text
    assert '<option value="user" selected>Sign-in</option>' in sign_ins
    assert "Sam of before" in sign_ins
    assert "Ada Admin" in sign_ins
    assert "Customer Inc" not in sign_ins
    assert "Customer Inc" in customers
    assert "Sam of before" not in customers
    everything = admin.get("/settings/audit").text
    assert everything.count('<span class="muted cap">Sign-in</span>') == 2
    exported = admin.get("/settings/audit/export?entity=user").text
    assert exported.count(";signed_in;") == 2


# ── addresses of sign-in and out ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "place"), [("/sales/accounts/", "/sales/accounts/"), ("/login/", "/"), ("/logout/", "/"), ("", "/")]
)
def test_who_is_signed_in_need_not_sign_in(acme, sign_in, wanted, place):
    answer = sign_in(acme.sales).get(f"/login/?next={wanted}")
    assert (answer.status_code, answer.location) == (302, place)


def test_who_is_not_signed_in_need_not_sign_out(client):
    answer = client.get("/logout/")
    assert (answer.status_code, answer.location) == (302, "/login/")


def test_a_token_is_for_who_says_it_right(app, company, client):
    right = {"username": company.sales.email, "password": PASSWORD}
    for changes, status in (
        ({}, 200), ({"password": "wrong"}, 401), ({"username": f"{uuid.uuid4().hex}@nobody.example"}, 401),
        ({"password": 12}, 422), ({"username": None}, 422),
    ):  # fmt: skip
        answer = client.post("/api/v1/security/login", json={**right, **changes})
        assert answer.status_code == status, changes
        assert ("access_token" in answer.json) is (status == 200)
