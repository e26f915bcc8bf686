"""The overview: numbers of the pipeline."""

from __future__ import annotations

from flask import Response, make_response, request
from flask_appbuilder import BaseView, expose, has_access

from app.kernel import http
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.sales.queries import overview as overview_queries
from app.sales.queries import pipelines
from app.sales.views.inputs import optional_id


class OverviewView(BaseView):  # type: ignore[misc]
    """The overview, also at ``/sales/data``."""

    route_base = "/sales"
    default_view = "overview"
    class_permission_name = "reports"
    method_permission_name = {"overview": "read"}

    @expose("/")
    @expose("/data")
    @has_access
    def overview(self) -> Response:
        """Numbers of the pipeline; each links to its records."""
        actor = http.actor()
        period = request.args.get("period") or overview_queries.default_period(actor)
        if period not in overview_queries.PERIODS:
            raise BadRequest(_("Unknown period “%(name)s”.", name=period[:20]))
        pipeline_id = optional_id(request.args.get("pipeline"))
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
