"""The pipeline board: columns with their sums, cards fifty at a time. Four queries, whatever its size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Select, Uuid, and_, bindparam, func, not_, or_, select

from app.kernel import clock
from app.kernel.crud.query import ListParams, matching
from app.kernel.db import db, is_one_of, lift_values, read_prepared
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.models.accounts import Account
from app.sales.models.activities import ActivityLog
from app.sales.models.opportunities import Opportunity, weighted_sql
from app.sales.models.pipelines import Pipeline, PipelineStage, StageKind
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor

PAGE = 50
# Read when a statement runs, so that statements can be kept.
_NOW = bindparam("clock_now", callable_=clock.now, type_=DateTime(timezone=True))
_STAGES = bindparam("stage_ids", type_=ARRAY(Uuid()))
SORTS = {"rank": "rank", "next": "next_activity_at", "amount": "amount", "close": "close_date"}


@dataclass(frozen=True, slots=True)
class Card:
    """A deal as the board shows it. Equal cards look the same, so what was written for one is kept."""

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
    return and_(
        stage.rot_days.is_not(None),
        Opportunity.stage_entered_at < _NOW - limit,
        or_(last_done.is_(None), last_done < _NOW - limit),
        not_(_planned(_NOW + func.make_interval(0, 0, 0, stage.rot_days * 3), stage)),
    )


def _planned(until: Any = None, stage: Any = PipelineStage) -> Any:
    """Whether an activity is planned from now on. The next one may be late: a later one counts all the same."""
    open_ones = select(ActivityLog.id).where(
        ActivityLog.opportunity_id == Opportunity.id,
        ActivityLog.organization_id == Opportunity.organization_id,
        ActivityLog.done_at.is_(None),
        ActivityLog.due_at >= _NOW,
    )
    if until is not None:
        open_ones = open_ones.where(ActivityLog.due_at <= until)
    return and_(Opportunity.next_activity_at.is_not(None), open_ones.correlate(Opportunity, stage).exists())


def _matching(params: ListParams, actor: Actor, *, rotting: bool) -> Any:
    """The board's search and filters, on deals joined with their stage."""
    criterion = matching(OPPORTUNITIES, params, actor)
    return and_(criterion, rotting_sql()) if rotting else criterion


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
    form, values, criterion = lift_values(_matching(params, actor, rotting=rotting))
    values["stage_ids"] = list(columns)

    def sums() -> Select[Any]:
        return _sums().add_columns(func.count().filter(rotting_sql())).where(criterion())

    def first_cards() -> Select[Any]:
        position = func.row_number().over(partition_by=Opportunity.stage_id, order_by=_order(sort)).label("n")
        inner = (
            select(Opportunity.id.label("id"), position)
            .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
            .where(is_one_of(Opportunity.stage_id, _STAGES), criterion())
            .subquery()
        )
        cards = _card_select().join(inner, inner.c.id == Opportunity.id)
        return cards.where(inner.c.n <= PAGE).order_by(inner.c.n)

    still = 0
    for stage_id, count, amount, weighted, standing in read_prepared(("board sums", form), sums, values):
        column = columns[stage_id]
        column.count, column.amount, column.weighted = count, amount, Decimal(weighted)
        still += standing
    for row in read_prepared(("board cards", form, sort), first_cards, values):
        card = Card(*row)
        columns[card.stage_id].cards.append(card)
    return Board(pipeline, [columns[stage.id] for stage in open_stages], stages, still)


def _sums() -> Any:
    """Count, sum and weighted sum of deals by stage, of the stages ``stage_ids``."""
    return (
        select(
            Opportunity.stage_id,
            func.count(),
            func.coalesce(func.sum(Opportunity.amount), 0),
            func.coalesce(func.sum(weighted_sql()), 0),
        )
        .join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
        .where(is_one_of(Opportunity.stage_id, _STAGES))
        .group_by(Opportunity.stage_id)
    )


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
    statement = _card_select().where(Opportunity.stage_id == stage_id, _matching(params, actor, rotting=rotting))
    return _cards(statement.order_by(*_order(sort)).limit(PAGE).offset(offset))


def column_sums(
    stage_ids: list[UUID], params: ListParams, actor: Actor, *, rotting: bool = False
) -> dict[UUID, tuple[int, Decimal, Decimal]]:
    """Count, sum and weighted sum of some columns, after a move."""
    found = dict.fromkeys(stage_ids, (0, Decimal(0), Decimal(0)))
    statement = _sums().where(_matching(params, actor, rotting=rotting))
    for stage_id, count, amount, weighted in db.session.execute(statement, {"stage_ids": stage_ids}):
        found[stage_id] = (count, amount, Decimal(weighted))
    return found


def is_shown(opportunity_id: UUID, params: ListParams, actor: Actor, *, rotting: bool = False) -> bool:
    """Whether a card belongs on a board with these filters."""
    statement = select(Opportunity.id).join(PipelineStage, PipelineStage.id == Opportunity.stage_id)
    statement = statement.where(Opportunity.id == opportunity_id, _matching(params, actor, rotting=rotting))
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
    """The columns of Card, in its order."""
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
    still, planned = rotting_sql(), _planned()
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
    return [Card(*row) for row in db.session.execute(statement)]
