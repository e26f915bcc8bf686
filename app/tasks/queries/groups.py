"""Tasks in groups: what the list and the board show. The same number of queries, whatever their size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Integer, String, Uuid, and_, bindparam, func, or_, select, true
from sqlalchemy.orm import aliased

from app.collaboration.models import Attachment, Comment
from app.kernel.crud.fields import Field
from app.kernel.crud.query import ListParams, matching, order_key, order_terms, plan
from app.kernel.db import is_one_of, lift_values, read_prepared
from app.tasks import sla
from app.tasks.cruds import TASKS
from app.tasks.models.names import CLOSED
from app.tasks.models.plan import TaskDependency
from app.tasks.models.tasks import Task, TaskStatus
from app.tasks.queries.groupings import NO_LINK, Group, Grouping, get_grouping
from app.tasks.queries.tasks import cleared
from app.tasks.schedule import LinkType
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from sqlalchemy import Select

    from app.kernel.actor import Actor

PAGE = 50
# Of each cell of a board with lanes, which has many.
LANE_PAGE = 15
# Groups of linked records at once; those with the most tasks first.
MAX_LINKED = 100
_FIRST, _LAST = bindparam("first", type_=Integer()), bindparam("last", type_=Integer())
_KEYS = bindparam("keys", type_=ARRAY(String()))


class _Row(NamedTuple):
    # A tuple is made and compared many times faster than a frozen dataclass, and a page has hundreds.

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
    comments: int
    files: int


class Row(_Row):
    """A task as lists and boards show it. Equal rows look the same, so what was written for one is kept.

    ``extra`` holds the columns beyond these, by attribute, which a list asks for; it is no part of what is compared.
    """

    extra: Mapping[str, Any] = MappingProxyType({})

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do."""
        return self.status_group in CLOSED


_OWN = len(Row._fields)


@dataclass(slots=True)
class Lane:
    """A row of the board: its group, and a cell for each column."""

    group: Group
    cells: list[Group]


@dataclass(frozen=True, slots=True)
class Listed:
    """The groups, on the board its columns and its lanes; ``total`` tasks in all of them, also in the ``left`` groups
    (or lanes) of linked records that come after these."""

    groups: list[Group]
    total: int
    left: int
    lanes: list[Lane] | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How tasks are read: grouped ``by``, on the board also in ``lanes``; ``nested`` leaves out what has a parent
    that the actor may see, of the same module where the page is of one (``apart``): the list shows it below that one.
    ``fields`` are columns beyond those of Row."""

    by: str = "status"
    lanes: str = ""
    nested: bool = False
    apart: bool = False
    fields: tuple[Field, ...] = ()

    @property
    def groupings(self) -> list[Grouping]:
        return [get_grouping(one) for one in (self.by, self.lanes) if one]


class _Reader:
    """The statements of one arrangement; kept, because writing them costs more than running them."""

    def __init__(self, how: Arrangement, params: ListParams, actor: Actor) -> None:
        self.how, self.sort = how, params.sort
        form, self.values, self.criterion = lift_values(matching(TASKS, params, actor))
        self.key = (
            how.by,
            how.lanes,
            how.nested,
            how.apart,
            tuple(one.name for one in how.fields),
            form,
            order_key(TASKS, params.sort) if params.sort else (),
        )

    def _within(self, statement: Select[Any]) -> Select[Any]:
        statement = statement.where(self.criterion())
        for one in self.how.groupings:
            statement = one.attach(statement)
        if self.how.nested:
            # The guard is in the subquery too: a parent that the actor may not see is none. Most have none at all.
            parent = aliased(Task)
            above = and_(parent.id == Task.parent_id, parent.organization_id == Task.organization_id)
            here = and_(above, parent.module == Task.module) if self.how.apart else above
            seen = select(parent.id).where(here).correlate(Task).exists()
            statement = statement.where(or_(Task.parent_id.is_(None), ~seen))
        return statement

    def _values(self) -> list[Any]:
        return [one.value().label(f"value_{place}") for place, one in enumerate(self.how.groupings)]

    def sums(self) -> Sequence[Any]:
        """The values of each cell, how many tasks it has, and what their estimates come to."""

        def statement() -> Select[Any]:
            values = self._values()
            counted = select(*values, func.count(), func.coalesce(func.sum(Task.estimate), 0)).select_from(Task)
            return self._within(counted).group_by(*values)

        return read_prepared(("task sums", *self.key), statement, self.values)

    def _ordered(self, partition: Sequence[Any]) -> tuple[Select[Any], list[Any]]:
        """Ids, the values of the partition and the place within it; and the order."""
        terms, joins = order_terms(TASKS, self.sort) if self.sort else ([Task.rank.asc()], {})
        order = [*terms, Task.id]
        place = func.row_number().over(partition_by=partition or None, order_by=order).label("place")
        ids = self._within(select(Task.id.label("id"), *partition, place).select_from(Task))
        for alias, on in joins.values():
            ids = ids.outerjoin(alias, on)
        return ids, order

    def _cut(self, of: int | None) -> Select[Any]:
        """Everything in its order, cut by place: what any grouping can do. Only of some values of grouping ``of``."""
        values = self._values()
        ids, _order = self._ordered(values)
        if of is not None:
            ids = ids.where(is_one_of(values[of].element, _KEYS))
        inner = ids.subquery()
        return select(*inner.c).where(inner.c.place >= _FIRST, inner.c.place <= _LAST)

    def _each(self) -> Select[Any]:
        """Each group by itself and no further than its last place: as fast among a hundred thousand tasks."""
        keys = func.unnest(_KEYS).table_valued("value_0", name="keys").render_derived()
        member = self.how.groupings[0].member
        assert member is not None
        ids, order = self._ordered(())
        ids = ids.where(member(keys.c.value_0)).order_by(*order)
        cell = ids.offset(_FIRST - 1).limit(_LAST - _FIRST + 1).lateral()
        return select(keys.c.value_0, cell.c.id, cell.c.place).select_from(keys).join(cell, true())

    def rows(
        self, first: int, last: int, only: Sequence[str] | None = None, of: int = 0
    ) -> list[tuple[list[str], Row]]:
        """The tasks of each cell from place ``first`` to ``last``, with the cell's values; ``only`` of those whose
        value of the grouping ``of`` is one of these."""

        depth = len(self.how.groupings)
        apart = only is not None and depth == 1 and self.how.groupings[0].member is not None
        some = None if only is None else of

        def statement() -> Select[Any]:
            inner = (self._each() if apart else self._cut(some)).subquery()
            values = [inner.c[f"value_{place}"] for place in range(depth)]
            found = row_select(self.how.fields).add_columns(*values).join(inner, inner.c.id == Task.id)
            return found.order_by(inner.c.place)

        given = {**self.values, "first": first, "last": last}
        if only is not None:
            given["keys"] = list(only)
        found = read_prepared(("task rows", some, *self.key), statement, given)
        return [(list(row[-depth:]), to_row(row[:-depth], self.how.fields)) for row in found]


def list_groups(how: Arrangement, params: ListParams, actor: Actor, first: int = 1) -> Listed:
    """The groups with the first PAGE tasks of each, their numbers and the sum of their estimates (minutes).

    Of linked records, MAX_LINKED from the ``first`` on. Raises BadRequest for an unknown grouping or order.
    """
    reader = _Reader(replace(how, lanes=""), params, actor)
    sums = {value: (count, estimate) for value, count, estimate in reader.sums()}
    groups, only, left = _groups(get_grouping(how.by), {value: count for value, (count, _sum) in sums.items()}, first)
    for one in groups:
        one.count, one.estimate = sums.get(one.key, (0, 0))
    _fill({(one.key,): one for one in groups}, reader, only)
    shown = [one for one in groups if one.stays or one.count]
    return Listed(shown, sum(count for count, _sum in sums.values()), left)


def list_lanes(how: Arrangement, params: ListParams, actor: Actor, first: int = 1) -> Listed:
    """The board's columns with their numbers, and its lanes with a cell for each column, LANE_PAGE tasks in each."""
    reader = _Reader(how, params, actor)
    sums = {(column, lane): (count, estimate) for column, lane, count, estimate in reader.sums()}
    numbers: list[dict[str, int]] = [{}, {}]
    for values, (count, _estimate) in sums.items():
        for place, value in enumerate(values):
            numbers[place][value] = numbers[place].get(value, 0) + count
    columns, *_all = _groups(get_grouping(how.by), numbers[0])
    lane_of = get_grouping(how.lanes)
    groups, keys, left = _groups(lane_of, numbers[1], first)
    for found, counted in ((columns, numbers[0]), (groups, numbers[1])):
        for one in found:
            one.count = counted.get(one.key, 0)
    columns = [one for one in columns if one.stays or one.count]
    lanes = [Lane(one, [_cell(column, one, sums) for column in columns]) for one in groups if one.count]
    cells: dict[tuple[str, ...], Group] = {(one.key, lane.group.key): one for lane in lanes for one in lane.cells}
    _fill(cells, reader, keys if lane_of.found else None, LANE_PAGE, of=1)
    return Listed(columns, sum(numbers[0].values()), left, lanes)


def list_more(how: Arrangement, params: ListParams, actor: Actor, cell: Sequence[str], first: int) -> list[Row]:
    """The tasks of one cell (the values of its groups) from place ``first``, PAGE of them. One query.

    Raises NotFound for a key that cannot be.
    """
    wanted = [str(get_grouping(how.by).check(cell[0])), *cell[1:]]
    found = _Reader(how, params, actor).rows(first, first + PAGE - 1, wanted[:1])
    return [row for values, row in found if values == wanted]


def _groups(grouping: Grouping, counts: Mapping[str, int], first: int = 1) -> tuple[list[Group], list[str], int]:
    """The groups, the values that they are of, and how many groups of records come after them."""
    if grouping.found is None:
        groups = grouping.groups()
        return groups, [one.key for one in groups], 0
    linked = sorted((one for one in counts if one != NO_LINK), key=lambda one: (-counts[one], one))
    values = linked[first - 1 : first - 1 + MAX_LINKED]
    if first == 1:
        values.append(NO_LINK)
    return grouping.found(values), values, max(0, len(linked) - (first - 1 + MAX_LINKED))


def _cell(column: Group, lane: Group, sums: Mapping[tuple[str, str], tuple[int, int]]) -> Group:
    count, estimate = sums.get((column.key, lane.key), (0, 0))
    # A lane's own value is what a task gets there, beside the column's.
    values, takes = {**column.values, **lane.values}, column.takes and lane.takes
    label = f"{column.label} · {lane.label}"
    return replace(column, label=label, values=values, count=count, estimate=estimate, rows=[], takes=takes)


def _fill(
    cells: Mapping[tuple[str, ...], Group],
    reader: _Reader,
    only: list[str] | None,
    page: int | None = None,
    of: int = 0,
) -> None:
    for values, row in reader.rows(1, page or PAGE, only, of):
        cell = cells.get(tuple(values))
        if cell is not None:
            cell.rows.append(row)


def get_row(task_id: UUID) -> Row | None:
    """One task as a row; None when the actor may not see it."""
    found = read_prepared(
        "task row", lambda: row_select().where(Task.id == bindparam("id", type_=Uuid())), {"id": task_id}
    )
    return to_row(found[0]) if found else None


def to_row(values: Sequence[Any], fields: Sequence[Field] = ()) -> Row:
    """A row of ``row_select``."""
    extra: dict[str, Any] = {}
    rest = list(values[_OWN:])
    for one in fields:
        extra[one.name] = rest.pop(0)
        if one.is_link:
            extra[f"{one.name}__name"] = rest.pop(0)
    row = Row(*values[:_OWN])
    if extra:
        row.extra = extra
    return row


def row_select(fields: Sequence[Field] = ()) -> Any:
    """The columns of Row, in its order, then those of ``fields``, each link with its name."""
    child = aliased(Task)
    below = and_(child.parent_id == Task.id, child.organization_id == Task.organization_id)
    children = select(func.count(child.id)).where(below).correlate(Task)
    done = children.where(or_(child.status_group == CLOSED[0], child.status_group == CLOSED[1]))
    statement: Any = (
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
            *_talk(),
        )
        .select_from(Task)
        .join(TaskStatus, and_(TaskStatus.id == Task.status_id, TaskStatus.organization_id == Task.organization_id))
        .outerjoin(
            Membership,
            and_(Membership.id == Task.owner_id, Membership.organization_id == Task.organization_id),
        )
    )
    how = plan(TASKS)
    for one in fields:
        statement = statement.add_columns(how.columns[one.name].label(f"extra_{one.name}"))
        if one.is_link:
            statement = statement.add_columns(how.names[one.name].label(f"extra_{one.name}__name"))
            if one.name in how.joins:
                statement = statement.outerjoin(*how.joins[one.name])
    return statement


def _talk() -> list[Any]:
    """How many comments and files of comments a task has that every reader of it may see."""
    mine = and_(
        Comment.record_id == Task.id,
        Comment.organization_id == Task.organization_id,
        Comment.kind == TASKS.kind,
        Comment.deleted_at.is_(None),
        Comment.internal.is_(False),
    )
    comments = select(func.count(Comment.id)).where(mine).correlate(Task)
    files = select(func.count(Attachment.id)).join(Comment, Comment.id == Attachment.comment_id).where(mine)
    return [
        comments.scalar_subquery().label("comments"),
        files.correlate(Task).scalar_subquery().label("files"),
    ]


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
