"""REST of templates of tasks: the generated reading, and the verbs that make them and use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder.api import expose, protect
from sqlalchemy import func

from app.kernel import http
from app.kernel.crud.api import TenantApi, make_api
from app.kernel.crud.body import flag, optional_day, optional_id, optional_number, optional_text, optional_version
from app.kernel.crud.fields import Crud, Field, Kind, Verbs
from app.kernel.crud.rest_docs import security
from app.kernel.crud.store import load
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.cruds import MODULES
from app.tasks.models.templates import TaskTemplate
from app.tasks.openapi import describe_templates
from app.tasks.queries import plan
from app.tasks.queries.templates import get_template
from app.tasks.service.templates import (
    MAX_DESCRIPTION,
    MAX_NAME,
    change_item,
    check_dates,
    create_template,
    delete_template,
    remove_item,
    update_template,
    use_template,
)
from app.tasks.templates import Content

if TYPE_CHECKING:
    import datetime as dt
    from uuid import UUID

    from apispec import APISpec

TEMPLATES = Crud(
    kind="task_template",
    model=TaskTemplate,
    resource="task",
    url="/settings/task-templates",
    api="task-templates",
    singular=_l("Template"),
    plural=_l("Templates"),
    new_label=_l("New template"),
    icon="copy-plus",
    label_field="name",
    search=("name", "description"),
    order="name",
    verbs=Verbs(update=update_template, delete=delete_template),
    fields=(
        Field("name", _l("Name"), required=True, max_length=MAX_NAME),
        Field("description", _l("Description"), Kind.LONG, sortable=False, max_length=MAX_DESCRIPTION),
        Field("module", _l("Module"), Kind.ENUM, editable=False, choices=MODULES),
        Field(
            "tasks",
            _l("Tasks"),
            Kind.INTEGER,
            editable=False,
            expression=lambda: func.jsonb_array_length(TaskTemplate.content["items"]),
        ),
        Field("author_id", _l("Made by"), Kind.PERSON, editable=False),
        Field("source_id", _l("Made from"), Kind.REF, target="task", editable=False),
        Field("created_at", _l("Created"), Kind.DATETIME, editable=False),
    ),
)
# What of a task of a template can be changed.
CHANGEABLE = ("title", "priority", "estimate", "start", "due")


def asked_date() -> dict[str, dt.date | None]:
    """The address's ``start_on`` or ``due_on``. Raises Invalid for both, none, and what is no date."""
    asked = {key: value for key, value in request.args.items() if value}
    days = {key: optional_day(asked, key) for key in ("start_on", "due_on")}
    errors = check_dates(**days)
    if errors:
        raise Invalid(errors=errors)
    return days


def item_key(key: str) -> int:
    """The key of a task within its template. Raises NotFound."""
    if not key.isascii() or not key.isdigit() or len(key) > 6:
        raise NotFound
    return int(key)


def changes(body: dict[str, Any]) -> dict[str, Any]:
    """The given values of a template's task. Raises Invalid."""
    reading = {"title": optional_text, "priority": optional_text}
    return {key: reading.get(key, optional_number)(body, key) for key in CHANGEABLE if key in body}


class TemplateApi(TenantApi):
    """Templates, with what the generated resource does not say."""

    method_permission_name = {
        **TenantApi.method_permission_name,
        "from_task": "write",
        "preview": "read",
        "use": "write",
        "change_item": "write",
        "remove_item": "write",
    }
    include_route_methods = (TenantApi.include_route_methods - {"post"}) | {
        "from_task", "preview", "use", "change_item", "remove_item",
    }  # fmt: skip

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The generated description, and that of the verbs."""
        super().add_api_spec(api_spec)
        describe_templates(api_spec, security(api_spec, self.crud.resource))

    def _one(self, template_id: UUID) -> dict[str, Any]:
        return self._dump(load(self.crud, template_id)) | {"content": get_template(template_id).content}

    @expose("/<pk>", methods=["GET"])
    @expose("/<pk>/", methods=["GET"])
    @protect()
    def get(self, pk: str) -> Response:
        """A template with its ``content``: the tasks, and the links between them by the tasks' keys."""
        template_id = parse_id(pk)
        return http.json_response({"id": template_id, "result": self._one(template_id)})

    @expose("/from-task", methods=["POST"])
    @protect()
    def from_task(self) -> Response:
        """Makes a template of ``task`` and all below it: ``name``, ``description``, ``keep_owners``."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            task_id = optional_id(body, "task")
            if task_id is None:
                raise Invalid(errors={"task": [_("This record does not exist.")]})
            keep = flag(body, "keep_owners", default=False)
            template = create_template(
                task_id,
                optional_text(body, "name") or "",
                actor=http.actor(),
                description=optional_text(body, "description"),
                keep_owners=keep,
            )
            return {"id": template.id, "result": self._one(template.id)}, 201

        return once(act)

    @expose("/<pk>/preview", methods=["GET"])
    @protect()
    def preview(self, pk: str) -> Response:
        """The tasks with the dates that they would get: ``start_on`` or ``due_on``. Changes nothing."""
        template = get_template(parse_id(pk))
        content = Content.load(template.content)
        dates = content.dates(plan.calendar(), **asked_date())
        result = [
            {
                "key": one.key,
                "parent": one.parent,
                "title": one.title,
                "start_on": dates[one.key][0],
                "due_on": dates[one.key][1],
            }
            for one in content.items
        ]
        return http.json_response({"count": len(result), "result": result})

    @expose("/<pk>/use", methods=["POST"])
    @protect()
    def use(self, pk: str) -> Response:
        """Makes the tasks: ``start_on`` or ``due_on``; ``title``, ``owner``, ``parent``, ``kind`` with ``record``."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            template_id = get_template(parse_id(pk)).id  # before the body: an unknown one is 404, whatever it says
            kind, record = optional_text(body, "kind"), optional_id(body, "record")
            if (kind is None) != (record is None):
                raise Invalid(errors={"record": [_("Name the kind of the record and its id.")]})
            task = use_template(
                template_id,
                actor=http.actor(),
                title=optional_text(body, "title"),
                start_on=optional_day(body, "start_on"),
                due_on=optional_day(body, "due_on"),
                owner_id=optional_id(body, "owner"),
                parent_id=optional_id(body, "parent"),
                record=(kind, record) if kind is not None else None,
            )
            return {
                "id": task.id,
                "result": {
                    "code": task.code,
                    "title": task.title,
                    "version": task.version,
                    "start_on": task.start_on,
                    "due_on": task.due_on,
                },
            }, 201

        return once(act)

    @expose("/<pk>/items/<item>", methods=["PATCH"])
    @protect()
    def change_item(self, pk: str, item: str) -> Response:
        """Changes a task of a template: ``title``, ``priority``, ``estimate``, ``start``, ``due`` (working days)."""
        template_id = get_template(parse_id(pk)).id
        body = http.json_body()
        with uow():
            change_item(
                template_id, item_key(item), actor=http.actor(), version=optional_version(body), **changes(body)
            )
            answer = self._one(template_id)
        return http.json_response({"id": template_id, "result": answer})

    @expose("/<pk>/items/<item>", methods=["DELETE"])
    @protect()
    def remove_item(self, pk: str, item: str) -> Response:
        """Removes a task of a template, what is below it, and their links."""
        template_id = get_template(parse_id(pk)).id
        with uow():
            remove_item(template_id, item_key(item), actor=http.actor())
            answer = self._one(template_id)
        return http.json_response({"id": template_id, "result": answer})


APIS = [make_api(TEMPLATES, TemplateApi)]
