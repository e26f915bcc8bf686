"""Fields of an organization's own: defined, validated, shown, filtered, sorted, told apart."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import prison
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.custom_fields import queries, service
from app.custom_fields.service import ChoiceInput
from app.kernel.audit import AuditLog
from app.kernel.crud.query import ListParams, list_page, plan
from app.kernel.crud.tree import matches
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.cruds import TASKS
from app.tasks.models.tasks import Task
from app.tasks.service.recurrence import follow, set_recurrence
from app.tasks.service.tasks import create_task
from app.tasks.service.templates import create_template, use_template
from tests import cast
from tests.sales import helpers
from tests.support import SignedIn

API = "/api/v1/tasks/"
SPECS = (
    ("Canale", "select", ("Fiera", "Web", "Stampa")),
    ("Formati", "multi", ("A4", "A3", "Roll-up")),
    ("Budget stimato", "money", ()),
    ("Copie", "number", ()),
    ("In stampa dal", "date", ()),
    ("Referente", "user", ()),
    ("Link al materiale", "url", ()),
    ("Nota", "text", ()),
)


def define(actor: Any, label: str, type: str, choices: Any = (), **values: Any) -> Any:
    with uow(actor):
        return service.create_field(
            "task", label, type, actor=actor, choices=[ChoiceInput(one) for one in choices], **values
        )


def change(actor: Any, field: Any, **values: Any) -> Any:
    given = {"label": field.label, "required": field.required, "help": field.help,
             "choices": [ChoiceInput(one["label"], one["id"], one["archived"]) for one in field.choices]}  # fmt: skip
    with uow(actor):
        return service.update_field(field.id, actor=actor, **{**given, **values})


@pytest.fixture
def fields(company) -> dict[str, Any]:
    """One field of each type, by key."""
    made = [define(company.admin.actor, *one) for one in SPECS]
    return {one.key: one for one in made}


@pytest.fixture
def seller(app, company) -> SignedIn:
    return SignedIn(app, company.sales)


def choice(field: Any, label: str) -> str:
    return next(one["id"] for one in field.choices if one["label"] == label)


def post(browser: SignedIn, title: str, **values: Any) -> Any:
    answer = browser.api("POST", API, json={"title": title, "custom": values})
    assert answer.status_code == 201, answer.text
    return answer.json["result"]


def found(browser: SignedIn, *leaves: tuple[str, str, Any], **query: Any) -> list[str]:
    query["filters"] = [{"col": col, "opr": opr, "value": value} for col, opr, value in leaves]
    answer = browser.api("GET", f"{API}?q={quote(prison.dumps(query))}")
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json["result"]]


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def test_each_type_keeps_what_it_is_given_and_rest_tells_it_by_key(company, fields, seller):
    me = str(company.sales.member_id)
    made = post(
        seller, "Flyer", canale="web", formati=["Roll-up", "A4"], budget_stimato="1.250,5", copie=3,
        in_stampa_dal="2026-12-01", referente=me, link_al_materiale="example.com/a b".replace(" ", "-"),
        nota="  two  words ",
    )  # fmt: skip
    expected = {
        "canale": {"id": choice(fields["canale"], "Web"), "name": "Web"},
        "formati": [{"id": choice(fields["formati"], one), "name": one} for one in ("A4", "Roll-up")],
        "budget_stimato": "1250.50", "copie": "3.00", "in_stampa_dal": "2026-12-01",
        "referente": {"id": me, "name": company.sales.actor.label},
        "link_al_materiale": "https://example.com/a-b", "nota": "two words",
    }  # fmt: skip
    assert made["custom"] == expected
    listed = seller.api("GET", f"{API}?q={quote(prison.dumps({'columns': ['title', 'custom']}))}").json["result"]
    assert listed == [{"id": made["id"], "version": 1, "title": "Flyer", "custom": expected}]
    with tenant_scope(company.sales.actor):
        stored = db.session.scalar(db.select(Task.custom))
    assert set(stored) == {one.id.hex for one in fields.values()}
    emptied = seller.api("PATCH", API + made["id"], json={"custom": dict.fromkeys(fields, None) | {"formati": []}})
    assert set(map(str, emptied.json["result"]["custom"].values())) <= {"None", "[]"}
    with tenant_scope(company.sales.actor):
        assert db.session.scalar(db.select(Task.custom)) == {}


REFUSED = (
    ("canale", "Radio", "Choose one of the list"),
    ("canale", ["Web"], "Choose one of the list"),
    ("formati", ["A4", "A9"], "Choose one of the list"),
    ("formati", [{"id": 1}], "Choose one of the list"),
    ("budget_stimato", "much", "not a number"),
    ("budget_stimato", 10**13, "too large"),
    ("budget_stimato", True, "not a number"),
    ("copie", {"a": 1}, "not a number"),
    ("in_stampa_dal", "tomorrow", "not a date"),
    ("in_stampa_dal", "0800-01-01", "too far away"),
    ("referente", "0190f000-0000-7000-8000-000000000000", "does not exist"),
    ("link_al_materiale", "ftp://example.com", "http"),
    ("link_al_materiale", "javascript:alert(1)", "http"),
    ("nota", ["x"], "Write a text"),
    ("nota", "x" * 501, "At most 500"),
    ("weather", "x", "Unknown field"),
)


def test_each_type_refuses_what_it_is_not(fields, seller):
    for key, value, words in REFUSED:
        answer = seller.api("POST", API, json={"title": "Flyer", "custom": {key: value}})
        assert answer.status_code == 422, (key, value)
        assert words in answer.json["errors"][f"custom.{key}"][0], answer.text


def test_what_is_no_object_and_what_is_named_elsewhere_is_refused(fields, seller):
    for body, key in (({"custom": ["x"]}, "custom"), ({"custom_nota": "x"}, "custom_nota")):
        answer = seller.api("POST", API, json={"title": "Flyer", **body})
        assert (answer.status_code, list(answer.json["errors"])) == (422, [key])


def test_a_member_of_another_organization_is_nobody_here(fields, seller, rival):
    stranger = str(rival.sales.member_id)
    answer = seller.api("POST", API, json={"title": "Flyer", "custom": {"referente": stranger}})
    assert answer.json["errors"] == {"custom.referente": ["This record does not exist."]}


def test_an_archived_choice_stays_where_it_is_and_is_given_no_more(company, fields, seller):
    field = fields["canale"]
    made = post(seller, "Old", canale="Web")
    kept = [ChoiceInput(one["label"], one["id"]) for one in field.choices if one["label"] != "Web"]
    change(company.admin.actor, field, choices=[*kept, ChoiceInput("Radio")])
    refused = seller.api("POST", API, json={"title": "New", "custom": {"canale": "Web"}})
    assert "archived" in refused.json["errors"]["custom.canale"][0]
    same = seller.api("PATCH", API + made["id"], json={"custom": {"canale": "Web", "nota": "x"}})
    assert same.json["result"]["custom"]["canale"]["name"] == "Web"
    panel = seller.get(f"/tasks/{made['id']}/panel").text
    assert re.search(r"<option[^>]*selected[^>]*>Web<", panel)
    assert post(seller, "Radio", canale="Radio")["custom"]["canale"]["name"] == "Radio"


def test_required_is_asked_by_forms_and_rest_and_by_no_quick_add(company, seller):
    define(company.admin.actor, "Canale", "select", ("Fiera", "Web"), required=True)
    refused = seller.api("POST", API, json={"title": "Flyer"})
    assert refused.json["errors"] == {"custom.canale": ["This field is required."]}
    quick = seller.api("POST", f"{API}?quick=1", json={"title": "Flyer"})
    assert quick.status_code == 201
    emptied = seller.api("PATCH", API + quick.json["id"], json={"custom": {"canale": None}})
    assert emptied.status_code == 422
    assert seller.api("PATCH", API + quick.json["id"], json={"priority": "P0"}).status_code == 200
    page = seller.post("/tasks/add", data={"title": "Form"})
    assert page.status_code == 422 and "#f-custom_canale" in page.text


# ── definitions ──────────────────────────────────────────────────────────────────────────────────


def test_keys_are_made_once_and_stay(company):
    actor = company.admin.actor
    first = define(actor, "Città d’origine!", "text")
    assert first.key == "citta_d_origine"
    renamed = change(actor, first, label="Provenienza")
    assert (renamed.key, renamed.id) == ("citta_d_origine", first.id)
    assert define(actor, "Città d’origine", "text").key == "citta_d_origine_2"
    assert define(actor, "2027", "text").key == "field_2027"
    assert define(actor, "日本", "text").key == "field"


BAD = (
    ({"label": " "}, "label"), ({"label": "x" * 61}, "label"), ({"label": "nota"}, "label"),
    ({"label": "a\x00"}, "label"), ({"type": "blob"}, "type"), ({"help": "x" * 201}, "help"),
    ({"type": "select"}, "choices"), ({"type": "select", "choices": ("A", "a ")}, "choices"),
    ({"type": "multi", "choices": ("x" * 61,)}, "choices"),
)  # fmt: skip


def test_a_bad_definition_says_what_is_wrong(company):
    actor = company.admin.actor
    define(actor, "Nota", "text")
    for values, key in BAD:
        with pytest.raises(Invalid) as error:
            define(actor, **{"label": "Other", "type": "text", **values})
        assert list(error.value.errors) == [key], values


def test_the_type_changes_only_while_no_record_has_a_value(company, seller):
    actor = company.admin.actor
    field = define(actor, "Quanto", "text")
    changed = change(actor, field, type="number")
    assert (changed.key, changed.type) == ("quanto", "number") and changed.id != field.id
    made = post(seller, "Flyer", quanto=7)
    with pytest.raises(Conflict, match="valori"):
        change(actor, changed, type="text")
    with pytest.raises(Conflict):
        change(actor, changed, version=changed.version + 3)
    seller.api("PATCH", API + made["id"], json={"custom": {"quanto": None}})
    assert change(actor, changed, type="money").currency == "EUR"


def test_fields_are_limited_archived_and_restored(company, seller, monkeypatch):
    actor = company.admin.actor
    monkeypatch.setattr(service, "MAX_FIELDS", 2)
    note = define(actor, "Nota", "text")
    define(actor, "Altro", "text")
    with pytest.raises(Conflict):
        define(actor, "Terzo", "text")
    made = post(seller, "Flyer", nota="kept")
    view = {"name": "Ours", "state": "f=custom_nota:filled:&sort=custom_nota", "visibility": "private"}
    saved = seller.post("/views/task/save", data={**view, "is_default": "1", "options": "1"}).location
    assert seller.get("/tasks/table").text.count("custom_nota:filled") > 0 and seller.get(saved).status_code == 200
    with uow(actor):
        service.set_archived(note.id, True, actor=actor)
    assert "nota" not in seller.api("GET", API + made["id"]).json["result"]["custom"]
    assert seller.get("/tasks/table?f=custom_nota:filled:").status_code == 400
    assert seller.get("/tasks/table?sort=custom_nota").status_code == 400
    assert seller.get("/tasks/table?cols=custom_nota").status_code == 200
    assert (seller.get("/tasks/table").status_code, seller.get(saved).status_code) == (200, 400)
    again = define(actor, "Nota", "text")
    with uow(actor), pytest.raises(Conflict):
        service.set_archived(note.id, False, actor=actor)
    with uow(actor):
        service.set_archived(again.id, True, actor=actor)
        service.set_archived(note.id, False, actor=actor)
    assert seller.api("GET", API + made["id"]).json["result"]["custom"]["nota"] == "kept"


def test_who_does_not_manage_tasks_changes_no_field(company, app):
    field = define(company.admin.actor, "Nota", "text")
    for actor in (company.sales.actor, company.marketing.actor):
        for work in (
            lambda a=actor: service.create_field("task", "X", "text", actor=a),
            lambda a=actor: service.update_field(field.id, actor=a, label="X"),
            lambda a=actor: service.set_archived(field.id, True, actor=a),
            lambda a=actor: service.order_fields("task", [], actor=a),
        ):
            with uow(actor), pytest.raises(Forbidden):
                work()


def test_the_settings_page_adds_orders_and_archives(company, app):
    admin = SignedIn(app, company.admin)
    page = "/settings/custom-fields"
    assert "No custom field yet" in admin.get(page).text
    for data in (
        {"label": "Nota", "type": "text", "required": "1", "help": "Say it"},
        {"label": "Canale", "type": "select", "choice_id": ["", "", ""], "choice_label": ["Fiera", "", "Web"]},
    ):
        assert admin.post(f"{page}/save", data={"kind": "task", **data}).status_code == 302
    with tenant_scope(company.admin.actor):
        note, channel = queries.list_fields("task")
    assert [one["label"] for one in channel.choices] == ["Fiera", "Web"] and note.required
    first, second = (one["id"] for one in channel.choices)
    data = {"id": str(channel.id), "version": channel.version, "label": "Canali", "type": "select",
            "choice_id": [second, first, ""], "choice_label": ["Sito", "Fiera", "Radio"],
            "choice_archived": [first]}  # fmt: skip
    assert admin.post(f"{page}/save", data=data).status_code == 302
    assert admin.post(f"{page}/save", data=data).status_code == 409
    answer = admin.api("POST", f"{page}/order", data={"kind": "task", "field": [str(channel.id), str(note.id)]})
    assert answer.status_code == 200
    with tenant_scope(company.admin.actor):
        found = queries.list_fields("task")
        assert [one.label for one in found] == ["Canali", "Nota"]
        assert [(one["label"], one["archived"]) for one in found[0].choices] == [
            ("Sito", False), ("Fiera", True), ("Radio", False)]  # fmt: skip
    assert admin.post(f"{page}/{note.id}/archive").status_code == 302
    shown = admin.get(page).text
    assert "Archived fields" in shown and "custom.canale" in shown
    assert admin.post(f"{page}/{note.id}/archive", data={"archived": "0"}).status_code == 302
    assert "Archived fields" not in admin.get(page).text
    for data, status in (({"kind": "weather", "label": "X", "type": "text"}, 404),
                         ({"id": "nothing"}, 404), ({"kind": "task", "type": "x"}, 422)):  # fmt: skip
        assert admin.post(f"{page}/save", data=data).status_code == status
    assert admin.get(f"{page}?kind=account").status_code == 404


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def four(company, fields, seller) -> dict[str, Any]:
    """Four tasks with and without values."""
    me, other = str(company.sales.member_id), str(company.admin.member_id)
    rows = {
        "A": {"canale": "Web", "formati": ["A4"], "budget_stimato": 10, "copie": 2, "in_stampa_dal": "2026-11-30",
              "referente": me, "link_al_materiale": "https://b.example.com", "nota": "Uno"},
        "B": {"canale": "Stampa", "formati": ["A4", "A3"], "budget_stimato": "100.50", "copie": 10,
              "in_stampa_dal": "2026-12-24", "referente": other, "link_al_materiale": "https://a.example.com",
              "nota": "due"},
        "C": {"canale": "Fiera", "formati": ["Roll-up"], "budget_stimato": 9, "copie": -1,
              "in_stampa_dal": "2025-01-01", "nota": "100% tre"},
        "D": {},
    }  # fmt: skip
    return {title: post(seller, title, **values) for title, values in rows.items()}


def test_filters_of_each_type_find_what_they_say(company, fields, four, seller):
    web, a3 = choice(fields["canale"], "Web"), choice(fields["formati"], "A3")
    cases = {
        "canale": [("in", [web], "A"), ("not_in", [web], "BCD"), ("empty", None, "D"), ("filled", None, "ABC")],
        "formati": [("in", [a3], "B"), ("not_in", [a3], "ACD"), ("empty", None, "D"), ("filled", None, "ABC")],
        "budget_stimato": [("gt", 9.5, "AB"), ("eq", "9", "C"), ("between", [9, 10], "AC"), ("ne", 10, "BCD"),
                           ("empty", None, "D")],
        "copie": [("lt", 0, "C"), ("gte", 2, "AB"), ("filled", None, "ABC")],
        "in_stampa_dal": [("gt", "2026-11-30", "B"), ("eq", "2026-11-30", "A"), ("lte", "2026-11-30", "AC"),
                          ("between", ["2025-01-01", "2026-12-01"], "AC"), ("empty", None, "D")],
        "referente": [("in", ["me"], "A"), ("in", [str(company.admin.member_id)], "B"), ("empty", None, "CD")],
        "link_al_materiale": [("contains", "b.ex", "A"), ("starts", "HTTPS://A", "B"), ("empty", None, "CD")],
        "nota": [("eq", "UNO", "A"), ("contains", "%", "C"), ("not_contains", "u", "CD"), ("ends", "tre", "C")],
    }  # fmt: skip
    for key, conditions in cases.items():
        for operator, value, expected in conditions:
            titles = found(seller, (f"custom_{key}", operator, value))
            assert "".join(sorted(titles)) == expected, (key, operator, value)
    for key, operator, value in (("canale", "in", ["nothing"]), ("formati", "in", ["nothing"]), ("copie", "gt", "x"),
                                 ("referente", "in", ["x"]), ("canale", "gt", [web]), ("weather", "eq", "1")):  # fmt: skip
        query = prison.dumps({"filters": [{"col": f"custom_{key}", "opr": operator, "value": value}]})
        assert seller.api("GET", f"{API}?q={quote(query)}").status_code == 400, key


def test_sorts_of_each_type_keep_the_empty_ones_last(company, fields, four, seller):
    expected = {"canale": "CABD", "budget_stimato": "CABD", "copie": "CABD", "in_stampa_dal": "CABD",
                "link_al_materiale": "BA", "nota": "CABD"}  # fmt: skip
    for key, order in expected.items():
        titles = "".join(found(seller, order_by=[f"custom_{key}", "title"]))
        assert titles.startswith(order), (key, titles)
        assert "".join(found(seller, order_by=[f"-custom_{key}"])).startswith(order.rstrip("D")[::-1]), key
    names = sorted([(company.sales.actor.label, "A"), (company.admin.actor.label, "B")])
    assert "".join(found(seller, order_by=["custom_referente"])).startswith("".join(one for _name, one in names))
    query = quote(prison.dumps({"order_by": ["custom_formati"]}))
    assert seller.api("GET", f"{API}?q={query}").status_code == 400
    # Another order of the choices is another order of the list, at once.
    field = fields["canale"]
    turned = [ChoiceInput(one["label"], one["id"]) for one in reversed(field.choices)]
    change(company.admin.actor, field, choices=turned)
    assert "".join(found(seller, order_by=["custom_canale"])) == "BACD"


def test_the_table_shows_columns_chips_totals_and_exports_them(company, fields, four, seller):
    keys = [f"custom_{one}" for one in fields]
    web = choice(fields["canale"], "Web")
    pairs = [("cols", ",".join(keys)), ("sort", "title"),
             ("t", f"or(custom_canale:in:{web};and(custom_budget_stimato:gt:50;custom_nota:contains:due))")]  # fmt: skip
    page = seller.get(f"/tasks/table?{urlencode(pairs)}")
    words = helpers.words(page.text)
    assert "Canale is one of Web" in words
    assert "Sum Budget stimato €110.50" in words and "Sum Copie 12" in words
    assert company.admin.actor.label in words and "a.example.com" in words
    builder = re.search(r"<select[^>]*data-filter-field.*?</select>", page.text, re.S)[0]
    labels = re.search(r'value="custom_canale"[^>]*data-labels="([^"]*)"', builder)[1]
    assert json.loads(labels.replace("&#34;", '"')) == ["Fiera", "Web", "Stampa"]
    export = seller.get(f"/tasks/export/csv?{urlencode(pairs)}").data.decode("utf-8-sig").splitlines()
    assert export[0] == "Title;" + ";".join(one for one, _type, _choices in SPECS)
    assert export[2].startswith("B;Stampa;A4, A3;100.50;10.00;2026-12-24;")
    assert export[2].endswith(";https://a.example.com;due")
    assert seller.get(f"/tasks/export/xlsx?{urlencode(pairs)}").status_code == 200
    saved = seller.post("/views/task/save", data={"name": "Ours", "state": urlencode(pairs), "visibility": "private"})
    assert saved.status_code == 302
    again = seller.get(saved.location)
    assert again.status_code == 200 and "a.example.com" in again.text


def test_a_filter_tree_over_own_fields_works_without_a_request(company, fields, four):
    tree = {"op": "and", "items": [{"field": "custom_copie", "operator": "gt", "value": ["1"]}]}
    with tenant_scope(company.sales.actor) as scope:
        columns = plan(TASKS).columns
        hits = [title for title, one in four.items() if matches(TASKS, tree, one["id"], scope.actor, columns)]
    assert hits == ["A", "B"]


def test_two_organizations_with_the_same_keys_never_meet(company, app, seller):
    """Keys are equal, ids and types are not: what is kept of one organization's SQL must not answer the other."""
    with app.app_context():
        second = cast.make_company("Second S.r.l.", ("Tina Admin", "Mario Market", "Sara Seller", "Vera Viewer"))
    other = SignedIn(app, second.sales)
    define(company.admin.actor, "Valore", "number")
    define(second.admin.actor, "Valore", "text")
    define(second.admin.actor, "Solo qui", "text")
    for number, title in ((10, "ten"), (9, "nine")):
        post(seller, title, valore=number)
        post(other, title, valore=str(number), solo_qui="x")
    for _again in range(2):  # written, and then kept
        assert found(seller, order_by=["custom_valore"]) == ["nine", "ten"]
        assert found(other, order_by=["custom_valore"]) == ["ten", "nine"]
        assert found(seller, ("custom_valore", "gt", 9)) == ["ten"]
        assert found(other, ("custom_valore", "eq", "9")) == ["nine"]
        for browser, column in ((seller, "9.00"), (other, "9")):
            assert browser.get("/tasks/table?cols=custom_valore&sort=custom_valore").status_code == 200
            rows = browser.api("GET", API).json["result"]
            assert column in [one["custom"]["valore"] for one in rows]
    query = quote(prison.dumps({"filters": [{"col": "custom_solo_qui", "opr": "filled"}]}))
    assert seller.api("GET", f"{API}?q={query}").status_code == 400
    assert seller.api("POST", API, json={"title": "x", "custom": {"solo_qui": "x"}}).status_code == 422
    assert "Solo qui" not in seller.get("/tasks/table").text and "Solo qui" in other.get("/tasks/table").text
    for browser, known in ((seller, {"valore"}), (other, {"valore", "solo_qui"})):
        spec = browser.api("GET", "/api/v1/_openapi").json["components"]["schemas"]
        assert set(spec["TaskCreate"]["properties"]["custom"]["properties"]) == known
        info = browser.api("GET", f"{API}_info").json
        assert {one["name"] for one in info["add_columns"] if one["name"][:7] == "custom."} == {
            f"custom.{one}" for one in known
        }
        assert {one for one in info["filters"] if one[:7] == "custom_"} == {f"custom_{one}" for one in known}


def test_reading_costs_the_same_with_and_without_fields(company, app, seller, counting):
    def count(url: str) -> int:
        seller.get(url)
        with counting() as statements:
            assert seller.get(url).status_code == 200
        return len([one for one in statements if "set_config" not in one])

    made = seller.api("POST", API, json={"title": "Flyer", "owner": str(company.sales.member_id)}).json
    urls = ("/tasks/table", "/tasks/list", f"/tasks/{made['id']}/panel", f"/tasks/{made['id']}")
    before = [count(url) for url in urls]
    for one in SPECS:
        define(company.admin.actor, *one)
    seller.api("PATCH", API + made["id"], json={"custom": {"canale": "Web", "referente": str(company.sales.member_id)}})
    assert [count(url) for url in urls] == before
    admin = SignedIn(app, company.admin)
    admin.get("/settings/custom-fields")
    with counting() as few:
        admin.get("/settings/custom-fields")
    define(company.admin.actor, "Nono", "text")
    with counting() as many:
        admin.get("/settings/custom-fields")
    assert len(few) == len(many)


# ── one task ─────────────────────────────────────────────────────────────────────────────────────


def test_the_drawer_shows_values_and_changes_them_in_place(company, app, fields, four, seller):
    task = four["A"]["id"]
    panel = seller.get(f"/tasks/{task}/panel").text
    words = helpers.words(panel)
    assert "Budget stimato €10" in words and "Referente" in words and "b.example.com" in words
    assert len(re.findall(r'data-custom="', panel)) == len(SPECS)
    viewer = SignedIn(app, company.viewer).get(f"/tasks/{task}/panel").text
    assert "b.example.com" in viewer and "data-custom=" not in viewer
    changed = seller.api("PATCH", API + task, json={"custom": {"nota": "new"}, "version": 1})
    assert changed.json["result"]["version"] == 2
    stale = seller.api("PATCH", API + task, json={"custom": {"nota": "newer"}, "version": 1})
    assert stale.status_code == 409
    assert seller.api("PATCH", API + task, json={"custom": {"nota": "new"}}).json["result"]["version"] == 2


def test_the_form_has_the_fields_and_says_what_two_people_wrote(company, fields, four, seller):
    task = four["B"]["id"]
    form = seller.get(f"/tasks/edit/{task}").text
    assert re.search(r'name="custom_formati" value="\w+" checked', form)
    assert 'name="custom_budget_stimato" type="text" value="100.50"' in form
    data = {"title": "B", "version": "1", "custom_nota": "mine", "custom_budget_stimato": "7",
            "custom_formati": [one["id"] for one in fields["formati"].choices]}  # fmt: skip
    assert seller.post(f"/tasks/edit/{task}", data={**data, "custom_budget_stimato": "x"}).status_code == 422
    assert seller.post(f"/tasks/edit/{task}", data=data).status_code == 302
    with tenant_scope(company.sales.actor):
        row = db.session.scalar(db.select(Task).where(Task.id == task))
        assert row.custom == {
            fields["nota"].id.hex: "mine", fields["budget_stimato"].id.hex: "7.00",
            fields["formati"].id.hex: data["custom_formati"],
        }  # fmt: skip
    stale = seller.post(f"/tasks/edit/{task}", data={**data, "custom_nota": "theirs"})
    assert stale.status_code == 409 and "theirs" in stale.text
    added = seller.post("/tasks/add", data={"title": "New", "custom_copie": "5"})
    assert added.status_code == 302


def test_history_names_fields_and_values_even_of_archived_ones(company, app, fields, four, seller):
    actor, task = company.admin.actor, four["A"]["id"]
    seller.api("PATCH", API + task, json={"custom": {"canale": "Fiera", "budget_stimato": 20, "formati": ["A3"],
                                                     "referente": str(company.admin.member_id)}})  # fmt: skip
    with uow(actor):
        service.set_archived(fields["canale"].id, True, actor=actor)
    history = helpers.words(seller.get(f"/tasks/{task}").text.split('id="panel-history"')[1])
    assert "Canale Web Fiera" in history
    assert "Budget stimato €10 €20" in history
    assert "Formati A4 A3" in history
    assert f"Referente {company.sales.actor.label} {company.admin.actor.label}" in history
    with tenant_scope(actor):
        rows = db.session.scalars(
            db.select(AuditLog.changes).where(AuditLog.entity_id == task, AuditLog.action == "updated")
        ).all()
    assert rows[0][f"custom_{fields['budget_stimato'].id.hex}"] == ["10.00", "20.00"]
    log = helpers.words(SignedIn(app, company.admin).get("/settings/audit?entity=task").text)
    assert "Canale Web Fiera" in log


def test_values_come_along_when_a_task_comes_again_or_from_a_template(company, fields, four):
    actor = company.sales.actor
    with uow(actor):
        task = db.session.scalar(db.select(Task).where(Task.id == four["A"]["id"]))
        task.due_on = dt.date(2026, 11, 30)
        db.session.flush()
        set_recurrence(task.id, actor=actor, rule="FREQ=WEEKLY")
        copy = follow(task, actor=actor)
        assert copy.custom == task.custom != {}
        template = create_template(task.id, "As always", actor=actor)
        used = use_template(template.id, actor=actor, start_on=dt.date(2026, 12, 1))
        assert used.custom == task.custom


def test_the_database_refuses_values_that_are_no_object(company):
    actor = company.sales.actor
    with uow(actor):
        task = create_task(actor=actor, title="Flyer")
    with pytest.raises(IntegrityError), tenant_scope(actor):
        db.session.execute(text("UPDATE task SET custom = '[]' WHERE id = :id"), {"id": task.id})


def test_a_definition_that_is_taken_back_is_remembered_by_nobody(company):
    actor = company.admin.actor
    with tenant_scope(actor):
        assert not [one for one in TASKS.fields if one.own]
    with pytest.raises(ZeroDivisionError), uow(actor):
        service.create_field("task", "Nota", "text", actor=actor)
        assert [one.label for one in TASKS.fields if one.own] == ["Nota"]
        raise ZeroDivisionError
    with tenant_scope(actor):
        assert not [one for one in TASKS.fields if one.own]
        assert list_page(TASKS, ListParams(), actor).rows == []
    assert Decimal("1.00") == 1
