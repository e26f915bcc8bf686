"""The edge of a request where something is odd: mistakes of ours, proxies, metrics, switches, the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from app.kernel import tenant

ROOT = Path(__file__).resolve().parents[2]


def broken(error: Exception) -> Any:
    def view(**_arguments: Any) -> Any:
        raise error

    return view


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("secret words"),
        PermissionError(13, "secret words"),
        ProgrammingError("SELECT secret words", {}, Exception("secret words")),
        tenant.MissingScope("secret words"),
    ],
    ids=["any", "file", "database", "scope"],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_mistake_of_ours_is_counted_logged_and_tells_nothing(app, acme, sign_in, monkeypatch, error, accept):
    person = sign_in(acme.admin)
    monkeypatch.setitem(app.view_functions, "search", broken(error))
    before = failures(person)
    with capture_logs() as lines:
        answer = person.get("/search?q=x", accept=accept)
    assert answer.status_code == 500
    assert "secret words" not in answer.text
    assert "It has been recorded." in answer.text
    assert failures(person) == before + 1
    logged = [one for one in lines if one["event"] == "request.failed"]
    assert [(one["path"], one["exc_info"], one["log_level"]) for one in logged] == [("/search", error, "error")]


def failures(person: Any) -> float:
    """How often /metrics says that the search failed."""
    found = [
        line.rsplit(" ", 1)[1]
        for line in person.get("/metrics").text.splitlines()
        if line.startswith('stratikey_unhandled_errors_total{endpoint="search"}')
    ]
    return float(found[0]) if found else 0


@pytest.mark.parametrize("url", ["/api/v1/security/login", "/api/v1/tasks/", "/api/v1/automation-rules/"])
def test_a_body_without_an_end_of_nesting_cannot_be_read(acme, sign_in, url):
    for body in ("[" * 100_000, '{"conditions":' * 20_000):
        answer = sign_in(acme.admin).api("POST", url, data=body, content_type="application/json")
        assert answer.status_code == 400, answer.text


def test_metrics_are_for_this_machine_only(client):
    here = client.get("/metrics")
    assert here.status_code == 200
    assert "stratikey_request_seconds_bucket" in here.text
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 400


def test_a_missing_slash_leads_to_the_address_that_is_meant(client):
    answer = client.get("/login", headers={"Accept": "text/html"})
    assert answer.status_code == 308
    assert answer.location.endswith("/login/")


OUTSIDE = """
import sys
from app.bootstrap import create_app
from flask import request
app = create_app({"GALLERY": False})
@app.get("/whoami")
def whoami():
    return f"{request.remote_addr} {request.scheme} {request.host}"
headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "crm.example"}
sys.stdout.write(app.test_client().get("/whoami", headers=headers).text)
sys.stdout.write(f"\\n{app.test_client().get('/ui').status_code}")
"""


def outside(app: Any, script: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A process with an application of its own settings."""
    environ = {**os.environ, "STRATIKEY_INSTANCE": str(Path(app.config["MAIL_FOLDER"]).parent), **settings}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_behind_proxies_the_visitors_address_is_the_last_trusted_one(app):
    settings = {"PROXY_HOPS": "1", "LOG_FORMAT": "console", "SENTRY_DSN": "http://key@127.0.0.1:1/1"}
    done = outside(app, OUTSIDE, **settings)
    assert done.stdout.splitlines() == ["198.51.100.7 https crm.example", "404"], done.stderr
    told = [line for line in done.stderr.splitlines() if "path=/whoami" in line]
    assert len(told) == 1
    assert told[0].split()[1:3] == ["[info", "]"], "a line for people, no JSON"


def test_a_wrong_setting_ends_the_process_with_one_line(app):
    done = outside(app, "from app.bootstrap import create_app; create_app()", SECRET_KEY="short")
    assert done.returncode == 1
    assert done.stderr.startswith("stratikey: SECRET_KEY: ")
    assert done.stderr.count("\n") == 1


# ── the shell ────────────────────────────────────────────────────────────────────────────────────


def test_a_visitor_of_the_home_page_is_asked_to_sign_in(client):
    answer = client.get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 302
    assert answer.location.startswith("/login/")


def test_switches_of_a_visitor_are_kept_in_cookies(client):
    from tests.tenancy.helpers import token

    form = {"csrf_token": token(client), "theme": "light", "lang": "en", "next": "/login/"}
    answer = client.post("/preferences", data=form)
    assert (answer.status_code, answer.location) == (302, "/login/")
    page = client.get("/login/", headers={"Accept": "text/html", "Accept-Language": "it"}).text
    assert '<html lang="en"' in page
    assert 'class="dark"' not in page
    assert client.post("/preferences", data={**form, "theme": "pink"}).status_code == 400
    assert client.post("/preferences", data={**form, "lang": "tlh"}).status_code == 400


def test_a_script_that_switches_is_not_sent_elsewhere(company, browser):
    answer = browser.post("/preferences", data={"theme": "light"}, headers={"X-Requested-With": "fetch"})
    assert (answer.status_code, answer.text) == (204, "")
    assert 'class="dark"' not in browser.get("/settings/profile").text


def test_nobody_has_no_numbers(app):
    from app.kernel.web.shell import Shell

    with app.test_request_context("/"):
        assert Shell().count("unread_notifications") == 0


def test_work_in_no_organization_has_no_scope(app):
    from app.kernel.actor import system_actor

    with pytest.raises(tenant.MissingScope), tenant.tenant_scope(system_actor(None)):
        raise AssertionError
