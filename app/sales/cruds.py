"""The sales entities: their fields, from which screens, REST, filters, export and import come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Uuid, func, or_, select
from sqlalchemy.orm import aliased

from app.kernel.crud import store
from app.kernel.crud.fields import (
    BulkAction,
    Choice,
    Crud,
    Field,
    Kind,
    Target,
    Verbs,
    exists,
    register,
    targets,
)
from app.kernel.crud.store import change, get
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import parse_id
from app.kernel.money import CURRENCIES
from app.sales.models import (
    Account,
    ActivityLog,
    Contact,
    Lead,
    LostReason,
    Opportunity,
    OpportunityLine,
    OpportunityStageHistory,
    Pipeline,
    PipelineStage,
    Product,
)
from app.sales.service import activities, leads, opportunities
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

targets["membership"] = Target(
    Membership,
    "display_name",
    lambda: func.lower(Membership.display_name),
    lambda: Membership.status != "removed",
)
targets["pipeline"] = Target(Pipeline, "name", lambda: Pipeline.position)
targets["pipeline_stage"] = Target(PipelineStage, "name", lambda: PipelineStage.position)
targets["lost_reason"] = Target(LostReason, "name", lambda: LostReason.position, lambda: LostReason.active)

LIFECYCLES = (
    Choice("prospect", _l("Prospect"), "", "circle-dashed"),
    Choice("in_talks", _l("In talks"), "b-info", "handshake"),
    Choice("customer", _l("Customer"), "b-ok", "badge-check"),
    Choice("at_risk", _l("At risk"), "b-danger", "triangle-alert"),
    Choice("lost", _l("Lost"), "", "circle-x"),
)
LEAD_STATUSES = (
    Choice("new", _l("New"), "b-info", "sparkles"),
    Choice("working", _l("Working"), "b-p2", "loader"),
    Choice("nurturing", _l("Nurturing"), "b-warn", "sprout"),
    Choice("qualified", _l("Qualified"), "b-ok", "badge-check"),
    Choice("disqualified", _l("Disqualified"), "", "circle-x"),
    Choice("converted", _l("Converted"), "b-pink", "arrow-right-left"),
)
PRIORITIES = (
    Choice("P0", _l("P0 Urgent"), "b-danger", "chevrons-up"),
    Choice("P1", _l("P1 High"), "b-p1", "chevron-up"),
    Choice("P2", _l("P2 Medium"), "b-p2", "equal"),
    Choice("P3", _l("P3 Low"), "", "chevron-down"),
)
STAGE_KINDS = (
    Choice("open", _l("Open"), "b-info", "circle-dot"),
    Choice("won", _l("Won"), "b-ok", "trophy"),
    Choice("lost", _l("Lost"), "b-danger", "circle-x"),
)
FORECAST = (
    Choice("omitted", _l("Omitted"), "", "eye-off"),
    Choice("pipeline", _l("Pipeline"), "b-p2", "filter"),
    Choice("best", _l("Best case"), "b-warn", "trending-up"),
    Choice("commit", _l("Commit"), "b-info", "target"),
    Choice("closed", _l("Closed"), "b-ok", "lock"),
)
ACTIVITY_TYPES = (
    Choice("call", _l("Call"), "b-p2", "phone"),
    Choice("email", _l("E-mail"), "b-info", "mail"),
    Choice("meeting", _l("Meeting"), "b-pink", "users"),
    Choice("note", _l("Note"), "b-warn", "sticky-note"),
    Choice("task", _l("To-do"), "", "square-check"),
)
RECURRENCES = (
    Choice("one_off", _l("One-off")),
    Choice("monthly", _l("Monthly")),
    Choice("yearly", _l("Yearly")),
)
CURRENCY_CHOICES = tuple(Choice(one, one) for one in CURRENCIES)

SALES = _l("Sales")
OWNER = Field(
    "owner_id",
    _l("Owner"),
    Kind.PERSON,
    in_list=True,
    icon="user",
    mobile="line",
    aliases=("owner", "titolare", "sales_agent", "agent", "venditore", "commerciale", "assegnatario"),
)
TAGS = Field("tags", _l("Tags"), Kind.TAGS, sortable=False, icon="tag", aliases=("tags", "etichette"))
NOTES = Field("notes", _l("Notes"), Kind.LONG, sortable=False, max_length=20000, aliases=("notes", "note"))
CREATED = Field("created_at", _l("Created"), Kind.DATETIME, editable=False, in_form=False, icon="calendar-plus")
UPDATED = Field("updated_at", _l("Last change"), Kind.DATETIME, editable=False, in_form=False, icon="history")


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


def _product_ids() -> Any:
    """The products of a deal's lines, as an array."""
    return func.array(
        select(OpportunityLine.product_id)
        .where(
            OpportunityLine.opportunity_id == Opportunity.id,
            OpportunityLine.organization_id == Opportunity.organization_id,
            OpportunityLine.product_id.is_not(None),
        )
        .correlate(Opportunity)
        .scalar_subquery(),
        type_=ARRAY(Uuid),
    )


def _reached_ids() -> Any:
    """The open stages of its pipeline that a deal is in, has passed or (once won) has behind it, as an array."""
    stage, passed = aliased(PipelineStage), aliased(PipelineStage)
    furthest = (
        select(func.max(passed.position))
        .join(
            OpportunityStageHistory,
            or_(passed.id == OpportunityStageHistory.to_stage_id, passed.id == OpportunityStageHistory.from_stage_id),
        )
        .where(
            OpportunityStageHistory.opportunity_id == Opportunity.id,
            OpportunityStageHistory.organization_id == Opportunity.organization_id,
            passed.kind == "open",
        )
        .correlate(Opportunity)
        .scalar_subquery()
    )
    return func.array(
        select(stage.id)
        .where(
            stage.pipeline_id == Opportunity.pipeline_id,
            stage.organization_id == Opportunity.organization_id,
            stage.kind == "open",
            or_(Opportunity.stage_kind == "won", stage.position <= furthest),
        )
        .correlate(Opportunity)
        .scalar_subquery(),
        type_=ARRAY(Uuid),
    )


def _bulk_set(crud_kind: str, name: str) -> Any:
    def run(ids: list[UUID], form: Any, actor: Actor) -> int:
        from_form = form.get("value") or None
        crud = register_of(crud_kind)
        field = crud.field(name)
        assert field is not None
        value: Any = from_form
        if field.is_link and from_form is not None:
            value = parse_id(from_form)
            if not exists(field, value):
                raise Invalid(errors={"value": [_("This record does not exist.")]})
        elif field.kind is Kind.TAGS:
            tag = " ".join(str(from_form or "").split())[:40]
            if not tag:
                raise Invalid(errors={"value": [_("This field is required.")]})
            for record_id in ids:
                tags = get(crud, record_id).tags
                if tag not in tags:
                    change(crud, record_id, {"tags": [*tags, tag]}, actor=actor, version=None)
            return len(ids)
        elif field.kind is Kind.ENUM and from_form is not None and field.choice(from_form) is None:
            raise Invalid(errors={"value": [_("Choose one of the list.")]})
        for record_id in ids:
            change(crud, record_id, {field.name: value}, actor=actor, version=None)
        return len(ids)

    return run


def _bulk_delete(crud_kind: str) -> Any:
    def run(ids: list[UUID], _form: Any, actor: Actor) -> int:
        crud = register_of(crud_kind)
        for record_id in ids:
            store.delete(crud, record_id, actor=actor)
        return len(ids)

    return run


def register_of(kind: str) -> Crud:
    """The entity of this kind."""
    return CRUDS[kind]


def _bulk(kind: str, resource: str, *, tags: bool = True) -> tuple[BulkAction, ...]:
    write = ("write", resource)
    actions = [BulkAction("owner", _l("Owner"), "user", _bulk_set(kind, "owner"), write, field="owner")]
    if tags:
        actions.append(BulkAction("tag", _l("Tag"), "tag", _bulk_set(kind, "tags"), write, field="tags"))
    actions.append(
        BulkAction(
            "delete",
            _l("Delete"),
            "trash-2",
            _bulk_delete(kind),
            write,
            danger=True,
            confirm=_l("Delete the selected records? This cannot be undone."),
        )
    )
    return tuple(actions)


ACCOUNTS = register(
    Crud(
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
        bulk=_bulk("account", "account"),
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
                filterable=True,
            ),
            Field(
                "open_value",
                _l("Open value"),
                Kind.MONEY,
                in_list=True,
                mobile="end2",
                expression=lambda: _open_deals(lambda deal: func.coalesce(func.sum(deal.amount), 0)),
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
                aliases=("revenue", "fatturato", "annual_revenue"),
            ),
            Field(
                "employees", _l("Employees"), Kind.INTEGER, minimum=0, aliases=("employees", "dipendenti", "addetti")
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
)

CONTACTS = register(
    Crud(
        kind="contact",
        model=Contact,
        resource="contact",
        url="/sales/contacts",
        api="contacts",
        singular=_l("Contact"),
        plural=_l("Contacts"),
        new_label=_l("New contact"),
        icon="contact",
        section=SALES,
        section_url="/sales/",
        label_field="name",
        search=("name", "email", "job_title"),
        order="name",
        avatar=True,
        importable=True,
        empty_text=_l("The people you talk to. Import them from a file or add the first one."),
        bulk=_bulk("contact", "contact"),
        fields=(
            Field(
                "name",
                _l("Full name"),
                required=True,
                max_length=130,
                in_list=True,
                mobile="title",
                aliases=("name", "nome", "nome e cognome", "nome completo", "full name", "contact", "referente"),
                autocomplete="off",
            ),
            Field(
                "account_id",
                _l("Account"),
                Kind.REF,
                target="account",
                in_list=True,
                icon="building-2",
                mobile="sub",
                aliases=("account", "azienda", "company", "ditta", "società"),
            ),
            Field(
                "job_title",
                _l("Job title"),
                max_length=80,
                in_list=True,
                aliases=("job_title", "title", "ruolo", "qualifica", "posizione"),
            ),
            Field(
                "email",
                _l("E-mail"),
                Kind.EMAIL,
                max_length=320,
                in_list=True,
                icon="mail",
                aliases=("email", "e-mail", "mail", "posta"),
            ),
            Field(
                "phone",
                _l("Phone"),
                Kind.PHONE,
                max_length=32,
                in_list=True,
                icon="phone",
                mobile="end",
                aliases=("phone", "telefono", "cell.", "cellulare", "mobile", "tel"),
            ),
            OWNER,
            TAGS,
            NOTES,
            CREATED,
            UPDATED,
        ),
    )
)

LEADS = register(
    Crud(
        kind="lead",
        model=Lead,
        resource="lead",
        url="/sales/leads",
        api="leads",
        singular=_l("Lead"),
        plural=_l("Leads"),
        new_label=_l("New lead"),
        icon="user-plus",
        section=SALES,
        section_url="/sales/",
        label_field="name",
        search=("name", "company", "email"),
        order="-created_at",
        avatar=True,
        importable=True,
        show_template="sales/lead_show.html",
        empty_text=_l("People who asked about you. They arrive from forms, imports, or by hand."),
        verbs=Verbs(create=leads.create_lead, update=leads.update_lead),
        bulk=_bulk("lead", "lead"),
        fields=(
            Field(
                "name",
                _l("Full name"),
                required=True,
                max_length=130,
                in_list=True,
                mobile="title",
                aliases=("name", "nome", "nome e cognome", "nome completo", "full name", "lead"),
            ),
            Field(
                "status",
                _l("Status"),
                Kind.ENUM,
                choices=LEAD_STATUSES,
                in_list=True,
                icon="circle-dot",
                mobile="end",
                aliases=("status", "stato"),
            ),
            Field(
                "company",
                _l("Company"),
                max_length=160,
                in_list=True,
                mobile="sub",
                icon="building-2",
                aliases=("company", "azienda", "ditta", "società", "account"),
            ),
            Field("email", _l("E-mail"), Kind.EMAIL, max_length=320, in_list=True, aliases=("email", "e-mail", "mail")),
            Field("phone", _l("Phone"), Kind.PHONE, max_length=32, aliases=("phone", "telefono", "cell.", "cellulare")),
            Field(
                "source",
                _l("Source"),
                max_length=60,
                in_list=True,
                icon="signpost",
                aliases=("source", "origine", "fonte"),
            ),
            Field(
                "score", _l("Score"), Kind.INTEGER, minimum=0, maximum=100, in_list=True, aliases=("score", "punteggio")
            ),
            OWNER,
            Field("disqualify_reason", _l("Reason for disqualifying"), max_length=200),
            TAGS,
            NOTES,
            Field("converted_at", _l("Converted"), Kind.DATETIME, editable=False, in_form=False),
            Field(
                "created_at",
                _l("Created"),
                Kind.DATETIME,
                editable=False,
                in_form=False,
                in_list=True,
                icon="calendar-plus",
                mobile="end2",
            ),
            UPDATED,
        ),
    )
)

PRODUCTS = register(
    Crud(
        kind="product",
        model=Product,
        resource="product",
        url="/sales/products",
        api="products",
        singular=_l("Product"),
        plural=_l("Products"),
        new_label=_l("New product"),
        icon="package",
        section=SALES,
        section_url="/sales/",
        label_field="name",
        search=("name", "sku", "series"),
        order="name",
        importable=True,
        empty_text=_l("What you sell, with its list price. Deals take their lines from here."),
        bulk=(
            BulkAction(
                "delete",
                _l("Delete"),
                "trash-2",
                _bulk_delete("product"),
                ("write", "product"),
                danger=True,
                confirm=_l("Delete the selected records? This cannot be undone."),
            ),
        ),
        fields=(
            Field(
                "name",
                _l("Name"),
                required=True,
                max_length=160,
                in_list=True,
                mobile="title",
                aliases=("product", "prodotto", "name", "nome", "articolo"),
            ),
            Field("sku", _l("SKU"), max_length=60, in_list=True, mobile="sub", aliases=("sku", "codice", "code")),
            Field(
                "series",
                _l("Series"),
                max_length=80,
                in_list=True,
                icon="layers",
                aliases=("series", "serie", "category", "categoria", "famiglia"),
            ),
            Field(
                "price",
                _l("List price"),
                Kind.MONEY,
                required=True,
                minimum=0,
                in_list=True,
                mobile="end",
                aliases=("price", "prezzo", "sales_price", "listino", "prezzo di listino"),
            ),
            Field(
                "currency",
                _l("Currency"),
                Kind.ENUM,
                choices=CURRENCY_CHOICES,
                in_list=False,
                aliases=("currency", "valuta"),
            ),
            Field(
                "vat_rate",
                _l("VAT rate"),
                Kind.PERCENT,
                minimum=0,
                maximum=100,
                in_list=True,
                aliases=("vat", "iva", "aliquota", "aliquota iva"),
            ),
            Field("cost", _l("Cost"), Kind.MONEY, minimum=0, aliases=("cost", "costo")),
            Field("unit", _l("Unit"), max_length=20, aliases=("unit", "unità", "um", "unità di misura")),
            Field("recurrence", _l("Recurrence"), Kind.ENUM, choices=RECURRENCES, aliases=("recurrence", "ricorrenza")),
            Field("active", _l("Active"), Kind.BOOL, in_list=True, aliases=("active", "attivo")),
            Field(
                "description",
                _l("Description"),
                Kind.LONG,
                sortable=False,
                max_length=20000,
                aliases=("description", "descrizione"),
            ),
            CREATED,
            UPDATED,
        ),
    )
)

OPPORTUNITIES = register(
    Crud(
        kind="opportunity",
        model=Opportunity,
        resource="deal",
        url="/sales/opportunities",
        api="opportunities",
        singular=_l("Opportunity"),
        plural=_l("Opportunities"),
        new_label=_l("New opportunity"),
        icon="handshake",
        section=SALES,
        section_url="/sales/",
        label_field="title",
        search=("title", "external_ref"),
        order="-created_at",
        importable=True,
        show_template="sales/opportunity_show.html",
        empty_text=_l("Deals in progress and closed. Create the first one, or import them from a file."),
        verbs=Verbs(
            create=opportunities.create_opportunity,
            update=opportunities.update_opportunity,
            delete=opportunities.delete_opportunity,
        ),
        bulk=_bulk("opportunity", "deal"),
        filters=(
            Field(
                "product",
                _l("Product"),
                Kind.REF,
                target="product",
                icon="package",
                many=True,
                sortable=False,
                expression=_product_ids,
            ),
            Field(
                "reached",
                _l("Stage reached"),
                Kind.REF,
                target="pipeline_stage",
                icon="filter",
                many=True,
                sortable=False,
                expression=_reached_ids,
            ),
        ),
        extra_columns=lambda: {
            "stage_entered_at": Opportunity.stage_entered_at,
            "next_activity_at": Opportunity.next_activity_at,
        },
        fields=(
            Field(
                "title",
                _l("Title"),
                required=True,
                max_length=200,
                in_list=True,
                mobile="title",
                aliases=("title", "titolo", "opportunity", "opportunità", "deal", "trattativa", "nome"),
            ),
            Field(
                "account_id",
                _l("Account"),
                Kind.REF,
                target="account",
                in_list=True,
                icon="building-2",
                mobile="sub",
                aliases=("account", "azienda", "cliente", "company", "ditta"),
            ),
            Field(
                "stage_id",
                _l("Stage"),
                Kind.REF,
                target="pipeline_stage",
                in_list=True,
                icon="filter",
                aliases=("stage", "fase", "deal_stage", "stadio"),
            ),
            Field(
                "stage_kind",
                _l("Outcome"),
                Kind.ENUM,
                choices=STAGE_KINDS,
                in_list=True,
                editable=False,
                in_form=False,
                mobile="end",
                icon="circle-dot",
            ),
            Field(
                "amount",
                _l("Amount"),
                Kind.MONEY,
                minimum=0,
                in_list=True,
                mobile="end2",
                icon="euro",
                aliases=("amount", "importo", "close_value", "valore", "value"),
            ),
            Field("currency", _l("Currency"), Kind.ENUM, choices=CURRENCY_CHOICES, aliases=("currency", "valuta")),
            Field(
                "probability",
                _l("Probability"),
                Kind.INTEGER,
                minimum=0,
                maximum=100,
                unit="%",
                help=_l("Leave empty to use the stage's."),
                aliases=("probability", "probabilità"),
            ),
            Field(
                "close_date",
                _l("Close date"),
                Kind.DATE,
                in_list=True,
                icon="calendar",
                help=_l("Expected while open, actual once closed."),
                aliases=("close_date", "chiusura", "chiusura prevista", "data chiusura", "expected close"),
            ),
            Field(
                "priority", _l("Priority"), Kind.ENUM, choices=PRIORITIES, icon="flag", aliases=("priority", "priorità")
            ),
            OWNER,
            Field(
                "contact_id",
                _l("Contact"),
                Kind.REF,
                target="contact",
                icon="contact",
                aliases=("contact", "referente", "contatto"),
            ),
            Field("pipeline_id", _l("Pipeline"), Kind.REF, target="pipeline", aliases=("pipeline",)),
            Field("forecast_category", _l("Forecast category"), Kind.ENUM, choices=FORECAST, icon="target"),
            Field("source", _l("Source"), max_length=60, icon="signpost", aliases=("source", "origine", "fonte")),
            Field(
                "opened_on",
                _l("Opened on"),
                Kind.DATE,
                icon="calendar-plus",
                aliases=("engage_date", "opened_on", "aperta il", "data apertura", "data inizio"),
            ),
            Field(
                "external_ref",
                _l("External reference"),
                max_length=60,
                aliases=("opportunity_id", "external_ref", "riferimento", "id", "codice"),
            ),
            Field(
                "lost_reason_id",
                _l("Lost reason"),
                Kind.REF,
                target="lost_reason",
                editable=False,
                in_form=False,
                icon="circle-x",
            ),
            Field("competitor", _l("Competitor"), max_length=120, editable=False, in_form=False),
            Field("closed_at", _l("Closed at"), Kind.DATETIME, editable=False, in_form=False),
            Field("next_activity_at", _l("Next activity"), Kind.DATETIME, editable=False, in_form=False, icon="clock"),
            TAGS,
            NOTES,
            CREATED,
            UPDATED,
        ),
    )
)

ACTIVITIES = register(
    Crud(
        kind="activity_log",
        model=ActivityLog,
        resource="deal",
        url="/sales/activities",
        api="activities",
        singular=_l("Sales activity"),
        plural=_l("Sales activities"),
        new_label=_l("New activity"),
        icon="phone",
        section=SALES,
        section_url="/sales/",
        label_field="title",
        search=("title", "outcome"),
        order="due_at",
        empty_text=_l("Calls, meetings and mails, planned and done."),
        verbs=Verbs(
            create=activities.create_activity,
            update=activities.update_activity,
            delete=activities.delete_activity,
        ),
        bulk=_bulk("activity_log", "deal", tags=False),
        fields=(
            Field("title", _l("Title"), required=True, max_length=200, in_list=True, mobile="title"),
            Field("type", _l("Type"), Kind.ENUM, choices=ACTIVITY_TYPES, required=True, in_list=True, mobile="end"),
            Field("due_at", _l("Due"), Kind.DATETIME, in_list=True, icon="clock", mobile="end2"),
            Field("done_at", _l("Done"), Kind.DATETIME, in_list=True, icon="check"),
            Field(
                "opportunity_id",
                _l("Opportunity"),
                Kind.REF,
                target="opportunity",
                in_list=True,
                icon="handshake",
                mobile="sub",
            ),
            Field("account_id", _l("Account"), Kind.REF, target="account", icon="building-2"),
            Field("contact_id", _l("Contact"), Kind.REF, target="contact", icon="contact"),
            Field("lead_id", _l("Lead"), Kind.REF, target="lead", icon="user-plus"),
            OWNER,
            Field("duration_min", _l("Minutes"), Kind.INTEGER, minimum=0, maximum=100000),
            Field("outcome", _l("Outcome"), max_length=200),
            NOTES,
            CREATED,
            UPDATED,
        ),
    )
)

CRUDS = {one.kind: one for one in (ACCOUNTS, CONTACTS, LEADS, PRODUCTS, OPPORTUNITIES, ACTIVITIES)}
