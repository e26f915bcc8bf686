"""Tokens for REST clients."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_appbuilder.api import BaseApi
from flask_appbuilder.api import expose as expose_api
from flask_jwt_extended import create_access_token

from app.kernel import http
from app.kernel.errors import Invalid, Unauthenticated
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import platform_uow
from app.tenancy.security.identity.sessions import load_identity
from app.tenancy.security.views.auth_page import SIGN_IN_LIMIT, client
from app.tenancy.service.accounts.second_factor import check_code, has_second_factor
from app.tenancy.service.accounts.sessions import start_session
from app.tenancy.service.accounts.sign_in import check_sign_in


class SecurityApi(BaseApi):  # type: ignore[misc]
    """Tokens for REST clients: ``POST /api/v1/security/login``."""

    resource_name = "security"
    version = "v1"
    csrf_exempt = False
    openapi_spec_tag = "security"

    @expose_api("/login", methods=["POST"])
    @limiter.limit(SIGN_IN_LIMIT)
    def login(self) -> Response:
        """A JWT for an e-mail and password (and ``code``, with a second factor), valid one hour."""
        body = http.json_body()
        email, password = body.get("username") or body.get("email"), body.get("password")
        if not isinstance(email, str) or not isinstance(password, str):
            raise Invalid(errors={"username": [_("This field is required.")]})
        with platform_uow("identity"):
            user = check_sign_in(email[:320], password[:200], client())
            if user is None:
                denied = True
            else:
                code = body.get("code")
                denied = has_second_factor(user.id) and not (isinstance(code, str) and check_code(user.id, code[:20]))
            if user is not None and not denied:
                opened = start_session(user, client(), kind="token")
                sid, user_id = str(opened.id), str(user.id)
        if denied:
            raise Unauthenticated(_("E-mail or password are not right."))
        found = load_identity(parse_id(sid))
        slug = found.organization.slug if found and found.organization else None
        token = create_access_token(user_id, additional_claims={"sid": sid, "org": slug})
        return http.json_response({"access_token": token, "organization": slug})

    def add_api_spec(self, api_spec: Any) -> None:
        """Described by hand: it has one operation."""
        api_spec.path(
            path="/api/v1/security/login",
            operations={
                "post": {
                    "tags": ["security"],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["username", "password"],
                                    "properties": {
                                        "username": {"type": "string"},
                                        "password": {"type": "string"},
                                        "code": {"type": "string"},
                                    },
                                }
                            }
                        },
                    },
                    "responses": {
                        "200": {"description": "OK"},
                        "401": {"$ref": "#/components/responses/401"},
                        "422": {"$ref": "#/components/responses/422"},
                        "429": {"$ref": "#/components/responses/429"},
                    },
                }
            },
        )
