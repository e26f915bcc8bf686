"""The headings of a list: which columns it is sorted by, and the addresses that change that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.kernel.crud.query import MAX_SORTS, sorts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kernel.crud.fields import Crud, Field
    from app.kernel.crud.params import ListParams

DEFAULT_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading. ``place`` counts from 1, 0 when the list is not sorted by it.

    ``alone`` is the order that a click gives, ``added`` that of a click with Shift: the column comes after the
    others, turns round, and leaves.
    """

    field: Field
    place: int
    down: bool
    alone: str
    added: str
    width: int | None


def headings(crud: Crud, params: ListParams, fields: Sequence[Field]) -> list[Heading]:
    """The headings of the visible columns."""
    current = sorts(crud, params.sort or crud.order)
    places = {field.name: (place, down) for place, (field, down) in enumerate(current, 1)}
    found = []
    for field in fields:
        place, down = places.get(field.name, (0, False))
        alone = f"-{field.key}" if place == 1 and not down else field.key
        width = params.widths.get(field.key, DEFAULT_WIDTH) if params.widths else None
        found.append(Heading(field, place, down, alone, _added(current, field), width))
    return found


def _added(current: Sequence[tuple[Field, bool]], wanted: Field) -> str:
    parts = []
    for field, down in current:
        if field is not wanted:
            parts.append(f"-{field.key}" if down else field.key)
        elif not down:
            parts.append(f"-{field.key}")
    if all(field is not wanted for field, _down in current) and len(parts) < MAX_SORTS:
        parts.append(wanted.key)
    return ",".join(parts)
