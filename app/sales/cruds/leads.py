"""Leads: people who may become customers."""

from __future__ import annotations

from app.kernel.crud.bulk import bulk_actions
from app.kernel.crud.fields import Choice, Crud, Field, Kind, Verbs
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.fields import NOTES, OWNER, SALES, TAGS, UPDATED
from app.sales.models.leads import Lead
from app.sales.service import leads

LEAD_STATUSES = (
    Choice("new", _l("New"), "b-info", "sparkles"),
    Choice("working", _l("Working"), "b-p2", "loader"),
    Choice("nurturing", _l("Nurturing"), "b-warn", "sprout"),
    Choice("qualified", _l("Qualified"), "b-ok", "badge-check"),
    Choice("disqualified", _l("Disqualified"), "", "circle-x"),
    Choice("converted", _l("Converted"), "b-pink", "arrow-right-left"),
)

LEADS = Crud(
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
    bulk=bulk_actions("lead", "lead"),
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
            "score",
            _l("Score"),
            Kind.INTEGER,
            minimum=0,
            maximum=100,
            in_list=True,
            total="average",
            aliases=("score", "punteggio"),
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
