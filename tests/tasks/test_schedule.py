"""The timeline's arithmetic and the calendar of working days, held to their laws."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.workdays import holiday_names, workdays
from app.tasks.schedule import (
    Link,
    LinkType,
    Work,
    binding,
    critical_path,
    earliest_start,
    find_loop,
    in_order,
    layout,
    push,
    violated,
)

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2200, 12, 31))


# ── working days ─────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(DAYS)
def test_numbers_and_days_are_each_others_inverse(day):
    italy = workdays("IT")
    index = italy.index(day)
    found = italy.day(index)
    assert italy.is_working(found) and italy.index(found) == index
    assert (found == day) == italy.is_working(day) and found >= day


@settings(deadline=None)
@given(DAYS, st.integers(0, 400))
def test_counting_agrees_with_looking_at_every_day(start, length):
    italy = workdays("IT")
    days = [start + dt.timedelta(days=one) for one in range(length + 1)]
    assert italy.count(days[0], days[-1]) == sum(1 for one in days if italy.is_working(one))


@settings(deadline=None)
@given(DAYS, st.integers(-300, 300))
def test_adding_and_taking_away_come_back(day, count):
    italy = workdays("IT")
    there = italy.add(day, count)
    assert italy.is_working(there)
    assert italy.add(there, -count) == italy.day(italy.index(day))


def test_italys_holidays_are_free():
    italy = workdays("IT")
    for day in (dt.date(2026, 12, 8), dt.date(2026, 12, 25), dt.date(2027, 3, 29), dt.date(2026, 11, 28)):
        assert not italy.is_working(day), day
    assert italy.add(dt.date(2026, 12, 7), 1) == dt.date(2026, 12, 9)
    assert holiday_names("IT", 2026, "it")[dt.date(2026, 12, 8)] == "Immacolata Concezione"


def test_a_country_that_nobody_knows_has_italys_calendar():
    assert workdays("??").country == "IT"
    assert workdays("DE").is_working(dt.date(2026, 12, 8))


# ── plans ────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def plans(draw):
    """Works, and links without a loop (from a smaller to a larger number)."""
    count = draw(st.integers(1, 9))
    works = {}
    for number in range(count):
        start, length = draw(st.integers(0, 40)), draw(st.integers(1, 8))
        works[number] = Work(number, start, start + length, closed=draw(st.sampled_from([False, False, False, True])),
                             may_advance=draw(st.booleans()))  # fmt: skip
    pairs = [(one, other) for one in works for other in works if one < other]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    links = [
        Link(place, one, other, draw(st.sampled_from(LinkType)), draw(st.integers(-4, 6)))
        for place, (one, other) in enumerate(chosen)
    ]
    return works, links


def test_what_each_type_asks():
    before, after = Work("a", 10, 14), Work("b", 0, 3)
    asked = {kind: earliest_start(Link("l", "a", "b", kind, 1), before, after) for kind in LinkType}
    assert asked == {LinkType.FS: 15, LinkType.SS: 11, LinkType.FF: 12}


@settings(deadline=None)
@given(plans(), st.integers(0, 8), st.integers(0, 20))
def test_pushing_leaves_no_link_violated_below_what_changed(plan, root, later):
    works, links = plan
    root %= len(works)
    works[root] = works[root].at(works[root].start + later)
    moved = push(works, links, [root])
    after = {**works, **moved}
    reached, waiting = set(), [root]
    while waiting:
        here = waiting.pop()
        for one in binding(works, links):
            if one.before == here and one.after not in reached:
                reached.add(one.after)
                waiting.append(one.after)
    assert not [one for one in violated(after, links) if one.after in reached]
    assert set(moved) <= reached
    for key, work in moved.items():
        assert work.start > works[key].start and work.length == works[key].length and not work.closed
        # By no more than needed: a day earlier would break a link.
        early = {**after, key: work.at(work.start - 1)}
        assert [one for one in violated(early, links) if one.after == key]
    assert push(after, links, [root]) == {}


@settings(deadline=None)
@given(plans(), st.integers(0, 50))
def test_a_layout_violates_nothing_and_plans_nothing_into_the_past(plan, today):
    works, links = plan
    moved = layout(works, links, today=today)
    after = {**works, **moved}
    assert not violated(after, links)
    for key, work in moved.items():
        assert work.length == works[key].length and not work.closed
        assert work.start >= today or work.start > works[key].start
        assert work.may_advance or work.start > works[key].start
    assert layout(after, links, today=today) == {}


@settings(deadline=None)
@given(plans())
def test_fixed_work_stays_and_says_so(plan):
    works, links = plan
    held = {key: replace(work, fixed=True) for key, work in works.items()}
    assert push(held, links, held) == {} and layout(held, links, today=0) == {}


@settings(deadline=None)
@given(plans(), st.integers(1, 5))
def test_the_critical_path_is_what_moves_the_end(plan, delay):
    works, links = plan
    works = {**works, **push(works, links, works)}
    spans = critical_path(works, links)
    joined = {end for one in binding(works, links) for end in (one.before, one.after)}
    assert set(spans) == joined
    assert all(one.slack >= 0 for one in spans.values())
    for key, span in spans.items():
        group, waiting = {key}, [key]
        while waiting:
            here = waiting.pop()
            for one in binding(works, links):
                for end, other in ((one.before, one.after), (one.after, one.before)):
                    if end == here and other not in group:
                        group.add(other)
                        waiting.append(other)
        assert any(spans[one].slack == 0 for one in group)
        end = max(works[one].end for one in group)
        late = {**works, key: works[key].at(works[key].start + span.slack + delay)}
        late |= push(late, links, [key])
        assert max(late[one].end for one in group) == end + delay
        slipped = {**works, key: works[key].at(works[key].start + span.slack)}
        slipped |= push(slipped, links, [key])
        assert max(slipped[one].end for one in group) == end


@settings(deadline=None)
@given(plans())
def test_a_loop_is_named_from_end_to_end(plan):
    works, links = plan
    for before in works:
        for after in works:
            loop = find_loop(links, before, after)
            if not loop:
                closed = [*links, Link("new", before, after)]
                assert len(in_order(works, closed)) == len(works)
                continue
            assert loop[0] == loop[-1] == before and loop[1] == after
            steps = {(one.before, one.after) for one in links} | {(before, after)}
            assert all(step in steps for step in pairwise(loop))


@pytest.mark.parametrize("ends", [(True, False), (False, True)])
def test_closed_work_holds_nobody(ends):
    works = {"a": Work("a", 10, 14, closed=ends[0]), "b": Work("b", 0, 3, closed=ends[1])}
    assert violated(works, [Link("l", "a", "b")]) == []
