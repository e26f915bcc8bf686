"""A deal's page and its verbs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import expose, has_access
from sqlalchemy import select

from app.kernel import http, money
from app.kernel.crud import cells
from app.kernel.crud.forms import local_to_utc
from app.kernel.crud.query import read_params
from app.kernel.crud.view import TenantView
from app.kernel.db import db
from app.kernel.errors import BadRequest, DomainError, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.sales.board_cards import render_cards
from app.sales.cruds.activities import ACTIVITIES, ACTIVITY_TYPES
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.models.activities import ActivityLog
from app.sales.models.opportunities import OpportunityLine, OpportunityStageHistory
from app.sales.models.pipelines import PipelineStage
from app.sales.queries import board as board_queries
from app.sales.queries import pipelines
from app.sales.service import activities
from app.sales.service.opportunities.closing import lose_opportunity, reopen_opportunity, win_opportunity
from app.sales.service.opportunities.editing import create_opportunity
from app.sales.service.opportunities.lines import line_total, set_lines
from app.sales.service.opportunities.stages import move_opportunity
from app.sales.views.board import column_texts
from app.sales.views.inputs import optional_amount, optional_day, optional_id, optional_version
from app.tenancy import queries as tenancy


class OpportunityView(TenantView):
    """A deal's page and its verbs."""

    method_permission_name = {
        **TenantView.method_permission_name,
        "move": "write",
        "win": "write",
        "lose": "write",
        "reopen": "write",
        "set_lines": "write",
        "add_activity": "write",
        "complete": "write",
        "quick": "write",
    }
    include_route_methods = TenantView.include_route_methods | {
        "move",
        "win",
        "lose",
        "reopen",
        "set_lines",
        "add_activity",
        "complete",
        "quick",
    }

    def _form(
        self, form: Any, row: dict[str, Any] | None, status: int = 200, error: DomainError | None = None
    ) -> Response:
        """The form; the reason for losing is asked of a lost deal, and where it was missed."""
        lost = row is not None and row["stage_kind"] == "lost"
        missed = error is not None and "lost_reason" in error.errors
        if not (lost or missed or form.lost_reason.value):
            del form.lost_reason
        return super()._form(form, row, status, error)

    def show_context(self, row: dict[str, Any]) -> dict[str, Any]:
        deal_id = row["id"]
        lines = db.session.scalars(
            select(OpportunityLine).where(OpportunityLine.opportunity_id == deal_id).order_by(OpportunityLine.position)
        ).all()
        activity = db.session.scalars(
            select(ActivityLog)
            .where(ActivityLog.opportunity_id == deal_id)
            .order_by(ActivityLog.done_at.desc().nulls_first(), ActivityLog.due_at)
            .limit(100)
        ).all()
        steps = db.session.execute(
            select(OpportunityStageHistory, PipelineStage.name)
            .join(PipelineStage, PipelineStage.id == OpportunityStageHistory.to_stage_id)
            .where(OpportunityStageHistory.opportunity_id == deal_id)
            .order_by(OpportunityStageHistory.at.desc())
            .limit(50)
        ).all()
        stages = pipelines.list_stages(row["pipeline_id"])
        stage = next((one for one in stages if one.id == row["stage_id"]), None)
        probability = row["probability"] if row["probability"] is not None else (stage.probability if stage else 0)
        people = {one.id: one.display_name for one in tenancy.list_people()}
        net = sum((line_total(line) for line in lines), Decimal(0))
        vat = sum((money.quantize(line_total(line) * line.vat_rate / 100) for line in lines), Decimal(0))
        return {
            "lines": lines,
            "line_total": line_total,
            "net": net,
            "vat": vat,
            "activities": activity,
            "next_activity": next(
                (
                    one
                    for one in sorted(activity, key=lambda one: (one.due_at is None, one.due_at or one.created_at))
                    if one.done_at is None and one.due_at
                ),
                None,
            ),
            "steps": steps,
            "stages": stages,
            "stage": stage,
            "probability": probability,
            "weighted": (row["amount"] or Decimal(0)) * probability / 100 if row["stage_kind"] == "open" else None,
            "reasons": pipelines.list_lost_reasons(active=True),
            "people": people,
            "types": ACTIVITY_TYPES,
            "age": cells.age_days(row["stage_entered_at"]),
        }

    @expose("/<pk>/move", methods=["POST"])
    @has_access
    def move(self, pk: str) -> Response:
        """Moves a card: JSON ``{stage, after, before, version}``; answers the columns' new sums."""
        body = http.json_body()
        actor = http.actor()
        with uow():
            deal = move_opportunity(
                parse_id(pk),
                actor=actor,
                stage_id=parse_id(body.get("stage")),
                after_id=optional_id(body.get("after")),
                before_id=optional_id(body.get("before")),
                version=optional_version(body.get("version")),
            )
            result = {"id": deal.id, "version": deal.version, "stage": deal.stage_id}
        params = read_params(request.args, OPPORTUNITIES)
        result["columns"] = column_texts(
            list({parse_id(one) for one in (body.get("from") or deal.stage_id, deal.stage_id)}),
            params,
            request.args.get("still") == "1",
        )
        return http.json_response(result)

    @expose("/<pk>/win", methods=["POST"])
    @has_access
    def win(self, pk: str) -> Response:
        """Closes a deal as won."""
        form = request.form
        with uow():
            deal = win_opportunity(
                parse_id(pk),
                actor=http.actor(),
                won_on=optional_day(form.get("close_date"), "close_date"),
                amount=optional_amount(form.get("amount")),
                version=optional_version(form.get("version")),
            )
            title, version = deal.title, deal.version
        return self._done(pk, version, _("“%(title)s” is won.", title=title))

    @expose("/<pk>/lose", methods=["POST"])
    @has_access
    def lose(self, pk: str) -> Response:
        """Closes a deal as lost, with its reason."""
        form = request.form
        with uow():
            deal = lose_opportunity(
                parse_id(pk),
                actor=http.actor(),
                lost_reason_id=optional_id(form.get("lost_reason")),
                competitor=form.get("competitor"),
                note=form.get("note"),
                recontact_on=optional_day(form.get("recontact_on"), "recontact_on"),
                version=optional_version(form.get("version")),
            )
            title, version = deal.title, deal.version
            if deal.recontact_on is not None:
                noon = dt.datetime.combine(deal.recontact_on, dt.time(9))
                activities.create_activity(
                    actor=http.actor(),
                    title=_("Get back to %(title)s", title=title)[:200],
                    type="call",
                    due_at=dt.datetime.fromisoformat(local_to_utc(noon.isoformat())).astimezone(dt.UTC),
                    opportunity_id=deal.id,
                    owner_id=deal.owner_id,
                )
        return self._done(pk, version, _("“%(title)s” is lost.", title=title))

    @expose("/<pk>/reopen", methods=["POST"])
    @has_access
    def reopen(self, pk: str) -> Response:
        """Opens a closed deal again."""
        with uow():
            deal = reopen_opportunity(
                parse_id(pk), actor=http.actor(), version=optional_version(request.form.get("version"))
            )
            title, version = deal.title, deal.version
        return self._done(pk, version, _("“%(title)s” is open again.", title=title))

    def _done(self, pk: str, version: int, message: str) -> Response:
        if http.wants_json():
            return http.json_response({"id": pk, "version": version, "message": message})
        flash(message, "success")
        return make_response(redirect(f"{OPPORTUNITIES.url}/show/{pk}"))

    @expose("/<pk>/lines", methods=["POST"])
    @has_access
    def set_lines(self, pk: str) -> Response:
        """Replaces the lines: JSON ``{"lines": [...], "version"}``."""
        body = http.json_body()
        lines = body.get("lines")
        if not isinstance(lines, list) or not all(isinstance(one, dict) for one in lines):
            raise BadRequest
        clean = []
        for one in lines:
            values = {
                key: one.get(key)
                for key in ("description", "quantity", "unit", "unit_price", "discount", "vat_rate")
                if isinstance(one.get(key), str | int)
            }
            values["product_id"] = optional_id(one.get("product"))
            clean.append(values)
        with uow():
            deal = set_lines(parse_id(pk), clean, actor=http.actor(), version=optional_version(body.get("version")))
            version, amount = deal.version, deal.amount
        return http.json_response({"id": pk, "version": version, "amount": str(amount), "message": _("Lines saved.")})

    @expose("/<pk>/activities", methods=["POST"])
    @has_access
    def add_activity(self, pk: str) -> Response:
        """Plans or logs an activity on the deal."""
        form = request.form
        row = db.session.execute(
            select(OPPORTUNITIES.model).where(OPPORTUNITIES.model.id == parse_id(pk))
        ).scalar_one_or_none()
        if row is None:
            raise NotFound
        field = ACTIVITIES.field("type")
        assert field is not None
        if field.choice(form.get("type")) is None:
            raise Invalid(errors={"type": [_("Choose one of the list.")]})
        title = " ".join(form.get("title", "").split())[:200]
        if not title:
            raise Invalid(errors={"title": [_("This field is required.")]})
        due = None
        if form.get("due_at"):
            try:
                due = dt.datetime.fromisoformat(local_to_utc(form["due_at"])).astimezone(dt.UTC)
            except ValueError:
                raise Invalid(errors={"due_at": [_("This is not a date and time.")]}) from None
        with uow():
            activities.create_activity(
                actor=http.actor(),
                title=title,
                type=form["type"],
                due_at=due,
                notes=form.get("notes") or None,
                opportunity_id=parse_id(pk),
                account_id=row.account_id,
                done=form.get("done") == "1",
            )
        return self._done(pk, row.version, _("Activity saved."))

    @expose("/activities/<pk>/complete", methods=["POST"])
    @has_access
    def complete(self, pk: str) -> Response:
        """Marks an activity done."""
        with uow():
            activity = activities.complete_activity(
                parse_id(pk), actor=http.actor(), outcome=request.form.get("outcome")
            )
            target = activity.opportunity_id
        if target is None:
            flash(_("Activity completed."), "success")
            return make_response(redirect("/sales/activity-log/"))
        return self._done(str(target), 0, _("Activity completed."))

    @expose("/quick", methods=["POST"])
    @has_access
    def quick(self) -> Response:
        """Quick add from a column: title, amount, stage; answers the card."""
        form = request.form
        title = " ".join(form.get("title", "").split())
        if not 1 <= len(title) <= 200:
            raise Invalid(errors={"title": [_("This field is required.")]})
        actor = http.actor()
        with uow():
            deal = create_opportunity(
                actor=actor,
                title=title,
                amount=optional_amount(form.get("amount")),
                stage_id=parse_id(form.get("stage")),
                owner_id=actor.member_id,
            )
            deal_id, stage_id = deal.id, deal.stage_id
        card = board_queries.get_card(deal_id)
        if card is None:
            raise NotFound
        params = read_params(request.args, OPPORTUNITIES)
        return http.json_response(
            {
                "id": deal_id,
                "html": render_cards([card], may_write=True),
                "columns": column_texts([stage_id], params),
            },
            201,
        )
