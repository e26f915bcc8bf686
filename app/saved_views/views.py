"""The tabs of saved views above every list, and their forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from flask import Response, flash, redirect, request
from flask_appbuilder import BaseView, expose
from werkzeug.datastructures import MultiDict

from app.kernel import http
from app.kernel.crud.fields import Crud, cruds, lists
from app.kernel.crud.params import STATE, knows, read_state
from app.kernel.errors import NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.saved_views import service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.kernel.actor import Actor


def provide(crud: Crud, actor: Actor, args: Any) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The preset of the active view, and what the tabs show. Two queries at most.

    ``?view=<id>`` picks a view, ``?view=all`` none; a bare address opens the person's default.
    """
    views = service.list_views(crud.views_kind, actor=actor)
    chosen = None
    wanted = args.get("view")
    if wanted and wanted != "all":
        wanted_id = parse_id(wanted)
        chosen = next((one for one in views if one.id == wanted_id), None)
        if chosen is None:
            raise NotFound
    elif wanted is None and not any(key in args for key in (*STATE, *crud.options)):
        mine = (one for one in views if one.is_default and one.owner_id == actor.member_id)
        # One that asks for a field that is no more opens no list by itself: nobody could get past it.
        chosen = next((one for one in mine if knows(crud, one.definition)), None)
    layout = [] if chosen else service.get_layout(crud.views_kind, actor=actor)
    preset = dict(chosen.definition) if chosen else {"columns": layout}
    dirty = chosen is not None and any(key in args for key in (*STATE, *crud.options))
    return preset, {
        "views": views,
        "active": chosen,
        "layout": layout,
        "dirty": dirty,
        "own": chosen is not None and chosen.owner_id == actor.member_id,
    }


class SavedViewView(BaseView):  # type: ignore[misc]
    """Posts of the view tabs. What a view may show is checked when it is used."""

    route_base = "/views"
    default_view = "save"

    @expose("/<kind>/save", methods=["POST"])
    def save(self, kind: str) -> Response:
        """Saves the list's state (field ``state``: its query string) as a new view, or into one."""
        actor = http.actor()
        crud = _crud(kind)
        actor.require("read", crud.resource)
        # A blank value says that the view's own search, filters or columns were taken away.
        state = MultiDict(parse_qsl(request.form.get("state", ""), keep_blank_values=True))
        view_id = parse_id(request.form["view"]) if request.form.get("view") else None
        preset: dict[str, Any] = {}
        if view_id is not None:
            preset = dict(service.get_view(view_id, actor=actor).definition)
        params = read_state(state, crud, preset)
        definition = {
            "leaves": params.leaves,
            "tree": params.tree,
            "search": params.search,
            "sort": params.sort,
            "columns": params.column_texts,
            "page_size": params.page_size,
            "options": params.options,
        }
        with uow():
            view = service.save_view(
                crud,
                definition,
                actor=actor,
                view_id=view_id,
                name=request.form.get("name") or None,
                visibility=request.form.get("visibility", "private") if "options" in request.form else None,
                is_default=request.form.get("is_default") == "1" if "options" in request.form else None,
            )
        flash(_("View “%(name)s” saved.", name=view.name), "success")
        return redirect(f"{crud.list_url}?{urlencode({'view': str(view.id)})}")  # type: ignore[return-value]

    @expose("/<kind>/columns", methods=["POST"])
    def columns(self, kind: str) -> Response:
        """Keeps the columns of a list (field ``cols``) for the person; blank ones forget them."""
        actor = http.actor()
        crud = _crud(kind)
        actor.require("read", crud.resource)
        with uow():
            service.save_layout(crud, request.form.get("cols", ""), actor=actor)
        return http.json_response({"message": "OK"})

    @expose("/<kind>/<pk>/delete", methods=["POST"])
    def delete(self, kind: str, pk: str) -> Response:
        """Deletes one of the person's own views."""
        crud = _crud(kind)
        with uow():
            service.delete_view(parse_id(pk), actor=http.actor())
        flash(_("View deleted."), "success")
        return redirect(f"{crud.list_url}?view=all")  # type: ignore[return-value]


def _crud(kind: str) -> Crud:
    crud = lists.get(kind) or cruds.get(kind)
    if crud is None:
        raise NotFound
    return crud
