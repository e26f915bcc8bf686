"""Requests where something goes wrong, or comes from two sides at once."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from app.intake.models import IntakeForm
from app.intake.service.deciding import accept_request
from app.intake.service.forms import update_form
from app.intake.service.requests import submit_request
from app.kernel import markdown
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.queries.tasks import first_status
from app.tenancy.service.members import remove_member
from tests.intake.test_intake import ask, mails, new_form, new_request, stored
from tests.support import SignedIn, work_off


def test_the_words_of_a_link_cannot_say_another_address(app, house):
    form_id, _secret = new_form(house)
    tricks = (r"\[https://bank.example\](https://evil.example)", r"\\[https://bank.example](https://evil.example)",
              r"[https://bank.example\\](https://evil.example)")  # fmt: skip
    for place, words in enumerate(tricks):
        request_id = new_request(house, form_id, f"Wish {place}", description=words)
        with uow(house.admin.actor):
            _request, task = accept_request(request_id, actor=house.admin.actor)
            shown = str(markdown.render(task.description))
        said = dict(re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', shown))
        assert said.pop(f"/tasks/requests/{request_id}")
        assert all(text == address for address, text in said.items()), shown
        assert "https://evil.example" in shown


@pytest.mark.parametrize("name", ["Piero", None])
def test_who_asked_stands_in_no_log_that_nothing_can_be_taken_out_of(app, house, name):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id, name=name)
    with uow(house.admin.actor):
        accept_request(request_id, actor=house.admin.actor)
    with tenant_scope(house.admin.actor):
        logged = [str(one.changes) for one in db.session.scalars(db.select(AuditLog))]
    assert any("A leaflet" in one for one in logged) and not any("piero" in one.lower() for one in logged)


def test_what_is_refused_or_sent_twice_costs_no_confirmation(app, house, secret, limited):
    answers = [ask(app, secret, due_on="2199-01-01") for _ in range(4)]
    answers += [ask(app, secret, title=f"Wish {number // 2}") for number in range(4)]
    assert [one.status_code for one in answers] == [422] * 4 + [302] * 4
    assert len(mails("piero@ricci.example")) == 2


def test_a_look_at_the_head_of_a_form_is_no_request(app, house, secret):
    assert app.test_client().head(f"/request/{secret}").status_code == 200


def test_odd_pages_of_requests_never_break(app, house):
    browser = SignedIn(app, house.admin)
    for page in ("9" * 5000, "0", "-1", "²", "x"):
        assert browser.get("/tasks/requests", query_string={"page": page}).status_code == 200


def test_a_task_that_is_gone_stands_for_no_request(app, house):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id)
    browser = SignedIn(app, house.admin)
    gone = str(uuid4())
    answer = browser.post(f"/tasks/requests/{request_id}/duplicate", data={"task": gone})
    assert answer.status_code == 422 and "A leaflet" in answer.text
    answer = browser.api("POST", f"/api/v1/task-requests/{request_id}/duplicate", json={"task": gone})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["task"])
    assert [one.state for one in stored(house)] == ["new"]


def test_a_form_is_closed_though_who_takes_its_requests_has_left(app, house):
    form_id, secret = new_form(house)
    with uow(house.admin.actor):
        remove_member(house.marketing.member_id, actor=house.admin.actor)
    browser = SignedIn(app, house.admin)
    closed = browser.api("PATCH", f"/api/v1/intake-forms/{form_id}", json={"is_open": False})
    assert closed.status_code == 200, closed.text
    assert app.test_client().get(f"/request/{secret}").status_code == 404
    same = browser.api(
        "PATCH", f"/api/v1/intake-forms/{form_id}", json={"default_owner": str(house.marketing.member_id)}
    )
    assert (same.status_code, list(same.json["errors"])) == (422, ["default_owner"])


def test_a_form_that_was_closed_since_it_was_found_takes_nothing(app, house):
    form_id, _secret = new_form(house)
    actor = house.admin.actor
    with uow(actor):
        update_form(db.session.get_one(IntakeForm, form_id), actor=actor, is_open=False)
    with pytest.raises(NotFound), uow(actor):
        submit_request(form_id, actor=actor, title="Late", email="piero@ricci.example")
    assert stored(house) == []


def test_who_asked_for_what_is_done_already_hears_of_it_once(app, house):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id, confirm=lambda: False)
    with tenant_scope(house.admin.actor):
        done = first_status(StatusGroup.DONE).id
    browser = SignedIn(app, house.admin)
    made = browser.api("POST", f"/api/v1/task-requests/{request_id}/accept", json={"status": str(done)})
    assert made.status_code == 200, made.text
    work_off()
    assert len(mails("piero@ricci.example")) == 1


def test_the_next_request_is_only_where_one_goes(app, house):
    form_id, _secret = new_form(house)
    request_id = new_request(house, form_id)
    answer = SignedIn(app, house.admin).post(
        f"/tasks/requests/{request_id}/decline", data={"reason": "No", "next": "//evil.example"}
    )
    assert (answer.status_code, answer.location) == (302, "/tasks/requests")
    assert [one.state for one in stored(house)] == ["declined"]
