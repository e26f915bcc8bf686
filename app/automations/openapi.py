"""The OpenAPI description of what automation rules have beside the generated resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.automations.actions import ACTIONS, MAX_ACTIONS, MAX_TEXT, MAX_URL
from app.automations.approvers import ASKED, LEFT, NO_MANAGER, NOBODY
from app.automations.models import CallStatus, RunStatus
from app.automations.targets import MAX_LINKED, MORE, NAMES, NONE
from app.automations.triggers import TRIGGERS
from app.tasks.service.approvals import MAX_APPROVERS

if TYPE_CHECKING:
    from apispec import APISpec

_ID = {"type": "string", "format": "uuid"}
_AT = {"type": "string", "format": "date-time"}
_TEXT = {"type": "string"}
_PRIORITY = {"type": "string", "enum": ["P0", "P1", "P2", "P3"]}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


_TRIGGER = {
    **_object(
        {
            "type": {"type": "string", "enum": list(TRIGGERS)},
            "field": {**_TEXT, "description": "`changed`: the field, by its name in REST"},
            "from": {**_TEXT, "nullable": True, "description": "`changed`: only from this value"},
            "to": {**_TEXT, "nullable": True, "description": "`changed`: only to this value"},
            "days": {"type": "integer", "minimum": 0, "maximum": 365, "description": "`due_in`, `overdue`"},
            "rule": {**_TEXT, "description": "`schedule`: an RRULE of days, `FREQ=WEEKLY;BYDAY=MO`"},
            "at": {**_TEXT, "description": "`schedule`: the organization's time, `08:00`"},
        },
        "type",
    ),
    "additionalProperties": False,
}
_CONDITIONS = {
    **_object(
        {
            "op": {"type": "string", "enum": ["and", "or"]},
            "items": {"type": "array", "items": {"type": "object"}, "description": "Conditions, or groups of them"},
        }
    ),
    "nullable": True,
    "description": "A tree as lists filter with: leaves are `{col, opr, value}` or `{field, operator, value}`",
}
_ACTION = {
    **_object(
        {
            "type": {"type": "string", "enum": list(ACTIONS)},
            "field": {**_TEXT, "description": "`set_field`"},
            "value": {
                "description": "`set_field`; for dates also `+3`: days from the day of the run",
                "nullable": True,
            },
            "owner": {
                **_TEXT,
                "description": "`assign`, `create_task`: a member, `creator`; `create_task` also `owner`",
            },
            "title": {
                **_TEXT,
                "maxLength": 200,
                "description": "`create_task`; may hold `{title}`, `{code}`, `{due}`, `{owner}`",
            },
            "template": {**_ID, "nullable": True, "description": "`create_task`: a template of tasks"},
            "due_in": {"type": "integer", "nullable": True, "minimum": 0, "maximum": 365},
            "priority": _PRIORITY,
            "body": {**_TEXT, "maxLength": 5000, "description": "`comment`"},
            "to": {
                "type": "array",
                "items": _TEXT,
                "description": "`notify`: members, `owner`, `manager`, `creator`, `watchers`",
            },
            "text": {**_TEXT, "maxLength": MAX_TEXT, "description": "`notify`"},
            "approvers": {
                "type": "array",
                "items": _TEXT,
                "maxItems": MAX_APPROVERS,
                "description": "`add_approvers`: members, `manager` (of the team of the task's owner)",
            },
            "target": {
                "type": "string",
                "enum": list(NAMES),
                "description": "What it acts on, if not on the record itself: a task's parent, or what is linked to "
                f"the record (the {MAX_LINKED} that were linked first). Of all actions but `webhook`",
            },
            "url": {
                **_TEXT,
                "format": "uri",
                "maxLength": MAX_URL,
                "description": "`webhook`: signed as Standard Webhooks says",
            },
        },
        "type",
    ),
    "additionalProperties": False,
}
_PARTS = {
    "trigger": _TRIGGER,
    "conditions": _CONDITIONS,
    "actions": {"type": "array", "minItems": 1, "maxItems": MAX_ACTIONS, "items": _ACTION},
}
_RECORD = _object({"id": _ID, "name": {**_TEXT, "nullable": True}})
_LINE = {
    **_object(
        {
            "type": _TEXT,
            "target": {"type": "string", "enum": list(NAMES)},
            "on": _object({"kind": _TEXT, "id": _ID, "label": _TEXT}),
            "skipped": {
                "type": "string",
                "enum": [NONE, MORE, NOBODY],
                "description": "There is no such record; `count` more are too many; nobody was left to be asked",
            },
            "count": {"type": "integer"},
            "failed": {"type": "boolean", "description": "The action that was refused: nothing of the run was kept"},
            "place": {"type": "integer", "description": "`failed`: its place among the rule's actions, from 0"},
            "left_out": {
                "type": "array",
                "items": _object(
                    {
                        "member": _ID,
                        "name": _TEXT,
                        "reason": {"type": "string", "enum": [LEFT, ASKED, NO_MANAGER]},
                    }
                ),
                "description": "`add_approvers`: who was not asked",
            },
        }
    ),
    "description": "What an action did: a line for each record that it was aimed at, and for what was left out",
}
_RUN = _object(
    {
        "id": _ID,
        "at": _AT,
        "status": {"type": "string", "enum": [one.value for one in RunStatus]},
        "reason": {
            **_TEXT,
            "description": "Of skipped ones `depth`, `loop`, `cap`, `gone`, `off`, `author` or `target` (there was "
            "nothing to act on); of failed ones a text",
        },
        "message": {
            **_TEXT,
            "description": "The reason in the caller's words, with the action that failed",
        },
        "kind": _TEXT,
        "record": _RECORD,
        "log": {"type": "array", "items": _LINE},
        "depth": {"type": "integer"},
        "caused_by": {**_ID, "nullable": True},
        "duration_ms": {"type": "integer", "nullable": True},
        "calls": {
            "type": "array",
            "items": _object(
                {
                    "url": _TEXT,
                    "status": {"type": "string", "enum": [one.value for one in CallStatus]},
                    "attempts": {"type": "integer"},
                    "answer": {"type": "integer", "nullable": True},
                    "error": _TEXT,
                }
            ),
        },
    }
)
_RUNS = _object({"count": {"type": "integer"}, "more": {"type": "boolean"}, "result": {"type": "array", "items": _RUN}})
_DRY = _object(
    {
        "days": {"type": "integer"},
        "count": {
            "type": "integer",
            "description": "Runs there would have been, without those beyond the daily limit and skipped ones",
        },
        "capped": {"type": "integer"},
        "partial": {"type": "boolean", "description": "There were too many events to ask all of them"},
        "result": {
            "type": "array",
            "items": _object(
                {
                    "at": _AT,
                    "record": _RECORD,
                    "capped": {"type": "boolean"},
                    "skipped": {"type": "boolean", "description": "There is nothing that it could act on"},
                    "targets": {
                        "type": "array",
                        "items": _object(
                            {
                                "target": {"type": "string", "enum": list(NAMES)},
                                "count": {"type": "integer", "description": "How many records it acts on"},
                                "more": {"type": "integer", "description": "How many are too many"},
                                "records": {"type": "array", "items": _RECORD},
                            }
                        ),
                    },
                }
            ),
        },
    }
)
_PAGING = (
    ("status", {"type": "string", "enum": [one.value for one in RunStatus]}),
    ("before", _ID),
    ("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
)


def describe_rules(api_spec: APISpec, allowed: list[dict[str, list[str]]]) -> None:
    """Adds the parts of a rule to the generated schemas, and the two routes below one."""
    schemas = api_spec.components.schemas
    for name, required in (
        ("AutomationRule", ()),
        ("AutomationRuleCreate", ("trigger", "actions")),
        ("AutomationRuleChange", ()),
    ):
        schema = schemas[name]
        schema["properties"] = {**schema["properties"], **_PARTS}
        if required:
            schema["required"] = [*schema.get("required", []), *required]
    for path, summary, answer, query in (
        ("runs", "What a rule did, newest first", _RUNS, _PAGING),
        ("dry-run", "What a rule would have done in the last 30 days; writes nothing", _DRY, ()),
    ):
        parameters = [{"in": "path", "name": "pk", "required": True, "schema": _ID}]
        parameters += [{"in": "query", "name": name, "required": False, "schema": kind} for name, kind in query]
        responses: dict[str, Any] = {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}}
        responses |= {code: {"$ref": f"#/components/responses/{code}"} for code in ("400", "401", "403", "404", "429")}
        api_spec.path(
            path=f"/api/v1/automation-rules/{{pk}}/{path}",
            operations={
                "get": {
                    "tags": ["automation-rules"],
                    "summary": summary,
                    "security": allowed,
                    "parameters": parameters,
                    "responses": responses,
                }
            },
        )
