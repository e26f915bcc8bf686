"""Saving, changing and deleting views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.crud.fields import Crud
from app.kernel.crud.filters import compile_tree
from app.kernel.crud.query import ordered, plan
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.saved_views.models import SavedView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kernel.actor import Actor

MAX_VIEWS = 50
KEYS = ("leaves", "tree", "search", "sort", "columns", "page_size")


def list_views(kind: str, *, actor: Actor) -> Sequence[SavedView]:
    """The actor's own views of an entity and the shared ones, in order."""
    return db.session.scalars(
        select(SavedView)
        .where(SavedView.kind == kind, (SavedView.owner_id == actor.member_id) | SavedView.shared)
        .order_by(SavedView.position, SavedView.created_at)
    ).all()


def get_view(view_id: UUID, *, actor: Actor) -> SavedView:
    """A view that the actor may use; NotFound for another's private one."""
    view = db.session.scalar(
        select(SavedView).where(SavedView.id == view_id, (SavedView.owner_id == actor.member_id) | SavedView.shared)
    )
    if view is None:
        raise NotFound
    return view


def save_view(
    crud: Crud,
    definition: dict[str, Any],
    *,
    actor: Actor,
    name: str | None = None,
    view_id: UUID | None = None,
    shared: bool | None = None,
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
        view = SavedView(kind=crud.kind, owner_id=actor.member_id, position=owned or 0)
    else:
        view = get_view(view_id, actor=actor)
        if view.kind != crud.kind:
            raise NotFound
        if view.owner_id != actor.member_id:
            raise Forbidden(_("Only its author changes a shared view. Save it as a new one."))
    if name is not None or view_id is None:
        name = " ".join((name or "").split())
        if not 1 <= len(name) <= 60:
            raise Invalid(errors={"name": [_("This field is required.")]})
        view.name = name
    clean = {key: definition[key] for key in KEYS if definition.get(key)}
    tree = {"op": "and", "items": [*clean.get("leaves", []), *([clean["tree"]] if "tree" in clean else [])]}
    compile_tree(crud, tree, actor, plan(crud).columns)
    ordered(crud, select(crud.model.id), clean.get("sort", ""), [])
    view.definition = clean
    if shared is not None:
        view.shared = shared
    if is_default is not None:
        if is_default:
            for other in db.session.scalars(
                select(SavedView).where(
                    SavedView.kind == crud.kind, SavedView.owner_id == actor.member_id, SavedView.is_default
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
