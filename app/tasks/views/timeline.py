"""The timeline: its page, the bars of a stretch of time, and where an automatic layout would put them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from flask import Response, make_response, request
from flask_appbuilder import BaseView, expose

from app.kernel import clock, http
from app.kernel.crud import cells
from app.kernel.crud.query import matching, read_params
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.tasks import bars, rows
from app.tasks.api.timeline import preview_json
from app.tasks.cruds import GROUPS, MODULES, PRIORITIES, TASKS
from app.tasks.models.names import Module
from app.tasks.models.tasks import Task
from app.tasks.queries import plan, tasks, timeline
from app.tasks.views.layouts import layouts
from app.tenancy.queries import list_people

if TYPE_CHECKING:
    from app.kernel.crud.query import ListParams

ZOOMS = ("day", "week", "month", "quarter")
# The chart holds some weeks before and after its day; a phone's list fewer.
BEFORE, AFTER = dt.timedelta(weeks=8), dt.timedelta(weeks=26)
PHONE_BEFORE, PHONE_AFTER = dt.timedelta(days=8), dt.timedelta(days=36)
STEP = dt.timedelta(weeks=4)


def _day() -> dt.date:
    """The day that the address asks for. Raises BadRequest."""
    asked = request.args.get("at")
    if not asked:
        return clock.today(http.actor().timezone)
    try:
        day = dt.date.fromisoformat(asked)
    except ValueError:
        raise BadRequest(_("This is not a date.")) from None
    if not 1900 <= day.year <= 2200:
        raise BadRequest(_("This is not a date."))
    return day


def _signs() -> dict[str, str]:
    return {one.value: rows.status_icon(one.value) for one in GROUPS}


class TimelineView(BaseView):  # type: ignore[misc]
    """Tasks as bars between their dates; with a ``module`` those of that module."""

    route_base = "/tasks"
    default_view = "timeline"
    module: Module | None = None

    @expose("/timeline")
    def timeline(self) -> Response:
        """The chart; with ``fragment`` the list of bars that phones show."""
        params = self._params()
        at = _day()
        if request.args.get("fragment") == "1":
            return self._phone(params, at)
        kept = [(key, request.args[key]) for key in ("at", "zoom") if request.args.get(key)]
        query = kept + params.query(page=None)
        still = [one for one in query if one[0] != "at"]
        actor = http.actor()
        return make_response(
            self.render_template(
                "tasks/timeline.html",
                crud=TASKS,
                params=params,
                mode="timeline",
                modes=layouts(self.route_base),
                base=self.route_base,
                module=self.module,
                query=query,
                chips=[{**one, "without": [*one["without"], *kept]} for one in cells.chips(TASKS, params)],
                zoom=request.args.get("zoom") if request.args.get("zoom") in ZOOMS else "week",
                at=at,
                today_query=still,
                before_query=[("at", (at - STEP).isoformat()), *still],
                after_query=[("at", (at + STEP).isoformat()), *still],
                may_write=actor.can("write", "task"),
                modules=[(one, rows.MODULE_CSS[one.value]) for one in MODULES],
                signs=_signs(),
                link_types=bars.link_types(),
                status_icon=rows.status_icon,
                priorities=PRIORITIES,
                people=list_people(),
                statuses=tasks.read_statuses(),
            )
        )

    @expose("/timeline/data")
    def data(self) -> Response:
        """Bars, links, free days and the picture to compare with, for the chart."""
        params, at = self._params(), _day()
        return http.json_response(bars.chart(params, http.actor(), at - BEFORE, at + AFTER))

    @expose("/timeline/layout")
    def layout(self) -> Response:
        """Which of the shown tasks an automatic layout would move. Changes nothing."""
        params, at = self._params(), _day()
        actor = http.actor()
        shown, _total = timeline.list_rows(params, actor, at - BEFORE, at + AFTER)
        return http.json_response(preview_json(plan.preview_layout([one.id for one in shown], actor)))

    def _phone(self, params: ListParams, at: dt.date) -> Response:
        start, end = at - PHONE_BEFORE, at + PHONE_AFTER
        found: dict[str, Any] = bars.strips(params, http.actor(), start, end)
        return make_response(self.render_template("tasks/_bars.html", start=start, end=end, signs=_signs(), **found))

    def _params(self) -> ListParams:
        actor = http.actor()
        actor.require("read", Task.__resources__[self.module] if self.module else "task")
        params = read_params(request.args, TASKS)
        if self.module:
            params.base = [{"field": "module", "operator": "in", "value": [self.module.value], "fixed": True}]
        matching(TASKS, params, actor)  # refuses unknown fields before anything is drawn
        return params


class SalesTimelineView(TimelineView):
    """The bars of the sales module."""

    route_base = "/sales/activities"
    module = Module.SALES


class MarketingTimelineView(TimelineView):
    """The bars of the marketing module."""

    route_base = "/marketing/activities"
    module = Module.MARKETING


VIEWS = [TimelineView, SalesTimelineView, MarketingTimelineView]
