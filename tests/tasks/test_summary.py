"""The summary of a conversation: drawn from it, within what its reader may read, never written by itself."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.collaboration.models import Comment
from app.collaboration.service.comments import add_comment, delete_comment, resolve_thread
from app.kernel.crud.store import create
from app.kernel.db import db
from app.kernel.errors import Forbidden, NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.sales.cruds.leads import LEADS
from app.sales.service.opportunities.editing import create_opportunity
from app.tasks.assist.summary import summarize
from app.tasks.models.names import Decision, StatusGroup
from app.tasks.queries.tasks import first_status
from app.tasks.service.approvals import decide, set_approvers
from app.tasks.service.tasks import create_task, update_task
from app.tenancy.service.members import remove_member
from tests.tasks.test_assist_service import Server, allowed, choice, server  # noqa: F401 - fixtures


def say(person: Any, record: Any, text: str, kind: str = "task", **values: Any) -> Comment:
    with uow(person.actor):
        return add_comment(kind, record.id, text, actor=person.actor, **values)


def lines(actor: Any, record: Any, kind: str = "task", service: Any = None) -> Any:
    with tenant_scope(actor):
        return summarize(kind, record.id, service, actor=actor)


def texts(found: Any, section: str) -> list[str]:
    return [one.text for one in found.points if one.section == section]


@pytest.fixture
def talk(company):
    """A task with a conversation, and its comments by name."""
    admin, marketer = company.admin, company.marketing
    with uow(admin.actor):
        task = create_task(actor=admin.actor, title="Launch", module="marketing", type="approval")
        set_approvers(task.id, members=[marketer.member_id], actor=admin.actor)
    said = {
        "first": say(admin, task, "**Kick-off** is on Monday"),
        "settled": say(marketer, task, "Which printer?"),
        "open": say(marketer, task, "Which date, @Sam Seller?"),
        "lost": say(admin, task, "Texts please, @Max Market"),
        "deleted": say(admin, task, "A mistake?"),
        "internal": say(admin, task, "Margin is 30 %, keep quiet?", internal=True),
    }
    said["answer"] = say(admin, task, "The usual one.", parent_id=said["settled"].id)
    said["last"] = say(admin, task, "See ann@example.com, Vito Viewer pays € 500")
    with uow(admin.actor):
        resolve_thread(said["settled"].id, actor=admin.actor, resolved=True)
        delete_comment(said["deleted"].id, actor=admin.actor)
    return task, said


def test_each_line_is_drawn_from_the_comments_and_names_its_own(company, talk):
    task, said = talk
    admin = company.admin.actor
    found = lines(admin, task)
    assert (found.count, found.people, found.asked) == (7, 2, False)
    of = {one.section: one for one in found.points}
    assert (of["first"].text, of["first"].author) == ("Kick-off is on Monday", "Ada Admin")
    assert of["last"].comment == said["last"].id and of["last"].url == f"/comments/go/{said['last'].id}"
    assert texts(found, "open") == ["Which date, @Sam Seller?", "Margin is 30 %, keep quiet?"], "not what is settled"
    # Max has written before, but not since; Sam never.
    assert {(one.whom, one.text) for one in found.points if one.section == "asked"} == {
        ("Sam Seller", "Which date, @Sam Seller?"),
        ("Max Market", "Texts please, @Max Market"),
    }
    with uow(company.marketing.actor):
        decide(task.id, Decision.APPROVED, actor=company.marketing.actor, note="Fine")
    with uow(admin):
        update_task(db.session.get(type(task), task.id), actor=admin, status_id=first_status(StatusGroup.DONE).id)
        known = db.session.scalar(select(func.count(Comment.id)))
    found = lines(admin, task)
    assert texts(found, "step")[-1].endswith("→ Fatto")
    assert [(one.author, one.whom, one.text) for one in found.points if one.section == "approval"] == [
        ("Max Market", "approved", "Fine")
    ]
    # The note was a comment: who writes has answered.
    assert [one.whom for one in found.points if one.section == "asked"] == ["Sam Seller"]
    with tenant_scope(admin):
        assert db.session.scalar(select(func.count(Comment.id))) == known, "nothing was posted"


def test_internal_comments_and_records_out_of_sight_stay_there(company, rival, talk, sign_in):
    task, _said = talk
    assert lines(company.admin.actor, task).internal
    watching = replace(company.marketing.actor, impersonator_id=company.admin.user_id)
    found = lines(watching, task)
    assert not found.internal and found.count == 6
    assert "Margin" not in str(found.points)
    for blind in (company.sales.actor, rival.admin.actor):
        with pytest.raises((NotFound, Forbidden)):
            lines(blind, task)
    for person in (company.sales, rival.admin):
        assert sign_in(person).get(f"/comments/task/{task.id}/summary").status_code == 404
        assert sign_in(person).api("GET", f"/api/v1/tasks/{task.id}/summary").status_code == 404


def test_the_button_comes_with_the_eighth_comment_and_the_draft_names_nobody(company, talk, sign_in, counting):
    task, said = talk
    browser = sign_in(company.admin)
    assert "data-summarize" not in browser.get(f"/comments/task/{task.id}").text
    say(company.admin, task, "One more")
    assert "data-summarize" in browser.get(f"/comments/task/{task.id}").text
    browser.get(f"/comments/task/{task.id}/summary")
    with counting() as few:
        page = browser.get(f"/comments/task/{task.id}/summary").text
    draft = html.unescape(re.search(r"data-draft[^>]*>(.*?)</textarea>", page, flags=re.S)[1])
    assert f"(/comments/go/{said['open'].id})" in draft and "Which date, Sam Seller?" in draft
    assert "@Sam" not in draft and "ann@example.com" not in draft.split("Sam")[0]
    assert 'data-internal="1"' in page and "will be internal too" in page
    rest = browser.api("GET", f"/api/v1/tasks/{task.id}/summary").json["result"]
    assert {one["section"] for one in rest["lines"]} == {"first", "last", "open", "asked"}
    assert all(one["url"] for one in rest["lines"])
    for number in range(5):
        say(company.admin, task, f"And @Sam Seller {number}?")
    with counting() as many:
        browser.get(f"/comments/task/{task.id}/summary")
    assert len(few) == len(many)
    # Who only reads may not post it.
    with uow(company.admin.actor):
        deal = create_opportunity(actor=company.admin.actor, title="Deal")
    say(company.admin, deal, "Will they sign?", kind="opportunity")
    other = sign_in(company.viewer).get(f"/comments/opportunity/{deal.id}/summary").text
    assert "Will they sign?" in other and "data-use" not in other


def test_the_service_gets_no_internal_comment_no_name_and_is_asked_outside_a_transaction(allowed, talk, server):  # noqa: F811
    task, said = talk
    admin = allowed.admin.actor
    server.says((200, choice({"lines": [
        {"text": "User2 asks User1 for a date", "comment": 3},
        {"text": "Made up", "comment": 99}, {"text": "", "comment": 1}, {"text": "Of nothing", "comment": None},
    ]})))  # fmt: skip
    found = lines(admin, task, service=server.service)
    sent = str(server.sent)
    for secret in ("Margin", "mistake", "Sam", "Seller", "Max Market", "Ada", "Vito", "ann@example.com", "500"):
        assert secret not in sent
    assert "[name]" in sent and "User2" in sent and "Kick-off" in sent
    assert [(one.text, one.comment) for one in found.points if one.section == "service"] == [
        ("Max Market asks Ada Admin for a date", said["open"].id)
    ]
    assert found.points[0].section == "service" and texts(found, "first")
    with tenant_scope(admin):
        session = db.session()
        server.watch = session.in_transaction
        summarize("task", task.id, server.service, actor=admin)
    assert server.transactions == [False], "the service was asked while the reads' transaction was open"
    server.says((500, {}))
    failed = lines(admin, task, service=server.service)
    assert failed.problem and texts(failed, "first") and not texts(failed, "service")


def test_nothing_is_sent_while_the_switch_is_off(company, talk, server):  # noqa: F811
    found = lines(company.admin.actor, talk[0], service=server.service)
    assert server.sent == [] and not found.asked


def test_nothing_is_told_of_contacts_of_who_has_left_or_of_what_is_cut_through(allowed, server):  # noqa: F811
    admin = allowed.admin
    with uow(admin.actor):
        lead = create(LEADS, {"name": "Ermenegilda Bianchi", "company": "Tipografia"}, actor=admin.actor)
    say(admin, lead, "Ermenegilda asks Max Market for proofs", kind="lead")
    say(admin, lead, f"{'a ' * 392}ermenegilda.bianchi@tipografia.example is the address", kind="lead")
    with uow(admin.actor):
        remove_member(allowed.marketing.member_id, actor=admin.actor)
    server.says((200, choice({"lines": []})))
    lines(admin.actor, lead, kind="lead", service=server.service)
    sent = str(server.sent)
    assert "for proofs" in sent and "a a a" in sent
    for secret in ("Ermenegilda", "Bianchi", "Max", "Market", "ermenegilda", "tipografia.example"):
        assert secret not in sent
