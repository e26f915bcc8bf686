"""The OpenAPI description of a generated resource, made from its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.crud.custom import rest_key
from app.kernel.crud.fields import Crud, Field, Kind
from app.kernel.feature import registry

if TYPE_CHECKING:
    from apispec import APISpec

_JSON_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.INTEGER: {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
    Kind.DECIMAL: {"type": "string"},
    Kind.MONEY: {"type": "string"},
    Kind.PERCENT: {"type": "string"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.DATETIME: {"type": "string", "format": "date-time"},
    Kind.BOOL: {"type": "boolean"},
    Kind.TAGS: {"type": "array", "items": {"type": "string"}},
    Kind.MULTI: {"type": "array", "items": {"type": "string"}},
}
_CHOSEN = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}


def _schema(field: Field, *, write: bool) -> dict[str, Any]:
    if field.is_link:
        if write:
            return {"type": "string", "format": "uuid", "nullable": not field.required}
        return {
            "type": "object",
            "nullable": True,
            "properties": {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string", "nullable": True}},
        }
    schema = dict(_JSON_TYPES.get(field.kind, {"type": "string"}))
    if field.kind is Kind.ENUM:
        schema = {"type": "string", "enum": [one.value for one in field.choices]}
        if not (write and field.required):
            schema["enum"] = [*schema["enum"], None]
    if field.max_length:
        schema["maxLength"] = field.max_length
    if not (write and field.required) and field.kind is not Kind.TAGS:
        schema["nullable"] = True
    schema["description"] = str(field.label) if field.own else field.name.replace("_", " ")
    return schema


def _custom_schema(fields: list[Field], *, write: bool) -> dict[str, Any]:
    """The ``custom`` of a record: the fields that the caller's organization has just now."""
    properties = {}
    for field in fields:
        schema = _schema(field, write=write)
        if field.choices and write:
            names = ", ".join(f"{one.value} ({one.label})" for one in field.choices if not one.archived)
            kind = {"type": "array", "items": {"type": "string"}} if field.kind is Kind.MULTI else {"type": "string"}
            schema = {**kind, "nullable": True, "description": f"{field.label}: {names}; by id or by name"}
        elif field.choices:
            schema = {"type": "array", "items": _CHOSEN} if field.kind is Kind.MULTI else {**_CHOSEN, "nullable": True}
        properties[rest_key(field)] = {"description": str(field.label), **schema}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def security(api_spec: APISpec, resource: str) -> list[dict[str, list[str]]]:
    """What an operation on ``resource`` may be asked with, as OpenAPI says it; declares the schemes."""
    schemes = {
        "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "api_key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "sk_…",
            "description": "A key of Settings, API keys. It belongs to one organization, with permissions of its own.",
        },
    }
    for name, scheme in schemes.items():
        if name not in api_spec.components.security_schemes:
            api_spec.components.security_scheme(name, scheme)
    names = ["jwt", "api_key"] if registry.resources[resource].for_keys else ["jwt"]
    return [{name: []} for name in names]


_QUERY = """rison or JSON: `(filters:!((col:…,opr:…,value:…)),order_column:…,order_direction:asc,page:0,page_size:50)`.

* `tree` is a filter of nested groups, joined to `filters` with AND:
  `(op:or,items:!((col:…,opr:…,value:…),(op:and,items:!(…))))`, at most 5 groups deep, at most 50 conditions.
* `order_by` sorts by up to 5 columns, `-` in front of a name turns it round: `!('-priority',due_on)`. It is taken
  instead of `order_column`.
* `columns` names the columns wanted, `search` is a text that is looked for as the list's search field does.
"""


def describe(api_spec: APISpec, crud: Crud, fields: list[Field], methods: set[str]) -> None:
    """The OpenAPI description of an entity's resource, as far as it has the ``methods``."""
    name = crud.model.__name__
    base = {
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer"},
    }
    own = [field for field in fields if field.own]
    read = {**base, **{field.key: _schema(field, write=False) for field in fields if not field.own}}
    full = {
        **read,
        "created_at": {"type": "string", "format": "date-time"},
        "updated_at": {"type": "string", "format": "date-time"},
    }
    write = {field.key: _schema(field, write=True) for field in crud.writable if not field.own}
    required = [field.key for field in crud.writable if field.required and not field.own]
    if crud.custom:
        full["custom"] = _custom_schema(own, write=False)
        write["custom"] = _custom_schema(own, write=True)
    api_spec.components.schema(name, component={"type": "object", "properties": full})
    create_schema: dict[str, Any] = {
        "type": "object",
        "properties": write,
        "additionalProperties": False,
    }
    if required:
        create_schema["required"] = required
    api_spec.components.schema(f"{name}Create", component=create_schema)
    api_spec.components.schema(
        f"{name}Change",
        component={
            "type": "object",
            "properties": {**write, "version": {"type": "integer"}},
            "additionalProperties": False,
        },
    )
    for code, text in (
        ("400", "Bad request"),
        ("401", "Not signed in"),
        ("403", "Not permitted"),
        ("404", "Not found"),
        ("409", "Changed by somebody else"),
        ("422", "Invalid values"),
        ("429", "Too many requests"),
    ):
        if code not in api_spec.components.responses:
            api_spec.components.response(code, {"description": text, "content": _error_content()})
    reference = {"$ref": f"#/components/schemas/{name}"}
    one = {"type": "object", "properties": {"id": {"type": "string"}, "result": reference}}
    many = {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "ids": {"type": "array", "items": {"type": "string"}},
            "result": {"type": "array", "items": {"type": "object"}},
        },
    }
    tags = [crud.api]
    item = [{"in": "path", "name": "pk", "required": True, "schema": {"type": "string", "format": "uuid"}}]
    query = [
        {
            "in": "query",
            "name": "q",
            "required": False,
            "schema": {"type": "string"},
            "description": _QUERY,
        }
    ]
    key = [{"in": "header", "name": "Idempotency-Key", "required": False, "schema": {"type": "string"}}]
    path = f"/api/v1/{crud.api}"
    allowed = security(api_spec, crud.resource)
    served = {"get": "get_list", "post": "post"}
    served_one = {"get": "get", "put": "put", "patch": "put", "delete": "delete"}

    def document(path: str, operations: dict[str, Any], served: dict[str, str]) -> None:
        known = {verb: one for verb, one in operations.items() if served[verb] in methods}
        api_spec.path(path=path, operations={verb: {**one, "security": allowed} for verb, one in known.items()})

    document(
        f"{path}/_info",
        {"get": {"tags": tags, "responses": _responses({"200": _content({"type": "object"})})}},
        {"get": "info"},
    )
    document(
        f"{path}/",
        {
            "get": {"tags": tags, "parameters": query, "responses": _responses({"200": _content(many)}, "400")},
            "post": {
                "tags": tags,
                "parameters": key,
                "requestBody": _request(f"{name}Create"),
                "responses": _responses({"201": _content(one)}, "400", "409", "422"),
            },
        },
        served,
    )
    document(
        f"{path}/{{pk}}",
        {
            "get": {"tags": tags, "parameters": item, "responses": _responses({"200": _content(one)}, "404")},
            **{
                verb: {
                    "tags": tags,
                    "parameters": item,
                    "requestBody": _request(f"{name}Change"),
                    "responses": _responses({"200": _content(one)}, "400", "404", "409", "422"),
                }
                for verb in ("put", "patch")
            },
            "delete": {
                "tags": tags,
                "parameters": item,
                "responses": _responses(
                    {"200": _content({"type": "object", "properties": {"message": {"type": "string"}}})},
                    "404",
                    "409",
                ),
            },
        },
        served_one,
    )


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "OK", "content": {"application/json": {"schema": schema}}}


def _error_content() -> dict[str, Any]:
    return {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"message": {"type": "string"}, "errors": {"type": "object"}},
            }
        }
    }


def _responses(found: dict[str, Any], *codes: str) -> dict[str, Any]:
    for code in ("401", "403", "429", *codes):
        found[code] = {"$ref": f"#/components/responses/{code}"}
    return found


def _request(name: str) -> dict[str, Any]:
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
