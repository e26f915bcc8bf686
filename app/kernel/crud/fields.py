"""One declaration of an entity's fields, from which list, forms, filters, REST, export and import come."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dc_field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select

from app.kernel import money, tenant
from app.kernel.db import db
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.kernel.db import TenantModel


class Kind(StrEnum):
    """What a field holds; decides its widget, filters, JSON type and parser."""

    TEXT = "text"
    LONG = "long"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    PERCENT = "percent"
    DATE = "date"
    DATETIME = "datetime"
    BOOL = "bool"
    ENUM = "enum"
    REF = "ref"
    PERSON = "person"
    TAGS = "tags"
    MULTI = "multi"


NUMERIC = {Kind.INTEGER, Kind.DECIMAL, Kind.MONEY, Kind.PERCENT}


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of an ENUM or MULTI field, with its badge. An ``archived`` one stays where it is only."""

    value: str
    label: Any
    css: str = ""
    icon: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entity. ``name`` is the mapped attribute (``account_id`` for references).

    ``public`` is its name in REST and in addresses (``account``); defaults to ``name`` without
    ``_id``. ``target`` is the kind of record a REF points to. ``expression`` makes a computed,
    read-only column: a function of nothing that returns SQL. ``mobile`` places the cell on phones
    (title, sub, end, end2, line). ``total`` is what lists show below the column: sum (and average), or average.
    ``own`` is where a field of the organization's own (``kernel.crud.custom``) has its value, ``currency`` that of
    its amounts.
    """

    name: str
    label: Any
    kind: Kind = Kind.TEXT
    required: bool = False
    max_length: int | None = None
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    choices: tuple[Choice, ...] = ()
    target: str = ""
    help: Any = ""
    section: Any = ""
    in_list: bool = False
    sortable: bool = True
    filterable: bool = True
    editable: bool = True
    in_form: bool = True
    expression: Callable[[], Any] | None = None
    icon: str = ""
    mobile: str = ""
    public: str = ""
    unit: str = ""
    aliases: tuple[str, ...] = ()
    autocomplete: str = ""
    many: bool = False
    total: str = ""
    is_year: bool = False  # written without marks between the thousands
    own: str = ""
    currency: str = ""
    of_others: bool = False  # drawn from other records, as far as the reader may see those

    @property
    def key(self) -> str:
        """The name in addresses, REST and saved views."""
        return self.public or self.name.removesuffix("_id")

    @property
    def is_number(self) -> bool:
        return self.kind in NUMERIC

    @property
    def is_link(self) -> bool:
        return self.kind in {Kind.REF, Kind.PERSON}

    def currency_of(self, stored: str | None = None) -> str:
        """In what an amount is: the field's own currency, that of its record (``stored``), else the organization's."""
        actor = tenant.current().actor
        return self.currency or stored or (actor.currency if actor is not None else "EUR")

    def choice(self, value: Any) -> Choice | None:
        """The choice for ``value``; None for an unknown one."""
        for one in self.choices:
            if one.value == value:
                return one
        return None


@dataclass(frozen=True, slots=True)
class BulkAction:
    """An action on selected rows. ``run`` gets the ids that the actor may touch, and the form."""

    name: str
    label: Any
    icon: str
    run: Callable[[list[UUID], Any, Actor], int]
    permission: tuple[str, str]
    field: str = ""
    danger: bool = False
    confirm: Any = ""


@dataclass(frozen=True, slots=True)
class Verbs:
    """The feature's own verbs for writing; without one the generic change of the row applies."""

    create: Callable[..., Any] | None = None
    update: Callable[..., Any] | None = None
    delete: Callable[..., Any] | None = None


# The fields of the current organization's own, told by kernel.crud.custom: (crud, archived ones too) -> fields.
own_fields: list[Callable[[Crud, bool], tuple[Field, ...]]] = []


class _Fields:
    """The declared fields, and behind them those that the current organization added."""

    def __get__(self, crud: Crud | None, _owner: type[Crud] | None = None) -> tuple[Field, ...]:
        if crud is None:
            raise AttributeError("fields")  # for the dataclass: no default
        declared: tuple[Field, ...] = crud.__dict__["_declared"]
        return declared + own_fields[0](crud, False) if crud.custom and own_fields else declared

    def __set__(self, crud: Crud, value: tuple[Field, ...]) -> None:
        crud.__dict__["_declared"] = value


@dataclass(frozen=True)
class Crud:
    """An entity: its table, names, addresses, permissions and fields.

    ``custom`` says that organizations may add fields by themselves, whoever has the permission ``custom_by``: the
    model then has the column of ``kernel.crud.custom``, and ``fields`` has them at its end.
    """

    kind: str
    model: type[TenantModel]
    resource: str
    url: str
    api: str
    singular: Any
    plural: Any
    new_label: Any
    icon: str
    fields: tuple[Field, ...]
    label_field: str
    search: tuple[str, ...]
    order: str
    section: Any = ""
    section_url: str = ""
    verbs: Verbs = dc_field(default_factory=Verbs)
    bulk: tuple[BulkAction, ...] = ()
    subtitle: Callable[[Any], str] | None = None
    avatar: bool = False
    importable: bool = False
    empty_text: Any = ""
    show_template: str = "crud/show.html"
    extra_columns: Callable[[], dict[str, Any]] | None = None
    # Fields that lists can be filtered by, without being columns; ``many`` ones hold arrays of ids.
    filters: tuple[Field, ...] = ()
    # Where the list is, below ``url``.
    list_path: str = "/"
    # The whole address instead, for a view of it elsewhere.
    list_address: str = ""
    custom: bool = False
    custom_by: tuple[str, str] = ("", "")
    # Under which name views and columns of the list are kept, where there are several lists of the entity.
    list_name: str = ""
    # What else the list's address may say (``group``), with the values that there are.
    options: Mapping[str, tuple[str, ...]] = dc_field(default_factory=lambda: MappingProxyType({}))
    # The columns of the list, else those of the fields that are ``in_list``.
    default_columns: tuple[str, ...] = ()

    @property
    def views_kind(self) -> str:
        """Under which name views and columns of the list are kept."""
        return self.list_name or self.kind

    @property
    def shape(self) -> tuple[Any, ...]:
        """What tells its lists from those that another organization has of the entity: the fields of its own."""
        own = [one for one in self.fields if one.own]
        return tuple((one.key, one.label, one.kind, one.choices, one.unit) for one in own)

    @property
    def list_url(self) -> str:
        """The address of the list."""
        return self.list_address or self.url + self.list_path

    def field(self, key: str) -> Field | None:
        """The field with this public key or attribute name."""
        for one in (*self.fields, *self.filters):
            if key in (one.key, one.name):
                return one
        return None

    def known_field(self, key: str) -> Field | None:
        """As ``field``, but also one of the organization's own that is archived: for what was written before."""
        return self.field(key) or next((one for one in self.every_field if one.name == key), None)

    @property
    def every_field(self) -> tuple[Field, ...]:
        """The fields, with the archived ones of the organization's own."""
        declared: tuple[Field, ...] = self.__dict__["_declared"]
        return declared + own_fields[0](self, True) if self.custom and own_fields else declared

    @property
    def form_fields(self) -> list[Field]:
        return [one for one in self.writable if one.in_form]

    @property
    def writable(self) -> list[Field]:
        return [one for one in self.fields if one.editable and one.expression is None]


# Set from here: the class itself gives it no default, and only writes through it.
Crud.fields = _Fields()  # type: ignore[assignment]

# Every entity by kind; features register theirs so that references can be resolved and searched.
cruds: dict[str, Crud] = {}
# Lists beside an entity's own one, by their names.
lists: dict[str, Crud] = {}
PERSON_KIND = "membership"


@dataclass(frozen=True, slots=True)
class Target:
    """A table that references point to without being an entity of its own (people, stages).

    Its choices are for whoever may read its model's resource; without one for every member.
    """

    model: type[TenantModel]
    label_column: str
    order: Callable[[], Any]
    active: Callable[[], Any] | None = None

    @property
    def resource(self) -> str | None:
        """The permission resource that reading its rows needs."""
        return self.model.__resource__


targets: dict[str, Target] = {}


def register(crud: Crud) -> Crud:
    """Adds an entity."""
    cruds[crud.kind] = crud
    return crud


def register_list(crud: Crud) -> Crud:
    """Adds another list of an entity, with a ``list_name``."""
    lists[crud.list_name] = crud
    return crud


def target_model(field: Field) -> tuple[type[TenantModel], Any]:
    """The table a reference points to, and the column that names its rows."""
    kind = PERSON_KIND if field.kind is Kind.PERSON else field.target
    if kind in targets:
        found = targets[kind]
        return found.model, getattr(found.model, found.label_column)
    crud = cruds[kind]
    return crud.model, getattr(crud.model, crud.label_field)


def is_small(field: Field) -> bool:
    """Whether a reference's choices fit into a plain select (people, stages, pipelines)."""
    return field.kind is Kind.PERSON or field.target in targets


def options(field: Field, limit: int = 300) -> list[tuple[str, str]]:
    """The choices of a small reference: (id, name)."""
    kind = PERSON_KIND if field.kind is Kind.PERSON else field.target
    found = targets[kind]
    statement = select(found.model.id, getattr(found.model, found.label_column)).order_by(found.order())
    if found.active is not None:
        statement = statement.where(found.active())
    return [(str(row[0]), row[1]) for row in db.session.execute(statement.limit(limit))]


# ── from what people type (forms, JSON, cells) to values ─────────────────────────────────────────


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold ``text``: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def _text(field: Field, raw: Any) -> str:
    if not isinstance(raw, str):
        if isinstance(raw, bool | dict | list):
            raise ValueError(_("Write a text here."))
        raw = str(raw)
    if not storable(raw):
        raise ValueError(_("This text has characters that cannot be stored."))
    text = raw.strip() if field.kind is Kind.LONG else " ".join(raw.split())
    if field.max_length and len(text) > field.max_length:
        raise ValueError(_("At most %(count)s characters.", count=field.max_length))
    return text


def _number(field: Field, raw: Any) -> Decimal | int:
    try:
        if isinstance(raw, bool):
            raise ValueError
        if isinstance(raw, int | Decimal) and not -money.MAX_AMOUNT <= raw <= money.MAX_AMOUNT:
            raise OverflowError
        value = money.parse_amount(raw if isinstance(raw, int | Decimal) else str(raw))
        if field.kind is Kind.INTEGER:
            if value != value.to_integral_value():
                raise ValueError
            value = Decimal(int(value))
    except OverflowError:
        raise ValueError(_("This number is too large.")) from None
    except (ValueError, ArithmeticError):
        raise ValueError(_("This is not a number.")) from None
    if field.minimum is not None and value < field.minimum:
        raise ValueError(_("At least %(value)s.", value=field.minimum))
    if field.maximum is not None and value > field.maximum:
        raise ValueError(_("At most %(value)s.", value=field.maximum))
    if field.kind is Kind.INTEGER:
        if abs(value) > 2_147_483_647:
            raise ValueError(_("This number is too large."))
        return int(value)
    return value


def _date(raw: Any) -> dt.date:
    if isinstance(raw, dt.date):
        return raw
    try:
        value = dt.date.fromisoformat(str(raw).strip()[:10])
    except ValueError:
        raise ValueError(_("This is not a date.")) from None
    if not 1900 <= value.year <= 2200:
        raise ValueError(_("This date is too far away."))
    return value


def _moment(raw: Any) -> dt.datetime:
    try:
        value = dt.datetime.fromisoformat(str(raw).strip())
    except ValueError:
        raise ValueError(_("This is not a date and time.")) from None
    if value.tzinfo is None:
        raise ValueError(_("Add the time zone (ISO 8601)."))
    if not 1900 <= value.year <= 2200:
        raise ValueError(_("This date is too far away."))
    return value.astimezone(dt.UTC)


def _phone(field: Field, raw: Any) -> str:
    text = _text(field, raw)
    try:
        number = phonenumbers.parse(text, "IT")
    except phonenumbers.NumberParseException:
        raise ValueError(_("This is not a phone number.")) from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError(_("This is not a phone number."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(field: Field, raw: Any) -> str:
    text = _text(field, raw)
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise ValueError(_("This is not an e-mail address.")) from None


def _url(field: Field, raw: Any) -> str:
    text = _text(field, raw)
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):(?!\d)", text)
    if scheme is not None and scheme[1].lower() not in {"http", "https"}:
        raise ValueError(_("A web address begins with http:// or https://."))
    if text and "://" not in text:
        text = f"https://{text}"
    if not re.fullmatch(r"https?://[^\s/?#]+\.[^\s/?#]+(?:[/?#]\S*)?", text):
        raise ValueError(_("This is not a web address."))
    return text


def _bool(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    text = str(raw).strip().lower()
    if text in {"1", "true", "yes", "y", "on", "si", "sì", "s", "vero", "x"}:
        return True
    if text in {"0", "false", "no", "n", "off", "falso", ""}:
        return False
    raise ValueError(_("Write yes or no."))


def _enum(field: Field, raw: Any) -> str:
    text = str(raw).strip()
    for choice in field.choices:
        if text.lower() in (choice.value.lower(), str(choice.label).lower()):
            return choice.value
    raise ValueError(_("Choose one of the list."))


def _multi(field: Field, raw: Any) -> list[str]:
    if not isinstance(raw, list):
        raw = [one for one in str(raw).split(",") if one.strip()]
    if not all(isinstance(one, str) for one in raw):
        raise ValueError(_("Choose one of the list."))
    chosen = {_enum(field, one) for one in raw}
    return [one.value for one in field.choices if one.value in chosen]


def _tags(raw: Any) -> list[str]:
    parts = raw if isinstance(raw, list) else str(raw).split(",")
    found: list[str] = []
    for part in parts:
        if not isinstance(part, str) or not storable(part):
            raise ValueError(_("Write a text here."))
        tag = " ".join(part.split())[:40]
        if tag and tag.lower() not in {one.lower() for one in found}:
            found.append(tag)
    if len(found) > 20:
        raise ValueError(_("At most %(count)s tags.", count=20))
    return found


def parse(field: Field, raw: Any) -> Any:
    """The value of ``field`` written in ``raw``; None for nothing.

    Raises ValueError with a message for people. References are checked by resolve().
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return [] if field.kind in {Kind.TAGS, Kind.MULTI} else (False if field.kind is Kind.BOOL else None)
    match field.kind:
        case Kind.TEXT | Kind.LONG:
            return _text(field, raw) or None
        case Kind.EMAIL:
            return _email(field, raw)
        case Kind.PHONE:
            return _phone(field, raw)
        case Kind.URL:
            return _url(field, raw)
        case Kind.INTEGER | Kind.DECIMAL | Kind.MONEY | Kind.PERCENT:
            return _number(field, raw)
        case Kind.DATE:
            return _date(raw)
        case Kind.DATETIME:
            return _moment(raw)
        case Kind.BOOL:
            return _bool(raw)
        case Kind.ENUM:
            return _enum(field, raw)
        case Kind.TAGS:
            return _tags(raw)
        case Kind.MULTI:
            return _multi(field, raw)
        case Kind.REF | Kind.PERSON:
            try:
                return parse_id(raw)
            except NotFound:
                raise ValueError(_("This record does not exist.")) from None
    raise AssertionError(field.kind)


def clean(fields: Sequence[Field], raw: dict[str, Any], *, partial: bool, linked: bool = True) -> dict[str, Any]:
    """The values for ``fields`` in ``raw`` (keyed by public key), keyed by attribute name.

    ``partial`` leaves out what ``raw`` does not mention; otherwise required fields must be there.
    References are looked up, so a foreign or unknown id is refused; without ``linked`` whoever calls does that.
    Raises Invalid with every field's errors, keyed by public key.
    """
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for field in fields:
        if field.key not in raw:
            if not partial and field.required:
                errors[field.key] = [_("This field is required.")]
            continue
        try:
            value = parse(field, raw[field.key])
        except ValueError as error:
            errors[field.key] = [str(error)]
            continue
        if field.required and (value is None or value == []):
            errors[field.key] = [_("This field is required.")]
            continue
        if linked and field.is_link and value is not None and not exists(field, value):
            errors[field.key] = [_("This record does not exist.")]
            continue
        values[field.name] = value
    if errors:
        raise Invalid(errors=errors)
    return values


def exists(field: Field, value: UUID) -> bool:
    """Whether the record that a reference names is there (and visible to the actor)."""
    model, _label = target_model(field)
    return (db.session.scalar(select(func.count()).select_from(model).where(model.id == value)) or 0) > 0
