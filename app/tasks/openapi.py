"""The OpenAPI description of what tasks have beside the generated resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apispec import APISpec

_ID = {"type": "string", "format": "uuid"}
_DAY = {"type": "string", "format": "date", "nullable": True}
_LINK = {
    "id": _ID,
    "version": {"type": "integer"},
    "predecessor": _ID,
    "successor": _ID,
    "type": {"type": "string", "enum": ["FS", "SS", "FF"]},
    "lag": {"type": "integer", "minimum": -365, "maximum": 365, "description": "Working days"},
}
_DATES = {"id": _ID, "version": {"type": "integer"}, "start_on": _DAY, "due_on": _DAY}
_TASK = {"id": _ID, "code": {"type": "string"}, "title": {"type": "string"}}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _many(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _object({"count": {"type": "integer"}, "result": {"type": "array", "items": _object(properties)}, **more})


_ONE_LINK = _object({"id": _ID, "result": _object(_LINK)})
_PREVIEW = _many(
    {**_TASK, **_DATES, "from": _object({"start_on": _DAY, "due_on": _DAY})},
    held={"type": "array", "items": _object(_TASK), "description": "Would have to move, but may not be written"},
)
_BASELINE = _object({"taken_at": {"type": "string", "format": "date-time", "nullable": True},
                     "dates": {"type": "object"}})  # fmt: skip
_DONE = _object({"message": {"type": "string"}})
_SETTING = _object({"tasks": {"type": "array", "maxItems": 500, "items": _object(_DATES, "id", "version")}}, "tasks")
_UNDO = _object({"count": {"type": "integer"}, "undo": {"type": "array", "items": _object(_DATES)}})
_CHANGE = {key: _LINK[key] for key in ("type", "lag", "version")}
_NEW = {key: _LINK[key] for key in ("predecessor", "successor", "type", "lag")}

_WHO = _object({"id": _ID, "name": {"type": "string"}})
_DECISION = {"type": "string", "enum": ["approved", "rejected", "changes"]}
_RULE = {"type": "string", "enum": ["all", "any"], "description": "All must approve, or any one is enough"}
_AT = {"type": "string", "format": "date-time", "nullable": True}
_ANSWER = {"member": _WHO, "decision": {**_DECISION, "nullable": True}, "decided_at": _AT, "note": {"type": "string"},
           "current": {"type": "boolean", "description": "Whether the answer counts"}}  # fmt: skip
_ROUND = {
    "round": {"type": "integer"},
    "rule": _RULE,
    "state": {"type": "string", "enum": ["pending", "approved", "rejected", "changes"]},
    "decided_at": _AT,
    "approvers": {"type": "array", "items": _object(_ANSWER)},
}
_APPROVAL = _object(
    {
        "id": _ID,
        "result": {**_object(_ROUND), "nullable": True},
        "history": {"type": "array", "items": _object(_ROUND), "description": "Earlier rounds, newest first"},
        "may_decide": {"type": "boolean"},
        "may_change": {"type": "boolean"},
    }
)
_ASK = _object(
    {
        "members": {"type": "array", "maxItems": 20, "items": _ID, "description": "Without it those who were asked"},
        "rule": _RULE,
        "again": {"type": "boolean", "description": "Starts a new round; one that is decided does so by itself"},
        "version": {"type": "integer"},
    }
)
_DECIDE = _object({"decision": _DECISION, "note": {"type": "string", "maxLength": 2000}}, "decision")
_KIND = {"type": "string", "enum": ["estimate", "breakdown", "checklist"]}
_MINUTES = {"type": "integer", "nullable": True}
_SOURCE = _object(
    {
        **_TASK,
        "number": {"type": "integer"},
        "url": {"type": "string"},
        "similarity": {"type": "number", "minimum": 0, "maximum": 1},
        "minutes": _MINUTES,
        "basis": {"type": "string", "nullable": True, "enum": ["logged", "estimate", None]},
    }
)
_LINE = {
    "text": {"type": "string"},
    "minutes": _MINUTES,
    "count": {"type": "integer", "description": "In how many of the sources it was found"},
    "origin": {"type": "string", "enum": ["history", "service"], "description": "`service`: an AI wrote it"},
}
_PROPOSAL = _object(
    {
        "kind": _KIND,
        "lines": {"type": "array", "items": _object(_LINE)},
        "sources": {"type": "array", "items": _SOURCE},
        "spread": {**_object({key: {"type": "integer"} for key in ("median", "lowest", "highest", "count")}),
                   "nullable": True},
        "enough": {"type": "boolean", "description": "Whether there is enough to go by"},
        "service": _object({"asked": {"type": "boolean"}, "problem": {"type": "string", "nullable": True}}),
    }
)  # fmt: skip
_NEW_LINE = _object({"text": {"type": "string", "maxLength": 300}, "minutes": _MINUTES}, "text")
_ACCEPTED = _object(
    {
        "kind": {"type": "string", "enum": ["breakdown", "checklist"]},
        "lines": {"type": "array", "minItems": 1, "maxItems": 20, "items": _NEW_LINE},
    },
    "kind",
    "lines",
)
_MADE = _object({"count": {"type": "integer"}, "ids": {"type": "array", "items": _ID}})

# (path, method) -> summary, request body, status and body of the answer
OPERATIONS: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]] = {
    ("/{pk}/dependencies", "get"): ("What a task waits for, and what waits for it", None, "200", _many(_LINK)),
    ("/{pk}/dependencies", "post"): ("Links a task to another one", _object(_NEW), "201", _ONE_LINK),
    ("/dependencies/{item}", "patch"): ("Changes a link", _object(_CHANGE), "200", _ONE_LINK),
    ("/dependencies/{item}", "delete"): ("Removes a link", None, "200", _DONE),
    ("/{pk}/plan", "get"): ("Which dependents would have to move", None, "200", _PREVIEW),
    ("/dates", "post"): ("Gives several tasks their dates, all or none", _SETTING, "200", _UNDO),
    ("/baseline", "get"): ("One's own picture of the plan", None, "200", _BASELINE),
    ("/baseline", "put"): ("Takes a picture of the plan", None, "200", _BASELINE),
    ("/baseline", "delete"): ("Forgets the picture", None, "200", _DONE),
    ("/{pk}/approval", "get"): ("Who is asked to approve a task, and what they answered", None, "200", _APPROVAL),
    ("/{pk}/approvers", "put"): ("Says who approves a task, and asks them", _ASK, "200", _APPROVAL),
    ("/{pk}/decision", "post"): ("One's own answer", _DECIDE, "200", _APPROVAL),
    ("/{pk}/assist", "get"): (
        "What may be added to a task; writes nothing",
        None,
        "200",
        _object({"id": _ID, "result": _PROPOSAL}),
    ),
    ("/{pk}/assist/accept", "post"): ("Adds several proposed lines, all or none", _ACCEPTED, "201", _MADE),
}


def describe_timeline(api_spec: APISpec, allowed: list[dict[str, list[str]]]) -> None:
    """Adds the operations on links, dates and pictures of the plan, on approvals and on proposals."""
    found: dict[str, dict[str, Any]] = {}
    for (path, method), (summary, body, status, answer) in OPERATIONS.items():
        names = [name for name in ("pk", "item") if f"{{{name}}}" in path]
        parameters = [{"in": "path", "name": one, "required": True, "schema": _ID} for one in names]
        if path.endswith("/plan"):
            days = ("start_on", "due_on")
            parameters += [{"in": "query", "name": one, "required": False, "schema": _DAY} for one in days]
        if path.endswith("/assist"):
            parameters.append({"in": "query", "name": "kind", "schema": {**_KIND, "default": "breakdown"}})
        operation: dict[str, Any] = {
            "tags": ["tasks"],
            "summary": summary,
            "security": allowed,
            "parameters": parameters,
            "responses": {
                status: {"description": "OK", "content": {"application/json": {"schema": answer}}},
                **{
                    code: {"$ref": f"#/components/responses/{code}"}
                    for code in ("400", "401", "403", "404", "409", "422", "429")
                },
            },
        }
        if body is not None:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        found.setdefault(path, {})[method] = operation
    for path, operations in found.items():
        api_spec.path(path=f"/api/v1/tasks{path}", operations=operations)
