"""Rules that watch the fields of deals and leads, and those of an organization's own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from app.custom_fields.service import ChoiceInput, create_field, set_archived
from app.kernel.uow import uow
from app.sales.models.leads import Lead
from app.sales.models.opportunities import Opportunity
from app.sales.service.leads import convert_lead, create_lead, update_lead
from app.sales.service.opportunities.closing import win_opportunity
from app.sales.service.opportunities.editing import update_opportunity
from app.sales.service.opportunities.lines import set_lines
from tests.automations.helpers import dry, rule, runs, task
from tests.sales import helpers as sales

URL = "/api/v1/automation-rules"
COMMENT = {"type": "comment", "body": "Seen"}


def changed(actor, subject, field, **values):
    return rule(
        actor, {"type": "changed", "field": field, **values}, COMMENT, subject=subject, name=f"{field} {values}"
    )


def counts(actor, *rules):
    runs(actor)
    return [len(runs(actor, one)) for one in rules]


def test_rules_watch_the_fields_of_deals_beside_the_stage(company, actor):
    seller = str(company.sales.member_id)
    watching = [changed(actor, "opportunity", name) for name in ("amount", "close_date", "owner", "priority")]
    given = changed(actor, "opportunity", "owner", to=seller)
    deal = sales.deal(actor, "Presses", owner_id=actor.member_id, amount=Decimal(100)).id
    assert counts(actor, *watching, given) == [0, 0, 0, 0, 0]  # a new deal is created, not changed

    def edit(**values):
        with uow(actor) as session:
            update_opportunity(session.get(Opportunity, deal), actor=actor, **values)

    edit(amount=Decimal("100.00"), title="Presses 2")
    assert counts(actor, *watching, given) == [0, 0, 0, 0, 0]
    edit(amount=Decimal(250), owner_id=company.marketing.member_id)
    edit(owner_id=company.sales.member_id, close_date=dt.date(2026, 12, 1))
    assert counts(actor, *watching, given) == [1, 1, 2, 0, 1]
    with uow(actor):
        set_lines(deal, [{"description": "Press", "unit_price": "75", "quantity": 2}], actor=actor)
    with uow(actor):
        win_opportunity(deal, actor=actor)
    assert counts(actor, *watching, given) == [2, 2, 2, 0, 1]
    assert dry(actor, watching[0]).count == 2


def test_rules_watch_the_fields_of_leads(actor):
    qualified = changed(actor, "lead", "status", **{"from": "new", "to": "qualified"})
    moved, score = changed(actor, "lead", "status"), changed(actor, "lead", "score")
    with uow(actor):
        lead = create_lead(actor=actor, name="Rita Neri", company="Molino").id
    for values in ({"status": "qualified", "score": 40}, {"status": "qualified"}, {"status": "new"}):
        with uow(actor) as session:
            update_lead(session.get(Lead, lead), actor=actor, **values)
    with uow(actor):
        convert_lead(lead, actor=actor)
    assert counts(actor, qualified, moved, score) == [1, 3, 1]


def test_rules_watch_the_fields_of_an_organizations_own(actor, browser, rival, sign_in):
    with uow(actor):
        channel = create_field(
            "task", "Canale", "select", actor=actor, choices=[ChoiceInput("Web"), ChoiceInput("Fax")]
        )
        create_field("task", "Budget", "money", actor=actor)
        web, fax = (str(one["id"]) for one in channel.choices)
        channel = channel.id
    body = {"name": "Canale", "subject": "task", "actions": [COMMENT], "active": True}
    trigger = {"type": "changed", "field": "custom.canale", "from": web, "to": fax}
    made = browser.api("POST", URL, json={**body, "trigger": trigger})
    assert made.status_code == 201, made.text
    assert made.json["result"]["trigger"]["field"] == "custom_canale"
    assert sign_in(rival.admin).api("POST", URL, json={**body, "trigger": trigger}).status_code == 422
    assert browser.api("POST", URL, json={**body, "name": "x", "trigger": {**trigger, "to": "x"}}).status_code == 422
    money = changed(actor, "task", "custom_budget")
    one = f"/api/v1/tasks/{task(actor)}"
    for values in ({"canale": web}, {"canale": fax}, {"budget": "10"}, {"budget": "10.00"}, {"canale": None}):
        assert browser.api("PATCH", one, json={"custom": values}).status_code == 200
    assert counts(actor, made.json["id"], money) == [1, 1]
    assert dry(actor, made.json["id"]).count == 1
    said = browser.get("/settings/automations", headers={"Accept-Language": "en"}).text
    assert "changes from Web to Fax" in said
    with uow(actor):
        set_archived(channel, True, actor=actor)
    assert browser.get("/settings/automations").status_code == 200
    assert browser.get(f"/settings/automations/{made.json['id']}").status_code == 200
    browser.api("PATCH", one, json={"custom": {"budget": "20"}})
    assert counts(actor, made.json["id"], money) == [1, 2]
