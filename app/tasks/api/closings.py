"""REST of the days on which an organization is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_day, optional_text, optional_version
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries.sla import get_closing, list_closings
from app.tasks.service.closings import delete_closing, save_closing

if TYPE_CHECKING:
    from app.tasks.models.sla import ClosingDay

# Whoever reads tasks reads what moves their deadlines; the verbs ask for the permission to change it.
PERMISSIONS = {
    "closing_days": "read",
    "add_closing_days": "read",
    "change_closing_days": "read",
    "delete_closing_days": "read",
}


def _closing(one: ClosingDay) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "first_on": one.first_on,
        "last_on": one.last_on,
        "version": one.version,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


class ClosingRoutes:
    """Part of the resource of tasks."""

    @expose("/closing-days", methods=["GET"])
    @protect()
    def closing_days(self) -> Response:
        """The closing days, the first one first."""
        found = [_closing(one) for one in list_closings()]
        return http.json_response({"count": len(found), "result": found})

    @expose("/closing-days", methods=["POST"])
    @protect()
    def add_closing_days(self) -> Response:
        """Adds days from ``first_on`` to ``last_on`` (itself), called ``name``; open tasks follow within a minute."""
        http.actor().require("manage", "tasks")
        body = http.json_body()

        def act() -> tuple[Any, int]:
            one = save_closing(
                None,
                actor=http.actor(),
                name=optional_text(body, "name") or "",
                first_on=optional_day(body, "first_on"),
                last_on=optional_day(body, "last_on"),
            )
            return {"id": one.id, "result": _closing(one)}, 201

        return once(act)

    @expose("/closing-days/<item>", methods=["PATCH"])
    @protect()
    def change_closing_days(self, item: str) -> Response:
        """Changes what is given of ``name``, ``first_on`` and ``last_on`` (null: that one day)."""
        http.actor().require("manage", "tasks")
        body = http.json_body()
        with uow():
            kept = get_closing(parse_id(item))
            one = save_closing(
                kept.id,
                actor=http.actor(),
                name=(optional_text(body, "name") or "") if "name" in body else kept.name,
                first_on=optional_day(body, "first_on") if "first_on" in body else kept.first_on,
                last_on=optional_day(body, "last_on") if "last_on" in body else kept.last_on,
                version=optional_version(body),
            )
            answer = _closing(one)
        return http.json_response({"id": answer["id"], "result": answer})

    @expose("/closing-days/<item>", methods=["DELETE"])
    @protect()
    def delete_closing_days(self, item: str) -> Response:
        """Deletes closing days: they are worked on again."""
        http.actor().require("manage", "tasks")
        with uow():
            delete_closing(parse_id(item), actor=http.actor())
        return http.json_response({"message": "OK"})
