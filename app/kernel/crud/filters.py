"""Conditions on one field, with whitelisted columns; ``tree`` joins them with AND and OR.

A leaf is ``{"field", "operator", "value"}`` with ``value`` a list of texts. In an address it is
``f=<field>:<operator>:<value,value>``.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from sqlalchemy import String, Uuid, and_, bindparam, func, not_, or_, true, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY

from app.kernel import clock
from app.kernel.crud.fields import Field, Kind, parse, storable
from app.kernel.db import is_one_of
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.i18n import ngettext

if TYPE_CHECKING:
    from app.kernel.actor import Actor

TEXT = ("contains", "not_contains", "eq", "ne", "starts", "ends", "empty", "filled")
NUMBER = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "empty", "filled")
DATE = ("in_period", "eq", "lt", "gt", "lte", "gte", "between", "empty", "filled")
SET = ("in", "not_in", "empty", "filled")

OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: TEXT,
    Kind.LONG: TEXT,
    Kind.EMAIL: TEXT,
    Kind.PHONE: TEXT,
    Kind.URL: TEXT,
    Kind.INTEGER: NUMBER,
    Kind.DECIMAL: NUMBER,
    Kind.MONEY: NUMBER,
    Kind.PERCENT: NUMBER,
    Kind.DATE: DATE,
    Kind.DATETIME: DATE,
    Kind.BOOL: ("eq",),
    Kind.ENUM: SET,
    Kind.REF: SET,
    Kind.PERSON: SET,
    Kind.TAGS: SET,
    Kind.MULTI: SET,
}

OPERATOR_LABELS = {
    "contains": _l("contains"),
    "not_contains": _l("does not contain"),
    "eq": _l("is"),
    "ne": _l("is not"),
    "starts": _l("starts with"),
    "ends": _l("ends with"),
    "empty": _l("is empty"),
    "filled": _l("is filled"),
    "gt": _l("more than"),
    "gte": _l("at least"),
    "lt": _l("less than"),
    "lte": _l("at most"),
    "between": _l("between"),
    "in": _l("is one of"),
    "not_in": _l("is none of"),
    "in_period": _l("in"),
}

DATE_LABELS = {"lt": _l("before"), "gt": _l("after"), "lte": _l("until"), "gte": _l("from")}

PERIODS = {
    "today": _l("today"),
    "yesterday": _l("yesterday"),
    "tomorrow": _l("tomorrow"),
    "this_week": _l("this week"),
    "last_week": _l("last week"),
    "next_week": _l("next week"),
    "this_month": _l("this month"),
    "this_quarter": _l("this quarter"),
    "this_year": _l("this year"),
    "last_7": _l("last 7 days"),
    "last_30": _l("last 30 days"),
    "last_90": _l("last 90 days"),
    "last_month": _l("last month"),
    "next_month": _l("next month"),
    "last_quarter": _l("last quarter"),
    "last_year": _l("last year"),
    "next_7": _l("next 7 days"),
    "next_30": _l("next 30 days"),
    "past": _l("the past"),
    "future": _l("the future"),
}

# Any number of days, besides those that PERIODS offers by name.
_DAYS = re.compile(r"(last|next)_([1-9][0-9]{0,2})")
# Flask-AppBuilder's REST operators -> ours; ours are understood as well.
FAB_OPERATORS = {
    "neq": "ne",
    "ct": "contains",
    "sw": "starts",
    "rel_o_m": "in",
    "nrel_o_m": "not_in",
    "nct": "not_contains",
    "ew": "ends",
    **{name: name for name in OPERATOR_LABELS},
}


def period_bounds(name: str, today: dt.date) -> tuple[dt.date | None, dt.date | None]:
    """First and last day (inclusive) of a named period; None is open."""
    quarter_start = dt.date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    month_start = today.replace(day=1)
    one = dt.timedelta(days=1)
    match name:
        case "today":
            return today, today
        case "yesterday":
            return today - one, today - one
        case "tomorrow":
            return today + one, today + one
        case "last_week" | "this_week" | "next_week":
            weeks = ("last_week", "this_week", "next_week").index(name) - 1
            start = today + dt.timedelta(days=7 * weeks - today.weekday())
            return start, start + dt.timedelta(days=6)
        case "next_month":
            start = _next_month(month_start)
            return start, _next_month(start) - one
        case "this_month":
            return month_start, _next_month(month_start) - one
        case "last_month":
            end = month_start - one
            return end.replace(day=1), end
        case "this_quarter":
            return quarter_start, _next_month(_next_month(_next_month(quarter_start))) - one
        case "last_quarter":
            end = quarter_start - one
            return dt.date(end.year, 3 * ((end.month - 1) // 3) + 1, 1), end
        case "this_year":
            return dt.date(today.year, 1, 1), dt.date(today.year, 12, 31)
        case "last_year":
            return dt.date(today.year - 1, 1, 1), dt.date(today.year - 1, 12, 31)
        case "past":
            return None, today - one
        case "future":
            return today + one, None
    days = _DAYS.fullmatch(name)
    if days is not None:
        span = dt.timedelta(days=int(days[2]) - 1)
        return (today - span, today) if days[1] == "last" else (today, today + span)
    raise BadRequest(_("Unknown period “%(name)s”.", name=name))


def period_words(name: str) -> str:
    """A period as people read it."""
    days = _DAYS.fullmatch(name)
    if name in PERIODS or days is None:
        return str(PERIODS.get(name, name))
    if days[1] == "last":
        return ngettext("last %(num)s day", "last %(num)s days", int(days[2]))
    return ngettext("next %(num)s day", "next %(num)s days", int(days[2]))


def operator_words(field: Field, operator: str) -> str:
    """A condition as people read it: numbers are more, dates are after."""
    if field.kind in {Kind.DATE, Kind.DATETIME} and operator in DATE_LABELS:
        return str(DATE_LABELS[operator])
    return str(OPERATOR_LABELS.get(operator, operator))


def _next_month(day: dt.date) -> dt.date:
    return dt.date(day.year + day.month // 12, day.month % 12 + 1, 1)


def parse_leaf(text: str) -> dict[str, Any]:
    """The leaf written in an address."""
    parts = text.split(":", 2)
    if len(parts) < 2:
        raise BadRequest(_("A filter reads field:operator:value."))
    values = [unquote(one) for one in parts[2].split(",")] if len(parts) == 3 and parts[2] else []
    return {"field": parts[0], "operator": parts[1], "value": values}


def leaf_text(leaf: dict[str, Any]) -> str:
    """The leaf as an address writes it; the inverse of parse_leaf."""
    values = ",".join(quote(str(one), safe="") for one in leaf.get("value", []))
    return f"{leaf['field']}:{leaf['operator']}:{values}"


def criterion(field: Field, operator: str, values: list[str], actor: Actor, column: Any) -> Any:
    """One condition as SQL."""
    if not all(storable(one) for one in values):
        raise BadRequest(_("This text has characters that cannot be stored."))
    allowed = OPERATORS[field.kind]
    extra = {"eq", "ne"} if allowed is SET else set()
    if operator not in allowed and operator not in extra:
        raise BadRequest(
            _("“%(operator)s” does not apply to “%(field)s”.", operator=operator[:20], field=str(field.label))
        )
    if operator in {"empty", "filled"}:
        empty = column.is_(None)
        if field.kind is Kind.TAGS:
            empty = func.cardinality(column) == 0
        return empty if operator == "empty" else not_(empty)
    if not values:
        raise BadRequest(_("The filter on “%(field)s” needs a value.", field=str(field.label)))
    if allowed is SET:
        return _set(
            field, "in" if operator == "eq" else "not_in" if operator == "ne" else operator, values, actor, column
        )
    if field.kind in {Kind.DATE, Kind.DATETIME}:
        return _dates(field, operator, values, actor, column)
    if allowed is TEXT:
        return _texts(operator, values[0], column)
    parsed = [_value(field, one) for one in values]
    match operator:
        case "eq":
            return column == parsed[0]
        case "ne":
            return column.is_distinct_from(parsed[0])
        case "gt":
            return column > parsed[0]
        case "gte":
            return column >= parsed[0]
        case "lt":
            return column < parsed[0]
        case "lte":
            return column <= parsed[0]
    if len(parsed) != 2:
        raise BadRequest(_("“Between” needs two values."))
    return column.between(parsed[0], parsed[1])


def _value(field: Field, text: str) -> Any:
    # A form's limits are no limits of a question: no company was founded in 5, but all of them after it.
    anything = replace(field, minimum=None, maximum=None)
    try:
        value = parse(anything, text)
    except ValueError as error:
        raise BadRequest(f"{field.label}: {error}") from None
    if value is None:  # nothing but spaces
        raise BadRequest(_("The filter on “%(field)s” needs a value.", field=str(field.label)))
    return value


def _texts(operator: str, text: str, column: Any) -> Any:
    pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    match operator:
        case "eq":
            return func.lower(column) == text.lower()
        case "ne":
            return func.lower(column).is_distinct_from(text.lower())
        case "starts":
            return column.ilike(f"{pattern}%")
        case "ends":
            return column.ilike(f"%{pattern}")
        case "not_contains":
            return or_(column.is_(None), not_(column.ilike(f"%{pattern}%")))
    return column.ilike(f"%{pattern}%")


def _set(field: Field, operator: str, values: list[str], actor: Actor, column: Any) -> Any:
    if field.kind is Kind.TAGS:
        found = type_coerce(column, ARRAY(String)).overlap(values)
        return found if operator == "in" else not_(found)
    if field.kind is Kind.MULTI:
        chosen = bindparam(None, [_known(field, one) for one in values], type_=ARRAY(String), unique=True)
        found = column.has_any(chosen)
        return found if operator == "in" else or_(column.is_(None), not_(found))
    parsed: list[Any] = []
    for one in values:
        if field.kind is Kind.PERSON and one == "me":
            parsed.append(actor.member_id)
        elif field.kind is Kind.ENUM:
            parsed.append(_known(field, one))
        else:
            parsed.append(_value(field, one))
    if field.many:
        matching = type_coerce(column, ARRAY(Uuid)).overlap(parsed)
        return matching if operator == "in" else not_(matching)
    if operator == "in":
        return is_one_of(column, parsed)
    return or_(column.is_(None), not_(is_one_of(column, parsed)))


def _known(field: Field, value: str) -> str:
    if field.choice(value) is None:
        raise BadRequest(_("“%(value)s” is not a value of “%(field)s”.", value=value[:40], field=str(field.label)))
    return value


def _dates(field: Field, operator: str, values: list[str], actor: Actor, column: Any) -> Any:
    if operator == "in_period":
        first, last = period_bounds(values[0], clock.today(actor.timezone))
    else:
        days = [_day(field, one) for one in values]
        match operator:
            case "eq":
                first = last = days[0]
            case "gte":
                first, last = days[0], None
            case "gt":
                first, last = days[0] + dt.timedelta(days=1), None
            case "lt":
                first, last = None, days[0] - dt.timedelta(days=1)
            case "lte":
                first, last = None, days[0]
            case _:
                if len(days) != 2:
                    raise BadRequest(_("“Between” needs two values."))
                first, last = days
    parts = []
    if field.kind is Kind.DATE:
        if first is not None:
            parts.append(column >= first)
        if last is not None:
            parts.append(column <= last)
    else:
        if first is not None:
            parts.append(column >= clock.day_bounds(first, actor.timezone)[0])
        if last is not None:
            parts.append(column < clock.day_bounds(last, actor.timezone)[1])
    return and_(*parts) if parts else true()


def _day(field: Field, text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text[:10])
    except ValueError:
        raise BadRequest(f"{field.label}: {_('This is not a date.')}") from None
    if not 1900 <= day.year <= 2200:
        raise BadRequest(f"{field.label}: {_('This date is too far away.')}")
    return day
