"""Table cells as HTML. Written in Python rather than Jinja: a list has hundreds, and speed is felt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

from markupsafe import Markup, escape
from sqlalchemy import select as sql_select

from app.kernel import clock, i18n
from app.kernel.assets import icon
from app.kernel.crud.fields import Crud, Field, Kind, cruds, target_model
from app.kernel.crud.filters import leaf_text, operator_words, period_words
from app.kernel.crud.tree import leaves_of, tree_text
from app.kernel.db import db
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.crud.params import ListParams
    from app.kernel.crud.query import Page

LONGEST_WORDS = 120
DASH = Markup('<span class="faint sk-dash">–</span>')


def initials(name: str) -> str:
    """``Giulia Ferrante`` → ``GF``."""
    found = [word for word in name.split() if word[:1].isalnum()]
    # Company forms (S.r.l., S.p.A.) say nothing about a name.
    words = [word for word in found if "." not in word] or found
    if not words:
        return "?"
    letters = words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])
    return letters.upper()


def hue(name: str) -> str:
    """One of eight stable hues for a name."""
    return f"h{crc32(name.encode()) % 8 + 1}"


@lru_cache(maxsize=4096)
def avatar(name: str, *, size: int = 24, square: bool = False, css: str = "") -> Markup:
    """A person's or company's tile: initials on a hue of its own."""
    classes = f"sk-av {hue(name)}" + (f" s{size}" if size != 24 else "") + (" sq" if square else "")
    return Markup('<span class="{}{}"><span aria-hidden="true">{}</span></span>').format(
        classes, f" {css}" if css else "", initials(name)
    )


def badge(label: Any, css: str = "", icon_name: str = "") -> Markup:
    """A badge: icon and words, never colour alone."""
    return _badge(str(label), css, icon_name)


@lru_cache(maxsize=4096)
def _badge(label: str, css: str, icon_name: str) -> Markup:
    return Markup('<span class="sk-badge {}">{}{}</span>').format(css, icon(icon_name, 12) if icon_name else "", label)


def cell(field: Field, row: dict[str, Any], *, link: bool = True) -> Markup:
    """The value of ``field`` in ``row`` as people read it."""
    value = row.get(field.name)
    if value is None or value == "" or value == []:
        return DASH
    match field.kind:
        case Kind.MONEY:
            return escape(i18n.money(value, field.currency_of(row.get("currency"))))
        case Kind.PERCENT:
            return Markup("{}%").format(i18n.number(value, 2))
        case Kind.INTEGER | Kind.DECIMAL:
            text = str(value) if field.is_year else i18n.number(value, 2)
            return Markup("{} <small>{}</small>").format(text, field.unit) if field.unit else escape(text)
        case Kind.DATE:
            return escape(i18n.short_date(value))
        case Kind.DATETIME:
            title, day = escape(i18n.moment(value)), escape(i18n.short_date(value))
            return Markup(f'<time datetime="{value.isoformat()}" title="{title}">{day}</time>')  # noqa: S704
        case Kind.BOOL:
            return escape(_("Yes") if value else _("No"))
        case Kind.ENUM:
            choice = field.choice(value)
            if choice is None:
                return escape(value)
            if choice.css or choice.icon:
                return badge(choice.label, choice.css, choice.icon)
            return escape(choice.label)
        case Kind.PERSON:
            name = row.get(f"{field.name}__name")
            if not name:
                return DASH
            tile = avatar(name, size=20)
            return Markup(f'<span class="sk-person">{tile}<span class="clip">{escape(name)}</span></span>')  # noqa: S704
        case Kind.REF:
            name = row.get(f"{field.name}__name")
            if not name:
                return DASH
            crud = cruds.get(field.target)
            if crud is None or not link:
                return escape(name)
            return Markup(f'<a class="link" href="{crud.url}/show/{value}">{escape(name)}</a>')  # noqa: S704
        case Kind.EMAIL:
            return Markup('<a class="link" href="mailto:{0}">{0}</a>').format(value)
        case Kind.PHONE:
            return Markup('<a class="link" href="tel:{0}">{0}</a>').format(value)
        case Kind.URL:
            return Markup('<a class="link" href="{0}" rel="noopener noreferrer" target="_blank">{1}</a>').format(
                value, value.split("://", 1)[1].rstrip("/")
            )
        case Kind.TAGS:
            return Markup(" ").join(badge(one) for one in value)
        case Kind.MULTI:
            return Markup(" ").join(badge(one) for one in labels(field, value))
        case Kind.LONG:
            return Markup('<span class="pre">{}</span>').format(value)
    return escape(value)


def labels(field: Field, values: Sequence[str]) -> list[str]:
    """What the chosen values of a field are called, in the order of its choices."""
    return [str(one.label) for one in field.choices if one.value in values]


def plain(field: Field, row: dict[str, Any]) -> Any:
    """The value of ``field`` for an export: numbers and dates stay what they are, the rest is text."""
    value = row.get(field.name)
    if value is None:
        return None
    if field.is_link:
        return row.get(f"{field.name}__name")
    if field.kind is Kind.ENUM:
        choice = field.choice(value)
        return str(choice.label) if choice else value
    if field.kind is Kind.BOOL:
        return _("Yes") if value else _("No")
    if field.kind is Kind.TAGS:
        return ", ".join(value)
    if field.kind is Kind.MULTI:
        return ", ".join(labels(field, value))
    return value


_NUM = {Kind.INTEGER, Kind.DECIMAL, Kind.MONEY, Kind.PERCENT}


def render_rows(crud: Crud, page: Page, fields: Sequence[Field]) -> Markup:
    """All ``<tr>`` of a list."""
    label_field = fields[0] if fields else None
    out: list[str] = []
    check = str(_("Select %(name)s"))
    for row in page.rows:
        identifier = row["id"]
        name = str(row.get(label_field.name) or "–") if label_field else str(identifier)
        safe_name = str(escape(name))
        out.append(f'<tr data-id="{identifier}" data-version="{row["version"]}">')
        out.append(
            '<td class="sel m-lead"><input class="sk-check" type="checkbox" name="rowid" '
            f'form="bulk" value="{identifier}" aria-label="{escape(check % {"name": name})}"></td>'
        )
        tile = str(avatar(name, square=True)) if crud.avatar else ""
        out.append(
            f'<td class="m-title"><a class="t" href="{crud.url}/show/{identifier}">{tile}'
            f'<span class="clip">{safe_name}</span></a></td>'
        )
        for field in fields[1:]:
            classes = "num" if field.kind in _NUM else ""
            if field.mobile:
                classes += f" m-{field.mobile}"
            out.append(f'<td class="{classes.strip()}">{cell(field, row)}</td>')
        out.append("</tr>")
    return Markup("".join(out))  # noqa: S704 - every value above is escaped


def chips(crud: Crud, params: ListParams) -> list[dict[str, Any]]:
    """The filters of a list in words, each with the address that removes it. A query per kind of record named."""
    names = names_in(crud, params)
    leaves, tree = params.leaves, params.tree
    found = []
    for index, leaf in enumerate(leaves):
        rest = [leaf_text(one) for position, one in enumerate(leaves) if position != index]
        chip = _chip(crud, leaf, names)
        found.append({**chip, "without": params.query(f=rest), "leaf": leaf, "fixed": bool(leaf.get("fixed"))})
    if tree and tree.get("op", "and") == "and":
        for index, item in enumerate(tree["items"]):
            others = [one for position, one in enumerate(tree["items"]) if position != index]
            without = params.query(t=tree_text({"op": "and", "items": others}) if others else None)
            found.append({**_chip(crud, item, names), "without": without})
    elif tree:
        found.append({**_chip(crud, tree, names), "without": params.query(t=None)})
    return found


def _chip(crud: Crud, node: dict[str, Any], names: Mapping[UUID, str]) -> dict[str, Any]:
    if "items" in node:
        words = tree_words(crud, node, names)
        return {"label": _("Group of conditions"), "icon": "parentheses", "operator": "", "value": words}
    field = crud.field(node["field"])
    assert field is not None  # the list's query would have refused it
    return {
        "label": field.label,
        "icon": field.icon,
        "operator": operator_words(field, node["operator"]),
        "value": value_words(field, node["operator"], node["value"], names),
    }


def tree_words(crud: Crud, node: dict[str, Any], names: Mapping[UUID, str]) -> str:
    """A filter tree in words: ``Priority is one of P0 or (Due in the past and Owner is one of me)``."""
    if "items" not in node:
        chip = _chip(crud, node, names)
        return f"{chip['label']} {chip['operator']} {chip['value']}".rstrip()
    joint = f" {_('or')} " if node.get("op") == "or" else f" {_('and')} "
    return joint.join(
        f"({tree_words(crud, one, names)})" if "items" in one else tree_words(crud, one, names) for one in node["items"]
    )


def names_in(crud: Crud, params: ListParams) -> dict[UUID, str]:
    """What the records are called that a list's filters name."""
    wanted: dict[str, tuple[Field, set[UUID]]] = {}
    for leaf in leaves_of(params.filter_tree):
        field = crud.field(leaf["field"])
        if field is not None and field.is_link:
            ids = {parse_id(one) for one in leaf["value"] if one != "me"}
            if ids:
                wanted.setdefault("membership" if field.kind is Kind.PERSON else field.target, (field, set()))[
                    1
                ].update(ids)
    found: dict[UUID, str] = {}
    for field, ids in wanted.values():
        model, label = target_model(field)
        rows = db.session.execute(sql_select(model.id, label).where(model.id.in_(ids)))
        found |= {row[0]: row[1] for row in rows}
    return found


def value_words(field: Field, operator: str, values: list[str], names: Mapping[UUID, str]) -> str:
    """A filter's values in words; ``names`` are those of the records."""
    if operator in {"empty", "filled"}:
        return ""
    if operator == "in_period" and values:
        return period_words(values[0])
    words: list[str] = []
    named: list[str] = []
    for one in values:
        if field.kind is Kind.PERSON and one == "me":
            words.append(_("me"))
        elif field.is_link:
            named.append(names.get(parse_id(one), "–"))
        elif field.kind in {Kind.ENUM, Kind.MULTI}:
            choice = field.choice(one)
            words.append(str(choice.label) if choice else one)
        elif field.kind in {Kind.DATE, Kind.DATETIME}:
            try:
                words.append(i18n.short_date(dt.date.fromisoformat(one)))
            except ValueError:
                words.append(one)
        elif field.kind is Kind.BOOL:
            words.append(_("Yes") if one == "true" else _("No"))
        else:
            words.append(one)
    words += named[:5] + (["…"] if len(named) > 5 else [])
    joiner = " – " if operator == "between" else ", "
    return joiner.join(words)


def stored_words(field: Field, value: str) -> str:
    """A value of ``field``, which is no reference, as the audit log keeps it, in words."""
    with suppress(ValueError, ArithmeticError):
        if field.kind in _NUM:
            if field.currency:
                return i18n.money(Decimal(value), field.currency)
            return value if field.is_year else i18n.number(Decimal(value), 2)
        if field.kind is Kind.DATETIME:
            return i18n.moment(dt.datetime.fromisoformat(value))
    words = value_words(field, "eq", [value], {})
    return words if len(words) <= LONGEST_WORDS else words[: LONGEST_WORDS - 1] + "…"


def age_days(since: dt.datetime) -> int:
    """Whole calendar days since a moment."""
    return max(0, (clock.now() - since).days)
