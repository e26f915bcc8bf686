"""Generated REST on Flask-AppBuilder's ModelRestApi, with its addresses and its rison conventions.

Rows are read as Core columns and written by orjson; writes go through the same verbs as the screens.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import prison
from flask import Response, request
from flask_appbuilder.api import ModelRestApi, expose, protect
from marshmallow import Schema
from prison.decoder import ParserException

from app.kernel import http
from app.kernel.crud.fields import Crud, Field, Kind, clean, storable
from app.kernel.crud.filters import FAB_OPERATORS
from app.kernel.crud.query import COUNT_CAP, ListParams, fetch_page
from app.kernel.crud.store import change, create, delete, load
from app.kernel.crud.view import TenantInterface
from app.kernel.db import db
from app.kernel.errors import BadRequest, Invalid
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.rest import SignedInApi
from app.kernel.uow import uow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apispec import APISpec

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
MAX_PAGE = 10_000
# For resources that other screens write.
READ_ONLY = {"info", "get_list", "get"}


def read_rison() -> dict[str, Any]:
    """The rison (or JSON) object of ``?q=``. Raises BadRequest."""
    text = request.args.get("q")
    if not text:
        return {}
    try:
        value = prison.loads(text)
    except (ParserException, ValueError, IndexError, TypeError, RecursionError, KeyError):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise BadRequest(_("“q” is neither rison nor JSON.")) from None
    if not isinstance(value, dict):
        raise BadRequest(_("“q” must be an object."))
    return _readable(value)


def _readable(value: dict[str, Any]) -> dict[str, Any]:
    """``value``, unless a text in it holds half of a surrogate pair, which nothing could store or answer."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError, ValueError):
        raise BadRequest(_("This text has characters that cannot be stored.")) from None
    return value


def list_params(query: dict[str, Any]) -> ListParams:
    """FAB's list arguments as ours. Raises BadRequest for anything that it does not know."""
    params = ListParams(page_size=_whole(query, "page_size", DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE))
    params.page = _whole(query, "page", 0, 0, MAX_PAGE) + 1
    filters = query.get("filters", [])
    if not isinstance(filters, list):
        raise BadRequest(_("“filters” must be a list."))
    for one in filters:
        if not isinstance(one, dict) or not isinstance(one.get("col"), str):
            raise BadRequest(_("A filter has col, opr and value."))
        operator = FAB_OPERATORS.get(str(one.get("opr")))
        if operator is None:
            raise BadRequest(_("Unknown operator “%(name)s”.", name=str(one.get("opr"))[:20]))
        value = one.get("value")
        values = value if isinstance(value, list) else ([] if value is None else [value])
        params.leaves.append({"field": one["col"], "operator": operator, "value": values})
    column = query.get("order_column")
    if column:
        if not isinstance(column, str):
            raise BadRequest(_("“order_column” must be a text."))
        direction = query.get("order_direction", "asc")
        if direction not in {"asc", "desc"}:
            raise BadRequest(_("“order_direction” is asc or desc."))
        params.sort = ("-" if direction == "desc" else "") + column
    search = query.get("search")
    if search is not None:
        if not isinstance(search, str) or not storable(search):
            raise BadRequest(_("“search” must be a text."))
        params.search = search[:200]
    return params


def _whole(query: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = query.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(
            _("“%(name)s” must be a whole number from %(low)s to %(high)s.", name=name, low=low, high=high)
        )
    return value


def dump(fields: list[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON's object."""
    out: dict[str, Any] = {"id": row["id"], "version": row["version"]}
    for field in fields:
        value = row[field.name]
        if field.is_link and value is not None:
            value = {"id": value, "name": row[f"{field.name}__name"]}
        out[field.key] = str(value) if isinstance(value, Decimal) else value
    return out


def dump_page(fields: list[Field], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """As ``dump``, for many rows of ``base_select(crud, fields)``: by position, which is several times faster."""
    places: list[tuple[str, int, bool]] = []
    place = 2
    for field in fields:
        places.append((field.key, place, field.is_link))
        place += 2 if field.is_link else 1
    result = []
    for row in rows:
        out = {"id": row[0], "version": row[1]}
        for key, at, is_link in places:
            value = row[at]
            out[key] = {"id": value, "name": row[at + 1]} if is_link and value is not None else value
        result.append(out)
    return result


class TenantApi(SignedInApi, ModelRestApi):  # type: ignore[misc]
    """Base of generated resources; a subclass sets ``crud`` (use make_api)."""

    crud: Crud
    list_model_schema = add_model_schema = edit_model_schema = show_model_schema = Schema()
    method_permission_name = {
        "info": "read",
        "get_list": "read",
        "get": "read",
        "post": "write",
        "put": "write",
        "delete": "write",
    }
    include_route_methods = {"info", "get_list", "get", "post", "put", "delete"}

    def _init_properties(self) -> None:
        crud = self.crud
        keys = [field.key for field in crud.fields]
        self.label_columns = {field.key: str(field.name) for field in crud.fields}
        self.list_columns = self.show_columns = self.list_select_columns = ["id", "version", *keys]
        self.show_select_columns = self.show_columns
        self.add_columns = self.edit_columns = [field.key for field in crud.writable]
        self.order_columns = [field.key for field in crud.fields if field.sortable]
        self.search_columns = [field.key for field in crud.fields if field.filterable]
        self.description_columns: dict[str, str] = {}
        self.base_filters: list[Any] = []
        self.order_rel_fields: dict[str, Any] = {}
        self.add_query_rel_fields: dict[str, Any] = {}
        self.edit_query_rel_fields: dict[str, Any] = {}
        self._fields = list(crud.fields)

    @expose("/_info", methods=["GET"])
    @protect()
    def info(self) -> Response:
        """Columns, labels, filters and what the caller may do."""
        crud, actor = self.crud, http.actor()
        permissions = [f"can_{verb}" for verb in ("read", "write", "export") if actor.can(verb, crud.resource)]
        columns = [
            {
                "name": field.key,
                "label": str(field.label),
                "type": field.kind.value,
                "required": field.required,
                "choices": [{"value": one.value, "label": str(one.label)} for one in field.choices],
            }
            for field in crud.writable
        ]
        return http.json_response(
            {
                "permissions": permissions,
                "add_columns": columns,
                "edit_columns": columns,
                "order_columns": self.order_columns,
                "filters": self.search_columns,
            }
        )

    @expose("", methods=["GET"])
    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """A page of records: ``{"count", "ids", "result"}``."""
        crud, actor = self.crud, http.actor()
        query = read_rison()
        params = list_params(query)
        wanted = query.get("columns") or query.get("select_columns") or []
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise BadRequest(_("“columns” must be a list of names."))
        fields = [field for field in self._fields if not wanted or field.key in wanted]
        rows, found = fetch_page(crud, fields, params, actor)
        count, result = min(found, COUNT_CAP), dump_page(fields, rows)
        return http.json_response({"count": count, "ids": [row["id"] for row in result], "result": result})

    @expose("/<pk>", methods=["GET"])
    @expose("/<pk>/", methods=["GET"])
    @protect()
    def get(self, pk: str) -> Response:
        """One record: ``{"id", "result"}``."""
        row = load(self.crud, parse_id(pk))
        return http.json_response({"id": row["id"], "result": self._dump(row)})

    def _dump(self, row: dict[str, Any]) -> dict[str, Any]:
        out = dump(self._fields, row)
        return out | {name: row[name] for name in ("created_at", "updated_at")}

    @expose("", methods=["POST"])
    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Creates a record."""
        crud, actor = self.crud, http.actor()
        actor.require("write", crud.resource)
        body = self._body()

        def act() -> tuple[Any, int]:
            values = clean(crud.writable, body, partial=False)
            created = create(crud, values, actor=actor)
            db.session.flush()
            return {"id": created.id, "result": self._dump(load(crud, created.id))}, 201

        return once(act)

    @expose("/<pk>", methods=["PUT", "PATCH"])
    @expose("/<pk>/", methods=["PUT", "PATCH"])
    @protect()
    def put(self, pk: str) -> Response:
        """Changes the given fields of a record; with ``version``, only if it is the current one."""
        crud, actor = self.crud, http.actor()
        actor.require("write", crud.resource)
        body = self._body()
        version = body.pop("version", None)
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            raise Invalid(errors={"version": [_("This is not a number.")]})
        with uow():
            record_id = parse_id(pk)
            values = clean(crud.writable, body, partial=True)
            change(crud, record_id, values, actor=actor, version=version)
            row = load(crud, record_id)
        return http.json_response({"id": row["id"], "result": self._dump(row)})

    @expose("/<pk>", methods=["DELETE"])
    @expose("/<pk>/", methods=["DELETE"])
    @protect()
    def delete(self, pk: str) -> Response:
        """Deletes a record."""
        actor = http.actor()
        actor.require("write", self.crud.resource)
        with uow():
            delete(self.crud, parse_id(pk), actor=actor)
        return http.json_response({"message": "OK"})

    def _body(self) -> dict[str, Any]:
        if request.mimetype != "application/json":
            raise BadRequest(_("Send the body as application/json."))
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise BadRequest(_("The body must be a JSON object."))
        _readable(body)
        allowed = {field.key for field in self.crud.writable} | {"version"}
        read_only = {field.key for field in self.crud.fields} | {"id", "created_at", "updated_at"}
        unknown = [key for key in body if key not in allowed]
        if unknown:
            raise Invalid(
                errors={
                    key[:60]: [_("This field is read-only.") if key in read_only else _("Unknown field.")]
                    for key in unknown
                }
            )
        return body

    # ── OpenAPI ──────────────────────────────────────────────────────────────────────────────────

    def add_api_spec(self, api_spec: APISpec) -> None:
        """Adds the resource's paths and schemas, made from the same fields."""
        describe(api_spec, self.crud, self._fields, self.include_route_methods)


_JSON_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.INTEGER: {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
    Kind.DECIMAL: {"type": "string"},
    Kind.MONEY: {"type": "string"},
    Kind.PERCENT: {"type": "string"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.DATETIME: {"type": "string", "format": "date-time"},
    Kind.BOOL: {"type": "boolean"},
    Kind.TAGS: {"type": "array", "items": {"type": "string"}},
}


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
    schema["description"] = field.name.replace("_", " ")
    return schema


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


def describe(api_spec: APISpec, crud: Crud, fields: list[Field], methods: set[str]) -> None:
    """The OpenAPI description of an entity's resource, as far as it has the ``methods``."""
    name = crud.model.__name__
    base = {
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer"},
    }
    read = {**base, **{field.key: _schema(field, write=False) for field in fields}}
    full = {
        **read,
        "created_at": {"type": "string", "format": "date-time"},
        "updated_at": {"type": "string", "format": "date-time"},
    }
    write = {field.key: _schema(field, write=True) for field in crud.writable}
    required = [field.key for field in crud.writable if field.required]
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
            "description": "rison: (filters:!((col:…,opr:…,value:…)),order_column:…,order_direction:asc,page:0)",
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


def make_api(crud: Crud, base: type[TenantApi] = TenantApi, **members: Any) -> type[TenantApi]:
    """The REST resource of an entity, under its permission."""
    return type(
        f"{crud.model.__name__}Api",
        (base,),
        {
            "crud": crud,
            "datamodel": TenantInterface(crud.model),
            "resource_name": crud.api,
            "class_permission_name": crud.resource,
            **members,
        },
    )
