"""Reading lists: Core columns, joined names, capped counts. Never an ORM object per row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dc_field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from app.kernel.crud.fields import Crud, Field, target_model
from app.kernel.crud.filters import compile_tree, leaf_text, parse_leaf
from app.kernel.db import db
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from app.kernel.actor import Actor

COUNT_CAP = 10_000
PAGE_SIZES = (25, 50, 100)
MAX_OFFSET = 100_000


@dataclass(slots=True)
class ListParams:
    """What a list shows, as its address says it."""

    search: str = ""
    leaves: list[dict[str, Any]] = dc_field(default_factory=list)
    tree: dict[str, Any] | None = None
    sort: str = ""
    page: int = 1
    page_size: int = 25
    columns: list[str] = dc_field(default_factory=list)

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.page_size

    @property
    def filter_tree(self) -> dict[str, Any]:
        items: list[Any] = list(self.leaves)
        if self.tree:
            items.append(self.tree)
        return {"op": "and", "items": items}

    def query(self, **changes: Any) -> list[tuple[str, str]]:
        """The address's pairs, with ``changes`` applied (None drops a value)."""
        values: dict[str, Any] = {
            "q": self.search or None,
            "sort": self.sort or None,
            "page": self.page if self.page > 1 else None,
            "size": self.page_size if self.page_size != PAGE_SIZES[0] else None,
            "cols": ",".join(self.columns) or None,
            "f": [leaf_text(leaf) for leaf in self.leaves],
        }
        if changes and "page" not in changes:
            values["page"] = None
        values.update(changes)
        pairs: list[tuple[str, str]] = []
        for key, value in values.items():
            if isinstance(value, list):
                pairs.extend((key, str(one)) for one in value)
            elif value is not None:
                pairs.append((key, str(value)))
        return pairs


def read_params(args: MultiDict[str, str], crud: Crud, preset: Mapping[str, Any] | None = None) -> ListParams:
    """The list's parameters from an address, over those of a saved view. Raises BadRequest."""
    preset = preset or {}
    params = ListParams(
        search=(args.get("q", preset.get("search", "")) or "").replace("\x00", "")[:200].strip(),
        leaves=(
            [parse_leaf(one) for one in args.getlist("f") if one] if "f" in args else list(preset.get("leaves", []))
        ),
        sort=args.get("sort", preset.get("sort", "")) or "",
        columns=[one for one in (args.get("cols") or ",".join(preset.get("columns", []))).split(",") if one],
    )
    params.page = _whole(args.get("page"), 1)
    size = _whole(args.get("size"), preset.get("page_size", PAGE_SIZES[0]))
    params.page_size = size if size in PAGE_SIZES else PAGE_SIZES[0]
    known = {one.key for one in crud.fields}
    params.columns = [one for one in params.columns if one in known]
    return params


def _whole(text: str | None, default: int) -> int:
    if not text:
        return default
    try:
        return max(1, int(text))
    except ValueError:
        raise BadRequest(_("“%(value)s” is not a number.", value=text[:20])) from None


@dataclass(slots=True)
class Page:
    """One page of a list. ``count`` stops at COUNT_CAP (``capped``)."""

    rows: list[dict[str, Any]]
    count: int
    capped: bool
    params: ListParams

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // self.params.page_size))

    @property
    def first(self) -> int:
        return 0 if not self.rows else self.params.offset + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


@dataclass(slots=True)
class Plan:
    """How an entity's columns are selected: SQL expressions by attribute, and the joins for names."""

    columns: dict[str, Any]
    names: dict[str, Any]
    joins: dict[str, tuple[Any, Any]]


_plans: dict[str, Plan] = {}


def plan(crud: Crud) -> Plan:
    """The (remembered) plan of an entity."""
    found = _plans.get(crud.kind)
    if found is None:
        columns: dict[str, Any] = {}
        names: dict[str, Any] = {}
        joins: dict[str, tuple[Any, Any]] = {}
        for field in crud.fields:
            columns[field.name] = (
                field.expression() if field.expression is not None else getattr(crud.model, field.name)
            )
            if field.is_link:
                model, label = target_model(field)
                alias = aliased(model)
                names[field.name] = getattr(alias, label.key)
                joins[field.name] = (
                    alias,
                    and_(
                        alias.id == columns[field.name],
                        alias.organization_id == crud.model.organization_id,
                    ),
                )
        for field in crud.filters:
            columns[field.name] = field.expression() if field.expression else getattr(crud.model, field.name)
        if crud.extra_columns is not None:
            columns.update(crud.extra_columns())
        found = _plans[crud.kind] = Plan(columns, names, joins)
    return found


def search_criterion(crud: Crud, text: str, columns: Mapping[str, Any]) -> Any:
    """Every word of ``text`` somewhere in the entity's search columns."""
    parts = []
    for word in text.split()[:6]:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
        parts.append(or_(*(columns[name].ilike(pattern) for name in crud.search)))
    return and_(*parts)


def filtered(crud: Crud, statement: Select[Any], params: ListParams, actor: Actor) -> Select[Any]:
    """``statement`` with the list's search and filters."""
    columns = plan(crud).columns
    if params.leaves or params.tree:
        statement = statement.where(compile_tree(crud, params.filter_tree, actor, columns))
    if params.search:
        statement = statement.where(search_criterion(crud, params.search, columns))
    return statement


_selects: dict[tuple[str, ...], Select[Any]] = {}


def base_select(crud: Crud, fields: list[Field]) -> Select[Any]:
    """The columns of ``fields``, with ``<name>__name`` for references, joined once each.

    Remembered: building it costs more than running it.
    """
    key = (crud.kind, *(field.name for field in fields))
    found = _selects.get(key)
    if found is None:
        if len(_selects) > 500:  # people may ask for any columns in any order
            _selects.clear()
        found = _selects[key] = _build_select(crud, fields)
    return found


def _build_select(crud: Crud, fields: list[Field]) -> Select[Any]:
    how = plan(crud)
    selected: list[Any] = [crud.model.id.label("id"), crud.model.version.label("version")]
    statement: Select[Any] = select(*selected).select_from(crud.model)
    for field in fields:
        statement = statement.add_columns(how.columns[field.name].label(field.name))
        if field.is_link:
            alias, on = how.joins[field.name]
            statement = statement.add_columns(how.names[field.name].label(f"{field.name}__name"))
            statement = statement.outerjoin(alias, on)
    if crud.extra_columns is not None:
        for name in crud.extra_columns():
            statement = statement.add_columns(how.columns[name].label(name))
    return statement


def ordered(crud: Crud, statement: Select[Any], sort: str, fields: list[Field]) -> Select[Any]:
    """``statement`` in the order that ``sort`` names (``-amount,name``), the id last, so pages hold still."""
    how = plan(crud)
    joined = {field.name for field in fields}
    for part in [one for one in (sort or crud.order).split(",") if one][:3]:
        name = part.removeprefix("-")
        field = crud.field(name)
        if field is None or not field.sortable:
            raise BadRequest(_("Unknown field “%(name)s”.", name=name[:40]))
        column = how.columns[field.name]
        if field.is_link:
            if field.name not in joined:
                alias, on = how.joins[field.name]
                statement = statement.outerjoin(alias, on)
                joined.add(field.name)
            column = how.names[field.name]
        statement = statement.order_by(
            column.desc().nulls_last() if part.startswith("-") else column.asc().nulls_last()
        )
    return statement.order_by(crud.model.id.desc())


def fetch_page(crud: Crud, fields: list[Field], params: ListParams, actor: Actor) -> tuple[Sequence[Row[Any]], int]:
    """The rows of the page (the columns of ``base_select``, then ``row_count``) and how many match in all,
    counted no further than COUNT_CAP + 1. One query, but two for a page beyond the last."""
    inner = filtered(crud, select(crud.model.id), params, actor).limit(COUNT_CAP + 1).subquery()
    count = select(func.count()).select_from(inner)
    statement = filtered(crud, base_select(crud, fields), params, actor)
    statement = ordered(crud, statement, params.sort, fields).limit(params.page_size)
    if params.offset:
        # Not for the first page: PostgreSQL cannot estimate an offset that is a parameter, and would plan
        # the statement anew every time.
        statement = statement.offset(params.offset)
    rows = db.session.execute(statement.add_columns(count.scalar_subquery().label("row_count"))).all()
    if rows:
        return rows, rows[0].row_count
    return rows, (db.session.scalar(count) or 0) if params.offset else 0


def list_fields(crud: Crud, params: ListParams) -> list[Field]:
    """The columns to show, in the order of the address, else those of the declaration."""
    if params.columns:
        label = crud.field(crud.label_field)
        chosen = [crud.field(key) for key in params.columns]
        shown = [one for one in chosen if one is not None and one is not label]
        return ([label] if label is not None else []) + shown
    return [one for one in crud.fields if one.in_list]


def list_page(crud: Crud, params: ListParams, actor: Actor) -> Page:
    """One page of the list: one query, whatever the number of rows."""
    fields = list_fields(crud, params)
    if params.offset > MAX_OFFSET:
        raise BadRequest(_("Narrow the list with a filter to go further."))
    rows, found = fetch_page(crud, fields, params, actor)
    return Page([dict(row._mapping) for row in rows], min(found, COUNT_CAP), found > COUNT_CAP, params)


def find_ids(crud: Crud, params: ListParams, actor: Actor, limit: int) -> list[UUID]:
    """The ids of all rows of a list, in its order, up to ``limit``."""
    statement = filtered(crud, select(crud.model.id), params, actor)
    return list(db.session.scalars(ordered(crud, statement, params.sort, []).limit(limit)))
