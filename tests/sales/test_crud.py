"""The generated screens of every entity: lists, forms, locks, bulk, exports, history."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from app.kernel.crud.fields import Kind, cruds
from app.kernel.crud.filters import OPERATORS, PERIODS
from app.kernel.crud.store import create
from app.kernel.feature import registry
from app.kernel.i18n import force_locale
from app.kernel.uow import uow
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.registry import CRUDS
from app.sales.imports import undo
from app.sales.imports.entities import ENTITIES
from app.sales.service.opportunities.editing import create_opportunity
from tests.sales import helpers
from tests.support import SignedIn

CRUD = {one.api: one for one in CRUDS.values()}
FORMS = {
    "accounts": {"name": "Alfa S.p.A.", "employees": "12", "tags": "a, b"},
    "contacts": {"name": "Anna Rossi", "email": "anna@x.example"},
    "leads": {"name": "Bruno Verdi", "status": "working", "score": "40"},
    "products": {"name": "Box", "price": "1.234,50", "active": "true"},
    "opportunities": {"title": "Deal", "amount": "99,90", "close_date": "2026-12-31"},
    "activities": {"title": "Call", "type": "call", "due_at": "2026-12-01T10:00"},
}
VALUES = {
    Kind.TEXT: "a", Kind.LONG: "a", Kind.EMAIL: "a", Kind.PHONE: "1", Kind.URL: "a", Kind.INTEGER: "5", Kind.DECIMAL: "5",
    Kind.MONEY: "5", Kind.PERCENT: "5", Kind.DATE: "2026-01-31", Kind.DATETIME: "2026-01-31", Kind.BOOL: "true",
    Kind.REF: str(uuid4()), Kind.PERSON: "me", Kind.TAGS: "a,b",
}  # fmt: skip


@pytest.fixture(scope="module")
def full(app):
    """An organization with 30 records of each entity."""
    from tests import cast

    with app.app_context():
        company = cast.make_company("Lists", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
        for resource in CRUD:
            fill(company.admin.actor, resource, 30)
        return company


@pytest.fixture(scope="module")
def looker(app, full):
    """One browser for the many addresses that are only looked at."""
    with app.app_context():
        return SignedIn(app, full.admin)


def fill(actor, resource, number, start=0):
    crud = CRUD[resource]
    with uow(actor):
        for index in range(start, start + number):
            label = f"Record {index:03}"
            values = {crud.label_field: label}
            if resource != "products":
                values["owner_id"] = actor.member_id if index % 2 else None
            if resource == "activities":
                values["type"] = "call"
            create(crud, values, actor=actor)


def named(crud):
    return crud.field(crud.label_field).key


def add(browser, resource, **more):
    crud = CRUD[resource]
    answer = browser.post(f"{crud.url}/add", data={**FORMS[resource], **more})
    assert answer.status_code == 302, helpers.words(answer.text)
    return answer.location.rsplit("/", 1)[1]


@pytest.mark.parametrize("resource", CRUD)
def test_every_operator_of_every_field(resource, full, sign_in):
    browser, crud = sign_in(full.admin), CRUD[resource]
    for field in (*crud.fields, *crud.filters):
        if not field.filterable:
            continue
        for operator in OPERATORS[field.kind]:
            if operator == "in_period":
                values = list(PERIODS)
            elif operator in {"empty", "filled"}:
                values = [""]
            elif field.kind is Kind.ENUM:
                values = [field.choices[0].value]
            else:
                values = ["2000" if field.name == "founded" else VALUES[field.kind]]
            if operator == "between":
                values = [f"{values[0]},{values[0]}"]
            for value in values[:4]:
                url = f"{crud.url}/export/csv?f={field.key}:{operator}:{value}&view=all"
                answer = browser.get(url)
                assert answer.status_code == 200, (url, helpers.words(answer.text))


@pytest.mark.parametrize("resource", CRUD)
def test_search_sort_pages_and_columns(resource, full, sign_in):
    browser, crud = sign_in(full.admin), CRUD[resource]
    key = named(crud)
    labels = {
        str(one[0]): one[1]
        for one in helpers.rows(full.admin.actor, f"SELECT id, {crud.label_field} FROM {crud.model.__tablename__}")
    }
    names = lambda query: [labels[one] for one in helpers.ids_in(browser.get(f"{crud.url}/?{query}").text)]  # noqa: E731
    assert names(f"sort={key}") == [f"Record {index:03}" for index in range(25)]
    assert names(f"sort={key}&page=2") == [f"Record {index:03}" for index in range(25, 30)]
    assert names(f"sort=-{key}&size=50") == [f"Record {index:03}" for index in reversed(range(30))]
    assert names("q=record 007") == ["Record 007"]
    assert names("q=100%25") == names("q=_") == []
    assert names("page=99") == []
    for field in crud.fields:
        if field.sortable:
            assert len(names(f"sort=-{field.key}")) == 25
    page = browser.get(f"{crud.url}/?cols=created_at,evil")
    assert page.status_code == 200
    assert len(helpers.ids_in(page.text)) == 25
    assert browser.get(f"{crud.url}/list/").status_code == 200


@pytest.mark.filterwarnings("ignore:Workbook contains no stylesheet:UserWarning")
@pytest.mark.parametrize("resource", CRUD)
def test_exports_equal_what_is_shown(resource, full, sign_in):
    browser, crud = sign_in(full.admin), CRUD[resource]
    key = named(crud)
    query = f"q=record&sort=-{key}&f={key}:starts:record%25200"
    shown = helpers.ids_in(browser.get(f"{crud.url}/?{query}&size=100").text)
    answer = browser.get(f"{crud.url}/export/csv?{query}")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert [row[0] for row in table[1:]] == [f"Record {index:03}" for index in reversed(range(30))]
    assert len(shown) == len(table) - 1
    with force_locale("en"):
        assert table[0] == [str(field.label) for field in crud.fields if field.in_list]
    sheet = load_workbook(io.BytesIO(browser.get(f"{crud.url}/export/xlsx?{query}").data)).active
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == [row[0] for row in table]
    assert browser.get(f"{crud.url}/export/pdf").status_code == 400
    assert sign_in(full.viewer).get(f"{crud.url}/export/csv").status_code == 403


def test_formulas_are_defused(browser, company):
    for evil in ("=1+1", "+1", "-1", "@x"):
        add(browser, "accounts", name=evil)
    cells = browser.get("/sales/accounts/export/csv").data.decode("utf-8-sig").split("\r\n")[1:5]
    assert sorted(one.split(";")[0] for one in cells) == ["'+1", "'-1", "'=1+1", "'@x"]
    assert helpers.scalar(company.admin.actor, "SELECT count(*) FROM audit_log WHERE action = 'exported'") == 1


def test_every_entity_is_known_wherever_entities_are_looked_up(app):
    """A list alone is half an entity: references, the audit log's links and live pages look it up elsewhere."""
    shown = {view.crud.kind for one in registry.features for view in one.views if hasattr(view, "crud")}
    served = {api.crud.kind for one in registry.features for api in one.apis if hasattr(api, "crud")}
    assert set(cruds) == shown == served & shown == set(registry.records) & set(cruds)


def test_what_says_that_it_is_importable_is(app):
    importable = {one.api: one for one in cruds.values() if one.importable}
    assert importable == {name: one.crud for name, one in ENTITIES.items() if one.crud is not None}
    for crud in importable.values():
        assert "import_id" in crud.model.__table__.c, crud.kind
        assert crud.kind in undo._MODELS and crud.kind in undo._USES, crud.kind


def test_what_others_wrote_and_the_history_are_in_words(browser, company):
    """People by name and choices by label, not as the database has them."""
    owner = company.sales
    pk = add(browser, "accounts", lifecycle="prospect")
    url = f"/sales/accounts/edit/{pk}"
    values = {**FORMS["accounts"], "owner": str(owner.member_id), "lifecycle": "at_risk"}
    assert browser.post(url, data={**values, "version": "1", "owner": ""}).status_code == 302
    stale = browser.post(url, data={**values, "version": "1", "lifecycle": "customer"})
    assert stale.status_code == 409
    diff = helpers.words(stale.text[stale.text.index('<dl class="sk-diff">') : stale.text.index("</dl>")])
    assert "Sam Seller" in diff and "Customer" in diff and "At risk" in diff
    assert str(owner.member_id) not in diff
    assert browser.post(url, data={**values, "version": "2"}).status_code == 302
    shown = browser.get(f"/sales/accounts/show/{pk}").text
    history = helpers.words(shown[shown.index('id="panel-history"') :])
    assert "Sam Seller" in history and "Prospect" in history and "At risk" in history
    assert "at_risk" not in history and str(owner.member_id) not in history


@pytest.mark.parametrize("resource", CRUD)
def test_forms_add_edit_and_delete(resource, browser, company):
    crud = CRUD[resource]
    pk = add(browser, resource)
    edit = browser.get(f"{crud.url}/edit/{pk}")
    assert edit.status_code == 200
    changed = browser.post(
        f"{crud.url}/edit/{pk}", data={**FORMS[resource], named(crud): "Changed <b>", "version": "1"}
    )
    assert changed.status_code == 302, helpers.words(changed.text)
    shown = browser.get(f"{crud.url}/show/{pk}")
    assert shown.status_code == 200
    assert "Changed &lt;b&gt;" in shown.text
    assert "Changed <b>" not in shown.text
    stale = browser.post(f"{crud.url}/edit/{pk}", data={**FORMS[resource], named(crud): "Mine", "version": "1"})
    assert stale.status_code == 409
    assert "Mine" in stale.text
    assert "Changed &lt;b&gt;" in stale.text
    actions = helpers.rows(
        company.admin.actor, "SELECT action FROM audit_log WHERE entity_id = :id ORDER BY seq", id=pk
    )
    assert [one.action for one in actions] == ["created", "updated"]
    assert browser.post(f"{crud.url}/delete/{pk}").status_code == 302
    assert browser.get(f"{crud.url}/show/{pk}").status_code == 404


def test_years_and_the_history_are_written_for_people(browser, company):
    """No marks in a year; the history says names, words and dates where the log keeps ids and codes."""
    answer = browser.post("/sales/accounts/add", data={"name": "Beta", "founded": "1996", "employees": "2822"})
    account = answer.headers["Location"].rsplit("/", 1)[1]
    data = {**FORMS["opportunities"], "amount": "1234,50", "close_date": "2031-12-31", "account": account}
    deal = browser.post("/sales/opportunities/add", data=data).headers["Location"].rsplit("/", 1)[1]
    page = helpers.words(browser.get(f"/sales/accounts/show/{account}").text)
    assert "Founded 1996" in page
    assert "1,996" not in page
    history = helpers.words(browser.get(f"/sales/opportunities/show/{deal}").text.split('id="panel-history"')[1])
    for shown in ("Account Beta", "Amount 1,234.5", "Close date 31 Dec 2031", "Outcome Open"):
        assert shown in history
    assert account not in history


@pytest.mark.parametrize("resource", CRUD)
def test_errors_keep_what_was_typed(resource, browser, company):
    crud = CRUD[resource]
    key = named(crud)
    typed = {**FORMS[resource], key: ""}
    answer = browser.post(f"{crud.url}/add", data=typed)
    assert answer.status_code == 422
    assert "This field is required." in answer.text
    for one, value in FORMS[resource].items():
        if one not in {key, "status", "type", "active"}:
            assert f'value="{value}"' in answer.text, one
    assert helpers.scalar(company.admin.actor, f"SELECT count(*) FROM {crud.model.__tablename__}") == 0
    # An entity's own rule, found only while saving, is shown beside its field as well.
    pk = add(browser, resource)
    bad = browser.post(f"{crud.url}/edit/{pk}", data={**FORMS[resource], key: "x" * 500, "version": "1"})
    assert bad.status_code == 422


def test_a_taken_name_is_told_beside_the_field(browser):
    add(browser, "accounts")
    answer = browser.post("/sales/accounts/add", data={**FORMS["accounts"], "name": "ALFA S.P.A."})
    assert answer.status_code == 422
    assert "This value is already in use." in answer.text
    assert 'value="ALFA S.P.A."' in answer.text


def test_an_account_s_open_value_adds_no_currencies_together(browser, actor):
    deals = {
        "Both": (("100", "EUR"), ("90", "USD")),
        "Foreign": (("90", "USD"),),
        "Vague": ((None, "EUR"),),
        "None": (),
    }
    with uow(actor):
        for name, amounts in deals.items():
            account = create(ACCOUNTS, {"name": name}, actor=actor)
            for amount, currency in amounts:
                values = {"amount": amount and Decimal(amount), "currency": currency, "account_id": account.id}
                create_opportunity(actor=actor, title=f"Deal of {name}", **values)
    found = browser.api("GET", "/api/v1/accounts").json["result"]
    assert {one["name"]: (one["open_deals"], one["open_value"]) for one in found} == {
        "Both": (2, "100.00"),
        "Foreign": (1, None),
        "Vague": (1, "0"),
        "None": (0, "0"),
    }


def test_a_new_product_is_active_unless_unticked(browser, company):
    import re

    box = re.search(r'<input[^>]*name="active"[^>]*type="checkbox"[^>]*>|<input[^>]*type="checkbox"[^>]*name="active"[^>]*>',
                    browser.get("/sales/products/add").text)  # fmt: skip
    assert box
    assert "checked" in box.group(0)


@pytest.mark.parametrize("resource", CRUD)
def test_viewers_and_rivals(resource, full, sign_in, rival):
    crud, viewer, charlie = CRUD[resource], sign_in(full.viewer), sign_in(rival.admin)
    pk = helpers.scalar(full.admin.actor, f"SELECT id FROM {crud.model.__tablename__} LIMIT 1")
    assert viewer.get(f"{crud.url}/show/{pk}").status_code == 200
    assert "Record 0" not in charlie.get(f"{crud.url}/").text
    for browser, status in ((viewer, 403), (charlie, 404)):
        assert browser.get(f"{crud.url}/edit/{pk}").status_code == status
        assert browser.post(f"{crud.url}/edit/{pk}", data=FORMS[resource]).status_code == status
        assert browser.post(f"{crud.url}/delete/{pk}").status_code == status
    assert viewer.get(f"{crud.url}/add").status_code == 403
    assert charlie.get(f"{crud.url}/show/{pk}").status_code == 404
    charlie.post(f"{crud.url}/bulk", data={"action": "delete", "rowid": str(pk)})
    assert viewer.post(f"{crud.url}/bulk", data={"action": "delete", "rowid": str(pk)}).status_code == 403
    assert helpers.scalar(full.admin.actor, f"SELECT count(*) FROM {crud.model.__tablename__}") == 30


@pytest.mark.parametrize("resource", CRUD)
def test_bulk_leaves_out_what_it_may_not_touch(resource, company, browser, rival):
    actor, crud = company.admin.actor, CRUD[resource]
    fill(actor, resource, 3)
    fill(rival.admin.actor, resource, 1, start=uuid4().int % 10**9)
    table = crud.model.__tablename__
    foreign = str(helpers.scalar(rival.admin.actor, f"SELECT id FROM {table} LIMIT 1"))
    ids = [str(one.id) for one in helpers.rows(actor, f"SELECT id FROM {table} ORDER BY {crud.label_field}")]
    chosen = [*ids[:2], foreign, str(uuid4())]
    actions = {one.name for one in crud.bulk}
    if "owner" in actions:
        owner = str(company.sales.member_id)
        browser.post(f"{crud.url}/bulk", data={"action": "owner", "rowid": chosen, "value": owner})
        assert helpers.scalar(actor, f"SELECT count(*) FROM {table} WHERE owner_id = :one", one=owner) == 2
        alien = {"action": "owner", "rowid": chosen, "value": str(rival.admin.member_id)}
        assert browser.post(f"{crud.url}/bulk", data=alien).status_code == 422
    if "tag" in actions:
        for _turn in range(2):
            browser.post(f"{crud.url}/bulk", data={"action": "tag", "rowid": chosen, "value": "fiera"})
        assert helpers.scalar(actor, f"SELECT count(*) FROM {table} WHERE tags = '{{fiera}}'") == 2
        assert browser.post(f"{crud.url}/bulk", data={"action": "tag", "rowid": ids, "value": " "}).status_code == 422
    assert browser.post(f"{crud.url}/bulk", data={"action": "evil", "rowid": ids}).status_code == 400
    assert browser.post(f"{crud.url}/bulk", data={"action": "delete", "rowid": "x"}).status_code == 404
    browser.post(f"{crud.url}/bulk", data={"action": "delete", "rowid": chosen})
    assert [str(one.id) for one in helpers.rows(actor, f"SELECT id FROM {table}")] == ids[2:]
    assert helpers.scalar(rival.admin.actor, f"SELECT count(*) FROM {table} WHERE id = :id", id=foreign) == 1
    browser.post(f"{crud.url}/bulk?q=nothing", data={"action": "delete", "all": "1"})
    assert helpers.scalar(actor, f"SELECT count(*) FROM {table}") == 1


@pytest.mark.parametrize("resource", CRUD)
def test_the_number_of_queries_does_not_grow(resource, company, browser, counting):
    actor, crud = company.admin.actor, CRUD[resource]
    fill(actor, resource, 5)
    browser.get(f"{crud.url}/")
    with counting() as few:
        browser.get(f"{crud.url}/")
    fill(actor, resource, 10, start=5)
    with counting() as many:
        assert len(helpers.ids_in(browser.get(f"{crud.url}/").text)) == 15
    assert len(few) == len(many)


@pytest.mark.parametrize("resource", CRUD)
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("f=nope:eq:1", 400), ("f=x", 400), ("f=created_at:evil:1", 400), ("f=created_at:eq:yesterday", 400), ("f=created_at:gte:1800-01-01", 400),
        ("f=created_at:eq:", 400), ("f=created_at:between:2026-01-01", 400), ("f=created_at:in_period:evil", 400),
        ("page=x", 400), ("size=x", 400), ("page=0", 200), ("size=7", 200), ("sort=evil", 400), ("sort=,", 200),
        ("page=99999999", 400), ("view=x", 404), ("view=00000000-0000-4000-8000-000000000000", 404), ("q=%00%FF", 200), ("cols=%00", 200),
        ("&".join(["f=created_at:filled:"] * 51), 400), ("&".join(["f=created_at:filled:"] * 50), 200),
        ("t=or(created_at:filled:;and(created_at:empty:))", 200), ("t=and()", 200), ("t=", 200),
        ("t=or", 400), ("t=or(", 400), ("t=or(created_at:filled:", 400), ("t=)", 400), ("t=and())", 400), ("t=not(created_at:empty:)", 400),
        ("t=or(;)", 400), ("t=or(created_at:filled:)or()", 400), ("t=created_at:filled:", 400), ("t=or(nope:eq:1)", 400),
        ("t=or(created_at:evil:1)", 400), ("t=or(created_at:eq:x)", 400), ("t=or(created_at)", 400), ("t=or(created_at:eq:%00)", 400),
        ("t=" + "and(" * 5 + "created_at:filled:" + ")" * 5, 200), ("t=" + "and(" * 6 + ")" * 6, 400), ("t=" + "or(" * 2000, 400),
        ("t=or(" + ";".join(["created_at:filled:"] * 51) + ")", 400), ("t=" + "x" * 17000, 400),
        ("sort=created_at,-created_at,,created_at", 200),
    ],
)  # fmt: skip
def test_bad_addresses(resource, query, status, looker):
    assert looker.get(f"{CRUD[resource].url}/?{query}").status_code == status


pieces = st.text(st.characters(codec="utf-8"), max_size=20)


def test_a_filter_may_ask_beyond_the_limits_of_the_form(browser, actor):
    with uow(actor):
        create(CRUD["accounts"], {"name": "Alfa", "founded": 1950}, actor=actor)
    for leaf, count in (("founded:gt:5", 1), ("founded:lt:99999", 1), ("founded:lt:-3", 0)):
        answer = browser.get(f"/sales/accounts/?f={leaf}")
        assert answer.status_code == 200, leaf
        assert len(helpers.ids_in(answer.text)) == count, leaf


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    resource=st.sampled_from(sorted(CRUD)),
    query=st.lists(
        st.tuples(
            st.sampled_from(["q", "f", "sort", "cols", "size", "page", "view"]),
            st.one_of(
                pieces,
                st.builds(
                    "{}:{}:{}".format,
                    st.sampled_from(
                        ["name", "title", "owner", "amount", "tags", "created_at", "stage", "price", "status"]
                    ),
                    st.sampled_from(["eq", "ne", "in", "between", "contains", "empty", "gt", "in_period"]),
                    pieces,
                ),
            ),
        ),
        max_size=4,
    ),
)
def test_no_address_breaks_a_list(resource, query, looker):
    answer = looker.get(f"{CRUD[resource].url}/", query_string=query)
    assert answer.status_code in {200, 400, 404}, query


# ── forms and cells at their edges ───────────────────────────────────────────────────────────────


def test_a_form_starts_from_what_the_address_says(browser, company):
    pk = add(browser, "accounts")
    page = browser.get(f"/sales/contacts/add?account={pk}&name=Anna+Rossi&email=anna@x.example").text
    assert 'value="Anna Rossi"' in page
    assert f'value="{pk}"' in page
    assert "Alfa S.p.A." in page
    again = browser.post("/sales/contacts/add", data={"name": "Anna", "account": pk, "again": "1"})
    assert (again.status_code, again.location) == (302, "/sales/contacts/add")
    assert helpers.scalar(company.admin.actor, "SELECT name FROM contact WHERE account_id = :id", id=pk) == "Anna"


@pytest.mark.parametrize(
    ("resource", "typed", "words"),
    [
        ("accounts", {"name": "Alfa", "employees": "1,5"}, "This is not a number."),
        ("accounts", {"name": "Alfa", "phone": "12"}, "This is not a phone number."),
        ("accounts", {"name": "Alfa", "tags": ",".join(f"t{one}" for one in range(21))}, "At most 20 tags."),
        ("accounts", {"name": "Alfa", "parent": str(uuid4())}, "This record does not exist."),
        ("opportunities", {"title": "Deal", "close_date": "31/12/2026"}, "This is not a date."),
        ("activities", {"title": "Call", "type": "call", "due_at": "soon"}, "This is not a date and time."),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(resource, typed, words, browser, actor):
    answer = browser.post(f"{CRUD[resource].url}/add", data=typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert helpers.count(actor, CRUD[resource].model) == 0


def test_a_moment_is_read_in_the_zone_that_it_names(browser, actor):
    """Without one it is the person's own, Europe/Rome."""
    for typed in ("2026-12-01T10:00", "2026-12-01T04:00-05:00"):
        add(browser, "activities", due_at=typed)
    found = helpers.rows(actor, "SELECT DISTINCT due_at AT TIME ZONE 'UTC' FROM activity_log")
    assert [str(one[0]) for one in found] == ["2026-12-01 09:00:00"]


def test_a_web_address_keeps_its_scheme(browser, actor):
    add(browser, "accounts", name="One", website="http://one.example/x")
    add(browser, "accounts", name="Two", website="two.example")
    found = helpers.rows(actor, "SELECT website FROM account ORDER BY name")
    assert [one.website for one in found] == ["http://one.example/x", "https://two.example"]


def test_an_edit_that_is_refused_keeps_the_form(browser):
    add(browser, "accounts", name="Taken")
    pk = add(browser, "accounts")
    url = f"/sales/accounts/edit/{pk}"
    taken = browser.post(url, data={"name": "TAKEN", "city": "Roma", "version": "1"})
    assert taken.status_code == 422
    assert "This value is already in use." in taken.text
    assert 'value="Roma"' in taken.text
    assert browser.post(url, data={"name": "Other", "version": "one"}).status_code == 400
    assert "Alfa S.p.A." in browser.get(f"/sales/accounts/show/{pk}").text


def test_a_rule_of_the_whole_record_is_said_above_the_form(browser):
    pk = add(browser, "accounts")
    answer = browser.post(f"/sales/accounts/edit/{pk}", data={"name": "Alfa", "parent": pk, "version": "1"})
    assert answer.status_code == 422
    assert "This combination of values is not allowed." in answer.text


def test_a_script_is_told_of_a_deletion_in_json(browser):
    pk = add(browser, "accounts")
    done = browser.post(f"/sales/accounts/delete/{pk}", accept="application/json")
    assert (done.status_code, done.json) == (200, {"message": "“Alfa S.p.A.” deleted."})


@pytest.mark.filterwarnings("ignore:Workbook contains no stylesheet:UserWarning")
def test_dates_phones_and_tags_in_an_export(browser, actor):
    add(browser, "opportunities")
    add(browser, "accounts", name="Alfa", phone="045 8001234", tags="a, b")
    answer = browser.get("/sales/accounts/export/csv?cols=phone,tags&view=all")
    assert answer.data.decode("utf-8-sig").split("\r\n")[1] == "Alfa;+390458001234;a, b"
    url = "/sales/opportunities/export/{}?cols=close_date&view=all"
    assert browser.get(url.format("csv")).data.decode("utf-8-sig").split("\r\n")[1] == "Deal;2026-12-31"
    sheet = load_workbook(io.BytesIO(browser.get(url.format("xlsx")).data)).active
    assert list(sheet.iter_rows(values_only=True))[1] == ("Deal", "2026-12-31")


def test_filters_in_words(browser, company):
    add(browser, "opportunities")
    page = browser.get("/sales/opportunities/?f=close_date:gte:2026-01-31T10:00&f=owner:in:me")
    assert page.status_code == 200
    assert "2026-01-31T10:00" in helpers.words(page.text)
    assert browser.get("/sales/accounts/?f=employees:eq:%2520").status_code == 400  # nothing but a space


def test_a_cell_shows_what_is_stored_when_its_meaning_is_gone(app):
    from app.kernel.crud.cells import DASH, cell

    with app.test_request_context():
        lifecycle, owner = CRUD["accounts"].field("lifecycle"), CRUD["accounts"].field("owner")
        account = CRUD["contacts"].field("account")
        assert cell(lifecycle, {"lifecycle": "<gone>"}) == "&lt;gone&gt;"
        assert cell(owner, {"owner_id": uuid4(), "owner_id__name": None}) == DASH
        assert cell(account, {"account_id": uuid4(), "account_id__name": None}) == DASH


def test_what_is_remembered_of_lists_does_not_grow_for_ever(browser, monkeypatch):
    from app.kernel.crud import query

    remembered = dict.fromkeys(range(501))
    monkeypatch.setattr(query, "_selects", remembered)
    assert browser.get("/sales/accounts/?cols=city,name,phone").status_code == 200
    assert 0 < len(remembered) < 10


def test_own_records_are_the_reach_of_forms_and_bulk_actions(company, browser, sign_in):
    """A person who reads all and writes only their own."""
    from app.tenancy.service import roles

    actor = company.admin.actor
    with uow(actor):
        role = roles.create_role("Own accounts", actor=actor)
        roles.assign_roles(company.sales.member_id, {role.id}, actor=actor)
        mine, other = (
            create(CRUD["accounts"], {"name": name, "owner_id": owner}, actor=actor).id
            for name, owner in (("Mine", company.sales.member_id), ("Other", company.admin.member_id))
        )
    browser.api("POST", f"/roles/{role.id}/permissions",
                json={"permissions": {"read account": "all", "write account": "own"}})  # fmt: skip
    person = sign_in(company.sales)
    assert person.get(f"/sales/accounts/edit/{mine}").status_code == 200
    assert person.get(f"/sales/accounts/edit/{other}").status_code == 403
    chosen = {"action": "tag", "rowid": [str(mine), str(other)], "value": "fiera"}
    assert person.post("/sales/accounts/bulk", data=chosen).status_code == 302
    tagged = helpers.rows(actor, "SELECT name FROM account WHERE tags = '{fiera}'")
    assert [one.name for one in tagged] == ["Mine"]
    assert "1 left out." in person.get("/sales/accounts/").text
    # What one may not read is not found either.
    add(browser, "contacts", name="Mine too")
    found = person.api("GET", "/search/palette?q=mine").json["result"]
    assert [one["title"] for one in found] == ["Mine"]


def test_choices_of_references(browser, company, sign_in):
    names = lambda kind, text="": [  # noqa: E731
        one["name"] for one in browser.api("GET", f"/lookup/{kind}?q={text}").json["result"]
    ]
    assert names("membership", "sam") == ["Sam Seller"]
    assert len(names("pipeline")) == 1
    assert len(names("pipeline_stage")) == 6
    assert browser.api("GET", "/lookup/secrets").status_code == 404
    # Whoever may not read what has them is not told what they are; people and statuses every member knows.
    reader = sign_in(company.marketing)
    kinds = ("pipeline", "pipeline_stage", "lost_reason", "account", "task_status", "membership")
    assert [reader.api("GET", f"/lookup/{kind}").status_code for kind in kinds] == [403] * 4 + [200] * 2
