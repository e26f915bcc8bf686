"""Tasks plug in: one list of work for every module, in several layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.events.tasks import TaskStatusChanged
from app.kernel.feature import CreateAction, Feature, MenuItem, RecordKind, Resource, Schedule
from app.kernel.i18n import lazy_gettext as _l
from app.tasks import cards, handlers, jobs  # noqa: F401 - registers them
from app.tasks.api import templates as templates_api
from app.tasks.api.tasks import APIS
from app.tasks.calendar import CALENDAR
from app.tasks.cruds import TASKS
from app.tasks.service.statuses import seed
from app.tasks.views import assist, load, modules, tasks, templates, timeline

if TYPE_CHECKING:
    from uuid import UUID


_TASKS = {"category": "Tasks", "category_label": _l("Tasks"), "category_icon": "circle-check"}
_MARKETING = {"category": "Marketing", "category_label": _l("Marketing"), "category_icon": "megaphone"}
CRUD = ("read", "write", "export")


def _show(pk: UUID) -> str:
    return f"/tasks/{pk}"


feature = Feature(
    "tasks",
    resources=[
        Resource("activity", _l("Marketing tasks"), "marketing", CRUD, scoped=True),
        Resource("tasks", _l("Sales tasks"), "sales", (*CRUD, "manage"), scoped=True),
        # Held by whoever holds one of the two; own tasks and those that one collaborates on are for all members.
        Resource(
            "task",
            _l("Tasks"),
            "tasks",
            CRUD,
            scoped=True,
            assignable=False,
            parts=("activity", "tasks"),
            everybody=("read",),
        ),
    ],
    views=[*tasks.VIEWS, *timeline.VIEWS, *load.VIEWS, *assist.VIEWS, *templates.VIEWS, *modules.VIEWS],
    apis=[*APIS, *templates_api.APIS],
    menu=[
        MenuItem(
            "MarketingTasks", _l("Tasks"), "/marketing/activities/", "circle-check", ("read", "activity"), **_MARKETING
        ),
        MenuItem("TaskList", _l("List"), "/tasks/list", "list", ("read", "task"), **_TASKS),
        MenuItem("TaskBoard", _l("Kanban"), "/tasks/board", "square-kanban", ("read", "task"), **_TASKS),
        MenuItem("TaskCalendar", _l("Calendar"), "/tasks/calendar", "calendar", ("read", "task"), **_TASKS),
        MenuItem("TaskTimeline", _l("Timeline"), "/tasks/timeline", "chart-no-axes-gantt", ("read", "task"), **_TASKS),
        MenuItem("TaskTable", _l("Table"), "/tasks/table", "table-2", ("read", "task"), **_TASKS),
    ],
    records=[RecordKind(TASKS.kind, TASKS.singular, TASKS.icon, _show, TASKS.resource, TASKS.model)],
    calendar=[CALENDAR],
    create=[CreateAction(TASKS.new_label, "/tasks/add", "circle-check", ("write", "task"), "t")],
    home_cards=[cards.to_do, cards.to_approve],
    handlers=[(TaskStatusChanged, "tasks.recur", handlers.recur)],
    schedules=[Schedule("tasks.recur", cron="5 * * * *"), Schedule("tasks.sla", every=60)],
    on_organization_created=[seed],
)
