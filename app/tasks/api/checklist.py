"""REST of check-lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_flag, optional_id, optional_near_day, optional_text
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries import tasks as queries
from app.tasks.queries.checklist import names_of
from app.tasks.service.checklist import add_item, delete_item, update_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.tasks.models.work import ChecklistItem

PERMISSIONS = {"checklist": "read", "add_item": "write", "change_item": "write", "delete_item": "write"}


def _items(items: Sequence[ChecklistItem]) -> list[dict[str, Any]]:
    names = names_of(items)
    return [
        {
            "id": one.id,
            "text": one.text,
            "done": one.done,
            "position": one.position,
            "assignee": {"id": one.assignee_id, "name": names[one.assignee_id]} if one.assignee_id else None,
            "due_on": one.due_on,
        }
        for one in items
    ]


def _values(body: dict[str, Any]) -> dict[str, Any]:
    """What a body says of a line, by attribute; null takes the assignee or the due date away. Raises Invalid."""
    values: dict[str, Any] = {"text": optional_text(body, "text"), "done": optional_flag(body, "done")}
    if "due_on" in body:
        values["due_on"] = optional_near_day(body, "due_on")
    if "assignee" in body:
        try:
            values["assignee_id"] = optional_id(body, "assignee")
        except NotFound:
            raise Invalid(errors={"assignee": [_("This record does not exist.")]}) from None
    return values


class ChecklistRoutes:
    """The lines of a task; part of the resource of tasks."""

    @expose("/<pk>/checklist", methods=["GET"])
    @protect()
    def checklist(self, pk: str) -> Response:
        """The lines of a task's check-list."""
        task = queries.get_task(parse_id(pk))
        items = queries.list_checklist(task.id)
        return http.json_response({"count": len(items), "result": _items(items)})

    @expose("/<pk>/checklist", methods=["POST"])
    @protect()
    def add_item(self, pk: str) -> Response:
        """Adds a line: its ``text``, and who does it (``assignee``) by when (``due_on``)."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            task_id = queries.get_task(parse_id(pk)).id  # an unknown task is 404, whatever the body says
            values = _values(body)
            text, _done = values.pop("text") or "", values.pop("done")
            item = add_item(task_id, text, actor=http.actor(), **values)
            return {"id": item.id, "result": _items([item])[0]}, 201

        return once(act)

    @expose("/checklist/<item>", methods=["PATCH"])
    @protect()
    def change_item(self, item: str) -> Response:
        """Changes a line's ``text``, ``assignee`` or ``due_on``, or ticks it (``done``)."""
        body = http.json_body()
        item_id = queries.get_checklist_item(parse_id(item)).id
        values = _values(body)
        with uow():
            answer = _items([update_item(item_id, actor=http.actor(), **values)])[0]
        return http.json_response({"id": answer["id"], "result": answer})

    @expose("/checklist/<item>", methods=["DELETE"])
    @protect()
    def delete_item(self, item: str) -> Response:
        """Removes a line."""
        with uow():
            delete_item(parse_id(item), actor=http.actor())
        return http.json_response({"message": "OK"})
