"""REST resource of the API keys. Keys themselves never get in: somebody signed in makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.api import TenantApi, make_api
from app.kernel.crud.fields import Crud, Field, Kind, Verbs, clean
from app.kernel.crud.rest_docs import security
from app.kernel.crud.store import load
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tenancy.models import OrgApiKey
from app.tenancy.service import api_keys

if TYPE_CHECKING:
    from apispec import APISpec

CRUD = Crud(
    kind="api_key",
    model=OrgApiKey,
    resource="api",
    url="/settings/api-keys",
    api="api-keys",
    singular=_l("API key"),
    plural=_l("API keys"),
    new_label=_l("New key"),
    icon="key-round",
    label_field="name",
    search=("name", "prefix"),
    order="name",
    verbs=Verbs(),
    fields=(
        Field("name", _l("Name"), required=True, max_length=80),
        Field("scopes", _l("Permissions"), Kind.TAGS, required=True, sortable=False),
        Field("expires_at", _l("Expires"), Kind.DATETIME),
        Field("ip_allow", _l("Allowed addresses"), Kind.TAGS, sortable=False),
        Field("prefix", _l("Starts with"), editable=False),
        Field("previous_prefix", _l("Old secret starts with"), editable=False),
        Field("previous_until", _l("Old secret works until"), Kind.DATETIME, editable=False),
        Field("last_used_at", _l("Last used"), Kind.DATETIME, editable=False),
        Field("last_used_ip", _l("Last used from"), editable=False),
        Field("revoked_at", _l("Revoked"), Kind.DATETIME, editable=False),
    ),
)
# What clean() reads; the lists have rules of their own.
PLAIN = [field for field in CRUD.writable if field.kind is not Kind.TAGS]
WITH_SECRET = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "result": {"$ref": "#/components/schemas/OrgApiKey"},
        "secret": {"type": "string", "description": "Shown in this answer only."},
    },
}


def _texts(body: dict[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or len(value) > 200:
        raise Invalid(errors={key: [_("Write a list of texts here.")]})
    return value


class ApiKeyApi(TenantApi):
    """List, create, rotate, revoke. The secret is in the answer that makes it and nowhere else.

    No Idempotency-Key: it would keep the answer, secret included.
    """

    include_route_methods = {"info", "get_list", "get", "post", "delete", "rotate"}
    method_permission_name = {**TenantApi.method_permission_name, "rotate": "write"}

    @expose("", methods=["POST"])
    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Creates a key: ``{"id", "result", "secret"}``. ``scopes`` may be ``["read_only"]``."""
        actor = http.actor()
        actor.require("write", "api")
        body = self._body()
        scopes, ip_allow = _texts(body, "scopes"), _texts(body, "ip_allow")
        values = clean(PLAIN, body, partial=False)
        with uow():
            key, secret = api_keys.create_key(actor=actor, scopes=scopes, ip_allow=ip_allow, **values)
            answer = self._with_secret(key, secret)
        return http.json_response(answer, 201)

    @expose("/<pk>/rotate", methods=["POST"])
    @protect()
    def rotate(self, pk: str) -> Response:
        """A new secret; the old one works for ``overlap_hours`` more (0, 1, 24, 72, 168; 24 unless said)."""
        hours = http.json_body().get("overlap_hours", 24)
        if isinstance(hours, bool) or not isinstance(hours, int):
            raise Invalid(errors={"overlap_hours": [_("This is not a number.")]})
        with uow():
            key, secret = api_keys.rotate_key(parse_id(pk), actor=http.actor(), overlap_hours=hours)
            answer = self._with_secret(key, secret)
        return http.json_response(answer)

    @expose("/<pk>", methods=["DELETE"])
    @expose("/<pk>/", methods=["DELETE"])
    @protect()
    def delete(self, pk: str) -> Response:
        """Revokes a key. It stays in the list, with the moment of its end."""
        with uow():
            api_keys.revoke_key(parse_id(pk), actor=http.actor())
        return http.json_response({"message": "OK"})

    def _with_secret(self, key: OrgApiKey, secret: str) -> dict[str, Any]:
        return {"id": key.id, "result": self._dump(load(self.crud, key.id)), "secret": secret}

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The generated description, with the secret in the two answers that hold one."""
        super().add_api_spec(api_spec)
        allowed = security(api_spec, CRUD.resource)

        def answers(status: str) -> dict[str, Any]:
            made = {"description": "OK", "content": {"application/json": {"schema": WITH_SECRET}}}
            codes = ("400", "401", "403", "404", "409", "422", "429")
            return {status: made, **{code: {"$ref": f"#/components/responses/{code}"} for code in codes}}

        def body(schema: dict[str, Any]) -> dict[str, Any]:
            return {"required": True, "content": {"application/json": {"schema": schema}}}

        hours = {"type": "integer", "enum": list(api_keys.OVERLAP_HOURS), "default": 24}
        pk = {"in": "path", "name": "pk", "required": True, "schema": {"type": "string", "format": "uuid"}}
        create: dict[str, Any] = {
            "tags": [CRUD.api],
            "security": allowed,
            "requestBody": body({"$ref": "#/components/schemas/OrgApiKeyCreate"}),
            "responses": answers("201"),
        }
        rotate: dict[str, Any] = {
            "tags": [CRUD.api],
            "security": allowed,
            "parameters": [pk],
            "requestBody": body({"type": "object", "properties": {"overlap_hours": hours}}),
            "responses": answers("200"),
        }
        api_spec.path(path="/api/v1/api-keys/", operations={"post": create})
        api_spec.path(path="/api/v1/api-keys/{pk}/rotate", operations={"post": rotate})


API_KEYS = make_api(CRUD, ApiKeyApi)
