"""Tasks as HTML: rows of the list, cards of the board. In Python, as a list's cells are: a page shows hundreds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from app.kernel import clock, i18n
from app.kernel.assets import icon
from app.kernel.crud.cells import DASH, avatar, cell
from app.kernel.crud.fields import Kind
from app.kernel.crud.forms import write
from app.kernel.i18n import gettext as _
from app.tasks.cruds import GROUPS, MODULES, PRIORITIES
from app.tasks.models.names import CLOSED, PREFIX
from app.tasks.queries.branches import PAGE
from app.tasks.sla_badges import sla_badge

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.crud.fields import Choice, Field
    from app.tasks.queries.branches import Branches
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
        return Markup(f'<span class="sk-due t-danger">{sign}<span class="sr">{late} </span>{text}</span>')  # noqa: S704
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


@dataclass(frozen=True, slots=True)
class RowWriter:
    """Writes rows of a list with the columns ``fields``, whose first is the title, and what is below each of them."""

    branches: Branches
    fields: Sequence[Field]
    may_write: bool

    def write(self, rows: Iterable[Row]) -> Markup:
        """The ``<tr>`` of a group, sub-tasks below their task."""
        return Markup("".join(self._tree(rows, 0, reader())))  # noqa: S704 - every value is escaped

    def write_below(self, task_id: UUID, level: int, first: int) -> Markup:
        """The sub-tasks of one task of that level, from the ``first`` on."""
        return Markup("".join(self._below(task_id, level, first, reader())))  # noqa: S704

    def _tree(self, rows: Iterable[Row], level: int, who: Reader) -> Iterator[str]:
        for row in rows:
            folds = row.id in self.branches.below or row.id in self.branches.left
            cells = "".join(
                _known(field.name, row, self.may_write, who)
                if field.name in KNOWN
                else _other(field, row, self.may_write)
                for field in self.fields[1:]
            )
            yield f"{_lead(row, level, folds, self.may_write, who, sla_badge(row))}{cells}</tr>"
            if folds:
                yield from self._below(row.id, level, 1, who)

    def _below(self, task_id: UUID, level: int, first: int, who: Reader) -> Iterator[str]:
        below, left = self.branches.below.get(task_id, ()), self.branches.left.get(task_id, 0)
        yield from self._tree(below, level + 1, who)
        if left:
            text = escape(_("Sub-tasks: show %(next)s more of %(count)s", next=min(left, PAGE), count=left))
            yield (
                f'<tr class="sk-more" data-child="{level + 1}" data-rest-of="{task_id}"><td></td>'
                f'<td class="m-title" colspan="{len(self.fields)}"><button class="btn" data-variant="ghost" '
                f'data-size="sm" type="button" data-rest="{first + len(below)}">{icon("chevrons-down", 14)}'
                f"<span>{text}</span></button></td></tr>"
            )


@lru_cache(maxsize=10_000)
def _lead(row: Row, level: int, folds: bool, may_write: bool, _who: Reader, sla: Markup) -> str:
    """A row's beginning: the box to select it, its status and title, and what folds what is below it."""
    title, code = escape(row.title), f"{PREFIX}-{row.number}"
    done = ' class="done"' if row.status_group in CLOSED else ""
    steps = _steps(row, folds)
    if row.blocked:
        steps += _blocked()
    steps += talk(row)
    below, depth = "", ""
    if level:
        below = f' data-child="{level}" data-parent="{row.parent_id}"'
        depth = f'<span class="sr">{escape(_("Sub-task, level %(level)s:", level=level))} </span>'
    rename = ""
    if may_write:
        label = escape(_("Title of %(name)s", name=row.title))
        rename = (
            f'<button class="sk-cellbtn sk-rename" type="button" data-edit="title" data-value="{title}" '
            f'aria-haspopup="dialog" aria-label="{label}" title="{escape(_("Rename"))}">{icon("pencil", 14)}</button>'
        )
    select = escape(_("Select %(name)s", name=row.title))
    status_label = _("Status of %(name)s: %(value)s", name=row.title, value=row.status)
    return (
        f'<tr data-task="{row.id}" data-version="{row.version}" data-status="{row.status_id}" '
        f'data-priority="{row.priority}" data-owner="{row.owner_id or ""}" data-due="{row.due_on or ""}"'
        f"{below}{done}>"
        f'<td class="sel m-lead"><input class="sk-check" type="checkbox" name="rowid" form="bulk" value="{row.id}" '
        f'aria-label="{select}"></td>'
        f'<td class="m-title"><div class="sk-ti">'
        f"{depth}{_button('status', status_label, status_icon(row.status_group), may_write)}"
        f'<a class="t" href="/tasks/{row.id}" data-open title="{code} · {escape(row.status)}">'
        f'<span class="clip">{title}</span></a>{steps}{sla}{rename}</div></td>'
    )


def _steps(row: Row, folds: bool) -> Markup:
    """How many sub-tasks there are and are done, as what folds them where they are shown below."""
    if not row.children:
        return Markup("")
    count = Markup("{}{}/{}").format(icon("list-tree", 12), row.done_children, row.children)
    if not folds:
        return Markup('<span class="sk-badge bare faint">{}</span>').format(count)
    return Markup(
        '<button class="sk-cellbtn sk-branch" type="button" data-branch aria-expanded="true">'
        '{}{}<span class="sr"> {}</span></button>'
    ).format(icon("chevron-down", 12), count, _("sub-tasks of “%(name)s”", name=row.title))


def talk(row: Row) -> Markup:
    """How much is said about a task, and how many files came with it."""
    parts = ((row.comments, "message-square", _("comments")), (row.files, "paperclip", _("files")))
    return Markup("").join(
        Markup('<span class="sk-badge bare faint" title="{0} {1}">{2}{0}<span class="sr"> {1}</span></span>').format(
            count, words, icon(sign, 12)
        )
        for count, sign, words in parts
        if count
    )


def _button(field: str, label: str, content: str | Markup, may_write: bool, extra: str = "") -> str:
    """What a cell shows, as what opens its editor for those who may write."""
    if not may_write:
        return str(content)
    return (
        f'<button class="sk-cellbtn" type="button" data-edit="{field}"{extra} aria-haspopup="menu" '
        f'aria-label="{escape(label)}">{content}</button>'
    )


# Columns that every row has at hand, and that look like themselves.
KNOWN = {"status_id", "priority", "due_on", "owner_id", "module", "estimate"}


@lru_cache(maxsize=40_000)
def _known(name: str, row: Row, may_write: bool, who: Reader) -> str:
    title = row.title
    if name == "status_id":
        label = _("Status of %(name)s: %(value)s", name=title, value=row.status)
        words = Markup('{}<span class="clip">{}</span>').format(status_icon(row.status_group), row.status)
        return f"<td>{_button('status', label, words, may_write)}</td>"
    if name == "priority":
        choice = _PRIORITIES[row.priority]
        label = _("Priority of %(name)s: %(value)s", name=title, value=choice.label)
        return f'<td class="m-end">{_button("priority", label, _level(choice), may_write)}</td>'
    if name == "due_on":
        label = _("Due date of %(name)s: %(value)s", name=title, value=i18n.short_date(row.due_on))
        return f'<td class="m-end2">{_button("due_on", label, due(row.due_on, row.is_closed, who[2]), may_write)}</td>'
    if name == "owner_id":
        owner = row.owner or _("Nobody")
        nobody = Markup('<span class="faint">{}</span>').format(icon("user-x", 16))
        tile = avatar(row.owner, size=24) if row.owner else nobody
        label = _("Owner of %(name)s: %(value)s", name=title, value=owner)
        words = Markup('{}<span class="clip sk-who">{}</span>').format(tile, owner)
        return f'<td><span title="{escape(owner)}">{_button("owner", label, words, may_write)}</span></td>'
    if name == "module":
        label = _("Module of %(name)s: %(value)s", name=title, value=_MODULES[row.module].label)
        value = f' data-value="{row.module}"'
        return f"<td>{_button('module', label, module_sign(row.module), may_write, value)}</td>"
    label = _("Estimate of %(name)s: %(value)s", name=title, value=duration(row.estimate))
    text = escape(duration(row.estimate)) or DASH
    value = f' data-value="{"" if row.estimate is None else row.estimate}"'
    return f'<td class="num only-l">{_button("estimate", label, text, may_write, value)}</td>'


def is_editable(field: Field) -> bool:
    """Whether a list changes a field in place."""
    if field.name == "collaborators":
        return True  # by a verb of their own
    return field.editable and field.expression is None and field.kind is not Kind.DATETIME


def _other(field: Field, row: Row, may_write: bool) -> str:
    """The cell of any other column."""
    content = cell(field, dict(row.extra), link=not may_write or not is_editable(field))
    css = ' class="num only-l"' if field.is_number else ' class="only-l"'
    if not may_write or not is_editable(field):
        return f"<td{css}>{content}</td>"
    value = row.extra.get(field.name)
    name = row.extra.get(f"{field.name}__name") or "" if field.is_link else ""
    label = _("%(field)s of %(name)s", field=field.label, name=row.title)
    data = f' data-value="{escape(write(field, value))}" data-named="{escape(name)}"'
    return f"<td{css}>{_button(field.key, label, content, may_write, data)}</td>"


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
        f'<footer>{day}<span class="grow"></span>{talk(row)}{owner}</footer>{menu}</div>'
    )
