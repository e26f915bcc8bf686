"""REST of the workload per person, and of how much each works."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder.api import expose, protect

from app.kernel import clock, http
from app.kernel.crud.body import optional_number
from app.kernel.crud.query import ListParams
from app.kernel.errors import BadRequest, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.cruds import MODULES
from app.tasks.queries.load import MAX_WEEKS, WEEKS, get_capacity, monday_of, read_load
from app.tasks.service.load import require_capacities, set_capacity
from app.tenancy.queries import get_member, get_team

if TYPE_CHECKING:
    from uuid import UUID

    from app.tasks.queries.load import Cell, Line

# Whoever reads tasks reads their load; the verb asks for the permission to change what people work.
PERMISSIONS = {"workload": "read", "capacity": "read", "set_capacity": "read"}


def read_day(text: str | None) -> dt.date:
    """The day that an address asks for, today without one. Raises BadRequest."""
    if not text:
        return clock.today(http.actor().timezone)
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise BadRequest(_("This is not a date.")) from None
    if not 1900 <= day.year <= 2200:
        raise BadRequest(_("This is not a date."))
    return day


def read_team(text: str | None) -> UUID | None:
    """The team that an address asks for. Raises NotFound."""
    return get_team(parse_id(text)).id if text else None


def _weeks() -> int:
    text = request.args.get("weeks") or str(WEEKS)
    if not text.isdecimal() or len(text) > 2 or not 1 <= int(text) <= MAX_WEEKS:
        raise BadRequest(_("Ask for 1 to %(most)s weeks.", most=MAX_WEEKS))
    return int(text)


def _cell(one: Cell) -> dict[str, Any]:
    return {
        "from": one.first,
        "to": one.last,
        "planned_minutes": one.planned,
        "capacity_minutes": one.capacity,
    }


def _line(one: Line) -> dict[str, Any]:
    return {
        "member": {"id": one.person.id, "name": one.person.display_name} if one.person else None,
        "weekly_minutes": one.weekly,
        "is_own": one.is_own,
        "apart": one.apart,
        "weeks": [_cell(cell) for cell in one.cells],
    }


class LoadRoutes:
    """Part of the resource of tasks."""

    @expose("/workload", methods=["GET"])
    @protect()
    def workload(self) -> Response:
        """The hours planned per person and week against what the week holds: ``weeks`` from the week of ``from`` on."""
        params = ListParams()
        module = request.args.get("module")
        if module:
            if module not in {one.value for one in MODULES}:
                raise BadRequest(_("Choose one of the list."))
            params.base = [{"field": "module", "operator": "in", "value": [module]}]
        first = monday_of(read_day(request.args.get("from")))
        found = read_load(params, http.actor(), first, _weeks(), read_team(request.args.get("team")))
        result = [_line(one) for one in found.lines]
        totals = [_cell(one) for one in found.totals]
        return http.json_response(
            {
                "from": first,
                "weekly_minutes": found.weekly,
                "count": len(result),
                "result": result,
                "totals": totals,
            }
        )

    @expose("/capacities/<item>", methods=["GET"])
    @protect()
    def capacity(self, item: str) -> Response:
        """The minutes of work of a member's own; null: the organization's business hours."""
        require_capacities(actor=http.actor())
        member = get_member(parse_id(item))
        kept = get_capacity(member.id)
        result = {"weekly_minutes": None if kept is None else kept.weekly_minutes}
        return http.json_response({"id": member.id, "result": result})

    @expose("/capacities/<item>", methods=["PUT"])
    @protect()
    def set_capacity(self, item: str) -> Response:
        """Gives a member ``weekly_minutes`` of work of their own; null: the organization's business hours."""
        body = http.json_body()
        if "weekly_minutes" not in body:
            raise Invalid(errors={"weekly_minutes": [_("This is not a number.")]})
        member_id, minutes = parse_id(item), optional_number(body, "weekly_minutes")
        with uow():
            set_capacity(member_id, minutes, actor=http.actor())
        return http.json_response({"id": member_id, "result": {"weekly_minutes": minutes}})
