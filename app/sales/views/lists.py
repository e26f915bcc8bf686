"""The generated lists, forms and pages of the sales entities."""

from __future__ import annotations

from app.kernel.crud.view import make_view
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.activities import ACTIVITIES
from app.sales.cruds.contacts import CONTACTS
from app.sales.cruds.leads import LEADS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.cruds.products import PRODUCTS
from app.sales.views.leads import LeadView
from app.sales.views.opportunities import OpportunityView

VIEWS = [
    make_view(ACCOUNTS),
    make_view(CONTACTS),
    make_view(LEADS, LeadView),
    make_view(PRODUCTS),
    make_view(OPPORTUNITIES, OpportunityView),
    make_view(ACTIVITIES),
]
