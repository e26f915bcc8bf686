"""Requests: asked for without an account, decided by those who write the module's tasks."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app.intake.jobs import forget
from app.intake.models import KEPT, IntakeForm, TaskRequest
from app.intake.queries import count_by_state, list_forms, list_requests
from app.intake.service.deciding import accept_request, decline_request
from app.intake.service.forms import create_form, rotate_form, update_form
from app.intake.service.requests import submit_request
from app.kernel import clock, crypto
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.mail import MailMessage
from app.kernel.tenant import tenant_scope
from app.kernel.uow import platform_uow, uow
from app.notifications.models import Notification
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.tasks import create_task, update_task
from app.tenancy.models import Organization
from tests import cast
from tests.support import SignedIn, work_off


@pytest.fixture(autouse=True)
def _empty_mailbox(app):
    with platform_uow("jobs") as session:
        session.execute(db.delete(MailMessage).where(MailMessage.to_email.like("%@ricci.example")))


@pytest.fixture
def house(app):
    return cast.make_company("Casa & Co", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))


@pytest.fixture
def secret(house):
    """The secret of an open form of the marketing module, whose requests Max takes."""
    return new_form(house)[1]


def new_form(house: cast.Company, name: str = "Ask us", **values: Any) -> tuple[Any, str]:
    actor = house.admin.actor
    given = {"module": "marketing", "default_owner_id": house.marketing.member_id, "intro": "Say **what**"} | values
    with uow(actor):
        form = create_form(actor=actor, name=name, **given)
        return form.id, rotate_form(form.id, actor=actor)[1]


def ask(app: Any, secret: str, **form: str) -> Any:
    visitor = SignedIn(app)
    visitor.token = visitor._csrf()
    given = {"title": "A leaflet", "email": "Piero@Ricci.example", "description": "Two pages", "name": "Piero"} | form
    return visitor.post(f"/request/{secret}", data=given)


def stored(house: cast.Company) -> list[TaskRequest]:
    with tenant_scope(house.admin.actor):
        return list(db.session.scalars(db.select(TaskRequest).order_by(TaskRequest.created_at, TaskRequest.id)))


def mails(to: str) -> list[MailMessage]:
    with platform_uow("jobs") as session:
        found = db.select(MailMessage).where(MailMessage.to_email == to).order_by(MailMessage.created_at)
        return list(session.scalars(found))


def new_request(house: cast.Company, form_id: Any, title: str = "A leaflet", **values: Any) -> Any:
    actor = house.admin.actor
    given = {"email": "piero@ricci.example", "name": "Piero", "locale": "en"} | values
    with uow(actor):
        return submit_request(form_id, actor=actor, title=title, **given).id


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_the_form_and_nothing_else_of_the_organization(app, house, secret):
    page = app.test_client().get(f"/request/{secret}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "Casa &amp; Co" in page.text and "Ask us" in page.text and "<strong>what</strong>" in page.text
    assert 'name="due_on"' in page.text and 'name="website"' in page.text
    for private in ("Max Market", house.slug, str(house.id), house.admin.email, secret[:20] + "x", "marketing"):
        assert private not in page.text
    assert page.headers["Cache-Control"] == "private, no-store" and page.headers["X-Robots-Tag"] == "noindex"
    italian = app.test_client().get(f"/request/{secret}", headers={"Accept-Language": "it"})
    assert '<html lang="it"' in italian.text


def test_a_request_is_kept_confirmed_once_and_told_to_who_takes_them(app, house, secret):
    answer = ask(app, secret, due_on="2199-01-01")
    assert answer.status_code == 422 and 'value="2199-01-01"' in answer.text and stored(house) == []
    day = clock.today() + dt.timedelta(days=9)
    answer = ask(app, secret, due_on=day.isoformat())
    assert (answer.status_code, answer.location) == (302, f"/request/{secret}?sent=1")
    assert "Piero" not in app.test_client().get(answer.location).text
    ask(app, secret, due_on=day.isoformat())  # sent twice: once
    (kept,) = stored(house)
    assert (kept.title, kept.description, kept.requester_name) == ("A leaflet", "Two pages", "Piero")
    assert (kept.requester_email, kept.due_on, kept.module) == ("piero@ricci.example", day, "marketing")
    (mail,) = [one for one in mails("piero@ricci.example") if one.subject.startswith("Casa & Co")]
    assert mail.to_name == ""
    # Strangers do not choose what others read in the organization's name.
    assert not any(one in mail.subject + mail.text + mail.html for one in ("A leaflet", "Two pages"))
    work_off()
    with tenant_scope(house.admin.actor):
        told = db.session.scalars(db.select(Notification).where(Notification.message == "task_requested")).all()
        assert [(one.member_id, one.url) for one in told] == [(house.marketing.member_id, f"/tasks/requests/{kept.id}")]
        line = db.session.scalars(db.select(AuditLog).where(AuditLog.entity == "task_request")).one()
    assert "piero" not in str(line.changes).lower() and "A leaflet" in str(line.changes)


def test_without_an_owner_whoever_manages_tasks_hears_of_it(app, house):
    form_id, _secret = new_form(house, default_owner_id=None)
    new_request(house, form_id)
    work_off()
    with tenant_scope(house.admin.actor):
        told = db.session.scalars(db.select(Notification).where(Notification.message == "task_requested")).all()
    assert [one.member_id for one in told] == [house.admin.member_id]


@pytest.mark.parametrize(
    "form",
    [{"title": " "}, {"title": "x" * 201}, {"email": "nobody"}, {"email": "ü@ricci.example"}, {"description": "x" * 5001}, {"due_on": "soon"},
     {"name": "x" * 121}, {"title": "a\x00b"}, {"due_on": "2020-01-01"}],
)  # fmt: skip
def test_what_is_wrong_is_said_and_what_was_typed_stays(app, house, secret, form):
    answer = ask(app, secret, **form)
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    if "description" not in form:
        assert "Two pages" in answer.text
    if "email" not in form:
        assert "Piero@Ricci.example" in answer.text
    assert stored(house) == [] and mails("piero@ricci.example") == []


def test_wrong_closed_rotated_and_suspended_addresses_cannot_be_told_apart(app, house, secret):
    def seen(path: str) -> tuple[int, str]:
        page = app.test_client().get(path, headers={"Accept-Language": "en"})
        return page.status_code, re.sub(r'nonce="[^"]*"|csrf_token" value="[^"]*"|/request/[\w-]+', "", page.text)

    wrong = seen("/request/" + "x" * 43)
    assert wrong[0] == 404
    actor = house.admin.actor
    with uow(actor):
        update_form(db.session.scalars(db.select(IntakeForm)).one(), actor=actor, is_open=False)
    assert seen(f"/request/{secret}") == wrong and ask(app, secret).status_code == 404
    with uow(actor):
        form = update_form(db.session.scalars(db.select(IntakeForm)).one(), actor=actor, is_open=True)
        fresh = rotate_form(form.id, actor=actor)[1]
        assert form.token_hash == crypto.token_hash(fresh)
    assert seen(f"/request/{secret}") == wrong and seen(f"/request/{fresh}")[0] == 200
    with platform_uow("vendor") as session:
        session.get(Organization, house.id).status = "suspended"
    assert seen(f"/request/{fresh}") == wrong and ask(app, fresh).status_code == 404
    assert stored(house) == []


def test_programs_that_fill_in_everything_are_thanked_and_forgotten(app, house, secret):
    assert ask(app, secret, website="https://spam.example").status_code == 302
    assert stored(house) == [] and mails("piero@ricci.example") == []


def test_only_a_post_sends_a_form_and_no_boundless_one(app, house, secret):
    form = {"title": "A leaflet", "email": "piero@ricci.example"}
    assert app.test_client().head(f"/request/{secret}", data=form).status_code == 200
    answer = ask(app, secret, description="x" * app.config["MAX_FORM_MEMORY_SIZE"])
    assert answer.status_code == 413 and "xxx" not in answer.text
    assert stored(house) == []


def test_what_a_form_does_not_ask_is_not_taken(app, house):
    _id, secret = new_form(house, asks=[])
    assert 'name="description"' not in app.test_client().get(f"/request/{secret}").text
    assert ask(app, secret, due_on="nonsense").status_code == 302
    (kept,) = stored(house)
    assert (kept.description, kept.requester_name, kept.due_on) == (None, None, None)


def test_one_address_sends_ten_a_minute_and_one_person_gets_five_mails(app, house, secret, limited):
    answers = [ask(app, secret, title=f"Wish {number}") for number in range(11)]
    assert [one.status_code for one in answers] == [302] * 10 + [429]
    assert "Wish 10" in answers[-1].text and answers[-1].headers["Retry-After"] == "60"
    assert len(stored(house)) == 10 and len(mails("piero@ricci.example")) == 5


def test_a_colleague_of_another_organization_asks_like_anybody(app, house, secret, rival):
    browser = SignedIn(app, rival.admin)
    answer = browser.post(f"/request/{secret}", data={"title": "From Rival", "email": "charlie@rival.example"})
    assert answer.status_code == 302
    assert [one.title for one in stored(house)] == ["From Rival"] and stored(rival) == []


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────


def test_accepting_makes_the_task_as_it_was_edited(app, house):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id, description="See [here](https://evil.example)")
    browser = SignedIn(app, house.marketing)
    page = browser.get("/tasks/requests")
    assert "A leaflet" in page.text and 'value="A leaflet"' in page.text
    with tenant_scope(house.admin.actor):
        status = first_status(StatusGroup.IN_PROGRESS).id
    form = {"title": "Leaflet, A5", "module": "marketing", "status": str(status), "due_on": "2027-02-01",
            "owner": str(house.marketing.member_id), "priority": "P1", "next": ""}  # fmt: skip
    bad = browser.post(f"/tasks/requests/{request_id}/accept", data={**form, "title": ""})
    assert bad.status_code == 422 and 'value="2027-02-01"' in bad.text
    assert browser.post(f"/tasks/requests/{request_id}/accept", data=form).location == "/tasks/requests"
    (kept,) = stored(house)
    assert (kept.state, kept.decided_by_id) == ("accepted", house.marketing.member_id)
    with tenant_scope(house.admin.actor):
        task = get_task(kept.task_id)
        assert (task.title, task.module, task.status_id, task.priority) == ("Leaflet, A5", "marketing", status, "P1")
        assert (task.owner_id, task.due_on) == (house.marketing.member_id, dt.date(2027, 2, 1))
        assert task.description.startswith(r"See \[here\](https://evil.example)")
    page = browser.get(f"/tasks/{kept.task_id}").text
    assert f'href="/tasks/requests/{request_id}"' in page
    assert 'href="https://evil.example"' in page and ">here</a>" not in page


def test_two_who_decide_at_once_hear_what_the_other_did(app, house):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id)
    with uow(house.marketing.actor):
        decline_request(request_id, "No budget", actor=house.marketing.actor)
    browser = SignedIn(app, house.admin)
    answer = browser.post(f"/tasks/requests/{request_id}/accept", data={"title": "Mine"})
    assert answer.status_code == 409 and "Max Market has declined this request already." in answer.text
    answer = browser.api("POST", f"/api/v1/task-requests/{request_id}/accept", json={})
    assert answer.status_code == 409 and answer.json["details"]["state"] == "declined"
    with tenant_scope(house.admin.actor):
        assert db.session.scalars(db.select(Task)).all() == []


def test_a_declined_requester_reads_the_reason_and_is_forgotten_after_180_days(app, house):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id, "<b>Leaflet</b>")
    browser = SignedIn(app, house.admin)
    assert browser.post(f"/tasks/requests/{request_id}/decline", data={"reason": "  "}).status_code == 422
    assert browser.post(f"/tasks/requests/{request_id}/decline", data={"reason": "No <i>budget</i>"}).status_code == 302
    mail = mails("piero@ricci.example")[-1]
    assert "No <i>budget</i>" in mail.text and "No &lt;i&gt;budget" in mail.html and "<b>Leaflet" not in mail.html
    waiting = new_request(house, form_id, "Another")
    with clock.frozen(clock.now() + KEPT - dt.timedelta(hours=1)):
        forget()
        assert stored(house)[0].requester_email == "piero@ricci.example"
    with clock.frozen(clock.now() + KEPT + dt.timedelta(hours=1)):
        forget()
    declined, new = stored(house)
    assert (declined.requester_name, declined.requester_email, declined.state) == (None, None, "declined")
    assert (new.id, new.requester_email) == (waiting, "piero@ricci.example")
    assert "piero" not in browser.get(f"/tasks/requests/{request_id}").text.lower()


@pytest.mark.parametrize("tells", [True, False])
def test_the_requester_hears_once_that_the_task_is_done_where_the_form_says_so(app, house, tells):
    form_id, _secret = new_form(house, tells_done=tells)
    actor = house.admin.actor
    with uow(actor):
        request = submit_request(
            form_id, actor=actor, title="A leaflet", email="piero@ricci.example", confirm=lambda: False
        )
        _request, task = accept_request(request.id, actor=actor)
        task_id = task.id
    for group in (StatusGroup.DONE, StatusGroup.IN_PROGRESS, StatusGroup.DONE):
        with uow(actor):
            update_task(get_task(task_id), actor=actor, status_id=first_status(group).id)
        work_off()
    assert len(mails("piero@ricci.example")) == tells
    with clock.frozen(clock.now() + KEPT + dt.timedelta(hours=1)):
        forget()
    assert (stored(house)[0].requester_email is None) == tells, "whoever has heard the last is forgotten"


def test_requests_are_for_those_who_write_the_tasks_of_their_module(app, house, rival):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id)
    seller, rivals = SignedIn(app, house.sales), SignedIn(app, rival.admin)
    for browser in (seller, rivals):
        assert browser.get(f"/tasks/requests/{request_id}").status_code == 404
        assert browser.api("GET", f"/api/v1/task-requests/{request_id}").status_code == 404
        assert browser.api("GET", "/api/v1/task-requests/").json == {"count": 0, "ids": [], "result": []}
        assert browser.post(f"/tasks/requests/{request_id}/accept", data={"title": "x"}).status_code == 404
    assert SignedIn(app, house.viewer).get("/tasks/requests").status_code == 403
    assert seller.get("/settings/intake").status_code == 403
    assert seller.api("POST", f"/api/v1/intake-forms/{form_id}/rotate").status_code == 403


def test_rest_lists_accepts_declines_and_marks_duplicates(app, house):
    form_id, _secret = new_form(house)
    ids = [new_request(house, form_id, f"Wish {number}") for number in range(3)]
    with uow(house.admin.actor):
        other = create_task(actor=house.admin.actor, title="The same", module="marketing").id
    browser = SignedIn(app, house.admin)
    answer = browser.api("GET", "/api/v1/task-requests/?q=(filters:!((col:state,opr:eq,value:new)))").json
    assert answer["count"] == 3 and {one["form"] for one in answer["result"]} == {"Ask us"}
    assert browser.api("POST", f"/api/v1/task-requests/{ids[0]}/accept", json={"nonsense": 1}).status_code == 422
    made = browser.api("POST", f"/api/v1/task-requests/{ids[0]}/accept", json={"title": "Taken"})
    assert made.status_code == 200 and made.json["task"]["title"] == "Taken"
    assert made.json["result"]["task"] == {"id": made.json["task"]["id"], "name": "Taken"}
    assert browser.api("POST", f"/api/v1/task-requests/{ids[1]}/decline", json={}).status_code == 422
    said = browser.api("POST", f"/api/v1/task-requests/{ids[1]}/decline", json={"reason": "No"}).json["result"]
    assert (said["state"], said["reason"]) == ("declined", "No")
    same = browser.api("POST", f"/api/v1/task-requests/{ids[2]}/duplicate", json={"task": str(other)}).json["result"]
    assert (same["state"], same["task"]["name"]) == ("duplicate", "The same")
    assert [one.state for one in stored(house)] == ["accepted", "declined", "duplicate"]


def test_rest_makes_changes_and_deletes_forms(app, house):
    browser = SignedIn(app, house.admin)
    made = browser.api("POST", "/api/v1/intake-forms/", json={"name": "By REST", "module": "sales", "asks": ["name"]})
    assert made.status_code == 201, made.text
    form_id, url = made.json["id"], None
    assert "token" not in made.text and made.json["result"]["asks"] == ["name"]
    url = browser.api("POST", f"/api/v1/intake-forms/{form_id}/rotate").json["url"]
    path = url[url.index("/request/") :]
    assert app.test_client().get(path).status_code == 200
    assert browser.api("POST", "/api/v1/intake-forms/", json={"name": "by rest", "module": "sales"}).status_code == 422
    closed = browser.api("PATCH", f"/api/v1/intake-forms/{form_id}", json={"is_open": False})
    assert closed.status_code == 200 and app.test_client().get(path).status_code == 404
    assert browser.api("DELETE", f"/api/v1/intake-forms/{form_id}").status_code == 200
    assert browser.api("GET", "/api/v1/intake-forms/").json["count"] == 0


def test_settings_make_a_form_show_its_address_once_and_refuse_with_what_was_typed(app, house):
    browser = SignedIn(app, house.admin)
    form = {"name": "Fairs", "module": "marketing", "asks": ["name"], "is_open": "1", "intro": "Hello"}
    page = browser.post("/settings/intake/save", data=form)
    secret = re.search(r"/request/([\w-]{43})<", page.text).group(1)
    assert app.test_client().get(f"/request/{secret}").status_code == 200
    listed = browser.get("/settings/intake").text
    assert "Fairs" in listed and secret not in listed
    browser.post("/preferences", data={"lang": "it", "next": "/"})
    again = browser.post("/settings/intake/save", data={**form, "intro": "Typed in vain"})
    assert again.status_code == 422 and "Typed in vain" in again.text
    assert again.text.count("Questo valore è già in uso.") == 2 and "already in use" not in again.text
    with tenant_scope(house.admin.actor):
        ((made, _waiting),) = list_forms()
    assert (made.asks, made.is_open, made.tells_done) == (["name"], True, False)
    browser.post("/settings/intake/save", data={**form, "id": str(made.id), "name": "Fairs and visits"})
    rotated = browser.post(f"/settings/intake/{made.id}/rotate")
    assert "Fairs and visits" in rotated.text and app.test_client().get(f"/request/{secret}").status_code == 404
    assert browser.post(f"/settings/intake/{made.id}/delete").status_code == 302


def test_pages_and_lists_cost_the_same_however_many_there_are(app, house, counting):
    form_id, _secret = new_form(house)
    browser = SignedIn(app, house.marketing)

    def cost(*urls: str) -> list[int]:
        found = []
        for url in urls:
            browser.get(url)
            with counting() as statements:
                assert browser.get(url, accept="application/json").status_code == 200
            found.append(len(statements))
        return found

    first = new_request(house, form_id, "Wish 0")
    urls = ("/tasks/requests", f"/tasks/requests/{first}", "/api/v1/task-requests/")
    before = cost(*urls)
    for number in range(1, 8):
        new_request(house, form_id, f"Wish {number}", email=f"{number}@ricci.example")
    assert cost(*urls) == before and max(before) <= 8
    actor = house.marketing.actor
    with tenant_scope(actor), counting() as statements:
        lines, more = list_requests("new", actor=actor)
        assert len(lines) == 8 and not more and count_by_state(actor=actor) == {"new": 8}
    assert len(statements) == 2


def test_a_request_goes_only_where_its_taker_may_write(app, house):
    form_id, _secret = new_form(house, module="sales", default_owner_id=None)
    request_id = new_request(house, form_id)
    seller = SignedIn(app, house.sales)
    refused = seller.post(f"/tasks/requests/{request_id}/accept", data={"title": "x", "module": "marketing"})
    assert refused.status_code == 403 and 'value="x"' in refused.text
    assert [one.state for one in stored(house)] == ["new"]
    assert seller.post(f"/tasks/requests/{request_id}/accept", data={"title": "x"}).status_code == 302
    assert [one.state for one in stored(house)] == ["accepted"]
