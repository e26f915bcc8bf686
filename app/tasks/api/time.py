"""REST of the time that tasks take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_day, optional_flag, optional_number, optional_text
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries import tasks as queries
from app.tasks.queries import time
from app.tasks.service.time import delete_time, log_time, start_timer, stop_timer, update_time

if TYPE_CHECKING:
    from app.tasks.models.work import TimeEntry

PERMISSIONS = {
    "time": "read",
    "log_time": "write",
    "change_time": "write",
    "delete_time": "write",
    "timer": "read",
    "start_timer": "write",
    "stop_timer": "read",
}


def _entry(entry: TimeEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "task": entry.task_id,
        "member": entry.member_id,
        "day": entry.day,
        "minutes": entry.minutes,
        "started_at": entry.started_at,
        "note": entry.note,
        "billable": entry.billable,
    }


def _values(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "day": optional_day(body, "day"),
        "minutes": optional_number(body, "minutes"),
        "note": optional_text(body, "note"),
        "billable": optional_flag(body, "billable"),
    }


class TimeRoutes:
    """Entries and the timer; part of the resource of tasks."""

    @expose("/<pk>/time", methods=["GET"])
    @protect()
    def time(self, pk: str) -> Response:
        """The time that a task has taken, newest first."""
        task = queries.get_task(parse_id(pk))
        found = time.list_time(task.id)
        result = [{**_entry(one.entry), "member": {"id": one.entry.member_id, "name": one.member}} for one in found]
        return http.json_response({"count": len(result), "logged": task.logged, "result": result})

    @expose("/<pk>/time", methods=["POST"])
    @protect()
    def log_time(self, pk: str) -> Response:
        """Adds time of one's own: ``minutes``, ``day`` (today), ``note``, ``billable``."""
        body = http.json_body()
        task_id = queries.get_task(parse_id(pk)).id
        values = _values(body)

        def act() -> tuple[Any, int]:
            entry = log_time(
                task_id,
                actor=http.actor(),
                day=values["day"],
                minutes=values["minutes"],
                note=values["note"] or "",
                billable=bool(values["billable"]),
            )
            return {"id": entry.id, "result": _entry(entry)}, 201

        return once(act)

    @expose("/time/<item>", methods=["PATCH"])
    @protect()
    def change_time(self, item: str) -> Response:
        """Changes an entry of one's own."""
        entry_id = time.get_entry(parse_id(item)).id
        values = _values(http.json_body())
        with uow():
            answer = _entry(update_time(entry_id, actor=http.actor(), **values))
        return http.json_response({"id": answer["id"], "result": answer})

    @expose("/time/<item>", methods=["DELETE"])
    @protect()
    def delete_time(self, item: str) -> Response:
        """Removes an entry of one's own."""
        with uow():
            delete_time(parse_id(item), actor=http.actor())
        return http.json_response({"message": "OK"})

    @expose("/timer", methods=["GET"])
    @protect()
    def timer(self) -> Response:
        """One's own timer that runs; ``result`` is null where none does."""
        member_id = http.actor().member_id
        entry = time.running(member_id) if member_id is not None else None
        return http.json_response({"result": _entry(entry) if entry is not None else None})

    @expose("/<pk>/timer", methods=["POST"])
    @protect()
    def start_timer(self, pk: str) -> Response:
        """Starts one's own timer on a task; one that runs on another stops."""
        task_id = queries.get_task(parse_id(pk)).id
        with uow():
            answer = _entry(start_timer(task_id, actor=http.actor()))
        return http.json_response({"id": answer["id"], "result": answer}, 201)

    @expose("/timer", methods=["DELETE"])
    @protect()
    def stop_timer(self) -> Response:
        """Stops one's own timer; ``result`` is the entry, null where none ran."""
        with uow():
            entry = stop_timer(actor=http.actor())
            answer = _entry(entry) if entry is not None else None
        return http.json_response({"result": answer})
