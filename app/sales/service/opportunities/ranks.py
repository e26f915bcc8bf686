"""The order of the cards in a column."""

from __future__ import annotations

from uuid import UUID

from fractional_indexing import generate_key_between, generate_n_keys_between
from sqlalchemy import bindparam, func, select

from app.kernel.db import advisory_lock, db, every_record
from app.sales.models.opportunities import Opportunity

# The column holds 80; a column whose keys have grown this long is numbered afresh.
MAX_RANK = 60


def top_rank(stage_id: UUID) -> str:
    """A rank above everything in the column."""
    # Two cards that come to the top at the same moment: the second sees the first.
    advisory_lock(f"stage:{stage_id}")
    with every_record():
        first = db.session.scalar(select(func.min(Opportunity.rank)).where(Opportunity.stage_id == stage_id))
    return str(generate_key_between(None, first))


def rank_between(stage_id: UUID, deal_id: UUID, after_id: UUID | None, before_id: UUID | None) -> str:
    """A rank between two cards; cards that have left the column meanwhile do not count."""
    if after_id is None and before_id is None:
        return top_rank(stage_id)
    with every_record():
        wanted = [one for one in (after_id, before_id) if one is not None]
        ranks = {
            row.id: row.rank
            for row in db.session.execute(
                select(Opportunity.id, Opportunity.rank).where(
                    Opportunity.id.in_(wanted), Opportunity.stage_id == stage_id
                )
            )
        }
        above, below = ranks.get(after_id), ranks.get(before_id)  # type: ignore[arg-type]
        others = Opportunity.stage_id == stage_id, Opportunity.id != deal_id
        if above is not None:
            # The card below may have changed since the page was drawn: take the real neighbour.
            below = db.session.scalar(select(func.min(Opportunity.rank)).where(*others, Opportunity.rank > above))
        elif below is not None:
            above = db.session.scalar(select(func.max(Opportunity.rank)).where(*others, Opportunity.rank < below))
        else:
            return top_rank(stage_id)
    rank = str(generate_key_between(above, below))
    if len(rank) > MAX_RANK:
        _respread(stage_id, deal_id)
        return rank_between(stage_id, deal_id, after_id, before_id)
    return rank


def _respread(stage_id: UUID, deal_id: UUID) -> None:
    """Gives a column short ranks again, in the same order. Keys between the same two cards grow.

    Not a change of the deals by a person: no new version, nothing in the audit log.
    """
    with every_record():
        ids = db.session.scalars(
            select(Opportunity.id)
            .where(Opportunity.stage_id == stage_id, Opportunity.id != deal_id)
            .order_by(Opportunity.rank, Opportunity.id)
        ).all()
    table = Opportunity.__table__
    db.session.execute(
        table.update().where(table.c.id == bindparam("card")).values(rank=bindparam("new")),
        [
            {"card": card, "new": rank}
            for card, rank in zip(ids, generate_n_keys_between(None, None, len(ids)), strict=True)
        ],
    )


def spread_ranks(count: int, stage_id: UUID) -> list[str]:
    """``count`` ranks below everything in the column, for imports."""
    with every_record():
        last = db.session.scalar(select(func.max(Opportunity.rank)).where(Opportunity.stage_id == stage_id))
    return [str(one) for one in generate_n_keys_between(last, None, count)]
