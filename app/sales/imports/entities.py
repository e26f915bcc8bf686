"""What can be imported: the fields of each entity, its natural key, and how rows become records."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.crud.fields import Crud, Field, Kind
from app.kernel.db import db
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.contacts import CONTACTS
from app.sales.cruds.leads import LEADS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.cruds.products import PRODUCTS
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.leads import Lead
from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import PipelineStage
from app.sales.models.products import Product
from app.tenancy.models import Membership, Team

Key = tuple[str, ...]


def normal(text: str) -> str:
    """A name as it is compared: no accents, no case, single spaces."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().split())


def tight(text: str) -> str:
    """A name without anything but letters and digits: ``GTX Pro`` and ``GTXPro`` are one."""
    return re.sub(r"[^a-z0-9]+", "", normal(text))


@dataclass(frozen=True, slots=True)
class Entity:
    """An importable entity. ``key`` gives a row's natural key from its values, ``existing`` looks
    keys up in the organization: key -> (id, version)."""

    name: str
    crud: Crud | None
    label: Any
    resource: str
    fields: tuple[Field, ...]
    key: Callable[[dict[str, Any]], Key]
    existing: Callable[[list[Key]], dict[Key, tuple[UUID, int]]]
    kind: str


def _text(value: Any) -> str:
    return str(value or "").strip().lower()


def _pairs(statement: Any, key: Callable[[Any], Key]) -> dict[Key, tuple[UUID, int]]:
    return {key(row): (row.id, row.version) for row in db.session.execute(statement)}


def _by_name(model: Any, column: str = "name") -> Callable[[list[Key]], dict[Key, tuple[UUID, int]]]:
    def find(keys: list[Key]) -> dict[Key, tuple[UUID, int]]:
        lowered = func.lower(getattr(model, column))
        return _pairs(
            select(model.id, model.version, lowered.label("key")).where(lowered.in_([one[0] for one in keys])),
            lambda row: (row.key,),
        )

    return find


def _contact_key(values: dict[str, Any]) -> Key:
    if values.get("email"):
        return ("email", _text(values["email"]))
    return ("name", _text(values.get("name")), str(values.get("account_id") or ""))


def _find_contacts(keys: list[Key]) -> dict[Key, tuple[UUID, int]]:
    emails = [one[1] for one in keys if one[0] == "email"]
    names = [one[1] for one in keys if one[0] == "name"]
    email, name = func.lower(Contact.email), func.lower(Contact.name)
    found = _pairs(
        select(Contact.id, Contact.version, email.label("key")).where(email.in_(emails)),
        lambda row: ("email", row.key),
    )
    found |= _pairs(
        select(Contact.id, Contact.version, name.label("key"), Contact.account_id).where(name.in_(names)),
        lambda row: ("name", row.key, str(row.account_id or "")),
    )
    return found


def _lead_key(values: dict[str, Any]) -> Key:
    if values.get("email"):
        return ("email", _text(values["email"]))
    return ("name", _text(values.get("name")), _text(values.get("company")))


def _find_leads(keys: list[Key]) -> dict[Key, tuple[UUID, int]]:
    emails = [one[1] for one in keys if one[0] == "email"]
    names = [one[1] for one in keys if one[0] == "name"]
    email, name = func.lower(Lead.email), func.lower(Lead.name)
    found = _pairs(
        select(Lead.id, Lead.version, email.label("key")).where(email.in_(emails)),
        lambda row: ("email", row.key),
    )
    found |= _pairs(
        select(Lead.id, Lead.version, name.label("key"), func.lower(Lead.company).label("company")).where(
            name.in_(names)
        ),
        lambda row: ("name", row.key, row.company or ""),
    )
    return found


def _product_key(values: dict[str, Any]) -> Key:
    return ("sku", _text(values["sku"])) if values.get("sku") else ("name", _text(values.get("name")))


def _find_products(keys: list[Key]) -> dict[Key, tuple[UUID, int]]:
    found: dict[Key, tuple[UUID, int]] = {}
    for kind in ("sku", "name"):
        column = func.lower(getattr(Product, kind))
        wanted = [one[1] for one in keys if one[0] == kind]
        if wanted:
            found |= _pairs(
                select(Product.id, Product.version, column.label("key")).where(column.in_(wanted)),
                lambda row, kind=kind: (kind, row.key),  # type: ignore[misc]
            )
    return found


def _deal_key(values: dict[str, Any]) -> Key:
    if values.get("external_ref"):
        return ("ref", str(values["external_ref"]))
    return (
        "title",
        _text(values.get("title")),
        str(values.get("account_id") or ""),
        str(values.get("opened_on") or ""),
    )


def _find_deals(keys: list[Key]) -> dict[Key, tuple[UUID, int]]:
    references = [one[1] for one in keys if one[0] == "ref"]
    titles = [one[1] for one in keys if one[0] == "title"]
    found = _pairs(
        select(Opportunity.id, Opportunity.version, Opportunity.external_ref).where(
            Opportunity.external_ref.in_(references)
        ),
        lambda row: ("ref", row.external_ref),
    )
    if titles:
        title = func.lower(Opportunity.title)
        found |= _pairs(
            select(
                Opportunity.id,
                Opportunity.version,
                title.label("key"),
                Opportunity.account_id,
                Opportunity.opened_on,
            ).where(title.in_(titles)),
            lambda row: ("title", row.key, str(row.account_id or ""), str(row.opened_on or "")),
        )
    return found


def _fields(crud: Crud, *extra: Field, without: tuple[str, ...] = ()) -> tuple[Field, ...]:
    return tuple(one for one in crud.writable if one.name not in without) + extra


PRODUCT_OF_DEAL = Field(
    "product_id",
    _l("Product"),
    Kind.REF,
    target="product",
    aliases=("product", "prodotto", "articolo", "servizio"),
)
PERSON_NAME = Field(
    "display_name",
    _l("Full name"),
    required=True,
    max_length=130,
    public="name",
    aliases=("sales_agent", "name", "nome", "agent", "persona", "venditore", "nome e cognome"),
)
PERSON_TITLE = Field(
    "title", _l("Job title"), max_length=80, aliases=("title", "ruolo", "qualifica", "regional_office", "sede")
)
PERSON_TEAM = Field("team_name", _l("Team"), max_length=80, public="team", aliases=("manager", "team", "squadra"))


def _accounts() -> Entity:
    return Entity(
        "accounts",
        ACCOUNTS,
        ACCOUNTS.plural,
        "account",
        _fields(ACCOUNTS),
        lambda values: (_text(values.get("name")),),
        _by_name(Account),
        "account",
    )


def _opportunities() -> Entity:
    # The title may be put together from product and account, so a file needs none.
    fields = tuple(
        replace(one, required=False) if one.name == "title" else one
        for one in _fields(OPPORTUNITIES, PRODUCT_OF_DEAL, without=("pipeline_id", "lost_reason_id"))
    )
    return Entity(
        "opportunities",
        OPPORTUNITIES,
        OPPORTUNITIES.plural,
        "deal",
        fields,
        _deal_key,
        _find_deals,
        "opportunity",
    )


ENTITIES: dict[str, Entity] = {
    one.name: one
    for one in (
        _accounts(),
        Entity(
            "contacts",
            CONTACTS,
            CONTACTS.plural,
            "contact",
            _fields(CONTACTS),
            _contact_key,
            _find_contacts,
            "contact",
        ),
        Entity(
            "leads",
            LEADS,
            LEADS.plural,
            "lead",
            _fields(LEADS),
            _lead_key,
            _find_leads,
            "lead",
        ),
        Entity(
            "products",
            PRODUCTS,
            PRODUCTS.plural,
            "product",
            _fields(PRODUCTS),
            _product_key,
            _find_products,
            "product",
        ),
        _opportunities(),
        Entity(
            "people",
            None,
            _l("People and teams"),
            "users",
            (PERSON_NAME, PERSON_TITLE, PERSON_TEAM),
            lambda values: (_text(values.get("display_name")),),
            _by_name(Membership, "display_name"),
            "membership",
        ),
    )
}

# Which records a reference may be matched with or created as: target -> (model, name column).
REFERENCES: dict[str, tuple[Any, str]] = {
    "account": (Account, "name"),
    "contact": (Contact, "name"),
    "product": (Product, "name"),
    "membership": (Membership, "display_name"),
    "pipeline_stage": (PipelineStage, "name"),
    "team": (Team, "name"),
}
CREATABLE = {"account", "contact", "product", "membership", "pipeline_stage"}


def target_of(field: Field) -> str:
    """What a reference field points to."""
    return "membership" if field.kind is Kind.PERSON else field.target


def names_of(target: str, pipeline_id: UUID | None) -> dict[str, tuple[UUID, str]]:
    """All records of a target by their compared name: name -> (id, name as written)."""
    model, column = REFERENCES[target]
    statement = select(model.id, getattr(model, column))
    if target == "pipeline_stage":
        statement = statement.where(PipelineStage.pipeline_id == pipeline_id)
    if target == "membership":
        statement = statement.where(Membership.status != "removed")
    return {normal(name): (record_id, name) for record_id, name in db.session.execute(statement)}


def propose(entity: Entity, header: list[str], remembered: dict[str, str] | None) -> dict[str, str]:
    """Column -> field key, by an earlier mapping, else by name; each field once."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    known = {field.key for field in entity.fields}
    for column in header:
        key = (remembered or {}).get(column, "")
        if key in known and key not in taken:
            found[column] = key
            taken.add(key)
    if remembered:
        return found
    exact: dict[str, str] = {}
    for field in entity.fields:
        for alias in (field.key, field.name, str(field.label), *field.aliases):
            exact.setdefault(tight(alias), field.key)
    for column in header:
        key = exact.get(tight(column), "")
        if key and key not in taken and column not in found:
            found[column] = key
            taken.add(key)
    return found
