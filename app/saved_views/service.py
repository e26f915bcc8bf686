"""Saving, changing and deleting views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, String, Uuid, any_, bindparam, func, select

from app.kernel.crud.fields import Crud
from app.kernel.crud.params import column_texts, read_columns
from app.kernel.crud.query import ordered, plan
from app.kernel.crud.tree import compile_filters
from app.kernel.db import advisory_lock, db, read_prepared
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.saved_views.models import ListLayout, SavedView, Visibility

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, Select

    from app.kernel.actor import Actor

MAX_VIEWS = 50
SHOWN = ("id", "name", "owner_id", "visibility", "is_default", "definition")
KEYS = ("leaves", "tree", "search", "sort", "columns", "page_size", "options")


def _visible(member_id: Any, team: BindParameter[Any]) -> Any:
    """A person's own views, those of the people of their team (an array of members), and those for everybody."""
    of_team = (SavedView.visibility == Visibility.TEAM) & (SavedView.owner_id == any_(team))
    return (SavedView.owner_id == member_id) | of_team | (SavedView.visibility == Visibility.SHARED)


def list_views(kind: str, *, actor: Actor) -> Sequence[Any]:
    """The views of an entity that the actor may use, in order: rows with what tabs and dialogs show of a SavedView."""

    def build() -> Select[Any]:
        shown = _visible(bindparam("member_id", type_=Uuid), bindparam("team", type_=ARRAY(Uuid)))
        return (
            select(*(getattr(SavedView, name) for name in SHOWN))
            .where(SavedView.kind == bindparam("kind", type_=String), shown)
            .order_by(SavedView.position, SavedView.created_at)
        )

    values = {"kind": kind, "member_id": actor.member_id, "team": list(actor.team_member_ids)}
    return read_prepared("saved views", build, values)


def get_view(view_id: UUID, *, actor: Actor) -> SavedView:
    """A view that the actor may use; NotFound for another's private one."""
    shown = _visible(actor.member_id, bindparam(None, list(actor.team_member_ids), type_=ARRAY(Uuid)))
    view = db.session.scalar(select(SavedView).where(SavedView.id == view_id, shown))
    if view is None:
        raise NotFound
    return view


def get_layout(kind: str, *, actor: Actor) -> list[str]:
    """The columns that the actor left the list with; none for the default ones."""

    def build() -> Select[Any]:
        of_member = ListLayout.owner_id == bindparam("member_id", type_=Uuid)
        return select(ListLayout.columns).where(ListLayout.kind == bindparam("kind", type_=String), of_member)

    rows = read_prepared("list layout", build, {"kind": kind, "member_id": actor.member_id})
    return rows[0].columns if rows else []


def save_layout(crud: Crud, text: str, *, actor: Actor) -> None:
    """Keeps the columns that ``text`` names (``status~140,owner``) for the actor; none forget them."""
    columns, widths = read_columns(crud, text)
    advisory_lock(f"layout:{actor.member_id}:{crud.views_kind}")
    found = db.session.scalar(
        select(ListLayout).where(ListLayout.kind == crud.views_kind, ListLayout.owner_id == actor.member_id)
    )
    if not columns:
        if found is not None:
            db.session.delete(found)
        return
    if found is None:
        found = ListLayout(kind=crud.views_kind, owner_id=actor.member_id)
        db.session.add(found)
    found.columns = column_texts(columns, widths)


def save_view(
    crud: Crud,
    definition: dict[str, Any],
    *,
    actor: Actor,
    name: str | None = None,
    view_id: UUID | None = None,
    visibility: str | None = None,
    is_default: bool | None = None,
) -> SavedView:
    """Creates (``view_id`` None) or changes a view. The definition must compile for the entity.

    Raises Invalid for a bad name or definition, Forbidden for somebody else's view.
    """
    if view_id is None:
        owned = db.session.scalar(
            select(func.count()).select_from(SavedView).where(SavedView.owner_id == actor.member_id)
        )
        if (owned or 0) >= MAX_VIEWS:
            raise Conflict(_("You have %(count)s views already: delete one first.", count=MAX_VIEWS))
        view = SavedView(kind=crud.views_kind, owner_id=actor.member_id, position=owned or 0)
    else:
        view = get_view(view_id, actor=actor)
        if view.kind != crud.views_kind:
            raise NotFound
        if view.owner_id != actor.member_id:
            raise Forbidden(_("Only its author changes a shared view. Save it as a new one."))
    if name is not None or view_id is None:
        name = " ".join((name or "").split())
        if not 1 <= len(name) <= 60:
            raise Invalid(errors={"name": [_("This field is required.")]})
        view.name = name
    clean = {key: definition[key] for key in KEYS if definition.get(key)}
    compile_filters(crud, clean.get("leaves", []), clean.get("tree"), actor, plan(crud).columns)
    ordered(crud, select(crud.model.id), clean.get("sort", ""), [])
    view.definition = clean
    if visibility is not None:
        if visibility not in set(Visibility):
            raise Invalid(errors={"visibility": [_("Choose one of the list.")]})
        view.visibility = visibility
    if is_default is not None:
        if is_default:
            for other in db.session.scalars(
                select(SavedView).where(
                    SavedView.kind == crud.views_kind, SavedView.owner_id == actor.member_id, SavedView.is_default
                )
            ):
                other.is_default = False
            db.session.flush()
        view.is_default = is_default
    db.session.add(view)
    db.session.flush()
    return view


def delete_view(view_id: UUID, *, actor: Actor) -> None:
    """Deletes one of the actor's own views."""
    view = get_view(view_id, actor=actor)
    if view.owner_id != actor.member_id:
        raise Forbidden(_("Only its author deletes a shared view."))
    db.session.delete(view)
