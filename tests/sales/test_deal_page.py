"""A deal changed from its page and by REST: other pipelines and stages, lines, activities; a lead that
becomes a deal of people who are known already."""

from __future__ import annotations

from typing import Any

import pytest

from app.kernel import tenant
from app.kernel.uow import uow
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.leads import Lead
from app.sales.models.opportunities import Opportunity
from app.sales.queries import pipelines as queries
from app.sales.service import leads
from app.sales.service import pipelines as pipeline_service
from tests.sales.helpers import deal, fetch, rows, words


@pytest.fixture
def other(actor: Any) -> dict[str, Any]:
    """A second pipeline: its id as ``id``, and those of its stages as New, Talk, Won, Lost."""
    with uow(actor):
        made = pipeline_service.create_pipeline("Second", actor=actor).id
        pipeline_service.save_stage(made, None, actor=actor, name="Talk", probability=40)
    with tenant.tenant_scope(actor):
        names = ("New", "Talk", "Won", "Lost")
        return {"id": made, **{name: one.id for name, one in zip(names, queries.list_stages(made), strict=True)}}


def put(browser: Any, deal_id: Any, **body: Any) -> Any:
    return browser.api("PUT", f"/api/v1/opportunities/{deal_id}", json={key: str(one) for key, one in body.items()})


# ── pipelines and stages ─────────────────────────────────────────────────────────────────────────


def test_a_deal_goes_to_another_pipeline_with_its_history(browser: Any, actor: Any, other: dict[str, Any]) -> None:
    first, second = deal(actor).id, deal(actor).id
    assert put(browser, first, pipeline=other["id"]).status_code == 200
    assert put(browser, second, pipeline=other["id"], stage=other["Talk"]).status_code == 200
    moved = [fetch(actor, Opportunity, one) for one in (first, second)]
    assert [one.pipeline_id for one in moved] == [other["id"], other["id"]]
    assert [one.stage_id for one in moved] == [other["New"], other["Talk"]]
    steps = rows(
        actor, "SELECT to_stage_id FROM opportunity_stage_history WHERE opportunity_id = :id ORDER BY at", id=second
    )
    assert steps[-1][0] == other["Talk"]


def test_no_change_of_pipeline_wins_or_loses_a_deal(
    browser: Any, actor: Any, other: dict[str, Any], stages: Any
) -> None:
    mine = deal(actor).id
    for end in ("Won", "Lost"):
        answer = put(browser, mine, pipeline=other["id"], stage=other[end])
        assert answer.status_code == 409, answer.text
    assert put(browser, mine, pipeline=other["id"], stage=stages[1].id).status_code == 422  # of the first pipeline
    found = fetch(actor, Opportunity, mine)
    assert (found.stage_kind, found.pipeline_id, found.closed_at) == ("open", stages[0].pipeline_id, None)


def test_a_closed_deal_stays_in_its_pipeline(browser: Any, actor: Any, other: dict[str, Any]) -> None:
    mine = deal(actor).id
    assert browser.api("POST", f"/api/v1/opportunities/{mine}/win", json={}).status_code == 200
    assert put(browser, mine, pipeline=other["id"]).status_code == 409


def test_stages_change_by_the_rules_of_the_board(browser: Any, actor: Any, stages: Any) -> None:
    mine = deal(actor).id
    assert put(browser, mine, stage=stages[2].id).status_code == 200
    assert fetch(actor, Opportunity, mine).stage_id == stages[2].id
    lost = next(one for one in stages if one.kind == "lost")
    assert put(browser, mine, stage=lost.id).status_code == 422  # a loss has a reason


# ── lines and activities ─────────────────────────────────────────────────────────────────────────


def test_lines_make_the_amount(browser: Any, actor: Any) -> None:
    mine = deal(actor).id
    lines = [{"description": "Loom", "quantity": "2", "unit_price": "1000", "discount": "10"}]
    url = f"/sales/opportunities/{mine}/lines"
    answer = browser.api("POST", url, json={"lines": lines})
    assert answer.json["amount"] == "1800.00"
    assert browser.api("POST", url, json={"lines": [], "version": 1}).status_code == 409
    assert browser.api("POST", url, json={"lines": "none"}).status_code == 400
    assert put(browser, mine, amount="5").status_code == 422  # the sum is what the lines say


def test_an_activity_is_planned_and_done_on_the_page(browser: Any, actor: Any) -> None:
    mine = deal(actor).id
    url = f"/sales/opportunities/{mine}/activities"
    form = {"title": "  Ring   back ", "type": "call", "due_at": "2030-05-02T10:30"}
    assert browser.post(url, data=form).status_code == 302
    (planned,) = rows(actor, "SELECT id, title, due_at, done_at FROM activity_log WHERE opportunity_id = :id", id=mine)
    assert (planned.title, planned.due_at.isoformat()[:16], planned.done_at) == ("Ring back", "2030-05-02T08:30", None)
    done = browser.post(f"/sales/opportunities/activities/{planned.id}/complete", data={"outcome": "Bought"})
    assert done.status_code == 302
    assert "Bought" in words(browser.get(f"/sales/opportunities/show/{mine}").text)


@pytest.mark.parametrize(
    "wrong", [{"title": " "}, {"type": "seance"}, {"due_at": "tomorrow"}, {"due_at": "2030-13-01T00:00"}]
)
def test_a_wrong_activity_is_refused(browser: Any, actor: Any, wrong: dict[str, str]) -> None:
    mine = deal(actor).id
    form = {"title": "Ring", "type": "call", "due_at": "2030-05-02T10:30", **wrong}
    assert browser.post(f"/sales/opportunities/{mine}/activities", data=form).status_code == 422
    assert rows(actor, "SELECT 1 FROM activity_log WHERE opportunity_id = :id", id=mine) == []


# ── leads of people who are known ────────────────────────────────────────────────────────────────


@pytest.fixture
def known(actor: Any) -> tuple[Any, Any]:
    with uow(actor) as session:
        account = Account(name="Pompe Adige", website="https://pompe-adige.example", owner_id=actor.member_id)
        session.add(account)
        session.flush()
        contact = Contact(name="Piero", email="Piero@pompe.example", account_id=account.id, owner_id=actor.member_id)
        session.add(contact)
        session.flush()
        return account.id, contact.id


def lead(actor: Any, **values: Any) -> Any:
    with uow(actor) as session:
        made = leads.create_lead(actor=actor, name="Piero Ricci", owner_id=actor.member_id, **values)
        session.flush()
        return made.id


@pytest.mark.parametrize(
    ("values", "finds"),
    [
        ({"email": "piero@POMPE.example"}, "both"),
        ({"company": "pompe adige"}, "account"),
        ({"email": "anna@pompe-adige.example"}, "account"),
        ({"email": "anna@elsewhere.example", "company": "Elsewhere"}, "nothing"),
    ],
)
def test_the_page_of_a_lead_proposes_who_is_known(
    browser: Any, actor: Any, known: tuple[Any, Any], values: dict[str, str], finds: str
) -> None:
    found = lead(actor, **values)
    with tenant.tenant_scope(actor):
        account, contact = leads.find_matches(fetch(actor, Lead, found))
    assert (account.id if account else None) == (known[0] if finds != "nothing" else None)
    assert (contact.id if contact else None) == (known[1] if finds == "both" else None)
    assert browser.get(f"/sales/leads/show/{found}").status_code == 200


def test_a_lead_becomes_a_deal_of_the_account_that_is_there(browser: Any, actor: Any, known: tuple[Any, Any]) -> None:
    found = lead(actor, company="Pompe Adige")
    form = {"account": str(known[0]), "contact": str(known[1]), "opportunity": "Two pumps"}
    answer = browser.post(f"/sales/leads/{found}/convert", data=form)
    assert answer.status_code == 302
    converted = fetch(actor, Lead, found)
    made = fetch(actor, Opportunity, converted.opportunity_id)
    assert (made.title, made.account_id, made.contact_id) == ("Two pumps", *known)
    assert len(rows(actor, "SELECT 1 FROM account")) == 1


@pytest.mark.parametrize("field", ["account", "contact"])
def test_a_lead_is_not_tied_to_strangers(
    browser: Any, actor: Any, known: tuple[Any, Any], rival: Any, field: str
) -> None:
    with uow(rival.admin.actor) as session:
        theirs = Account(name="Theirs") if field == "account" else Contact(name="Theirs")
        session.add(theirs)
        session.flush()
        stranger = theirs.id
    found = lead(actor, company="Pompe Adige")
    assert browser.post(f"/sales/leads/{found}/convert", data={field: str(stranger)}).status_code == 422
    assert fetch(actor, Lead, found).converted_at is None
