"""The rules of deals: their states, order, lines, events, and who may touch them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from decimal import Decimal
from types import MappingProxyType
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.events.sales import OpportunityWon
from app.kernel import clock
from app.kernel.actor import Scope
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.ranks import MAX_RANK
from app.kernel.uow import uow
from app.sales.models.accounts import Account
from app.sales.models.activities import ActivityLog
from app.sales.models.leads import Lead
from app.sales.models.opportunities import Opportunity
from app.sales.models.products import Product
from app.sales.service import activities, leads
from app.sales.service import pipelines as pipeline_service
from app.sales.service.opportunities.closing import lose_opportunity, reopen_opportunity, win_opportunity
from app.sales.service.opportunities.deal import lock_opportunity
from app.sales.service.opportunities.editing import create_opportunity, delete_opportunity, update_opportunity
from app.sales.service.opportunities.lines import MAX_LINES, set_lines
from app.sales.service.opportunities.stages import move_opportunity
from tests.sales import helpers


def state(actor, deal_id):
    return helpers.fetch(actor, Opportunity, deal_id)


def scoped(person, scope, *verbs):
    """The person with this scope on deals."""
    actor = person.actor
    permissions = {**actor.permissions, **{f"{verb} deal": scope for verb in verbs or ("read", "write")}}
    return dataclasses.replace(actor, permissions=MappingProxyType(permissions))


def events(actor, name):
    return [
        one.payload
        for one in helpers.rows(actor, "SELECT payload FROM outbox WHERE name = :name ORDER BY seq", name=name)
    ]


def move(actor, deal_id, stage, **where):
    with uow(actor):
        return move_opportunity(deal_id, actor=actor, stage_id=stage.id, **where)


def order(actor, stage):
    return [
        one.id
        for one in helpers.rows(
            actor, "SELECT id FROM opportunity WHERE stage_id = :stage ORDER BY rank, id", stage=stage.id
        )
    ]


# ── states ───────────────────────────────────────────────────────────────────────────────────────


def test_a_new_deal_stands_on_top_of_the_first_stage(actor, stages):
    first = helpers.deal(actor, "One")
    second = helpers.deal(actor, "Two", amount=Decimal("10.50"))
    assert order(actor, stages[0]) == [second.id, first.id]
    made = state(actor, second.id)
    assert (made.stage_kind, made.currency, made.amount) == ("open", "EUR", Decimal("10.50"))
    assert made.opened_on == clock.today("Europe/Rome")
    assert [one["title"] for one in events(actor, "sales.opportunity_created")] == ["One", "Two"]


def test_a_deal_does_not_start_closed(actor, stages):
    for closing in stages[-2:]:
        with pytest.raises(Invalid) as told, uow(actor):
            create_opportunity(actor=actor, title="X", stage_id=closing.id)
        assert "stage" in told.value.errors
    with pytest.raises(Invalid), uow(actor):
        create_opportunity(actor=actor, title="X", amount=Decimal(-1))
    assert helpers.count(actor, Opportunity) == 0


def test_moving_notes_stage_and_seconds(actor, stages):
    start = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
    with clock.frozen(start):
        deal_id = helpers.deal(actor).id
    with clock.frozen(start + dt.timedelta(days=2, seconds=5)):
        move(actor, deal_id, stages[2])
    assert helpers.rows(
        actor,
        "SELECT f.name, t.name, h.seconds, h.by_id FROM opportunity_stage_history h"
        " LEFT JOIN pipeline_stage f ON f.id = h.from_stage_id JOIN pipeline_stage t ON t.id = h.to_stage_id ORDER BY h.at",
    ) == [
        (None, "Qualifica", None, actor.member_id),
        ("Qualifica", "Proposta", 2 * 86400 + 5, actor.member_id),
    ]
    assert state(actor, deal_id).stage_entered_at == start + dt.timedelta(days=2, seconds=5)
    assert [(one["from_stage"], one["to_stage"]) for one in events(actor, "sales.opportunity_stage_changed")] == [
        ("Qualifica", "Proposta")
    ]


def test_moving_within_a_column_is_no_step(actor, stages):
    ids = helpers.deals(actor, 3, stages[0])
    move(actor, ids[2], stages[0], after_id=ids[0])
    assert order(actor, stages[0]) == [ids[1], ids[0], ids[2]]
    assert helpers.scalar(actor, "SELECT count(*) FROM opportunity_stage_history") == 3
    assert events(actor, "sales.opportunity_stage_changed") == []


def test_cards_do_not_move_into_closing_stages_or_other_pipelines(actor, stages):
    from app.sales.service.pipelines import create_pipeline

    deal_id = helpers.deal(actor).id
    with uow(actor):
        other = create_pipeline("Other", actor=actor).id
    elsewhere = helpers.rows(
        actor, "SELECT id FROM pipeline_stage WHERE pipeline_id = :id AND kind = 'open'", id=other
    )[0]
    for stage in (stages[-1], stages[-2], elsewhere):
        with pytest.raises(Conflict):
            move(actor, deal_id, stage)
    assert state(actor, deal_id).stage_id == stages[0].id


def test_a_lost_race_says_where_the_card_is(actor, stages):
    deal = helpers.deal(actor)
    move(actor, deal.id, stages[1], version=deal.version)
    now = state(actor, deal.id)
    for call in (
        lambda: move_opportunity(deal.id, actor=actor, stage_id=stages[2].id, version=deal.version),
        lambda: win_opportunity(deal.id, actor=actor, version=deal.version),
        lambda: lose_opportunity(deal.id, actor=actor, lost_reason_id=None, version=deal.version),
        lambda: reopen_opportunity(deal.id, actor=actor, version=deal.version),
        lambda: set_lines(deal.id, [], actor=actor, version=deal.version),
    ):
        with pytest.raises(Conflict) as told, uow(actor):
            call()
        assert told.value.status == 409
        assert told.value.details == {"version": now.version, "stage": str(stages[1].id), "stage_kind": "open"}
    assert state(actor, deal.id).version == now.version


def test_winning(actor, stages):
    with uow(actor):
        account = Account(name="Alfa", owner_id=actor.member_id)
        db.session.add(account)
    deal = helpers.deal(actor, amount=Decimal(100), account_id=account.id, stage_id=stages[1].id)
    with uow(actor):
        win_opportunity(deal.id, actor=actor, amount=Decimal("120.005"), won_on=dt.date(2026, 1, 31))
    won = state(actor, deal.id)
    assert (won.stage_kind, won.stage_id, won.amount) == ("won", stages[-2].id, Decimal("120.01"))
    assert (won.close_date, won.forecast_category, won.last_open_stage_id) == (
        dt.date(2026, 1, 31), "closed", stages[1].id,
    )  # fmt: skip
    assert won.closed_at is not None
    assert helpers.fetch(actor, Account, account.id).lifecycle == "customer"
    assert [(one["amount"], one["account_id"]) for one in events(actor, "sales.opportunity_won")] == [
        ("120.01", str(account.id))
    ]
    for again in (
        win_opportunity,
        lambda *args, **kw: lose_opportunity(*args, **kw, lost_reason_id=helpers.reasons(actor)[0].id),
    ):
        with pytest.raises(Conflict), uow(actor):
            again(deal.id, actor=actor)


@pytest.mark.parametrize(("before", "after"), [("in_talks", "customer"), ("at_risk", "at_risk"), ("lost", "lost")])
def test_only_prospects_become_customers(before, after, actor):
    with uow(actor):
        account = Account(name="Alfa", lifecycle=before)
        db.session.add(account)
    deal = helpers.deal(actor, account_id=account.id)
    with uow(actor):
        win_opportunity(deal.id, actor=actor)
    assert helpers.fetch(actor, Account, account.id).lifecycle == after


def test_losing_needs_a_reason(actor, rival):
    deal = helpers.deal(actor, amount=Decimal(5))
    with pytest.raises(Invalid) as told, uow(actor):
        lose_opportunity(deal.id, actor=actor, lost_reason_id=None)
    assert "lost_reason" in told.value.errors
    with pytest.raises(NotFound), uow(actor):
        lose_opportunity(deal.id, actor=actor, lost_reason_id=helpers.reasons(rival.admin.actor)[0].id)
    with pytest.raises(Invalid), uow(actor):
        lose_opportunity(
            deal.id, actor=actor, lost_reason_id=helpers.reasons(actor)[0].id, recontact_on=dt.date(2020, 1, 1)
        )
    assert state(actor, deal.id).stage_kind == "open"
    with uow(actor):
        lose_opportunity(
            deal.id,
            actor=actor,
            lost_reason_id=helpers.reasons(actor)[0].id,
            competitor=" Beta  Inc ",
            note=" too dear ",
        )
    lost = state(actor, deal.id)
    assert (lost.stage_kind, lost.competitor, lost.lost_note, lost.forecast_category) == (
        "lost", "Beta Inc", "too dear", "omitted",
    )  # fmt: skip
    assert [one["reason"] for one in events(actor, "sales.opportunity_lost")] == ["Prezzo"]


def test_nothing_is_closed_in_the_future(actor):
    deal = helpers.deal(actor)
    tomorrow = clock.today("Europe/Rome") + dt.timedelta(days=1)
    with pytest.raises(Invalid) as told, uow(actor):
        win_opportunity(deal.id, actor=actor, won_on=tomorrow)
    assert "close_date" in told.value.errors


def test_reopening_goes_back_to_where_it_was(actor, stages):
    deal = helpers.deal(actor, stage_id=stages[2].id)
    with pytest.raises(Conflict), uow(actor):
        reopen_opportunity(deal.id, actor=actor)
    with uow(actor):
        lose_opportunity(
            deal.id, actor=actor, lost_reason_id=helpers.reasons(actor)[0].id, competitor="Beta", note="dear"
        )
    with uow(actor):
        reopen_opportunity(deal.id, actor=actor)
    back = state(actor, deal.id)
    assert (back.stage_kind, back.stage_id, back.closed_at) == ("open", stages[2].id, None)
    assert (back.lost_reason_id, back.competitor, back.lost_note, back.forecast_category) == (
        None,
        None,
        None,
        "pipeline",
    )


def test_deleting_takes_lines_history_and_activities_along(actor):
    deal = helpers.deal(actor)
    with uow(actor):
        set_lines(deal.id, [{"description": "x", "unit_price": 1}], actor=actor)
        activities.create_activity(actor=actor, title="Call", type="call", opportunity_id=deal.id)
    with uow(actor):
        delete_opportunity(lock_opportunity(deal.id), actor=actor)
    for table in ("opportunity", "opportunity_line", "opportunity_stage_history", "activity_log"):
        assert helpers.scalar(actor, f"SELECT count(*) FROM {table}") == 0, table


def test_a_new_owner_is_an_event(company, actor):
    deal = helpers.deal(actor)
    with uow(actor):
        update_opportunity(lock_opportunity(deal.id), actor=actor, owner_id=company.sales.member_id)
    with uow(actor):
        update_opportunity(lock_opportunity(deal.id), actor=actor, title="New title")
    assert [(one["owner_id"], one["previous_owner_id"]) for one in events(actor, "sales.opportunity_assigned")] == [
        (str(company.sales.member_id), str(actor.member_id))
    ]


def test_next_activity_is_kept_on_the_deal(actor):
    deal = helpers.deal(actor)
    base = dt.datetime(2030, 1, 1, 9, tzinfo=dt.UTC)
    made = []
    for days in (5, 2, 9):
        with uow(actor):
            made.append(
                activities.create_activity(
                    actor=actor,
                    title="Call",
                    type="call",
                    due_at=base + dt.timedelta(days=days),
                    opportunity_id=deal.id,
                ).id
            )
    version = deal.version
    assert state(actor, deal.id).next_activity_at == base + dt.timedelta(days=2)
    with uow(actor):
        activities.complete_activity(made[1], actor=actor, outcome=" spoke  with Anna ")
    assert state(actor, deal.id).next_activity_at == base + dt.timedelta(days=5)
    with pytest.raises(Conflict), uow(actor):
        activities.complete_activity(made[1], actor=actor)
    other = helpers.deal(actor)
    with uow(actor):
        record = db.session.get(activities.ActivityLog, made[0])
        activities.update_activity(record, actor=actor, opportunity_id=other.id)
    assert state(actor, deal.id).next_activity_at == base + dt.timedelta(days=9)
    assert state(actor, other.id).next_activity_at == base + dt.timedelta(days=5)
    with uow(actor):
        activities.delete_activity(db.session.get(activities.ActivityLog, made[2]), actor=actor)
    assert state(actor, deal.id).next_activity_at is None
    assert state(actor, deal.id).version == version


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


def test_lines_make_the_amount(actor):
    with uow(actor):
        product = Product(name="Box", price=Decimal(50), vat_rate=Decimal(10))
        db.session.add(product)
    deal = helpers.deal(actor, amount=Decimal(1))
    with uow(actor):
        set_lines(
            deal.id,
            [
                {"product_id": product.id, "quantity": "3", "discount": "10"},
                {"description": "Work", "unit_price": "33.33", "quantity": 1, "vat_rate": 22},
            ],
            actor=actor,
        )
    kept = state(actor, deal.id)
    assert (kept.amount, kept.amount_mode) == (Decimal("168.33"), "lines")
    assert helpers.rows(
        actor, "SELECT description, quantity, unit_price, discount, vat_rate FROM opportunity_line ORDER BY position"
    ) == [
        ("Box", Decimal(3), Decimal(50), Decimal(10), Decimal(10)),
        ("Work", Decimal(1), Decimal("33.33"), Decimal(0), Decimal(22)),
    ]
    with pytest.raises(Invalid), uow(actor):
        update_opportunity(lock_opportunity(deal.id), actor=actor, amount=Decimal(9))
    with uow(actor):
        set_lines(deal.id, [], actor=actor)
    assert state(actor, deal.id).amount_mode == "manual"


@pytest.mark.parametrize(
    "bad",
    [
        {"description": ""},
        {"description": "x", "quantity": "0"},
        {"description": "x", "quantity": "many"},
        {"description": "x", "unit_price": "-1"},
        {"description": "x", "discount": "101"},
        {"description": "x", "vat_rate": "-1"},
        {"description": "x", "quantity": "99999999999"},
        {"product_id": "00000000-0000-7000-8000-000000000000"},
    ],
)
def test_a_bad_line_is_told_by_its_number(bad, actor):
    from uuid import UUID

    deal = helpers.deal(actor, amount=Decimal(7))
    if "product_id" in bad:
        bad = {"product_id": UUID(bad["product_id"])}
    with pytest.raises(Invalid) as told, uow(actor):
        set_lines(deal.id, [{"description": "good"}, bad], actor=actor)
    assert "2" in told.value.errors["lines"][0]
    kept = state(actor, deal.id)
    assert (kept.amount, kept.amount_mode) == (Decimal(7), "manual")


# ── order ────────────────────────────────────────────────────────────────────────────────────────

steps = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["after", "before", "top"])), max_size=12
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_order_holds_under_any_moves(steps, actor, stages):
    """Against a plain list as the model."""
    with uow(actor):
        db.session.execute(Opportunity.__table__.delete().where(Opportunity.stage_id == stages[0].id))
    model = list(reversed(helpers.deals(actor, 6, stages[0])))
    for which, beside, how in steps:
        card, other = model[which], model[beside]
        if how == "top" or card == other:
            move(actor, card, stages[0])
            model.remove(card)
            model.insert(0, card)
            continue
        move(actor, card, stages[0], **{f"{how}_id": other})
        model.remove(card)
        model.insert(model.index(other) + (how == "after"), card)
    assert order(actor, stages[0]) == model


def test_ranks_do_not_grow_without_end(actor, stages):
    ids = list(reversed(helpers.deals(actor, 3, stages[0])))
    first, moved, other = ids
    with uow(actor):
        for _turn in range(450):
            moved, other = other, moved
            move_opportunity(moved, actor=actor, stage_id=stages[0].id, after_id=first)
    assert order(actor, stages[0]) == [first, moved, other]
    assert helpers.scalar(actor, "SELECT max(length(rank)) FROM opportunity") <= MAX_RANK


def test_two_people_move_at_once(app, actor, stages):
    ids = helpers.deals(actor, 8, stages[0])
    errors = []

    def work(mine):
        with app.app_context():
            for card in mine:
                try:
                    move(actor, card, stages[1])
                    helpers.deal(actor, f"New {card}", stage_id=stages[1].id)
                except Exception as error:
                    errors.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in (ids[:4], ids[4:])]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert errors == []
    assert (
        helpers.scalar(actor, "SELECT count(DISTINCT rank) FROM opportunity WHERE stage_id = :id", id=stages[1].id)
        == 16
    )


# ── who may ──────────────────────────────────────────────────────────────────────────────────────


def test_own_team_and_all(company, actor, stages):
    with uow(actor):
        from app.tenancy.service import members

        team = members.save_team(None, actor=actor, name="North", manager_id=company.sales.member_id)
        members.update_member(company.marketing.member_id, actor=actor, team_id=team.id)
    mine = helpers.deal(actor, "mine", owner_id=company.sales.member_id)
    teams = helpers.deal(actor, "team", owner_id=company.marketing.member_id)
    others = helpers.deal(actor, "other", owner_id=company.viewer.member_id)

    def answer(person, deal):
        try:
            move(person, deal.id, stages[1])
        except (Forbidden, NotFound) as error:
            return error.status
        return 200

    reader = scoped(company.sales, Scope.OWN, "write")
    assert [answer(reader, one) for one in (mine, teams, others)] == [200, 403, 403]
    teamed = scoped(company.sales, Scope.TEAM, "write")
    assert [answer(teamed, one) for one in (mine, teams, others)] == [200, 200, 403]
    blind = scoped(company.sales, Scope.OWN)
    assert [answer(blind, one) for one in (mine, teams, others)] == [200, 404, 404]
    assert [answer(actor, one) for one in (mine, teams, others)] == [200, 200, 200]
    with pytest.raises(Forbidden):
        move(company.viewer.actor, mine.id, stages[2])
    # Nobody gives away a deal that they could then no longer write.
    with pytest.raises(Forbidden), uow(reader):
        from app.kernel.crud.store import change
        from app.sales.cruds.opportunities import OPPORTUNITIES

        change(OPPORTUNITIES, mine.id, {"owner_id": company.viewer.member_id}, actor=reader, version=None)


# ── what is odd ──────────────────────────────────────────────────────────────────────────────────


def test_a_deal_starts_in_a_stage_of_its_pipeline(actor, stages):
    with uow(actor):
        other = pipeline_service.create_pipeline("Other", actor=actor).id
    with pytest.raises(Invalid) as error:
        helpers.deal(actor, pipeline_id=other, stage_id=stages[0].id)
    assert list(error.value.errors) == ["stage"]
    with pytest.raises(Invalid) as error:
        helpers.deal(actor, currency="XXX")
    assert list(error.value.errors) == ["currency"]
    assert helpers.count(actor, Opportunity) == 0


def test_a_change_of_stage_wins_a_deal_and_does_not_lose_it_without_a_reason(actor, stages):
    mine = helpers.deal(actor).id

    def put(stage):
        with uow(actor):
            found = lock_opportunity(mine)
            update_opportunity(found, actor=actor, stage_id=stage.id)

    with pytest.raises(Invalid) as error:
        put(stages[-1])
    assert list(error.value.errors) == ["lost_reason"]
    assert state(actor, mine).stage_kind == "open"
    put(stages[-2])
    won = state(actor, mine)
    assert (won.stage_kind, won.stage_id) == ("won", stages[-2].id)
    assert won.closed_at is not None
    assert len(events(actor, OpportunityWon.name)) == 1


def test_a_card_between_two_that_have_left_goes_on_top(actor, stages):
    moved, first, second, *_rest = helpers.deals(actor, 3, stages[0])
    for gone in (first, second):
        move(actor, gone, stages[2])
    stays = helpers.deal(actor, "Stays", stage_id=stages[1].id).id
    move(actor, moved, stages[1], after_id=first, before_id=second)
    assert order(actor, stages[1]) == [moved, stays]


def test_lines_are_not_too_many_and_not_too_much(actor):
    mine = helpers.deal(actor).id
    for lines in (
        [{"description": "x"}] * (MAX_LINES + 1),
        [{"description": "x", "quantity": 99999, "unit_price": "99999999999"}],
    ):
        with pytest.raises(Invalid) as error, uow(actor):
            set_lines(mine, lines, actor=actor)
        assert list(error.value.errors) == ["lines"]
    assert helpers.scalar(actor, "SELECT count(*) FROM opportunity_line") == 0


@pytest.mark.parametrize("minutes", [-1, 100_001])
def test_an_activity_lasts_some_minutes(actor, minutes):
    with pytest.raises(Invalid) as error, uow(actor):
        activities.create_activity(actor=actor, title="Call", type="call", duration_min=minutes)
    assert list(error.value.errors) == ["duration_min"]


def test_an_activity_is_done_without_a_word_too(actor):
    with uow(actor):
        made = activities.create_activity(actor=actor, title="Call", type="call").id
    with uow(actor):
        activities.complete_activity(made, actor=actor)
    found = helpers.fetch(actor, ActivityLog, made)
    assert found.done_at is not None
    assert found.outcome is None


def test_a_lead_without_a_company_becomes_a_contact_alone(actor):
    with uow(actor):
        lead = leads.create_lead(actor=actor, name="Bruno Verdi", status="working")
    with uow(actor):
        leads.update_lead(helpers.db.session.get(Lead, lead.id), actor=actor, status=None, city="Roma")
    assert helpers.fetch(actor, Lead, lead.id).status == "working"
    with pytest.raises(Invalid) as error, uow(actor):
        leads.convert_lead(lead.id, actor=actor, contact_id=uuid4())
    assert list(error.value.errors) == ["contact"]
    with uow(actor):
        made = leads.convert_lead(lead.id, actor=actor)
    assert (made.account, made.opportunity, made.contact.name) == (None, None, "Bruno Verdi")
    assert helpers.fetch(actor, Lead, lead.id).status == "converted"
    assert helpers.count(actor, Opportunity) == helpers.count(actor, Account) == 0


def test_a_pipeline_is_renamed_and_another_deleted(actor):
    with uow(actor):
        other = pipeline_service.create_pipeline("Other", actor=actor).id
        pipeline_service.update_pipeline(other, actor=actor, name="Renamed")
    found = helpers.rows(actor, "SELECT name, is_default FROM pipeline ORDER BY position")
    assert [(one.name, one.is_default) for one in found][1:] == [("Renamed", False)]
    with uow(actor):
        pipeline_service.delete_pipeline(other, actor=actor)
    assert [one.is_default for one in helpers.rows(actor, "SELECT is_default FROM pipeline")] == [True]
