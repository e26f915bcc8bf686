"""Sales plugs in."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from app.kernel.feature import CreateAction, Feature, MenuItem, RecordKind, Resource, Schedule
from app.kernel.i18n import lazy_gettext as _l
from app.sales import cards
from app.sales.api import APIS
from app.sales.calendar import CALENDARS
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.activities import ACTIVITIES
from app.sales.cruds.contacts import CONTACTS
from app.sales.cruds.leads import LEADS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.cruds.registry import CRUDS
from app.sales.imports.views import ImportView
from app.sales.queries.values import at_stake
from app.sales.service.pipelines import seed
from app.sales.views.board import BoardView
from app.sales.views.lists import VIEWS
from app.sales.views.overview import OverviewView

_SALES = {"category": "Sales", "category_label": _l("Sales"), "category_icon": "handshake"}
CRUD = ("read", "write", "export")
_VALUES = {OPPORTUNITIES.kind: at_stake}


def _show(url: str, pk: UUID) -> str:
    return f"{url}/show/{pk}"


feature = Feature(
    "sales",
    resources=[
        Resource("deal", _l("Opportunities and activities"), "sales", CRUD, scoped=True),
        Resource("lead", _l("Leads"), "sales", CRUD, scoped=True),
        Resource("account", _l("Accounts"), "sales", CRUD, scoped=True),
        Resource("contact", _l("Contacts"), "sales", CRUD, scoped=True),
        Resource("product", _l("Products"), "sales", CRUD),
        Resource("pipeline", _l("Pipeline board"), "sales", ("read", "manage")),
        Resource("reports", _l("Overview and data"), "sales", ("read",)),
    ],
    views=[OverviewView, BoardView, *VIEWS, ImportView],
    apis=APIS,
    menu=[
        MenuItem("Overview", _l("Overview"), "/sales/", "chart-column", ("read", "reports"), **_SALES),
        MenuItem("SalesTasks", _l("Tasks"), "/sales/activities/", "circle-check", ("read", "tasks"), **_SALES),
        MenuItem("Pipeline", _l("Pipeline"), "/sales/pipeline", "square-kanban", ("read", "pipeline"), **_SALES),
        MenuItem("Activities", _l("Calls and meetings"), "/sales/activity-log/", "phone", ("read", "deal"), **_SALES),
        MenuItem("Leads", _l("Leads"), "/sales/leads/", "user-plus", ("read", "lead"), **_SALES),
        MenuItem("Accounts", _l("Accounts"), "/sales/accounts/", "building-2", ("read", "account"), **_SALES),
        MenuItem("Contacts", _l("Contacts"), "/sales/contacts/", "contact", ("read", "contact"), **_SALES),
        MenuItem(
            "Opportunities", _l("Opportunities"), "/sales/opportunities/", "handshake", ("read", "deal"), **_SALES
        ),
        MenuItem("Products", _l("Products"), "/sales/products/", "package", ("read", "product"), **_SALES),
        MenuItem("Imports", _l("Imports"), "/sales/import/", "upload", ("write", "account"), **_SALES),
    ],
    records=[
        RecordKind(
            one.kind,
            one.singular,
            one.icon,
            partial(_show, one.url),
            one.resource,
            one.model,
            _VALUES.get(one.kind),
            one.kind in {LEADS.kind, CONTACTS.kind},
        )
        for one in CRUDS.values()
    ],
    calendar=CALENDARS,
    create=[
        CreateAction(OPPORTUNITIES.new_label, "/sales/opportunities/add", "handshake", ("write", "deal"), "o"),
        CreateAction(LEADS.new_label, "/sales/leads/add", "user-plus", ("write", "lead"), "l"),
        CreateAction(ACCOUNTS.new_label, "/sales/accounts/add", "building-2", ("write", "account"), "a"),
        CreateAction(CONTACTS.new_label, "/sales/contacts/add", "contact", ("write", "contact")),
        CreateAction(ACTIVITIES.new_label, "/sales/activity-log/add", "phone", ("write", "deal")),
    ],
    home_cards=[cards.figures, cards.due, cards.standing_still],
    on_organization_created=[seed],
    schedules=[Schedule("sales.sweep_imports", every=60)],
)
