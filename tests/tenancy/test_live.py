"""The live channel: who stays connected, and what they hear. Real connections to a real port."""

from __future__ import annotations

import datetime as dt
import time
import uuid

import pytest
import socketio
from sqlalchemy import text

from app.events.sales import LeadConverted, OpportunityCreated
from app.events.tenancy import MemberRemoved
from app.kernel import clock, outbox, valkey
from app.kernel.actor import system_actor
from app.kernel.ids import new_token
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow, uow
from app.tenancy import versions
from app.tenancy.models import AuthSession, Organization
from app.tenancy.security.identity.memory import forget_everything
from app.tenancy.service.accounts.sessions import list_sessions, revoke_session
from tests.tenancy.helpers import role_id, share

SECONDS = 8


class Live:
    """One open page's connection, and what it heard."""

    def __init__(self, server, browser):
        self.heard = []
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", lambda event, *data: self.heard.append((event, *data)), namespace="/app")
        cookie = f"stratikey={browser.client.get_cookie('stratikey').value}"
        self.client.connect(server, headers={"Cookie": cookie}, namespaces=["/app"], transports=["polling"])

    @property
    def open(self):
        return "/app" in self.client.namespaces

    def sync(self, since=None):
        return self.client.call("sync", {"since": since}, namespace="/app", timeout=SECONDS)

    def until(self, found):
        """Waits until ``found()`` is true; whether it became so."""
        end = time.monotonic() + SECONDS
        while not found() and time.monotonic() < end:
            time.sleep(0.05)
        return found()


@pytest.fixture
def connect(server, sign_in):
    opened = []

    def connect(person, browser=None):
        opened.append(Live(server, browser or sign_in(person)))
        return opened[-1]

    yield connect
    for one in opened:
        one.client.disconnect()


def session_of(person):
    with platform_scope("identity"):
        return list_sessions(person.user_id)[0].id


def sign_out(company, browser):
    browser.post("/logout/")


def revoke(company, _browser):
    with platform_uow("identity"):
        revoke_session(session_of(company.sales), user_id=company.sales.user_id)


def revoke_elsewhere(company, _browser):
    """What another process leaves behind: the row is gone and the version is another."""
    with platform_uow("identity") as session:
        session.execute(text("DELETE FROM auth_session WHERE user_id = :u"), {"u": company.sales.user_id})
    valkey.connection().set(versions.user_key(company.sales.user_id), new_token(9))


def suspend(company, _browser):
    with platform_uow("vendor") as session:
        session.get(Organization, company.id).status = "suspended"


@pytest.mark.parametrize("how", [sign_out, revoke, revoke_elsewhere, suspend])
def test_a_connection_ends_with_its_session_or_organization(company, connect, sign_in, how):
    browser = sign_in(company.sales)
    mine, other = connect(company.sales, browser), connect(company.admin)
    assert mine.sync()["events"] == []
    how(company, browser)
    assert mine.until(lambda: not mine.open)
    assert other.open is (how is not suspend) or other.until(lambda: not other.open)


def test_a_connection_ends_when_its_session_expires(company, connect, sign_in):
    browser = sign_in(company.sales)
    with platform_uow("identity") as session:
        session.get(AuthSession, session_of(company.sales)).expires_at = clock.now() + dt.timedelta(seconds=3)
    forget_everything()
    live = connect(company.sales, browser)
    assert live.open
    assert live.until(lambda: not live.open)


def test_an_expired_session_is_not_remembered(company, sign_in):
    browser = sign_in(company.sales)
    with platform_uow("identity") as session:
        session.get(AuthSession, session_of(company.sales)).expires_at = clock.now() + dt.timedelta(minutes=1)
    forget_everything()
    assert browser.get("/sales/accounts/").status_code == 200
    with clock.frozen(clock.now() + dt.timedelta(minutes=2)):
        assert browser.get("/sales/accounts/").status_code == 302


def test_a_connection_ends_with_the_membership_and_with_changed_rights(company, rival, connect, sign_in):
    """Also for somebody who goes on working in another organization."""
    share(company.sales, rival)
    admin = sign_in(company.admin)
    with platform_uow("identity") as session:
        session.execute(text("UPDATE ab_user SET last_organization_id = :o WHERE id = :u"),
                        {"o": company.id, "u": company.sales.user_id})  # fmt: skip
    first = connect(company.sales)
    lesser = admin.post("/roles/new", data={"name": "Lesser"}).location.rpartition("=")[2]
    assert admin.post(f"/users/{company.sales.member_id}/roles", data={"role": [lesser]}).status_code == 302
    assert first.until(lambda: not first.open)
    second = connect(company.sales)
    assert second.open
    admin.post(f"/users/{company.sales.member_id}/remove")
    assert second.until(lambda: not second.open)


def test_a_connection_stays_while_nothing_that_concerns_it_changes(company, connect, sign_in):
    live = connect(company.sales)
    sign_in(company.sales)  # another sign-in of the same person
    sign_in(company.admin).post(f"/users/{company.viewer.member_id}/remove")
    time.sleep(2.5)
    assert live.open


def without(company, sign_in, name, permission):
    """Takes a permission from a role of the company."""
    answer = sign_in(company.admin).api(
        "POST", f"/roles/{role_id(company, name)}/permissions", json={"permissions": {permission: None}}
    )
    assert answer.status_code == 200, answer.text


def test_changes_are_told_to_those_who_may_read_such_records(company, connect, sign_in):
    without(company, sign_in, "Viewer", "read contact")
    viewer, seller = connect(company.viewer), connect(company.sales)
    admin = sign_in(company.admin)
    contact = admin.api("POST", "/api/v1/contacts/", json={"name": "Not for viewers"}).json["id"]
    account = admin.api("POST", "/api/v1/accounts/", json={"name": "For all"}).json["id"]
    assert viewer.until(lambda: viewer.heard)
    assert seller.until(lambda: len(seller.heard) == 2)
    assert [(event, data["id"]) for event, data in viewer.heard] == [("account:changed", account)]
    assert [(event, data["id"]) for event, data in seller.heard] == [
        ("contact:changed", contact),
        ("account:changed", account),
    ]


def test_sync_names_only_what_the_person_may_read(company, connect, sign_in):
    without(company, sign_in, "Viewer", "read lead")
    viewer, seller = connect(company.viewer), connect(company.sales)
    deal, lead = uuid.uuid4(), uuid.uuid4()
    with uow(system_actor(company.id)):
        outbox.emit(OpportunityCreated(subject_id=deal, title="Deal", owner_id=None))
        outbox.emit(LeadConverted(subject_id=lead, account_id=None, contact_id=uuid.uuid4(), opportunity_id=None))
        outbox.emit(MemberRemoved(subject_id=uuid.uuid4()))
    assert [one["id"] for one in viewer.sync(0)["events"]] == [str(deal)]
    assert [one["id"] for one in seller.sync(0)["events"]] == [str(deal), str(lead)]
    newest = seller.sync()["seq"]
    assert newest > 0
    assert newest == seller.sync(newest)["seq"]


def test_nobody_connects_without_a_session(app, server, client):
    for cookie in ("", "stratikey=nonsense"):
        one = socketio.Client(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            one.connect(server, headers={"Cookie": cookie}, namespaces=["/app"], transports=["polling"])
        one.disconnect()
