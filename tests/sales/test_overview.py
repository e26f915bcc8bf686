"""Every number of the overview equals SQL, and its link lists exactly the records behind it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.datastructures import MultiDict

from app.kernel import clock
from app.kernel.crud.query import list_page, read_params
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.models.products import Product
from app.sales.queries import overview, pipelines
from app.sales.service.opportunities.closing import lose_opportunity, win_opportunity
from app.sales.service.opportunities.deal import lock_opportunity
from app.sales.service.opportunities.editing import update_opportunity
from app.sales.service.opportunities.lines import set_lines
from app.sales.service.pipelines import create_pipeline, save_stage
from tests import cast
from tests.sales import helpers


@pytest.fixture(scope="module")
def shop(app):
    """An organization with deals won and lost this month, last quarter and two years ago, and open ones."""
    with app.app_context():
        company = cast.make_company("Overview", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
        actor = company.admin.actor
        stages = helpers.stages(actor)
        reasons = helpers.reasons(actor)
        today = clock.today("Europe/Rome")
        with uow(actor):
            product = Product(name="Box", price=Decimal(10))
            db.session.add(product)
            other = create_pipeline("Second", actor=actor)
            other_stage = pipelines.first_stage(other.id).id
        days = [today, today, today.replace(day=1) - dt.timedelta(days=100), today - dt.timedelta(days=730)]
        for index in range(16):
            person = (company.admin, company.sales)[index % 2]
            deal = helpers.deal(
                actor, f"Deal {index}", amount=100 + index * 10, owner_id=person.member_id,
                opened_on=days[index % 4] - dt.timedelta(days=index), stage_id=stages[index % 4].id,
                probability=None if index % 3 else 35,
            )  # fmt: skip
            if index % 5 == 0:
                with uow(actor):
                    set_lines(deal.id, [{"product_id": product.id, "quantity": index + 1}] * 2, actor=actor)
            with uow(actor):
                if index in {1, 2, 3, 5, 6, 7, 10}:
                    win_opportunity(deal.id, actor=actor, won_on=days[index % 4])
                elif index in {8, 9, 11}:
                    lose_opportunity(
                        deal.id, actor=actor, lost_reason_id=reasons[index % 2].id, lost_on=days[index % 4]
                    )
        helpers.deal(actor, "Elsewhere", amount=777, stage_id=other_stage)
        elsewhere = helpers.deal(actor, "Elsewhere won", amount=778, stage_id=other_stage)
        with uow(actor):
            win_opportunity(elsewhere.id, actor=actor)
        return company


def behind(actor, url):
    parts = urlsplit(url)
    assert parts.path == "/sales/opportunities/"
    args = MultiDict((key, one) for key, found in parse_qs(parts.query).items() for one in found)
    with uow(actor):
        params = read_params(args, OPPORTUNITIES)
        params.page_size = 100
        return list_page(OPPORTUNITIES, params, actor)


def figures(data):
    named = ("open", "weighted", "won_month", "won_quarter", "won", "win_rate", "cycle", "average")
    yield from ((name, getattr(data, name)) for name in named)
    for group in ("funnel", "months", "sellers", "products", "reasons"):
        yield from ((f"{group}/{bar.label}", bar) for bar in getattr(data, group))


@pytest.mark.parametrize("period", overview.PERIODS)
@pytest.mark.parametrize("pipeline", [None, "Vendite", "Second"])
def test_each_link_lists_exactly_the_records_behind_it(period, pipeline, shop):
    actor = shop.admin.actor
    chosen = pipeline and helpers.scalar(actor, "SELECT id FROM pipeline WHERE name = :name", name=pipeline)
    with uow(actor):
        data = overview.get_overview(actor, period, chosen)
    for name, figure in figures(data):
        assert behind(actor, figure.url).count == figure.count, name


def test_numbers_equal_sql(shop):
    actor = shop.admin.actor
    today = clock.today("Europe/Rome")
    with uow(actor):
        data = overview.get_overview(actor, "this_month")

    def sql(what, where="TRUE"):
        return helpers.scalar(
            actor,
            f"SELECT {what} FROM opportunity o JOIN pipeline_stage s ON s.id = o.stage_id WHERE {where}",
            first=today.replace(day=1), last=today,
        )  # fmt: skip

    month = "o.close_date BETWEEN :first AND :last"
    assert data.open.value == sql("sum(o.amount)", "o.stage_kind = 'open'")
    assert data.weighted.value == sql(
        "sum(o.amount * coalesce(o.probability, s.probability, 0) / 100)", "o.stage_kind = 'open'"
    )
    assert data.won_month.value == data.won.value == sql("sum(o.amount)", f"o.stage_kind = 'won' AND {month}")
    assert data.won.count == sql("count(*)", f"o.stage_kind = 'won' AND {month}")
    assert data.win_rate.value == pytest.approx(
        float(sql("avg((o.stage_kind = 'won')::int)", f"o.stage_kind <> 'open' AND {month}"))
    )
    assert data.cycle.value == pytest.approx(
        float(sql("avg(o.close_date - o.opened_on)", f"o.stage_kind = 'won' AND {month}"))
    )
    assert sum(bar.value for bar in data.sellers) == data.won.value
    assert sum(bar.count for bar in data.reasons) == sql("count(*)", f"o.stage_kind = 'lost' AND {month}")


def test_the_funnel_only_narrows(shop):
    actor = shop.admin.actor
    with uow(actor):
        bars = overview.get_overview(actor, "all").funnel
    assert [bar.label for bar in bars] == ["Qualifica", "Analisi bisogni", "Proposta", "Negoziazione", "Vinta"]
    assert [bar.count for bar in bars] == sorted((bar.count for bar in bars), reverse=True)
    assert bars[0].count == 16
    assert bars[-1].count == 7


def test_stages_of_a_pipeline_that_was_left_do_not_count(company, actor):
    """Neither in the funnel nor behind its links; and what is won has every stage behind it."""
    stages = helpers.stages(actor)
    with uow(actor):
        other = create_pipeline("Second", actor=actor)
        for name in ("Later", "Last"):
            save_stage(other.id, None, actor=actor, name=name, probability=50)
    far = helpers.deal(actor, "Came far", stage_id=stages[3].id)
    won = helpers.deal(actor, "Won later", stage_id=stages[3].id)
    for deal in (far, won):
        with uow(actor):
            update_opportunity(lock_opportunity(deal.id), actor=actor, pipeline_id=other.id)
    with uow(actor):
        win_opportunity(won.id, actor=actor)
        bars = overview.get_overview(actor, "all", other.id).funnel
    assert [bar.count for bar in bars] == [2, 1, 1, 1]
    for bar in bars:
        assert behind(actor, bar.url).count == bar.count, bar.label


def test_periods_and_the_default(shop, company, sign_in):
    browser = sign_in(shop.admin)
    for period in overview.PERIODS:
        assert browser.get(f"/sales/?period={period}").status_code == 200
    assert browser.get("/sales/?period=evil").status_code == 400
    assert browser.get("/sales/?pipeline=x").status_code == 404
    assert browser.get("/sales/data").status_code == 200
    with uow(shop.admin.actor):
        assert overview.default_period(shop.admin.actor) == "this_quarter"
    with uow(company.admin.actor):
        assert overview.default_period(company.admin.actor) == "all"
    empty = sign_in(company.admin).get("/sales/")
    assert empty.status_code == 200


def test_the_page_takes_the_same_queries_whatever_the_rows(company, sign_in, counting):
    browser = sign_in(company.admin)
    actor = company.admin.actor
    helpers.deals(actor, 3, helpers.stages(actor)[0])
    browser.get("/sales/?period=all")
    with counting() as few:
        browser.get("/sales/?period=all")
    helpers.deals(actor, 9, helpers.stages(actor)[0])
    with counting() as many:
        browser.get("/sales/?period=all")
    assert len(few) == len(many)
