"""The personal feed: who reads what behind a secret address, and what calendar programs make of it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from app.calendar.models import CalendarFeed
from app.kernel import clock, crypto, http
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import platform_uow, uow
from app.sales.service.activities import create_activity
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.tasks import create_task, set_people, update_task
from app.tenancy.models import Organization, User
from app.tenancy.service.members import remove_member
from tests import cast
from tests.support import SignedIn

# Summer time starts between the two; both are inside the year that a feed shows.
NOW = dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC)
WINTER, SUMMER = dt.datetime(2026, 12, 10, 9, 30, tzinfo=dt.UTC), dt.datetime(2027, 7, 1, 8, 30, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _december():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def house(app):
    return cast.make_company("Feed house", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))


@pytest.fixture
def seller(app, house):
    return SignedIn(app, house.sales)


def address(browser: SignedIn, **form: str) -> str:
    answer = browser.post("/calendar/feed", accept="application/json", data=form)
    assert answer.status_code == 201, answer.text
    url = answer.json["url"]
    return url[url.index("/calendar/") :]


def fetch(app: Any, path: str, **headers: str) -> Any:
    return app.test_client().get(path, headers=headers)


def events(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text[:300]
    calendar = Calendar.from_ical(answer.data)
    return {str(one["SUMMARY"]): one for one in calendar.walk("VEVENT")}


def task(actor: Any, title: str = "Task", **values: Any) -> Any:
    with uow(actor):
        return create_task(actor=actor, title=title, **({"due_on": dt.date(2026, 12, 10)} | values))


# ── the address ──────────────────────────────────────────────────────────────────────────────────


def test_the_secret_is_long_shown_once_and_stored_as_a_hash_only(house, seller):
    path = address(seller)
    secret = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(secret) >= 43
    with tenant_scope(house.sales.actor):
        stored = db.session.scalars(db.select(CalendarFeed)).one()
    assert stored.token_hash == crypto.token_hash(secret)
    assert stored.member_id == house.sales.actor.member_id
    page = seller.get("/tasks/calendar").text
    assert secret not in page and stored.token_hash not in page
    assert seller.get("/calendar/feed", accept="application/json").json == {"exists": True, "everything": False}
    history = SignedIn(seller.client.application, house.admin).get("/settings/audit").text
    assert stored.token_hash not in history


def test_a_guessed_a_rotated_and_a_revoked_address_are_unknown(app, seller):
    first = address(seller)
    assert fetch(app, first).status_code == 200
    second = address(seller)
    assert second != first
    assert fetch(app, first).status_code == 404
    assert fetch(app, second).status_code == 200
    assert seller.post("/calendar/feed/revoke", accept="application/json").json["exists"] is False
    for path in (second, "/calendar/x.ics", f"/calendar/{'A' * 43}.ics", "/calendar/%00.ics"):
        assert fetch(app, path).status_code == 404, path


def test_the_secret_is_in_no_log(app, seller, monkeypatch):
    path = address(seller)
    lines: list[Any] = []
    monkeypatch.setattr(http.log, "info", lambda *args, **kwargs: lines.append((args, kwargs)))
    assert fetch(app, path).status_code == 200
    assert lines and path not in str(lines) and "<token>" in str(lines)


def test_who_has_left_and_a_suspended_organization_are_not_served(app, house):
    admin, viewer = SignedIn(app, house.admin), SignedIn(app, house.viewer)
    of_admin, of_viewer = address(admin), address(viewer)
    with uow(house.admin.actor):
        remove_member(house.viewer.actor.member_id, actor=house.admin.actor)
    assert fetch(app, of_viewer).status_code == 404
    with platform_uow("vendor") as session:
        session.get(Organization, house.id).status = "suspended"
    assert fetch(app, of_admin).status_code == 404
    with platform_uow("vendor") as session:
        session.get(Organization, house.id).status = "active"
    assert fetch(app, of_admin).status_code == 200


def test_a_locked_account_is_not_served(app, house):
    path = address(SignedIn(app, house.sales))
    with platform_uow("identity") as session:
        session.get(User, house.sales.actor.user_id).active = False
    assert fetch(app, path).status_code == 404


@pytest.mark.usefixtures("limited")
def test_too_many_questions_are_refused(app, seller):
    path = address(seller)
    codes = [fetch(app, path).status_code for _ in range(61)]
    assert codes[0] == 200 and codes[-1] == 429


# ── what it holds ────────────────────────────────────────────────────────────────────────────────


def test_ones_own_and_what_one_takes_part_in_or_everything(app, house, seller):
    actor, boss = house.sales.actor, house.admin.actor
    task(actor, "Mine", owner_id=actor.member_id)
    watched, helped = task(boss, "Watched", module="sales"), task(boss, "Helped", module="marketing")
    task(boss, "Of others", module="sales", owner_id=boss.member_id)
    task(boss, "Hidden", module="marketing")
    with uow(boss):
        set_people(get_task(watched.id), MemberRole.WATCHER, [actor.member_id], actor=boss)
        set_people(get_task(helped.id), MemberRole.COLLABORATOR, [actor.member_id], actor=boss)
    path = address(seller)
    assert set(events(fetch(app, path))) == {"Mine", "Watched", "Helped"}
    seller.post("/calendar/feed/change", accept="application/json", data={"everything": "1"})
    assert set(events(fetch(app, path))) == {"Mine", "Watched", "Helped", "Of others"}


def test_a_feed_holds_nothing_of_another_tenant_whoever_is_signed_in(app, house, seller, rival):
    task(house.sales.actor, "Ours", owner_id=house.sales.actor.member_id)
    task(rival.sales.actor, "Theirs", owner_id=rival.sales.actor.member_id)
    path = address(seller, everything="1")
    assert set(events(SignedIn(app, rival.admin).get(path))) == {"Ours"}


def test_days_are_days_with_an_exclusive_end(app, house, seller):
    actor = house.sales.actor
    made = task(actor, "Fair", owner_id=actor.member_id, start_on=dt.date(2026, 12, 8), priority="P0")
    event = events(fetch(app, address(seller)))["Fair"]
    assert event["DTSTART"].params["VALUE"] == event["DTEND"].params["VALUE"] == "DATE"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (dt.date(2026, 12, 8), dt.date(2026, 12, 11))
    assert event["UID"] == f"task-{made.id}@stratikey"
    assert event["URL"] == f"{app.config['PUBLIC_URL']}/tasks/{made.id}"
    assert event["PRIORITY"] == 1 and event["STATUS"] == "CONFIRMED" and event["SEQUENCE"] == 0
    assert event["CATEGORIES"].cats == ["Sales"]
    assert event["LAST-MODIFIED"].dt == made.updated_at.replace(microsecond=0)


def test_moments_name_a_zone_whose_rules_are_written_along(app, house, seller):
    for title, at in (("Winter", WINTER), ("Summer", SUMMER)):
        with uow(house.sales.actor):
            create_activity(actor=house.sales.actor, type="meeting", title=title, due_at=at, duration_min=90)
    answer = fetch(app, address(seller))
    found = events(answer)
    rome = ZoneInfo("Europe/Rome")
    for title, at in (("Winter", WINTER), ("Summer", SUMMER)):
        start = found[title]["DTSTART"]
        assert start.params["TZID"] == "Europe/Rome" and start.dt == at
        assert start.dt.utcoffset() == at.astimezone(rome).utcoffset()
        assert found[title]["DTEND"].dt - start.dt == dt.timedelta(minutes=90)
    zone = Calendar.from_ical(answer.data).walk("VTIMEZONE")
    assert [str(one["TZID"]) for one in zone] == ["Europe/Rome"]
    # The rules themselves, not their name, say when it is.
    built = zone[0].to_tz(lookup_tzid=False)
    assert WINTER.astimezone(built).strftime("%H:%M") == "10:30"
    assert SUMMER.astimezone(built).strftime("%H:%M") == "10:30"


def test_the_zone_is_the_persons(app, house, seller):
    with uow(house.sales.actor):
        create_activity(actor=house.sales.actor, type="call", title="Call", due_at=WINTER)
    path = address(seller)
    with platform_uow("identity") as session:
        session.get(User, house.sales.actor.user_id).timezone = "America/New_York"
    event = events(fetch(app, path))["Call"]
    assert event["DTSTART"].params["TZID"] == "America/New_York"
    assert event["DTSTART"].dt == WINTER and event["DTSTART"].to_ical() == b"20261210T043000"


def test_a_change_counts_up_and_keeps_the_uid(app, house, seller):
    actor = house.sales.actor
    made = task(actor, owner_id=actor.member_id)
    path = address(seller)
    before = events(fetch(app, path))["Task"]
    with clock.frozen(NOW + dt.timedelta(hours=1)), uow(actor):
        cancelled = first_status(StatusGroup.CANCELLED)
        update_task(get_task(made.id), actor=actor, status_id=cancelled.id)
    after = events(fetch(app, path))["Task"]
    assert after["UID"] == before["UID"] and after["STATUS"] == "CANCELLED"
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after["LAST-MODIFIED"].dt > before["LAST-MODIFIED"].dt


def test_the_same_calendar_is_not_sent_twice(app, house, seller):
    actor = house.sales.actor
    task(actor, owner_id=actor.member_id)
    path = address(seller)
    first = fetch(app, path)
    assert first.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert first.headers["Cache-Control"] == "private, no-store"
    again = fetch(app, path, **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""
    task(actor, "New", owner_id=actor.member_id)
    assert fetch(app, path, **{"If-None-Match": first.headers["ETag"]}).status_code == 200
    calendar = Calendar.from_ical(first.data)
    assert calendar["X-PUBLISHED-TTL"] == "PT1H"
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
    assert calendar["REFRESH-INTERVAL"].dt == dt.timedelta(hours=1)
    assert calendar["PRODID"] and calendar["VERSION"] == "2.0"


def test_an_empty_calendar_is_a_calendar(app, seller):
    assert events(fetch(app, address(seller))) == {}


def test_titles_are_escaped_and_long_lines_folded(app, house, seller):
    title = "A; B, C \\ “" + "à" * 150 + "”"
    task(house.sales.actor, title, owner_id=house.sales.actor.member_id)
    answer = fetch(app, address(seller))
    assert title in events(answer)
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))


def test_three_times_the_entries_cost_the_same_queries(app, house, seller, counting):
    actor, path, seen = house.sales.actor, address(seller), []
    for count in (2, 6):
        for number in range(count):
            task(actor, f"Task {number}", owner_id=actor.member_id)
        fetch(app, path)
        with counting() as statements:
            assert fetch(app, path).status_code == 200
        seen.append(len(statements))
    assert seen[0] == seen[1]


def test_vendor_staff_have_no_feed(app, stella):
    answer = SignedIn(app, stella).post("/calendar/feed", accept="application/json")
    assert answer.status_code == 403
