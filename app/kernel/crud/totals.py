"""Totals of a list's numeric columns, over all rows that it has, not only those of the page."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select

from app.kernel import i18n
from app.kernel.crud.fields import Crud, Field, Kind
from app.kernel.crud.query import matching, plan
from app.kernel.db import lift_values, read_prepared
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from app.kernel.actor import Actor
    from app.kernel.crud.params import ListParams


@dataclass(frozen=True, slots=True)
class Total:
    """What a column comes to. ``sums`` holds one amount per currency: they do not add up."""

    field: Field
    sums: tuple[tuple[str, Decimal], ...]
    averages: tuple[tuple[str, Decimal], ...]

    def lines(self) -> list[tuple[str, str]]:
        """(what, how much) as people read it; nothing for a column without values."""
        found = []
        if self.field.total == "sum":
            found += [(_("Sum"), self._words(one, amount)) for one, amount in self.sums]
        return found + [(_("Average"), self._words(one, amount)) for one, amount in self.averages]

    def _words(self, currency: str, amount: Decimal) -> str:
        if self.field.kind is Kind.MONEY:
            return i18n.money(amount, currency)
        text = i18n.number(amount, 2)
        if self.field.kind is Kind.PERCENT:
            return f"{text}%"
        return f"{text} {self.field.unit}" if self.field.unit else text


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals row: how many rows there are, and the totals by column."""

    count: int
    columns: dict[str, Total]


def has_totals(fields: Sequence[Field]) -> bool:
    """Whether one of the columns has something to add up."""
    return any(one.total for one in fields)


def list_totals(crud: Crud, params: ListParams, actor: Actor, fields: Sequence[Field]) -> Totals:
    """The totals of the visible columns over the whole filtered list. One query."""
    summed = [one for one in fields if one.total]
    by_currency = any(one.kind is Kind.MONEY for one in summed)
    form, values, criterion = lift_values(matching(crud, params, actor))

    def statement() -> Select[Any]:
        columns = plan(crud).columns
        currency = columns.get("currency") if by_currency else None
        found = select(currency if currency is not None else literal(""), func.count()).select_from(crud.model)
        for one in summed:
            found = found.add_columns(func.sum(columns[one.name]), func.count(columns[one.name]))
        found = found.where(criterion())
        return found.group_by(currency).order_by(currency) if currency is not None else found

    key = ("totals", crud.kind, form, tuple(one.name for one in summed))
    rows = read_prepared(key, statement, values)
    return Totals(sum(row[1] for row in rows), {one.key: _total(one, at, rows) for at, one in enumerate(summed)})


def _total(field: Field, at: int, rows: Sequence[Any]) -> Total:
    place = 2 + 2 * at
    parts: dict[str, list[Any]] = {}
    for row in rows:
        if row[place + 1]:
            currency = field.currency_of(row[0]) if field.kind is Kind.MONEY else ""
            part = parts.setdefault(currency, [Decimal(0), 0])
            part[0] += row[place]
            part[1] += row[place + 1]
    sums = tuple((currency, amount) for currency, (amount, _number) in parts.items())
    averages = tuple((currency, amount / number) for currency, (amount, number) in parts.items())
    return Total(field, sums, averages)
