"""The sub-tasks below the tasks that a list shows, a few levels of them. One query, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, String, Uuid, and_, bindparam, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from app.kernel.db import is_one_of, read_prepared
from app.tasks.models.tasks import Task
from app.tasks.queries.groups import Row, row_select, to_row

if TYPE_CHECKING:
    from sqlalchemy import Select

    from app.kernel.crud.fields import Field

# How deep a list goes. What is deeper is reached from its parent.
DEPTH = 3
# Of each task, and of all together, at once.
PAGE = 50
MOST = 500
_PARENTS = bindparam("parent_ids", type_=ARRAY(Uuid()))
_FIRST, _LAST = bindparam("first", type_=Integer()), bindparam("last", type_=Integer())
_PAGE, _MOST = bindparam("page", type_=Integer()), bindparam("most", type_=Integer())
_HOME = bindparam("home", type_=String())


@dataclass(frozen=True, slots=True)
class Branches:
    """Sub-tasks by the task that they are below, and how many more each such task has (``left``)."""

    below: Mapping[UUID, Sequence[Row]] = field(default_factory=dict)
    left: Mapping[UUID, int] = field(default_factory=dict)


def children_of(task_ids: list[UUID], fields: Sequence[Field] = ()) -> dict[UUID, list[Row]]:
    """The sub-tasks of some tasks, in their order. One query."""
    found: dict[UUID, list[Row]] = {}

    def statement() -> Select[Any]:
        return row_select(fields).where(is_one_of(Task.parent_id, _PARENTS)).order_by(Task.rank, Task.id)

    key = ("task children", tuple(one.name for one in fields))
    for one in read_prepared(key, statement, {"parent_ids": task_ids}):
        child = to_row(one, fields)
        if child.parent_id is not None:
            found.setdefault(child.parent_id, []).append(child)
    return found


def branches_of(
    parents: Mapping[UUID, int],
    fields: Sequence[Field] = (),
    *,
    home: str | None = None,
    level: int = 0,
    first: int = 1,
) -> Branches:
    """What is below some tasks of one ``level`` down to DEPTH, from the ``first`` on; with each how many it has.

    Breadth first: when there are more than MOST, the deepest are left. In a list of one module (``home``), its tasks
    below another module's stand by themselves, and not here.
    """
    levels = DEPTH - level

    def statement() -> Select[Any]:
        found = _found(levels, within_module=home is not None)
        rows = row_select(fields).add_columns(found.c.level, found.c.place, found.c.siblings)
        return rows.join(found, found.c.id == Task.id).order_by(found.c.level, found.c.place, Task.id)

    key = ("task branches", levels, home is not None, tuple(one.name for one in fields))
    values = {"parent_ids": list(parents), "first": first, "last": first + PAGE - 1, "page": PAGE, "most": MOST}
    found = read_prepared(key, statement, values | ({"home": home} if home is not None else {}))
    below: dict[UUID, list[Row]] = {}
    left: dict[UUID, int] = {}
    unread = dict(parents)
    for *columns, depth, place, siblings in found:
        row = to_row(columns, fields)
        if row.parent_id is None:
            continue
        below.setdefault(row.parent_id, []).append(row)
        left[row.parent_id] = siblings - place
        if depth < levels:
            unread[row.id] = row.children
    if len(found) == MOST:
        left = {**unread, **left}
    return Branches(below, {task_id: count for task_id, count in left.items() if count})


def _found(levels: int, *, within_module: bool) -> Any:
    """(id, level, place, siblings) of what is to be shown: its place below its parent, and of how many."""
    found: list[Any] = []
    for level in range(1, levels + 1):
        task, parent = aliased(Task), aliased(Task)
        place = func.row_number().over(partition_by=task.parent_id, order_by=[task.rank, task.id])
        count = func.count().over(partition_by=task.parent_id)
        above = and_(parent.id == task.parent_id, parent.organization_id == task.organization_id)
        columns = task.id, literal(level).label("level"), place.label("place"), count.label("siblings")
        all_of_them = select(*columns).join(parent, above)
        if found:
            all_of_them = all_of_them.join(found[-1], found[-1].c.id == task.parent_id)
        else:
            all_of_them = all_of_them.where(is_one_of(task.parent_id, _PARENTS))
        if within_module:
            all_of_them = all_of_them.where(or_(task.module != _HOME, parent.module == _HOME))
        these = all_of_them.subquery()
        here = these.c.place <= _PAGE if found else and_(these.c.place >= _FIRST, these.c.place <= _LAST)
        found.append(select(these).where(here).cte(f"level_{level}"))
    together = union_all(*(select(one) for one in found)).subquery()
    return select(together).order_by(together.c.level, together.c.place, together.c.id).limit(_MOST).subquery("branch")
