"""The badge of a task's SLA: always an icon and words, and the moment as its title."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from markupsafe import Markup

from app.kernel import clock, i18n
from app.kernel.assets import icon
from app.kernel.i18n import gettext as _
from app.tasks.cruds import SLA_STATES
from app.tasks.sla import Deadline, SlaState, read_hours, state_of

if TYPE_CHECKING:
    from app.tasks.models.tasks import Task
    from app.tasks.queries.groups import Row

_STATES = {one.value: one for one in SLA_STATES}
_QUIET = {SlaState.ON_TIME, SlaState.MET}


def sla_badge(row: Row) -> Markup:
    """The badge of a row's current deadline; nothing where nothing is promised."""
    if row.sla is None or row.sla_until is None:
        return Markup("")
    return _badge(row.sla, row.sla_until, row.sla_ended, row.sla_hours)


def sla_parts(task: Task, hours: str | None) -> list[tuple[str, Markup]]:
    """Both deadlines of a task in words, each with its badge."""
    parts = (
        (_("to start by"), Deadline(task.sla_start_warn_at, task.sla_start_due_at), task.sla_started_at),
        (_("to finish by"), Deadline(task.sla_warn_at, task.sla_due_at), task.done_at),
    )
    found = []
    for label, one, ended_at in parts:
        state = None if task.status_group == "cancelled" else state_of(one, ended_at, clock.now())
        if state is not None and one.due_at is not None:
            text = f"{label} {i18n.moment(one.due_at)}"
            found.append((text, _badge(state, one.due_at, ended_at, hours)))
    return found


def _badge(state: str, until: dt.datetime, ended_at: dt.datetime | None, hours: str | None) -> Markup:
    choice = _STATES[state]
    words = str(_sentence(state, _working_time(until, ended_at or clock.now(), hours)))
    css = "bare faint quiet" if state in _QUIET else choice.css
    return Markup('<span class="sk-badge sk-slab {}" title="{}">{}{}</span>').format(
        css, _("SLA: by %(moment)s", moment=i18n.moment(until)), icon(choice.icon, 12), words
    )


def _sentence(state: str, time: str) -> str:
    match state:
        case SlaState.AT_RISK:
            return _("Due in %(time)s", time=time)
        case SlaState.BREACHED:
            return _("SLA breached by %(time)s", time=time) if time else _("SLA breached")
        case SlaState.MET:
            return _("SLA met")
    return _("On time")


def _working_time(until: dt.datetime, now: dt.datetime, hours: str | None) -> str:
    """The working time between two moments, as the hours of the SLA count it: ``3 h``, ``25 min``."""
    if hours is None:
        return ""
    minutes = max(1, round(abs(read_hours(hours).business_minutes_between(now, until))))
    if minutes < 60:
        return _("%(count)s min", count=minutes)
    return _("%(count)s h", count=i18n.number(minutes // 60))
