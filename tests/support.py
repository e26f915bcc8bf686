"""Browsers without a screen, and the worker, for the tests."""

from __future__ import annotations

import secrets
from contextvars import copy_context
from typing import Any

from flask import Flask
from flask.globals import _cv_app
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from sqlalchemy import update

from app.kernel import clock, jobs, outbox, valkey
from app.kernel.outbox import Delivery, DeliveryStatus, Outbox
from app.kernel.uow import platform_uow
from tests import cast


class CleanClient(FlaskClient):
    """A browser whose requests share nothing with the test's own application context.

    Flask reuses an application context that is already there, ``g`` included: without this, the second
    request of a test would find the first one's CSRF token and shell in ``g``. Other variables (the
    frozen clock, the guard that a test switched off) stay as they are.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        def run() -> Any:
            _cv_app.set(None)  # type: ignore[arg-type]
            return super(CleanClient, self).open(*args, **kwargs)

        return copy_context().run(run)


class SignedIn:
    """A test client that carries its CSRF token like the pages do, signed in when a person is given."""

    def __init__(self, app: Flask, person: cast.Person | None = None) -> None:
        self.app = app
        self.client = app.test_client()
        self.token = ""
        if person is not None:
            self.login(person.email)

    def login(self, email: str, password: str = cast.PASSWORD) -> Any:
        form = {"email": email, "password": password, "csrf_token": self._csrf()}
        answer = self.client.post("/login/", data=form)
        assert answer.status_code == 302, answer.text[:500]
        self.token = self._csrf()
        return answer

    def _csrf(self) -> str:
        """The token that the next page would carry, without the page."""
        with self.client.session_transaction() as session:
            kept = session.setdefault("csrf_token", secrets.token_hex(20))
        return str(URLSafeTimedSerializer(self.app.secret_key or "", salt="wtf-csrf-token").dumps(kept))

    def _headers(self, given: Any, accept: str) -> dict[str, str]:
        return {"Accept": accept, "X-CSRFToken": self.token, **(given or {})}

    def get(self, url: str, *, accept: str = "text/html", headers: Any = None, **kwargs: Any) -> Any:
        return self.client.get(url, headers=self._headers(headers, accept), **kwargs)

    def post(self, url: str, *, accept: str = "text/html", headers: Any = None, **kwargs: Any) -> Any:
        return self.client.post(url, headers=self._headers(headers, accept), **kwargs)

    def api(self, method: str, url: str, *, headers: Any = None, **kwargs: Any) -> Any:
        return self.client.open(url, method=method, headers=self._headers(headers, "application/json"), **kwargs)


class _Worker(SimpleWorker):
    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        """Threads of a test cannot."""


def forget_jobs() -> None:
    """Drops the events and jobs that nobody worked off."""
    for name in jobs.QUEUES:
        jobs.get_queue(name).empty()
    with platform_uow("relay") as session:
        session.execute(update(Outbox).where(Outbox.relayed_at.is_(None)).values(relayed_at=clock.now()))
        session.execute(
            update(Delivery).where(Delivery.status == DeliveryStatus.PENDING).values(status=DeliveryStatus.DONE)
        )


def work_off() -> None:
    """Works off all queued jobs in this process."""
    outbox.sweep()
    _Worker(
        [jobs.get_queue(name) for name in jobs.QUEUES],
        connection=valkey.connection(blocking=True),
        serializer=JSONSerializer,
    ).work(burst=True, logging_level="ERROR")
