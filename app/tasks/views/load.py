"""The page of the workload per person, and the form of how much somebody works."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView, expose

from app.kernel import http, i18n
from app.kernel.actor import Scope
from app.kernel.crud import cells
from app.kernel.crud.query import matching, read_params
from app.kernel.crud.tree import conjunction, fits
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks import load_bars
from app.tasks.api.load import read_day, read_team
from app.tasks.cruds import TASKS
from app.tasks.models.names import CLOSED, Module
from app.tasks.models.tasks import Task
from app.tasks.queries.load import WEEKS, get_capacity, monday_of, read_load
from app.tasks.queries.sla import read_sla
from app.tasks.service.load import MOST, may_set_capacities, require_capacities, set_capacity
from app.tasks.views.layouts import layouts
from app.tasks.workload import work_week
from app.tenancy.queries import get_member, list_teams

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.crud.query import ListParams
    from app.tasks.queries.load import Cell, Line

_NUMBER = re.compile(r"-?\d{1,6}([.,]\d{1,6})?")
COLUMNS = ["title", "status", "owner", "start_on", "due_on", "estimate", "logged"]


def _leaf(field: str, operator: str, *values: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": [str(one) for one in values]}


def _any(*items: dict[str, Any]) -> dict[str, Any]:
    return {"op": "or", "items": list(items)}


def _all(*items: dict[str, Any]) -> dict[str, Any]:
    return {"op": "and", "items": list(items)}


class _Links:
    """The addresses of the tables that show what was counted; none where the filter has no room for more conditions."""

    def __init__(self, params: ListParams, today: dt.date) -> None:
        self.params, self.today = params, today

    def week(self, line: Line, cell: Cell) -> list[tuple[str, str]]:
        """The open tasks whose hours fall into the week of a line."""
        day = cell.last
        leaves = [_leaf("estimate", "filled"), _leaf("due_on", "filled")]
        if cell.first > self.today:
            leaves = [_leaf("estimate", "filled"), _leaf("due_on", "gte", cell.first)]
        late = _all(_leaf("start_on", "empty"), _leaf("due_on", "lte", day))
        return self._table(line, leaves, _any(_leaf("start_on", "lte", day), late))

    def apart(self, line: Line) -> list[tuple[str, str]]:
        """The open tasks of a line that have no due date or no estimate."""
        return self._table(line, [], _any(_leaf("due_on", "empty"), _leaf("estimate", "empty")))

    def _table(self, line: Line, leaves: list[dict[str, Any]], tree: dict[str, Any]) -> list[tuple[str, str]]:
        owner = _leaf("owner", "in", line.person.id) if line.person else _leaf("owner", "empty")
        leaves = [*self.params.leaves, owner, _leaf("status_group", "not_in", *CLOSED), *leaves]
        if self.params.tree:
            tree = conjunction(self.params.tree, tree)
        if not fits([*self.params.base, *leaves], tree):
            return []
        return replace(self.params, leaves=leaves, tree=tree, sort="due_on", columns=COLUMNS, widths={}).query()


class WorkloadView(BaseView):  # type: ignore[misc]
    """Hours per person and week; with a ``module`` those of that module's tasks."""

    route_base = "/tasks"
    default_view = "workload"
    module: Module | None = None

    @expose("/workload")
    def workload(self) -> Response:
        """A line per person, a column per week."""
        actor = http.actor()
        actor.require("read", Task.__resources__[self.module] if self.module else "task")
        params = read_params(request.args, TASKS)
        if self.module:
            params.base = [_leaf("module", "in", self.module.value)]
        matching(TASKS, params, actor)  # refuses unknown fields before anything is drawn
        first = monday_of(read_day(request.args.get("at")))
        team_id = read_team(request.args.get("team"))
        load = read_load(params, actor, first, team_id=team_id)
        scopes = [actor.scope("read", one) for one in Task.__resources__.values()]
        step = dt.timedelta(weeks=WEEKS)
        return make_response(
            self.render_template(
                "tasks/workload.html",
                crud=TASKS,
                params=params,
                mode="workload",
                modes=layouts(self.route_base),
                base=self.route_base,
                module=self.module,
                query=params.query(page=None),
                load=load,
                first=first,
                this=monday_of(load.today),
                earlier=first - step,
                later=first + step,
                team_id=team_id,
                teams=list_teams(),
                links=_Links(params, load.today),
                bar=load_bars.bar,
                hours=load_bars.hours,
                is_partial=any(one is not Scope.ALL for one in scopes),
                may_set=self.module is None and may_set_capacities(actor=actor),
                **self._addresses(params, first, team_id),
            )
        )

    def _addresses(self, params: ListParams, first: dt.date, team_id: UUID | None) -> dict[str, Any]:
        """What writes the page's own address, and the filters' chips, which keep its week and its team."""
        week = first.isoformat() if request.args.get("at") else None

        def state(**changes: Any) -> list[tuple[str, str]]:
            own = {"at": week, "team": team_id, **{key: changes.pop(key) for key in ("at", "team") if key in changes}}
            return [(key, str(value)) for key, value in own.items() if value is not None] + params.query(
                page=None, **changes
            )

        kept = [(key, value) for key, value in state() if key in {"at", "team"}]
        chips = [{**one, "without": [*one["without"], *kept]} for one in cells.chips(TASKS, params)]
        return {"state": state, "chips": chips}


class CapacityView(WorkloadView):
    """The workload of all tasks, where people's hours are set."""

    @expose("/workload/capacity/<pk>", methods=["GET", "POST"])
    def capacity(self, pk: str) -> Response:
        """The form of a member's hours per week."""
        actor = http.actor()
        require_capacities(actor=actor)
        member, errors, status = get_member(parse_id(pk)), {}, 200
        if request.method == "POST":
            try:
                with uow():
                    set_capacity(member.id, _minutes(request.form.get("hours", "")), actor=actor)
                flash(_("Changes saved."), "success")
                return make_response(redirect("/tasks/workload"))
            except Invalid as error:
                errors, status = error.errors, 422
        kept = get_capacity(member.id)
        page = self.render_template(
            "tasks/capacity.html",
            member=member,
            typed=request.form.get("hours", "" if kept is None else i18n.number(kept.weekly_minutes / 60, 2)),
            usual=load_bars.hours(work_week(read_sla().hours).minutes),
            errors=errors,
            most=MOST // 60,
        )
        return make_response(page, status)


def _minutes(text: str) -> int | None:
    """The hours that a form says, ``37,5`` too; None for none. Raises Invalid."""
    written = text.strip()
    if not written:
        return None
    if not _NUMBER.fullmatch(written):
        raise Invalid(errors={"weekly_minutes": [_("This is not a number.")]})
    minutes = Decimal(written.replace(",", ".")) * 60
    return int(minutes) if minutes == int(minutes) else -1


class SalesWorkloadView(WorkloadView):
    """The hours of the sales module."""

    route_base = "/sales/activities"
    module = Module.SALES


class MarketingWorkloadView(WorkloadView):
    """The hours of the marketing module."""

    route_base = "/marketing/activities"
    module = Module.MARKETING


VIEWS = [CapacityView, SalesWorkloadView, MarketingWorkloadView]
