"""The pipeline board: columns with their sums, cards fifty at a time. Four queries, whatever its size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, func, not_, or_, select

from app.kernel import clock
from app.kernel.crud.filters import compile_tree
from app.kernel.crud.query import ListParams, plan, search_criterion
from app.kernel.db import db
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.models.accounts import Account
from app.sales.models.activities import ActivityLog
from app.sales.models.opportunities import Opportunity, weighted_sql
from app.sales.models.pipelines import Pipeline, PipelineStage, StageKind
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor

PAGE = 50
SORTS = {"rank": "rank", "next": "next_activity_at", "amount": "amount", "close": "close_date"}


@dataclass(slots=True)
class Card:
    """A deal as the board shows it."""

    id: UUID
    version: int
    stage_id: UUID
    title: str
    account: str | None
    amount: Decimal | None
    currency: str
    owner_id: UUID | None
    owner: str | None
    priority: str | None
    close_date: dt.date | None
    stage_entered_at: dt.datetime
    next_activity_at: dt.datetime | None
    next_title: str | None
    next_type: str | None
    rotting: bool
    waiting: bool

    @property
    def age(self) -> int:
        """Calendar days in the stage."""
        return max(0, (clock.now() - self.stage_entered_at).days)


@dataclass(slots=True)
class Column:
    """A stage with what stands in it. Sums cover every card, loaded or not."""

    stage: PipelineStage
    count: int = 0
    amount: Decimal = Decimal(0)
    weighted: Decimal = Decimal(0)
    cards: list[Card] = field(default_factory=list)

    @property
    def more(self) -> bool:
        return self.count > len(self.cards)


@dataclass(slots=True)
class Board:
    """A pipeline's open columns and totals."""

    pipeline: Pipeline
    columns: list[Column]
    stages: Sequence[PipelineStage]
    rotting: int

    @property
    def amount(self) -> Decimal:
        return sum((one.amount for one in self.columns), Decimal(0))

    @property
    def weighted(self) -> Decimal:
        return sum((one.weighted for one in self.columns), Decimal(0))

    @property
    def count(self) -> int:
        return sum(one.count for one in self.columns)


def rotting_sql(stage: Any = PipelineStage) -> Any:
    """Whether a deal stands still (features.md 15): the stage has a limit of days, nothing happened
    within it, and no activity is planned within three times the limit."""
    limit = func.make_interval(0, 0, 0, stage.rot_days)
    last_done = (
        select(func.max(ActivityLog.done_at))
        .where(ActivityLog.opportunity_id == Opportunity.id)
        .correlate(Opportunity)
        .scalar_subquery()
    )
    now = clock.now()
    return and_(
        stage.rot_days.is_not(None),
        Opportunity.stage_entered_at < now - limit,
        or_(last_done.is_(None), last_done < now - limit),
        not_(_planned(now, now + func.make_interval(0, 0, 0, stage.rot_days * 3), stage)),
    )


def _planned(now: dt.datetime, until: Any = None, stage: Any = PipelineStage) -> Any:
    """Whether an activity is planned from now on. The next one may be late: a later one counts all the same."""
    open_ones = select(ActivityLog.id).where(
        ActivityLog.opportunity_id == Opportunity.id,
        ActivityLog.organization_id == Opportunity.organization_id,
        ActivityLog.done_at.is_(None),
        ActivityLog.due_at >= now,
    )
    if until is not None:
        open_ones = open_ones.where(ActivityLog.due_at <= until)
    return and_(Opportunity.next_activity_at.is_not(None), open_ones.correlate(Opportunity, stage).exists())


def _matching(statement: Any, params: ListParams, actor: Actor, *, rotting: bool) -> Any:
    columns = plan(OPPORTUNITIES).columns
    if params.leaves:
        statement = statement.where(compile_tree(OPPORTUNITIES, params.filter_tree, actor, columns))
    if params.search:
        statement = statement.where(search_criterion(OPPORTUNITIES, params.search, columns))
    if rotting:
        statement = statement.where(rotting_sql())
    return statement


def get_board(
    pipeline: Pipeline,
    stages: Sequence[PipelineStage],
    params: ListParams,
    actor: Actor,
    *,
    sort: str = "rank",
    rotting: bool = False,
) -> Board:
    """The open columns of a pipeline with the first cards of each."""
    open_stages = [stage for stage in stages if stage.kind == StageKind.OPEN]
    columns = {stage.id: Column(stage) for stage in open_stages}
    base = (
        select(
            Opportunity.stage_id,
            func.count(),
            func.coalesce(func.sum(Opportunity.amount), 0),
            func.coalesce(func.sum(weighted_sql()), 0),
            func.count().filter(rotting_sql()),
        )
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .where(Opportunity.stage_id.in_(columns))
        .group_by(Opportunity.stage_id)
    )
    still = 0
    for stage_id, count, amount, weighted, standing in db.session.execute(
        _matching(base, params, actor, rotting=rotting)
    ):
        column = columns[stage_id]
        column.count, column.amount, column.weighted = count, amount, Decimal(weighted)
        still += standing
    position = func.row_number().over(partition_by=Opportunity.stage_id, order_by=_order(sort)).label("n")
    inner = _matching(
        select(Opportunity.id.label("id"), position)
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .where(Opportunity.stage_id.in_(columns)),
        params,
        actor,
        rotting=rotting,
    ).subquery()
    cards = _cards(
        _card_select().join(inner, inner.c.id == Opportunity.id).where(inner.c.n <= PAGE).order_by(inner.c.n)
    )
    for card in cards:
        columns[card.stage_id].cards.append(card)
    return Board(pipeline, [columns[stage.id] for stage in open_stages], stages, still)


def more_cards(
    stage_id: UUID,
    params: ListParams,
    actor: Actor,
    *,
    offset: int,
    sort: str = "rank",
    rotting: bool = False,
) -> list[Card]:
    """The next cards of a column."""
    statement = _matching(_card_select().where(Opportunity.stage_id == stage_id), params, actor, rotting=rotting)
    return _cards(statement.order_by(*_order(sort)).limit(PAGE).offset(offset))


def column_sums(
    stage_ids: list[UUID], params: ListParams, actor: Actor, *, rotting: bool = False
) -> dict[UUID, tuple[int, Decimal, Decimal]]:
    """Count, sum and weighted sum of some columns, after a move."""
    statement = (
        select(
            Opportunity.stage_id,
            func.count(),
            func.coalesce(func.sum(Opportunity.amount), 0),
            func.coalesce(func.sum(weighted_sql()), 0),
        )
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .where(Opportunity.stage_id.in_(stage_ids))
        .group_by(Opportunity.stage_id)
    )
    found = dict.fromkeys(stage_ids, (0, Decimal(0), Decimal(0)))
    for stage_id, count, amount, weighted in db.session.execute(_matching(statement, params, actor, rotting=rotting)):
        found[stage_id] = (count, amount, Decimal(weighted))
    return found


def is_shown(opportunity_id: UUID, params: ListParams, actor: Actor, *, rotting: bool = False) -> bool:
    """Whether a card belongs on a board with these filters."""
    statement = select(Opportunity.id).join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
    statement = _matching(statement.where(Opportunity.id == opportunity_id), params, actor, rotting=rotting)
    return db.session.scalar(statement) is not None


def get_card(opportunity_id: UUID) -> Card | None:
    """One card; None when the actor may not see it."""
    cards = _cards(_card_select().where(Opportunity.id == opportunity_id))
    return cards[0] if cards else None


def _order(sort: str) -> tuple[Any, ...]:
    match sort:
        case "next":
            return Opportunity.next_activity_at.asc().nulls_last(), Opportunity.rank, Opportunity.id
        case "amount":
            return Opportunity.amount.desc().nulls_last(), Opportunity.id
        case "close":
            return Opportunity.close_date.asc().nulls_last(), Opportunity.id
    return Opportunity.rank.asc(), Opportunity.id


def _card_select() -> Any:
    following = (
        select(ActivityLog.title, ActivityLog.type)
        .where(
            ActivityLog.opportunity_id == Opportunity.id,
            ActivityLog.organization_id == Opportunity.organization_id,
            ActivityLog.done_at.is_(None),
            ActivityLog.due_at == Opportunity.next_activity_at,
        )
        .limit(1)
        .correlate(Opportunity)
        .lateral("following")
    )
    # Standing still with something planned, but too far ahead to count: an amber clock, not a red one.
    still, planned = rotting_sql(), _planned(clock.now())
    return (
        select(
            Opportunity.id,
            Opportunity.version,
            Opportunity.stage_id,
            Opportunity.title,
            Account.name.label("account"),
            Opportunity.amount,
            Opportunity.currency,
            Opportunity.owner_id,
            Membership.display_name.label("owner"),
            Opportunity.priority,
            Opportunity.close_date,
            Opportunity.stage_entered_at,
            Opportunity.next_activity_at,
            following.c.title.label("next_title"),
            following.c.type.label("next_type"),
            and_(still, not_(planned)).label("rotting"),
            and_(still, planned).label("waiting"),
        )
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .outerjoin(Account, Account.id == Opportunity.account_id)
        .outerjoin(Membership, Membership.id == Opportunity.owner_id)
        .outerjoin(following, Opportunity.next_activity_at.is_not(None))
    )


def _cards(statement: Any) -> list[Card]:
    return [Card(**row) for row in db.session.execute(statement).mappings()]
