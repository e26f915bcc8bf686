"""The company's own data."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Response, request
from flask_appbuilder import expose

from app.kernel import http
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.money import CURRENCIES
from app.kernel.uow import uow
from app.settings.views.page import SettingsPage, saved
from app.tenancy import queries
from app.tenancy.service import organizations


class CompanyView(SettingsPage):
    """The company's own data."""

    default_view = "company"

    @expose("/company", methods=["GET", "POST"])
    def company(self) -> Response:
        """The company's own data."""
        actor = http.actor()
        actor.require("manage", "branding")
        errors: dict[str, list[str]] = {}
        if request.method == "POST":
            names = ("name", "legal_name", "vat_number", "locale", "timezone", "base_currency")
            try:
                with uow():
                    organizations.update_organization(
                        actor=actor, **{name: request.form[name] for name in names if name in request.form}
                    )
                return saved("/settings/company", _("Changes saved."))
            except Invalid as error:
                errors = error.errors
        return self._page(
            "settings/company.html",
            422 if errors else 200,
            organization=queries.current_organization(),
            currencies=CURRENCIES,
            timezones=sorted(available_timezones()),
            errors=errors,
        )
