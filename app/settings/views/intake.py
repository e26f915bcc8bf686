"""The forms with which people ask for tasks: what they ask, and their secret addresses."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request
from flask_appbuilder import expose

from app.intake import queries
from app.intake.api import FORMS, public_address
from app.intake.mailbox import mailbox
from app.intake.models import OPTIONAL
from app.intake.service.forms import MAX_INTRO, MAX_NAME, create_form, delete_form, rotate_form, update_form
from app.intake.words import ASKS
from app.kernel import http
from app.kernel.crud.fields import clean
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.incoming import address
from app.kernel.uow import uow
from app.settings.views.page import SettingsPage, saved, whole_number
from app.tasks.cruds import MODULES
from app.tasks.queries.tasks import list_statuses
from app.tasks.rows import MODULE_CSS
from app.tenancy.queries import list_people

HOME = "/settings/intake"


def _values() -> dict[str, Any]:
    form = request.form
    raw: dict[str, Any] = {name: form.get(name, "") for name in ("name", "intro", "module")}
    raw |= {name: form.get(name, "") for name in ("default_status", "default_owner")}
    raw |= {"asks": form.getlist("asks")[:20]}
    return clean(
        FORMS.writable,
        raw | {name: form.get(name) == "1" for name in ("is_open", "tells_done", "takes_mail")},
        partial=True,
    )


class IntakeView(SettingsPage):
    """Forms, for whoever manages tasks."""

    default_view = "intake"

    @expose("/intake")
    def intake(self) -> Response:
        """The forms, by name."""
        http.actor().require("manage", "tasks")
        return self._show()

    @expose("/intake/save", methods=["POST"])
    def save_form(self) -> Response:
        """Adds a form, and shows its address; or changes one (``id``)."""
        actor = http.actor()
        actor.require("manage", "tasks")
        form_id = request.form.get("id")
        try:
            values = _values()
            with uow():
                if form_id:
                    version = whole_number(request.form.get("version"), "version")
                    update_form(queries.get_form(parse_id(form_id)), actor=actor, version=version, **values)
                else:
                    made = create_form(actor=actor, **values)
                    _form, secret = rotate_form(made.id, actor=actor)
        except (Invalid, Conflict) as error:
            return self._show(error.status, errors=error.errors, message=error.message, wrong=form_id or "new")
        if form_id:
            return saved(HOME, _("Form saved."))
        return self._address(made.name, secret, rotated=False)

    @expose("/intake/<pk>/rotate", methods=["POST"])
    def rotate(self, pk: str) -> Response:
        """Gives a form a new address, shown once; the one before answers no more."""
        with uow():
            form, secret = rotate_form(parse_id(pk), actor=http.actor())
            name = form.name
        return self._address(name, secret, rotated=True)

    @expose("/intake/<pk>/delete", methods=["POST"])
    def delete(self, pk: str) -> Response:
        """Deletes a form; its requests stay."""
        with uow():
            delete_form(queries.get_form(parse_id(pk)), actor=http.actor())
        return saved(HOME, _("Form deleted. Its requests stay."))

    def _address(self, name: str, secret: str, *, rotated: bool) -> Response:
        return self._page("settings/intake_address.html", name=name, url=public_address(secret), rotated=rotated)

    def _show(self, status: int = 200, **context: Any) -> Response:
        return self._page(
            "settings/intake.html",
            status,
            forms=queries.list_forms(),
            mail_to=lambda form: address(mailbox.name, form.mail_key, current_app.config["MAIL_DOMAIN"]),
            modules={one.value: one for one in MODULES},
            module_css=MODULE_CSS,
            statuses=[(one.id, one.name) for one in list_statuses()],
            people=[(one.id, one.display_name) for one in list_people()],
            asks=ASKS,
            usual=OPTIONAL,
            name_length=MAX_NAME,
            intro_length=MAX_INTRO,
            **{"message": "", "wrong": "", **context},
        )
