"""What the template of a generated list is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MultiDict

from app.kernel.crud import cells, export
from app.kernel.crud.headings import headings
from app.kernel.crud.params import PAGE_SIZES, STATE, ListParams, read_params
from app.kernel.crud.query import MAX_SORTS, list_fields, list_page, sorts
from app.kernel.crud.totals import has_totals, list_totals

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.kernel.crud.fields import Crud

Pairs = list[tuple[str, str]]


def list_context(
    crud: Crud, params: ListParams, preset: Mapping[str, Any], tabs: dict[str, Any], actor: Actor
) -> dict[str, Any]:
    """A page of the list, its headings and totals, and the addresses that change what it shows."""
    state = keeping_view(crud, params, tabs)
    mark_changes(crud, params, preset, tabs)
    fields = list_fields(crud, params)
    page = list_page(crud, params, actor)
    summed = has_totals(fields)
    return {
        "crud": crud,
        "page": page,
        "params": params,
        "fields": fields,
        "render_rows": cells.render_rows,
        "tabs": tabs,
        "headings": headings(crud, params, fields),
        "sorts": sorts(crud, params.sort or crud.order),
        "max_sorts": MAX_SORTS,
        # Of a very long list the page asks for them when it is there.
        "totals": list_totals(crud, params, actor, fields) if summed and not page.capped else None,
        "has_totals": summed,
        "may_write": actor.can("write", crud.resource),
        "may_export": actor.can("export", crud.resource),
        "page_sizes": PAGE_SIZES,
        "inline_export": page.count <= export.INLINE,
        "bulk": [one for one in crud.bulk if actor.can(*one.permission)],
        "chips": [{**one, "without": state(one["without"])} for one in cells.chips(crud, params)],
        "state": lambda **changes: state(params.query(**changes)),
    }


def mark_changes(crud: Crud, params: ListParams, preset: Mapping[str, Any], tabs: dict[str, Any]) -> None:
    """Notes whether the list shows something else than its saved view says."""
    if tabs.get("active") is not None:
        tabs["dirty"] = params.query(page=None) != read_params(MultiDict(), crud, preset).query(page=None)


def keeping_view(crud: Crud, params: ListParams, tabs: dict[str, Any]) -> Callable[[Pairs], Pairs]:
    """Completes the pairs of a list's link so that the view stays: what a link leaves out would
    otherwise come back from the view, or from the person's default one."""
    active = tabs.get("active")

    def complete(pairs: Pairs) -> Pairs:
        given = {key for key, _value in pairs}
        if active is None:
            start = [("view", "all")] if tabs.get("views") else []
            return [*start, *pairs, *([("cols", "")] if tabs.get("layout") and "cols" not in given else [])]
        blank = [(key, "") for key in (*STATE, *crud.options) if key not in given and key != "size"]
        size = [] if "size" in given else [("size", str(params.page_size))]
        return [("view", str(active.id)), *pairs, *blank, *size]

    return complete
