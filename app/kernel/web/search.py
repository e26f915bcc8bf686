"""Search: its page, the palette, and the choices of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, make_response, render_template, request
from sqlalchemy import func, select

from app.kernel import http
from app.kernel.assets import icon
from app.kernel.crud.fields import Crud, cruds, targets
from app.kernel.crud.query import search_criterion
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.feature import SearchHit, registry

if TYPE_CHECKING:
    from app.kernel.actor import Actor


SEARCH_LIMIT = 6


def find(actor: Actor, text: str, limit: int = SEARCH_LIMIT) -> list[SearchHit]:
    """Records whose search columns hold every word, as far as the actor may read them."""
    hits: list[SearchHit] = []
    if len(text.strip()) < 2:
        return hits
    for kind, crud in cruds.items():
        if not actor.can("read", crud.resource):
            continue
        hits += _find_in(kind, crud, text, limit)
    for feature in registry.features:
        for provider in feature.search:
            hits += provider(actor, text, limit)
    return hits


def _find_in(kind: str, crud: Crud, text: str, limit: int) -> list[SearchHit]:
    columns = {name: getattr(crud.model, name) for name in crud.search}
    label = getattr(crud.model, crud.label_field)
    second = columns[crud.search[1]] if len(crud.search) > 1 else None
    statement = (
        select(crud.model.id, label, *([second] if second is not None else []))
        .where(search_criterion(crud, text, columns))
        # Names that start with the text come first.
        .order_by(label.ilike(f"{text}%").desc(), func.length(label), label)
        .limit(limit)
    )
    return [
        SearchHit(
            kind,
            row[0],
            row[1],
            " · ".join(str(one) for one in (crud.singular, row[2] if len(row) > 2 else None) if one),
            f"{crud.url}/show/{row[0]}",
            crud.icon,
        )
        for row in db.session.execute(statement)
    ]


def search_page() -> Response:
    """All hits for ``?q=``, grouped by kind."""
    actor = http.actor()
    text = request.args.get("q", "").replace("\x00", "")[:100].strip()
    hits = find(actor, text, 25) if actor.organization_id else []
    groups: dict[str, list[SearchHit]] = {}
    for hit in hits:
        groups.setdefault(hit.kind, []).append(hit)
    return make_response(render_template("search.html", q=text, groups=groups, cruds=cruds))


def palette() -> Response:
    """The palette's records for ``?q=``, as JSON."""
    actor = http.actor()
    text = request.args.get("q", "").replace("\x00", "")[:100].strip()
    hits = find(actor, text) if actor.organization_id else []
    return http.json_response(
        {
            "result": [
                {
                    "kind": hit.kind,
                    "id": hit.id,
                    "title": hit.title,
                    "subtitle": hit.subtitle,
                    "url": hit.url,
                    "icon": str(icon(hit.icon)),
                }
                for hit in hits[:20]
            ]
        }
    )


def lookup(kind: str) -> Response:
    """Choices of a reference for ``?q=``: ``[{"id", "name"}]``, 20 at most."""
    actor = http.actor()
    text = request.args.get("q", "").replace("\x00", "")[:100].strip()
    if kind in targets:
        target = targets[kind]
        model: Any = target.model
        if target.resource:
            actor.require("read", target.resource)
        label = getattr(model, target.label_column)
        statement = select(model.id, label).order_by(target.order())
        if target.active is not None:
            statement = statement.where(target.active())
    elif kind in cruds:
        crud = cruds[kind]
        actor.require("read", crud.resource)
        model, label = crud.model, getattr(crud.model, crud.label_field)
        statement = select(model.id, label).order_by(func.length(label) if text else label)
    else:
        raise NotFound
    if text:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(label.ilike(f"%{escaped}%"))
    rows = db.session.execute(statement.limit(20))
    return http.json_response({"result": [{"id": row[0], "name": row[1]} for row in rows]})
