"""Opportunities, with the filters that their lines and stage history give."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, Uuid, func, or_, select
from sqlalchemy.orm import aliased

from app.kernel.crud.bulk import bulk_actions
from app.kernel.crud.fields import Choice, Crud, Field, Kind, Verbs
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.fields import CREATED, CURRENCY_CHOICES, NOTES, OWNER, SALES, TAGS, UPDATED
from app.sales.models.opportunities import Opportunity, OpportunityLine, OpportunityStageHistory
from app.sales.models.pipelines import PipelineStage
from app.sales.queries.furthest import furthest_stage
from app.sales.service.opportunities.editing import create_opportunity, delete_opportunity, update_opportunity
from app.tasks.cruds import PRIORITIES

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
    stage = aliased(PipelineStage)
    furthest = (
        furthest_stage()
        .where(
            OpportunityStageHistory.opportunity_id == Opportunity.id,
            OpportunityStageHistory.organization_id == Opportunity.organization_id,
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


OPPORTUNITIES = Crud(
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
        create=create_opportunity,
        update=update_opportunity,
        delete=delete_opportunity,
    ),
    bulk=bulk_actions("opportunity", "deal"),
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
            total="sum",
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
            total="average",
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
        Field("priority", _l("Priority"), Kind.ENUM, choices=PRIORITIES, icon="flag", aliases=("priority", "priorità")),
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
            icon="circle-x",
            help=_l("Needed when the stage is a lost one."),
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
