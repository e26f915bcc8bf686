"""What the pages of the settings have in common."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView

from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _


def saved(url: str, message: str) -> Response:
    """Says that it is done, on the page at ``url``."""
    flash(message, "success")
    return make_response(redirect(url))


def whole_number(text: str | None, field: str) -> int | None:
    """The number in a form's field; None for an empty one."""
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise Invalid(errors={field: [_("This is not a number.")]}) from None


class SettingsPage(BaseView):  # type: ignore[misc]
    """A page of the settings; each checks its own permission."""

    route_base = "/settings"

    def _page(self, template: str, status: int = 200, **context: Any) -> Response:
        return make_response(self.render_template(template, **{"errors": {}, "form": request.form, **context}), status)
