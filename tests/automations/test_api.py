"""REST and the screens: rules are kept, tried and looked at by those who may."""

from __future__ import annotations

import json
import re

from app.automations.queries.runs import get_rule
from app.custom_fields.service import ChoiceInput, create_field
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tenancy.service.members import remove_member
from tests.automations.helpers import change, rule, runs, status, task

URL = "/api/v1/automation-rules"
COMMENT = {"type": "comment", "body": "Seen"}
RULE = {"name": "Say so", "subject": "task", "trigger": {"type": "created"}, "actions": [COMMENT], "active": True}


def test_rest_keeps_changes_and_deletes_rules(browser, actor):
    leaf = {"col": "priority", "opr": "in", "value": "P0"}
    made = browser.api("POST", URL, json={**RULE, "conditions": leaf})
    assert made.status_code == 201, made.text
    found = made.json["result"]
    assert (found["active"], found["daily_cap"], found["subject"]) == (True, 100, "task")
    assert found["conditions"] == {"op": "and", "items": [{"field": "priority", "operator": "in", "value": ["P0"]}]}
    assert found["author"]["id"] == str(actor.member_id)
    one = f"{URL}/{made.json['id']}"
    assert browser.api("POST", URL, json=RULE).json["errors"] == {"name": ["This value is already in use."]}
    stale = browser.api("PATCH", one, json={"name": "Other", "version": 99})
    assert (stale.status_code, stale.json["message"]) == (
        409,
        "This record was changed by somebody else in the meantime.",
    )
    changed = browser.api("PATCH", one, json={"daily_cap": 5, "trigger": {"type": "overdue", "days": 2}, "version": 1})
    assert (changed.status_code, changed.json["result"]["trigger"]) == (200, {"type": "overdue", "days": 2})
    assert changed.json["result"]["actions"] == [COMMENT]
    bad = browser.api("PATCH", one, json={"actions": [{"type": "webhook", "url": "https://192.168.1.1/"}]})
    assert bad.json["errors"] == {"actions.0.url": ["Addresses of private networks cannot be called."]}
    assert browser.api("PATCH", one, json={"secret": "x"}).status_code == 422
    assert browser.api("POST", URL, json={"name": "R", "subject": "task"}).json["errors"].keys() == {
        "trigger",
        "actions",
    }
    listed = browser.api("GET", URL)
    assert [row["name"] for row in listed.json["result"]] == ["Say so"]
    assert browser.api("DELETE", one).status_code == 200
    assert browser.api("GET", one).status_code == 404


def test_rest_answers_nothing_that_a_client_sends_with_an_error_of_its_own(browser, actor):
    found = rule(actor, RULE["trigger"], COMMENT)
    deep: object = []
    for _ in range(200):
        deep = {"op": "and", "items": [deep]}
    odd = (None, 1, "x", [], {}, [None], [[]], {"type": None}, {"type": []}, [{"type": {}}], deep, {"type": "changed", "field": []},
           [{"type": "set_field", "field": {}}], [{"type": "notify", "to": [{}], "text": 1}], [{"type": "create_task", "title": []}],
           [{"type": "notify", "to": [{"a": 1}], "text": "x"}], [{"type": "notify", "to": [["x"]], "text": "x"}],
           [{"type": "notify", "to": ["owner"], "text": "x", "priority": ["P0"]}], [{"type": "assign", "owner": ["x"]}],
           [{"type": "create_task", "title": "x", "priority": {"a": 1}}], [{"type": "create_task", "template": [1]}],
           *([{"type": "set_field", "field": name, "value": value}] for name in ("priority", "owner", "due_on", "tags", "estimate", "title")
             for value in ([{"a": 1}], {"a": 1}, [[]])),
           *({"items": [{"field": name, "operator": operator, "value": value}]} for name in ("priority", "tags", "owner", "due_on", "title")
             for operator in ("in", "eq", "between") for value in ([{"a": 1}], [["x"]])),
           {"type": "changed", "field": "priority", "from": ["P0"], "to": {"a": 1}}, {"type": "overdue", "days": [1]},
           {"items": [{"field": [], "operator": {}, "value": {}}]}, {"items": [{"col": {}, "opr": []}]}, {"type": "schedule", "rule": 1, "at": 2})  # fmt: skip
    for value in odd:
        for part in ("trigger", "conditions", "actions"):
            for method, url in (("POST", URL), ("PATCH", f"{URL}/{found}")):
                answer = browser.api(method, url, json={**RULE, "name": "Odd", part: value})
                assert answer.status_code in {200, 201, 400, 409, 422}, (part, value, answer.text)
            browser.post("/settings/automations/dry-run", data={"subject": "task", "rule": json.dumps({part: value})})
    for query in ("status=x", "limit=0", "limit=²", "before=x"):
        assert browser.api("GET", f"{URL}/{found}/runs?{query}").status_code in {400, 404}
    for text in ("", "[]", "{", '{"trigger": "\\ud800"}'):
        assert browser.post("/settings/automations/new", data={"rule": text}).status_code == 400
    assert browser.get("/settings/automations/new?subject=account").status_code == 404


def test_rest_tells_what_a_rule_did_and_would_have_done(browser, actor):
    found = rule(actor, RULE["trigger"], COMMENT, daily_cap=1)
    first = task(actor, "First")
    task(actor, "Second")
    runs(actor)
    log = browser.api("GET", f"{URL}/{found}/runs").json
    assert [(one["status"], one["reason"]) for one in log["result"]] == [("skipped", "cap"), ("ok", "")]
    assert log["result"][1]["record"] == {"id": str(first), "name": "First"}
    assert browser.api("GET", f"{URL}/{found}/runs?status=ok").json["count"] == 1
    assert browser.api("GET", f"{URL}/{found}/runs?limit=1").json["more"] is True
    dry = browser.api("GET", f"{URL}/{found}/dry-run").json
    assert (dry["count"], dry["capped"], dry["days"]) == (1, 1, 30)
    assert {one["record"]["name"] for one in dry["result"]} == {"First", "Second"}
    document = browser.api("GET", "/api/v1/_openapi").json
    assert f"{URL}/{{pk}}/dry-run" in document["paths"]
    assert {"trigger", "actions"} <= set(document["components"]["schemas"]["AutomationRuleCreate"]["required"])


def test_pages_show_rules_and_their_log(company, browser, actor, sign_in):
    to = status(actor, "approved")
    found = rule(
        actor, {"type": "changed", "field": "status", "to": str(to)}, {"type": "create_task", "title": "Publish"}
    )
    one = task(actor, "Brochure")
    change(actor, one, status_id=to)
    runs(actor)
    page = browser.get("/settings/automations").text
    assert "When the field “status” of a task becomes Approvato: create the sub-task “Publish”." in page
    assert "Publish what is approved" in page  # on offer
    for url in (
        f"/settings/automations/{found}",
        "/settings/automations/runs",
        f"/settings/automations/runs?rule={found}&status=ok",
    ):
        assert "Brochure" in browser.get(url).text, url
    assert "Brochure" not in browser.get("/settings/automations/runs?status=failed").text
    assert "it would have run once" in browser.get(f"/settings/automations/{found}/dry-run").text
    assert sign_in(company.sales).get("/settings/automations").status_code == 403


def test_forms_keep_switch_and_delete_rules(browser, actor):
    parts = {"trigger": {"type": "overdue", "days": 1}, "actions": [{"type": "comment", "body": "Late"}]}
    form = {"subject": "task", "name": "Late", "daily_cap": "10", "f": "priority:in:P0,P1"}
    kept = browser.post("/settings/automations/new", data={**form, "rule": json.dumps(parts)})
    assert kept.status_code == 302, kept.text
    key = kept.headers["Location"].rsplit("/", 1)[1]
    with tenant_scope(actor):
        found = get_rule(key)
        assert (found.active, found.daily_cap, found.conditions["items"][0]["value"]) == (False, 10, ["P0", "P1"])
    assert browser.post(f"/settings/automations/{key}/active", data={"on": "1"}).status_code == 302
    bad = {**parts, "actions": [{"type": "comment", "body": ""}]}
    again = browser.post(f"/settings/automations/{key}", data={**form, "rule": json.dumps(bad), "active": "1"})
    assert again.status_code == 422
    assert '"actions.0.body"' in again.text
    stale = browser.post(f"/settings/automations/{key}", data={**form, "rule": json.dumps(parts), "version": "1"})
    assert stale.status_code == 409
    tried = browser.post("/settings/automations/dry-run", data={**form, "name": "", "rule": json.dumps(parts)})
    assert "it would not have run" in tried.text
    assert browser.post("/settings/automations/presets", data={"preset": "escalation"}).status_code == 302
    assert browser.post(f"/settings/automations/{key}/delete").status_code == 302
    assert [row["name"] for row in browser.api("GET", URL).json["result"]] == ["Overdue: P0 escalation"]


def test_the_builder_sets_own_fields_and_names_what_is_no_longer_on_offer(company, browser, actor):
    kinds = {"number": "decimal", "url": "url", "multi": "multi"}
    chosen = [ChoiceInput("A"), ChoiceInput("B")]
    with uow(actor):
        for kind in kinds:
            create_field("task", kind, kind, actor=actor, choices=chosen if kind == "multi" else ())
    gone = company.sales.member_id
    found = rule(actor, {"type": "created"}, {"type": "assign", "owner": str(gone)})
    with uow(actor):
        remove_member(gone, actor=actor)
    page = browser.get(f"/settings/automations/{found}").text
    state = json.loads(re.search(r'id="automation-state"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    own = {one["label"]: one for one in state["fields"] if one["label"] in kinds}
    assert {label: one["kind"] for label, one in own.items()} == kinds
    assert [label for _value, label in own["multi"]["options"]] == ["A", "B"]
    assert str(gone) not in dict(state["people"])
    assert state["names"][str(gone)] == "Sam Seller"


def test_lists_cost_the_same_however_much_there_is(browser, actor, counting):
    def cost(url):
        browser.get(url)
        with counting() as statements:
            assert browser.get(url).status_code == 200
        return len(statements)

    def fill(names):
        for name in names:
            rule(actor, {"type": "created"}, COMMENT, {"type": "assign", "owner": str(actor.member_id)}, name=name)
        task(actor)
        runs(actor)

    fill(["A"])
    urls = ("/settings/automations", "/settings/automations/runs", URL)
    before = [cost(one) for one in urls]
    fill(["B", "C", "D"])
    assert [cost(one) for one in urls] == before


def test_the_page_of_a_rule_pages_its_runs(actor, browser):
    made = rule(actor, {"type": "created"}, {"type": "comment", "body": "Seen"})
    for number in range(12):
        task(actor, f"Pump {number:02}")
    found = runs(actor, made)
    url = f"/settings/automations/{made}"
    first = browser.get(url).text
    assert [f"Pump {number:02}" in first for number in (11, 2, 1)] == [True, True, False]
    older = f"{url}?before={found[2].id}"
    assert f'{older}#h-runs"' in first
    second = browser.get(older).text
    assert [f"Pump {number:02}" in second for number in (2, 1, 0)] == [False, True, True]
    assert browser.get(f"{url}?before=x").status_code == 404
