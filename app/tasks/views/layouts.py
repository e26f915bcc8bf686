"""The grouped list and the board, each with its saved views, its options and the rest of a long group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask import Response, make_response, request
from flask_appbuilder import expose, has_access

from app.kernel import http
from app.kernel.crud import cells, custom
from app.kernel.crud.headings import headings
from app.kernel.crud.listing import keeping_view, mark_changes
from app.kernel.crud.query import MAX_OFFSET, MAX_SORTS, list_fields, sorts
from app.kernel.crud.view import TenantView, list_state
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.tasks import load_bars, rows
from app.tasks.cruds import PRIORITIES
from app.tasks.lists import board_of, list_of
from app.tasks.queries import groups, tasks
from app.tasks.queries.branches import DEPTH, Branches, branches_of
from app.tasks.queries.groupings import GROUPINGS, get_grouping
from app.tenancy.queries import list_people

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from markupsafe import Markup

    from app.kernel.crud.fields import Crud, Field
    from app.kernel.crud.params import ListParams
    from app.tasks.queries.groups import Row


# (layout, address below the view's own, icon)
MODES = (
    ("list", "/list", "list"),
    ("board", "/board", "square-kanban"),
    ("calendar", "/calendar", "calendar"),
    ("timeline", "/timeline", "chart-no-axes-gantt"),
    ("workload", "/workload", "users"),
    ("table", "/table", "table-2"),
)


def layouts(address: str) -> tuple[tuple[str, str, str], ...]:
    """The layouts with their addresses below ``address``."""
    return tuple((name, f"{address}{path}", sign) for name, path, sign in MODES)


def choices(statuses: Sequence[tasks.StatusLine] = ()) -> dict[str, Any]:
    """What the menus offer that change a task where it stands; ``statuses`` where they were read already."""
    return {"priorities": PRIORITIES, "people": list_people(), "statuses": statuses or tasks.read_statuses()}


class LayoutPages(TenantView):
    """List and board. ``module`` limits them to one module's tasks."""

    address = "/tasks"
    module: str | None = None
    listed: ClassVar[Crud] = list_of("/tasks")
    boarded: ClassVar[Crud] = board_of("/tasks")

    @expose("/list")
    @expose("/list/")
    @has_access
    def list(self) -> Response:
        """Tasks in collapsible groups, sub-tasks below their task, three levels of them."""
        crud = self.listed
        params, context = self._state(crud)
        fields = list_fields(crud, params)
        more = tuple(one for one in fields[1:] if one.name not in rows.KNOWN)
        by = params.options.get("group", "status")
        how = groups.Arrangement(by, nested=not params.is_narrowed, apart=self.module is not None, fields=more)
        kind, cell, first = _fragment({"more": 1, "below": 1, "groups": 0})
        if kind == "more":
            found = groups.list_more(how, params, http.actor(), cell, first)
            return make_response(str(self._writer(found, how, fields).write(found)))
        if kind == "below":
            return make_response(str(self._below(parse_id(cell[0]), first, how, fields)))
        listed = groups.list_groups(how, params, http.actor(), _further(kind, by, first))
        shown = [row for one in listed.groups for row in one.rows]
        context |= {
            "by": by,
            "load": load_bars.heading(http.actor()) if by == "owner" else None,
            **self._listed(listed, first),
            "fields": fields,
            "headings": headings(crud, params, fields),
            "draw": self._writer(shown, how, fields).write,
        }
        if kind:
            return make_response(self.render_template("tasks/_groups.html", **context))
        context |= {"editors": [_editor(one) for one in fields if rows.is_editable(one)], **choices(_statuses(listed))}
        return self._page("list", context)

    def _writer(self, shown: Sequence[Row], how: groups.Arrangement, fields: Sequence[Field]) -> rows.RowWriter:
        """What writes rows of those ``shown``; what is below all of them comes in one query."""
        parents = {row.id: row.children for row in shown if row.children}
        found = Branches()
        if parents and how.nested:
            found = branches_of(parents, how.fields, home=self.module)
        return rows.RowWriter(found, fields, http.actor().can("write", "task"))

    def _below(self, task_id: UUID, first: int, how: groups.Arrangement, fields: Sequence[Field]) -> Markup:
        """The sub-tasks of a task that the list shows at ``level``, from the ``first`` on."""
        level = request.args.get("level", "")
        if level not in {str(one) for one in range(DEPTH)}:
            raise BadRequest(_("Unknown field “%(name)s”.", name="level"))
        found = branches_of({task_id: 0}, how.fields, home=self.module, level=int(level), first=first)
        writer = rows.RowWriter(found, fields, http.actor().can("write", "task"))
        return writer.write_below(task_id, int(level), first)

    @expose("/board")
    @has_access
    def board(self) -> Response:
        """Tasks in columns, and in lanes of another field."""
        crud = self.boarded
        params, context = self._state(crud)
        by = params.options.get("group", "status")
        lanes = params.options.get("lanes", "")
        how = groups.Arrangement(by, lanes if lanes != by else "")
        kind, cell, first = _fragment({"more": len(how.groupings), "groups": 0})
        may_write = http.actor().can("write", "task")
        if kind == "more":
            found = groups.list_more(how, params, http.actor(), cell, first)
            return make_response(str(rows.render_cards(found, may_write=may_write)))
        reading = groups.list_lanes if how.lanes else groups.list_groups
        listed = reading(how, params, http.actor(), _further(kind, how.lanes or by, first))
        context |= {"by": by, "by_lanes": how.lanes, **self._listed(listed, first), "only_lanes": kind == "groups"}
        context["load"] = load_bars.heading(http.actor()) if "owner" in {by, how.lanes} else None
        if kind:
            return make_response(self.render_template("tasks/_columns.html", **context))
        return self._page("board", context | choices(_statuses(listed)))

    def _listed(self, listed: groups.Listed, first: int) -> dict[str, Any]:
        """What both pages say of what they found."""
        for one in (cell for lane in listed.lanes for cell in lane.cells) if listed.lanes else listed.groups:
            if self.module is not None:
                # What is written down in a group of one module's view goes to that module.
                one.values.setdefault("module", self.module)
        return {
            "groups": listed.groups,
            "lanes": listed.lanes,
            "total": listed.total,
            "left": listed.left,
            "step": groups.MAX_LINKED,
            "next_group": first + groups.MAX_LINKED,
        }

    def _page(self, mode: str, context: dict[str, Any]) -> Response:
        context |= {"chips": context["chips"](), "mode": mode}
        return make_response(self.render_template(f"tasks/{mode}.html", **context))

    def _state(self, crud: Crud) -> tuple[ListParams, dict[str, Any]]:
        """What the address and the saved view say, and what both pages are given of it. Raises BadRequest."""
        actor = http.actor()
        params, preset, tabs = list_state(crud)
        params.base = [*self._base()]
        mark_changes(crud, params, preset, tabs)
        state = keeping_view(crud, params, tabs)
        return params, {
            "crud": crud,
            "params": params,
            "tabs": tabs,
            "state": lambda **changes: state(params.query(**changes)),
            "sorts": sorts(crud, params.sort),
            "max_sorts": MAX_SORTS,
            "groupings": GROUPINGS,
            "modes": self._modes(),
            "base": self.address,
            "module": self.module,
            "query": params.query(page=None),
            # After the tasks were read, which refuses what the filters do not know.
            "chips": lambda: [{**one, "without": state(one["without"])} for one in cells.chips(crud, params)],
            "may_write": actor.can("write", "task"),
            "bulk": [one for one in crud.bulk if actor.can(*one.permission)],
            "render_cards": rows.render_cards,
            "status_icon": rows.status_icon,
            "duration": rows.duration,
        }

    def _base(self) -> Sequence[dict[str, Any]]:
        """Conditions of the page itself: beside those of the address, so that sub-tasks stay below their task."""
        return []

    def _modes(self) -> tuple[tuple[str, str, str], ...]:
        """The layouts, with their addresses here."""
        return layouts(self.address)


def _fragment(depths: Mapping[str, int]) -> tuple[str, Sequence[str], int]:
    """Which part of the page is asked for: all groups anew (``1``), further ``groups``, or from a place on ``more`` of
    the cell ``in``, or what is ``below`` a task.

    Raises BadRequest for what does not say ``from`` where, or not each of its values (``depths``).
    """
    kind = request.args.get("fragment", "")
    if kind not in depths:
        return kind, (), 1
    try:
        first = int(request.args.get("from", ""))
    except ValueError:
        first = 0
    if not 1 <= first <= MAX_OFFSET:
        raise BadRequest(_("Narrow the list with a filter to go further."))
    cell = [one.replace("\x00", "")[:80] for one in request.args.getlist("in")]
    if len(cell) != depths[kind]:
        raise BadRequest(_("Unknown field “%(name)s”.", name="in"))
    return kind, cell, first


def _statuses(listed: groups.Listed) -> list[tasks.StatusLine]:
    """The statuses of which the page's groups are."""
    return [one.status for one in listed.groups if one.status is not None]


def _further(kind: str, by: str, first: int) -> int:
    """From which group on: groups that are known beforehand all stand on the page already. Raises BadRequest."""
    if kind == "groups" and get_grouping(by).found is None:
        raise BadRequest(_("Unknown field “%(name)s”.", name="fragment"))
    return first


def _editor(field: Field) -> dict[str, Any]:
    """What the editor of a column must know."""
    return {
        "key": field.key,
        "own": custom.rest_key(field) if field.own else "",
        "label": str(field.label),
        "kind": "people" if field.name == "collaborators" else field.kind.value,
        "choices": [[one.value, str(one.label), one.archived] for one in field.choices],
        "target": "membership" if field.kind.value == "person" else field.target,
        "required": field.required,
        "limit": field.max_length,
        "unit": field.unit,
    }
