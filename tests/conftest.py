"""Real servers for every test: PostgreSQL and Valkey from the wheels, one stack per worker.

The schema comes from the migrations. Tests commit for real and keep out of each other's way by
working in organizations of their own.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.kernel import assets
from app.kernel.actor import Actor
from app.kernel.embedded import EmbeddedStack
from app.kernel.memory import settle
from tests import cast
from tests.support import CleanClient, SignedIn, forget_jobs, work_off

_numbers = itertools.count(1)
# The application of this process, once there is one.
_applications: list[Flask] = []


@pytest.fixture(scope="session")
def stack() -> Iterator[dict[str, str]]:
    """Embedded PostgreSQL and Valkey in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="stk-"))
    folder.chmod(0o755)
    running = EmbeddedStack(folder, durable=False)
    environ = running.start()
    old = {key: os.environ.get(key) for key in environ}
    os.environ.update(environ)
    os.environ["RATELIMIT_ENABLED"] = "0"
    os.environ["LOG_FORMAT"] = "json"
    try:
        yield environ
    finally:
        running.stop()
        for key, value in old.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def app(stack: dict[str, str]) -> Iterator[Flask]:
    """The application on a migrated database."""
    from app.bootstrap import create_app
    from app.kernel import crypto
    from app.kernel.uow import platform_uow

    # The product's profile takes 40 ms for each of thousands of accounts and sign-ins.
    crypto._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    crypto._DUMMY = crypto._hasher.hash("a password that nobody has")
    assets.build(dev=True, say=lambda _text: None)
    assets.compile_catalogues()
    application = create_app({"TESTING": True, "GALLERY": True, "PUBLIC_URL": "http://127.0.0.1"})
    application.test_client_class = CleanClient
    with application.app_context():
        upgrade()
        with platform_uow("vendor"):
            application.extensions["stratikey.create_permissions"]()
    _applications.append(application)
    settle()
    yield application


@pytest.fixture(scope="module", autouse=True)
def _no_old_jobs() -> None:
    """Each file starts with empty queues: else its first run_jobs() does the work of all files before it."""
    if _applications:
        with _applications[0].app_context():
            forget_jobs()


@pytest.fixture(autouse=True)
def _context(request: pytest.FixtureRequest) -> Iterator[None]:
    """An application context for tests that work with the database."""
    if not {"app", "company", "acme", "rival", "client", "server"} & set(request.fixturenames):
        yield
        return
    with request.getfixturevalue("app").app_context():
        yield


@pytest.fixture(scope="session")
def acme(app: Flask) -> cast.Company:
    """Acme: Alice, Mara, Bob, Vera. Shared by the tests that only read, or make their own records."""
    with app.app_context():
        return cast.make_company("Acme S.p.A.", ("Alice Owner", "Mara Market", "Bob Seller", "Vera Viewer"))


@pytest.fixture(scope="session")
def rival(app: Flask) -> cast.Company:
    """Rival: Charlie and his people, who must see nothing of Acme."""
    with app.app_context():
        return cast.make_company("Rival S.r.l.", ("Charlie Rival", "Mona Market", "Rob Seller", "Vic Viewer"))


@pytest.fixture(scope="session")
def stella(app: Flask) -> cast.Person:
    """Vendor staff."""
    with app.app_context():
        return cast.make_vendor()


@pytest.fixture
def company(app: Flask) -> cast.Company:
    """An organization of the test's own."""
    with app.app_context():
        return cast.make_company(
            f"Own {os.getpid()} {next(_numbers)}", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer")
        )


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a session."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask) -> Any:
    """sign_in(person) -> a client that is signed in as the person, with its CSRF token."""

    return lambda person: SignedIn(app, person)


@pytest.fixture
def browser(company: cast.Company, sign_in: Any) -> SignedIn:
    """The admin of the test's own company, signed in."""
    return sign_in(company.admin)


@pytest.fixture
def actor(company: cast.Company) -> Actor:
    """The same admin, as an actor."""
    return company.admin.actor


@contextmanager
def _counting() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "set_config" not in statement:
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def counting() -> Any:
    """counting() is a context that collects the SQL statements run inside it."""
    return _counting


@pytest.fixture
def run_jobs(app: Flask) -> Any:
    """run_jobs() works off all queued jobs in this process."""
    return work_off


@pytest.fixture
def limited(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' application, with the limits that it starts without."""
    from app.kernel import http

    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", True)
    monkeypatch.setattr(app, "_got_first_request", False)
    functions = app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs
    kept = [{name: list(found) for name, found in one.items()} for one in functions]
    http.limiter.init_app(app)
    http.limiter.reset()  # what another test used up
    yield
    http.limiter.enabled = False
    app.extensions["limiter"].discard(http.limiter)
    for one, before in zip(functions, kept, strict=True):
        one.clear()
        one.update(before)


@pytest.fixture(scope="session")
def server(app: Flask) -> Iterator[str]:
    """The application on a real port of 127.0.0.1, WebSockets included."""
    from werkzeug.serving import make_server

    from app.kernel.realtime import socketio

    running = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{running.server_port}"
    socketio.server.eio.cors_allowed_origins = [url]
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield url
    running.shutdown()
    thread.join(5)
