"""Tasks as bars: what the timeline's chart and a phone's list of bars are made from."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.kernel import clock, i18n
from app.kernel.crud.cells import avatar
from app.kernel.i18n import gettext as _
from app.kernel.i18n import ngettext
from app.kernel.workdays import Workdays, holiday_names
from app.tasks import rows, schedule
from app.tasks.models.names import PREFIX
from app.tasks.queries import plan, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.kernel.actor import Actor
    from app.kernel.crud.query import ListParams
    from app.tasks.queries.groups import Row


def link_types() -> list[tuple[str, str]]:
    """How one task may wait for another, in words."""
    return [
        ("FS", _("Starts when the other one ends (FS)")),
        ("SS", _("Starts when the other one starts (SS)")),
        ("FF", _("Ends when the other one ends (FF)")),
    ]


def chart(params: ListParams, actor: Actor, start: dt.date, end: dt.date) -> dict[str, Any]:
    """All that the chart needs. The same number of queries, whatever it shows."""
    shown, total = timeline.list_rows(params, actor, start, end)
    undated, without = timeline.list_undated(params, actor)
    network = plan.network()
    works = network.works()
    broken: dict[Any, str] = {
        one.id: _complaint(one, network, works) for one in schedule.violated(works, network.arrows)
    }
    spans = schedule.critical_path(works, network.arrows)
    picture = timeline.get_baseline(actor)
    known = [_planned(one) for one in (*shown, *undated)]
    writable = plan.writable(known, actor)
    ids = {one.id for one in shown}
    return {
        "tasks": [
            {
                **_bar(row, actor),
                "writable": row.id in writable,
                "slack": spans[row.id].slack if row.id in spans else None,
                "broken": [broken[one.id] for one in network.links if one.id in broken and one.successor_id == row.id],
            }
            for row in shown
        ],
        "links": [
            {
                "id": one.id,
                "version": one.version,
                "source": one.predecessor_id,
                "target": one.successor_id,
                "type": one.type,
                "lag": one.lag,
                "broken": broken.get(one.id),
                "critical": _is_critical(one, works, spans),
                "writable": one.successor_id in writable,
            }
            for one in network.links
            if one.predecessor_id in ids and one.successor_id in ids
        ],
        "undated": [{**_bar(row, actor), "writable": row.id in writable} for row in undated],
        "totals": {"shown": len(shown), "all": total, "undated": without},
        "free": free_days(network.days, start, end),
        "start": start,
        "end": end,
        "today": clock.today(actor.timezone),
        "people": {str(one.owner_id): avatar(one.owner, size=20) for one in (*shown, *undated) if one.owner},
        "baseline": {"taken_at": picture.taken_at, "dates": picture.dates} if picture else None,
        "advice": _advice(list(broken.values()), shown, actor, network) if broken else None,
    }


def _bar(row: Row, actor: Actor) -> dict[str, Any]:
    return {
        "id": row.id,
        "version": row.version,
        "code": f"{PREFIX}-{row.number}",
        "title": row.title,
        "start": row.start_on,
        "due": row.due_on,
        "parent": row.parent_id,
        "module": rows.MODULE_CSS[row.module],
        "type": row.type,
        "group": row.status_group,
        "status": row.status,
        "closed": row.is_closed,
        "blocked": row.blocked,
        "owner": row.owner_id,
        "owner_name": row.owner,
        "done": 100 if row.is_closed else 100 * row.done_children // row.children if row.children else 0,
        "when": _when(row),
        "late": row.due_on is not None and not row.is_closed and row.due_on < clock.today(actor.timezone),
    }


def _when(row: Row) -> str:
    """The bar's dates, for whoever does not see it."""
    if row.start_on and row.due_on and row.start_on != row.due_on:
        return _("from %(start)s to %(due)s", start=i18n.short_date(row.start_on), due=i18n.short_date(row.due_on))
    return i18n.short_date(row.due_on or row.start_on)


def _planned(row: Row) -> plan.Planned:
    return plan.Planned(
        row.id, row.version, row.number, row.title, row.module, row.type, row.status_group, row.owner_id,
        row.start_on, row.due_on,
    )  # fmt: skip


def _is_critical(link: Any, works: Any, spans: Any) -> bool:
    """Whether the link lies on the critical path: both ends without slack, and nothing between them."""
    ends = link.predecessor_id, link.successor_id
    if not all(one in spans and spans[one].slack == 0 for one in ends):
        return False
    before, after = (works[one].at(spans[one].earliest) for one in ends)
    arrow = schedule.Link(link.id, before.id, after.id, schedule.LinkType(link.type), link.lag)
    return schedule.earliest_start(arrow, before, after) == after.start


def _complaint(link: schedule.Link, network: plan.Network, works: Any) -> str:
    before, after = network.tasks[link.before], network.tasks[link.after]  # type: ignore[index]
    days = schedule.earliest_start(link, works[link.before], works[link.after]) - works[link.after].start
    return ngettext(
        "“%(after)s” is planned %(num)s working day too early for “%(before)s”",
        "“%(after)s” is planned %(num)s working days too early for “%(before)s”",
        days,
        after=after.title,
        before=before.title,
    )


def _advice(complaints: Sequence[str], shown: Iterable[Row], actor: Actor, network: plan.Network) -> dict[str, Any]:
    """What the page says about violated links, and how many tasks the automatic layout would move."""
    moves = len(plan.preview_layout([one.id for one in shown], actor, network).moves)
    more = len(complaints) - 1
    text = complaints[0]
    if more:
        text += " " + ngettext("and %(num)s other violated link", "and %(num)s other violated links", more)
    found = ngettext("The automatic layout moves %(num)s task.", "The automatic layout moves %(num)s tasks.", moves)
    return {"title": text, "text": found if moves else "", "moves": moves}


def free_days(days: Workdays, start: dt.date, end: dt.date) -> list[dict[str, Any]]:
    """The public holidays and the closing days of a stretch of time, with their names."""
    language = i18n.locale().language
    found = {day: one.name for one in days.closed for day in one.days}
    for year in range(start.year, end.year + 1):
        found |= holiday_names(days.country, year, language)
    return [{"day": day, "name": name} for day, name in sorted(found.items()) if start <= day <= end]


# ── a phone's list ───────────────────────────────────────────────────────────────────────────────


def strips(params: ListParams, actor: Actor, start: dt.date, end: dt.date) -> dict[str, Any]:
    """The bars of a stretch of time as strips, below the task that they are part of."""
    found = chart(params, actor, start, end)
    length = (end - start).days + 1
    by_parent: dict[UUID | None, list[dict[str, Any]]] = {}
    shown = {one["id"] for one in found["tasks"]}
    for one in found["tasks"]:
        first, last = one["start"] or one["due"], one["due"] or one["start"]
        left = max((first - start).days, 0)
        width = min((last - start).days + 1, length) - left
        one |= {"left": f"{100 * left / length:.2f}", "width": f"{max(100 * width / length, 1.5):.2f}"}
        one["face"] = found["people"].get(str(one["owner"]))
        by_parent.setdefault(one["parent"] if one["parent"] in shown else None, []).append(one)
    heads = [one for one in by_parent.get(None, []) if one["id"] in by_parent]
    groups = [{"head": one, "bars": _below(one["id"], by_parent)} for one in heads]
    alone = [one for one in by_parent.get(None, []) if one["id"] not in by_parent]
    today = found["today"]
    return {
        "groups": [*groups, *([{"head": None, "bars": alone}] if alone else [])],
        "mark": f"{100 * ((today - start).days + 0.5) / length:.2f}" if start <= today <= end else None,
        "totals": found["totals"],
        "advice": found["advice"],
    }


def _below(parent: Any, by_parent: dict[UUID | None, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [more for one in by_parent.get(parent, ()) for more in (one, *_below(one["id"], by_parent))]
