"""REST of tasks: the generated resource, with moving and people; statuses to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.api import READ_ONLY, TenantApi, make_api
from app.kernel.crud.body import id_list, optional_id, optional_version
from app.kernel.crud.fields import Crud, Field, Kind, clean
from app.kernel.crud.rest_docs import security
from app.kernel.crud.store import load
from app.kernel.errors import DomainError
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.api.approvals import PERMISSIONS as APPROVALS
from app.tasks.api.approvals import ApprovalRoutes
from app.tasks.api.assist import PERMISSIONS as ASSIST
from app.tasks.api.assist import AssistRoutes
from app.tasks.api.checklist import PERMISSIONS as CHECKLIST
from app.tasks.api.checklist import ChecklistRoutes
from app.tasks.api.links import link_change
from app.tasks.api.load import PERMISSIONS as LOAD
from app.tasks.api.load import LoadRoutes
from app.tasks.api.recurrence import PERMISSIONS as RECURRENCE
from app.tasks.api.recurrence import RecurrenceRoutes
from app.tasks.api.sla import PERMISSIONS as SLA
from app.tasks.api.sla import SlaRoutes
from app.tasks.api.snooze import PERMISSIONS as SNOOZE
from app.tasks.api.snooze import SnoozeRoutes
from app.tasks.api.time import PERMISSIONS as TIME
from app.tasks.api.time import TimeRoutes
from app.tasks.api.timeline import PERMISSIONS as TIMELINE
from app.tasks.api.timeline import TimelineRoutes
from app.tasks.cruds import GROUPS, TASKS
from app.tasks.models.names import MemberRole
from app.tasks.models.tasks import TaskStatus
from app.tasks.openapi import describe_link, describe_timeline
from app.tasks.queries import tasks as queries
from app.tasks.service.links import put_link
from app.tasks.service.tasks import announce, lock_task, move_task, set_people

if TYPE_CHECKING:
    from apispec import APISpec

# What a move may change beside the order: what lists and boards are grouped by.
GROUPED_BY = ("status", "priority", "owner", "due_on", "module")


def move_values(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a move's body, by attribute. Raises Invalid. Whether what they name exists, the move finds out."""
    given = {key: body[key] for key in GROUPED_BY if key in body}
    return clean([field for field in TASKS.writable if field.key in given], given, partial=True, linked=False)


class TaskApi(
    AssistRoutes, TimelineRoutes, TimeRoutes, RecurrenceRoutes, SlaRoutes, ApprovalRoutes, ChecklistRoutes,
    SnoozeRoutes, LoadRoutes, TenantApi,
):  # fmt: skip
    """Tasks, with what the generated resource does not say."""

    method_permission_name = {
        **TenantApi.method_permission_name,
        **TIMELINE,
        "move": "write",
        "people": "read",
        "set_people": "write",
        **CHECKLIST,
        **SNOOZE,
        **TIME,
        **RECURRENCE,
        **APPROVALS,
        **ASSIST,
        **SLA,
        **LOAD,
    }
    include_route_methods = TenantApi.include_route_methods | {
        "move", "people", "set_people",
        *CHECKLIST, *SNOOZE, *TIME, *RECURRENCE, *TIMELINE, *APPROVALS, *ASSIST, *SLA, *LOAD,
    }  # fmt: skip

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The generated description, and that of plans."""
        super().add_api_spec(api_spec)
        describe_link(api_spec)
        describe_timeline(api_spec, security(api_spec, self.crud.resource))

    def _refuse_unknown(self, body: dict[str, Any]) -> None:
        # A list of linked records writes a task down with its link.
        super()._refuse_unknown({key: one for key, one in body.items() if key != "link" or request.method != "POST"})

    def _created(self, created: Any, body: dict[str, Any]) -> None:
        link = link_change(body)
        if link is not None:
            put_link(created, link, actor=http.actor())

    @expose("/<pk>/move", methods=["POST"])
    @protect()
    def move(self, pk: str) -> Response:
        """Puts a task between two others (``after``, ``before``), and into a group (``status``, ``link``, …)."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            task_id = parse_id(pk)
            try:
                values, version, link = move_values(body), optional_version(body), link_change(body)
                after, before = optional_id(body, "after"), optional_id(body, "before")
            except DomainError:
                queries.get_task(task_id)  # an unknown task is 404, whatever the body says
                raise
            task = move_task(
                task_id,
                actor=http.actor(),
                values=values,
                after_id=after,
                before_id=before,
                version=version,
                link=link,
            )
            return {"id": task.id, "result": self._dump(load(self.crud, task.id))}, 200

        return once(act)

    @expose("/<pk>/people", methods=["GET"])
    @protect()
    def people(self, pk: str) -> Response:
        """Who works on a task beside its owner."""
        task = queries.get_task(parse_id(pk))
        return http.json_response(self._people(task.id))

    @expose("/<pk>/people", methods=["PUT"])
    @protect()
    def set_people(self, pk: str) -> Response:
        """Replaces the ``collaborators`` or the ``watchers`` (lists of members' ids)."""
        body = http.json_body()
        given = {role: id_list(body, f"{role.value}s") for role in MemberRole}
        with uow():
            task = lock_task(parse_id(pk), actor=http.actor(), version=optional_version(body))
            for role, ids in given.items():
                if ids is not None:
                    set_people(task, role, ids, actor=http.actor())
            announce(task, "updated")
            answer = self._people(task.id)
        return http.json_response(answer)

    def _people(self, task_id: Any) -> dict[str, Any]:
        found = queries.people_of([task_id])[task_id]
        return {
            "id": task_id,
            "collaborators": [{"id": one, "name": name} for one, name in found.collaborators],
            "watchers": [{"id": one, "name": name} for one, name in found.watchers],
        }


STATUSES = Crud(
    kind="task_status_record",
    model=TaskStatus,
    resource="task",
    url="/settings/tasks",
    api="task-statuses",
    singular=_l("Status"),
    plural=_l("Statuses"),
    new_label=_l("New status"),
    icon="circle-dot",
    label_field="name",
    search=("name",),
    order="position",
    fields=(
        Field("name", _l("Name"), editable=False),
        Field("group", _l("Progress"), Kind.ENUM, editable=False, choices=GROUPS),
        Field("position", _l("Position"), Kind.INTEGER, editable=False),
        Field("wip_limit", _l("Limit of tasks"), Kind.INTEGER, editable=False),
        Field("wip_hard", _l("Refuse more"), Kind.BOOL, editable=False),
    ),
)

APIS = [make_api(TASKS, TaskApi), make_api(STATUSES, include_route_methods=READ_ONLY)]
