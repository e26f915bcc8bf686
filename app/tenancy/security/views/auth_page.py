"""What the pages around sign-in have in common, and how a browser session starts."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, make_response, redirect, request, session
from flask_appbuilder import BaseView

from app.kernel import i18n
from app.kernel.db import db
from app.kernel.uow import platform_uow
from app.kernel.web.addresses import local_target
from app.tenancy.models import User
from app.tenancy.service.accounts.audit_trail import ClientInfo
from app.tenancy.service.accounts.profile import create_user
from app.tenancy.service.accounts.sessions import start_session

SIGN_IN_LIMIT = "20 per minute; 200 per hour"


def client() -> ClientInfo:
    """Where the request comes from."""
    return ClientInfo(request.remote_addr, request.user_agent.string)


def sign_in(user: Any, *, remember: bool, organization_id: Any = None) -> None:
    """Starts a browser session; everything that the anonymous one held is dropped (fixation)."""
    with platform_uow("identity"):
        user = db.session.get(User, user.id)
        opened = start_session(user, client(), remember=remember, organization_id=organization_id)
        sid = str(opened.id)
    session.clear()
    session.permanent = remember
    session["sid"] = sid
    session["_user_id"] = str(user.id)
    session["_fresh"] = True


def account_of_form(email: str) -> Any:
    """A new account with this address, from what the person wrote into the form. Raises Invalid."""
    return create_user(
        email=email,
        first_name=request.form.get("first_name", ""),
        last_name=request.form.get("last_name", ""),
        password=request.form.get("password", ""),
        locale=str(i18n.locale())[:2],
    )


def landing() -> Response:
    """Where a person goes after signing in: the page they wanted, when it is ours, else home."""
    target = local_target(request.values.get("next")) or "/"
    if target.startswith(("/login", "/logout")):
        target = "/"
    return make_response(redirect(target))


class AuthPage(BaseView):  # type: ignore[misc]
    """A page for visitors: no menu around it."""

    route_base = ""

    def _render(self, template: str, status: int = 200, **context: Any) -> Response:
        context.setdefault("errors", {})
        context.setdefault("form", request.form)
        return make_response(
            self.render_template(
                template,
                google=bool(current_app.config["GOOGLE_CLIENT_ID"]),
                signup=current_app.config["SIGNUP_ENABLED"],
                next=local_target(request.values.get("next")) or "",
                **context,
            ),
            status,
        )
