"""REST of links between tasks, of their dates together, and of the picture to compare a plan with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_day, optional_id, optional_number, optional_text, optional_version
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries import plan
from app.tasks.queries import tasks as queries
from app.tasks.queries.timeline import get_baseline
from app.tasks.schedule import LinkType
from app.tasks.service.dependencies import add_dependency, delete_dependency, update_dependency
from app.tasks.service.planning import Dates, remove_baseline, set_dates, take_baseline

if TYPE_CHECKING:
    from app.tasks.models.plan import TaskDependency, TimelineBaseline

PERMISSIONS = {
    "dependencies": "read",
    "add_dependency": "write",
    "change_dependency": "write",
    "delete_dependency": "write",
    "plan": "read",
    "set_dates": "write",
    "baseline": "read",
    "take_baseline": "read",
    "remove_baseline": "read",
}


def _link(link: TaskDependency) -> dict[str, Any]:
    return {
        "id": link.id,
        "version": link.version,
        "predecessor": link.predecessor_id,
        "successor": link.successor_id,
        "type": link.type,
        "lag": link.lag,
    }


def _dates(one: Any) -> Dates:
    if not isinstance(one, dict) or not isinstance(one.get("id"), str):
        raise Invalid(errors={"tasks": [_("Write a list of tasks: id, version, start_on, due_on.")]})
    version = optional_version(one)
    if version is None:
        raise Invalid(errors={"version": [_("This is not a number.")]})
    return Dates(parse_id(one["id"]), version, optional_day(one, "start_on"), optional_day(one, "due_on"))


def preview_json(preview: plan.Preview) -> dict[str, Any]:
    """What a change would bring, for scripts and pages."""
    return {
        "count": len(preview.moves),
        "result": [
            {
                "id": one.task.id,
                "version": one.task.version,
                "code": one.task.code,
                "title": one.task.title,
                "from": {"start_on": one.task.start_on, "due_on": one.task.due_on},
                "start_on": one.start_on,
                "due_on": one.due_on,
            }
            for one in preview.moves
        ],
        "held": [{"id": one.id, "code": one.code, "title": one.title} for one in preview.held],
    }


def _baseline(picture: TimelineBaseline | None) -> dict[str, Any]:
    if picture is None:
        return {"taken_at": None, "dates": {}}
    return {"taken_at": picture.taken_at, "dates": picture.dates}


class TimelineRoutes:
    """What tasks have beside the generated resource, as far as plans go."""

    @expose("/<pk>/dependencies", methods=["GET"])
    @protect()
    def dependencies(self, pk: str) -> Response:
        """What a task waits for (``predecessor``) and what waits for it (``successor``)."""
        task = queries.get_task(parse_id(pk))
        found = [
            {
                "id": one.link_id,
                "version": one.version,
                "predecessor": one.id if one.is_before else task.id,
                "successor": task.id if one.is_before else one.id,
                "type": one.type,
                "lag": one.lag,
                "blocks": one.blocks,
            }
            for one in plan.list_neighbours(task.id)
        ]
        return http.json_response({"count": len(found), "result": found})

    @expose("/<pk>/dependencies", methods=["POST"])
    @protect()
    def add_dependency(self, pk: str) -> Response:
        """Links a task to its ``predecessor`` or ``successor``: ``type`` FS, SS or FF, ``lag`` in working days."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            here = queries.get_task(parse_id(pk)).id
            before, after = optional_id(body, "predecessor"), optional_id(body, "successor")
            if (before is None) == (after is None):
                raise Invalid(errors={"predecessor": [_("Name either a predecessor or a successor.")]})
            link = add_dependency(
                before or here,
                after or here,
                actor=http.actor(),
                type=optional_text(body, "type") or LinkType.FS,
                lag=optional_number(body, "lag") or 0,
            )
            return {"id": link.id, "result": _link(link)}, 201

        return once(act)

    @expose("/dependencies/<item>", methods=["PATCH"])
    @protect()
    def change_dependency(self, item: str) -> Response:
        """Changes a link's ``type`` or ``lag``."""
        body = http.json_body()
        with uow():
            link = update_dependency(
                plan.get_dependency(parse_id(item)).id,  # before the body: an unknown link is 404, whatever it says
                actor=http.actor(),
                type=optional_text(body, "type"),
                lag=optional_number(body, "lag"),
                version=optional_version(body),
            )
            answer = _link(link)
        return http.json_response({"id": answer["id"], "result": answer})

    @expose("/dependencies/<item>", methods=["DELETE"])
    @protect()
    def delete_dependency(self, item: str) -> Response:
        """Removes a link."""
        with uow():
            delete_dependency(parse_id(item), actor=http.actor())
        return http.json_response({"message": "OK"})

    @expose("/<pk>/plan", methods=["GET"])
    @protect()
    def plan(self, pk: str) -> Response:
        """Which dependents must move when a task gets ``start_on`` and ``due_on``. Changes nothing."""
        task = queries.get_task(parse_id(pk))
        asked = {key: value for key, value in request.args.items() if value}
        days = optional_day(asked, "start_on"), optional_day(asked, "due_on")
        return http.json_response(preview_json(plan.preview_change(task.id, *days, http.actor())))

    @expose("/dates", methods=["POST"])
    @protect()
    def set_dates(self) -> Response:
        """Gives several ``tasks`` (id, version, start_on, due_on) their dates, all or none; ``undo`` takes it back."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            given = body.get("tasks")
            if not isinstance(given, list):
                raise Invalid(errors={"tasks": [_("Write a list of tasks: id, version, start_on, due_on.")]})
            undo = set_dates([_dates(one) for one in given], actor=http.actor())
            return {
                "count": len(undo),
                "undo": [
                    {"id": one.id, "version": one.version, "start_on": one.start_on, "due_on": one.due_on}
                    for one in undo
                ],
            }, 200

        return once(act)

    @expose("/baseline", methods=["GET"])
    @protect()
    def baseline(self) -> Response:
        """One's own picture of the plan: when it was taken, and the dates of then (id → start, due)."""
        return http.json_response(_baseline(get_baseline(http.actor())))

    @expose("/baseline", methods=["PUT"])
    @protect()
    def take_baseline(self) -> Response:
        """Keeps the plan's dates of now, in place of the picture before."""
        with uow():
            answer = _baseline(take_baseline(actor=http.actor()))
        return http.json_response(answer)

    @expose("/baseline", methods=["DELETE"])
    @protect()
    def remove_baseline(self) -> Response:
        """Forgets one's picture of the plan."""
        with uow():
            remove_baseline(actor=http.actor())
        return http.json_response({"message": "OK"})
