"""The fields that the organization adds to its records."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_appbuilder import expose

from app.custom_fields import queries, service
from app.custom_fields.service import ChoiceInput
from app.kernel import http
from app.kernel.crud.custom import ICONS, WITH_CHOICES, FieldType
from app.kernel.crud.fields import Crud
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.settings.views.page import SettingsPage, saved, whole_number

HOME = "/settings/custom-fields"
TYPES = (
    (FieldType.TEXT, _l("Text")),
    (FieldType.NUMBER, _l("Number")),
    (FieldType.DATE, _l("Date")),
    (FieldType.SELECT, _l("One choice")),
    (FieldType.MULTI, _l("Several choices")),
    (FieldType.USER, _l("Person")),
    (FieldType.MONEY, _l("Amount of money")),
    (FieldType.URL, _l("Web address")),
)


def _kind(wanted: str | None) -> Crud:
    """The kind of record that the page is about: the wanted one, else the first that the actor may change."""
    if wanted:
        crud = queries.get_kind(wanted)
    else:
        crud = next((one for one in queries.kinds() if http.actor().can(*one.custom_by)), queries.kinds()[0])
    http.actor().require(*crud.custom_by)
    return crud


def _choices() -> list[ChoiceInput]:
    form = request.form
    archived = set(form.getlist("choice_archived"))
    pairs = zip(form.getlist("choice_id"), form.getlist("choice_label"), strict=False)
    return [ChoiceInput(label, id or None, bool(id) and id in archived) for id, label in pairs if label.strip()][:200]


class CustomFieldsView(SettingsPage):
    """Custom fields of each kind of record."""

    default_view = "custom_fields"

    @expose("/custom-fields")
    def custom_fields(self) -> Response:
        """The fields of one kind of record, in order; below them the archived ones."""
        crud = _kind(request.args.get("kind"))
        fields = queries.list_fields(crud.kind)
        return self._page(
            "settings/custom_fields.html",
            crud=crud,
            kinds=queries.kinds(),
            active=[one for one in fields if not one.archived],
            archived=[one for one in fields if one.archived],
            used=queries.list_used(crud),
            types=TYPES,
            type_labels=dict(TYPES),
            type_icons=ICONS,
            with_choices=WITH_CHOICES,
            max_fields=service.MAX_FIELDS,
        )

    @expose("/custom-fields/save", methods=["POST"])
    def save_field(self) -> Response:
        """Adds or changes a field."""
        form = request.form
        given: dict[str, Any] = {name: form.get(name, "") for name in ("label", "help")}
        given |= {"choices": _choices(), "required": form.get("required") == "1"}
        with uow():
            if form.get("id"):
                version = whole_number(form.get("version"), "version")
                field = service.update_field(
                    parse_id(form["id"]), actor=http.actor(), type=form.get("type") or None, version=version, **given
                )
            else:
                field = service.create_field(
                    form.get("kind", ""), type=form.get("type", ""), actor=http.actor(), **given
                )
            kind = field.kind
        return saved(f"{HOME}?kind={kind}", _("Field saved."))

    @expose("/custom-fields/<pk>/archive", methods=["POST"])
    def archive_field(self, pk: str) -> Response:
        """Archives a field, or (``archived=0``) brings it back."""
        archived = request.form.get("archived", "1") == "1"
        with uow():
            kind = service.set_archived(parse_id(pk), archived, actor=http.actor()).kind
        return saved(f"{HOME}?kind={kind}", _("Field archived.") if archived else _("Field restored."))

    @expose("/custom-fields/order", methods=["POST"])
    def order_fields(self) -> Response:
        """Orders the fields of a ``kind``: ``field``, repeated."""
        kind = request.form.get("kind", "")
        with uow():
            ids = [parse_id(one) for one in request.form.getlist("field")[: service.MAX_EVER]]
            service.order_fields(kind, ids, actor=http.actor())
        if http.wants_json():
            return http.json_response({"message": _("Order saved.")})
        return saved(f"{HOME}?kind={kind}", _("Order saved."))
