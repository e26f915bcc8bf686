"""The timeline's arithmetic: violated links, what must move, the critical path, the earliest dates.

Pure: no database, no calendar. A day is the number of a working day (``kernel.workdays``); a piece of work
takes ``[start, end)``, so a day's work has ``end == start + 1``, a milestone too.

The critical path method is Kelley and Walker's (J. E. Kelley, M. R. Walker, "Critical-path planning and
scheduling", Proc. Eastern Joint Computer Conference, 1959, pp. 160-173), with the relations of precedence
diagramming (J. W. Fondahl, "A non-computer approach to the critical path method for the construction
industry", Stanford University, 1961) and their lags. With duration D, for a link from i to j with lag L:

    finish to start:   ES(j) >= EF(i) + L          LF(i) <= LS(j) - L
    start to start:    ES(j) >= ES(i) + L          LS(i) <= LS(j) - L
    finish to finish:  EF(j) >= EF(i) + L          LF(i) <= LF(j) - L

    EF = ES + D, LS = LF - D, total slack = LS - ES; critical is what has none.

Planned starts count as "start no earlier than", and each connected plan ends with its own last piece.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class LinkType(StrEnum):
    FS = "FS"
    SS = "SS"
    FF = "FF"


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work on the calendar.

    ``closed`` work neither moves nor holds others; ``fixed`` work holds its place. ``may_advance`` says
    whether an automatic layout may place it earlier than it is.
    """

    id: Hashable
    start: int
    end: int
    closed: bool = False
    fixed: bool = False
    may_advance: bool = True

    @property
    def length(self) -> int:
        return self.end - self.start

    def at(self, start: int) -> Work:
        """The same work, begun on another day."""
        return replace(self, start=start, end=start + self.length)


@dataclass(frozen=True, slots=True)
class Link:
    """``after`` depends on ``before``; ``lag`` in working days, negative for an overlap."""

    id: Hashable
    before: Hashable
    after: Hashable
    type: LinkType = LinkType.FS
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """What the critical path method says of a piece of work."""

    earliest: int
    latest: int

    @property
    def slack(self) -> int:
        """By how many working days it may slip without moving the plan's end."""
        return self.latest - self.earliest


Plan = Mapping[Hashable, Work]


def earliest_start(link: Link, before: Work, after: Work) -> int:
    """The first day on which ``after`` may start, as far as ``link`` is concerned."""
    if link.type is LinkType.SS:
        return before.start + link.lag
    if link.type is LinkType.FF:
        return before.end + link.lag - after.length
    return before.end + link.lag


def binding(works: Plan, links: Iterable[Link]) -> list[Link]:
    """The links that count: both ends are planned and open."""
    return [
        one
        for one in links
        if one.before in works and one.after in works and not works[one.before].closed and not works[one.after].closed
    ]


def violated(works: Plan, links: Iterable[Link]) -> list[Link]:
    """The links whose successor starts (or ends) too early."""
    return [
        one
        for one in binding(works, links)
        if works[one.after].start < earliest_start(one, works[one.before], works[one.after])
    ]


def find_loop(links: Iterable[Link], before: Hashable, after: Hashable) -> list[Hashable]:
    """The loop that a link from ``before`` to ``after`` would close, both ends named; empty when there is none."""
    onward = defaultdict(list)
    for one in links:
        onward[one.before].append(one.after)
    came: dict[Hashable, Hashable] = {after: before}  # where the search came from
    waiting = deque([after])
    while waiting and before not in came:
        here = waiting.popleft()
        for there in onward[here]:
            if there not in came:
                came[there] = here
                waiting.append(there)
    if before not in came:
        return []
    path = [before]
    while path[-1] != after:
        path.append(came[path[-1]])
    return [before, *reversed(path)]


def in_order(works: Plan, links: Sequence[Link]) -> list[Hashable]:
    """Every piece after all that it depends on (A. B. Kahn, 1962). What is in a loop is left out."""
    waiting = dict.fromkeys(works, 0)
    onward = defaultdict(list)
    for one in links:
        waiting[one.after] += 1
        onward[one.before].append(one.after)
    ready = deque(one for one, count in waiting.items() if not count)
    found = []
    while ready:
        here = ready.popleft()
        found.append(here)
        for there in onward[here]:
            waiting[there] -= 1
            if not waiting[there]:
                ready.append(there)
    return found


def _into(links: Iterable[Link]) -> Mapping[Hashable, list[Link]]:
    found = defaultdict(list)
    for one in links:
        found[one.after].append(one)
    return found


def _downstream(links: Iterable[Link], roots: Iterable[Hashable]) -> set[Hashable]:
    onward = defaultdict(list)
    for one in links:
        onward[one.before].append(one.after)
    found: set[Hashable] = set()
    waiting = list(roots)
    while waiting:
        for there in onward[waiting.pop()]:
            if there not in found:
                found.add(there)
                waiting.append(there)
    return found


def _place(works: Plan, links: Iterable[Link], wanted: Mapping[Hashable, int]) -> dict[Hashable, Work]:
    """Forward pass over ``wanted`` (id -> the earliest day it may go to); answers what moved."""
    counted = binding(works, links)
    into = _into(counted)
    now = dict(works)
    for one in in_order(works, counted):
        if one not in wanted or now[one].fixed or now[one].closed:
            continue
        bounds = [earliest_start(link, now[link.before], now[one]) for link in into[one]]
        now[one] = now[one].at(max([wanted[one], *bounds]))
    return {key: work for key, work in now.items() if work.start != works[key].start}


def push(works: Plan, links: Iterable[Link], roots: Iterable[Hashable]) -> dict[Hashable, Work]:
    """What must move after ``roots`` changed, so that no link that leads away from them is violated.

    Work only moves later, by as little as the links ask for, and keeps its length.
    """
    links = list(links)
    reached = _downstream(binding(works, links), roots)
    return _place(works, links, {one: works[one].start for one in reached})


def layout(works: Plan, links: Iterable[Link], *, today: int) -> dict[Hashable, Work]:
    """What moves when everything that depends on something goes to its earliest days.

    Nothing is placed into the past. What may not advance only moves later.
    """
    links = list(links)
    dependent = {one.after for one in binding(works, links)}
    return _place(works, links, {one: today if works[one].may_advance else works[one].start for one in dependent})


def critical_path(works: Plan, links: Iterable[Link]) -> dict[Hashable, Span]:
    """Forward and backward pass over everything that a link joins; see the module's text for the formulas."""
    counted = binding(works, links)
    joined = {end for one in counted for end in (one.before, one.after)}
    plan = {key: work for key, work in works.items() if key in joined}
    order = in_order(plan, counted)
    into = _into(counted)
    early: dict[Hashable, Work] = {}
    for key in order:
        bounds = [earliest_start(link, early[link.before], plan[key]) for link in into[key]]
        early[key] = plan[key].at(max([plan[key].start, *bounds]))
    finish = _finish_of_each(early, [one for one in counted if one.before in early and one.after in early])
    late: dict[Hashable, int] = {}
    onward = defaultdict(list)
    for link in counted:
        onward[link.before].append(link)
    for key in reversed(order):
        bounds = [_latest_start(link, early, late) for link in onward[key] if link.after in late]
        late[key] = min([finish[key] - early[key].length, *bounds])
    return {key: Span(early[key].start, late[key]) for key in order}


def _latest_start(link: Link, early: Plan, late: Mapping[Hashable, int]) -> int:
    length = early[link.before].length
    if link.type is LinkType.SS:
        return late[link.after] - link.lag
    if link.type is LinkType.FF:
        return late[link.after] + early[link.after].length - link.lag - length
    return late[link.after] - link.lag - length


def _finish_of_each(works: Plan, links: Iterable[Link]) -> dict[Hashable, int]:
    """For each piece the last end of the plan that it belongs to (what links join, whatever their direction)."""
    near = defaultdict(list)
    for one in links:
        near[one.before].append(one.after)
        near[one.after].append(one.before)
    found: dict[Hashable, int] = {}
    for first in works:
        if first in found:
            continue
        group, waiting = {first}, [first]
        while waiting:
            fresh = [one for one in near[waiting.pop()] if one not in group]
            group.update(fresh)
            waiting += fresh
        found |= dict.fromkeys(group, max(works[one].end for one in group))
    return found
