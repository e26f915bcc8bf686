"""Tasks in groups: what the list and the board show. The same number of queries, whatever their size."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, String, Uuid, and_, bindparam, case, cast, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.kernel import clock, tenant
from app.kernel.crud.query import ListParams, matching
from app.kernel.db import is_one_of, lift_values, read_prepared
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.tasks import sla
from app.tasks.cruds import MODULES, PRIORITIES, TASKS
from app.tasks.models import CLOSED, Task, TaskDependency, TaskStatus
from app.tasks.queries.tasks import cleared, list_statuses
from app.tasks.schedule import LinkType
from app.tenancy.models import Membership
from app.tenancy.queries import list_people

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Select

    from app.kernel.actor import Actor

PAGE = 50


def _today() -> dt.date:
    return clock.today(tenant.current_actor().timezone)


# Read when a statement runs, so that statements can be kept.
_TODAY = bindparam("today", callable_=_today, type_=Date())
_PARENTS = bindparam("parent_ids", type_=ARRAY(Uuid()))
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Row:
    """A task as lists and boards show it. Equal rows look the same, so what was written for one is kept."""

    id: UUID
    version: int
    number: int
    title: str
    module: str
    type: str
    status_id: UUID
    status: str
    status_group: str
    priority: str
    owner_id: UUID | None
    owner: str | None
    start_on: dt.date | None
    due_on: dt.date | None
    estimate: int | None
    parent_id: UUID | None
    done_children: int
    children: int
    blocked: bool
    sla: str | None
    sla_until: dt.datetime | None
    sla_ended: dt.datetime | None
    sla_hours: str | None

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do."""
        return self.status_group in CLOSED


@dataclass(slots=True)
class Group:
    """Tasks that share a value. ``values`` is what a task gets that is put here (REST's names)."""

    key: str
    label: str
    css: str = ""
    icon: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    status: TaskStatus | None = None
    count: int = 0
    estimate: int = 0
    rows: list[Row] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Whether its tasks are done: such a group starts collapsed."""
        return self.status is not None and self.status.group in CLOSED

    @property
    def is_full(self) -> bool:
        """Whether the status holds as many tasks as its limit says."""
        return self.status is not None and self.status.wip_limit is not None and self.count >= self.status.wip_limit

    @property
    def is_over(self) -> bool:
        """Whether the status holds more than that."""
        return self.is_full and self.count > (self.status.wip_limit or 0)  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to group tasks: the value in SQL, and the groups in their order."""

    label: Callable[[], str]
    value: Callable[[], Any]
    groups: Callable[[], list[Group]]
    on_board: bool = True


def _status_groups() -> list[Group]:
    icons = {one.value: one.icon for one in _groups_of_statuses()}
    return [
        Group(str(one.id), one.name, f"g-{one.group}", icons[one.group], {"status": str(one.id)}, one)
        for one in list_statuses()
    ]


def _groups_of_statuses() -> Sequence[Any]:
    found = TASKS.field("status_group")
    assert found is not None
    return found.choices


def _priority_groups() -> list[Group]:
    return [Group(one.value, str(one.label), one.css, one.icon, {"priority": one.value}) for one in PRIORITIES]


def _module_groups() -> list[Group]:
    return [Group(one.value, str(one.label), one.css, one.icon, {"module": one.value}) for one in MODULES]


def _owner_groups() -> list[Group]:
    people = [Group(str(one.id), one.display_name, values={"owner": str(one.id)}) for one in list_people()]
    return [*people, Group(str(_NOBODY), _("Nobody"), icon="user-x", values={"owner": None})]


def _due_value() -> Any:
    week = _TODAY + literal(7)
    return case(
        (or_(Task.status_group == CLOSED[0], Task.status_group == CLOSED[1]), "closed"),
        (Task.due_on.is_(None), "none"),
        (Task.due_on < _TODAY, "late"),
        (Task.due_on == _TODAY, "today"),
        (Task.due_on <= week, "week"),
        else_="later",
    )


def _due_groups() -> list[Group]:
    today = _today()
    day = {"today": today, "week": today + dt.timedelta(days=7), "later": today + dt.timedelta(days=8)}
    return [
        Group(key, label, css, icon, {"due_on": day[key].isoformat() if key in day else None})
        for key, label, css, icon in (
            ("late", _("Overdue"), "t-danger", "clock-alert"),
            ("today", _("Today"), "t-warn", "calendar-check"),
            ("week", _("Within 7 days"), "", "calendar"),
            ("later", _("Later"), "", "calendar"),
            ("none", _("No due date"), "", "calendar-off"),
            ("closed", _("Closed"), "", "circle-check-big"),
        )
    ]


GROUPINGS: dict[str, Grouping] = {
    "status": Grouping(lambda: _("Status"), lambda: cast(Task.status_id, String), _status_groups),
    "priority": Grouping(lambda: _("Priority"), lambda: Task.priority, _priority_groups),
    "owner": Grouping(lambda: _("Owner"), lambda: cast(func.coalesce(Task.owner_id, _NOBODY), String), _owner_groups),
    "module": Grouping(lambda: _("Module"), lambda: Task.module, _module_groups),
    "due": Grouping(lambda: _("Due"), _due_value, _due_groups, on_board=False),
}
SORTS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "rank": lambda: (Task.rank.asc(),),
    "due": lambda: (Task.due_on.asc().nulls_last(), Task.rank.asc()),
    "priority": lambda: (Task.priority.asc(), Task.rank.asc()),
    "title": lambda: (func.lower(Task.title).asc(),),
    "updated": lambda: (Task.updated_at.desc(),),
}


def get_grouping(name: str) -> Grouping:
    """A way to group. Raises BadRequest for an unknown one."""
    found = GROUPINGS.get(name)
    if found is None:
        raise BadRequest(_("Unknown field “%(name)s”.", name=name[:40]))
    return found


def list_groups(by: str, params: ListParams, actor: Actor, *, sort: str = "rank", nested: bool = True) -> list[Group]:
    """The groups with the first PAGE tasks of each, their numbers and the sum of their estimates (minutes).

    ``nested`` leaves out what has a parent that the actor may see: the list shows it below that one.
    Raises BadRequest for an unknown grouping or order.
    """
    grouping = get_grouping(by)
    if sort not in SORTS:
        raise BadRequest(_("Unknown field “%(name)s”.", name=sort[:40]))
    form, values, criterion = lift_values(matching(TASKS, params, actor))
    groups = grouping.groups()
    by_key = {one.key: one for one in groups}

    def within(statement: Select[Any]) -> Select[Any]:
        statement = statement.where(criterion())
        if nested:
            # The guard is in the join: a parent that the actor may not see is none.
            parent = aliased(Task)
            above = and_(parent.id == Task.parent_id, parent.organization_id == Task.organization_id)
            statement = statement.outerjoin(parent, above).where(parent.id.is_(None))
        return statement

    def sums() -> Select[Any]:
        value = grouping.value().label("value")
        counted = select(value, func.count(), func.coalesce(func.sum(Task.estimate), 0)).select_from(Task)
        return within(counted).group_by(value)

    def rows() -> Select[Any]:
        value, order = grouping.value(), SORTS[sort]()
        place = func.row_number().over(partition_by=value, order_by=(*order, Task.id)).label("place")
        inner = within(select(Task.id.label("id"), value.label("value"), place).select_from(Task)).subquery()
        return (
            row_select()
            .add_columns(inner.c.value)
            .join(inner, inner.c.id == Task.id)
            .where(inner.c.place <= PAGE)
            .order_by(inner.c.place)
        )

    key = (by, form, sort, nested)
    for value, count, estimate in read_prepared(("task sums", *key), sums, values):
        if value in by_key:
            by_key[value].count, by_key[value].estimate = count, estimate
    for row in read_prepared(("task rows", *key), rows, values):
        if row[-1] in by_key:
            by_key[row[-1]].rows.append(Row(*row[:-1]))
    return [one for one in groups if by != "owner" or one.count]


def children_of(task_ids: list[UUID]) -> dict[UUID, list[Row]]:
    """The sub-tasks of some tasks, in their order. One query."""
    found: dict[UUID, list[Row]] = {}

    def statement() -> Select[Any]:
        return row_select().where(is_one_of(Task.parent_id, _PARENTS)).order_by(Task.rank, Task.id)

    for row in read_prepared("task children", statement, {"parent_ids": task_ids}):
        child = Row(*row)
        if child.parent_id is not None:
            found.setdefault(child.parent_id, []).append(child)
    return found


def get_row(task_id: UUID) -> Row | None:
    """One task as a row; None when the actor may not see it."""
    found = read_prepared(
        "task row", lambda: row_select().where(Task.id == bindparam("id", type_=Uuid())), {"id": task_id}
    )
    return Row(*found[0]) if found else None


def row_select() -> Any:
    """The columns of Row, in its order."""
    child = aliased(Task)
    below = and_(child.parent_id == Task.id, child.organization_id == Task.organization_id)
    children = select(func.count(child.id)).where(below).correlate(Task)
    done = children.where(or_(child.status_group == CLOSED[0], child.status_group == CLOSED[1]))
    return (
        select(
            Task.id,
            Task.version,
            Task.number,
            Task.title,
            Task.module,
            Task.type,
            Task.status_id,
            TaskStatus.name.label("status"),
            Task.status_group,
            Task.priority,
            Task.owner_id,
            Membership.display_name.label("owner"),
            Task.start_on,
            Task.due_on,
            Task.estimate,
            Task.parent_id,
            done.scalar_subquery().label("done_children"),
            children.scalar_subquery().label("children"),
            _is_blocked().label("blocked"),
            sla.state().label("sla"),
            sla.until().label("sla_until"),
            sla.ended().label("sla_ended"),
            sla.hours_text().label("sla_hours"),
        )
        .select_from(Task)
        .join(TaskStatus, and_(TaskStatus.id == Task.status_id, TaskStatus.organization_id == Task.organization_id))
        .outerjoin(
            Membership,
            and_(Membership.id == Task.owner_id, Membership.organization_id == Task.organization_id),
        )
    )


def _is_blocked() -> Any:
    """Whether a task waits for another one to end, as far as the actor sees it."""
    link, before = TaskDependency, aliased(Task)
    first = and_(before.id == link.predecessor_id, before.organization_id == link.organization_id)
    waits = and_(link.successor_id == Task.id, link.organization_id == Task.organization_id, link.type == LinkType.FS)
    return (
        select(link.id)
        .join(before, first)
        .where(waits, ~cleared(before), Task.status_group != CLOSED[0], Task.status_group != CLOSED[1])
        .correlate(Task)
        .exists()
    )
