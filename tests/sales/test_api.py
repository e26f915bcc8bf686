"""REST of every resource: shapes, filters, errors, locks, repeats, walls."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from app.kernel import clock
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.cruds.registry import CRUDS
from app.sales.models.accounts import Account
from app.sales.queries import pipelines
from app.sales.service.pipelines import create_pipeline
from tests import cast
from tests.sales import helpers

# A record of each resource: what is sent to create it, and a change.
BODIES = {
    "accounts": ({"name": "Alfa", "employees": 7, "website": "alfa.example", "tags": ["a"]}, {"city": "Verona"}),
    "contacts": ({"name": "Anna Rossi", "email": "Anna@Alfa.example", "phone": "045 8001234"}, {"job_title": "CEO"}),
    "leads": ({"name": "Bruno", "company": "Beta", "score": 50}, {"status": "working"}),
    "products": ({"name": "Box", "price": "1234.50", "vat_rate": 22}, {"sku": "B-1"}),
    "opportunities": ({"title": "Deal", "amount": "99.90", "close_date": "2026-12-31"}, {"priority": "P1"}),
    "activities": ({"title": "Call", "type": "call", "due_at": "2026-12-01T10:00:00+01:00"}, {"outcome": "no answer"}),
}
API = {one.api: one for one in CRUDS.values()}


def make(browser, resource, **more):
    answer = browser.api("POST", f"/api/v1/{resource}/", json={**BODIES[resource][0], **more})
    assert answer.status_code == 201, answer.text
    return answer.json


@pytest.mark.parametrize("resource", BODIES)
def test_the_life_of_a_record(resource, browser, actor):
    made = make(browser, resource)
    url = f"/api/v1/{resource}/{made['id']}"
    result = made["result"]
    assert result["id"] == made["id"]
    assert result["version"] == 1
    assert result["created_at"].endswith("Z")
    for address in (url, f"{url}/", url.replace("/api/v1/", "/api/")):
        found = browser.api("GET", address)
        assert found.status_code == 200
        assert found.json["result"] == result
    change = BODIES[resource][1]
    changed = browser.api("PUT", url, json={**change, "version": 1})
    assert changed.status_code == 200, changed.text
    assert changed.json["result"]["version"] == 2
    assert {key: changed.json["result"][key] for key in change} == change
    stale = browser.api("PATCH", url, json={**change, "version": 1})
    assert (stale.status_code, stale.json["details"]) == (409, {"version": 2})
    patched = browser.api("PATCH", f"{url}/", json=change)
    assert patched.status_code == 200
    for address in (f"/api/v1/{resource}", f"/api/v1/{resource}/", f"/api/{resource}/", f"/api/{resource}"):
        listed = browser.api("GET", address)
        assert listed.status_code == 200
        assert (listed.json["count"], listed.json["ids"]) == (1, [made["id"]])
    assert browser.api("DELETE", url).json == {"message": "OK"}
    assert browser.api("GET", url).status_code == 404
    assert browser.api("DELETE", url).status_code == 404
    actions = helpers.rows(
        actor,
        "SELECT action FROM audit_log WHERE entity = :kind AND entity_id = :id ORDER BY seq",
        kind=API[resource].kind,
        id=made["id"],
    )
    assert [one.action for one in actions] == ["created", "updated", "deleted"]


@pytest.mark.parametrize("resource", BODIES)
def test_what_a_resource_tells_of_itself(resource, company, browser, sign_in):
    info = browser.api("GET", f"/api/v1/{resource}/_info").json
    assert "can_write" in info["permissions"]
    assert {one["name"] for one in info["add_columns"]} == {one.key for one in API[resource].writable}
    assert info["filters"]
    viewer = sign_in(company.viewer).api("GET", f"/api/v1/{resource}/_info").json
    assert viewer["permissions"] == ["can_read"]


@pytest.mark.parametrize("resource", BODIES)
def test_who_may(resource, company, browser, actor, rival, sign_in, client):
    made = make(browser, resource)
    url = f"/api/v1/{resource}/{made['id']}"
    viewer, charlie = sign_in(company.viewer), sign_in(rival.admin)
    assert viewer.api("GET", url).status_code == 200
    for method, address in (("POST", f"/api/v1/{resource}/"), ("PUT", url), ("PATCH", url), ("DELETE", url)):
        assert viewer.api(method, address, json=BODIES[resource][0]).status_code == 403
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = charlie.api(method, url, json=BODIES[resource][1])
        unknown = charlie.api(method, f"/api/v1/{resource}/{uuid4()}", json=BODIES[resource][1])
        assert (answer.status_code, answer.json) == (404, unknown.json)
    assert made["id"] not in charlie.api("GET", f"/api/v1/{resource}/?q=(page_size:500)").json["ids"]
    for method, address in (("GET", url), ("GET", f"/api/v1/{resource}/"), ("GET", f"/api/v1/{resource}/_info")):
        answer = client.open(address, method=method, headers={"Accept": "application/json"})
        assert answer.status_code == 401
        assert set(answer.json) == {"message"}
    assert browser.api("GET", url).json["result"]["version"] == 1


def test_cookies_need_a_csrf_token_and_tokens_do_not(company, browser, app):
    token = browser.token
    browser.token = ""
    assert browser.api("POST", "/api/v1/accounts/", json={"name": "Alfa"}).status_code == 400
    browser.token = token
    assert browser.api("POST", "/api/v1/accounts/", json={"name": "Alfa"}).status_code == 201
    client = app.test_client()
    signed = browser.api("POST", "/api/v1/security/login", json=login_of(company.admin))
    assert signed.status_code == 200, signed.text
    bearer = {"Authorization": f"Bearer {signed.json['access_token']}", "Accept": "application/json"}
    made = client.post("/api/v1/accounts/", json={"name": "Beta"}, headers=bearer)
    assert made.status_code == 201, made.text
    listed = client.get("/api/v1/accounts/?q=(columns:!(name))", headers=bearer).json
    assert {one["name"] for one in listed["result"]} == {"Alfa", "Beta"}
    broken = {**bearer, "Authorization": "Bearer nonsense"}
    assert client.get("/api/v1/accounts/", headers=broken).status_code == 401


def login_of(person):
    return {"username": person.email, "password": cast.PASSWORD, "provider": "db"}


def test_a_program_gets_a_token_without_any_cookie(company, client):
    answer = client.post("/api/v1/security/login", json=login_of(company.admin))
    assert answer.status_code == 200, answer.text
    assert answer.json["access_token"]


def test_filters_order_pages_and_columns(browser):
    for name, employees, city in (("Alfa", 5, "Verona"), ("Beta", 50, "Padova"), ("Gamma 100%", None, None)):
        make(browser, "accounts", name=name, employees=employees, city=city)

    def names(q):
        answer = browser.api("GET", "/api/v1/accounts/", query_string={"q": q})
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json["result"]]

    assert names("(filters:!((col:employees,opr:gt,value:10)))") == ["Beta"]
    assert names("(filters:!((col:employees,opr:between,value:!(1,60))))") == ["Alfa", "Beta"]
    assert names("(filters:!((col:name,opr:ct,value:'100%')))") == ["Gamma 100%"]
    assert names("(filters:!((col:name,opr:sw,value:be)))") == ["Beta"]
    assert names("(filters:!((col:name,opr:ew,value:FA)))") == ["Alfa"]
    assert names("(filters:!((col:city,opr:neq,value:verona)))") == ["Beta", "Gamma 100%"]
    assert names("(filters:!((col:city,opr:empty)))") == ["Gamma 100%"]
    assert names("(filters:!((col:city,opr:filled),(col:name,opr:nct,value:alf)))") == ["Beta"]
    assert names("(filters:!((col:tags,opr:in,value:!(a,b))))") == ["Alfa", "Beta", "Gamma 100%"]
    assert names("(filters:!((col:tags,opr:not_in,value:!(a))))") == []
    assert names("(filters:!((col:tags,opr:in,value:!(z))))") == []
    assert names("(order_column:name,order_direction:desc)") == ["Gamma 100%", "Beta", "Alfa"]
    assert names("(order_column:employees,order_direction:desc)")[-1] == "Gamma 100%"
    assert names("(page:1,page_size:2,order_column:name)") == ["Gamma 100%"]
    assert names("(search:pado)") == ["Beta"]
    assert names('{"filters": [{"col": "name", "opr": "eq", "value": "beta"}]}') == ["Beta"]
    one = browser.api("GET", "/api/v1/accounts/?q=(columns:!(name,owner),page_size:1)").json
    assert set(one["result"][0]) == {"id", "version", "name", "owner"}
    assert one["count"] == 3


@pytest.mark.parametrize(
    "q",
    [
        "(", "!(1)", "(filters:1)", "(filters:!(1))", "(filters:!((col:nope,opr:eq,value:1)))",
        "(filters:!((col:name,opr:evil,value:1)))", "(filters:!((col:employees,opr:eq,value:x)))",
        "(filters:!((col:employees,opr:between,value:!(1))))", "(filters:!((col:name,opr:eq)))",
        "(filters:!((col:owner,opr:in,value:!(x))))", "(filters:!((col:lifecycle,opr:in,value:!(x))))",
        "(order_column:nope)", "(order_column:1)", "(order_direction:up,order_column:name)", "(page:-1)", "(page:x)",
        "(page_size:0)", "(page_size:501)", "(columns:name)", "(search:!(1))",
        '{"search": "\\u0000"}', '{"search": "\\ud800"}', '{"filters": [{"col": "tags", "opr": "in", "value": ["\\u0000"]}]}',
        '{"filters": [{"col": "name", "opr": "eq", "value": "\\udfff"}]}', '{"filters": [{"col": "name", "opr": "eq", "value": {}}]}',
        '{"filters": [{"col": "employees", "opr": "eq", "value": " "}]}', "[" * 2000, "(a:" * 1500,
    ],
)  # fmt: skip
def test_bad_queries_are_400(q, browser):
    answer = browser.api("GET", "/api/v1/accounts/", query_string={"q": q})
    assert answer.status_code == 400, answer.text
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": ""}, "name"), ({"name": None}, "name"), ({"name": "x" * 161}, "name"),
        ({"name": ["x"]}, "name"), ({"name": {}}, "name"), ({"name": "A", "employees": 1.5}, "employees"), ({"name": "x\u0000"}, "name"), ({"name": "A", "employees": "many"}, "employees"),
        ({"name": "A", "employees": 99999999999}, "employees"), ({"name": "A", "employees": -1}, "employees"),
        ({"name": "A", "employees": True}, "employees"), ({"name": "A", "website": "x y"}, "website"),
        ({"name": "A", "owner": "x"}, "owner"), ({"name": "A", "owner": str(uuid4())}, "owner"),
        ({"name": "A", "lifecycle": "dead"}, "lifecycle"), ({"name": "A", "tags": [1]}, "tags"),
        ({"name": "A", "annual_revenue": "1e99"}, "annual_revenue"), ({"name": "A", "id": str(uuid4())}, "id"),
        ({"name": "A", "open_value": "1"}, "open_value"), ({"name": "A", "created_at": "x"}, "created_at"),
        ({"name": "A", "organization_id": str(uuid4())}, "organization_id"), ({"name": "A", "import_id": None}, "import_id"),
    ],
)  # fmt: skip
def test_bad_values_are_422_by_field(body, field, browser, actor):
    answer = browser.api("POST", "/api/v1/accounts/", json=body)
    assert answer.status_code == 422, answer.text
    assert list(answer.json["errors"]) == [field]
    assert helpers.count(actor, Account) == 0


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"1", b'{"name": "\\ud800"}', b'{"\\ud800": 1}', b"\xff\xfe"])
def test_bad_bodies_are_400(data, browser):
    answer = browser.api("POST", "/api/v1/accounts/", data=data, content_type="application/json")
    assert answer.status_code == 400, answer.text
    form = browser.api("POST", "/api/v1/accounts/", data={"name": "A"})
    assert form.status_code == 400


def test_ids_that_cannot_be_are_404(browser):
    for resource in BODIES:
        for pk in ("x", "1", "00000000-0000-0000-0000-000000000000"):
            assert browser.api("GET", f"/api/v1/{resource}/{pk}").status_code == 404


def test_foreign_records_cannot_be_referred_to(browser, rival):
    with uow(rival.admin.actor):
        foreign = Account(name=f"Foreign {uuid4()}")
        db.session.add(foreign)
    for field, value in (
        ("account", foreign.id),
        ("owner", rival.admin.member_id),
        ("stage", helpers.stages(rival.admin.actor)[0].id),
    ):
        answer = browser.api("POST", "/api/v1/opportunities/", json={"title": "X", field: str(value)})
        assert answer.status_code == 422, answer.text
        assert list(answer.json["errors"]) == [field]


def test_a_taken_name_is_422(browser):
    make(browser, "accounts")
    answer = browser.api("POST", "/api/v1/accounts/", json={"name": "ALFA"})
    assert (answer.status_code, list(answer.json)) == (422, ["message", "errors"])


def test_an_idempotency_key_makes_one_record(browser, actor):
    headers = {"Idempotency-Key": str(uuid4())}
    first = browser.api("POST", "/api/v1/accounts/", json={"name": "Alfa"}, headers=headers)
    again = browser.api("POST", "/api/v1/accounts/", json={"name": "Alfa"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    other = browser.api("POST", "/api/v1/accounts/", json={"name": "Beta"}, headers=headers)
    assert other.status_code == 422
    assert helpers.count(actor, Account) == 1
    # A refusal is not remembered: the mended request may use the key.
    headers = {"Idempotency-Key": str(uuid4())}
    assert browser.api("POST", "/api/v1/accounts/", json={"name": ""}, headers=headers).status_code == 422
    assert browser.api("POST", "/api/v1/accounts/", json={"name": "Gamma"}, headers=headers).status_code == 201


def test_the_verbs_of_a_deal(browser, actor):
    stages = helpers.stages(actor)
    made = make(browser, "opportunities")
    url = f"/api/v1/opportunities/{made['id']}"
    moved = browser.api("POST", f"{url}/move", json={"stage": str(stages[1].id), "version": 1})
    assert moved.json["result"]["stage"] == {"id": str(stages[1].id), "name": stages[1].name}
    assert browser.api("POST", f"{url}/move", json={"stage": str(stages[2].id), "version": 1}).status_code == 409
    assert browser.api("POST", f"{url}/lose", json={}).json["errors"].keys() == {"lost_reason"}
    headers = {"Idempotency-Key": str(uuid4())}
    for _turn in range(2):
        won = browser.api("POST", f"{url}/win", json={"amount": "120", "close_date": "2026-01-31"}, headers=headers)
        assert won.status_code == 200
        assert (won.json["result"]["stage_kind"], won.json["result"]["amount"]) == ("won", "120.00")
    assert browser.api("POST", f"{url}/win", json={}).status_code == 409
    assert browser.api("POST", f"{url}/reopen", json={}).json["result"]["stage_kind"] == "open"
    lost = browser.api(
        "POST", f"{url}/lose", json={"lost_reason": str(helpers.reasons(actor)[0].id), "competitor": "B"}
    )
    assert (lost.json["result"]["stage_kind"], lost.json["result"]["competitor"]) == ("lost", "B")


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("win", {"amount": "much"}, 422), ("win", {"amount": {"a": 1}}, 422), ("win", {"close_date": "soon"}, 422),
        ("win", {"version": "1"}, 422), ("win", {"version": True}, 422), ("lose", {"lost_reason": 5}, 422),
        ("lose", {"lost_reason": "x"}, 404), ("lose", {"competitor": "\u0000"}, 422), ("lose", {"note": "\ud800"}, 422),
        ("move", {}, 404), ("move", {"stage": None}, 404), ("move", {"stage": []}, 404), ("reopen", {}, 409), ("win", [], 400),
        ("win", {"amount": "-5"}, 422), ("win", {"amount": "99999999999999"}, 422),
    ],
)  # fmt: skip
def test_bad_verbs(verb, body, status, browser):
    made = make(browser, "opportunities")
    answer = browser.api("POST", f"/api/v1/opportunities/{made['id']}/{verb}", json=body)
    assert answer.status_code == status, answer.text
    assert browser.api("GET", f"/api/v1/opportunities/{made['id']}").json["result"]["stage_kind"] == "open"


def test_a_closing_stage_closes_a_deal_like_its_verb(browser, actor):
    *_open, won, lost = helpers.stages(actor)
    reason, better = helpers.reasons(actor)[:2]

    def patch(made, **body):
        return browser.api("PATCH", f"/api/v1/opportunities/{made['id']}", json=body)

    made = make(browser, "opportunities", close_date="2027-05-01")
    result = patch(made, stage=str(won.id), version=made["result"]["version"]).json["result"]
    assert (result["stage"]["id"], result["stage_kind"], result["forecast_category"]) == (str(won.id), "won", "closed")
    # The expected date was not the day; a new one is.
    assert result["close_date"] == clock.today("Europe/Rome").isoformat()
    assert patch(made, stage=str(lost.id), lost_reason=str(reason.id)).status_code == 409
    assert patch(made, stage=str(_open[1].id)).json["result"]["stage_kind"] == "open"
    assert patch(made, stage=str(won.id), close_date="2199-01-01").json["errors"].keys() == {"close_date"}
    result = patch(made, stage=str(won.id), close_date="2026-01-31", amount="99").json["result"]
    assert (result["stage_kind"], result["close_date"], result["amount"]) == ("won", "2026-01-31", "99.00")
    assert patch(made, lost_reason=str(reason.id)).json["errors"].keys() == {"lost_reason"}

    made = make(browser, "opportunities")
    for body in ({}, {"lost_reason": None}, {"lost_reason": str(uuid4())}):
        refused = patch(made, stage=str(lost.id), **body)
        assert (refused.status_code, refused.json["errors"].keys()) == (422, {"lost_reason"}), refused.text
    for body in ({}, {"stage": str(_open[1].id)}, {"stage": str(won.id)}):
        refused = patch(made, lost_reason=str(reason.id), **body)
        assert (refused.status_code, refused.json["errors"].keys()) == (422, {"lost_reason"}), refused.text
    result = patch(made, stage=str(lost.id), lost_reason=str(reason.id)).json["result"]
    assert (result["stage_kind"], result["lost_reason"]["id"]) == ("lost", str(reason.id))
    assert patch(made, lost_reason=str(better.id)).json["result"]["lost_reason"]["id"] == str(better.id)
    assert patch(made, lost_reason=None, title="Kept").json["result"]["lost_reason"]["id"] == str(better.id)
    back = patch(made, stage=str(_open[0].id), lost_reason=str(better.id)).json["result"]
    assert (back["stage_kind"], back["lost_reason"]) == ("open", None)

    # Another pipeline's closing stage: neither by itself nor together with the pipeline.
    with uow(actor):
        other = create_pipeline("Second", actor=actor)
        closing = {one.kind: str(one.id) for one in pipelines.list_stages(other.id)}
    assert patch(made, stage=closing["won"]).json["errors"].keys() == {"stage"}
    refused = patch(made, pipeline=str(other.id), stage=closing["won"])
    assert (refused.status_code, "then close it" in refused.json["message"]) == (409, True)
    assert patch(made, pipeline=str(other.id)).json["result"]["stage"]["id"] == closing["open"]
    assert patch(made, stage=closing["won"]).json["result"]["stage_kind"] == "won"
    new = browser.api("POST", "/api/v1/opportunities/", json={"title": "X", "lost_reason": str(reason.id)})
    assert (new.status_code, new.json["errors"].keys()) == (422, {"lost_reason"})


def test_the_form_asks_for_the_reason_where_it_is_needed(browser, actor):
    made = make(browser, "opportunities")
    lost, reason = helpers.stages(actor)[-1], helpers.reasons(actor)[0]
    url = f"/sales/opportunities/edit/{made['id']}"
    asked = 'name="lost_reason"'
    assert asked not in browser.get(url).text and asked not in browser.get("/sales/opportunities/add").text
    data = {
        "title": "Deal",
        "stage": str(lost.id),
        "pipeline": made["result"]["pipeline"]["id"],
        "version": made["result"]["version"],
    }
    refused = browser.post(url, data=data)
    assert refused.status_code == 422 and asked in refused.text and "Choose a reason." in refused.text
    wrong = browser.post(url, data={**data, "lost_reason": str(reason.id), "title": ""})
    assert wrong.status_code == 422 and f'value="{reason.id}" selected' in wrong.text
    assert browser.post(url, data={**data, "lost_reason": str(reason.id)}).status_code == 302
    assert browser.api("GET", f"/api/v1/opportunities/{made['id']}").json["result"]["stage_kind"] == "lost"
    assert f'value="{reason.id}" selected' in browser.get(url).text


def test_converting_a_lead(browser, actor):
    lead = make(browser, "leads", email="bruno@beta.example")
    url = f"/api/v1/leads/{lead['id']}"
    assert browser.api("PUT", url, json={"status": "converted"}).status_code == 422
    done = browser.api("POST", f"{url}/convert", json={"opportunity_title": "First deal"})
    assert done.status_code == 200, done.text
    deal = browser.api("GET", f"/api/v1/opportunities/{done.json['opportunity']}").json["result"]
    assert (deal["title"], deal["account"]["name"], deal["contact"]["name"]) == ("First deal", "Beta", "Bruno")
    assert browser.api("GET", url).json["result"]["status"] == "converted"
    assert browser.api("POST", f"{url}/convert", json={}).status_code == 409
    assert browser.api("PUT", url, json={"status": "new"}).status_code == 422
    assert browser.api("POST", "/api/v1/leads/", json={"name": "X", "status": "converted"}).status_code == 422


def test_pipelines_are_read_only(browser):
    for resource in ("pipelines", "pipeline-stages"):
        listed = browser.api("GET", f"/api/v1/{resource}/").json
        assert listed["count"] >= 1
        pk = listed["ids"][0]
        assert browser.api("GET", f"/api/v1/{resource}/{pk}").status_code == 200
        assert browser.api("POST", f"/api/v1/{resource}/", json={"name": "x"}).status_code == 405
        assert browser.api("DELETE", f"/api/v1/{resource}/{pk}").status_code == 405


@pytest.mark.parametrize("resource", BODIES)
def test_the_number_of_queries_does_not_grow(resource, browser, counting):
    named = "title" if "title" in BODIES[resource][0] else "name"
    for index in range(3):
        make(browser, resource, **{named: f"One {index}"})
    browser.api("GET", f"/api/v1/{resource}/")
    with counting() as few:
        browser.api("GET", f"/api/v1/{resource}/")
    for index in range(6):
        make(browser, resource, **{named: f"More {index}"})
    with counting() as many:
        assert browser.api("GET", f"/api/v1/{resource}/").json["count"] == 9
    assert len(few) == len(many)


def test_money_is_a_decimal_string(browser, actor):
    made = make(browser, "opportunities", amount="1.234,5")
    assert made["result"]["amount"] == "1234.50"
    assert helpers.scalar(actor, "SELECT amount FROM opportunity") == Decimal("1234.50")


def test_the_open_api_document(browser, client):
    from openapi_spec_validator import validate

    document = browser.api("GET", "/api/v1/_openapi")
    assert document.status_code == 200
    validate(document.json)
    paths = document.json["paths"]
    for resource in BODIES:
        assert {"get", "post"} <= set(paths[f"/api/v1/{resource}/"])
        assert {"get", "put", "patch", "delete"} <= set(paths[f"/api/v1/{resource}/{{pk}}"])
    for address in ("/api/v1/_openapi", "/swagger/v1"):
        answer = client.get(address, headers={"Accept": "application/json"})
        assert answer.status_code in {401, 302, 403}, address


def test_swagger_has_no_inline_script(browser):
    import re

    page = browser.get("/swagger/v1")
    assert page.status_code == 200
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", page.text, re.S):
        assert "application/json" in attributes or (not body.strip() and "src=" in attributes), body[:200]
    assert not re.search(r"\son\w+=", page.text)


def test_values_of_other_kinds_are_read_where_they_can_be(browser, actor):
    made = make(browser, "accounts", name=2026)
    assert made["result"]["name"] == "2026"
    assert browser.api("PUT", f"/api/v1/accounts/{made['id']}", json={"version": "1"}).status_code == 422
    assert browser.api("PUT", f"/api/v1/accounts/{made['id']}", json={"version": True}).status_code == 422


@pytest.mark.parametrize(
    ("resource", "body", "words"),
    [
        ("products", {"name": "A", "price": "1", "active": "maybe"}, {"active": ["Write yes or no."]}),
        (
            "activities",
            {"title": "A", "type": "call", "due_at": "2026-12-01T10:00"},
            {"due_at": ["Add the time zone (ISO 8601)."]},
        ),
    ],
)
def test_bad_values_of_other_resources(resource, body, words, browser):
    answer = browser.api("POST", f"/api/v1/{resource}/", json=body)
    assert (answer.status_code, answer.json["errors"]) == (422, words)


def test_filters_on_yes_and_no(browser):
    for name, active in (("On", True), ("Off", False)):
        make(browser, "products", name=name, sku=name, active=active)
    for value, names in (("!t", ["On"]), ("!f", ["Off"])):
        found = browser.api("GET", f"/api/v1/products/?q=(filters:!((col:active,opr:eq,value:{value})))")
        assert [one["name"] for one in found.json["result"]] == names
