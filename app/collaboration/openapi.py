"""The OpenAPI description of comments and links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.crud.rest_docs import security

if TYPE_CHECKING:
    from apispec import APISpec

_ID = {"type": "string", "format": "uuid"}
_PK = {"in": "path", "name": "pk", "required": True, "schema": _ID}
_TEXT = {"type": "string"}
_FILE = {
    "type": "object",
    "properties": {
        "id": _ID,
        "name": _TEXT,
        "content_type": _TEXT,
        "size": {"type": "integer"},
        "url": _TEXT,
        "preview": {"type": "string", "nullable": True},
    },
}
_COMMENT = {
    "type": "object",
    "properties": {
        "id": _ID,
        "kind": _TEXT,
        "record": _ID,
        "parent": {**_ID, "nullable": True},
        "author": {"type": "object"},
        "body": _TEXT,
        "html": _TEXT,
        "internal": {"type": "boolean"},
        "version": {"type": "integer"},
        "reactions": {"type": "array", "items": {"type": "object"}},
        "attachments": {"type": "array", "items": _FILE},
    },
}
_BODY = {"type": "string", "maxLength": 20_000}
_REFUSALS = ("400", "401", "403", "404", "409", "422", "429")


def _answers(status: str, schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {status: {"description": "OK", "content": {"application/json": {"schema": schema}}}}
    return found | {code: {"$ref": f"#/components/responses/{code}"} for code in _REFUSALS}


def _json(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"in": "query", "name": name, "required": False, "schema": schema}


_PAGES = [_query("page", {"type": "integer"}), _query("page_size", {"type": "integer"})]


def _one(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"id": _ID, "result": schema}}


def _many(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "ids": {"type": "array", "items": _ID},
            "result": {"type": "array", "items": schema},
        },
    }


def describe(api_spec: APISpec, name: str, *, of_kind: bool) -> None:
    """Comments at ``name``; ``of_kind``: of one kind of record, which nobody need name."""
    allowed = security(api_spec, "comment")
    where = {"record": _ID} if of_kind else {"kind": _TEXT, "record": _ID}
    needed = tuple(where)
    message = {"type": "object", "properties": {"message": _TEXT}}

    def path(address: str, **operations: dict[str, Any]) -> None:
        api_spec.path(
            path=f"/api/v1/{name}/{address}",
            operations={verb: {"tags": [name], "security": allowed, **one} for verb, one in operations.items()},
        )

    path(
        "",
        get={
            "parameters": [_query(key, one) for key, one in where.items()] + _PAGES,
            "responses": _answers("200", _many(_COMMENT)),
        },
        post={
            "requestBody": _json(
                {
                    **where,
                    "body": _BODY,
                    "parent": {**_ID, "nullable": True},
                    "internal": {"type": "boolean"},
                    "attachments": {"type": "array", "items": _ID, "maxItems": 10},
                },
                *needed,
            ),
            "responses": _answers("201", _one(_COMMENT)),
        },
    )
    change = {
        "parameters": [_PK],
        "requestBody": _json({"body": _BODY, "version": {"type": "integer"}}, "body"),
        "responses": _answers("200", _one(_COMMENT)),
    }
    path(
        "{pk}",
        get={"parameters": [_PK], "responses": _answers("200", _one(_COMMENT))},
        put=change,
        patch=change,
        delete={"parameters": [_PK], "responses": _answers("200", message)},
    )
    path("{pk}/restore", post={"parameters": [_PK], "responses": _answers("200", _one(_COMMENT))})
    path(
        "{pk}/resolve",
        post={
            "parameters": [_PK],
            "requestBody": _json({"resolved": {"type": "boolean", "default": True}}),
            "responses": _answers("200", _one(_COMMENT)),
        },
    )
    path(
        "{pk}/reactions",
        post={
            "parameters": [_PK],
            "requestBody": _json({"emoji": {"type": "string", "maxLength": 32}}, "emoji"),
            "responses": _answers("200", _one({"type": "object"})),
        },
    )
    path("{pk}/history", get={"parameters": [_PK], "responses": _answers("200", _many({"type": "object"}))})
    form = {**where, "file": {"type": "string", "format": "binary"}}
    schema = {"type": "object", "properties": form, "required": [*needed, "file"]}
    path(
        "files",
        post={
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}},
            "responses": {**_answers("201", _one(_FILE)), "413": {"description": "Larger than 25 MB"}},
        },
    )
    path("files/{pk}", delete={"parameters": [_PK], "responses": _answers("200", message)})


def describe_links(api_spec: APISpec) -> None:
    """Links between records."""
    common = {"tags": ["record-links"], "security": security(api_spec, "comment")}
    link = {"type": "object", "properties": {"id": _ID, "kind": _TEXT, "record": _ID, "label": _TEXT, "url": _TEXT}}
    ends = {"kind": _TEXT, "record": _ID, "other_kind": _TEXT, "other": _ID}
    api_spec.path(
        path="/api/v1/record-links/",
        operations={
            "get": {
                **common,
                "parameters": [_query("kind", _TEXT), _query("record", _ID), *_PAGES],
                "responses": _answers("200", _many(link)),
            },
            "post": {
                **common,
                "requestBody": _json(ends, *ends),
                "responses": _answers("201", {"type": "object", "properties": {"id": _ID}}),
            },
        },
    )
    api_spec.path(
        path="/api/v1/record-links/{pk}",
        operations={"delete": {**common, "parameters": [_PK], "responses": _answers("200", {"type": "object"})}},
    )
