"""WTForms forms made from an entity's fields."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from flask_appbuilder.forms import DynamicForm
from sqlalchemy import select
from wtforms import Field as WTField
from wtforms import HiddenField, ValidationError

from app.kernel import i18n
from app.kernel.crud.fields import Choice, Crud, Field, Kind, is_small, options, parse, target_model
from app.kernel.db import db
from app.kernel.i18n import gettext as _


class SpecField(WTField):  # type: ignore[misc]
    """A form field that parses with the entity's own rules and keeps what was typed."""

    def __init__(self, *args: Any, spec: Field, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spec = spec
        self.raw: str = ""
        self.value: Any = None

    def process_data(self, value: Any) -> None:
        self.value = value
        self.raw = write(self.spec, value)
        self.data = value

    def process_formdata(self, valuelist: list[str]) -> None:
        if self.spec.kind is Kind.BOOL:
            self.raw = "true" if valuelist and valuelist[-1] not in {"", "false"} else ""
        elif self.spec.kind is Kind.MULTI:
            self.raw = ",".join(valuelist)
        else:
            self.raw = valuelist[0] if valuelist else ""

    def pre_validate(self, _form: Any) -> None:
        raw = self.raw
        if self.spec.kind is Kind.DATETIME and raw:
            raw = local_to_utc(raw)
        try:
            self.value = self.data = parse(self.spec, raw)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if self.spec.required and self.value in (None, "", []):
            raise ValidationError(_("This field is required."))
        if self.spec.is_link and self.value is not None and self.linked_name() is None:
            raise ValidationError(_("This record does not exist."))

    def linked_name(self) -> str | None:
        """The name of the record that a reference points to."""
        if self.value is None:
            return None
        model, label = target_model(self.spec)
        name: str | None = db.session.scalar(select(label).where(model.id == self.value))
        return name

    @property
    def options(self) -> list[tuple[str, str]]:
        """The choices of a select."""
        if self.spec.kind is Kind.ENUM:
            return [(one.value, str(one.label)) for one in self.offered]
        return options(self.spec)

    @property
    def offered(self) -> list[Choice]:
        """The choices that may be given now, and those that are."""
        chosen = self.raw.split(",")
        return [one for one in self.spec.choices if not one.archived or one.value in chosen]

    @property
    def is_remote(self) -> bool:
        """Whether the choices are searched on the server."""
        return self.spec.is_link and not is_small(self.spec)


def local_to_utc(text: str) -> str:
    """An ISO date and time of a form control, read in the person's time zone, as UTC-aware ISO text."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(i18n.select_timezone()))
    return moment.isoformat()


def write(field: Field, value: Any) -> str:
    """``value`` as a form control shows it; parse() reads it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    if field.kind in {Kind.MONEY, Kind.DECIMAL, Kind.PERCENT} and isinstance(value, Decimal | int | float):
        return format_decimal(value, format="0.##" if field.kind is not Kind.MONEY else "0.00", locale=i18n.locale())
    if isinstance(value, dt.datetime):
        return value.astimezone(ZoneInfo(i18n.select_timezone())).strftime("%Y-%m-%dT%H:%M")
    if isinstance(value, list):
        return ("," if field.kind is Kind.MULTI else ", ").join(value)
    return str(value)


def make_form(crud: Crud) -> type[Any]:
    """The add and edit form of an entity. Field names are the public keys."""
    members: dict[str, Any] = {field.key: SpecField(field.label, spec=field) for field in crud.form_fields}
    members["version"] = HiddenField()
    return type(f"{crud.model.__name__}Form", (DynamicForm,), members)
