"""How far rules reach: no further than who answers for them, and what the log tells to whom."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from app.automations import jobs, webhooks
from app.automations.queries.runs import get_rule
from app.automations.service.rules import set_active
from app.collaboration.service.links import link_records
from app.kernel import clock, i18n
from app.kernel.uow import uow
from app.notifications import service as notifications
from app.sales.service.opportunities.editing import create_opportunity
from app.tenancy.service.api_keys import create_key, revoke_key, rotate_key
from app.tenancy.service.members import remove_member
from tests.automations.helpers import change, rule, runs, states, task
from tests.tenancy.helpers import add_person, role_id
from tests.tenancy.test_api_keys import Program, make

RULES = "/api/v1/automation-rules"
HOOK = {"type": "webhook", "url": "https://hooks.example.com/x"}


def person(company, sign_in, **held):
    admin = sign_in(company.admin)
    assert admin.post("/roles/new", data={"name": "Custom"}).status_code == 302
    wanted = {key.replace("_", " "): scope for key, scope in held.items()}
    number = role_id(company, "Custom")
    assert admin.api("POST", f"/roles/{number}/permissions", json={"permissions": wanted}).status_code == 200
    return add_person(company, f"x@{company.slug}.example", "Custom")


def test_the_log_names_no_record_out_of_sight(app, company, actor, sign_in):
    made = rule(actor, {"type": "created"}, {"type": "create_task", "title": "Re {title}"})
    task(actor, "Secret", owner_id=company.admin.member_id, module="sales")
    runs(actor)
    reader = sign_in(person(company, sign_in, read_automation="all", read_tasks="own"))
    assert reader.api("GET", "/api/v1/tasks/").json["count"] == 0
    key = Program(app, make(company, scopes=["read automation"])[1])
    texts = [reader.api("GET", f"{RULES}/{made}/runs").text, reader.get("/settings/automations/runs").text,
             reader.get(f"/settings/automations/{made}").text, key("GET", f"{RULES}/{made}/runs").text]  # fmt: skip
    assert ["Secret" in one for one in texts] == [False] * 4


def test_a_rule_beyond_ones_reach_is_not_rewritten_or_deleted(company, actor, sign_in):
    made = rule(actor, {"type": "won"}, HOOK, subject="opportunity")
    writer = sign_in(person(company, sign_in, read_automation="all", write_automation="all", read_lead="all"))
    assert writer.api("PATCH", f"{RULES}/{made}", json={"name": "Mine"}).status_code == 403
    body = {
        "subject": "lead",
        "trigger": {"type": "created"},
        "actions": [{**HOOK, "url": "https://other.example.com/"}],
    }
    found = [writer.api("PATCH", f"{RULES}/{made}", json=body).status_code,
             "whsec_" in writer.get(f"/settings/automations/{made}").text,
             writer.api("DELETE", f"{RULES}/{made}").status_code]  # fmt: skip
    assert found == [403, False, 403]


def test_the_secret_of_a_rule_beyond_ones_reach_is_not_shown(company, actor, sign_in):
    made = rule(actor, {"type": "won"}, HOOK, subject="opportunity")
    writer = sign_in(person(company, sign_in, read_automation="all", write_automation="all"))
    assert "whsec_" not in writer.get(f"/settings/automations/{made}").text


def test_a_rule_reaches_no_further_than_its_author_still_does(company, actor, sign_in, monkeypatch):
    sent = []
    monkeypatch.setattr(
        webhooks, "send", lambda *given: (sent.append(given[2]["data"]["record"]["label"]), (204, ""))[1]
    )
    author = person(
        company, sign_in, read_automation="all", write_automation="all", read_tasks="all", read_activity="all"
    )
    rule(author.actor, {"type": "created"}, {**HOOK, "url": "https://other.example.com/"})
    cut = {"read tasks": None, "read activity": None, "write automation": None, "read automation": None}
    sign_in(company.admin).api("POST", f"/roles/{role_id(company, 'Custom')}/permissions", json={"permissions": cut})
    task(actor, "After they lost everything")
    runs(actor)
    assert sent == []


def test_nothing_leaves_for_a_rule_that_is_off(actor, monkeypatch):
    sent = []
    monkeypatch.setattr(webhooks, "send", lambda *given: (sent.append(given[1]), (500, ""))[1])
    made = rule(actor, {"type": "created"}, HOOK)
    task(actor)
    runs(actor)
    with uow(actor):
        set_active(get_rule(made), actor=actor, on=False)
    with clock.frozen(clock.now() + dt.timedelta(minutes=5)):
        jobs.sweep()
        runs(actor)
    assert len(sent) == 1


def test_no_rule_tells_amounts_of_deals_to_who_may_not_see_them(company, actor, sign_in, monkeypatch):
    sent = []
    monkeypatch.setattr(webhooks, "send", lambda *given: (sent.append(given[2]["data"]["record"]), (204, ""))[1])
    writer = sign_in(person(company, sign_in, **{one.replace(" ", "_"): "all" for one in KEY}))
    body = {"name": "Rule", "subject": "task", "trigger": {"type": "changed", "field": "priority"}, "active": True,
            "actions": [HOOK]}  # fmt: skip
    over = {"op": "and", "items": [{"field": "value_at_stake", "operator": "gt", "value": ["1000"]}]}
    refused = writer.api("POST", RULES, json={**body, "conditions": over})
    assert (refused.status_code, refused.json["details"]) == (403, {"permission": "read deal"})
    assert writer.api("POST", RULES, json=body).status_code == 201
    one = task(actor, "Offer", module="sales")
    with uow(actor):
        deal = create_opportunity(actor=actor, title="Presses", amount=Decimal(5000)).id
        link_records("task", one, "opportunity", deal, actor=actor)
    change(actor, one, priority="P0")
    assert states(actor) == [("ok", "")]
    assert sent[0]["title"] == "Offer" and "value_at_stake" not in sent[0]
    # Who was allowed it, and is no more: the rule stops.
    grant = f"/roles/{role_id(company, 'Custom')}/permissions"
    admin = sign_in(company.admin)
    assert admin.api("POST", grant, json={"permissions": {"read deal": "all"}}).status_code == 200
    assert writer.api("POST", RULES, json={**body, "name": "Rule 2", "conditions": over}).status_code == 201
    assert admin.api("POST", grant, json={"permissions": {"read deal": "own"}}).status_code == 200
    change(actor, one, priority="P1")
    assert sorted(states(actor)[1:]) == [("ok", ""), ("skipped", "author")]


@pytest.mark.parametrize("action", [
    {"type": "notify", "to": [{"a": 1}], "text": "x"}, {"type": "create_task", "title": "x", "priority": ["P0"]},
    {"type": "webhook", "url": "https://[fe80::1%25eth0]/"}])  # fmt: skip
def test_actions_that_make_no_sense_are_refused(browser, action):
    body = {"name": "R", "subject": "task", "trigger": {"type": "created"}, "actions": [action]}
    assert browser.api("POST", RULES, json=body).status_code == 422


@pytest.mark.parametrize("url", ["https://[fec0::1]/", "https://[::127.0.0.1]/"])
def test_addresses_of_old_private_networks_are_refused(app, url):
    with app.test_request_context():
        assert webhooks.problem_of(url)


KEY = ["read automation", "write automation", "read activity", "write activity", "read tasks", "write tasks"]
STOPPED = ["Nobody answers for the automation “Rule” any more: it has stopped"]


def told(person):
    with uow(person.actor), i18n.force_locale("en"):
        return [notifications.text_of(one) for one in notifications.list_notifications(person.member_id)]


def test_who_made_a_key_answers_for_its_rules_and_without_the_key_they_stop(app, company, actor, sign_in):
    key_id, secret = make(company, scopes=KEY)
    program = Program(app, secret)
    body = {"name": "Rule", "subject": "task", "trigger": {"type": "created"},
            "actions": [{"type": "comment", "body": "Seen"}], "active": True}  # fmt: skip
    made = program("POST", RULES, json=body)
    assert (made.status_code, made.json["result"]["author"]["id"]) == (201, str(company.admin.member_id))
    task(actor, "First")
    assert states(actor) == [("ok", "")]
    admin = sign_in(company.admin)
    page = f"/settings/automations/{made.json['id']}"
    assert "This automation has stopped" not in admin.get(page, headers={"Accept-Language": "en"}).text
    with uow(actor):
        revoke_key(key_id, actor=actor)
    for number in range(2):
        task(actor, f"Later {number}")
    assert states(actor)[1:] == [("skipped", "author")] * 2
    assert (told(company.admin), told(company.sales)) == (STOPPED, [])
    assert "This automation has stopped" in admin.get(page, headers={"Accept-Language": "en"}).text
    assert admin.api("PATCH", f"{RULES}/{made.json['id']}", json={"daily_cap": 50}).status_code == 200
    task(actor, "Last")
    assert states(actor)[-1] == ("ok", "")  # a person answers for it now


def test_rules_stop_with_whoever_answered_for_them_and_the_admins_hear_of_it(company, actor, sign_in, app):
    maker = person(company, sign_in, **{one.replace(" ", "_"): "all" for one in (*KEY, "read api", "write api")})
    with uow(maker.actor):
        _key, secret = create_key("ERP", actor=maker.actor, scopes=KEY)
    body = {"subject": "task", "trigger": {"type": "created"}, "actions": [{"type": "comment", "body": "x"}]}
    for number, name in enumerate(("Rule", "Rule 2")):
        saved = Program(app, secret) if number else sign_in(maker).api
        assert saved("POST", RULES, json={**body, "name": name, "active": True}).status_code == 201
    with uow(actor):
        remove_member(maker.member_id, actor=actor)
    task(actor)
    assert states(actor) == [("skipped", "author")] * 2
    assert set(told(company.admin)) == {*STOPPED, STOPPED[0].replace("Rule", "Rule 2")}
    # The list says it too, and the key whose maker has left sets no other rule going.
    page = sign_in(company.admin).get("/settings/automations", headers={"Accept-Language": "en"}).text
    assert page.count("Stopped: nobody answers for it") == 2
    orphan = Program(app, secret)
    assert orphan("POST", RULES, json={**body, "name": "Rule 3", "active": True}).status_code in {401, 403}


def test_whoever_rotates_a_key_answers_for_its_rules(app, company, actor, sign_in):
    held = {one.replace(" ", "_"): "all" for one in (*KEY, "read api", "write api")}
    maker = person(company, sign_in, **held)
    key_id, secret = make(company, scopes=KEY)
    body = {"name": "Rule", "subject": "task", "trigger": {"type": "created"}, "active": True,
            "actions": [{"type": "comment", "body": "Seen"}]}  # fmt: skip
    assert Program(app, secret)("POST", RULES, json=body).status_code == 201
    with uow(maker.actor):
        rotate_key(key_id, actor=maker.actor)
    task(actor)
    assert states(actor) == [("ok", "")]
    with uow(actor):
        remove_member(maker.member_id, actor=actor)
    task(actor)
    assert states(actor)[1:] == [("skipped", "author")]
    with uow(actor):
        rotate_key(key_id, actor=actor)
    task(actor)
    assert states(actor)[2:] == [("ok", "")]


def test_whoever_rotated_a_key_stands_for_its_rules_and_hears_of_their_limit(app, company, actor, sign_in):
    held = {one.replace(" ", "_"): "all" for one in (*KEY, "read api", "write api")}
    holder = person(company, sign_in, **held)
    key_id, secret = make(company, scopes=KEY)
    body = {"name": "Rule", "subject": "task", "trigger": {"type": "created"}, "active": True, "daily_cap": 1,
            "actions": [{"type": "comment", "body": "Seen"}]}  # fmt: skip
    made = Program(app, secret)("POST", RULES, json=body).json

    def authors():
        readers = (sign_in(company.admin).api, Program(app, secret))
        return {one("GET", f"{RULES}/{made['id']}").json["result"]["author"]["id"] for one in readers}

    assert authors() == {str(company.admin.member_id)}
    with uow(holder.actor):
        rotate_key(key_id, actor=holder.actor)
    assert authors() == {str(holder.member_id)}
    for _ in range(2):
        task(actor)
    assert states(actor) == [("ok", ""), ("skipped", "cap")]
    limit = ["The automation “Rule” has reached its limit of 1 runs for today"]
    assert (told(holder), told(company.admin)) == (limit, [])
    with uow(actor):
        revoke_key(key_id, actor=actor)
    assert sign_in(company.admin).api("GET", f"{RULES}/?q=(columns:!(author))").json["count"] == 1
