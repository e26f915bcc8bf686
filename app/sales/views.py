"""The sales screens that have their own shape: board, overview, a deal's page, lead conversion."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView, expose, has_access
from sqlalchemy import select

from app.kernel import http, i18n, money
from app.kernel.crud import cells
from app.kernel.crud.forms import local_to_utc
from app.kernel.crud.query import read_params
from app.kernel.crud.view import TenantView, make_view
from app.kernel.db import db
from app.kernel.errors import BadRequest, DomainError, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.sales import cruds
from app.sales.board_cards import render_cards
from app.sales.models import ActivityLog, Lead, OpportunityLine, OpportunityStageHistory, PipelineStage
from app.sales.queries import board as board_queries
from app.sales.queries import overview as overview_queries
from app.sales.queries import pipelines
from app.sales.service import activities, leads, opportunities
from app.tenancy import queries as tenancy

OPPORTUNITIES = cruds.OPPORTUNITIES


def _uuid(text: Any) -> UUID | None:
    return parse_id(text) if text else None


def _day(text: str | None, field: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Invalid(errors={field: [_("This is not a date.")]}) from None


def _amount(text: str | None) -> Decimal | None:
    if not text:
        return None
    try:
        return money.parse_amount(text)
    except ValueError:
        raise Invalid(errors={"amount": [_("This is not a number.")]}) from None


def _version(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        return int(value)
    except (ValueError, TypeError):
        raise BadRequest from None


class SalesView(BaseView):  # type: ignore[misc]
    """Overview and board."""

    route_base = "/sales"
    default_view = "overview"
    class_permission_name = "reports"
    method_permission_name = {"overview": "read", "pipeline": "read", "column": "read", "card": "read"}

    @expose("/")
    @expose("/data")
    @has_access
    def overview(self) -> Response:
        """Numbers of the pipeline; each links to its records."""
        actor = http.actor()
        period = request.args.get("period") or overview_queries.default_period(actor)
        if period not in overview_queries.PERIODS:
            raise BadRequest(_("Unknown period “%(name)s”.", name=period[:20]))
        pipeline_id = _uuid(request.args.get("pipeline"))
        data = overview_queries.get_overview(actor, period, pipeline_id)
        return make_response(
            self.render_template(
                "sales/overview.html",
                data=data,
                period=period,
                periods=overview_queries.PERIODS,
                pipelines=pipelines.list_pipelines(),
                pipeline_id=pipeline_id,
                currency=actor.currency,
            )
        )

    def _board_state(self) -> tuple[Any, str, bool]:
        params = read_params(request.args, OPPORTUNITIES)
        sort = request.args.get("order", "rank")
        if sort not in board_queries.SORTS:
            raise BadRequest
        return params, sort, request.args.get("still") == "1"

    @expose("/pipeline")
    def pipeline(self) -> Response:
        """The board."""
        actor = http.actor()
        actor.require("read", "pipeline")
        params, sort, still = self._board_state()
        wanted = _uuid(request.args.get("pipeline"))
        current = pipelines.get_pipeline(wanted) if wanted else pipelines.default_pipeline()
        stages = pipelines.list_stages(current.id)
        board = board_queries.get_board(current, stages, params, actor, sort=sort, rotting=still)
        kept = [(key, request.args[key]) for key in ("pipeline", "order", "still") if request.args.get(key)]
        return make_response(
            self.render_template(
                "sales/board.html",
                board=board,
                render_cards=render_cards,
                pipelines=pipelines.list_pipelines(),
                params=params,
                sort=sort,
                still=still,
                crud=OPPORTUNITIES,
                chips=[{**one, "without": [*one["without"], *kept]} for one in cells.chips(OPPORTUNITIES, params)],
                reasons=pipelines.list_lost_reasons(active=True),
                may_write=actor.can("write", "deal"),
                may_manage=actor.can("manage", "pipeline"),
                currency=actor.currency,
                people=tenancy.list_people(),
            )
        )

    @expose("/pipeline/column/<stage>")
    def column(self, stage: str) -> Response:
        """The next cards of a column, as a fragment."""
        actor = http.actor()
        actor.require("read", "pipeline")
        params, sort, still = self._board_state()
        offset = request.args.get("offset", "0")
        if not offset.isdigit() or len(offset) > 6:
            raise BadRequest
        stage_row = pipelines.get_stage(parse_id(stage))
        cards = board_queries.more_cards(stage_row.id, params, actor, offset=int(offset), sort=sort, rotting=still)
        return make_response(render_cards(cards, may_write=actor.can("write", "deal")))

    @expose("/pipeline/card/<pk>")
    def card(self, pk: str) -> Response:
        """One card and its column's sums, after somebody moved it; 404 when it is out of sight."""
        actor = http.actor()
        actor.require("read", "pipeline")
        params, _sort, still = self._board_state()
        card = board_queries.get_card(parse_id(pk))
        if card is None:
            raise NotFound
        stage_ids = [parse_id(one) for one in request.args.getlist("stage")[:4]]
        return http.json_response(self._card_json(card, stage_ids, params, still))

    def _card_json(self, card: Any, stage_ids: list[UUID], params: Any, still: bool) -> dict[str, Any]:
        actor = http.actor()
        on_board = pipelines.get_stage(card.stage_id).kind == "open"
        if on_board and (params.leaves or params.search or still):
            on_board = board_queries.is_shown(card.id, params, actor, rotting=still)
        return {
            "id": card.id,
            "version": card.version,
            "stage": card.stage_id,
            "open": on_board,
            "html": render_cards([card], may_write=actor.can("write", "deal")),
            "columns": _column_texts(list({*stage_ids, card.stage_id}), params, still),
        }


def _column_texts(stage_ids: list[UUID], params: Any, still: bool = False) -> dict[str, Any]:
    actor = http.actor()
    sums = board_queries.column_sums(stage_ids, params, actor, rotting=still)
    return {
        str(stage_id): {
            "count": count,
            "sum": i18n.money(amount, actor.currency, cents=False),
            "weighted": i18n.money(weighted, actor.currency, cents=False),
            "amount": str(amount),
            "weighted_amount": str(weighted),
        }
        for stage_id, (count, amount, weighted) in sums.items()
    }


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
        net = sum((opportunities.line_total(line) for line in lines), Decimal(0))
        vat = sum((money.quantize(opportunities.line_total(line) * line.vat_rate / 100) for line in lines), Decimal(0))
        return {
            "lines": lines,
            "line_total": opportunities.line_total,
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
            "types": cruds.ACTIVITY_TYPES,
            "age": cells.age_days(row["stage_entered_at"]),
        }

    @expose("/<pk>/move", methods=["POST"])
    @has_access
    def move(self, pk: str) -> Response:
        """Moves a card: JSON ``{stage, after, before, version}``; answers the columns' new sums."""
        body = http.json_body()
        actor = http.actor()
        with uow():
            deal = opportunities.move_opportunity(
                parse_id(pk),
                actor=actor,
                stage_id=parse_id(body.get("stage")),
                after_id=_uuid(body.get("after")),
                before_id=_uuid(body.get("before")),
                version=_version(body.get("version")),
            )
            result = {"id": deal.id, "version": deal.version, "stage": deal.stage_id}
        params = read_params(request.args, OPPORTUNITIES)
        result["columns"] = _column_texts(
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
            deal = opportunities.win_opportunity(
                parse_id(pk),
                actor=http.actor(),
                won_on=_day(form.get("close_date"), "close_date"),
                amount=_amount(form.get("amount")),
                version=_version(form.get("version")),
            )
            title, version = deal.title, deal.version
        return self._done(pk, version, _("“%(title)s” is won.", title=title))

    @expose("/<pk>/lose", methods=["POST"])
    @has_access
    def lose(self, pk: str) -> Response:
        """Closes a deal as lost, with its reason."""
        form = request.form
        with uow():
            deal = opportunities.lose_opportunity(
                parse_id(pk),
                actor=http.actor(),
                lost_reason_id=_uuid(form.get("lost_reason")),
                competitor=form.get("competitor"),
                note=form.get("note"),
                recontact_on=_day(form.get("recontact_on"), "recontact_on"),
                version=_version(form.get("version")),
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
            deal = opportunities.reopen_opportunity(
                parse_id(pk), actor=http.actor(), version=_version(request.form.get("version"))
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
            values["product_id"] = _uuid(one.get("product"))
            clean.append(values)
        with uow():
            deal = opportunities.set_lines(
                parse_id(pk), clean, actor=http.actor(), version=_version(body.get("version"))
            )
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
        field = cruds.ACTIVITIES.field("type")
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
            return make_response(redirect("/sales/activities/"))
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
            deal = opportunities.create_opportunity(
                actor=actor,
                title=title,
                amount=_amount(form.get("amount")),
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
                "columns": _column_texts([stage_id], params),
            },
            201,
        )


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
                account_id=_uuid(form.get("account")),
                contact_id=_uuid(form.get("contact")),
                opportunity_title=" ".join(form.get("opportunity", "").split())[:200] or None,
                pipeline_id=_uuid(form.get("pipeline")),
            )
            target = done.opportunity.id if done.opportunity else None
        flash(_("Lead converted."), "success")
        return make_response(redirect(f"/sales/opportunities/show/{target}" if target else f"/sales/leads/show/{pk}"))


VIEWS = [
    make_view(cruds.ACCOUNTS),
    make_view(cruds.CONTACTS),
    make_view(cruds.LEADS, LeadView),
    make_view(cruds.PRODUCTS),
    make_view(OPPORTUNITIES, OpportunityView),
    make_view(cruds.ACTIVITIES),
]
