"""What OpenAPI says of the workload."""

from __future__ import annotations

from typing import Any

_ID = {"type": "string", "format": "uuid"}
_DAY = {"type": "string", "format": "date"}
_NUMBER = {"type": "integer"}
_MINUTES = {"type": "integer", "nullable": True, "description": "Null for what nobody owns"}
_WEEK = {
    "type": "object",
    "properties": {"from": _DAY, "to": _DAY, "planned_minutes": _NUMBER, "capacity_minutes": _MINUTES},
}
_LINE = {
    "type": "object",
    "properties": {
        "member": {"type": "object", "nullable": True, "properties": {"id": _ID, "name": {"type": "string"}}},
        "weekly_minutes": _MINUTES,
        "is_own": {"type": "boolean", "description": "Whether these minutes are the member's own"},
        "apart": {"type": "integer", "description": "Open tasks without a due date or an estimate"},
        "weeks": {"type": "array", "items": _WEEK},
    },
}
_LOAD = {
    "type": "object",
    "properties": {
        "from": _DAY,
        "weekly_minutes": {"type": "integer", "description": "Of the business hours"},
        "count": _NUMBER,
        "result": {"type": "array", "items": _LINE},
        "totals": {"type": "array", "items": _WEEK},
    },
}
_CAPACITY = {
    "type": "object",
    "properties": {
        "weekly_minutes": {"type": "integer", "nullable": True, "minimum": 0, "maximum": 4800, "multipleOf": 15}
    },
    "required": ["weekly_minutes"],
}

OPERATIONS: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]] = {
    ("/workload", "get"): ("The hours planned per person and week, and what the weeks hold", None, "200", _LOAD),
    ("/capacities/{item}", "get"): (
        "What a member works in a week of their own; null: the business hours",
        None,
        "200",
        {"type": "object", "properties": {"id": _ID, "result": _CAPACITY}},
    ),
    ("/capacities/{item}", "put"): (
        "What a member works in a week; null: the business hours",
        _CAPACITY,
        "200",
        {"type": "object", "properties": {"id": _ID, "result": _CAPACITY}},
    ),
}
PARAMETERS: list[dict[str, Any]] = [
    {"in": "query", "name": "from", "description": "A day of the first week; today", "schema": _DAY},
    {"in": "query", "name": "weeks", "schema": {"type": "integer", "minimum": 1, "maximum": 26, "default": 6}},
    {"in": "query", "name": "module", "schema": {"type": "string", "enum": ["marketing", "sales"]}},
    {"in": "query", "name": "team", "schema": _ID},
]
