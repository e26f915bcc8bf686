"""The money behind a task: open opportunities that it is linked to, as far as the reader may see them."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.collaboration.service.links import link_records
from app.kernel import clock
from app.kernel.actor import Scope, system_actor
from app.kernel.crud.params import ListParams
from app.kernel.crud.query import list_page
from app.kernel.db import db, orm_guard_switched_off
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import PipelineStage
from app.sales.service.opportunities.editing import create_opportunity
from app.tasks.cruds import TASKS
from app.tasks.service.tasks import create_task


def linked(actor: Any, title: str, *deals: dict[str, Any], **values: Any) -> Any:
    with uow(actor):
        task = create_task(actor=actor, title=title, module="sales", **values)
        for number, deal in enumerate(deals):
            made = create_opportunity(actor=actor, title=f"{title} {number}", **deal)
            ends = [("task", task.id), ("opportunity", made.id)]
            if number % 2:
                ends.reverse()
            link_records(*ends[0], *ends[1], actor=actor)
    return task


def values(actor: Any, **params: Any) -> dict[str, Decimal | None]:
    """Title → value, in the list's order."""
    with tenant_scope(actor):
        page = list_page(TASKS, ListParams(columns=["title", "value_at_stake"], **params), actor)
        return {row["title"]: row["value_at_stake"] for row in page.rows}


@pytest.fixture
def three(company):
    admin, seller = company.admin, company.sales
    linked(admin.actor, "Mixed", {"amount": Decimal(5000), "owner_id": seller.member_id}, {"amount": Decimal(700)},
           {"amount": Decimal(90), "currency": "USD"}, owner_id=seller.member_id)  # fmt: skip
    linked(admin.actor, "Small", {"amount": Decimal("100.50")}, owner_id=seller.member_id)
    linked(admin.actor, "None", owner_id=seller.member_id)
    linked(admin.actor, "Unknown", {"amount": None})
    return company


def test_open_deals_in_the_organization_s_currency_count(three):
    """A deal in another currency, one without an amount and one that is closed add nothing."""
    admin = three.admin.actor
    expected = {"Mixed": Decimal(5700), "Small": Decimal("100.50"), "None": None, "Unknown": None}
    assert values(admin) == expected
    assert [*values(admin, sort="-value_at_stake")][:2] == ["Mixed", "Small"]
    assert [*values(admin, sort="value_at_stake")][:2] == ["Small", "Mixed"]
    over = [{"field": "value_at_stake", "operator": "gt", "value": ["1.000"]}]
    assert values(admin, leaves=over) == {"Mixed": Decimal(5700)}
    empty = [{"field": "value_at_stake", "operator": "empty", "value": []}]
    assert set(values(admin, leaves=empty)) == {"None", "Unknown"}
    with uow(admin):
        deal = db.session.scalar(db.select(Opportunity).where(Opportunity.amount == 5000))
        stage = db.session.scalar(
            db.select(PipelineStage).where(PipelineStage.pipeline_id == deal.pipeline_id, PipelineStage.kind == "won")
        )
        deal.win(stage, clock.today(admin.timezone), clock.now())
    assert values(admin)["Mixed"] == Decimal(700)


def test_only_deals_that_the_reader_may_see_count(three, rival):
    """In the column, in the order and in filters; whoever sees no opportunities sees no value."""
    seller = three.sales.actor
    over = [{"field": "value_at_stake", "operator": "filled", "value": []}]
    for scope, seen in (
        (Scope.ALL, {"Mixed": 5700, "Small": Decimal("100.50")}),
        (Scope.OWN, {"Mixed": 5000}),
        (None, {}),
    ):
        permissions = {key: one for key, one in seller.permissions.items() if key != "read deal"}
        reader = replace(seller, permissions=permissions | ({"read deal": scope} if scope else {}))
        found = values(reader, sort="-value_at_stake")
        assert set(found) == {"Mixed", "Small", "None", "Unknown"}
        assert {title: one for title, one in found.items() if one is not None} == seen
        assert values(reader, leaves=over) == seen
    # The second wall alone: another organization's scope finds neither these tasks nor their amounts.
    with orm_guard_switched_off():
        theirs = values(system_actor(rival.id))
    assert not {"Mixed", "Small", "Unknown"} & set(theirs)
    assert not any(theirs.values())


def test_lists_exports_totals_and_rest_tell_it_at_no_further_statement(three, sign_in, counting):
    browser = sign_in(three.admin)
    counts = {}
    for shown in ("title,owner", "title,owner,value_at_stake"):
        for layout in ("list", "table"):
            browser.get(f"/tasks/{layout}?cols={shown}")
            with counting() as statements:
                page = browser.get(f"/tasks/{layout}?cols={shown}")
            counts.setdefault(layout, []).append(statements)
            assert ("5,700" in page.text) is ("value" in shown)
            assert any("record_link" in one for one in statements) is ("value" in shown)
    # The table's totals are one statement more, as for any column that has one.
    assert len(counts["list"][0]) == len(counts["list"][1])
    assert len(counts["table"][1]) == len(counts["table"][0]) + 1
    assert "5,800.50" in page.text
    answer = browser.get("/tasks/export/csv?cols=title,value_at_stake&sort=-value_at_stake")
    assert "Mixed;5700.00\r\n" in answer.data.decode("utf-8-sig")
    query = '{"order_by":["-value_at_stake"],"columns":["title","value_at_stake"]}'
    rest = browser.api("GET", "/api/v1/tasks/", query_string={"q": query})
    assert [one["value_at_stake"] for one in rest.json["result"]] == ["5700.00", "100.50", None, None]
    task = rest.json["result"][0]["id"]
    refused = browser.api("PATCH", f"/api/v1/tasks/{task}", json={"value_at_stake": 1, "version": 1})
    assert refused.status_code == 422
    links = browser.get(f"/comments/task/{task}/links").text
    assert "€5,000" in links and "€5,700" in links and "90" not in re.sub(r'"[^"]*"', "", links)
    board = browser.get("/tasks/board")
    assert board.status_code == 200 and "5,700" not in board.text
