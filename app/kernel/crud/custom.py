"""Fields that an organization adds to an entity by itself; their values stand in the record's JSONB column ``custom``.

Who stores the definitions (a feature) tells them by ``load_with``. They become Fields at the end of ``Crud.fields``,
so that lists, filters, forms, REST and exports have them without knowing. A value is kept under the definition's id,
which fixes its type for good; addresses and REST call it by the definition's key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, Numeric, String, Uuid, cast, func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from app.kernel import money, tenant
from app.kernel.crud.fields import Choice, Crud, Field, Kind, own_fields, target_model
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

# What the keys of own fields begin with in addresses, saved views and filters.
COLUMN = "custom"
PREFIX = f"{COLUMN}_"
MAX_TEXT = 500


class FieldType(StrEnum):
    """What an organization's own field holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    SELECT = "select"
    MULTI = "multi"
    USER = "user"
    MONEY = "money"
    URL = "url"


_KINDS = {
    FieldType.TEXT: (Kind.TEXT, "type"),
    FieldType.NUMBER: (Kind.DECIMAL, "hash"),
    FieldType.DATE: (Kind.DATE, "calendar"),
    FieldType.SELECT: (Kind.ENUM, "list"),
    FieldType.MULTI: (Kind.MULTI, "list-checks"),
    FieldType.USER: (Kind.PERSON, "user"),
    FieldType.MONEY: (Kind.MONEY, "banknote"),
    FieldType.URL: (Kind.URL, "link"),
}
WITH_CHOICES = (FieldType.SELECT, FieldType.MULTI)
ICONS = {name: icon for name, (_kind, icon) in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Definition:
    """A field of an organization's own, as it was defined for the records of one kind."""

    id: UUID
    kind: str
    key: str
    label: str
    type: str
    choices: tuple[Choice, ...] = ()
    required: bool = False
    help: str = ""
    currency: str = ""
    archived: bool = False


Definitions = Mapping[str, Sequence[Definition]]
_loader: list[Callable[[], Definitions]] = []


def load_with(loader: Callable[[], Definitions]) -> None:
    """Sets who knows the definitions of the current organization: those of each kind of record, in order."""
    _loader[:] = [loader]


def forget() -> None:
    """Makes the current scope ask for the definitions again."""
    tenant.current().info.pop("own_fields", None)


def _own(crud: Crud, archived: bool) -> tuple[Field, ...]:
    """The fields that the current organization has for an entity; none outside an organization."""
    scope = tenant.current()
    if scope.kind != "tenant" or not _loader:
        return ()
    known = scope.info.get("own_fields")
    if known is None:
        definitions = _loader[0]()
        known = scope.info["own_fields"] = {
            kind: [(one.archived, to_field(one)) for one in found] for kind, found in definitions.items()
        }
        known[""] = {}
    made = known[""]
    if (crud.kind, archived) not in made:
        made[crud.kind, archived] = tuple(
            field for is_archived, field in known.get(crud.kind, ()) if archived or not is_archived
        )
    found: tuple[Field, ...] = made[crud.kind, archived]
    return found


own_fields[:] = [_own]


def to_field(one: Definition) -> Field:
    """The field of a definition."""
    kind, icon = _KINDS[FieldType(one.type)]
    return Field(
        f"{PREFIX}{one.id.hex}",
        one.label,
        kind,
        public=f"{PREFIX}{one.key}",
        own=one.id.hex,
        required=one.required,
        choices=one.choices,
        help=one.help,
        section=_l("Custom fields"),
        max_length=MAX_TEXT if kind in {Kind.TEXT, Kind.URL} else None,
        sortable=kind is not Kind.MULTI,
        icon=icon,
        currency=one.currency,
        unit=one.currency,
        total="sum" if kind in {Kind.DECIMAL, Kind.MONEY} else "",
    )


def rest_key(field: Field) -> str:
    """What REST calls an own field within the record's ``custom``."""
    return field.key.removeprefix(PREFIX)


# ── in SQL ───────────────────────────────────────────────────────────────────────────────────────


def column_of(crud: Crud, field: Field) -> ColumnElement[Any]:
    """The value of an own field as SQL; NULL where a record has none."""
    value = getattr(crud.model, COLUMN)[field.own]
    match field.kind:
        case Kind.MULTI:
            return value  # type: ignore[no-any-return]
        case Kind.DECIMAL | Kind.MONEY:
            return cast(value.astext, Numeric)
        case Kind.DATE:
            return cast(value.astext, Date)
        case Kind.PERSON:
            return cast(value.astext, Uuid)
    return value.astext  # type: ignore[no-any-return]


def name_of(crud: Crud, field: Field, column: Any) -> Any:
    """What the record is called that an own field refers to."""
    model, label = target_model(field)
    other = aliased(model)
    named = select(getattr(other, label.key)).where(
        other.id == column, other.organization_id == crud.model.organization_id
    )
    return named.correlate(crud.model).scalar_subquery()


def position_of(field: Field, column: Any) -> Any:
    """Where the value of a field with choices stands among them."""
    return func.array_position(cast(array([one.value for one in field.choices]), ARRAY(String)), column)


# ── in a record ──────────────────────────────────────────────────────────────────────────────────


def _stored(value: Any) -> Any:
    """A parsed value as JSON keeps it."""
    if isinstance(value, Decimal):
        return str(money.quantize(value))
    if isinstance(value, dt.date | UUID):
        return str(value)
    return value


def fold(crud: Crud, values: dict[str, Any], record: Any) -> dict[str, Any]:
    """``values`` with those of the organization's own fields put into the column that holds them all.

    Raises Invalid for an archived choice that the record does not have already.
    """
    fields = {field.name: field for field in crud.fields if field.own and field.name in values}
    if not fields:
        return values
    before: Mapping[str, Any] = getattr(record, COLUMN) if record is not None else {}
    errors: dict[str, list[str]] = {}
    after = dict(before)
    for name, field in fields.items():
        value = _stored(values[name])
        gone = _archived(field, value, before.get(field.own))
        if gone is not None:
            errors[field.key] = [_("“%(name)s” is archived: choose another one.", name=str(gone.label))]
        if value in (None, []):
            after.pop(field.own, None)
        else:
            after[field.own] = value
    if errors:
        raise Invalid(errors=errors)
    return {name: value for name, value in values.items() if name not in fields} | {COLUMN: after}


def _archived(field: Field, value: Any, before: Any) -> Choice | None:
    chosen = _listed(value)
    kept = _listed(before)
    return next((one for one in field.choices if one.archived and one.value in chosen and one.value not in kept), None)


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else (value,)


def row_of(crud: Crud, record: Any, people: Mapping[str, str]) -> dict[str, Any]:
    """The values of a record's own fields as a row of a list has them; ``people`` are members' names by id."""
    row: dict[str, Any] = {}
    stored: Mapping[str, Any] = getattr(record, COLUMN)
    for field in crud.fields:
        value = stored.get(field.own) if field.own else None
        if value is None:
            continue
        match field.kind:
            case Kind.DECIMAL | Kind.MONEY:
                value = Decimal(value)
            case Kind.DATE:
                value = dt.date.fromisoformat(value)
            case Kind.PERSON:
                row[f"{field.name}__name"] = people.get(value)
        row[field.name] = value
    return row


# ── in REST ──────────────────────────────────────────────────────────────────────────────────────


def all_optional(fields: Iterable[Field]) -> list[Field]:
    """``fields``, of which the organization's own may be left out."""
    return [replace(one, required=False) if one.own else one for one in fields]


def read_body(crud: Crud, body: dict[str, Any]) -> dict[str, Any]:
    """What a body has under ``custom``, which is taken out of it, by the fields' keys. Raises Invalid."""
    if not crud.custom or COLUMN not in body:
        return {}
    given = body.pop(COLUMN)
    if not isinstance(given, dict):
        raise Invalid(errors={COLUMN: [_("Write an object of fields.")]})
    known = {field.key for field in crud.fields if field.own}
    unknown = [key for key in given if f"{PREFIX}{key}" not in known]
    if unknown:
        raise Invalid(errors={f"{COLUMN}.{key[:60]}": [_("Unknown field.")] for key in unknown})
    return {f"{PREFIX}{key}": value for key, value in given.items()}


@contextmanager
def rest_errors() -> Iterator[None]:
    """Names the organization's own fields in errors as REST does: ``custom.budget``."""
    try:
        yield
    except Invalid as error:
        error.errors = {
            f"{COLUMN}.{key.removeprefix(PREFIX)}" if key.startswith(PREFIX) else key: texts
            for key, texts in error.errors.items()
        }
        raise
