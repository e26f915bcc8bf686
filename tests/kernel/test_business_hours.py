"""Working time: adding and counting it, over weekends, holidays and the changes of the clocks."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.business_hours import BusinessHours, business_hours, read_day, read_week, write_week

ROME = ZoneInfo("Europe/Rome")
HOURS = BusinessHours()


def at(text: str) -> dt.datetime:
    """A moment in Rome, ``2026-11-27 17:00``."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=ROME)


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        ("2026-11-27 09:00", 60, "2026-11-27 10:00"),
        ("2026-11-27 12:30", 60, "2026-11-27 14:30"),  # over lunch
        ("2026-11-27 09:00", 480, "2026-11-27 18:00"),  # the end of the day, not the next morning
        ("2026-11-27 17:00", 120, "2026-11-30 10:00"),  # over a weekend
        ("2026-11-28 11:00", 30, "2026-11-30 09:30"),  # from within it
        ("2026-11-27 22:00", 0, "2026-11-27 22:00"),
        ("2025-04-24 17:00", 120, "2025-04-28 10:00"),  # 25 April is a Friday
        ("2026-04-03 17:00", 120, "2026-04-07 10:00"),  # Easter Monday
        ("2026-12-24 17:00", 120, "2026-12-28 10:00"),
        ("2026-03-27 17:00", 120, "2026-03-30 10:00"),  # the clocks change on Sunday
        ("2026-10-23 17:00", 120, "2026-10-26 10:00"),
    ],
)
def test_working_time_passes_in_business_hours_only(start, minutes, expected):
    found = HOURS.add_business_minutes(at(start), minutes)
    assert found == at(expected) and found.utcoffset() == dt.timedelta()
    assert HOURS.business_minutes_between(at(start), found) == minutes


def test_the_nights_on_which_the_clocks_change_are_as_long_as_they_are():
    always = business_hours((((0, 1440),),) * 7, "Europe/Rome")
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-24", 24)):
        start = at(f"{day} 00:00")
        end = at(f"{dt.date.fromisoformat(day) + dt.timedelta(days=1)} 00:00")
        assert always.business_minutes_between(start, end) == hours * 60
        assert always.add_business_minutes(start, hours * 60) == end
    # What the clocks skip counts once: 02:15 and 03:00 are half an hour apart, or none.
    skipping = business_hours((((135, 165), (180, 240)),) * 7, "Europe/Rome")
    assert skipping.business_minutes_between(at("2026-03-29 00:00"), at("2026-03-29 06:00")) <= 90


def test_a_holiday_on_a_day_that_is_worked_counts_too():
    saturdays = business_hours(((), (), (), (), (), ((540, 780),), ()), "Europe/Rome")
    # 25 April 2026 is a Saturday.
    assert saturdays.add_business_minutes(at("2026-04-24 09:00"), 60) == at("2026-05-02 10:00")


def week_of(times: list[int], open_on: set[int]) -> Any:
    """A week with two intervals, or one, on some of its days; each at least an hour long."""
    start, pause, again = sorted(times)
    day = ((start, pause + 60), (again + 120, again + 200)) if again > pause else ((start, pause + 60),)
    return tuple(day if number in open_on else () for number in range(7))


weeks = st.builds(
    week_of,
    st.lists(st.integers(0, 1240), min_size=3, max_size=3),
    st.sets(st.integers(0, 6), min_size=1),
)
moments = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2028, 1, 1)).map(lambda one: one.replace(tzinfo=dt.UTC))


@given(week=weeks, start=moments, first=st.integers(1, 3000), more=st.integers(1, 3000))
def test_adding_and_counting_agree_and_add_up(week, start, first, more):
    hours = business_hours(week, "Europe/Rome")
    end = hours.add_business_minutes(start, first)
    assert end > start and hours.business_minutes_between(start, end) == first
    assert hours.business_minutes_between(end, start) == -first
    assert hours.add_business_minutes(end, more) == hours.add_business_minutes(start, first + more)
    assert any(opens < end <= closes for opens, closes in hours.open_on(end.astimezone(ROME).date())) or any(
        opens < end <= closes for opens, closes in hours.open_on(end.astimezone(ROME).date() - dt.timedelta(days=1))
    )
    assert read_week(write_week(week)) == week


@pytest.mark.parametrize(
    "day",
    [[["18:00", "09:00"]], [["09:00", "09:00"]], [["09:00", "13:00"], ["12:00", "18:00"]], [["9", "13:00"]],
     [["09:00", "25:00"]], [["09:00"]], [["08:00", "09:00"]] * 3, [[9, 13]], [None], ["ab"]],
)  # fmt: skip
def test_hours_that_are_none_are_refused(day):
    with pytest.raises(ValueError):
        read_day(day)
    with pytest.raises(ValueError):
        read_week([day, *[[["09:00", "18:00"]]] * 6])


def test_a_week_has_seven_days_and_an_hour():
    with pytest.raises(ValueError):
        read_week([[["09:00", "18:00"]]] * 6)
    with pytest.raises(ValueError):
        read_week([[["09:00", "09:59"]], *[[]] * 6])
    assert read_week([[["09:00", "10:00"]], *[[]] * 6])[0] == ((540, 600),)
