"""REST of the SLA: what is promised per priority, and the business hours."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.business_hours import Week, read_week, write_week
from app.kernel.crud.body import flag, optional_number
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.uow import uow
from app.tasks.api.closings import PERMISSIONS as CLOSINGS
from app.tasks.api.closings import ClosingRoutes
from app.tasks.models.names import Priority
from app.tasks.queries.sla import Promise, Sla, read_sla
from app.tasks.service.sla import Wanted, save_sla

# Whoever reads tasks reads what they promise; the verb asks for the permission to change it.
PERMISSIONS = {"sla": "read", "set_sla": "read", **CLOSINGS}


def _answer(sla: Sla) -> dict[str, Any]:
    policies = [
        {
            "priority": one.priority,
            "is_on": one.is_on,
            "start_minutes": one.start_minutes,
            "finish_minutes": one.finish_minutes,
        }
        for one in sla.promises.values()
    ]
    return {"policies": policies, "hours": write_week(sla.hours.week), "timezone": sla.hours.timezone}


def _policies(body: dict[str, Any]) -> list[Promise] | None:
    given = body.get("policies")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Invalid(errors={"policies": [_("Choose one of the list.")]})
    if any(one.get("priority") not in list(Priority) for one in given):
        raise Invalid(errors={"priority": [_("Choose one of the list.")]})
    found = {
        one["priority"]: Promise(
            one["priority"],
            flag(one, "is_on", default=False),
            optional_number(one, "start_minutes"),
            optional_number(one, "finish_minutes"),
        )
        for one in given
    }
    return list(found.values())


def _week(body: dict[str, Any]) -> Week | None:
    given = body.get("hours")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(day, list) for day in given):
        raise Invalid(errors={"hours": [_("Write the hours of seven days, each from opening to closing.")]})
    try:
        return read_week(given)
    except ValueError:
        raise Invalid(errors={"hours": [_("Write the hours of seven days, each from opening to closing.")]}) from None


class SlaRoutes(ClosingRoutes):
    """Part of the resource of tasks."""

    @expose("/sla", methods=["GET"])
    @protect()
    def sla(self) -> Response:
        """The minutes of working time per priority, and the business hours."""
        return http.json_response({"result": _answer(read_sla())})

    @expose("/sla", methods=["PUT"])
    @protect()
    def set_sla(self) -> Response:
        """Changes ``policies``, ``hours`` (seven days, Monday first) or both; open tasks follow within a minute."""
        actor = http.actor()
        actor.require("manage", "tasks")
        body = http.json_body()
        with uow():
            answer = _answer(save_sla(Wanted(_policies(body), _week(body)), actor=actor))
        return http.json_response({"result": answer})
