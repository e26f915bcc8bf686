"""The plan that links make of tasks: who waits for whom, what breaks a link, what would move."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased

from app.kernel import clock
from app.kernel.db import db, every_record, is_one_of
from app.kernel.errors import NotFound
from app.kernel.workdays import Workdays, workdays
from app.tasks import schedule
from app.tasks.models.names import CLOSED, PREFIX, MemberRole, StatusGroup, TaskType
from app.tasks.models.plan import TaskDependency
from app.tasks.models.tasks import Task, TaskMember
from app.tasks.queries.tasks import cleared, get_task, is_cleared
from app.tasks.schedule import Link, LinkType, Work
from app.tasks.sla import closings, read_closings
from app.tenancy.models import Organization

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Select

    from app.kernel.actor import Actor

# How many links of an organization one plan takes in.
MAX_LINKS = 5000


def calendar() -> Workdays:
    """The working days of the organization: of the country that its VAT number names, else Italy's; its own closing
    days are none.
    """
    row = db.session.execute(select(Organization.vat_number, closings(Organization.id))).one()
    return workdays(country_of(row[0]), read_closings(row[1]))


def country_of(vat_number: str | None) -> str:
    """The country that a VAT number names, which may be none that has holidays."""
    return (vat_number or "")[:2].upper()


# ── links ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A task at the other end of a link."""

    link_id: UUID
    version: int
    type: str
    lag: int
    is_before: bool
    id: UUID
    number: int
    title: str
    status_group: str
    task_type: str

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do there."""
        return self.status_group in CLOSED

    @property
    def blocks(self) -> bool:
        """Whether the other task cannot start because of this one."""
        return self.is_before and self.type == LinkType.FS and not is_cleared(self.task_type, self.status_group)

    @property
    def code(self) -> str:
        return f"{PREFIX}-{self.number}"


def list_neighbours(task_id: UUID) -> list[Neighbour]:
    """What a task waits for, and what waits for it, as far as the actor sees it. One query."""
    link = TaskDependency
    before = link.successor_id == task_id
    rows = db.session.execute(
        select(
            link.id, link.version, link.type, link.lag, before.label("before"), Task.id, Task.number, Task.title,
            Task.status_group, Task.type.label("task_type"),
        )
        .select_from(link)
        .join(Task, or_(and_(before, Task.id == link.predecessor_id),
                        and_(link.predecessor_id == task_id, Task.id == link.successor_id)))
        .order_by(Task.number)
    )  # fmt: skip
    return [Neighbour(*row) for row in rows]


def get_dependency(link_id: UUID) -> TaskDependency:
    """A link whose two tasks the actor may see. Raises NotFound."""
    found = db.session.scalar(_links().where(TaskDependency.id == link_id))
    if found is None:
        raise NotFound
    return found


def _links() -> Any:
    before, after = aliased(Task), aliased(Task)
    return (
        select(TaskDependency)
        .join(before, before.id == TaskDependency.predecessor_id)
        .join(after, after.id == TaskDependency.successor_id)
    )


def links_below(task_id: UUID) -> list[Link]:
    """Every link on a way that starts at a task, whoever may see it."""
    ends = TaskDependency.predecessor_id, TaskDependency.successor_id
    with every_record():
        way = select(*ends).where(TaskDependency.predecessor_id == task_id).cte("way", recursive=True)
        way = way.union(select(*ends).join(way, TaskDependency.predecessor_id == way.c.successor_id))
        return [Link(None, before, after) for before, after in db.session.execute(select(*way.c))]


def are_joined(some: Iterable[UUID], others: Iterable[UUID]) -> bool:
    """Whether a link leads from one of the tasks to one of the others, in either direction."""
    some, others = list(some), list(others)
    before, after = TaskDependency.predecessor_id, TaskDependency.successor_id
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    or_(
                        and_(is_one_of(before, some), is_one_of(after, others)),
                        and_(is_one_of(before, others), is_one_of(after, some)),
                    )
                )
            )
        )
    )


def descendants(task_id: UUID) -> set[UUID]:
    """The tasks below a task, itself included."""
    tree = select(Task.id).where(Task.id == task_id).cte("below", recursive=True)
    tree = tree.union(select(Task.id).join(tree, Task.parent_id == tree.c.id))
    with every_record():
        return set(db.session.scalars(select(tree.c.id)))


def freed_by(task_id: UUID) -> Select[UUID, str, UUID | None]:
    """Id, title and owner of the open tasks that wait for this one to end, and for no other open one."""
    link, other, rest = TaskDependency, aliased(TaskDependency), aliased(Task)
    still = exists().where(
        other.successor_id == Task.id, other.type == LinkType.FS, other.predecessor_id == rest.id,
        rest.id != task_id, ~cleared(rest),
    )  # fmt: skip
    found = select(Task.id, Task.title, Task.owner_id)
    return found.join(link, link.successor_id == Task.id).where(
        link.predecessor_id == task_id, link.type == LinkType.FS, Task.status_group.not_in(CLOSED), ~still
    )


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Planned:
    """A task as the plan knows it."""

    id: UUID
    version: int
    number: int
    title: str
    module: str
    type: str
    status_group: str
    owner_id: UUID | None
    start_on: dt.date | None
    due_on: dt.date | None

    @property
    def code(self) -> str:
        return f"{PREFIX}-{self.number}"

    def work(self, days: Workdays, *, fixed: bool = False) -> Work | None:
        """The task in working days; a task with one date takes that day; None without dates."""
        first, last = self.start_on or self.due_on, self.due_on or self.start_on
        if first is None or last is None:
            return None
        start = days.index(first)
        return Work(
            self.id,
            start,
            max(days.end(last), start + 1),
            closed=self.status_group in CLOSED,
            fixed=fixed,
            may_advance=self.status_group == StatusGroup.BACKLOG and self.type != TaskType.MILESTONE,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """A task that would get other dates."""

    task: Planned
    start_on: dt.date | None
    due_on: dt.date | None


@dataclass(slots=True)
class Preview:
    """What a change would bring: the tasks that move, and those that would have to but are not the actor's."""

    moves: list[Move] = field(default_factory=list)
    held: list[Planned] = field(default_factory=list)


@dataclass(slots=True)
class Network:
    """The linked tasks that the actor sees, and their links."""

    tasks: dict[UUID, Planned]
    links: list[TaskDependency]
    days: Workdays

    @property
    def arrows(self) -> list[Link]:
        """The links as the engine wants them."""
        return [Link(one.id, one.predecessor_id, one.successor_id, LinkType(one.type), one.lag) for one in self.links]

    def works(self, movable: set[UUID] | None = None) -> dict[Any, Work]:
        """The tasks with dates; beside ``movable`` (when given) all hold their place."""
        found = {
            key: task.work(self.days, fixed=movable is not None and key not in movable)
            for key, task in self.tasks.items()
        }
        return {key: work for key, work in found.items() if work is not None}

    def preview(self, moved: Mapping[Any, Work], works: Mapping[Any, Work]) -> Preview:
        """``moved`` as dates, in their order; a task keeps the dates that it has none of."""
        moves = []
        for key, work in moved.items():
            task = self.tasks[key]
            start, due = self.days.day(work.start), self.days.day(work.end - 1)
            moves.append(Move(task, start if task.start_on else None, due if task.due_on else None))
        after = {**works, **moved}
        late: set[Any] = {one.after for one in schedule.violated(after, self.arrows) if after[one.after].fixed}
        moves.sort(key=lambda one: (one.start_on or one.due_on or dt.date.max, one.task.number))
        return Preview(moves, sorted((self.tasks[one] for one in late), key=lambda one: one.number))


def planned(task_ids: Iterable[UUID]) -> dict[UUID, Planned]:
    """Some tasks as the plan knows them."""
    rows = db.session.execute(
        select(
            Task.id, Task.version, Task.number, Task.title, Task.module, Task.type, Task.status_group, Task.owner_id,
            Task.start_on, Task.due_on,
        ).where(is_one_of(Task.id, task_ids))
    )  # fmt: skip
    return {row[0]: Planned(*row) for row in rows}


def network() -> Network:
    """All that is linked and in sight. Two queries, and one for the organization."""
    links = list(db.session.scalars(_links().order_by(TaskDependency.id).limit(MAX_LINKS)))
    ends = {end for one in links for end in (one.predecessor_id, one.successor_id)}
    return Network(planned(ends) if ends else {}, links, calendar())


def writable(tasks: Iterable[Planned], actor: Actor) -> set[UUID]:
    """Which of the tasks the actor may write. At most one query."""
    found, asked = set(), []
    for task in tasks:
        scope = actor.scope("write", Task.__resources__.get(task.module, ""))
        if scope is not None and actor.covers(scope, task.owner_id):
            found.add(task.id)
        else:
            asked.append(task)
    if not asked or actor.member_id is None or not actor.can("write", "task"):
        return found
    helping = db.session.scalars(
        select(TaskMember.task_id).where(
            TaskMember.member_id == actor.member_id, TaskMember.role == MemberRole.COLLABORATOR
        )
    )
    mine = set(helping)
    return found | {one.id for one in asked if one.owner_id == actor.member_id or one.id in mine}


def preview_change(task_id: UUID, start_on: dt.date | None, due_on: dt.date | None, actor: Actor) -> Preview:
    """What must move when a task gets these dates, so that no link away from it is violated."""
    task = get_task(task_id)
    plan = network()
    if task.id not in plan.tasks:
        return Preview()
    known = plan.tasks[task.id]
    movable = writable(plan.tasks.values(), actor)
    works = plan.works(movable)
    changed = replace(known, start_on=start_on, due_on=due_on).work(plan.days)
    if changed is None:
        return Preview()
    works[task.id] = changed
    return plan.preview(schedule.push(works, plan.arrows, [task.id]), works)


def preview_layout(shown: Sequence[UUID], actor: Actor, known: Network | None = None) -> Preview:
    """What moves when the shown tasks go to their earliest dates; ``known`` saves asking for the network."""
    plan = known or network()
    movable = writable(plan.tasks.values(), actor) & set(shown)
    works = plan.works(movable)
    today = plan.days.index(clock.today(actor.timezone))
    found = plan.preview(schedule.layout(works, plan.arrows, today=today), works)
    found.held = [one for one in found.held if one.id in set(shown)]
    return found
