"""The screens of tasks: list, board, table, one task as page and drawer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from babel.dates import get_day_names
from flask import Response, make_response, request
from flask_appbuilder import expose, has_access

from app.kernel import http, i18n
from app.kernel.crud import cells, custom
from app.kernel.crud.forms import write
from app.kernel.crud.view import TenantView, history, history_names, make_view
from app.kernel.ids import parse_id
from app.tasks import bars, recurrence, rows
from app.tasks.cruds import TASKS
from app.tasks.queries import branches, groups, plan, tasks, time
from app.tasks.sla_badges import sla_parts
from app.tasks.views.approvals import ApprovalPart
from app.tasks.views.calendar import CalendarPage
from app.tasks.views.layouts import LayoutPages, choices
from app.tenancy.models import MemberStatus
from app.tenancy.queries import list_owners

if TYPE_CHECKING:
    pass


class TaskView(ApprovalPart, CalendarPage, LayoutPages):
    """Tasks in every layout; the table is the generated list.

    ``address`` is where the layouts are; with a ``module`` they show its tasks alone.
    """

    method_permission_name = {
        **TenantView.method_permission_name,
        "table": "read",
        "board": "read",
        "calendar": "read",
        "panel": "read",
        "approval": "read",
    }
    include_route_methods = TenantView.include_route_methods | {"table", "board", "calendar", "panel", "approval"}

    list_template = "tasks/table.html"
    form_template = "tasks/form.html"

    @expose("/table")
    @has_access
    def table(self) -> Response:
        """The generated list: any column, sorts, filters, export."""
        return self._list_response()

    @expose("/")
    @has_access
    def root(self) -> Response:
        """The list, at the feature's own address."""
        return self.list()

    def list_extra(self) -> dict[str, Any]:
        """The switch between the layouts, above the table too."""
        return {"modes": self._modes(), "mode": "table", "query": [], "module": self.module}

    # ── one task ─────────────────────────────────────────────────────────────────────────────────

    @expose("/show/<pk>")
    @expose("/<pk>")
    @has_access
    def show(self, pk: str) -> Response:
        """The task as a page."""
        context = self._task(parse_id(pk)) | choices()
        events = history(TASKS.kind, context["task"].id)
        return make_response(
            self.render_template(
                "tasks/task.html", heading="h2", history=events, history_names=history_names(TASKS, events), **context
            )
        )

    @expose("/<pk>/panel")
    @has_access
    def panel(self, pk: str) -> Response:
        """The task as the drawer's content; with ``page`` as the page's, drawn anew."""
        heading = "h2" if request.args.get("page") == "1" else "h3"
        return make_response(self.render_template("tasks/panel.html", heading=heading, **self._task(parse_id(pk))))

    def _task(self, task_id: UUID) -> dict[str, Any]:
        actor = http.actor()
        task = tasks.get_task(task_id)
        row = groups.get_row(task.id)
        parent = groups.get_row(task.parent_id) if task.parent_id else None
        owners = list_owners()
        people = [one for one in owners if one.status != MemberStatus.REMOVED]
        names = {one.id: one.display_name for one in owners}
        days = get_day_names("abbreviated", locale=i18n.locale())
        return {
            "crud": TASKS,
            "task": task,
            "row": row,
            "parent": parent,
            "involved": tasks.people_of([task.id])[task.id],
            "items": tasks.list_checklist(task.id),
            "names": names,
            "spent": time.list_time(task.id),
            "member_id": actor.member_id,
            "recurrence": recurrence.words(task.recurrence) if task.recurrence else "",
            "week": [(day, days[number]) for number, day in enumerate(recurrence.DAYS)],
            "children": branches.children_of([task.id]).get(task.id, []),
            "neighbours": plan.list_neighbours(task.id),
            "link_types": bars.link_types(),
            "may_write": task.is_reached_by(actor, "write", "task"),
            "status_icon": rows.status_icon,
            "due": rows.due,
            "duration": rows.duration,
            "module_css": rows.MODULE_CSS[task.module],
            "people": people,
            "sla": sla_parts(task, row.sla_hours if row else None),
            "cell": cells.cell,
            "written": write,
            "custom_row": custom.row_of(TASKS, task, {str(one.id): one.display_name for one in owners}),
            "owners": owners,
            "rest_key": custom.rest_key,
        }


VIEWS = [make_view(TASKS, TaskView)]
