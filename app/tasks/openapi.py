"""The OpenAPI description of what tasks have beside the generated resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.tasks import openapi_load

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
_SERVICE = _object({"asked": {"type": "boolean"}, "problem": {"type": "string", "nullable": True}})
_PROPOSAL = _object(
    {
        "kind": _KIND,
        "lines": {"type": "array", "items": _object(_LINE)},
        "sources": {"type": "array", "items": _SOURCE},
        "spread": {**_object({key: {"type": "integer"} for key in ("median", "lowest", "highest", "count")}),
                   "nullable": True},
        "enough": {"type": "boolean", "description": "Whether there is enough to go by"},
        "service": _SERVICE,
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

_COUNT = {"type": "integer", "minimum": 1, "maximum": 1440}
_ENTRY_INPUT = {
    "minutes": _COUNT,
    "day": _DAY,
    "note": {"type": "string", "maxLength": 300},
    "billable": {"type": "boolean"},
}
_ENTRY = {"id": _ID, "task": _ID, "minutes": {"type": "integer", "nullable": True}, "day": _DAY}
_ONE_ENTRY = _object({"id": _ID, "result": _object(_ENTRY)})
_MAYBE_ENTRY = _object({"result": {**_object(_ENTRY), "nullable": True}})
_RULE_INPUT = _object(
    {
        "rule": {
            "type": "string",
            "maxLength": 200,
            "nullable": True,
            "description": "RRULE (RFC 5545), null for none",
        },
        "recurs": {"type": "string", "enum": ["schedule", "completion"]},
        "version": {"type": "integer"},
    },
    "rule",
)
_RECURRENCE = _object({"id": _ID, "result": {"type": "object"}})
_WATCHING = _object({"id": _ID, "result": _object({"watching": {"type": "boolean"}})})
_PEOPLE = _object({"collaborators": {"type": "array", "items": _ID}, "watchers": {"type": "array", "items": _ID}})
_LINE = {
    "text": {"type": "string", "maxLength": 300},
    "done": {"type": "boolean"},
    "assignee": {**_ID, "nullable": True, "description": "A member; becomes a collaborator of the task"},
    "due_on": _DAY,
}
_ITEM_INPUT = _object(_LINE)
_ITEM_NOW = _object(
    {
        "id": _ID,
        **_LINE,
        "position": {"type": "integer"},
        "assignee": {**_object({"id": _ID, "name": {"type": "string"}}), "nullable": True},
    }
)
_ONE_ITEM = _object({"id": _ID, "result": _ITEM_NOW})
_SNOOZED = _object({"id": _ID, "result": _object({"until": _DAY})})
_ITEM_ANSWER = _object({"id": _ID, "result": {"type": "object"}})
_RECORD = {"type": "string", "nullable": True, "pattern": "^[a-z_]+:[0-9a-f-]{36}$",
           "description": "The record that the task is linked to first, as kind:id"}  # fmt: skip
_MOVE = _object({"after": _ID, "before": _ID, "version": {"type": "integer"}, "status": _ID, "due_on": _DAY,
                 "link": _RECORD, "linked": {**_RECORD, "description": "The one that it was seen with"}})  # fmt: skip
_PLAIN = {"type": "object"}
_WORK_MINUTES = {"type": "integer", "nullable": True, "minimum": 1, "maximum": 60000, "description": "Of working time"}
_PROMISE = {
    "priority": {"type": "string", "enum": ["P0", "P1", "P2", "P3"]},
    "is_on": {"type": "boolean"},
    "start_minutes": _WORK_MINUTES,
    "finish_minutes": _WORK_MINUTES,
}
_TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"}
_INTERVAL = {"type": "array", "minItems": 2, "maxItems": 2, "items": _TIME}
_WEEK = {
    "type": "array",
    "minItems": 7,
    "maxItems": 7,
    "description": "Monday to Sunday, each from opening to closing",
    "items": {"type": "array", "maxItems": 2, "items": _INTERVAL},
}
_SLA = {"policies": {"type": "array", "items": _object(_PROMISE, "priority")}, "hours": _WEEK}
_SLA_ANSWER = _object({"result": _object({**_SLA, "timezone": {"type": "string"}})})
_CLOSING = {"name": {"type": "string", "maxLength": 80}, "first_on": _DAY, "last_on": _DAY}
_CLOSING_NOW = {"id": _ID, **_CLOSING, "version": {"type": "integer"}, "created_at": _AT, "updated_at": _AT}
_CHANGED_CLOSING = _object({**_CLOSING, "version": {"type": "integer"}})
_ONE_CLOSING = _object({"id": _ID, "result": _object(_CLOSING_NOW)})

# (path, method) -> summary, request body, status and body of the answer
_SECTIONS = ["service", "first", "last", "open", "asked", "step", "approval"]
_SUMMARY = _object(
    {
        "count": {"type": "integer"},
        "people": {"type": "integer"},
        "internal": {"type": "boolean", "description": "Whether a line rests on an internal comment"},
        "service": _SERVICE,
        "lines": {
            "type": "array",
            "items": _object(
                {
                    "section": {"type": "string", "enum": _SECTIONS},
                    **{key: {"type": "string"} for key in ("text", "author", "whom")},
                    "at": {"type": "string", "format": "date-time", "nullable": True},
                    "comment": {**_ID, "nullable": True},
                    "url": {"type": "string"},
                    "internal": {"type": "boolean"},
                    "answers": {"type": "integer"},
                }
            ),
        },
    }
)
_SIMILAR = {
    "id": _ID,
    **{key: {"type": "string"} for key in ("code", "title", "url", "status", "status_group")},
    "number": {"type": "integer"},
    "owner": {"type": "string", "nullable": True},
    "similarity": {"type": "number", "minimum": 0, "maximum": 1},
}
OPERATIONS: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]] = {
    ("/{pk}/move", "post"): ("Puts a task between two others, and into a group", _MOVE, "200", _ITEM_ANSWER),
    ("/{pk}/people", "get"): ("Who works on a task beside its owner", None, "200", _PLAIN),
    ("/{pk}/people", "put"): ("Replaces collaborators or watchers", _PEOPLE, "200", _PLAIN),
    ("/{pk}/checklist", "get"): ("The lines of a check-list", None, "200", _many(_ITEM_NOW["properties"])),
    ("/{pk}/checklist", "post"): ("Adds a line", _ITEM_INPUT, "201", _ONE_ITEM),
    ("/checklist/{item}", "patch"): ("Changes or ticks a line", _ITEM_INPUT, "200", _ONE_ITEM),
    ("/checklist/{item}", "delete"): ("Removes a line", None, "200", _DONE),
    ("/{pk}/time", "get"): ("The time that a task has taken", None, "200", _many(_ENTRY)),
    ("/{pk}/time", "post"): ("Adds time of one's own", _object(_ENTRY_INPUT, "minutes"), "201", _ONE_ENTRY),
    ("/time/{item}", "patch"): ("Changes an entry of one's own", _object(_ENTRY_INPUT), "200", _ONE_ENTRY),
    ("/time/{item}", "delete"): ("Removes an entry of one's own", None, "200", _DONE),
    ("/{pk}/timer", "post"): ("Starts one's own timer", None, "201", _ONE_ENTRY),
    ("/timer", "get"): ("One's own timer that runs", None, "200", _MAYBE_ENTRY),
    ("/timer", "delete"): ("Stops one's own timer", None, "200", _MAYBE_ENTRY),
    ("/{pk}/recurrence", "put"): ("When a task comes again", _RULE_INPUT, "200", _RECURRENCE),
    ("/{pk}/watch", "post"): ("Watches a task", None, "200", _WATCHING),
    ("/{pk}/watch", "delete"): ("Watches it no longer", None, "200", _WATCHING),
    ("/{pk}/snooze", "post"): (
        "Keeps a task off one's own day before a later day",
        _object({"until": {"type": "string", "format": "date"}}, "until"),
        "200",
        _SNOOZED,
    ),
    ("/{pk}/snooze", "delete"): ("Takes that back", None, "200", _SNOOZED),
    ("/{pk}/dependencies", "get"): ("What a task waits for, and what waits for it", None, "200", _many(_LINK)),
    ("/{pk}/dependencies", "post"): ("Links a task to another one", _object(_NEW), "201", _ONE_LINK),
    ("/dependencies/{item}", "patch"): ("Changes a link", _object(_CHANGE), "200", _ONE_LINK),
    ("/dependencies/{item}", "delete"): ("Removes a link", None, "200", _DONE),
    ("/{pk}/plan", "get"): ("Which dependents would have to move", None, "200", _PREVIEW),
    ("/dates", "post"): ("Gives several tasks their dates, all or none", _SETTING, "200", _UNDO),
    ("/baseline", "get"): ("One's own picture of the plan", None, "200", _BASELINE),
    ("/baseline", "put"): ("Takes a picture of the plan", None, "200", _BASELINE),
    ("/baseline", "delete"): ("Forgets the picture", None, "200", _DONE),
    ("/sla", "get"): ("What is promised per priority, and the business hours", None, "200", _SLA_ANSWER),
    ("/sla", "put"): ("Changes that; open tasks follow within a minute", _object(_SLA), "200", _SLA_ANSWER),
    ("/closing-days", "get"): ("Days on which nobody works", None, "200", _many(_CLOSING_NOW)),
    ("/closing-days", "post"): ("Adds some", _object(_CLOSING, "name", "first_on"), "201", _ONE_CLOSING),
    ("/closing-days/{item}", "patch"): (
        "Changes them",
        _object({**_CLOSING, "version": {"type": "integer"}}),
        "200",
        _ONE_CLOSING,
    ),
    ("/closing-days/{item}", "delete"): ("Deletes them", None, "200", _DONE),
    **openapi_load.OPERATIONS,
    ("/{pk}/approval", "get"): ("Who is asked to approve a task, and what they answered", None, "200", _APPROVAL),
    ("/{pk}/approvers", "put"): ("Says who approves a task, and asks them", _ASK, "200", _APPROVAL),
    ("/{pk}/decision", "post"): ("One's own answer", _DECIDE, "200", _APPROVAL),
    ("/{pk}/assist", "get"): (
        "What may be added to a task; writes nothing",
        None,
        "200",
        _object({"id": _ID, "result": _PROPOSAL}),
    ),
    ("/{pk}/summary", "get"): (
        "What the comments about a task come to; writes nothing",
        None,
        "200",
        _object({"id": _ID, "result": _SUMMARY}),
    ),
    ("/similar", "get"): ("Open tasks that may be the same as one with this title", None, "200", _many(_SIMILAR)),
    ("/{pk}/assist/accept", "post"): ("Adds several proposed lines, all or none", _ACCEPTED, "201", _MADE),
}


_ITEM = {
    "key": {"type": "integer"},
    "parent": {"type": "integer", "nullable": True},
    "title": {"type": "string", "maxLength": 200},
    "priority": {"type": "string", "enum": ["P0", "P1", "P2", "P3"]},
    "estimate": {"type": "integer", "nullable": True, "description": "Minutes"},
    "start": {"type": "integer", "nullable": True, "description": "Working days from the template's first"},
    "due": {"type": "integer", "nullable": True, "description": "Working days from the template's first"},
}
_CHANGED = {key: _ITEM[key] for key in ("title", "priority", "estimate", "start", "due")}
_TEMPLATE = _object(
    {
        "id": _ID,
        "result": _object(
            {
                "id": _ID,
                "version": {"type": "integer"},
                "name": {"type": "string"},
                "content": _object(
                    {
                        "items": {"type": "array", "items": _object(_ITEM)},
                        "ties": {
                            "type": "array",
                            "items": _object(
                                {
                                    "before": {"type": "integer"},
                                    "after": {"type": "integer"},
                                    "type": _LINK["type"],
                                    "lag": _LINK["lag"],
                                }
                            ),
                        },
                    }
                ),
            }
        ),
    }
)
_FROM_TASK = {
    "task": _ID,
    "name": {"type": "string", "maxLength": 120},
    "description": {"type": "string", "nullable": True},
    "keep_owners": {"type": "boolean"},
}
_USE = {
    "start_on": _DAY,
    "due_on": _DAY,
    "title": {"type": "string", "maxLength": 200, "nullable": True},
    **{key: {**_ID, "nullable": True} for key in ("owner", "parent", "record")},
    "kind": {"type": "string", "nullable": True, "description": "Of the record that is linked: account, …"},
}
_USED = _object({"id": _ID, "result": _object({**_TASK, **_DATES})})
_DATED = {**_DATES, "key": _ITEM["key"], "parent": _ITEM["parent"], "title": _ITEM["title"]}

TEMPLATE_OPERATIONS: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]] = {
    ("/from-task", "post"): ("Makes a template of a task", _object(_FROM_TASK, "task", "name"), "201", _TEMPLATE),
    ("/{pk}/preview", "get"): ("The dates that the tasks would get", None, "200", _many(_DATED)),
    ("/{pk}/use", "post"): ("Makes the tasks of a template, from one of two dates", _object(_USE), "201", _USED),
    ("/{pk}/items/{item}", "patch"): ("Changes a task of a template", _object(_CHANGED), "200", _TEMPLATE),
    ("/{pk}/items/{item}", "delete"): ("Removes a task of a template", None, "200", _TEMPLATE),
}


def describe_link(api_spec: APISpec) -> None:
    """Adds that a task may be created with its link."""
    api_spec.components.schemas["TaskCreate"]["properties"]["link"] = _RECORD


def describe_timeline(api_spec: APISpec, allowed: list[dict[str, list[str]]]) -> None:
    """Adds what tasks can do beside the generated resource."""
    _describe(api_spec, "tasks", OPERATIONS, {}, allowed)


def describe_templates(api_spec: APISpec, allowed: list[dict[str, list[str]]]) -> None:
    """Adds the verbs of templates."""
    _describe(api_spec, "task-templates", TEMPLATE_OPERATIONS, {"item": {"type": "integer"}}, allowed)


def describe_verbs(
    api_spec: APISpec,
    resource: str,
    documented: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]],
    allowed: list[dict[str, list[str]]],
) -> None:
    """Adds operations, each by its path and method: what it does, its body, its status and its answer."""
    _describe(api_spec, resource, documented, {}, allowed)


def _describe(
    api_spec: APISpec,
    resource: str,
    documented: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]],
    kinds: dict[str, Any],
    allowed: list[dict[str, list[str]]],
) -> None:
    found: dict[str, dict[str, Any]] = {}
    for (path, method), (summary, body, status, answer) in documented.items():
        names = [name for name in ("pk", "item") if f"{{{name}}}" in path]
        parameters = [{"in": "path", "name": one, "required": True, "schema": kinds.get(one, _ID)} for one in names]
        if path.endswith(("/plan", "/preview")):
            days = ("start_on", "due_on")
            parameters += [{"in": "query", "name": one, "required": False, "schema": _DAY} for one in days]
        if path.endswith("/assist"):
            parameters.append({"in": "query", "name": "kind", "schema": {**_KIND, "default": "breakdown"}})
        if path == "/similar":
            parameters.append({"in": "query", "name": "title", "required": True, "schema": {"type": "string"}})
            parameters.append({"in": "query", "name": "except", "required": False, "schema": _ID})
        if path == "/workload":
            parameters += openapi_load.PARAMETERS
        operation: dict[str, Any] = {
            "tags": [resource],
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
        api_spec.path(path=f"/api/v1/{resource}{path}", operations=operations)
