"""The ways to group tasks: what a task is grouped by, in SQL, and the groups that there are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Date, String, Uuid, bindparam, case, cast, func, literal, or_

from app.kernel import clock, tenant
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.tasks.cruds import MODULES, PRIORITIES, TASKS
from app.tasks.models.names import CLOSED
from app.tasks.models.tasks import Task
from app.tasks.queries.links import first_links, name_first
from app.tasks.queries.tasks import StatusLine, read_statuses
from app.tenancy.models import MemberStatus
from app.tenancy.queries import list_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Select

    from app.tasks.queries.groups import Row


def _today() -> dt.date:
    return clock.today(tenant.current_actor().timezone)


# Read when a statement runs, so that statements can be kept.
_TODAY = bindparam("today", callable_=_today, type_=Date())
_NOBODY = UUID(int=0)
NO_LINK = "none"


@dataclass(slots=True)
class Group:
    """Tasks that share a value. ``values`` is what a task gets that is put here (REST's names)."""

    key: str
    label: str
    css: str = ""
    icon: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    status: StatusLine | None = None
    count: int = 0
    estimate: int = 0
    rows: list[Row] = field(default_factory=list)
    # Whether something can be put here: a day that is over takes nothing.
    takes: bool = True
    # Whether it stands there when it is empty.
    stays: bool = True

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
    """One way to group tasks: the value in SQL, and the groups in their order.

    ``found`` makes them of the values that there are instead; ``attach`` joins what the value is read from.
    ``in_columns`` says whether a board may have it as columns; lanes may be of any but days. ``member`` says that a
    task is in the group of a key (a column of texts), so that each group is read by itself in the order of an index;
    without it all groups are read at once and cut. ``check`` raises NotFound for a key that cannot be.
    """

    label: Callable[[], str]
    value: Callable[[], Any]
    groups: Callable[[], list[Group]] = list
    in_columns: bool = True
    in_lanes: bool = True
    found: Callable[[Sequence[str]], list[Group]] | None = None
    attach: Callable[[Select[Any]], Select[Any]] = lambda statement: statement
    member: Callable[[Any], Any] | None = None
    check: Callable[[str], Any] = str


def _status_groups() -> list[Group]:
    icons = {one.value: one.icon for one in _groups_of_statuses()}
    return [
        Group(str(one.id), one.name, f"g-{one.group}", icons[one.group], {"status": str(one.id)}, one)
        for one in read_statuses()
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
    people = [
        Group(
            str(one.id),
            one.display_name,
            values={"owner": str(one.id)},
            takes=one.status != MemberStatus.REMOVED,
            stays=False,
        )
        for one in list_owners()
    ]
    return [*people, Group(str(_NOBODY), _("Nobody"), icon="user-x", values={"owner": None})]


def _link_groups(values: Sequence[str]) -> list[Group]:
    """The records that tasks are linked to first."""
    named = [Group(key, one.label, icon=one.icon, values={"link": key}, stays=False) for key, one in name_first(values)]
    none = [Group(NO_LINK, _("No linked record"), icon="unlink", values={"link": None})] if NO_LINK in values else []
    return [*named, *none]


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
    past = {"late", "closed"}
    return [
        Group(key, label, css, icon, {"due_on": day[key].isoformat() if key in day else None}, takes=key not in past)
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
    "status": Grouping(
        lambda: _("Status"),
        lambda: cast(Task.status_id, String),
        _status_groups,
        member=lambda key: Task.status_id == cast(key, Uuid),
        check=parse_id,
    ),
    "priority": Grouping(
        lambda: _("Priority"), lambda: Task.priority, _priority_groups, member=lambda key: Task.priority == key
    ),
    "owner": Grouping(lambda: _("Owner"), lambda: cast(func.coalesce(Task.owner_id, _NOBODY), String), _owner_groups),
    "module": Grouping(lambda: _("Module"), lambda: Task.module, _module_groups, member=lambda key: Task.module == key),
    "due": Grouping(lambda: _("Due"), _due_value, _due_groups, in_columns=False, in_lanes=False),
    "link": Grouping(
        lambda: _("Linked record"),
        lambda: func.coalesce(first_links().c.record, NO_LINK),
        in_columns=False,
        found=_link_groups,
        attach=lambda statement: statement.outerjoin(first_links(), first_links().c.task_id == Task.id),
    ),
}


def get_grouping(name: str) -> Grouping:
    """A way to group. Raises BadRequest for an unknown one."""
    found = GROUPINGS.get(name)
    if found is None:
        raise BadRequest(_("Unknown field “%(name)s”.", name=name[:40]))
    return found
