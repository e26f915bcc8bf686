"""The live channel: who may connect, what they hear, what they missed."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
import socketio
from flask import Flask
from socketio.exceptions import ConnectionError

from app.kernel import realtime
from app.kernel.realtime import APP
from app.tenancy.security import sockets
from tests.sales.helpers import deal
from tests.support import SignedIn


class Page:
    """An open page's connection, and the events that it heard."""

    def __init__(self, url: str, browser: SignedIn | None, auth: Any) -> None:
        self.heard: Queue[tuple[str, Any]] = Queue()
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", lambda event, data: self.heard.put((event, data)), namespace=APP)
        cookies = browser.client._cookies.values() if browser else []
        headers = {"Cookie": "; ".join(f"{one.key}={one.value}" for one in cookies)}
        self.client.connect(url, headers=headers, auth=auth, namespaces=[APP], transports=["polling"], wait_timeout=10)

    def sync(self, **data: Any) -> Any:
        return self.client.call("sync", data, namespace=APP, timeout=10)


@pytest.fixture
def connect(server: str) -> Iterator[Any]:
    """connect(browser or None, auth) -> a connection to the live channel."""
    opened: list[Page] = []

    def make(browser: SignedIn | None = None, auth: Any = None) -> Page:
        opened.append(Page(server, browser, auth))
        return opened[-1]

    yield make
    for one in opened:
        one.client.disconnect()


def refused(connect: Any, auth: Any = None) -> bool:
    with pytest.raises(ConnectionError, match=r"unauthenticated|failed to connect"):
        connect(auth=auth)
    return True


def test_visitors_and_wrong_tokens_are_refused(connect: Any) -> None:
    assert refused(connect)
    assert refused(connect, {"token": "nonsense"})


def test_a_person_hears_their_organization_and_no_other(connect: Any, company: Any, rival: Any, sign_in: Any) -> None:
    mine, theirs = connect(sign_in(company.admin)), connect(sign_in(rival.admin))
    realtime.push_now(realtime.org_room(company.id, "deal"), "opportunity:changed", {"id": "1"})
    assert mine.heard.get(timeout=5) == ("opportunity:changed", {"id": "1"})
    realtime.push_now(realtime.org_room(rival.id, "deal"), "opportunity:changed", {"id": "2"})
    assert theirs.heard.get(timeout=5) == ("opportunity:changed", {"id": "2"})


def test_a_program_connects_with_its_token(app: Flask, connect: Any, company: Any) -> None:
    answer = app.test_client().post(
        "/api/v1/security/login",
        json={"username": company.admin.email, "password": "a-good-long-password", "provider": "db"},
    )
    token = answer.json["access_token"]
    assert connect(auth={"token": token, "organization": company.slug}).sync()["events"] == []
    assert refused(connect, {"token": token, "organization": "not-theirs"})


def test_what_was_missed_is_told_in_order(
    connect: Any, company: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(sign_in(company.admin))
    start = connection.sync()
    assert start["events"] == []
    made = [str(deal(company.admin.actor, f"Deal {number}").id) for number in range(3)]
    missed = connection.sync(since=start["seq"])
    assert [one["id"] for one in missed["events"] if one["name"] == "sales.opportunity_created"] == made
    assert missed["seq"] > start["seq"]
    for wrong in (True, "1", -1, 2**62):
        assert connection.sync(since=wrong)["events"] == []
    monkeypatch.setattr(sockets, "MAX_MISSED", 1)
    assert connection.sync(since=start["seq"])["reload"] is True


def test_a_revoked_session_gets_no_answer(connect: Any, company: Any, sign_in: Any) -> None:
    browser = sign_in(company.sales)
    connection = connect(browser)
    browser.post("/logout/")
    assert connection.sync(since=0) == {"error": "unauthenticated"}
