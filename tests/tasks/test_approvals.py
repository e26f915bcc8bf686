"""Approvals: who is asked, who answers, what follows for the task, and the same over REST and on screens."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.collaboration.models import Comment
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.outbox import Outbox
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.notifications.models import Notification
from app.tasks.models.approvals import TaskApproval
from app.tasks.models.names import PENDING, Decision, StatusGroup
from app.tasks.queries.approvals import list_rounds, outcome
from app.tasks.queries.groups import get_row
from app.tasks.queries.plan import list_neighbours
from app.tasks.queries.tasks import get_task
from app.tasks.service.approvals import MAX_APPROVERS, decide, set_approvers
from app.tasks.service.copies import copy_task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.statuses import save_status
from app.tenancy.service.members import remove_member
from tests.support import work_off
from tests.tasks.test_tasks import change, make, seen, status, stored

ANSWERS = st.lists(st.sampled_from([None, *Decision]), min_size=1, max_size=6)


def ask(actor: Any, task: Any, *people: Any, **values: Any) -> Any:
    with uow(actor):
        members = [one.member_id for one in people] or None
        return set_approvers(task.id, actor=actor, members=members, **values)


def answer(person: Any, task: Any, decision: str = "approved", note: str = "") -> Any:
    with uow(person.actor):
        return decide(task.id, decision, actor=person.actor, note=note)


def rounds(actor: Any, task: Any) -> list[tuple[int, str, dict[str, str | None]]]:
    """(round, state, answers by name of those whose answer counts), the newest first."""
    with tenant_scope(actor):
        return [
            (one.approval.round, one.approval.state, {person.name: person.decision for person in one.current})
            for one in list_rounds(task.id)
        ]


def group_of(actor: Any, task: Any) -> str:
    return str(stored(actor, task.id)["status_group"])


@pytest.fixture
def seller(company):
    return company.sales.actor


@pytest.fixture
def offer(seller):
    """An approval in review, owned by the seller."""
    review = status(seller, StatusGroup.IN_REVIEW)
    return make(seller, "Sign the offer", type="approval", status_id=review, owner_id=seller.member_id)


# ── the rules ────────────────────────────────────────────────────────────────────────────────────


@given(ANSWERS)
def test_one_refusal_decides_and_approval_takes_all_or_one(answers):
    refused = [one for one in answers if one in {Decision.REJECTED, Decision.CHANGES}]
    for rule in ("all", "any"):
        found = outcome(rule, answers)
        if refused:
            assert found == (Decision.REJECTED if Decision.REJECTED in refused else Decision.CHANGES)
        elif rule == "all":
            assert (found == Decision.APPROVED) == (None not in answers)
        else:
            assert (found == Decision.APPROVED) == (Decision.APPROVED in answers)


def test_all_must_approve_and_then_the_task_is_approved(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer)
    answer(company.viewer, offer)
    assert group_of(seller, offer) == "in_review"
    assert rounds(seller, offer) == [(1, PENDING, {"Ada Admin": None, "Vito Viewer": "approved"})]
    assert answer(company.admin, offer).state == "approved"
    assert group_of(seller, offer) == "approved"


def test_one_approval_is_enough_where_the_rule_says_so(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer, rule="any")
    answer(company.viewer, offer)
    assert group_of(seller, offer) == "approved"
    with pytest.raises(Conflict):
        answer(company.admin, offer)


@pytest.mark.parametrize("decision", ["rejected", "changes"])
def test_a_refusal_sends_the_task_back_and_asking_again_starts_over(company, seller, offer, decision):
    ask(seller, offer, company.admin, company.viewer)
    answer(company.viewer, offer)
    assert answer(company.admin, offer, decision, "Too dear").state == decision
    assert group_of(seller, offer) == "in_progress"
    ask(seller, offer)
    assert group_of(seller, offer) == "in_review"
    assert rounds(seller, offer) == [(2, PENDING, {"Ada Admin": None, "Vito Viewer": None}), (1, decision, {})]
    answer(company.viewer, offer)
    answer(company.admin, offer)
    assert group_of(seller, offer) == "approved"


def test_what_was_approved_is_in_review_when_it_is_asked_again(company, seller, offer):
    ask(seller, offer, company.admin)
    answer(company.admin, offer)
    ask(seller, offer, again=True)
    assert group_of(seller, offer) == "in_review"
    assert [one[1] for one in rounds(seller, offer)] == [PENDING, "approved"]


def test_nobody_answers_twice_in_a_round(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer)
    answer(company.viewer, offer)
    with pytest.raises(Conflict):
        answer(company.viewer, offer, "rejected")
    assert rounds(seller, offer)[0][2]["Vito Viewer"] == "approved"


def test_only_approvers_answer(company, seller, offer):
    with pytest.raises(Forbidden):  # nobody is asked yet
        answer(company.sales, offer)
    ask(seller, offer, company.viewer)
    for person in (company.sales, company.admin):
        with pytest.raises(Forbidden):
            answer(person, offer)
    with pytest.raises(NotFound):
        answer(company.marketing, offer)


@pytest.mark.parametrize("group", [StatusGroup.APPROVED, StatusGroup.DONE])
def test_no_hand_approves_or_closes_what_was_not_approved(company, seller, offer, group):
    target = status(seller, group)
    ask(seller, offer, company.admin)
    with pytest.raises(Conflict) as refused:
        change(seller, offer.id, status_id=target)
    assert "Sign the offer" in str(refused.value)
    with pytest.raises(Conflict):  # nor by being something else
        change(seller, offer.id, type="task")
    answer(company.admin, offer)
    change(seller, offer.id, status_id=status(seller, StatusGroup.DONE))
    assert group_of(seller, offer) == "done"


def test_an_approval_that_nobody_was_asked_for_moves_by_hand(seller, offer):
    change(seller, offer.id, status_id=status(seller, StatusGroup.APPROVED))
    assert group_of(seller, offer) == "approved"


def test_what_is_cancelled_asks_nobody(company, seller, offer):
    ask(seller, offer, company.admin)
    change(seller, offer.id, status_id=status(seller, StatusGroup.CANCELLED))
    with pytest.raises(Conflict):
        answer(company.admin, offer)
    with pytest.raises(Conflict):
        ask(seller, offer, company.viewer)


def test_a_full_status_refuses_the_last_answer_whole(company, seller, offer):
    approved = status(seller, StatusGroup.APPROVED)
    with uow(company.admin.actor):
        save_status(approved, actor=company.admin.actor, name="Approved", wip_limit=1, wip_hard=True)
    make(seller, "In the way", status_id=approved)
    ask(seller, offer, company.admin)
    with pytest.raises(Conflict):
        answer(company.admin, offer)
    assert rounds(seller, offer) == [(1, PENDING, {"Ada Admin": None})]


# ── who is asked ─────────────────────────────────────────────────────────────────────────────────


def test_approvers_see_what_they_are_asked_about_and_no_more_of_it_later(company, seller, offer):
    make(seller, "Other")
    outsider = company.marketing
    assert seen(outsider.actor) == set()
    ask(seller, offer, outsider)
    assert seen(outsider.actor) == {"Sign the offer"}
    with pytest.raises(Forbidden), uow(outsider.actor):
        set_approvers(offer.id, actor=outsider.actor, members=[company.viewer.member_id])
    ask(seller, offer, company.admin)
    assert seen(outsider.actor) == set()


def test_after_an_answer_only_who_manages_tasks_changes_the_approvers(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer)
    ask(seller, offer, company.viewer, company.admin, company.marketing)  # nobody has answered yet
    answer(company.viewer, offer)
    for values in ({"members": [company.admin.member_id]}, {"rule": "any"}):
        with pytest.raises(Forbidden), uow(seller):
            set_approvers(offer.id, actor=seller, **values)
    ask(company.admin.actor, offer, company.admin, company.marketing)
    assert rounds(seller, offer) == [(1, PENDING, {"Ada Admin": None, "Max Market": None})]
    ask(company.admin.actor, offer, company.admin, company.viewer)  # their answer counts again
    assert rounds(seller, offer) == [(1, PENDING, {"Ada Admin": None, "Vito Viewer": "approved"})]
    ask(company.admin.actor, offer, company.viewer)  # and is all that is missing
    assert group_of(seller, offer) == "approved"


def test_impossible_approvers_are_refused_in_words(company, rival, seller, offer):
    for members in ([], [uuid4()], [rival.admin.member_id], [uuid4() for _ in range(MAX_APPROVERS + 1)]):
        with pytest.raises(Invalid) as refused, uow(seller):
            set_approvers(offer.id, actor=seller, members=members)
        assert list(refused.value.errors) == ["members"]
    with pytest.raises(Invalid) as refused:
        ask(seller, offer, company.admin, rule="most")
    assert list(refused.value.errors) == ["rule"]
    with pytest.raises(Conflict):
        ask(seller, make(seller, "Plain"), company.admin)
    for values in ({"decision": "maybe"}, {"decision": "approved", "note": "x" * 2001}):
        ask(seller, offer, company.admin)
        with pytest.raises(Invalid):
            answer(company.admin, offer, **values)


def test_who_has_left_is_not_asked_again(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer)
    answer(company.admin, offer, "changes")
    with uow(company.admin.actor):
        remove_member(company.viewer.member_id, actor=company.admin.actor)
    ask(seller, offer)
    assert rounds(seller, offer)[0] == (2, PENDING, {"Ada Admin": None})


def test_a_copy_asks_the_same_people(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer, rule="any")
    answer(company.admin, offer)
    with uow(seller):
        copy = copy_task(get_task(offer.id), actor=seller, shift=dt.timedelta(days=7))
    assert rounds(seller, copy) == [(1, PENDING, {"Ada Admin": None, "Vito Viewer": None})]


def test_two_last_answers_at_once_complete_the_approval_once(app, company, seller, offer):
    ask(seller, offer, company.admin, company.viewer)
    start, errors = threading.Barrier(2), []

    def work(person: Any) -> None:
        with app.app_context():
            try:
                actor = person.actor
                start.wait(10)
                with uow(actor):
                    decide(offer.id, "approved", actor=actor)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in (company.admin, company.viewer)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert errors == []
    assert rounds(seller, offer) == [(1, "approved", {"Ada Admin": "approved", "Vito Viewer": "approved"})]
    assert group_of(seller, offer) == "approved"
    with tenant_scope(seller):
        moved = db.session.scalars(
            db.select(Outbox.name).where(Outbox.subject_id == offer.id, Outbox.name == "tasks.task_status_changed")
        ).all()
    assert len(moved) == 1


# ── what follows ─────────────────────────────────────────────────────────────────────────────────


def test_what_waits_for_an_approval_is_free_when_it_is_given(company, seller, offer):
    after = make(seller, "Send the offer", owner_id=seller.member_id)
    with uow(seller):
        add_dependency(offer.id, after.id, actor=seller)
    ask(seller, offer, company.admin)

    def blocked() -> tuple[bool, bool]:
        with tenant_scope(seller):
            return get_row(after.id).blocked, list_neighbours(after.id)[0].blocks

    assert blocked() == (True, True)
    answer(company.admin, offer)
    assert blocked() == (False, False)
    work_off()
    with tenant_scope(seller):
        told = db.session.scalars(db.select(Notification.message).where(Notification.member_id == seller.member_id))
        assert sorted(told) == ["approval_approved", "task_moved", "task_unblocked"]
    change(seller, offer.id, status_id=status(seller, StatusGroup.DONE))  # closing it frees nobody anew
    work_off()
    with tenant_scope(seller):
        told = db.session.scalars(db.select(Notification.message).where(Notification.member_id == seller.member_id))
        assert list(told).count("task_unblocked") == 1


def test_a_plain_task_in_approved_still_stands_in_the_way(seller):
    before, after = make(seller, "Before"), make(seller, "After")
    with uow(seller):
        add_dependency(before.id, after.id, actor=seller)
    change(seller, before.id, status_id=status(seller, StatusGroup.APPROVED))
    with tenant_scope(seller):
        assert get_row(after.id).blocked


def test_approvers_hear_of_it_at_once_and_by_mail_and_the_owner_of_the_answer(company, seller, offer):
    ask(seller, offer, company.admin, company.viewer, company.sales)
    answer(company.admin, offer, "changes", f"@{company.viewer.actor.label} the discount is missing")
    work_off()
    with tenant_scope(seller):
        rows = db.session.execute(
            db.select(Notification.member_id, Notification.message, Notification.mail_at.is_not(None))
        ).all()
        said = db.session.scalars(db.select(Comment.body).where(Comment.record_id == offer.id)).all()
    found = {(str(member), message): mailed for member, message, mailed in rows}
    assert found[str(company.admin.member_id), "approval_requested"]
    assert found[str(company.viewer.member_id), "approval_requested"]
    assert (str(seller.member_id), "approval_requested") not in found
    assert found[str(company.viewer.member_id), "mentioned"]
    assert (str(seller.member_id), "approval_changes") in found
    assert said == [f"@{company.viewer.actor.label} the discount is missing"]


def test_who_only_reads_says_why_without_a_comment(company, seller, offer):
    ask(seller, offer, company.viewer)
    answer(company.viewer, offer, "rejected", "Too dear")
    with tenant_scope(seller):
        assert list_rounds(offer.id)[0].asked[0].approver.note == "Too dear"
        assert db.session.scalars(db.select(Comment).where(Comment.record_id == offer.id)).all() == []


# ── REST and screens ─────────────────────────────────────────────────────────────────────────────


def test_the_same_over_rest(company, rival, sign_in, seller, offer):
    person, viewer = sign_in(company.sales), sign_in(company.viewer)
    base = f"/api/v1/tasks/{offer.id}"
    assert person.api("GET", f"{base}/approval").json["result"] is None
    body = {"members": [str(company.viewer.member_id)], "rule": "any"}
    asked = person.api("PUT", f"{base}/approvers", json=body)
    assert (asked.status_code, asked.json["result"]["state"], asked.json["may_decide"]) == (200, "pending", False)
    for bad, code in (
        ({"members": "all"}, 422),
        ({"members": [1]}, 422),
        ({"members": []}, 422),
        ({"members": [str(rival.admin.member_id)]}, 422),
        ({"rule": 5}, 422),
        ({"again": "yes"}, 422),
        ({**body, "version": 0}, 409),
    ):
        assert person.api("PUT", f"{base}/approvers", json=bad).status_code == code, bad
    for bad in ({}, {"decision": "maybe"}, {"decision": 1}, {"decision": "approved", "note": []}):
        assert viewer.api("POST", f"{base}/decision", json=bad).status_code == 422, bad
    assert person.api("POST", f"{base}/decision", json={"decision": "approved"}).status_code == 403
    seen_by = viewer.api("GET", f"{base}/approval").json
    assert (seen_by["may_decide"], seen_by["may_change"]) == (True, False)
    done = viewer.api("POST", f"{base}/decision", json={"decision": "approved"})
    assert (done.status_code, done.json["result"]["state"]) == (200, "approved")
    assert viewer.api("POST", f"{base}/decision", json={"decision": "approved"}).status_code == 409
    assert person.api("PUT", f"{base}/approvers", json={"again": True}).json["result"]["round"] == 2
    assert len(person.api("GET", f"{base}/approval").json["history"]) == 1
    outsider = sign_in(rival.admin)
    for method, path in (("GET", "approval"), ("PUT", "approvers"), ("POST", "decision")):
        given_body = {"json": {}} if method != "GET" else {}
        assert outsider.api(method, f"{base}/{path}", **given_body).status_code == 404


def test_openapi_tells_of_it(company, sign_in):
    paths = sign_in(company.admin).api("GET", "/api/v1/_openapi").json["paths"]
    for path, method, body in (("approval", "get", False), ("approvers", "put", True), ("decision", "post", True)):
        operation = paths[f"/api/v1/tasks/{{pk}}/{path}"][method]
        assert ("requestBody" in operation) is body and "200" in operation["responses"]


def test_the_section_shows_what_the_person_may_do(company, sign_in, seller, offer):
    address = f"/tasks/{offer.id}/approval"
    person, viewer = sign_in(company.sales), sign_in(company.viewer)
    assert "Nobody is asked" in person.get(address).text
    ask(seller, offer, company.viewer)
    assert "data-decide" not in person.get(address).text and "data-approvers" in person.get(address).text
    page = viewer.get(address).text
    assert "data-decide" in page and "data-approvers" not in page
    answer(company.viewer, offer, "changes", "More <b>detail</b>")
    page = person.get(address).text
    assert "More &lt;b&gt;detail" in page and "data-ask-again" in page and "data-approvers" not in page
    assert "stk-approval" in person.get(f"/tasks/{offer.id}/panel").text
    assert "stk-approval" not in person.get(f"/tasks/{make(seller).id}/panel").text


def test_more_approvers_and_rounds_cost_the_same_queries(company, sign_in, seller, offer, counting):
    person, counts = sign_in(company.sales), []
    for people in ((company.viewer,), (company.admin, company.viewer, company.marketing)):
        ask(company.admin.actor, offer, *people, again=True)
        person.get(f"/tasks/{offer.id}/approval")
        with counting() as statements:
            assert person.get(f"/tasks/{offer.id}/approval").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_an_answer_costs_the_same_however_many_are_asked(company, seller, offer, counting):
    ask(seller, offer, company.admin, company.viewer, company.marketing, company.sales)
    with tenant_scope(seller):
        assert db.session.scalar(db.select(db.func.count()).select_from(TaskApproval)) == 1
    counts = []
    for person in (company.admin, company.viewer):
        actor = person.actor
        with counting() as statements, uow(actor):
            decide(offer.id, "approved", actor=actor)
        counts.append(len(statements))
    assert counts[0] == counts[1]
