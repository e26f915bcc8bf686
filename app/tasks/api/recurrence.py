"""REST of recurring tasks, and of watching one."""

from __future__ import annotations

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_text, optional_version
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries import tasks as queries
from app.tasks.service.recurrence import set_recurrence
from app.tasks.service.tasks import watch_task

PERMISSIONS = {"set_recurrence": "write", "watch": "read", "unwatch": "read"}


class RecurrenceRoutes:
    """Part of the resource of tasks."""

    @expose("/<pk>/recurrence", methods=["PUT"])
    @protect()
    def set_recurrence(self, pk: str) -> Response:
        """Gives a task a ``rule`` (RRULE, null for none); ``recurs``: ``schedule`` or ``completion``."""
        body = http.json_body()
        task_id = queries.get_task(parse_id(pk)).id
        rule, recurs = optional_text(body, "rule"), optional_text(body, "recurs")
        with uow():
            task = set_recurrence(task_id, actor=http.actor(), rule=rule, recurs=recurs, version=optional_version(body))
            result = {"rule": task.recurrence, "recurs": task.recurs, "version": task.version}
        return http.json_response({"id": task_id, "result": result})

    @expose("/<pk>/watch", methods=["POST"])
    @protect()
    def watch(self, pk: str) -> Response:
        """Makes the caller a watcher of a task that they see: they hear of what happens to it."""
        return self._watch(pk, on=True)

    @expose("/<pk>/watch", methods=["DELETE"])
    @protect()
    def unwatch(self, pk: str) -> Response:
        """Ends that."""
        return self._watch(pk, on=False)

    def _watch(self, pk: str, *, on: bool) -> Response:
        with uow():
            watch_task(parse_id(pk), actor=http.actor(), on=on)
        return http.json_response({"id": pk, "result": {"watching": on}})
