"""The workload per person: what is planned for each week, against what the week holds. One statement and the people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Date, and_, bindparam, case, func, or_, select, true

from app.kernel import clock
from app.kernel.crud.query import ListParams, matching
from app.kernel.db import db, lift_values, read_prepared
from app.tasks.cruds import TASKS
from app.tasks.models.load import MemberCapacity
from app.tasks.models.names import CLOSED
from app.tasks.models.sla import WorkCalendar
from app.tasks.models.tasks import Task
from app.tasks.queries.plan import country_of
from app.tasks.sla import closings, hours_of
from app.tasks.workload import Work, WorkWeek, minutes_within, work_week
from app.tenancy.models import MemberStatus, Organization
from app.tenancy.queries import Person, list_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Select

    from app.kernel.actor import Actor

WEEKS = 6
MAX_WEEKS = 26
_WEEK = dt.timedelta(weeks=1)
_FROM, _TO, _TODAY = (bindparam(name, type_=Date()) for name in ("load_from", "load_to", "load_today"))


@dataclass(frozen=True, slots=True)
class Cell:
    """A week: what is planned and what it holds, in minutes; nobody has no ``capacity``."""

    first: dt.date
    planned: int
    capacity: int | None

    @property
    def last(self) -> dt.date:
        return self.first + dt.timedelta(days=6)

    @property
    def over(self) -> int:
        """By how much more is planned than the week holds."""
        return 0 if self.capacity is None else max(self.planned - self.capacity, 0)

    @property
    def percent(self) -> int:
        """How full the week is; 100 where it is over."""
        return min(round(100 * self.planned / self.capacity), 100) if self.capacity else (100 if self.planned else 0)


@dataclass(frozen=True, slots=True)
class Line:
    """A person, or nobody, and their weeks. ``weekly`` are the minutes of a whole week, ``is_own`` those of the person
    alone; ``apart`` is how many tasks have no due date or no estimate."""

    person: Person | None
    weekly: int | None
    is_own: bool
    cells: list[Cell]
    apart: int


@dataclass(frozen=True, slots=True)
class Load:
    """The weeks of people, and of all of them together. ``weekly`` are the minutes of the business hours."""

    today: dt.date
    weekly: int
    lines: list[Line]
    totals: list[Cell]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the one statement found; ``week`` for the business hours, ``own`` the minutes of people by their id."""

    week: WorkWeek
    own: Mapping[UUID, int]
    work: list[Work] = field(default_factory=list)
    apart: dict[UUID | None, int] = field(default_factory=dict)

    def weekly(self, member_id: UUID) -> int:
        return self.own.get(member_id, self.week.minutes)

    def planned(self, monday: dt.date, today: dt.date) -> dict[UUID | None, int]:
        """The minutes of the week from ``monday`` on, by owner."""
        found: dict[UUID | None, float] = {}
        for one in self.work:
            minutes = minutes_within(one, monday, monday + dt.timedelta(days=6), self.week.days, today)
            found[one.owner_id] = found.get(one.owner_id, 0) + minutes
        return {owner: round(minutes) for owner, minutes in found.items()}


def monday_of(day: dt.date) -> dt.date:
    """The first day of its week."""
    return day - dt.timedelta(days=day.weekday())


def read_load(
    params: ListParams, actor: Actor, first: dt.date, weeks: int = WEEKS, team_id: UUID | None = None
) -> Load:
    """The open tasks that meet ``params`` and that the actor may see, from the week of ``first`` on.

    Lines are of the active members whose tasks the actor may read (of one team, where that is asked for), and of
    whoever else owns such tasks. Two queries.
    """
    today = clock.today(actor.timezone)
    mondays = [monday_of(first) + number * _WEEK for number in range(weeks)]
    found = _read(params, actor, mondays[0], mondays[-1] + dt.timedelta(days=6), today)
    planned = [(monday, found.planned(monday, today)) for monday in mondays]
    busy = {one.owner_id for one in found.work} | set(found.apart)
    lines = []
    for person in [*list_owners(), None]:
        member_id = None if person is None else person.id
        if team_id is not None and (person is None or person.team_id != team_id):
            continue
        if member_id not in busy and (params.is_narrowed or not _stays(person, actor)):
            continue
        weekly = None if person is None or person.status == MemberStatus.REMOVED else found.weekly(person.id)
        cells = [
            Cell(monday, minutes.get(member_id, 0), None if weekly is None else found.week.capacity(monday, weekly))
            for monday, minutes in planned
        ]
        lines.append(Line(person, weekly, member_id in found.own, cells, found.apart.get(member_id, 0)))
    totals = [
        Cell(
            monday, sum(one.cells[place].planned for one in lines), sum(one.cells[place].capacity or 0 for one in lines)
        )
        for place, monday in enumerate(mondays)
    ]
    return Load(today, found.week.minutes, lines, totals)


def this_week(actor: Actor) -> Callable[[str], Cell]:
    """The current week of everybody, by the id of the member as a text. One query."""
    today = clock.today(actor.timezone)
    monday = monday_of(today)
    found = _read(ListParams(), actor, monday, monday + dt.timedelta(days=6), today)
    planned = found.planned(monday, today)

    def cell(key: str) -> Cell:
        member_id = UUID(key)
        return Cell(monday, planned.get(member_id, 0), found.week.capacity(monday, found.weekly(member_id)))

    return cell


def get_capacity(member_id: UUID) -> MemberCapacity | None:
    """What a member has of their own."""
    return db.session.scalar(select(MemberCapacity).where(MemberCapacity.member_id == member_id))


def _stays(person: Person | None, actor: Actor) -> bool:
    """Whether a line stands there without tasks."""
    if person is not None and person.status != MemberStatus.ACTIVE:
        return False
    scopes = [actor.scope("read", resource) for resource in Task.__resources__.values()]
    member_id = None if person is None else person.id
    return any(one is not None and actor.covers(one, member_id) for one in scopes)


def _read(params: ListParams, actor: Actor, first: dt.date, last: dt.date, today: dt.date) -> _Found:
    form, values, criterion = lift_values(matching(TASKS, params, actor))
    given = {**values, "load_from": first, "load_to": last, "load_today": today}
    ((timezone, vat_number, hours, closed, own, tasks),) = read_prepared(
        ("task load", form), lambda: _select(criterion()), given
    )
    found = _Found(
        work_week(hours_of(hours, timezone, closed), country_of(vat_number)),
        {UUID(key): minutes for key, minutes in (own or {}).items()},
    )
    day = dt.date.fromisoformat
    for owner, start_on, due_on, minutes, count in tasks or ():
        owner_id = UUID(owner) if owner else None
        if due_on is None:
            found.apart[owner_id] = count
        else:
            found.work.append(Work(owner_id, day(start_on) if start_on else None, day(due_on), minutes))
    return found


def _select(criterion: ColumnElement[bool]) -> Select[Any]:
    """The hours, the capacities of people's own and the tasks, each once: those with the same owner and dates are one,
    without dates where they are counted apart."""
    is_planned = and_(Task.estimate.is_not(None), Task.due_on.is_not(None))
    is_near = and_(
        func.coalesce(Task.start_on, Task.due_on) <= _TO, or_(Task.due_on >= _FROM, _TODAY >= _FROM), _TODAY <= _TO
    )
    tasks = (
        select(
            Task.owner_id.label("owner"),
            case((is_planned, Task.start_on)).label("start"),
            case((is_planned, Task.due_on)).label("due"),
            func.sum(case((is_planned, func.greatest(Task.estimate - Task.logged, 0)), else_=0)).label("minutes"),
            func.count().label("count"),
        )
        .where(
            Task.status_group != CLOSED[0],
            Task.status_group != CLOSED[1],
            or_(and_(is_planned, is_near), ~is_planned),
            and_(true(), criterion),
        )
        .group_by("owner", "start", "due")
        .subquery()
    )
    found = select(func.jsonb_agg(func.jsonb_build_array(*tasks.c))).scalar_subquery()
    own = select(func.jsonb_object_agg(MemberCapacity.member_id, MemberCapacity.weekly_minutes)).scalar_subquery()
    return (
        select(
            Organization.timezone,
            Organization.vat_number,
            WorkCalendar.hours,
            closings(Organization.id, named=False),
            own.label("own"),
            found.label("tasks"),
        )
        .select_from(Organization)
        .outerjoin(WorkCalendar, WorkCalendar.organization_id == Organization.id)
    )
