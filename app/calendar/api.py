"""REST of the calendar: the entries of a period, what has no date yet, and moves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Response, request
from flask_appbuilder.api import BaseApi, expose, protect

from app.calendar import queries
from app.calendar.asking import DAYS, MAX_DAYS, MAX_ENTRIES, MAX_UNDATED, read_move, read_question, read_version
from app.calendar.queries import Found
from app.kernel import http
from app.kernel.calendar import Entry, When
from app.kernel.crud.rest_docs import security
from app.kernel.errors import Conflict, NotFound
from app.kernel.idempotency import once
from app.kernel.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from apispec import APISpec

    from app.kernel.actor import Actor

RESOURCE = "calendar"


def dump(entry: Entry, zone: ZoneInfo) -> dict[str, Any]:
    """An entry as JSON: days as days, moments with the offset of the asking person's time zone."""

    def when(value: When | None) -> str | None:
        if isinstance(value, dt.datetime):
            return value.astimezone(zone).isoformat(timespec="minutes")
        return None if value is None else value.isoformat()

    owner = None if entry.owner_id is None else {"id": entry.owner_id, "name": entry.owner}
    return {
        "kind": entry.kind,
        "id": entry.id,
        "version": entry.version,
        "title": entry.title,
        "start": when(entry.start),
        "end": when(entry.end),
        "all_day": not entry.is_timed,
        "module": entry.module,
        "type": entry.type,
        "priority": entry.priority,
        "owner": owner,
        "state": entry.state,
        "url": entry.url,
        "movable": entry.movable,
        "resizable": entry.resizable,
        "finishable": entry.finishable,
    }


class CalendarApi(BaseApi):  # type: ignore[misc]
    """Dated records of all features."""

    resource_name = "calendar"
    class_permission_name = RESOURCE
    allow_browser_login = True
    csrf_exempt = False
    method_permission_name = {"get_list": "read", "undated": "read", "move": "write", "finish": "write"}
    include_route_methods = {"get_list", "undated", "move", "finish"}

    def create_blueprint(self, *args: Any, **kwargs: Any) -> Any:
        """The resource's blueprint; visitors get our 401, before FAB's own with another shape."""
        blueprint = super().create_blueprint(*args, **kwargs)
        blueprint.before_request(_signed_in)
        return blueprint

    @expose("", methods=["GET"])
    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """The entries of the days ``from`` to ``to``: at most 1,000, ``more`` says whether there are others."""
        actor = http.actor()
        return _answer(queries.list_entries(actor, read_question(request.args, actor, limit=MAX_ENTRIES)), actor)

    @expose("/undated", methods=["GET"])
    @protect()
    def undated(self) -> Response:
        """What is to be planned still: at most 100."""
        actor = http.actor()
        question = read_question(request.args, actor, limit=MAX_UNDATED, dated=False)
        return _answer(queries.list_undated(actor, question), actor)

    @expose("/<provider>/<pk>/move", methods=["POST"])
    @protect()
    def move(self, provider: str, pk: str) -> Response:
        """Moves an entry. A stale ``version`` is 409, with the entry as it is now and who wrote it."""
        return _change(provider, pk, "move", lambda actor: read_move(http.json_body(), actor))

    @expose("/<provider>/<pk>/finish", methods=["POST"])
    @protect()
    def finish(self, provider: str, pk: str) -> Response:
        """Marks an open entry done. A stale ``version`` and one that is done are 409, as with a move."""
        return _change(provider, pk, "finish", lambda _actor: read_version(http.json_body()))

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The operations."""
        _describe(api_spec)


def _change(provider: str, pk: str, verb: str, read: Callable[[Actor], Any]) -> Response:
    """One of a provider's verbs on an entry, which answers as it then is."""
    actor = http.actor()
    found = queries.get_provider(provider, actor)
    entry = found.find(actor, parse_id(pk))  # before the body: an unknown record is 404, whatever it says
    run = getattr(found, verb)
    if run is None:
        raise NotFound
    zone = ZoneInfo(actor.timezone)

    def act() -> tuple[Any, int]:
        run(actor, entry.id, read(actor))
        return {"id": entry.id, "result": dump(found.find(actor, entry.id), zone)}, 200

    try:
        return once(act)
    except Conflict as error:
        now = found.find(actor, entry.id)
        details = {"entry": dump(now, zone), "by": queries.name_of(now.updated_by_id)}
        raise Conflict(error.message, errors=error.errors, details={**error.details, **details}) from None


def _signed_in() -> None:
    http.actor()


def _answer(found: Found, actor: Actor) -> Response:
    zone = ZoneInfo(actor.timezone)
    result = [dump(one, zone) for one in found.entries]
    return http.json_response(
        {"count": len(result), "more": found.more, "ids": [one["id"] for one in result], "result": result}
    )


def _describe(api_spec: APISpec) -> None:
    allowed = security(api_spec, RESOURCE)
    text, nullable = {"type": "string"}, {"type": "string", "nullable": True}
    properties: dict[str, Any] = {
        "kind": text,
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer"},
        "title": text,
        "start": {**nullable, "description": "A day, or a moment with its offset."},
        "end": {**nullable, "description": "Exclusive."},
        "all_day": {"type": "boolean"},
        "module": text,
        "type": text,
        "priority": nullable,
        "owner": {"type": "object", "nullable": True},
        "state": {"type": "string", "enum": ["open", "done", "cancelled"]},
        "url": text,
        "movable": {"type": "boolean"},
        "resizable": {"type": "boolean"},
        "finishable": {"type": "boolean", "description": "Whether it is open and can be marked done."},
    }
    api_spec.components.schema("CalendarEntry", component={"type": "object", "properties": properties})
    entry = {"$ref": "#/components/schemas/CalendarEntry"}
    many = {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "more": {"type": "boolean", "description": "Whether there are more than the answer holds."},
            "ids": {"type": "array", "items": {"type": "string", "format": "uuid"}},
            "result": {"type": "array", "items": entry},
        },
    }
    one = {"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}, "result": entry}}
    day = {"type": "string", "format": "date"}

    def query(name: str, schema: dict[str, Any], about: str) -> dict[str, Any]:
        return {"in": "query", "name": name, "required": False, "schema": schema, "description": about}

    filters = [
        query("f", {"type": "array", "items": text}, "field:in:value,value for module, type, priority, owner"),
        query("q", text, "Words of the title"),
    ]
    period = [
        query("from", day, "First day, today unless said"),
        query("to", day, f"Last day, {DAYS} days in all unless said, {MAX_DAYS} at most"),
    ]

    def operation(schema: dict[str, Any], parameters: list[dict[str, Any]], *codes: str) -> dict[str, Any]:
        answers: dict[str, Any] = {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}
        for code in ("400", "401", "403", "404", "429", *codes):
            answers[code] = {"$ref": f"#/components/responses/{code}"}
        return {"tags": ["calendar"], "security": allowed, "parameters": parameters, "responses": answers}

    where = [
        {"in": "path", "name": name, "required": True, "schema": schema}
        for name, schema in (("provider", text), ("pk", {"type": "string", "format": "uuid"}))
    ]

    def changing(required: list[str], **properties: Any) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "additionalProperties": False}
        schema["properties"] = {**properties, "version": {"type": "integer"}}
        if required:
            schema["required"] = required
        found = operation(one, where, "409", "422")
        found["requestBody"] = {"required": bool(required), "content": {"application/json": {"schema": schema}}}
        return {"post": found}

    api_spec.path(path="/api/v1/calendar/", operations={"get": operation(many, [*period, *filters])})
    api_spec.path(path="/api/v1/calendar/undated", operations={"get": operation(many, filters)})
    api_spec.path(
        path="/api/v1/calendar/{provider}/{pk}/move",
        operations=changing(["start"], start=nullable, end=nullable),
    )
    api_spec.path(path="/api/v1/calendar/{provider}/{pk}/finish", operations=changing([]))
