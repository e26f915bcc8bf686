"""REST of what somebody puts off for themselves."""

from __future__ import annotations

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_near_day
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries import tasks as queries
from app.tasks.service.snooze import snooze_task, wake_task

PERMISSIONS = {"snooze": "read", "wake": "read"}


class SnoozeRoutes:
    """One's own day; part of the resource of tasks."""

    @expose("/<pk>/snooze", methods=["POST"])
    @protect()
    def snooze(self, pk: str) -> Response:
        """Keeps a task off one's own day before the day ``until``."""
        task_id = queries.get_task(parse_id(pk)).id
        until = optional_near_day(http.json_body(), "until")
        if until is None:
            raise Invalid(errors={"until": [_("This field is required.")]})
        with uow():
            answer = snooze_task(task_id, until, actor=http.actor()).until
        return http.json_response({"id": task_id, "result": {"until": answer}})

    @expose("/<pk>/snooze", methods=["DELETE"])
    @protect()
    def wake(self, pk: str) -> Response:
        """Takes that back."""
        task_id = parse_id(pk)
        with uow():
            wake_task(task_id, actor=http.actor())
        return http.json_response({"id": task_id, "result": {"until": None}})
