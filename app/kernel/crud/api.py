"""Generated REST on Flask-AppBuilder's ModelRestApi, with its addresses and its rison conventions.

Rows are read as Core columns and written by orjson; writes go through the same verbs as the screens.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder.api import ModelRestApi, expose, protect
from marshmallow import Schema

from app.kernel import http
from app.kernel.crud import custom
from app.kernel.crud.fields import Crud, Field, Kind, clean
from app.kernel.crud.query import COUNT_CAP, fetch_page
from app.kernel.crud.rest_docs import describe
from app.kernel.crud.rest_query import list_params, read_rison, readable
from app.kernel.crud.store import change, create, delete, load
from app.kernel.crud.view import TenantInterface
from app.kernel.db import db
from app.kernel.errors import BadRequest, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.rest import SignedInApi
from app.kernel.uow import uow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apispec import APISpec

    from app.kernel.crud.params import ListParams

# For resources that other screens write.
READ_ONLY = {"info", "get_list", "get"}


def dump(fields: list[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON's object; the organization's own fields in its ``custom``."""
    out: dict[str, Any] = {"id": row["id"], "version": row["version"]}
    for field in fields:
        value = row[field.name]
        if field.is_link and value is not None:
            value = {"id": value, "name": row[f"{field.name}__name"]}
        value = str(value) if isinstance(value, Decimal) else value
        if field.own:
            out.setdefault(custom.COLUMN, {})[custom.rest_key(field)] = _chosen(field, value)
        else:
            out[field.key] = value
    return out


def _chosen(field: Field, value: Any) -> Any:
    """The value of an organization's own field; choices with their names."""
    if value is None or field.kind not in {Kind.ENUM, Kind.MULTI}:
        return value
    found = [{"id": one.value, "name": str(one.label)} for one in field.choices if one.value in value]
    return found if field.kind is Kind.MULTI else next(iter(found), None)


def dump_page(fields: list[Field], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """As ``dump``, for many rows of ``base_select(crud, fields)``: by position, which is several times faster."""
    places: list[tuple[str, int, bool]] = []
    own: list[tuple[Field, int]] = []
    place = 2
    for field in fields:
        if field.own:
            own.append((field, place))
        else:
            places.append((field.key, place, field.is_link))
        place += 2 if field.is_link else 1
    result = []
    for row in rows:
        out = {"id": row[0], "version": row[1]}
        for key, at, is_link in places:
            value = row[at]
            out[key] = {"id": value, "name": row[at + 1]} if is_link and value is not None else value
        if own:
            values = out[custom.COLUMN] = {}
            for field, at in own:
                value = row[at]
                is_link = field.is_link and value is not None
                values[custom.rest_key(field)] = (
                    {"id": value, "name": row[at + 1]} if is_link else _chosen(field, value)
                )
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

    @property
    def _fields(self) -> list[Field]:
        return list(self.crud.fields)

    @expose("/_info", methods=["GET"])
    @protect()
    def info(self) -> Response:
        """Columns, labels, filters and what the caller may do."""
        crud, actor = self.crud, http.actor()
        permissions = [f"can_{verb}" for verb in ("read", "write", "export") if actor.can(verb, crud.resource)]
        columns = [
            {
                "name": f"{custom.COLUMN}.{custom.rest_key(field)}" if field.own else field.key,
                "label": str(field.label),
                "type": field.kind.value,
                "required": field.required,
                "choices": [{"value": one.value, "label": str(one.label)} for one in field.choices if not one.archived],
            }
            for field in crud.writable
        ]
        return http.json_response(
            {
                "permissions": permissions,
                "add_columns": columns,
                "edit_columns": columns,
                "order_columns": [field.key for field in crud.fields if field.sortable],
                "filters": [field.key for field in crud.fields if field.filterable],
            }
        )

    @expose("", methods=["GET"])
    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """A page of records: ``{"count", "ids", "result"}``."""
        crud, actor = self.crud, http.actor()
        query = read_rison()
        params = self._params(query)
        wanted = query.get("columns") or query.get("select_columns") or []
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise BadRequest(_("“columns” must be a list of names."))
        fields = [
            field
            for field in self._fields
            if not wanted or field.key in wanted or (field.own and custom.COLUMN in wanted)
        ]
        rows, found = fetch_page(crud, fields, params, actor)
        count, result = min(found, COUNT_CAP), dump_page(fields, rows)
        return http.json_response({"count": count, "ids": [row["id"] for row in result], "result": result})

    def _params(self, query: dict[str, Any]) -> ListParams:
        """What a list is asked for; a resource may add what narrows it for everybody."""
        return list_params(query)

    @expose("/<pk>", methods=["GET"])
    @expose("/<pk>/", methods=["GET"])
    @protect()
    def get(self, pk: str) -> Response:
        """One record: ``{"id", "result"}``."""
        row = load(self.crud, parse_id(pk))
        return http.json_response({"id": row["id"], "result": self._dump(row)})

    def _dump(self, row: dict[str, Any]) -> dict[str, Any]:
        out = ({custom.COLUMN: {}} if self.crud.custom else {}) | dump(self._fields, row)
        return out | {name: row[name] for name in ("created_at", "updated_at")}

    @expose("", methods=["POST"])
    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Creates a record. With ``?quick=1`` as lists write one down: an organization's own fields may wait."""
        crud, actor = self.crud, http.actor()
        actor.require("write", crud.resource)
        body = self._body()
        asked = custom.all_optional(crud.writable) if request.args.get("quick") == "1" else crud.writable

        def act() -> tuple[Any, int]:
            with custom.rest_errors():
                created = create(crud, clean(asked, body, partial=False), actor=actor)
                self._created(created, body)
            db.session.flush()
            return {"id": created.id, "result": self._dump(load(crud, created.id))}, 201

        return once(act)

    def _created(self, created: Any, body: dict[str, Any]) -> None:
        """What a resource does with the rest of the body that a record was created from."""

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
            with custom.rest_errors():
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
        readable(body)
        values = custom.read_body(self.crud, body)
        self._refuse_unknown(body)
        return body | values

    def _refuse_unknown(self, body: dict[str, Any]) -> None:
        """Raises Invalid for what is no field, or not to be written."""
        allowed = {field.key for field in self.crud.writable if not field.own} | {"version"}
        read_only = {field.key for field in self.crud.fields} | {"id", "created_at", "updated_at"}
        unknown = [key for key in body if key not in allowed]
        if unknown:
            raise Invalid(
                errors={
                    key[:60]: [_("This field is read-only.") if key in read_only else _("Unknown field.")]
                    for key in unknown
                }
            )

    # ── OpenAPI ──────────────────────────────────────────────────────────────────────────────────

    def add_api_spec(self, api_spec: APISpec) -> None:
        """Adds the resource's paths and schemas, made from the same fields."""
        describe(api_spec, self.crud, self._fields, self.include_route_methods)


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
