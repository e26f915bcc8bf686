"""The order that people give to cards, as texts between which there is always room for another.

A rank is a key of the ``fractional-indexing`` scheme: a card dropped between two others gets a key
between theirs, and no other row changes. Whoever ranks holds a lock on the group, so that two cards
that come to one place at the same moment do not get the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fractional_indexing import generate_key_between, generate_n_keys_between
from sqlalchemy import bindparam, func, select

from app.kernel.db import advisory_lock, db, every_record

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.db import TenantModel

# The columns hold 80; a group whose keys have grown this long is numbered afresh.
MAX_RANK = 60


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order of a table's rows (``model.rank``): within each value of ``column``, or all together."""

    model: type[TenantModel]
    column: str | None = None

    def _within(self, group: UUID | None) -> list[Any]:
        return [] if self.column is None else [getattr(self.model, self.column) == group]

    def lock_key(self, group: UUID | None = None) -> str:
        """The name of the lock on the group's order."""
        return f"rank:{self.model.__tablename__}:{group}"

    def lock(self, group: UUID | None = None) -> None:
        """Holds the group's order until the transaction ends."""
        advisory_lock(self.lock_key(group))

    def top(self, group: UUID | None = None) -> str:
        """A rank above everything in the group."""
        self.lock(group)
        with every_record():
            first = db.session.scalar(select(func.min(self._rank)).where(*self._within(group)))
        return str(generate_key_between(None, first))

    def bottom(self, count: int, group: UUID | None = None) -> list[str]:
        """``count`` ranks below everything in the group."""
        with every_record():
            last = db.session.scalar(select(func.max(self._rank)).where(*self._within(group)))
        return [str(one) for one in generate_n_keys_between(last, None, count)]

    def between(self, row_id: UUID, after_id: UUID | None, before_id: UUID | None, group: UUID | None = None) -> str:
        """A rank for ``row_id`` between two rows; rows that have left the group meanwhile do not count."""
        self.lock(group)
        with every_record():
            found = db.session.execute(select(*self.surroundings(row_id, after_id, before_id, group))).one()
        return self.place(found, row_id, after_id, before_id, group)

    def surroundings(
        self, row_id: UUID, after_id: UUID | None, before_id: UUID | None, group: UUID | None = None
    ) -> list[Any]:
        """The columns that ``place`` needs, for a statement that reads more. The order's lock must be held."""
        model: Any = self.model
        within = self._within(group)
        others = *within, model.id != row_id
        after = select(self._rank).where(model.id == after_id, *within).scalar_subquery()
        before = select(self._rank).where(model.id == before_id, *within).scalar_subquery()
        # The neighbours may have changed since the page was drawn: the real ones count.
        return [
            after.label("after"),
            select(func.min(self._rank)).where(*others, self._rank > after).scalar_subquery().label("below"),
            before.label("before"),
            select(func.max(self._rank)).where(*others, self._rank < before).scalar_subquery().label("above"),
            select(func.min(self._rank)).where(*within).scalar_subquery().label("first"),
        ]

    def place(
        self, found: Any, row_id: UUID, after_id: UUID | None, before_id: UUID | None, group: UUID | None = None
    ) -> str:
        """A rank for ``row_id`` from what ``surroundings`` found."""
        if found.after is not None:
            above, below = found.after, found.below
        elif found.before is not None:
            above, below = found.above, found.before
        else:
            above, below = None, found.first
        rank = str(generate_key_between(above, below))
        if len(rank) > MAX_RANK:
            self._respread(row_id, group)
            return self.between(row_id, after_id, before_id, group)
        return rank

    def _respread(self, row_id: UUID, group: UUID | None) -> None:
        """Gives a group short ranks again, in the same order. Keys between the same two rows grow.

        Not a change of the records by a person: no new version, nothing in the audit log.
        """
        model: Any = self.model
        with every_record():
            ids = db.session.scalars(
                select(model.id).where(*self._within(group), model.id != row_id).order_by(self._rank, model.id)
            ).all()
        table = model.__table__
        db.session.execute(
            table.update().where(table.c.id == bindparam("row")).values(rank=bindparam("new")),
            [
                {"row": one, "new": rank}
                for one, rank in zip(ids, generate_n_keys_between(None, None, len(ids)), strict=True)
            ],
        )

    @property
    def _rank(self) -> Any:
        return self.model.rank  # type: ignore[attr-defined]
