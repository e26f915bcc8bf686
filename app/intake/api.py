"""REST of task requests and of intake forms: the generated resources, with the verbs that decide and rotate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, current_app
from flask_appbuilder.api import expose, protect
from sqlalchemy import case, func, select

from app.intake.mailbox import mailbox
from app.intake.models import IntakeForm, TaskRequest
from app.intake.openapi import describe_forms, describe_requests
from app.intake.queries import get_request, modules_of
from app.intake.service.deciding import accept_request, decline_request, mark_duplicate
from app.intake.service.forms import MAX_INTRO, MAX_NAME, create_form, delete_form, rotate_form, update_form
from app.intake.words import ASKS, STATES
from app.kernel import http
from app.kernel.crud.api import READ_ONLY, TenantApi, make_api
from app.kernel.crud.body import optional_id, optional_text
from app.kernel.crud.fields import Crud, Field, Kind, Verbs, clean
from app.kernel.crud.rest_docs import security
from app.kernel.crud.rest_query import readable
from app.kernel.crud.store import load
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.cruds import MODULES, PRIORITIES

if TYPE_CHECKING:
    from uuid import UUID

    from apispec import APISpec

    from app.kernel.crud.params import ListParams


def mail_address() -> Any:
    """In SQL, where requests are mailed to; None where no mail is taken."""
    at = func.concat("@", current_app.config["MAIL_DOMAIN"])
    return case((IntakeForm.takes_mail, func.concat(f"{mailbox.name}-", IntakeForm.mail_key, at)))


REQUESTS = Crud(
    kind="task_request",
    model=TaskRequest,
    resource="task",
    url="/tasks/requests",
    api="task-requests",
    singular=_l("Request"),
    plural=_l("Requests"),
    new_label=_l("New request"),
    icon="inbox",
    label_field="title",
    search=("title", "description"),
    order="created_at",
    fields=(
        Field("title", _l("Title"), editable=False),
        Field("description", _l("Description"), Kind.LONG, editable=False, sortable=False),
        Field("requester_name", _l("Name"), editable=False),
        Field("requester_email", _l("E-mail"), Kind.EMAIL, editable=False),
        Field("due_on", _l("Wished date"), Kind.DATE, editable=False),
        Field("module", _l("Module"), Kind.ENUM, editable=False, choices=MODULES),
        Field(
            "form",
            _l("Form"),
            editable=False,
            expression=lambda: (
                select(IntakeForm.name)
                .where(IntakeForm.id == TaskRequest.form_id, IntakeForm.organization_id == TaskRequest.organization_id)
                .correlate(TaskRequest)
                .scalar_subquery()
            ),
        ),
        Field("state", _l("State"), Kind.ENUM, editable=False, choices=STATES),
        Field("reason", _l("Reason"), Kind.LONG, editable=False, sortable=False),
        Field("task_id", _l("Task"), Kind.REF, target="task", editable=False),
        Field("decided_by_id", _l("Decided by"), Kind.PERSON, editable=False),
        Field("decided_at", _l("Decided"), Kind.DATETIME, editable=False),
        Field("created_at", _l("Created"), Kind.DATETIME, editable=False),
    ),
)
FORMS = Crud(
    kind="intake_form",
    model=IntakeForm,
    resource="tasks",
    url="/settings/intake",
    api="intake-forms",
    singular=_l("Form"),
    plural=_l("Forms"),
    new_label=_l("New form"),
    icon="inbox",
    label_field="name",
    search=("name", "intro"),
    order="name",
    verbs=Verbs(create=create_form, update=update_form, delete=delete_form),
    fields=(
        Field("name", _l("Name"), required=True, max_length=MAX_NAME),
        Field("intro", _l("Introduction"), Kind.LONG, sortable=False, max_length=MAX_INTRO),
        Field("module", _l("Module"), Kind.ENUM, required=True, choices=MODULES),
        Field("default_status_id", _l("Status"), Kind.REF, target="task_status"),
        Field("default_owner_id", _l("Owner"), Kind.PERSON),
        Field("asks", _l("Asks for"), Kind.MULTI, sortable=False, filterable=False, choices=ASKS),
        Field("is_open", _l("Open"), Kind.BOOL),
        Field("tells_done", _l("Mail when done"), Kind.BOOL),
        Field("takes_mail", _l("Takes requests by e-mail"), Kind.BOOL),
        Field("mail_address", _l("E-mail address"), editable=False, sortable=False, expression=mail_address),
        Field("created_at", _l("Created"), Kind.DATETIME, editable=False),
    ),
)
# What of the task may be said when a request is accepted.
ACCEPTED = (
    Field("title", _l("Title"), required=True, max_length=200),
    Field("module", _l("Module"), Kind.ENUM, required=True, choices=MODULES),
    Field("status_id", _l("Status"), Kind.REF, target="task_status"),
    Field("owner_id", _l("Owner"), Kind.PERSON),
    Field("due_on", _l("Due"), Kind.DATE),
    Field("priority", _l("Priority"), Kind.ENUM, choices=PRIORITIES),
)


def accepted_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a body, or a form, says about the task. Raises Invalid for what cannot be, and for an unknown field."""
    unknown = set(raw) - {field.key for field in ACCEPTED}
    if unknown:
        raise Invalid(errors={key[:60]: [_("Unknown field.")] for key in unknown})
    return clean(ACCEPTED, dict(raw), partial=True)


class RequestApi(TenantApi):
    """Requests of the modules whose tasks the caller may write, and what becomes of them."""

    method_permission_name = {
        "info": "write",
        "get_list": "write",
        "get": "write",
        "accept": "write",
        "decline": "write",
        "duplicate": "write",
    }
    include_route_methods = READ_ONLY | {"accept", "decline", "duplicate"}

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The generated description, and that of the verbs."""
        super().add_api_spec(api_spec)
        describe_requests(api_spec, security(api_spec, self.crud.resource))

    def _params(self, query: dict[str, Any]) -> ListParams:
        params = super()._params(query)
        params.leaves = [
            {"field": "module", "operator": "in", "value": modules_of(http.actor())},
            *params.leaves,
        ]
        return params

    def _one(self, request_id: UUID) -> dict[str, Any]:
        return self._dump(load(self.crud, request_id))

    @expose("/<pk>", methods=["GET"])
    @expose("/<pk>/", methods=["GET"])
    @protect()
    def get(self, pk: str) -> Response:
        """One request."""
        request_id = get_request(parse_id(pk), actor=http.actor()).id
        return http.json_response({"id": request_id, "result": self._one(request_id)})

    @expose("/<pk>/accept", methods=["POST"])
    @protect()
    def accept(self, pk: str) -> Response:
        """Makes a task of a new request; what the body leaves out comes from the request and its form."""
        request_id = get_request(parse_id(pk), actor=http.actor()).id
        values = accepted_values(readable(http.json_body()))

        def act() -> tuple[Any, int]:
            _request, task = accept_request(request_id, actor=http.actor(), **values)
            made = {"id": task.id, "code": task.code, "title": task.title}
            return {"id": request_id, "result": self._one(request_id), "task": made}, 200

        return once(act)

    @expose("/<pk>/decline", methods=["POST"])
    @protect()
    def decline(self, pk: str) -> Response:
        """Declines a new request: ``reason``, which its requester is mailed."""
        request_id = get_request(parse_id(pk), actor=http.actor()).id
        reason = optional_text(http.json_body(), "reason") or ""

        def act() -> tuple[Any, int]:
            decline_request(request_id, reason, actor=http.actor())
            return {"id": request_id, "result": self._one(request_id)}, 200

        return once(act)

    @expose("/<pk>/duplicate", methods=["POST"])
    @protect()
    def duplicate(self, pk: str) -> Response:
        """Marks a new request as a duplicate of ``task``."""
        request_id = get_request(parse_id(pk), actor=http.actor()).id
        task_id = optional_id(http.json_body(), "task")
        if task_id is None:
            raise Invalid(errors={"task": [_("This field is required.")]})

        def act() -> tuple[Any, int]:
            mark_duplicate(request_id, task_id, actor=http.actor())
            return {"id": request_id, "result": self._one(request_id)}, 200

        return once(act)


class FormApi(TenantApi):
    """Forms, for whoever manages tasks."""

    method_permission_name = {
        **dict.fromkeys(TenantApi.method_permission_name, "manage"),
        "rotate": "manage",
    }
    include_route_methods = TenantApi.include_route_methods | {"rotate"}

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The generated description, and that of the address."""
        super().add_api_spec(api_spec)
        describe_forms(api_spec, security(api_spec, self.crud.resource))

    @expose("/<pk>/rotate", methods=["POST"])
    @protect()
    def rotate(self, pk: str) -> Response:
        """Gives a form a new address, and tells it this once; the one before answers no more."""
        with uow():
            form, secret = rotate_form(parse_id(pk), actor=http.actor())
            form_id = form.id
        return http.json_response({"id": form_id, "url": public_address(secret)})


def public_address(secret: str) -> str:
    """Where a form is asked from."""
    return f"{current_app.config['PUBLIC_URL'].rstrip('/')}/request/{secret}"


APIS = [make_api(REQUESTS, RequestApi), make_api(FORMS, FormApi)]
