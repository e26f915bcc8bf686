"""Accounts: the companies that we sell to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from app.kernel.crud.bulk import bulk_actions
from app.kernel.crud.fields import Choice, Crud, Field, Kind
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.fields import CREATED, NOTES, OWNER, SALES, TAGS, UPDATED
from app.sales.models.accounts import Account
from app.sales.models.opportunities import Opportunity
from app.tenancy.models import Organization

LIFECYCLES = (
    Choice("prospect", _l("Prospect"), "", "circle-dashed"),
    Choice("in_talks", _l("In talks"), "b-info", "handshake"),
    Choice("customer", _l("Customer"), "b-ok", "badge-check"),
    Choice("at_risk", _l("At risk"), "b-danger", "triangle-alert"),
    Choice("lost", _l("Lost"), "", "circle-x"),
)


def _open_deals(value: Any) -> Any:
    deal = aliased(Opportunity)
    return (
        select(value(deal))
        .where(
            deal.account_id == Account.id,
            deal.organization_id == Account.organization_id,
            deal.stage_kind == "open",
        )
        .correlate(Account)
        .scalar_subquery()
    )


def _amounts(deal: Any) -> Any:
    """The sum of those in the organization's currency: no rate adds the others up. NULL where all are in others."""
    base = select(Organization.base_currency).where(Organization.id == Account.organization_id)
    is_base = deal.currency == base.correlate(Account).scalar_subquery()
    return case((func.bool_and(~is_base), None), else_=func.coalesce(func.sum(deal.amount).filter(is_base), 0))


ACCOUNTS = Crud(
    kind="account",
    model=Account,
    resource="account",
    url="/sales/accounts",
    api="accounts",
    singular=_l("Account"),
    plural=_l("Accounts"),
    new_label=_l("New account"),
    icon="building-2",
    section=SALES,
    section_url="/sales/",
    label_field="name",
    search=("name", "city", "industry"),
    order="name",
    avatar=True,
    importable=True,
    empty_text=_l("The companies that you sell to. Import them from a file or add the first one."),
    bulk=bulk_actions("account", "account"),
    fields=(
        Field(
            "name",
            _l("Name"),
            required=True,
            max_length=160,
            in_list=True,
            mobile="title",
            aliases=("account", "name", "nome", "azienda", "company", "ragione sociale", "ditta"),
            autocomplete="organization",
        ),
        Field(
            "lifecycle",
            _l("Lifecycle"),
            Kind.ENUM,
            choices=LIFECYCLES,
            in_list=True,
            icon="activity",
            mobile="end",
            aliases=("lifecycle", "ciclo di vita", "stato"),
        ),
        Field(
            "open_deals",
            _l("Open deals"),
            Kind.INTEGER,
            in_list=True,
            expression=lambda: _open_deals(lambda deal: func.count(deal.id)),
            total="sum",
            filterable=True,
        ),
        Field(
            "open_value",
            _l("Open value"),
            Kind.MONEY,
            in_list=True,
            mobile="end2",
            expression=lambda: _open_deals(_amounts),
        ),
        OWNER,
        Field(
            "industry",
            _l("Industry"),
            max_length=80,
            in_list=True,
            icon="factory",
            mobile="sub",
            aliases=("sector", "industry", "settore"),
        ),
        Field("city", _l("City"), max_length=80, icon="map-pin", aliases=("city", "città", "provincia")),
        Field(
            "country",
            _l("Country"),
            max_length=80,
            icon="globe",
            in_list=True,
            aliases=("country", "paese", "office_location", "nazione"),
        ),
        Field("website", _l("Website"), Kind.URL, max_length=300, aliases=("website", "sito", "sito web", "url")),
        Field("phone", _l("Phone"), Kind.PHONE, max_length=32, aliases=("phone", "telefono", "tel")),
        Field("vat_number", _l("VAT number"), max_length=20, aliases=("vat", "partita iva", "p.iva", "piva")),
        Field(
            "founded",
            _l("Founded"),
            Kind.INTEGER,
            minimum=1000,
            maximum=2200,
            is_year=True,
            aliases=("year_established", "founded", "anno di fondazione"),
        ),
        Field(
            "annual_revenue",
            _l("Annual revenue (millions)"),
            Kind.DECIMAL,
            minimum=0,
            total="sum",
            aliases=("revenue", "fatturato", "annual_revenue"),
        ),
        Field(
            "employees",
            _l("Employees"),
            Kind.INTEGER,
            minimum=0,
            total="sum",
            aliases=("employees", "dipendenti", "addetti"),
        ),
        Field(
            "parent_id",
            _l("Parent company"),
            Kind.REF,
            target="account",
            aliases=("subsidiary_of", "parent", "capogruppo", "controllata da"),
        ),
        TAGS,
        NOTES,
        CREATED,
        UPDATED,
    ),
)
