"""Google sign-in, against an OpenID provider on this machine."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
import pyotp
import pytest
import requests

from app.kernel import clock
from app.kernel.actor import system_actor
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import Credential
from app.tenancy.service.accounts.second_factor import begin_second_factor, confirm_second_factor
from tests.cast import PASSWORD
from tests.support import CleanClient
from tests.tenancy.helpers import add_person, token


@pytest.fixture(scope="module")
def provider():
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"
    del os.environ["AUTHLIB_INSECURE_TRANSPORT"]


@pytest.fixture(scope="module")
def google(app, provider):
    """The application with Google's settings: its own OAuth client on the same application."""
    from authlib.integrations.flask_client import OAuth

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.config, "GOOGLE_CLIENT_ID", "test-client")
        patch.setitem(app.config, "GOOGLE_CLIENT_SECRET", "test-secret")
        app.extensions["stratikey.google"] = OAuth(app).register(
            "google",
            client_id="test-client",
            client_secret="test-secret",
            server_metadata_url=f"{provider}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
        )
        yield app
    del app.extensions["stratikey.google"]


def through_google(app, provider, subject, email, *, verified=True):
    """A browser that went to Google and back: (browser, the answer of the callback)."""
    requests.put(
        f"{provider}/users/{subject}",
        json={"email": email, "email_verified": verified},
        timeout=5,
    ).raise_for_status()
    browser: CleanClient = app.test_client()
    start = browser.get("/login/google?next=/sales/accounts/")
    assert start.status_code == 302
    assert start.location.startswith(provider)
    assert parse_qs(urlsplit(start.location).query)["code_challenge_method"] == ["S256"]
    consent = requests.post(start.location, data={"sub": subject}, allow_redirects=False, timeout=5)
    assert consent.status_code == 302, consent.text
    back = urlsplit(consent.headers["Location"])
    return browser, browser.get(f"{back.path}?{back.query}")


def test_the_account_with_the_verified_address_signs_in(google, provider, company):
    person = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example")
    browser, answer = through_google(google, provider, f"g-{uuid.uuid4().hex}", person.email)
    assert answer.status_code == 302
    assert answer.location == "/sales/accounts/"
    assert browser.get("/sales/accounts/", headers={"Accept": "text/html"}).status_code == 200


def test_an_unverified_or_unknown_address_signs_nobody_in(google, provider, company):
    person = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example")
    stranger = f"{uuid.uuid4().hex[:8]}@stranger.example"
    for email, verified in ((person.email, False), (stranger, True)):
        browser, answer = through_google(google, provider, f"g-{uuid.uuid4().hex}", email, verified=verified)
        assert answer.status_code == 401
        assert browser.get("/sales/accounts/", headers={"Accept": "text/html"}).status_code == 302
    with platform_scope("identity"):
        assert queries.find_user(stranger) is None


def test_a_linked_account_is_found_by_its_subject_when_the_address_changed(google, provider, company):
    person, subject = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example"), f"g-{uuid.uuid4().hex}"
    assert through_google(google, provider, subject, person.email)[1].status_code == 302
    assert through_google(google, provider, subject, "moved@elsewhere.example")[1].status_code == 302


def test_another_google_account_with_the_same_address_takes_nothing_over(google, provider, company):
    person, subject = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example"), f"g-{uuid.uuid4().hex}"
    assert through_google(google, provider, subject, person.email)[1].status_code == 302
    browser, answer = through_google(google, provider, f"g-{uuid.uuid4().hex}", person.email)
    assert answer.status_code == 409
    assert "è collegato un altro account Google" in answer.text
    assert browser.get("/sales/accounts/", headers={"Accept": "text/html"}).status_code == 302
    with platform_scope("identity"):
        assert db.session.get(Credential, person.user_id).google_subject == subject
    assert through_google(google, provider, subject, person.email)[1].status_code == 302


def test_a_linked_account_is_unlinked_with_the_password_and_another_may_follow(google, provider, company, sign_in):
    person, subject = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example"), f"g-{uuid.uuid4().hex}"
    browser, url = sign_in(person), "/settings/security/google/unlink"
    assert "Not linked" in browser.get("/settings/security").text
    assert browser.post(url, data={"password": PASSWORD}).status_code == 409
    assert through_google(google, provider, subject, person.email)[1].status_code == 302
    assert "google-unlink" in browser.get("/settings/security").text
    refused = browser.post(url, data={"password": "wrong"})
    assert refused.status_code == 422 and "This is not your current password." in refused.text
    assert browser.post(url, data={"password": PASSWORD}).status_code == 302
    assert "google-unlink" not in browser.get("/settings/security").text
    assert through_google(google, provider, subject, "moved@elsewhere.example")[1].status_code == 401
    assert through_google(google, provider, f"g-{uuid.uuid4().hex}", person.email)[1].status_code == 302
    with tenant_scope(system_actor(company.id)):
        told = db.session.scalars(db.select(AuditLog.action).where(AuditLog.entity_id == str(person.member_id))).all()
    assert told.count("google_unlinked") == 1


def test_nobody_without_a_password_is_locked_out(google, provider, company, sign_in):
    person, subject = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example"), f"g-{uuid.uuid4().hex}"
    browser = sign_in(person)
    assert through_google(google, provider, subject, person.email)[1].status_code == 302
    with platform_uow("identity"):
        db.session.get(Credential, person.user_id).password_hash = None
    page = browser.get("/settings/security").text
    assert "set a password before you unlink it" in page
    assert "google-unlink" not in page and 'name="current"' not in page
    for password in ("", PASSWORD):
        assert browser.post("/settings/security/google/unlink", data={"password": password}).status_code == 409
    assert through_google(google, provider, subject, person.email)[1].status_code == 302
    answer = browser.post("/settings/security/password", data={"password": "another-good-password"})
    assert answer.status_code == 302
    assert (
        browser.post("/settings/security/google/unlink", data={"password": "another-good-password"}).status_code == 302
    )


def test_google_does_not_stand_in_for_the_second_factor(google, provider, company):
    person = add_person(company, f"{uuid.uuid4().hex[:8]}@gmail.example")
    now = clock.now()
    with platform_uow("identity"):
        totp = pyotp.parse_uri(begin_second_factor(person.user_id))
        confirm_second_factor(person.user_id, totp.at(now))
    browser, answer = through_google(google, provider, f"g-{uuid.uuid4().hex}", person.email)
    assert urlsplit(answer.location).path == "/login/code"
    assert browser.get("/sales/accounts/", headers={"Accept": "text/html"}).status_code == 302
    later = now + dt.timedelta(seconds=60)
    with clock.frozen(later):
        form = {"code": totp.at(later), "csrf_token": token(browser, "/login/code")}
        done = browser.post(answer.location, data=form)
        assert (done.status_code, done.location) == (302, "/sales/accounts/")
        assert browser.get("/sales/accounts/", headers={"Accept": "text/html"}).status_code == 200


def test_a_made_up_callback_is_refused(google, client):
    for query in ("", "?code=x&state=y", "?error=access_denied&state=z"):
        assert client.get(f"/login/google/callback{query}").status_code == 401


def test_without_settings_there_is_no_google(app, client):
    saved = app.extensions.pop("stratikey.google", None)
    try:
        assert client.get("/login/google").status_code == 404
        assert client.get("/login/google/callback").status_code == 404
    finally:
        if saved is not None:
            app.extensions["stratikey.google"] = saved
