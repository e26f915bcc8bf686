"""One calendar over tasks and sales: what it gives, to whom, what it costs, and how entries move."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.kernel import clock
from app.kernel.uow import uow
from app.sales.service.activities import create_activity
from app.sales.service.opportunities.editing import create_opportunity
from app.tasks.models.names import MemberRole
from app.tasks.service.tasks import create_task, set_people
from tests import cast
from tests.support import SignedIn

URL = "/api/v1/calendar?from=2026-12-01&to=2026-12-31"
DAY = dt.date(2026, 12, 10)
NOON = dt.datetime(2026, 12, 10, 11, 0, tzinfo=dt.UTC)


def task(actor: Any, title: str = "Task", **values: Any) -> Any:
    with uow(actor):
        return create_task(actor=actor, title=title, **({"due_on": DAY} | values))


def call(actor: Any, title: str = "Call", **values: Any) -> Any:
    with uow(actor):
        return create_activity(actor=actor, title=title, **({"type": "call", "due_at": NOON} | values))


@pytest.fixture
def seller(app, company):
    return SignedIn(app, company.sales)


def entries(browser: SignedIn, url: str = URL) -> dict[str, dict[str, Any]]:
    answer = browser.api("GET", url)
    assert answer.status_code == 200, answer.text
    return {one["title"]: one for one in answer.json["result"]}


def move(browser: SignedIn, record: Any, kind: str = "task", **body: Any) -> Any:
    return browser.api("POST", f"/api/v1/calendar/{kind}/{record.id}/move", json=body)


# ── what there is ────────────────────────────────────────────────────────────────────────────────


def test_tasks_stand_from_start_to_due_and_their_end_is_the_day_after(company, seller):
    actor = company.sales.actor
    task(actor, "One day")
    task(actor, "Three days", start_on=DAY - dt.timedelta(days=2))
    task(actor, "No date", due_on=None, start_on=DAY)
    found = entries(seller)
    assert set(found) == {"One day", "Three days"}
    assert (found["One day"]["start"], found["One day"]["end"]) == ("2026-12-10", "2026-12-11")
    assert (found["Three days"]["start"], found["Three days"]["end"]) == ("2026-12-08", "2026-12-11")
    assert found["One day"]["all_day"] and found["One day"]["url"].startswith("/tasks/")
    waiting = seller.api("GET", "/api/v1/calendar/undated").json["result"]
    assert [(one["title"], one["start"], one["end"]) for one in waiting] == [("No date", None, None)]


@pytest.mark.parametrize(
    ("start", "due", "inside"),
    [
        (None, dt.date(2026, 11, 30), False),
        (None, dt.date(2026, 12, 1), True),
        (None, dt.date(2026, 12, 31), True),
        (None, dt.date(2027, 1, 1), False),
        (dt.date(2026, 11, 1), dt.date(2026, 12, 1), True),
        (dt.date(2026, 12, 31), dt.date(2027, 2, 1), True),
        (dt.date(2026, 11, 1), dt.date(2027, 2, 1), True),
        (dt.date(2027, 1, 1), dt.date(2027, 2, 1), False),
    ],
)
def test_a_task_belongs_to_a_period_that_it_touches(company, seller, start, due, inside):
    task(company.sales.actor, start_on=start, due_on=due)
    assert ("Task" in entries(seller)) is inside


def test_activities_stand_at_their_time_in_the_persons_zone(company, seller):
    call(company.sales.actor, duration_min=45)
    call(company.sales.actor, "Short", due_at=dt.datetime(2026, 11, 30, 23, 30, tzinfo=dt.UTC))
    found = entries(seller)
    assert (found["Call"]["start"], found["Call"]["end"]) == ("2026-12-10T12:00+01:00", "2026-12-10T12:45+01:00")
    assert not found["Call"]["all_day"] and found["Call"]["module"] == "sales"
    # Half past midnight of the first of December in Rome.
    assert found["Short"]["end"] == "2026-12-01T01:00+01:00"


def test_open_deals_stand_on_their_expected_closing_and_stay_there(company, seller):
    with uow(company.sales.actor) as session:
        deal = create_opportunity(actor=company.sales.actor, title="Deal", close_date=DAY)
        session.flush()
    found = entries(seller)["Deal"]
    assert (found["kind"], found["type"], found["start"], found["movable"]) == (
        "opportunity", "closing", "2026-12-10", False,
    )  # fmt: skip
    assert move(seller, deal, "opportunity", start="2026-12-11").status_code == 404


def test_filters_hold_for_every_kind(company, seller):
    actor = company.sales.actor
    task(actor, "Urgent", priority="P0", owner_id=actor.member_id)
    task(actor, "Later", priority="P3", type="milestone")
    call(actor)
    call(actor, "To-do", type="task")
    assert set(entries(seller, URL + "&f=type:in:task")) == {"Urgent"}
    assert set(entries(seller, URL + "&f=type:in:todo,milestone")) == {"Later", "To-do"}
    assert set(entries(seller, URL + "&f=priority:in:P0,P3")) == {"Urgent", "Later"}
    assert set(entries(seller, URL + "&f=owner:in:me")) == {"Urgent", "Call", "To-do"}
    assert set(entries(seller, URL + "&f=module:in:sales")) == {"Urgent", "Later", "Call", "To-do"}
    assert set(entries(seller, URL + "&f=module:in:marketing")) == set()
    assert set(entries(seller, URL + "&q=urg")) == {"Urgent"}
    # A field that only tasks have leaves tasks only.
    assert set(entries(seller, URL + "&f=status_group:in:backlog&f=type:in:task,call")) == {"Urgent"}


@pytest.mark.parametrize(
    "query",
    ["?from=", "?from=2026-12-31&to=2026-12-01", "?from=2026-01-01&to=2027-02-05", "?from=x&to=y",
     "?from=0001-01-01&to=0001-01-02", "?from=2026-02-30&to=2026-03-01", "?from=20261201&to=20261202",
     "?from=2026-12-01&to=2026-12-02&f=module:in:weather", "?from=2026-12-01&to=2026-12-02&f=weather:eq:1",
     "?from=2026-12-01&to=2026-12-02&f=type", "?from=2026-12-01&to=2026-12-02&q=%00"],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_in_words(seller, query):
    answer = seller.api("GET", "/api/v1/calendar" + query)
    assert answer.status_code == 400 and answer.json["message"], answer.text


def test_a_period_that_nobody_names_is_the_next_month(company, seller):
    today = clock.today()
    for days in (-1, 0, 30, 31):
        task(company.sales.actor, f"In {days}", due_on=today + dt.timedelta(days=days))
    assert set(entries(seller, "/api/v1/calendar")) == {"In 0", "In 30"}


def test_a_period_of_four_hundred_days_is_the_longest(seller):
    assert seller.api("GET", "/api/v1/calendar?from=2026-01-01&to=2027-02-04").status_code == 200


def test_beyond_the_limit_the_answer_says_that_there_is_more(company, seller, monkeypatch):
    monkeypatch.setattr("app.calendar.api.MAX_ENTRIES", 2)
    for number in range(2):
        task(company.sales.actor, f"Task {number}")
    assert seller.api("GET", URL).json["more"] is False
    call(company.sales.actor)
    answer = seller.api("GET", URL).json
    assert (answer["count"], answer["more"], len(answer["result"])) == (2, True, 2)


def test_three_times_the_entries_cost_the_same_queries(company, seller, counting):
    actor, seen = company.sales.actor, []
    entries(seller)  # the organization's own fields are read once
    for count in (2, 6):
        for number in range(count):
            task(actor, f"Task {number}")
            task(actor, f"Undated {number}", due_on=None)
            call(actor, f"Call {number}")
        with counting() as statements:
            entries(seller)
            entries(seller, "/api/v1/calendar/undated")
        seen.append(len(statements))
    assert seen[0] == seen[1]


# ── to whom ──────────────────────────────────────────────────────────────────────────────────────


def test_everybody_sees_what_their_permissions_reach(app, company, rival):
    task(company.sales.actor, "Offer")
    task(company.marketing.actor, "Landing page")
    call(company.sales.actor)
    titles = lambda person: set(entries(SignedIn(app, person)))  # noqa: E731
    assert titles(company.admin) == titles(company.viewer) == {"Offer", "Landing page", "Call"}
    assert titles(company.sales) == {"Offer", "Call"}
    assert titles(company.marketing) == {"Landing page"}
    assert titles(rival.admin).isdisjoint({"Offer", "Landing page", "Call"})


def test_own_scope_leaves_ones_own_and_what_one_takes_part_in(app):
    company = cast.make_company("Own calendar", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
    person = company.marketing
    own = task(company.sales.actor, "Shared")
    task(company.sales.actor, "Foreign")
    with uow(company.sales.actor):
        set_people(own, MemberRole.COLLABORATOR, [person.actor.member_id], actor=company.sales.actor)
    browser = SignedIn(app, person)
    found = entries(browser)
    assert set(found) == {"Shared"} and found["Shared"]["movable"]
    assert move(browser, own, start="2026-12-12").status_code == 200


def test_a_viewer_reads_and_moves_nothing(app, company):
    made = task(company.sales.actor)
    viewer = SignedIn(app, company.viewer)
    assert entries(viewer)["Task"]["movable"] is False
    assert move(viewer, made, start="2026-12-12").status_code == 403


# ── moves ────────────────────────────────────────────────────────────────────────────────────────


def test_a_move_keeps_how_long_a_task_takes(company, seller):
    made = task(company.sales.actor, start_on=DAY - dt.timedelta(days=2))
    answer = move(seller, made, start="2026-12-20", version=made.version)
    assert answer.status_code == 200, answer.text
    found = answer.json["result"]
    assert (found["start"], found["end"], found["version"]) == ("2026-12-20", "2026-12-23", made.version + 1)


def test_a_task_of_one_day_gets_no_start_by_moving_and_one_by_growing(company, seller):
    made = task(company.sales.actor)

    def days() -> tuple[Any, Any]:
        row = seller.api("GET", f"/api/v1/tasks/{made.id}").json["result"]
        return row["start_on"], row["due_on"]

    assert move(seller, made, start="2026-12-12", end="2026-12-13").status_code == 200
    assert days() == (None, "2026-12-12")
    assert move(seller, made, start="2026-12-12", end="2026-12-15").status_code == 200
    assert days() == ("2026-12-12", "2026-12-14")
    assert move(seller, made, start=None).status_code == 200
    assert days() == (None, None)


def test_planning_keeps_a_start_that_was_known(company, seller):
    made = task(company.sales.actor, due_on=None, start_on=DAY)
    found = move(seller, made, start="2026-12-15").json["result"]
    assert (found["start"], found["end"]) == ("2026-12-10", "2026-12-16")


def test_an_activity_moved_to_a_day_keeps_its_time_across_the_clock_change(company, seller):
    made = call(company.sales.actor, duration_min=60)
    found = move(seller, made, "activity_log", start="2027-04-01").json["result"]
    assert (found["start"], found["end"]) == ("2027-04-01T12:00+02:00", "2027-04-01T13:00+02:00")
    found = move(seller, made, "activity_log", start="2026-12-11T09:00", end="2026-12-11T10:30").json["result"]
    assert (found["start"], found["end"]) == ("2026-12-11T09:00+01:00", "2026-12-11T10:30+01:00")


def test_a_stale_move_is_refused_with_what_the_other_wrote(app, company, seller):
    made = task(company.sales.actor)
    assert move(SignedIn(app, company.admin), made, start="2026-12-24", version=made.version).status_code == 200
    answer = move(seller, made, start="2026-12-12", version=made.version)
    assert answer.status_code == 409
    details = answer.json["details"]
    assert details["entry"]["start"] == "2026-12-24" and details["by"] == company.admin.actor.label
    assert entries(seller)["Task"]["start"] == "2026-12-24"
    meeting = call(company.sales.actor)
    stale = move(seller, meeting, "activity_log", start="2026-12-12", version=meeting.version + 1)
    assert stale.status_code == 409 and stale.json["details"]["entry"]["start"] == "2026-12-10T12:00+01:00"


@pytest.mark.parametrize(
    "body",
    [{}, {"start": 7}, {"start": "soon"}, {"start": "2026-12-12", "end": "2026-12-11"}, {"start": "2026-12-12T10:00"},
     {"start": "2026-12-12", "end": "2026-12-12T10:00"}, {"start": "9999-12-31"}, {"start": "2026-12-12", "rank": "a"},
     {"start": "2026-12-12", "version": "1"}, {"start": "0001-01-01T00:00+14:00"}],
)  # fmt: skip
def test_a_move_that_cannot_be_is_refused_in_words(company, seller, body):
    made = task(company.sales.actor)
    answer = move(seller, made, **body)
    assert answer.status_code == 422 and answer.json["errors"], answer.text
    assert entries(seller)["Task"]["start"] == "2026-12-10"


@pytest.mark.parametrize(
    "body", [{"start": None}, {"start": "2026-12-12T10:00", "end": "2026-12-12T10:00"}], ids=["no day", "no length"]
)
def test_an_activity_needs_a_time_and_a_length(company, seller, body):
    assert move(seller, call(company.sales.actor), "activity_log", **body).status_code == 422


def finish(browser: SignedIn, record: Any, kind: str = "task", **body: Any) -> Any:
    return browser.api("POST", f"/api/v1/calendar/{kind}/{record.id}/finish", json=body)


def test_what_is_open_is_marked_done_once(app, company, seller):
    made, talk = task(company.sales.actor), call(company.sales.actor)
    with uow(company.sales.actor):
        deal = create_opportunity(actor=company.sales.actor, title="Deal", close_date=DAY)
    found = entries(seller)
    assert [found[one]["finishable"] for one in ("Task", "Call", "Deal")] == [True, True, False]
    stale = finish(seller, made, version=found["Task"]["version"] - 1)
    assert stale.status_code == 409 and stale.json["details"]["entry"]["state"] == "open"
    for record, kind in ((made, "task"), (talk, "activity_log")):
        answer = finish(seller, record, kind)
        assert answer.status_code == 200, answer.text
        assert (answer.json["result"]["state"], answer.json["result"]["finishable"]) == ("done", False)
        again = finish(seller, record, kind)
        assert again.status_code == 409 and "already" in again.json["message"]
    assert finish(seller, deal, "opportunity").status_code == 404
    assert finish(seller, made, start="2026-12-01").status_code == 422
    assert seller.api("GET", f"/api/v1/tasks/{made.id}").json["result"]["status_group"] == "done"
    viewer = SignedIn(app, company.viewer)
    assert finish(viewer, task(company.sales.actor, "Other")).status_code == 403


def test_an_unknown_kind_is_unknown(company, seller):
    assert move(seller, task(company.sales.actor), "weather", start="2026-12-12").status_code == 404


def test_a_key_reads_what_it_may(app, company):
    from app.tenancy.service.api_keys import create_key

    task(company.marketing.actor, "Landing page", due_on=clock.today() + dt.timedelta(days=1))
    with uow(company.admin.actor):
        _key, secret = create_key(actor=company.admin.actor, name="Calendar", scopes=["read deal"])
    day = (clock.today() + dt.timedelta(days=1)).isoformat()
    answer = app.test_client().get(
        f"/api/v1/calendar?from={day}&to={day}", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 200 and answer.json["result"] == []
