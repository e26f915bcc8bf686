"""A lead's page, with its conversion."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import expose, has_access
from sqlalchemy import select

from app.kernel import http
from app.kernel.crud.view import TenantView
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.sales.models.leads import Lead
from app.sales.queries import pipelines
from app.sales.service import leads
from app.sales.views.inputs import optional_id


class LeadView(TenantView):
    """A lead's page, with its conversion."""

    method_permission_name = {**TenantView.method_permission_name, "convert": "write"}
    include_route_methods = TenantView.include_route_methods | {"convert"}

    def show_context(self, row: dict[str, Any]) -> dict[str, Any]:
        lead = db.session.scalar(select(Lead).where(Lead.id == row["id"]))
        if lead is None:
            raise NotFound
        account, contact = leads.find_matches(lead) if lead.converted_at is None else (None, None)
        return {
            "lead": lead,
            "match_account": account,
            "match_contact": contact,
            "pipelines": pipelines.list_pipelines(),
        }

    @expose("/<pk>/convert", methods=["POST"])
    @has_access
    def convert(self, pk: str) -> Response:
        """Converts a lead."""
        form = request.form
        with uow():
            done = leads.convert_lead(
                parse_id(pk),
                actor=http.actor(),
                account_id=optional_id(form.get("account")),
                contact_id=optional_id(form.get("contact")),
                opportunity_title=" ".join(form.get("opportunity", "").split())[:200] or None,
                pipeline_id=optional_id(form.get("pipeline")),
            )
            target = done.opportunity.id if done.opportunity else None
        flash(_("Lead converted."), "success")
        return make_response(redirect(f"/sales/opportunities/show/{target}" if target else f"/sales/leads/show/{pk}"))
