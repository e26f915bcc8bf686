"""Actions that are aimed at the parent and at linked records, and those that ask for approval."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from app.automations import words
from app.automations.queries.names import names
from app.automations.queries.runs import get_rule
from app.automations.service.rules import create_rule
from app.automations.targets import MAX_LINKED
from app.collaboration.models import Comment, RecordLink
from app.collaboration.service.links import link_records
from app.kernel import i18n
from app.kernel.actor import Scope
from app.kernel.db import db
from app.kernel.errors import Forbidden, Invalid
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.notifications import service as notifications
from app.sales.models.opportunities import Opportunity
from app.tasks.queries import approvals
from app.tasks.service.approvals import decide, set_approvers
from app.tasks.service.tasks import create_task
from app.tenancy.service.members import remove_member, save_team, update_member
from tests.automations.helpers import below, change, dry, get, rule, runs, states, status, task
from tests.automations.test_reach import person
from tests.sales import helpers as sales

URL = "/api/v1/automation-rules"
URGENT = {"type": "changed", "field": "priority", "to": "P0"}


def comments(actor, record_id):
    with tenant_scope(actor):
        return list(db.session.scalars(select(Comment.body).where(Comment.record_id == record_id).order_by(Comment.id)))


def link(actor, *ends):
    with uow(actor):
        link_records(*ends, actor=actor)


def deal(actor, record_id):
    with tenant_scope(actor):
        found = db.session.get(Opportunity, record_id)
        db.session.expunge(found)
        return found


def asked(actor, task_id):
    with tenant_scope(actor):
        found = approvals.find_approval(task_id)
        return {one.member_id for one in approvals.list_approvers(found.id)} if found is not None else None


def test_a_rule_acts_on_the_parent(company, actor):
    found = rule(
        actor, URGENT,
        {"type": "set_field", "target": "parent", "field": "priority", "value": "P1"},
        {"type": "assign", "target": "parent", "owner": str(company.sales.member_id)},
        {"type": "comment", "target": "parent", "body": "Urgent: {title}"},
        {"type": "create_task", "target": "parent", "title": "Look after {title}"},
        {"type": "notify", "target": "parent", "to": ["owner"], "text": "look at it"},
        {"type": "comment", "body": "Said"},
    )  # fmt: skip
    parent = task(actor, "Fair", module="sales")
    child = task(actor, "Stand", parent_id=parent)
    change(actor, child, priority="P0")
    (run,) = runs(actor, found)
    assert (run.status, run.reason) == ("ok", "")
    changed = get(actor, parent)
    assert (changed.priority, changed.owner_id) == ("P1", company.sales.member_id)
    assert (comments(actor, parent), comments(actor, child)) == (["Urgent: Stand"], ["Said"])
    made = {one.title: one.owner_id for one in below(actor, parent)}
    assert made["Look after Stand"] == company.sales.member_id
    assert below(actor, child) == []
    with uow(company.sales.actor), i18n.force_locale("en"):
        told = [notifications.text_of(one) for one in notifications.list_notifications(company.sales.member_id)]
    assert "“Fair”: look at it" in told
    assert [(one["type"], one.get("on", {}).get("id")) for one in run.log] == [
        *((name, str(parent)) for name in ("set_field", "assign", "comment", "create_task", "notify")), ("comment", None),
    ]  # fmt: skip


def test_what_is_not_there_is_left_out_and_the_rest_is_done(actor):
    aimed = [{"type": "set_field", "target": "parent", "field": "priority", "value": "P1"},
             {"type": "comment", "target": "linked_opportunity", "body": "x"}]  # fmt: skip
    some = rule(actor, URGENT, *aimed, {"type": "comment", "body": "Done all the same"}, name="Some")
    nothing = rule(actor, URGENT, *aimed, name="Nothing", daily_cap=1)
    one = task(actor, "Alone")
    change(actor, one, priority="P0")
    assert states(actor, some) == [("ok", "")]
    assert states(actor, nothing) == [("skipped", "target")]
    assert [line.get("skipped") for line in runs(actor, some)[0].log] == ["none", "none", None]
    assert comments(actor, one) == ["Done all the same"]
    with i18n.force_locale("en"):
        said = [words.log_words(line) for line in runs(actor, nothing)[0].log]
    assert said == ["Set a field: there is no parent task", "Write a comment: no opportunity is linked"]
    # What was left out takes nothing off the day's limit, in a dry run either.
    other = task(actor, "Child", parent_id=task(actor, "Parent"))
    change(actor, other, priority="P0")
    assert states(actor, nothing)[1:] == [("ok", "")]
    found = dry(actor, nothing)
    assert (found.count, found.capped) == (1, 0)
    assert [(one.label, one.idle, [aim.count for aim in one.aims]) for one in found.occasions] == [
        ("Child", False, [1, 0]), ("Alone", True, [0, 0])]  # fmt: skip


def test_rules_reach_from_tasks_to_deals_and_back(company, actor):
    opportunity = sales.deal(actor, "Presses").id
    one, other = task(actor, "Offer", module="sales"), task(actor, "Visit", module="sales")
    for key in (one, other):
        link(actor, "task", key, "opportunity", opportunity)
    link(actor, "task", one, "task", other)
    there = rule(
        actor, {"type": "changed", "field": "priority"},
        {"type": "set_field", "target": "linked_opportunity", "field": "close_date", "value": "+7"},
        {"type": "assign", "target": "linked_opportunity", "owner": str(company.sales.member_id)},
        {"type": "comment", "target": "linked_opportunity", "body": "{title} is urgent"},
        {"type": "create_task", "target": "linked_opportunity", "title": "Call"},
        name="There",
    )  # fmt: skip
    back = rule(
        actor, {"type": "assigned"}, {"type": "set_field", "target": "linked_task", "field": "priority", "value": "P1"},
        subject="opportunity", name="Back",
    )  # fmt: skip
    change(actor, one, priority="P0")
    runs(actor)
    changed = deal(actor, opportunity)
    assert changed.owner_id == company.sales.member_id
    assert comments(actor, opportunity)[0] == "Offer is urgent"
    # The deal's new owner set the second rule off, one step further; it reached all of the deal's tasks, and the first
    # rule did not run again on the task with which all had begun.
    assert {get(actor, key).priority for key in (one, other)} == {"P1"}
    first = runs(actor, there)[0]
    (second,) = [run for run in runs(actor, back) if run.caused_by == first.id]
    assert (second.depth, second.status) == (2, "ok")
    assert [line["on"]["label"] for line in second.log] == ["Offer", "Visit", "Call"]
    mine = [(run.status, run.reason) for run in runs(actor, there) if run.record_id == one]
    assert mine == [("ok", ""), ("skipped", "loop")]


def test_at_most_twenty_linked_records_in_their_order(actor):
    hub = task(actor, "Hub")
    with uow(actor):
        spokes = [create_task(actor=actor, title=f"Spoke {number:02}").id for number in range(MAX_LINKED + 2)]
        for key in reversed(spokes):
            link_records("task", hub, "task", key, actor=actor)
    with uow(actor):  # linked one after the other
        for at, found in enumerate(db.session.scalars(select(RecordLink).order_by(RecordLink.id)).all()):
            found.created_at = found.created_at + dt.timedelta(seconds=at)
    found = rule(actor, URGENT, {"type": "set_field", "target": "linked_task", "field": "tags", "value": ["hot"]})
    change(actor, hub, priority="P0")
    (run,) = runs(actor, found)
    assert run.status == "ok", run.reason
    tagged = [key for key in spokes if get(actor, key).tags == ["hot"]]
    assert tagged == spokes[2:]  # the two that were linked last are left out
    assert run.log[-1] == {"type": "set_field", "target": "linked_task", "skipped": "more", "count": 2}
    (occasion,) = dry(actor, found).occasions
    assert [(aim.count, aim.more, len(aim.records)) for aim in occasion.aims] == [(20, 2, 20)]


def test_a_refusal_by_a_target_keeps_nothing_and_is_told_to_who_may_see_it(company, actor, sign_in):
    reader = person(company, sign_in, read_automation="all", read_tasks="own")
    parent = task(actor, "Secret parent", module="sales", start_on=dt.date(2031, 1, 1))
    child = task(actor, "Child", parent_id=parent, module="sales", owner_id=reader.member_id)
    found = rule(actor, URGENT, {"type": "comment", "body": "First"},
                 {"type": "set_field", "target": "parent", "field": "due_on", "value": "+0"})  # fmt: skip
    change(actor, child, priority="P0")
    (run,) = runs(actor, found)
    assert (run.status, comments(actor, child)) == ("failed", [])
    assert run.log == [{"type": "set_field", "target": "parent", "place": 1, "failed": True,
                        "on": {"kind": "task", "id": str(parent), "label": "Secret parent"}}]  # fmt: skip
    answers = [sign_in(one).api("GET", f"{URL}/{found}/runs").json["result"][0] for one in (company.admin, reader)]
    assert [(one["record"]["name"], one["log"][0]["on"].get("label"), one["reason"]) for one in answers] == [
        ("Child", "Secret parent", run.reason), ("Child", None, "")]  # fmt: skip
    # Which action was refused is told in words, and which it was; to others that it was, not why.
    assert [one["message"] for one in answers] == [
        f"Set a field on “Secret parent”: {run.reason}", "Set a field"]  # fmt: skip
    assert [(one["log"][0]["place"], one["log"][0]["failed"]) for one in answers] == [(1, True)] * 2


def test_the_log_and_the_dry_run_name_no_target_out_of_sight(company, actor, sign_in):
    parent = task(actor, "Secret parent", owner_id=company.admin.member_id, module="sales")
    found = rule(actor, URGENT, {"type": "comment", "target": "parent", "body": "x"})
    reader = person(company, sign_in, read_automation="all", read_tasks="own")
    child = task(actor, "Child", parent_id=parent, owner_id=reader.member_id, module="sales")
    change(actor, child, priority="P0")
    runs(actor)
    client = sign_in(reader)
    answers = [client.api("GET", f"{URL}/{found}/{part}") for part in ("runs", "dry-run")]
    answers += [client.get(f"/settings/automations/{found}"), client.get(f"/settings/automations/{found}/dry-run")]
    assert [("Child" in one.text, "Secret" in one.text) for one in answers] == [(True, False)] * 4
    assert answers[1].json["result"][0]["targets"] == [{"target": "parent", "count": 1, "more": 0, "records": []}]


def test_whoever_answers_must_be_able_to_write_what_a_rule_is_aimed_at(company, actor):
    from dataclasses import replace

    cut = replace(actor, permissions={key: one for key, one in actor.permissions.items() if key != "write deal"})
    values = {"name": "R", "subject": "task", "trigger": {"type": "created"}}
    action = {"type": "comment", "target": "linked_opportunity", "body": "x"}
    with pytest.raises(Forbidden), uow(cut):
        create_rule(actor=cut, actions=[action], **values)
    unread = {**cut.permissions, "read deal": Scope.TEAM}
    notice = {"type": "notify", "target": "linked_opportunity", "to": ["owner"], "text": "x"}
    with pytest.raises(Forbidden), uow(replace(cut, permissions=unread)):
        create_rule(actor=replace(cut, permissions=unread), actions=[notice], **values)
    with uow(cut):
        create_rule(actor=cut, actions=[{**action, "target": "linked_task"}, notice], **values)


def test_a_rule_adds_approvers(company, actor):
    boss, seller, gone = company.marketing.member_id, company.sales.member_id, company.viewer.member_id
    with uow(actor):
        team = save_team(None, actor=actor, name="Sellers", manager_id=boss)
        update_member(seller, actor=actor, team_id=team.id)
    found = rule(actor, URGENT, {"type": "add_approvers", "approvers": ["manager", str(gone), str(actor.member_id)]})
    with uow(actor):
        remove_member(gone, actor=actor)
    first = task(actor, "Brochure", type="approval", owner_id=seller)
    change(actor, first, priority="P0")
    assert states(actor, found) == [("ok", "")]
    assert asked(actor, first) == {boss, actor.member_id}
    (line,) = runs(actor, found)[0].log
    assert [(one["member"], one["reason"]) for one in line["left_out"]] == [(str(gone), "left")]
    # Who is asked already stays, with a round that runs; nobody is asked twice.
    change(actor, first, priority="P1")
    change(actor, first, priority="P0")
    assert states(actor, found)[1] == ("skipped", "target")
    second = task(actor, "Flyer", type="approval")
    with uow(actor):
        set_approvers(second, actor=actor, members=[seller])
    change(actor, second, priority="P0")
    last = runs(actor, found)[2]
    assert asked(actor, second) == {seller, actor.member_id}
    assert {one["reason"] for one in last.log[0]["left_out"]} == {"left", "no_manager"}
    # Of a task that asks nobody, and of one that has an answer, the service refuses it.
    plain = task(actor, "Plain")
    change(actor, plain, priority="P0")
    third = task(actor, "Answered", type="approval", status_id=status(actor, "in_review"))
    with uow(actor):
        set_approvers(third, actor=actor, members=[seller, boss])
    with uow(company.sales.actor):
        decide(third, "approved", actor=company.sales.actor)
    change(actor, third, priority="P0")
    refused = states(actor, found)[3:]
    assert [one for one, _reason in refused] == ["failed", "failed"]
    assert asked(actor, third) == {seller, boss}


BAD = [
    ("task", {"type": "comment", "target": "child", "body": "x"}, "target"),
    ("task", {"type": "comment", "target": ["parent"], "body": "x"}, "target"),
    ("lead", {"type": "comment", "target": "parent", "body": "x"}, "target"),
    ("task", {"type": "webhook", "target": "parent", "url": "https://a.example/"}, "target"),
    ("task", {"type": "set_field", "target": "linked_opportunity", "field": "due_on", "value": None}, "field"),
    ("task", {"type": "notify", "target": "linked_lead", "to": ["watchers"], "text": "x"}, "to"),
    ("opportunity", {"type": "add_approvers", "approvers": ["manager"]}, "target"),
    ("task", {"type": "add_approvers", "target": "linked_lead", "approvers": ["manager"]}, "target"),
    ("task", {"type": "add_approvers", "approvers": []}, "approvers"),
    ("task", {"type": "add_approvers", "approvers": "manager"}, "approvers"),
    ("task", {"type": "add_approvers", "approvers": ["manager"] * 21}, "approvers"),
    ("task", {"type": "add_approvers", "approvers": ["owner"]}, "approvers"),
    ("task", {"type": "add_approvers", "approvers": [{"a": 1}]}, "approvers"),
]


def test_what_is_wrong_is_said_at_its_place(actor):
    for kind, action, place in BAD:
        with pytest.raises(Invalid) as raised, uow(actor):
            create_rule(actor=actor, name="R", subject=kind, trigger={"type": "created"}, actions=[action])
        assert list(raised.value.errors) == [f"actions.0.{place}"], action


def test_rest_and_the_page_know_targets_and_approvers(browser, actor):
    actions = [
        {"type": "comment", "target": "record", "body": "x"},
        {"type": "assign", "target": "linked_opportunity", "owner": "creator"},
        {"type": "add_approvers", "target": "parent", "approvers": ["manager", str(actor.member_id)]},
    ]
    body = {"name": "R", "subject": "task", "trigger": {"type": "created"}, "actions": actions}
    made = browser.api("POST", URL, json=body)
    assert made.status_code == 201, made.text
    kept = made.json["result"]["actions"]
    assert [one.get("target") for one in kept] == [None, "linked_opportunity", "parent"]
    with tenant_scope(actor), i18n.force_locale("en"):
        said = words.then(get_rule(made.json["id"]), names())
    assert said[1:] == [
        "on the linked opportunities assign it to whoever created it",
        f"on the parent task ask the manager of the owner’s team, {company_name(actor)} for approval",
    ]
    page = browser.get(f"/settings/automations/{made.json['id']}")
    assert (page.status_code, "on the linked opportunities" in page.text) == (200, True)
    document = browser.api("GET", "/api/v1/_openapi").json["components"]["schemas"]["AutomationRuleCreate"]
    described = document["properties"]["actions"]["items"]["properties"]
    assert "linked_opportunity" in described["target"]["enum"]
    assert "add_approvers" in described["type"]["enum"]


def company_name(actor):
    with tenant_scope(actor):
        return names()[actor.member_id]


def test_a_dry_run_of_aimed_actions_costs_the_same_however_many_there_are(actor, counting):
    found = rule(actor, {"type": "created"}, {"type": "comment", "target": "parent", "body": "x"},
                 {"type": "comment", "target": "linked_opportunity", "body": "x"})  # fmt: skip
    opportunity = sales.deal(actor, "Presses").id

    def cost(count):
        for number in range(count):
            key = task(actor, f"Child {number}", parent_id=parent)
            link(actor, "task", key, "opportunity", opportunity)
        runs(actor)
        with counting() as statements:
            shown = dry(actor, found)
        return shown.count, len(statements)

    parent = task(actor, "Parent")
    (first, cheap), (second, same) = cost(1), cost(4)
    assert (first, second) == (1, 5)
    assert cheap == same
