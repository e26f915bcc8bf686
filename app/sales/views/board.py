"""The board: columns of cards, and what a page asks for after somebody moved one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, make_response, request
from flask_appbuilder import BaseView, expose

from app.kernel import http, i18n
from app.kernel.crud import cells
from app.kernel.crud.query import read_params
from app.kernel.errors import BadRequest, NotFound
from app.kernel.ids import parse_id
from app.sales.board_cards import render_cards
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.queries import board as board_queries
from app.sales.queries import pipelines
from app.sales.views.inputs import optional_id
from app.tenancy import queries as tenancy


class BoardView(BaseView):  # type: ignore[misc]
    """The board, the rest of a column, one card."""

    route_base = "/sales"
    default_view = "pipeline"

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
        wanted = optional_id(request.args.get("pipeline"))
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
        if on_board and (params.is_narrowed or still):
            on_board = board_queries.is_shown(card.id, params, actor, rotting=still)
        return {
            "id": card.id,
            "version": card.version,
            "stage": card.stage_id,
            "open": on_board,
            "html": render_cards([card], may_write=actor.can("write", "deal")),
            "columns": column_texts(list({*stage_ids, card.stage_id}), params, still),
        }


def column_texts(stage_ids: list[UUID], params: Any, still: bool = False) -> dict[str, Any]:
    """The heads of the columns: count, sum and weighted sum of what the filter shows."""
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
