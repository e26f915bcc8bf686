"""The board: its figures equal plain SQL, its answers say what a page needs, its pushes come after commits."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import re
from decimal import Decimal

import pytest

from app.kernel import valkey
from app.kernel.uow import uow
from app.sales.models.opportunities import Opportunity
from app.sales.queries import board as board_queries
from app.sales.service import activities
from app.sales.service.opportunities.closing import win_opportunity
from app.sales.service.opportunities.stages import move_opportunity
from tests.sales import helpers


def cards(html):
    return re.findall(r'data-card="([0-9a-f-]{36})"', html)


def plan(actor, deal_id, days, done=False):
    now = dt.datetime.now(dt.UTC)
    with uow(actor):
        activities.create_activity(
            actor=actor, title="Call", type="call", opportunity_id=deal_id,
            due_at=None if done else now + dt.timedelta(days=days),
            **({"done_at": now + dt.timedelta(days=days), "done": True} if done else {}),
        )  # fmt: skip


def test_figures_equal_plain_sql(actor, stages, browser):
    for index, amount in enumerate((100, 250, None, 1000)):
        helpers.deal(
            actor, f"Deal {index}", amount=amount, stage_id=stages[index % 2].id, probability=[None, 90][index % 2]
        )
    won = helpers.deal(actor, "Won", amount=9999)
    with uow(actor):
        win_opportunity(won.id, actor=actor)
    expected = {
        str(one.id): (one.count, one.total, one.weighted)
        for one in helpers.rows(
            actor,
            "SELECT s.id, count(o.id) AS count, coalesce(sum(o.amount), 0) AS total,"
            " coalesce(sum(coalesce(o.amount, 0) * coalesce(o.probability, s.probability, 0) / 100), 0) AS weighted"
            " FROM pipeline_stage s LEFT JOIN opportunity o ON o.stage_id = s.id WHERE s.kind = 'open' GROUP BY s.id",
        )
    }
    moved = browser.post(
        f"/sales/opportunities/{helpers.scalar(actor, 'SELECT id FROM opportunity WHERE amount = 250')}/move",
        accept="application/json", json={"stage": str(stages[0].id), "from": str(stages[1].id)},
    )  # fmt: skip
    assert moved.status_code == 200
    with uow(actor):
        params = board_queries.ListParams()
        pipeline = helpers.pipelines.default_pipeline()
        board = board_queries.get_board(pipeline, helpers.pipelines.list_stages(pipeline.id), params, actor)
        found = {str(one.stage.id): (one.count, one.amount, one.weighted) for one in board.columns}
    assert sum(one[0] for one in found.values()) == sum(one[0] for one in expected.values()) == 4
    assert board.amount == sum((one[1] for one in expected.values()), Decimal(0)) == Decimal(1350)
    for stage_id, column in moved.json["columns"].items():
        count, amount, weighted = found[stage_id]
        assert (column["count"], Decimal(column["amount"]), Decimal(column["weighted_amount"])) == (
            count,
            amount,
            weighted,
        )


def test_fifty_cards_and_more(actor, stages, browser):
    ids = [str(one) for one in reversed(helpers.deals(actor, 120, stages[0]))]
    page = browser.get("/sales/pipeline")
    assert cards(page.text) == ids[:50]
    assert cards(browser.get(f"/sales/pipeline/column/{stages[0].id}?offset=50").text) == ids[50:100]
    assert cards(browser.get(f"/sales/pipeline/column/{stages[0].id}?offset=100").text) == ids[100:]
    assert cards(browser.get(f"/sales/pipeline/column/{stages[0].id}?offset=120").text) == []


def test_the_number_of_queries_does_not_grow(actor, stages, browser, counting):
    helpers.deals(actor, 10, stages[0])
    browser.get("/sales/pipeline")
    with counting() as few:
        browser.get("/sales/pipeline")
    helpers.deals(actor, 30, stages[0])
    with counting() as many:
        browser.get("/sales/pipeline")
    assert len(many) == len(few)


def test_filters_are_in_the_address(company, actor, stages, browser):
    mine = helpers.deal(actor, "Mine one", amount=10)
    other = helpers.deal(actor, "Other", amount=20, owner_id=company.sales.member_id)
    assert cards(browser.get("/sales/pipeline?f=owner:in:me").text) == [str(mine.id)]
    assert cards(browser.get("/sales/pipeline?q=other").text) == [str(other.id)]
    assert cards(browser.get("/sales/pipeline?f=amount:gte:15").text) == [str(other.id)]
    assert cards(browser.get("/sales/pipeline?order=amount").text) == [str(other.id), str(mine.id)]
    column = browser.get(f"/sales/pipeline/column/{stages[0].id}?f=owner:in:me")
    assert cards(column.text) == [str(mine.id)]
    answer = browser.get(f"/sales/pipeline/card/{mine.id}?f=amount:gte:15", accept="application/json").json
    assert answer["columns"][str(stages[0].id)]["count"] == 1


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/sales/pipeline?f=nothing:eq:1", 400), ("/sales/pipeline?order=evil", 400),
        ("/sales/pipeline?pipeline=x", 404), ("/sales/pipeline?pipeline=00000000-0000-4000-8000-000000000000", 404),
        ("/sales/pipeline/column/x", 404), ("/sales/pipeline/column/00000000-0000-4000-8000-000000000000", 404),
        ("/sales/pipeline/card/00000000-0000-4000-8000-000000000000", 404), ("/sales/pipeline?page=x", 400),
        ("/sales/pipeline?q=%00", 200), ("/sales/pipeline?f=tags:in:%2500", 400),
    ],
)  # fmt: skip
def test_bad_addresses(address, status, browser):
    assert browser.get(address).status_code == status


@pytest.mark.parametrize("offset", ["-1", "x", "99999999", "1.5"])
def test_bad_offsets(offset, stages, browser):
    assert browser.get(f"/sales/pipeline/column/{stages[0].id}?offset={offset}").status_code == 400


# ── standing still ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "acts", "rotting", "waiting"),
    [
        (20, [], False, False),  # the stage allows 21 days
        (22, [], True, False),
        (22, [("done", -5)], False, False),
        (60, [("done", -30)], True, False),
        (22, [("planned", 3)], False, False),
        (22, [("planned", 62)], False, False),
        (22, [("planned", 70)], False, True),  # planned too far away: amber, not red
        (22, [("planned", -2)], True, False),  # late is not planned
        (22, [("planned", -2), ("planned", 3)], False, False),
    ],
)
def test_when_a_deal_stands_still(days, acts, rotting, waiting, actor, stages, browser):
    deal = helpers.deal(actor, stage_id=stages[0].id)
    helpers.age(actor, deal.id, days)
    for kind, when in acts:
        plan(actor, deal.id, when, done=kind == "done")
    with uow(actor):
        card = board_queries.get_card(deal.id)
    assert (card.rotting, card.waiting) == (rotting, waiting)
    shown = browser.get("/sales/pipeline?still=1")
    assert cards(shown.text) == ([str(deal.id)] if rotting or waiting else [])


def test_stages_without_a_limit_never_rot(actor, stages):
    from app.sales.service.pipelines import save_stage

    with uow(actor):
        save_stage(stages[0].pipeline_id, stages[0].id, actor=actor, name="Q", probability=20, rot_days=None)
    deal = helpers.deal(actor)
    helpers.age(actor, deal.id, 400)
    with uow(actor):
        assert board_queries.get_card(deal.id).rotting is False


# ── verbs over HTTP ──────────────────────────────────────────────────────────────────────────────


def test_a_lost_race_answers_409_with_where_the_card_is(actor, stages, browser):
    deal = helpers.deal(actor)
    url = f"/sales/opportunities/{deal.id}/move"
    first = browser.post(url, accept="application/json", json={"stage": str(stages[1].id), "version": deal.version})
    assert first.status_code == 200
    late = browser.post(url, accept="application/json", json={"stage": str(stages[2].id), "version": deal.version})
    assert late.status_code == 409
    assert late.json["details"] == {"version": first.json["version"], "stage": str(stages[1].id), "stage_kind": "open"}


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 404), ({"stage": "x"}, 404), ({"stage": 7}, 404), ({"stage": "OK", "version": "x"}, 400),
     ({"stage": "OK", "after": "x"}, 404), ({"stage": "WON"}, 409), ([], 400)],
)  # fmt: skip
def test_bad_moves(body, status, actor, stages, browser):
    deal = helpers.deal(actor)
    if isinstance(body, dict) and body.get("stage") in {"OK", "WON"}:
        body = {**body, "stage": str({"OK": stages[1], "WON": stages[-2]}[body["stage"]].id)}
    answer = browser.post(f"/sales/opportunities/{deal.id}/move", accept="application/json", json=body)
    assert answer.status_code == status, answer.text


def test_quick_add_win_lose_and_reopen(actor, stages, browser):
    made = browser.post(
        "/sales/opportunities/quick", accept="application/json",
        data={"title": " New   deal ", "amount": "1.234,50", "stage": str(stages[1].id)},
    )  # fmt: skip
    assert made.status_code == 201
    assert cards(made.json["html"]) == [made.json["id"]]
    assert made.json["columns"][str(stages[1].id)]["amount"] == "1234.50"
    for data, field in (({"title": ""}, "title"), ({"title": "x", "amount": "much"}, "amount")):
        bad = browser.post(
            "/sales/opportunities/quick", accept="application/json", data={"stage": str(stages[1].id), **data}
        )
        assert bad.status_code == 422
        assert field in bad.json["errors"]
    url = f"/sales/opportunities/{made.json['id']}"
    assert browser.post(f"{url}/lose", accept="application/json").json["errors"].keys() == {"lost_reason"}
    assert browser.post(f"{url}/win", accept="application/json", data={"close_date": "soon"}).status_code == 422
    assert browser.post(f"{url}/win", accept="application/json", data={"amount": "2000"}).status_code == 200
    assert browser.post(f"{url}/win", accept="application/json").status_code == 409
    assert browser.post(f"{url}/reopen", accept="application/json").status_code == 200
    tomorrow = (dt.date.today() + dt.timedelta(days=3)).isoformat()
    lost = browser.post(
        f"{url}/lose", accept="application/json",
        data={"lost_reason": str(helpers.reasons(actor)[0].id), "recontact_on": tomorrow},
    )  # fmt: skip
    assert lost.status_code == 200
    assert helpers.scalar(actor, "SELECT title FROM activity_log") == "Get back to New deal"
    card = browser.get(f"/sales/pipeline/card/{made.json['id']}", accept="application/json").json
    assert card["open"] is False


def test_viewers_look_and_rivals_see_nothing(company, actor, stages, sign_in, rival):
    deal = helpers.deal(actor, "Secret deal")
    viewer, charlie = sign_in(company.viewer), sign_in(rival.admin)
    assert "Secret deal" in viewer.get("/sales/pipeline").text
    assert "Secret deal" not in charlie.get("/sales/pipeline").text
    assert charlie.get(f"/sales/pipeline/card/{deal.id}").status_code == 404
    assert charlie.get(f"/sales/pipeline/column/{stages[0].id}").status_code == 404
    for verb in ("move", "win", "lose", "reopen", "lines", "activities"):
        body = (
            {"json": {"stage": str(stages[1].id), "lines": []}}
            if verb in {"move", "lines"}
            else {"data": {"type": "call"}}
        )
        for browser, status in ((viewer, 403), (charlie, 404)):
            answer = browser.post(f"/sales/opportunities/{deal.id}/{verb}", accept="application/json", **body)
            assert answer.status_code == status, (verb, answer.text)
    assert viewer.post("/sales/opportunities/quick", accept="application/json", data={"title": "x"}).status_code == 403
    assert helpers.fetch(actor, Opportunity, deal.id).version == deal.version


def test_a_filtered_board_is_told_that_a_card_is_not_its_own(actor, stages, browser):
    deal = helpers.deal(actor, "Alpha")
    address = f"/sales/pipeline/card/{deal.id}"
    assert browser.get(address, accept="application/json").json["open"] is True
    assert browser.get(f"{address}?q=alph", accept="application/json").json["open"] is True
    other = browser.get(f"{address}?q=beta&stage={stages[0].id}", accept="application/json").json
    assert other["open"] is False
    assert other["columns"][str(stages[0].id)]["count"] == 0


def test_boards_hear_of_a_move_after_its_commit(company, actor, stages):
    deal = helpers.deal(actor)
    room = f"org:{company.id}:deal"
    live = valkey.connection().pubsub(ignore_subscribe_messages=True)
    live.subscribe("stratikey-live")
    live.get_message(timeout=1)

    def heard():
        found = []
        while (message := live.get_message(timeout=0.3)) is not None:
            body = message["data"]
            body = json.loads(body) if body[:1] in (b"{", "{") else pickle.loads(body)
            if body.get("event") == "opportunity:changed" and body.get("room") == room:
                found.append(body["data"][0] if isinstance(body["data"], list | tuple) else body["data"])
        return found

    with uow(actor):
        moved = move_opportunity(deal.id, actor=actor, stage_id=stages[1].id)
        assert heard() == []
    assert heard() == [
        {
            "id": str(deal.id), "version": moved.version, "change": "moved", "pipeline": str(stages[0].pipeline_id),
            "from": str(stages[0].id), "to": str(stages[1].id), "after": None, "before": None,
        }
    ]  # fmt: skip
    with pytest.raises(RuntimeError), uow(actor):
        move_opportunity(deal.id, actor=actor, stage_id=stages[2].id)
        raise RuntimeError
    assert heard() == []
    live.close()
