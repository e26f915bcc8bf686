"""Oneself: password, second factor, Google, sessions."""

from __future__ import annotations

from typing import Any

import segno
from flask import Response, current_app, g, request
from flask_appbuilder import expose

from app.kernel import http
from app.kernel.errors import Invalid
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow
from app.settings.views.page import SettingsPage, saved
from app.tenancy.service.accounts.passwords import change_password
from app.tenancy.service.accounts.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    disable_second_factor,
    has_second_factor,
)
from app.tenancy.service.accounts.sessions import list_sessions, revoke_other_sessions, revoke_session
from app.tenancy.service.accounts.sign_in import unlink_google, ways_in


class SecurityView(SettingsPage):
    """Password, second factor, Google and sessions of one's own account."""

    default_view = "security"

    @expose("/security")
    def security(self) -> Response:
        """Password, second factor, Google, sessions."""
        return self._security()

    def _security(self, status: int = 200, **context: Any) -> Response:
        http.actor()
        user_id = g.identity.account.id
        with platform_scope("identity"):
            sessions = list_sessions(user_id)
            second = has_second_factor(user_id)
            has_password, google_linked = ways_in(user_id)
        return self._page(
            "settings/security.html",
            status,
            sessions=sessions,
            current=g.identity.session_id,
            second=second,
            has_password=has_password,
            google_linked=google_linked,
            google=bool(current_app.config["GOOGLE_CLIENT_ID"]),
            **context,
        )

    @expose("/security/password", methods=["POST"])
    @limiter.limit("10 per minute")
    def password(self) -> Response:
        """Changes the password; other sessions end."""
        http.actor()
        try:
            with platform_uow("identity"):
                change_password(
                    g.identity.account.id,
                    current=request.form.get("current", ""),
                    new=request.form.get("password", ""),
                    keep_session=g.identity.session_id,
                )
        except Invalid as error:
            return self._security(422, errors=error.errors)
        return saved("/settings/security", _("Password changed. Your other sessions have ended."))

    @expose("/security/second-factor", methods=["GET", "POST"])
    @limiter.limit("20 per minute", methods=["POST"])
    def second_factor(self) -> Response:
        """Turns the second factor on: QR code, first code, recovery codes."""
        http.actor()
        user_id = g.identity.account.id
        errors: dict[str, list[str]] = {}
        if request.method == "POST":
            try:
                with platform_uow("identity"):
                    codes = confirm_second_factor(user_id, request.form.get("code", "")[:20])
                return self._page("settings/recovery_codes.html", codes=codes)
            except Invalid as error:
                errors = error.errors
        with platform_uow("identity"):
            uri = begin_second_factor(user_id)
        picture = segno.make(uri, error="m").svg_data_uri(scale=5, border=2, light="#fff")
        secret = uri.split("secret=")[1].split("&")[0]
        return self._page(
            "settings/second_factor.html", 422 if errors else 200, picture=picture, secret=secret, errors=errors
        )

    @expose("/security/second-factor/off", methods=["POST"])
    @limiter.limit("10 per minute")
    def second_factor_off(self) -> Response:
        """Turns the second factor off."""
        http.actor()
        try:
            with platform_uow("identity"):
                disable_second_factor(g.identity.account.id, request.form.get("password", ""))
        except Invalid as error:
            return self._security(422, errors={"second_factor": error.errors["password"]})
        return saved("/settings/security", _("The second factor is off."))

    @expose("/security/google/unlink", methods=["POST"])
    @limiter.limit("10 per minute")
    def unlink_google(self) -> Response:
        """Forgets the Google account; the password opens the account from now on."""
        http.actor()
        try:
            with platform_uow("identity"):
                unlink_google(g.identity.account.id, request.form.get("password", "")[:200])
        except Invalid as error:
            return self._security(422, errors={"google": error.errors["password"]})
        return saved("/settings/security", _("Your Google account is no longer linked."))

    @expose("/security/sessions/<pk>/revoke", methods=["POST"])
    def revoke_session(self, pk: str) -> Response:
        """Ends one of one's own sessions."""
        http.actor()
        with platform_uow("identity"):
            revoke_session(parse_id(pk), user_id=g.identity.account.id)
        return saved("/settings/security", _("Session ended."))

    @expose("/security/sessions/revoke-others", methods=["POST"])
    def revoke_others(self) -> Response:
        """Ends all other sessions."""
        http.actor()
        with platform_uow("identity"):
            revoke_other_sessions(g.identity.account.id, g.identity.session_id)
        return saved("/settings/security", _("Your other sessions have ended."))
