"""The table of tasks, and with it every generated list: filter trees, several sorts, totals, columns."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.kernel import clock
from app.kernel.crud import query
from app.kernel.crud.filters import period_bounds
from app.kernel.crud.query import ListParams, list_page, plan
from app.kernel.crud.totals import list_totals
from app.kernel.crud.tree import MAX_DEPTH, compile_tree, leaves_of, matches, parse_tree, tree_text
from app.kernel.db import db
from app.kernel.errors import BadRequest
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.cruds import TASKS
from app.tasks.models.tasks import Task
from app.tasks.service.tasks import create_task
from tests.sales import helpers

NOW = dt.datetime(2026, 11, 27, 10, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
# title, estimate, priority, due in days, has an owner, tags
DATA = [
    ("Alpha 100%", None, "P0", None, True, []),
    ("beta_one", 30, "P1", 0, False, ["Fair"]),
    ("Alpha beta", 60, "P2", -1, True, ["Fair", "print"]),
    ("gamma\\slash", 0, "P3", 6, False, ["print"]),
    ("BETA", 600, "P0", 7, True, []),
    ("delta; (and) or", 45, "P1", -40, False, ["a,b"]),
    ("omega", 45, "P2", 35, True, ["Fair"]),
]


@pytest.fixture(scope="module")
def table(app) -> Any:
    """An organization with seven tasks of every sort; title -> (id, values)."""
    from tests import cast

    with app.app_context():
        company = cast.make_company("Table S.r.l.", ("Tina Admin", "Mario Market", "Sara Seller", "Vera Viewer"))
        actor = company.admin.actor
        found = {}
        with uow(actor):
            for title, estimate, priority, days, owned, tags in DATA:
                values = {
                    "title": title, "estimate": estimate, "priority": priority,
                    "due_on": TODAY + dt.timedelta(days=days) if days is not None else None,
                    "owner_id": actor.member_id if owned else None, "tags": tags,
                }  # fmt: skip
                found[title] = (create_task(actor=actor, **values).id, values)
    return company, found


# ── the compiler against plain Python ────────────────────────────────────────────────────────────

texts = st.sampled_from(["alpha", "BETA", "a", "%", "_", "\\", "(and)", "; (", "x", "100%", "é"])
LEAVES = st.one_of(
    st.tuples(st.just("title"), st.sampled_from(["contains", "not_contains", "eq", "ne", "starts", "ends"]),
              st.lists(texts, min_size=1, max_size=1)),
    st.tuples(st.sampled_from(["title", "estimate", "due_on", "owner", "tags"]), st.sampled_from(["empty", "filled"]),
              st.just([])),
    st.tuples(st.just("estimate"), st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
              st.lists(st.sampled_from(["0", "30", "45", "61"]), min_size=1, max_size=1)),
    st.tuples(st.just("estimate"), st.just("between"), st.just(["30", "60"])),
    st.tuples(st.just("priority"), st.sampled_from(["in", "not_in", "eq", "ne"]),
              st.lists(st.sampled_from(["P0", "P1", "P2"]), min_size=1, max_size=2)),
    st.tuples(st.just("due_on"), st.sampled_from(["eq", "lt", "gt", "lte", "gte"]),
              st.integers(-2, 8).map(lambda days: [str(TODAY + dt.timedelta(days=days))])),
    st.tuples(st.just("due_on"), st.just("in_period"),
              st.sampled_from(["today", "yesterday", "tomorrow", "this_week", "next_week", "last_week", "next_month",
                               "past", "future", "last_41", "next_7", "next_8", "this_month"]).map(lambda one: [one])),
    st.tuples(st.just("owner"), st.sampled_from(["in", "not_in"]), st.just(["me"])),
    st.tuples(st.just("tags"), st.sampled_from(["in", "not_in"]),
              st.lists(st.sampled_from(["Fair", "print", "a,b", "none"]), min_size=1, max_size=2)),
).map(lambda one: {"field": one[0], "operator": one[1], "value": one[2]})  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda op, items: {"op": op, "items": items}, st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


def depth_of(node: dict) -> int:
    return 1 + max((depth_of(one) for one in node["items"]), default=0) if "items" in node else 0


def holds(node: dict, values: dict, me: Any) -> bool:
    """The filter in plain Python, written from the words of its operators."""
    if "items" in node:
        found = [holds(one, values, me) for one in node["items"]]
        return not found or (any(found) if node["op"] == "or" else all(found))
    field, operator, wanted = node["field"], node["operator"], node["value"]
    value = values["owner_id" if field == "owner" else field]
    if operator in {"empty", "filled"}:
        return (value is None or value == []) == (operator == "empty")
    if field == "title":
        text, one = value.lower(), wanted[0].lower()
        return {"contains": one in text, "not_contains": one not in text, "eq": text == one, "ne": text != one,
                "starts": text.startswith(one), "ends": text.endswith(one)}[operator]  # fmt: skip
    if field == "tags":
        return bool(set(value) & set(wanted)) == (operator == "in")
    if field in {"priority", "owner"}:
        chosen = [me] if wanted == ["me"] else wanted
        return (value in chosen) == (operator in {"in", "eq"})
    if operator == "ne":
        return value != int(wanted[0])
    if value is None:
        return False
    if operator == "in_period":
        first, last = period_bounds(wanted[0], TODAY)
        return (first is None or value >= first) and (last is None or value <= last)
    limits = [int(one) if field == "estimate" else dt.date.fromisoformat(one) for one in wanted]
    return {"eq": value == limits[0], "gt": value > limits[0], "gte": value >= limits[0], "lt": value < limits[0],
            "lte": value <= limits[0], "between": limits[0] <= value <= limits[-1]}[operator]  # fmt: skip


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_a_tree_finds_what_plain_python_finds(app, table, tree):
    """Also after it has been through an address, and asked of one record at a time."""
    company, tasks = table
    actor = company.admin.actor
    if "items" not in tree:
        tree = {"op": "and", "items": [tree]}
    if depth_of(tree) > MAX_DEPTH:
        return
    expected = {title for title, (_id, values) in tasks.items() if holds(tree, values, actor.member_id)}
    again = parse_tree(tree_text(tree))
    assert again == tree
    with clock.frozen(NOW), tenant_scope(actor):
        columns = plan(TASKS).columns
        criterion = compile_tree(TASKS, again, actor, columns)
        assert set(db.session.scalars(db.select(Task.title).where(criterion))) == expected
        one = next(iter(tasks))
        assert matches(TASKS, again, tasks[one][0], actor, columns) == (one in expected)


def test_a_record_out_of_reach_matches_nothing(app, table, rival):
    _company, tasks = table
    stranger = rival.admin.actor
    with tenant_scope(stranger):
        everything = {"op": "and", "items": []}
        assert not matches(TASKS, everything, tasks["omega"][0], stranger, plan(TASKS).columns)


def test_a_list_holds_a_limited_number_of_conditions_however_they_are_written(table, sign_in):
    company, _tasks = table
    browser = sign_in(company.admin)
    flat = [("f", "title:filled:")] * 30
    tree = [("t", "or(" + ";".join(["title:filled:"] * 30) + ")")]
    assert browser.get(f"/tasks/table?{urlencode(flat)}").status_code == 200
    assert browser.get(f"/tasks/table?{urlencode(tree)}").status_code == 200
    assert browser.get(f"/tasks/table?{urlencode(flat + tree)}").status_code == 400


# ── the list ─────────────────────────────────────────────────────────────────────────────────────


def titles(page: Any) -> list[str]:
    assert page.status_code == 200, helpers.words(page.text)[:300]
    body = re.search(r"<tbody>(.*?)</tbody>", page.text, re.S)
    return [html.unescape(one) for one in re.findall(r'<span class="clip">([^<]*)</span></a>', body[1])] if body else []


def open_table(browser: Any, *pairs: tuple[str, str]) -> Any:
    with clock.frozen(NOW):
        return browser.get(f"/tasks/table?{urlencode(pairs)}")


def test_the_address_holds_the_tree_and_the_chips_say_it_in_words(table, sign_in):
    company, _tasks = table
    browser = sign_in(company.admin)
    text = "and(priority:in:P0,P1;or(due_on:in_period:past;and(owner:in:me;due_on:in_period:next_9)))"
    page = open_table(browser, ("t", text), ("f", "title:not_contains:delta"), ("sort", "title"))
    assert titles(page) == ["BETA"]
    words = helpers.words(page.text)
    assert "Priority is one of P0 Urgent, P1 High" in words
    assert "Due in the past or (Owner is one of me and Due in next 9 days)" in words
    links = [html.unescape(one) for one in re.findall(r'<a class="x" href="([^"]+)"', page.text)]
    assert len(links) == 3
    with clock.frozen(NOW):
        found = [titles(browser.get(one)) for one in links]
    assert found == [["BETA", "delta; (and) or"], ["Alpha beta", "BETA"], ["Alpha 100%", "BETA", "beta_one"]]
    either = open_table(browser, ("t", "or(title:eq:omega;title:eq:beta)"), ("sort", "title"))
    assert titles(either) == ["BETA", "omega"]
    alone = [html.unescape(one) for one in re.findall(r'<a class="x" href="([^"]+)"', either.text)]
    assert len(alone) == 1 and len(titles(browser.get(alone[0]))) == 7


def test_the_builder_starts_from_the_address(table, sign_in):
    company, _tasks = table
    page = open_table(sign_in(company.admin), ("t", "or(owner:in:me;title:eq:x)"), ("f", "estimate:gt:3"))
    state = json.loads(re.search(r'id="filter-start"[^>]*>(.*?)</script>', page.text, re.S)[1])
    assert state["tree"]["op"] == "and"
    assert [one.get("field", one.get("op")) for one in state["tree"]["items"]] == ["estimate", "or"]
    assert len(list(leaves_of(state["tree"]))) == 3


def test_several_sorts_and_what_the_headings_say(table, sign_in):
    company, _tasks = table
    browser = sign_in(company.admin)
    assert titles(open_table(browser, ("sort", "priority,-estimate"))) == [
        "BETA", "Alpha 100%", "delta; (and) or", "beta_one", "Alpha beta", "omega", "gamma\\slash",
    ]  # fmt: skip
    page = open_table(browser, ("sort", "priority,-due_on,title"), ("cols", "priority,due_on,estimate"))
    places = re.findall(r'<span class="sk-nth" aria-hidden="true">(\d)</span>', page.text)
    assert sorted(places) == ["1", "2", "3"]
    adds = {
        key: html.unescape(link)
        for key, link in re.findall(r'<th scope="col" data-col="(\w+)".*?data-add-sort="([^"]+)"', page.text, re.S)
    }
    assert "sort=priority%2C-due_on%2C-title" in adds["title"]
    assert "sort=-priority%2C-due_on%2Ctitle" in adds["priority"]
    assert "sort=priority%2Ctitle" in adds["due_on"]
    assert "sort=priority%2C-due_on%2Ctitle%2Cestimate" in adds["estimate"]
    assert page.text.count("aria-sort") == 1
    assert open_table(browser, ("sort", "title,priority,due_on,estimate,number")).status_code == 200
    assert open_table(browser, ("sort", "title,priority,due_on,estimate,number,module")).status_code == 400
    assert open_table(browser, ("sort", "title,tags")).status_code == 400


def test_totals_are_those_of_the_whole_filtered_list(table, sign_in):
    company, _tasks = table
    browser = sign_in(company.admin)
    page = open_table(browser, ("cols", "estimate"), ("f", "estimate:gt:40"), ("size", "25"))
    foot = helpers.words(re.search(r"<tfoot.*?</tfoot>", page.text, re.S)[0])
    assert "4 records over all pages" in foot
    assert "Sum Estimate 750 min" in foot and "Average Estimate 187.5 min" in foot
    assert "<tfoot" not in open_table(browser, ("cols", "status")).text
    alone = open_table(browser, ("cols", "estimate"), ("f", "estimate:gt:40"), ("fragment", "totals"))
    assert "750" in alone.text and "<html" not in alone.text
    nothing = open_table(browser, ("cols", "estimate"), ("f", "estimate:empty:"), ("fragment", "totals"))
    assert "1 record" in helpers.words(nothing.text) and "Sum" not in nothing.text


def test_a_very_long_list_adds_up_afterwards(table, sign_in, monkeypatch):
    from app.kernel.crud import query

    company, _tasks = table
    monkeypatch.setattr(query, "COUNT_CAP", 5)
    page = open_table(sign_in(company.admin), ("cols", "estimate"), ("sort", "-number"))
    assert 'data-totals="/tasks/table?' in page.text and "Sum" not in page.text


def test_currencies_do_not_add_up(app, company, browser):
    from app.sales.cruds.opportunities import OPPORTUNITIES

    actor = company.admin.actor
    for amount, currency in ((100, "EUR"), (50, "EUR"), (70, "USD")):
        helpers.deal(actor, amount=amount, currency=currency, probability=None)
    with tenant_scope(actor):
        fields = [field for field in OPPORTUNITIES.fields if field.key in {"amount", "title"}]
        found = list_totals(OPPORTUNITIES, ListParams(), actor, fields)
    assert found.count == 3
    assert dict(found.columns["amount"].sums) == {"EUR": 150, "USD": 70}
    assert dict(found.columns["amount"].averages) == {"EUR": 75, "USD": 70}
    words = helpers.words(browser.get("/sales/opportunities/").text)
    assert "€150" in words and "$70" in words and "220" not in words


def test_the_number_of_queries_is_constant(table, sign_in, counting):
    company, _tasks = table
    browser = sign_in(company.admin)
    wide = [("cols", "status,owner,estimate"), ("sort", "priority,-estimate,owner")]
    me = str(company.admin.member_id)
    few = [*wide, ("t", f"or(owner:in:{me};title:eq:omega)")]
    many = [*wide, ("t", f"or(owner:in:{me};" + ";".join(["owner:in:" + me, "title:filled:"] * 8) + ")")]
    open_table(browser, *few), open_table(browser, *many)
    with counting() as first:
        assert len(titles(open_table(browser, *few))) == 4
    with counting() as second:
        assert len(titles(open_table(browser, *many))) == 7
    assert len(first) == len(second) <= 11, [one[:90] for one in second]


def test_forgotten_plans_leave_kept_statements_whole(table, sign_in):
    """Plans with own fields are forgotten when there are many; what other statements join by stays the same."""
    browser = sign_in(table[0].admin)
    for sort in ("owner,title", "title,owner"):
        assert len(titles(open_table(browser, ("cols", "owner"), ("sort", sort)))) == 7
        query._plans.clear()


# ── columns ──────────────────────────────────────────────────────────────────────────────────────


def columns(page: Any) -> list[tuple[str, str]]:
    return re.findall(
        r'<th scope="col" data-col="(\w+)"[^>]*?(?:style="width:(\d+)px")?(?: aria-sort="\w+")?>', page.text
    )


def test_columns_keep_their_order_and_width_per_person(company, sign_in):
    ada, sam = sign_in(company.admin), sign_in(company.sales)
    with uow(company.admin.actor):
        create_task(actor=company.admin.actor, title="One", module="sales")
    default = columns(ada.get("/tasks/table"))
    answer = ada.post("/views/task/columns", data={"cols": "title~300,owner~90,evil~9,status,owner~10,due_on~9999"})
    assert answer.status_code == 200
    kept = [("title", "300"), ("owner", "90"), ("status", "160"), ("due_on", "960")]
    assert columns(ada.get("/tasks/table")) == kept
    assert columns(sam.get("/tasks/table")) == default
    assert columns(ada.get("/tasks/table?cols=")) == default
    assert columns(ada.get("/tasks/table?cols=status~70")) == [("title", "160"), ("status", "70")]
    header = ada.get("/tasks/export/csv").data.decode("utf-8-sig").splitlines()[0]
    assert header == "Title;Owner;Status;Due"
    restore = html.unescape(re.search(r'href="([^"]+)" data-restore-columns', ada.get("/tasks/table").text)[1])
    assert columns(ada.get(restore)) == default
    ada.post("/views/task/columns", data={"cols": ""})
    assert columns(ada.get("/tasks/table")) == default
    assert helpers.scalar(company.admin.actor, "SELECT count(*) FROM list_layout") == 0
    assert ada.post("/views/nothing/columns", data={"cols": "x"}).status_code == 404
    assert ada.post("/views/task/columns", data={"cols": "\x00~~,,~9,"}).status_code == 200


def test_a_saved_view_holds_the_tree_the_sorts_and_the_widths(company, sign_in):
    browser, actor = sign_in(company.admin), company.admin.actor
    with uow(actor):
        for title, priority in (("One", "P0"), ("Two", "P1"), ("Three", "P2")):
            create_task(actor=actor, title=title, priority=priority, module="sales")
    state = urlencode([
        ("t", "or(title:eq:one;title:eq:two)"), ("sort", "-priority,title"), ("cols", "priority~120,owner"),
    ])  # fmt: skip
    answer = browser.post("/views/task/save", data={"state": state, "options": "1", "name": "Mine"})
    assert answer.location.startswith("/tasks/table?view=")
    page = browser.get(answer.location)
    assert titles(page) == ["Two", "One"]
    assert columns(page) == [("title", "160"), ("priority", "120"), ("owner", "160")]
    assert "view changed" not in page.text
    without = html.unescape(re.search(r'<a class="x" href="([^"]+)"', page.text)[1])
    changed = browser.get(without)
    assert titles(changed) == ["Three", "Two", "One"]
    assert "view changed" in changed.text and "Save the view" in changed.text
    exported = browser.get(f"/tasks/export/csv?{answer.location.split('?')[1]}").data.decode("utf-8-sig")
    assert exported.splitlines() == ["Title;Priority;Owner", "Two;P1 High;", "One;P0 Urgent;"]


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────


def rest(browser: Any, query: str) -> Any:
    with clock.frozen(NOW):
        return browser.api("GET", f"/api/v1/tasks/?q={quote(query)}")


def test_rest_takes_the_same_tree_and_several_sorts(table, sign_in):
    company, _tasks = table
    browser = sign_in(company.admin)
    query = (
        "(tree:(op:or,items:!((col:title,opr:eq,value:omega),(op:and,items:!((col:priority,opr:in,value:!(P0,P1)),"
        "(col:due_on,opr:in_period,value:past))))),filters:!((col:estimate,opr:gt,value:1)),order_by:!('-estimate','-title'))"
    )
    assert [one["title"] for one in rest(browser, query).json["result"]] == ["omega", "delta; (and) or"]
    same = json.dumps({"tree": {"op": "and", "items": []}, "order_by": ["priority", "-estimate"], "page_size": 2})
    assert [one["title"] for one in rest(browser, same).json["result"]] == ["BETA", "Alpha 100%"]
    assert (
        rest(browser, "(order_column:estimate,order_direction:desc,page_size:1)").json["result"][0]["estimate"]
        is not None
    )


@pytest.mark.parametrize(
    "query",
    [
        {"tree": "x"}, {"tree": []}, {"tree": {"op": "not", "items": []}}, {"tree": {"items": "x"}}, {"tree": {"col": "title"}},
        {"tree": {"items": [{"col": "nope", "opr": "eq", "value": 1}]}}, {"tree": {"items": [{"col": "title", "opr": "evil", "value": 1}]}},
        {"tree": {"items": [{"col": "estimate", "opr": "gt", "value": {}}]}}, {"tree": {"items": [{"col": "estimate", "opr": "gt"}]}},
        {"tree": {"items": [{"col": "estimate", "opr": "contains", "value": "x"}]}},
        {"tree": {"items": [{"items": [{"items": [{"items": [{"items": [{"items": []}]}]}]}]}]}},
        {"tree": {"items": [{"col": "title", "opr": "eq", "value": "x"}] * 51}},
        {"order_by": "title"}, {"order_by": [1]}, {"order_by": ["title,number"]}, {"order_by": ["nope"]},
        {"order_by": ["title", "number", "priority", "estimate", "module", "type"]},
    ],
)  # fmt: skip
def test_rest_says_what_is_wrong_with_a_query(table, sign_in, query):
    company, _tasks = table
    answer = rest(sign_in(company.admin), json.dumps(query))
    assert answer.status_code == 400, answer.text
    assert answer.json["message"]


def test_a_list_reads_its_own_state_whatever_the_preset_holds(table):
    company, _tasks = table
    actor = company.admin.actor
    with tenant_scope(actor), pytest.raises(BadRequest):
        list_page(
            TASKS, ListParams(tree={"op": "or", "items": [{"field": "nope", "operator": "eq", "value": []}]}), actor
        )
