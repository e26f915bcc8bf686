"""The OpenAPI description of what requests and forms have beside the generated resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.intake.service.deciding import MAX_REASON
from app.tasks.openapi import describe_verbs

if TYPE_CHECKING:
    from apispec import APISpec

Operations = dict[tuple[str, str], tuple[str, dict[str, Any] | None, str, dict[str, Any]]]
_ID: dict[str, Any] = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string"}
_ANSWER = {"id": _ID, "result": {"$ref": "#/components/schemas/TaskRequest"}}
_REQUEST = {"type": "object", "properties": _ANSWER}
_TASK = {"type": "object", "properties": {"id": _ID, "code": _TEXT, "title": _TEXT}}
_ACCEPT = {
    "type": "object",
    "properties": {
        "title": {**_TEXT, "minLength": 1, "maxLength": 200},
        "module": {**_TEXT, "enum": ["marketing", "sales"]},
        "status": {**_ID, "nullable": True},
        "owner": {**_ID, "nullable": True},
        "due_on": {**_TEXT, "format": "date", "nullable": True},
        "priority": {**_TEXT, "enum": ["P0", "P1", "P2", "P3"]},
    },
}
_DECLINE = {
    "type": "object",
    "properties": {"reason": {**_TEXT, "minLength": 1, "maxLength": MAX_REASON}},
    "required": ["reason"],
}
_DUPLICATE = {"type": "object", "properties": {"task": _ID}, "required": ["task"]}
_ADDRESS = {"type": "object", "properties": {"id": _ID, "url": {**_TEXT, "description": "Shown this once"}}}


def describe_requests(api_spec: APISpec, allowed: list[dict[str, list[str]]]) -> None:
    """Adds what decides a request."""
    accepted = {"type": "object", "properties": {**_ANSWER, "task": _TASK}}
    described: Operations = {
        ("/{pk}/accept", "post"): ("Makes a task of a new request", _ACCEPT, "200", accepted),
        ("/{pk}/decline", "post"): ("Declines a new request and mails the reason", _DECLINE, "200", _REQUEST),
        ("/{pk}/duplicate", "post"): ("Says that a task stands for the request already", _DUPLICATE, "200", _REQUEST),
    }
    describe_verbs(api_spec, "task-requests", described, allowed)


def describe_forms(api_spec: APISpec, allowed: list[dict[str, list[str]]]) -> None:
    """Adds what gives a form its address."""
    described: Operations = {("/{pk}/rotate", "post"): ("Gives a form a new address", None, "200", _ADDRESS)}
    describe_verbs(api_spec, "intake-forms", described, allowed)
