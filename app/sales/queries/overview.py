"""The sales overview: every number with the filter that lists exactly the records behind it.

Definitions are those of features.md 15: open and weighted over open deals; win rate = won / (won +
lost) closed in the period; cycle = close date − opening date of won deals.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import Integer, and_, cast, extract, func, select

from app.kernel import clock
from app.kernel.crud.filters import leaf_text, period_bounds
from app.kernel.db import db
from app.sales.models.opportunities import Opportunity, OpportunityLine, OpportunityStageHistory, weighted_sql
from app.sales.models.pipelines import LostReason, PipelineStage
from app.sales.models.products import Product
from app.sales.queries import pipelines
from app.sales.queries.furthest import furthest_stage
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

PERIODS = ("this_month", "this_quarter", "this_year", "last_year", "all")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, the one before it, and where its records are."""

    value: Decimal | float | int | None
    url: str
    previous: Decimal | float | int | None = None
    count: int = 0
    spark: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A named amount."""

    label: str
    value: Decimal
    count: int
    url: str
    share: float = 0.0
    extra: str = ""


@dataclass(slots=True)
class Overview:
    """Everything on the page."""

    period: str
    first: dt.date | None
    last: dt.date | None
    open: Figure
    weighted: Figure
    won_month: Figure
    won_quarter: Figure
    won: Figure
    win_rate: Figure
    cycle: Figure
    average: Figure
    funnel: list[Bar]
    months: list[Bar]
    sellers: list[Bar]
    products: list[Bar]
    reasons: list[Bar]


def default_period(actor: Actor) -> str:
    """The quarter, or everything where no deal was closed in it."""
    first, last = period_bounds("this_quarter", clock.today(actor.timezone))
    closed = db.session.scalar(
        select(Opportunity.id)
        .where(Opportunity.stage_kind != "open", Opportunity.close_date.between(first, last))
        .limit(1)
    )
    return "this_quarter" if closed is not None else "all"


def link(*leaves: tuple[str, str, list[Any]], sort: str = "") -> str:
    """The list of deals with these filters."""
    pairs = [
        ("f", leaf_text({"field": name, "operator": operator, "value": [str(one) for one in values]}))
        for name, operator, values in leaves
    ]
    if sort:
        pairs.append(("sort", sort))
    return f"/sales/opportunities/?{urlencode([*pairs, ('view', 'all')])}"


def _between(first: dt.date | None, last: dt.date | None) -> list[tuple[str, str, list[Any]]]:
    if first and last:
        return [("close_date", "between", [first, last])]
    return []


def _closed(kind: str, first: dt.date | None, last: dt.date | None) -> Any:
    parts = [Opportunity.stage_kind == kind]
    if first:
        parts.append(Opportunity.close_date >= first)
    if last:
        parts.append(Opportunity.close_date <= last)
    return and_(*parts)


def _previous(first: dt.date | None, last: dt.date | None) -> tuple[dt.date | None, dt.date | None]:
    if first is None or last is None:
        return None, None
    length = (last - first).days + 1
    return first - dt.timedelta(days=length), first - dt.timedelta(days=1)


def get_overview(actor: Actor, period: str, pipeline_id: UUID | None = None) -> Overview:
    """The page's numbers for ``period`` (a key of PERIODS), in nine queries."""
    today = clock.today(actor.timezone)
    first, last = (None, None) if period == "all" else period_bounds(period, today)
    month, quarter = period_bounds("this_month", today), period_bounds("this_quarter", today)
    base = [Opportunity.pipeline_id == pipeline_id] if pipeline_id else []
    extra = [("pipeline", "in", [pipeline_id])] if pipeline_id else []

    totals = db.session.execute(
        select(
            func.count().filter(Opportunity.stage_kind == "open"),
            func.coalesce(func.sum(Opportunity.amount).filter(Opportunity.stage_kind == "open"), 0),
            func.coalesce(func.sum(weighted_sql()).filter(Opportunity.stage_kind == "open"), 0),
        )
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .where(*base)
    ).one()

    def closed(bounds: tuple[dt.date | None, dt.date | None]) -> list[Any]:
        won, lost = _closed("won", *bounds), _closed("lost", *bounds)
        days = Opportunity.close_date - Opportunity.opened_on
        return [
            func.count().filter(won),
            func.coalesce(func.sum(Opportunity.amount).filter(won), 0),
            func.count().filter(lost),
            func.avg(days).filter(and_(won, Opportunity.opened_on.is_not(None))),
        ]

    spans: list[tuple[dt.date | None, dt.date | None]] = [
        (first, last),
        month,
        quarter,
        _previous(*month),
        _previous(*quarter),
    ]
    if first and last:
        spans.append(_previous(first, last))
    row = db.session.execute(select(*[column for span in spans for column in closed(span)]).where(*base)).one()
    groups = [row[4 * index : 4 * index + 4] for index in range(len(spans))]
    now, this_month, this_quarter, last_month, last_quarter = groups[:5]
    before = groups[5] if len(groups) > 5 else (None, None, None, None)
    within = _between(first, last)
    won_link = link(("stage_kind", "in", ["won"]), *within, *extra)
    months = _months(today, base, extra)
    spark = tuple(float(one.value) for one in months)
    return Overview(
        period,
        first,
        last,
        open=Figure(totals[1], link(("stage_kind", "in", ["open"]), *extra), count=totals[0]),
        weighted=Figure(Decimal(totals[2]), link(("stage_kind", "in", ["open"]), *extra), count=totals[0]),
        won_month=Figure(
            this_month[1], link(("stage_kind", "in", ["won"]), *_between(*month), *extra), last_month[1], this_month[0]
        ),
        won_quarter=Figure(
            this_quarter[1],
            link(("stage_kind", "in", ["won"]), *_between(*quarter), *extra),
            last_quarter[1],
            this_quarter[0],
        ),
        won=Figure(now[1], won_link, before[1], now[0], spark),
        win_rate=Figure(
            _ratio(now[0], now[2]),
            link(("stage_kind", "in", ["won", "lost"]), *within, *extra),
            _ratio(before[0], before[2]),
            now[0] + now[2],
        ),
        cycle=Figure(_number(now[3]), won_link, _number(before[3]), now[0]),
        average=Figure(
            (now[1] / now[0]) if now[0] else None, won_link, (before[1] / before[0]) if before[0] else None, now[0]
        ),
        funnel=_funnel(first, last, pipeline_id or pipelines.default_pipeline().id),
        months=months,
        sellers=_sellers(first, last, base, extra, within),
        products=_products(first, last, base, extra, within),
        reasons=_reasons(first, last, base, extra, within),
    )


def _ratio(won: int | None, lost: int | None) -> float | None:
    total = (won or 0) + (lost or 0)
    return (won or 0) / total if total else None


def _number(value: Any) -> float | None:
    return float(value) if value is not None else None


def _share(bars: list[Bar]) -> list[Bar]:
    top = max((bar.value for bar in bars), default=Decimal(0)) or Decimal(1)
    return [Bar(bar.label, bar.value, bar.count, bar.url, float(bar.value / top) * 100, bar.extra) for bar in bars]


def _months(today: dt.date, base: list[Any], extra: list[Any]) -> list[Bar]:
    """Won per month, the twelve months that end with the newest win (or with today)."""
    newest = db.session.scalar(select(func.max(Opportunity.close_date)).where(Opportunity.stage_kind == "won", *base))
    end = min(newest or today, today).replace(day=1)
    index = end.year * 12 + end.month - 1
    starts = [dt.date((index - back) // 12, (index - back) % 12 + 1, 1) for back in range(11, -1, -1)]
    key = cast(extract("year", Opportunity.close_date), Integer) * 12 + cast(
        extract("month", Opportunity.close_date), Integer
    )
    rows = {
        found[0]: found
        for found in db.session.execute(
            select(key, func.coalesce(func.sum(Opportunity.amount), 0), func.count())
            .where(Opportunity.stage_kind == "won", Opportunity.close_date >= starts[0], *base)
            .group_by(key)
        )
    }
    bars = []
    for start in starts:
        _key, value, count = rows.get(start.year * 12 + start.month, (0, Decimal(0), 0))
        stop = (start + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)
        bars.append(
            Bar(
                start.isoformat(),
                value,
                count,
                link(("stage_kind", "in", ["won"]), ("close_date", "between", [start, stop]), *extra),
            )
        )
    return _share(bars)


def _funnel(first: dt.date | None, last: dt.date | None, pipeline_id: UUID) -> list[Bar]:
    """Deals of one pipeline by the furthest open stage that they reached, and those won.

    Counts deals opened in the period; a deal counts in its stage and in every one before.
    """
    stages = db.session.execute(
        select(PipelineStage.id, PipelineStage.name, PipelineStage.position, PipelineStage.kind)
        .where(PipelineStage.pipeline_id == pipeline_id, PipelineStage.kind.in_(("open", "won")))
        .order_by(PipelineStage.position)
    ).all()
    opened = [Opportunity.pipeline_id == pipeline_id]
    shared: list[tuple[str, str, list[Any]]] = [("pipeline", "in", [pipeline_id])]
    if first and last:
        opened += [Opportunity.opened_on >= first, Opportunity.opened_on <= last]
        shared.append(("opened_on", "between", [first, last]))
    reached = (
        furthest_stage()
        .add_columns(func.bool_or(Opportunity.stage_kind == "won").label("won"))
        .join(Opportunity, Opportunity.id == OpportunityStageHistory.opportunity_id)
        .where(*opened)
        .group_by(Opportunity.id)
        .subquery()
    )
    counts = {
        (position, won): count
        for position, won, count in db.session.execute(
            select(reached.c.position, reached.c.won, func.count()).group_by(reached.c.position, reached.c.won)
        )
    }
    bars: list[Bar] = []
    won_total = sum(count for (_position, won), count in counts.items() if won)
    for stage_id, name, position, kind in stages:
        if kind == "won":
            value = won_total
            url = link(("stage_kind", "in", ["won"]), *shared)
        else:
            value = sum(count for (reach, won), count in counts.items() if won or reach >= position)
            url = link(("reached", "in", [stage_id]), *shared)
        bars.append(Bar(name, Decimal(value), value, url, extra=kind))
    return _share(bars)


def _sellers(
    first: dt.date | None, last: dt.date | None, base: list[Any], extra: list[Any], within: list[Any]
) -> list[Bar]:
    won, lost = _closed("won", first, last), _closed("lost", first, last)
    amount = func.coalesce(func.sum(Opportunity.amount).filter(won), 0)
    rows = db.session.execute(
        select(
            Opportunity.owner_id, Membership.display_name, amount, func.count().filter(won), func.count().filter(lost)
        )
        .join(Membership, Membership.id == Opportunity.owner_id)
        .where(*base)
        .group_by(Opportunity.owner_id, Membership.display_name)
        .having(func.count().filter(won) > 0)
        .order_by(amount.desc())
        .limit(10)
    )
    bars = []
    for owner_id, name, value, won_count, lost_count in rows:
        ratio = _ratio(won_count, lost_count)
        bars.append(
            Bar(
                name,
                value,
                won_count,
                link(("stage_kind", "in", ["won"]), ("owner", "in", [owner_id]), *within, *extra),
                extra=f"{ratio:.4f}" if ratio is not None else "",
            )
        )
    return _share(bars)


def _products(
    first: dt.date | None, last: dt.date | None, base: list[Any], extra: list[Any], within: list[Any]
) -> list[Bar]:
    net = OpportunityLine.quantity * OpportunityLine.unit_price * (100 - OpportunityLine.discount) / 100
    rows = db.session.execute(
        select(Product.id, Product.name, func.sum(net), func.count(func.distinct(Opportunity.id)))
        .join(OpportunityLine, OpportunityLine.product_id == Product.id)
        .join(Opportunity, Opportunity.id == OpportunityLine.opportunity_id)
        .where(_closed("won", first, last), *base)
        .group_by(Product.id, Product.name)
        .order_by(func.sum(net).desc())
        .limit(10)
    )
    return _share(
        [
            Bar(
                name,
                Decimal(value),
                count,
                link(("stage_kind", "in", ["won"]), ("product", "in", [product_id]), *within, *extra),
            )
            for product_id, name, value, count in rows
        ]
    )


def _reasons(
    first: dt.date | None, last: dt.date | None, base: list[Any], extra: list[Any], within: list[Any]
) -> list[Bar]:
    rows = db.session.execute(
        select(LostReason.id, LostReason.name, func.count(), func.coalesce(func.sum(Opportunity.amount), 0))
        .join(LostReason, LostReason.id == Opportunity.lost_reason_id)
        .where(_closed("lost", first, last), *base)
        .group_by(LostReason.id, LostReason.name)
        .order_by(func.count().desc())
    )
    return _share(
        [
            Bar(
                name,
                Decimal(count),
                count,
                link(("stage_kind", "in", ["lost"]), ("lost_reason", "in", [reason_id]), *within, *extra),
                extra=str(amount),
            )
            for reason_id, name, count, amount in rows
        ]
    )
