"""Tasks as HTML: rows of the list, cards of the board. In Python, as a list's cells are: a page shows hundreds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from markupsafe import Markup, escape

from app.kernel import clock, i18n
from app.kernel.assets import icon
from app.kernel.crud.cells import avatar
from app.kernel.i18n import gettext as _
from app.tasks.cruds import GROUPS, MODULES, PRIORITIES
from app.tasks.models import CLOSED, PREFIX
from app.tasks.sla_badges import sla_badge

if TYPE_CHECKING:
    from app.kernel.crud.fields import Choice
    from app.tasks.queries.groups import Row

_PRIORITIES = {one.value: one for one in PRIORITIES}
_MODULES = {one.value: one for one in MODULES}
_ICONS = {one.value: one.icon for one in GROUPS}
MODULE_CSS = {"marketing": "m-mkt", "sales": "m-sal"}
# (language, time zone, their day): what texts about days depend on.
Reader = tuple[str, str, dt.date]


def reader() -> Reader:
    """For whom a page is written."""
    zone = i18n.select_timezone()
    return i18n.locale().language, zone, clock.today(zone)


def status_icon(group: str) -> Markup:
    """The sign of a status's group."""
    return Markup('<span class="sk-sign g-{}">{}</span>').format(group, icon(_ICONS[group], 14))


def duration(minutes: int | None) -> str:
    """``22 h 30 min``."""
    if not minutes:
        return ""
    hours, rest = divmod(minutes, 60)
    parts = ([_("%(count)s h", count=hours)] if hours else []) + ([_("%(count)s min", count=rest)] if rest else [])
    return " ".join(parts)


def due(day: dt.date | None, closed: bool, today: dt.date) -> Markup:
    """A due date, late in words and colour."""
    if day is None:
        return Markup('<span class="faint sk-dash">–</span>')
    text = escape(i18n.short_date(day))
    if closed:
        return Markup(f'<span class="sk-due faint">{text}</span>')  # noqa: S704 - escaped above
    if day < today:
        late = escape(_("Late"))
        sign = icon("clock-alert", 12)
        return Markup(f'<span class="sk-due t-danger">{sign}<span class="sr">{late} </span>{text}</span>')  # noqa: S704  # noqa: S704
    if day == today:
        return Markup('<span class="sk-due t-warn">{}</span>').format(_("today"))
    return Markup(f'<span class="sk-due">{text}</span>')  # noqa: S704


def level(priority: str) -> Markup:
    """A priority's badge by its value."""
    return _level(_PRIORITIES[priority])


def module_sign(module: str) -> Markup:
    """A module's sign and name."""
    one = _MODULES[module]
    return Markup('<span class="sk-mod {}">{}{}</span>').format(MODULE_CSS[module], icon(one.icon, 12), one.label)


def _level(priority: Choice) -> Markup:
    """A priority's badge, short for the eye and whole for the ear."""
    short, _blank, rest = str(priority.label).partition(" ")
    return Markup('<span class="sk-badge {}">{}{}<span class="sr"> {}</span></span>').format(
        priority.css, icon(priority.icon, 12), short, rest
    )


def _blocked() -> Markup:
    """The lock of a task that waits for another one."""
    text = _("Blocked")
    return Markup('<span class="sk-badge b-warn" title="{}">{}<span class="sr">{}</span></span>').format(
        text, icon("lock", 12), text
    )


def render_rows(rows: Iterable[Row], children: Mapping[UUID, Sequence[Row]], *, may_write: bool) -> Markup:
    """The ``<tr>`` of a group, sub-tasks below their task."""
    who = reader()
    out = []
    for row in rows:
        out.append(_row(row, False, may_write, who, sla_badge(row)))
        out += [_row(child, True, may_write, who, sla_badge(child)) for child in children.get(row.id, ())]
    return Markup("".join(out))  # noqa: S704 - every value is escaped


@lru_cache(maxsize=10_000)
def _row(row: Row, is_child: bool, may_write: bool, who: Reader, sla: Markup) -> str:
    title, code = escape(row.title), f"{PREFIX}-{row.number}"
    done = ' class="done"' if row.status_group in CLOSED else ""
    status = escape(row.status)
    priority = _PRIORITIES[row.priority]
    level = _level(priority)
    module = _MODULES[row.module]
    owner = escape(row.owner or _("Nobody"))
    tile = (
        avatar(row.owner, size=24) if row.owner else Markup('<span class="faint">{}</span>').format(icon("user-x", 16))
    )
    steps = ""
    if row.children:
        steps = f'<span class="sk-badge bare faint">{icon("list-tree", 12)}{row.done_children}/{row.children}</span>'

    if row.blocked:
        steps += _blocked()

    def cell(field: str, label: str, content: str | Markup) -> str:
        if not may_write:
            return str(content)
        return (
            f'<button class="sk-cellbtn" type="button" data-edit="{field}" aria-haspopup="menu" '
            f'aria-label="{escape(label)}">{content}</button>'
        )

    select = escape(_("Select %(name)s", name=row.title))
    status_label = _("Status of %(name)s: %(value)s", name=row.title, value=row.status)
    priority_label = _("Priority of %(name)s: %(value)s", name=row.title, value=priority.label)
    due_label = _("Due date of %(name)s: %(value)s", name=row.title, value=i18n.short_date(row.due_on))
    owner_label = _("Owner of %(name)s: %(value)s", name=row.title, value=row.owner or _("Nobody"))
    return (
        f'<tr data-task="{row.id}" data-version="{row.version}" data-status="{row.status_id}" '
        f'data-priority="{row.priority}" data-owner="{row.owner_id or ""}" data-due="{row.due_on or ""}"'
        f"{' data-child' if is_child else ''}{done}>"
        f'<td class="sel m-lead"><input class="sk-check" type="checkbox" name="rowid" form="bulk" value="{row.id}" '
        f'aria-label="{select}"></td>'
        f'<td class="m-title">{cell("status", status_label, status_icon(row.status_group))}'
        f'<a class="t" href="/tasks/{row.id}" data-open title="{code} · {status}"><span class="clip">{title}</span></a>'
        f"{steps}{sla}</td>"
        f'<td class="m-end">{cell("priority", priority_label, level)}</td>'
        f'<td class="m-end2">{cell("due_on", due_label, due(row.due_on, row.is_closed, who[2]))}</td>'
        f'<td class="num only-l">{escape(duration(row.estimate))}</td>'
        f'<td><span class="sk-mod {MODULE_CSS[row.module]}" title="{escape(module.label)}">{icon(module.icon, 14)}'
        f'<span class="sr">{escape(module.label)}</span></span></td>'
        f'<td><span title="{owner}">{cell("owner", owner_label, tile)}</span></td></tr>'
    )


def render_cards(rows: Iterable[Row], *, may_write: bool) -> Markup:
    """The cards of a column."""
    who = reader()
    return Markup("".join(_card(row, may_write, who, sla_badge(row)) for row in rows))  # noqa: S704 - every value is escaped


@lru_cache(maxsize=10_000)
def _card(row: Row, may_write: bool, who: Reader, sla: Markup) -> str:
    title, code = escape(row.title), f"{PREFIX}-{row.number}"
    priority, module = _PRIORITIES[row.priority], _MODULES[row.module]
    level = _level(priority)
    bar = ""
    if row.children:
        label = escape(_("%(done)s of %(all)s sub-tasks done", done=row.done_children, all=row.children))
        bar = (
            f'<div class="row cap muted"><progress class="sk-progress grow" max="{row.children}" '
            f'value="{row.done_children}" aria-label="{label}"></progress>'
            f'<span class="num">{row.done_children}/{row.children}</span></div>'
        )
    if row.blocked:
        level = _blocked() + level
    owner = ""
    if row.owner:
        name = escape(row.owner)
        owner = f'<span title="{name}">{avatar(row.owner, size=20)}<span class="sr">{name}</span></span>'
    menu = ""
    if may_write:
        actions = escape(_("Actions for %(name)s", name=row.title))
        menu = (
            '<button class="btn more" data-variant="ghost" data-size="icon-xs" type="button" data-card-menu '
            f'aria-haspopup="menu" aria-label="{actions}">{icon("ellipsis")}</button>'
        )
    day = due(row.due_on, row.is_closed, who[2]) if row.due_on else ""
    return (
        f'<div class="sk-deal sk-task" data-card="{row.id}" data-version="{row.version}" data-title="{title}" '
        f'tabindex="0" role="listitem" aria-label="{title}, {code}">'
        f'<div class="top"><span class="sk-mod {MODULE_CSS[row.module]}">{icon(module.icon, 12)}'
        f'<span class="sr">{escape(module.label)}</span></span><span class="num">{code}</span>'
        f'<span class="grow"></span>{level}</div>'
        f'<h3 class="tt"><a href="/tasks/{row.id}" data-open tabindex="-1">{title}</a></h3>{bar}{sla}'
        f'<footer>{day}<span class="grow"></span>{owner}</footer>{menu}</div>'
    )
