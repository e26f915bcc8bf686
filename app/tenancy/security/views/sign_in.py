"""Sign-in by password, second factor or Google; sign-out; a forgotten password."""

from __future__ import annotations

from typing import Any

from authlib.integrations.base_client import OAuthError
from flask import Response, current_app, flash, g, make_response, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.views import AuthDBView

from app.kernel import crypto
from app.kernel.db import db
from app.kernel.errors import DomainError, Invalid, NotFound
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow
from app.kernel.web.addresses import local_target
from app.tenancy.models import User
from app.tenancy.security.views.auth_page import SIGN_IN_LIMIT, AuthPage, client, landing, sign_in
from app.tenancy.service.accounts.passwords import request_reset, reset_account, reset_password
from app.tenancy.service.accounts.second_factor import check_code, has_second_factor
from app.tenancy.service.accounts.sessions import end_session
from app.tenancy.service.accounts.sign_in import check_sign_in, find_google_user, link_google

PENDING_SECONDS = 300


class AuthView(AuthPage, AuthDBView):  # type: ignore[misc]
    """E-mail and password, second factor, Google, reset."""

    login_template = "auth/login.html"
    default_view = "login"

    # FAB's decorator-made endpoint name "login" is what the rest of FAB links to.
    @expose("/login/", methods=["GET", "POST"])
    @limiter.limit(SIGN_IN_LIMIT, methods=["POST"])
    def login(self) -> Response:
        """The sign-in form."""
        if getattr(g, "actor", None) is not None:
            return landing()
        if request.method == "GET":
            return self._render("auth/login.html")
        email, password = request.form.get("email", ""), request.form.get("password", "")
        try:
            with platform_uow("identity"):
                user = check_sign_in(email[:320], password[:200], client())
                second = has_second_factor(user.id) if user is not None else False
        except DomainError as error:
            return self._render("auth/login.html", error.status, message=_(error.message))
        if user is None:
            return self._render("auth/login.html", 401, message=_("E-mail or password are not right."))
        remember = request.form.get("remember") == "1"
        if second:
            session.clear()
            session["pending"] = crypto.sign([user.id, remember], purpose="second-factor")
            return make_response(redirect(url_for(".second_factor", next=request.values.get("next"))))
        sign_in(user, remember=remember)
        return landing()

    @expose("/login/code", methods=["GET", "POST"])
    @limiter.limit(SIGN_IN_LIMIT, methods=["POST"])
    def second_factor(self) -> Response:
        """The code of the second factor."""
        try:
            user_id, remember = crypto.unsign(
                session.get("pending", ""), purpose="second-factor", max_age=PENDING_SECONDS
            )
        except NotFound:
            return make_response(redirect(url_for(".login")))
        if request.method == "GET":
            return self._render("auth/code.html")
        try:
            with platform_uow("identity"):
                right = check_code(user_id, request.form.get("code", "")[:20])
                user = db.session.get(User, user_id)
        except DomainError as error:
            return self._render("auth/code.html", error.status, message=_(error.message))
        if not right:
            return self._render("auth/code.html", 401, message=_("This code is not right."))
        sign_in(user, remember=remember)
        return landing()

    @expose("/logout/", methods=["GET", "POST"])
    def logout(self) -> Response:
        """Ends the session. By GET only a page with a button: a link elsewhere must not sign out."""
        if getattr(g, "identity", None) is None:
            session.clear()
            return make_response(redirect(url_for(".login")))
        if request.method == "GET":
            return self._render("auth/logout.html")
        with platform_uow("identity"):
            end_session(g.identity.session_id)
        session.clear()
        return make_response(redirect(url_for(".login")))

    @expose("/login/forgot", methods=["GET", "POST"])
    @limiter.limit("5 per minute; 30 per hour", methods=["POST"])
    def forgot(self) -> Response:
        """Asks for a reset link; the answer is the same for every address."""
        if request.method == "GET":
            return self._render("auth/forgot.html", sent=False)
        with platform_uow("identity"):
            request_reset(request.form.get("email", "")[:320], current_app.config["PUBLIC_URL"])
        return self._render("auth/forgot.html", sent=True)

    @expose("/login/reset/<token>", methods=["GET", "POST"])
    @limiter.limit("20 per minute", methods=["POST"])
    def reset(self, token: str) -> Response:
        """Sets a new password by a mailed link."""
        if request.method == "GET":
            with platform_scope("identity"):
                reset_account(token)
            return self._render("auth/reset.html")
        try:
            with platform_uow("identity"):
                reset_password(token, request.form.get("password", ""))
        except Invalid as error:
            return self._render("auth/reset.html", 422, errors=error.errors)
        flash(_("Your new password is set. Sign in with it."), "success")
        return make_response(redirect(url_for(".login")))

    @expose("/login/google")
    def google(self) -> Response:
        """To Google's consent page."""
        remote = _google()
        callback = current_app.config["PUBLIC_URL"] + "/login/google/callback"
        session["next"] = local_target(request.args.get("next")) or "/"
        answer: Response = remote.authorize_redirect(callback)
        return answer

    @expose("/login/google/callback")
    @limiter.limit("30 per minute")
    def google_callback(self) -> Response:
        """Back from Google: signs in the account with this verified e-mail, and no other."""
        remote = _google()
        target = session.get("next", "/")
        try:
            info = remote.authorize_access_token().get("userinfo") or {}
        except OAuthError:
            return self._render("auth/login.html", 401, message=_("Google did not confirm the sign-in."))
        try:
            with platform_uow("identity"):
                user = find_google_user(
                    str(info.get("sub", "")), str(info.get("email", "")), verified=info.get("email_verified") is True
                )
                if user is not None:
                    link_google(user, str(info["sub"]))
        except DomainError as error:
            return self._render("auth/login.html", error.status, message=_(error.message))
        if user is None:
            return self._render(
                "auth/login.html", 401, message=_("No account has this address. Ask for an invitation.")
            )
        with platform_scope("identity"):
            second = has_second_factor(user.id)
        if second:
            session.clear()
            session["pending"] = crypto.sign([user.id, False], purpose="second-factor")
            return make_response(redirect(url_for(".second_factor", next=target)))
        sign_in(user, remember=False)
        return make_response(redirect(local_target(target) or "/"))


def _google() -> Any:
    remote = current_app.extensions.get("stratikey.google")
    if remote is None:
        raise NotFound
    return remote
