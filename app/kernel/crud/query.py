"""Reading lists: Core columns, joined names, capped counts. Never an ORM object per row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, bindparam, func, or_, select, true
from sqlalchemy.orm import aliased

from app.kernel.crud.custom import column_of, name_of, position_of
from app.kernel.crud.fields import Crud, Field, target_model
from app.kernel.crud.params import ListParams as ListParams
from app.kernel.crud.params import read_params as read_params
from app.kernel.crud.tree import compile_filters
from app.kernel.db import db, lift_values, read_prepared
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from app.kernel.actor import Actor

COUNT_CAP = 10_000
MAX_OFFSET = 100_000
MAX_SORTS = 5
# People may ask for any columns in any order, and organizations have fields of their own.
MAX_KEPT = 500


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
    """How an entity's columns are selected: SQL expressions by attribute, and the joins for names.

    The organization's own fields have no joins: what is kept of one organization's never meets another's.
    """

    columns: dict[str, Any]
    names: dict[str, Any]
    joins: dict[str, tuple[Any, Any]]


_declared: dict[str, Plan] = {}
_plans: dict[tuple[str, ...], Plan] = {}


def plan(crud: Crud) -> Plan:
    """The (remembered) plan of an entity, with the organization's own fields."""
    declared = _plan_declared(crud)
    own = [field for field in crud.fields if field.own]
    if not own:
        return declared
    key = (crud.kind, *(field.name for field in own))
    found = _plans.get(key)
    if found is None:
        if len(_plans) > MAX_KEPT:
            _plans.clear()
        columns = {field.name: column_of(crud, field) for field in own}
        names = {field.name: name_of(crud, field, columns[field.name]) for field in own if field.is_link}
        found = Plan({**columns, **declared.columns}, {**names, **declared.names}, declared.joins)
        _plans[key] = found
    return found


def _plan_declared(crud: Crud) -> Plan:
    """That of the declared fields: one for ever, because kept statements join by its aliases."""
    found = _declared.get(crud.kind)
    if found is not None:
        return found
    columns: dict[str, Any] = {}
    names: dict[str, Any] = {}
    joins: dict[str, tuple[Any, Any]] = {}
    for field in (one for one in crud.fields if not one.own):
        columns[field.name] = field.expression() if field.expression is not None else getattr(crud.model, field.name)
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
    # Of two threads that come first at once one counts, for both.
    return _declared.setdefault(crud.kind, Plan(columns, names, joins))


def search_criterion(crud: Crud, text: str, columns: Mapping[str, Any]) -> Any:
    """Every word of ``text`` somewhere in the entity's search columns."""
    parts = []
    for word in text.split()[:6]:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
        parts.append(or_(*(columns[name].ilike(pattern) for name in crud.search)))
    return and_(*parts)


def matching(crud: Crud, params: ListParams, actor: Actor) -> ColumnElement[bool]:
    """The list's search and filters as a criterion."""
    columns = plan(crud).columns
    parts: list[Any] = []
    leaves = [*params.base, *params.leaves]
    if leaves or params.tree:
        parts.append(compile_filters(crud, leaves, params.tree, actor, columns))
    if params.search:
        parts.append(search_criterion(crud, params.search, columns))
    return and_(true(), *parts)


_LIMIT, _OFFSET = bindparam("page_size", type_=Integer), bindparam("page_offset", type_=Integer)
_selects: dict[tuple[str, ...], Select[Any]] = {}


def base_select(crud: Crud, fields: list[Field]) -> Select[Any]:
    """The columns of ``fields``, with ``<name>__name`` for references, joined once each.

    Remembered: building it costs more than running it.
    """
    key = (crud.kind, *(field.name for field in fields))
    found = _selects.get(key)
    if found is None:
        if len(_selects) > MAX_KEPT:  # people may ask for any columns in any order
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
            statement = statement.add_columns(how.names[field.name].label(f"{field.name}__name"))
            if field.name in how.joins:
                alias, on = how.joins[field.name]
                statement = statement.outerjoin(alias, on)
    if crud.extra_columns is not None:
        for name in crud.extra_columns():
            statement = statement.add_columns(how.columns[name].label(name))
    return statement


def sorts(crud: Crud, sort: str) -> list[tuple[Field, bool]]:
    """The columns that ``sort`` (``-amount,name``) names, each with whether it runs downwards. Raises BadRequest."""
    found: dict[str, tuple[Field, bool]] = {}
    for part in [one for one in sort.split(",") if one]:
        name = part.removeprefix("-")
        field = crud.field(name)
        if field is None or not field.sortable:
            raise BadRequest(_("Unknown field “%(name)s”.", name=name[:40]))
        found.setdefault(field.name, (field, part.startswith("-")))
    if len(found) > MAX_SORTS:
        raise BadRequest(_("A list sorts by at most %(count)s columns.", count=MAX_SORTS))
    return list(found.values())


def order_key(crud: Crud, sort: str) -> tuple[Any, ...]:
    """All that the order named by ``sort`` depends on: a key of a field is another one in another organization."""
    return tuple(
        (field.name, down, tuple(one.value for one in field.choices) if field.own else ())
        for field, down in sorts(crud, sort or crud.order)
    )


def ordered(crud: Crud, statement: Select[Any], sort: str, fields: list[Field]) -> Select[Any]:
    """``statement`` in the order that ``sort`` names, the id last, so pages hold still."""
    terms, joins = order_terms(crud, sort or crud.order)
    joined = {field.name for field in fields}
    for name, (alias, on) in joins.items():
        if name not in joined:
            statement = statement.outerjoin(alias, on)
    return statement.order_by(*terms, crud.model.id.desc())


def order_terms(crud: Crud, sort: str) -> tuple[list[Any], dict[str, tuple[Any, Any]]]:
    """What ``sort`` orders by, and the joins that it needs, by attribute."""
    how = plan(crud)
    terms, joins = [], {}
    for field, down in sorts(crud, sort):
        column = how.columns[field.name]
        if field.is_link:
            if field.name in how.joins:
                joins[field.name] = how.joins[field.name]
            column = how.names[field.name]
        elif field.own and field.choices:
            column = position_of(field, column)
        terms.append(column.desc().nulls_last() if down else column.asc().nulls_last())
    return terms, joins


def fetch_page(crud: Crud, fields: list[Field], params: ListParams, actor: Actor) -> tuple[Sequence[Row[Any]], int]:
    """The rows of the page (the columns of ``base_select``, then ``row_count``) and how many match in all,
    counted no further than COUNT_CAP + 1. One query, but two for a page beyond the last."""
    form, values, criterion = lift_values(matching(crud, params, actor))
    # No offset on the first page: PostgreSQL cannot estimate one that is a parameter, and would plan the
    # statement anew every time.
    order = order_key(crud, params.sort)
    key = (crud.kind, form, order, tuple(field.name for field in fields), params.offset > 0)

    def statement() -> Select[Any]:
        where = criterion()
        inner = select(crud.model.id).where(where).limit(COUNT_CAP + 1).subquery()
        count = select(func.count()).select_from(inner).scalar_subquery()
        rows = ordered(crud, base_select(crud, fields).where(where), params.sort, fields).limit(_LIMIT)
        return (rows.offset(_OFFSET) if params.offset else rows).add_columns(count.label("row_count"))

    rows = read_prepared(key, statement, {**values, "page_size": params.page_size, "page_offset": params.offset})
    if rows or not params.offset:
        return rows, rows[0].row_count if rows else 0
    return rows, count_rows(crud, params, actor, COUNT_CAP + 1)


def count_rows(crud: Crud, params: ListParams, actor: Actor, limit: int) -> int:
    """How many rows a list has, counted no further than ``limit``."""
    every = select(crud.model.id).where(matching(crud, params, actor)).limit(limit).subquery()
    return db.session.scalar(select(func.count()).select_from(every)) or 0


def list_fields(crud: Crud, params: ListParams) -> list[Field]:
    """The columns to show, in the order of the address, else those of the declaration."""
    if params.columns:
        label = crud.field(crud.label_field)
        chosen = [crud.field(key) for key in params.columns]
        shown = [one for one in chosen if one is not None and one is not label]
        return ([label] if label is not None else []) + shown
    if crud.default_columns:
        return [one for one in map(crud.field, crud.default_columns) if one is not None]
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
    statement = select(crud.model.id).where(matching(crud, params, actor))
    return list(db.session.scalars(ordered(crud, statement, params.sort, []).limit(limit)))
