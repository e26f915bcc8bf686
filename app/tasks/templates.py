"""What a template of tasks holds: its tasks, their links, and days counted from the first one.

Pure. A day is the number of a working day after the template's first (``kernel.workdays``), so that a
template used on another date keeps its shape around weekends and holidays.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from app.kernel.workdays import Workdays

Span: TypeAlias = "tuple[int | None, int | None]"
Dates: TypeAlias = "tuple[dt.date | None, dt.date | None]"


@dataclass(frozen=True, slots=True)
class Item:
    """A task of a template. ``key`` names it within; ``owner`` is a member to keep, None for whoever uses it."""

    key: int
    parent: int | None
    title: str
    description: str | None = None
    type: str = "task"
    priority: str = "P2"
    estimate: int | None = None
    tags: tuple[str, ...] = ()
    start: int | None = None
    due: int | None = None
    checklist: tuple[str, ...] = ()
    owner: str | None = None
    # The organization's own fields, as the task has them.
    custom: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Tie:
    """The task ``after`` depends on ``before``; ``lag`` in working days."""

    before: int
    after: int
    type: str
    lag: int


@dataclass(frozen=True, slots=True)
class Content:
    """The tasks, each after the one it is a part of, the root first; and the links between them."""

    items: tuple[Item, ...]
    ties: tuple[Tie, ...] = ()

    @classmethod
    def load(cls, raw: Mapping[str, Any]) -> Content:
        """What ``dump`` wrote."""
        items = (Item(**{**one, "tags": tuple(one["tags"]), "checklist": tuple(one["checklist"])})
                 for one in raw["items"])  # fmt: skip
        return cls(tuple(items), tuple(Tie(**one) for one in raw["ties"]))

    def dump(self) -> dict[str, Any]:
        """For the database, REST and pages."""
        return {"items": [asdict(one) for one in self.items], "ties": [asdict(one) for one in self.ties]}

    @property
    def root(self) -> Item:
        return self.items[0]

    def get(self, key: int) -> Item | None:
        """The task with that key."""
        return next((one for one in self.items if one.key == key), None)

    def tree(self) -> Iterator[tuple[Item, int]]:
        """Each task with how deep it is, sub-tasks right below their task."""
        below: dict[int | None, list[Item]] = {}
        for one in self.items:
            below.setdefault(one.parent, []).append(one)

        def walk(parent: int | None, depth: int) -> Iterator[tuple[Item, int]]:
            for one in below.get(parent, []):
                yield one, depth
                yield from walk(one.key, depth + 1)

        return walk(None, 0)

    def changed(self, key: int, **values: Any) -> Content:
        """The same with other values of one task."""
        return replace(self, items=tuple(replace(one, **values) if one.key == key else one for one in self.items))

    def without(self, key: int) -> Content:
        """The same without a task, what is below it, and their links."""
        gone = {key}
        for one in self.items:
            if one.parent in gone:
                gone.add(one.key)
        return Content(
            tuple(one for one in self.items if one.key not in gone),
            tuple(one for one in self.ties if not {one.before, one.after} & gone),
        )

    def dates(self, days: Workdays, *, start_on: dt.date | None, due_on: dt.date | None) -> dict[int, Dates]:
        """The dates of each task when the first day of all is ``start_on``, or the root is due on ``due_on``.

        Without any day in it, the template gives the date to its root.
        """
        known = [day for one in self.items for day in (one.start, one.due) if day is not None]
        if not known:
            return {one.key: (start_on, due_on) if one == self.root else (None, None) for one in self.items}
        if start_on is not None:
            base = days.index(start_on)
        else:
            assert due_on is not None
            end = self.root.due if self.root.due is not None else max(known)
            base = days.end(due_on) - 1 - end
        return {
            one.key: (
                None if one.start is None else days.day(base + one.start),
                None if one.due is None else days.day(base + one.due),
            )
            for one in self.items
        }


def span(days: Workdays, start: dt.date | None, due: dt.date | None) -> Span:
    """Two dates as numbers of working days; what is due on a free day is due on the working day before."""
    first = None if start is None else days.index(start)
    last = None if due is None else days.end(due) - 1
    if first is not None and last is not None:
        last = max(first, last)  # all of it on free days: the next working day
    return first, last


def relative(spans: Mapping[Any, Span]) -> dict[Any, Span]:
    """The same spans, counted from the first day of all."""
    known = [day for one in spans.values() for day in one if day is not None]
    base = min(known, default=0)
    return {
        key: tuple(None if day is None else day - base for day in one)  # type: ignore[misc]
        for key, one in spans.items()
    }
