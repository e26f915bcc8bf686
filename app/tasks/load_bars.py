"""Workloads in words and bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from app.kernel import i18n
from app.kernel.assets import icon
from app.kernel.i18n import gettext as _
from app.tasks.queries.load import this_week

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.kernel.actor import Actor
    from app.tasks.queries.load import Cell


def hours(minutes: int) -> str:
    """``22 h``: quarters of an hour as they are, anything else to a tenth."""
    return _("%(count)s h", count=i18n.number(minutes / 60, 1 if minutes % 15 else 2))


def figures(cell: Cell) -> str:
    """``22 h of 40 h``; what nobody owns has no capacity."""
    if cell.capacity is None:
        return hours(cell.planned)
    return _("%(planned)s of %(capacity)s", planned=hours(cell.planned), capacity=hours(cell.capacity))


def bar(cell: Cell) -> Markup:
    """The bar with its figures; more than the week holds is said, and red."""
    shown = Markup('<span class="sk-bar"><i style="width:{}%"></i></span><span class="tx">{}</span>')
    found = shown.format(cell.percent, figures(cell))
    if not cell.over:
        return Markup('<span class="sk-load">{}</span>').format(found)
    excess = _("%(count)s too many", count=hours(cell.over))
    return Markup('<span class="sk-load over">{}<b class="t-danger">{}{}</b></span>').format(
        found, icon("triangle-alert", 12), excess
    )


def heading(actor: Actor) -> Callable[[str], Markup]:
    """What writes the current week of a member above their tasks. One query, when this is called."""
    cell = this_week(actor)
    return lambda member_id: Markup('<span class="sk-loadhead"><span class="sr">{}: </span>{}</span>').format(
        _("This week"), bar(cell(member_id))
    )
