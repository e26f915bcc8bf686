"""Oneself: name, picture, language, look."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask import Response, g, request
from flask_appbuilder import expose

from app.kernel import http
from app.kernel.errors import DomainError
from app.kernel.i18n import gettext as _
from app.kernel.uow import platform_uow
from app.settings.pictures import picture_url, store_picture
from app.settings.views.page import SettingsPage, saved
from app.tenancy.service.accounts.profile import update_profile


class ProfileView(SettingsPage):
    """One's own profile."""

    default_view = "profile"

    @expose("/profile", methods=["GET", "POST"])
    def profile(self) -> Response:
        """Name, picture, language, time zone, theme, shortcuts."""
        actor = http.actor()
        account = g.identity.account
        if request.method == "POST":
            try:
                key = None
                picture = request.files.get("avatar")
                if picture is not None and picture.filename:
                    key = store_picture(picture, folder=f"people/{account.id}", size=256, field="avatar", crop=True)
                with platform_uow("identity", actor):
                    update_profile(
                        account.id,
                        first_name=request.form.get("first_name", ""),
                        last_name=request.form.get("last_name", ""),
                        locale=request.form.get("locale", ""),
                        timezone=request.form.get("timezone", ""),
                        theme=request.form.get("theme", ""),
                        shortcuts=request.form.get("shortcuts") == "1",
                        avatar_key=key,
                    )
            except DomainError as error:
                return self._profile(account, error.status, errors=error.errors or {"avatar": [_(error.message)]})
            return saved("/settings/profile", _("Profile saved."))
        return self._profile(account)

    def _profile(self, account: Any, status: int = 200, **context: Any) -> Response:
        return self._page(
            "settings/profile.html",
            status,
            account=account,
            picture=picture_url(account.avatar_key),
            timezones=sorted(available_timezones()),
            **context,
        )
