"""The calendar's page: what is dated in every module, and the tasks that have no date yet beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, make_response, request
from flask_appbuilder import expose, has_access

from app.calendar import queries
from app.calendar.asking import COMMON, read_question
from app.kernel import clock, http
from app.kernel.assets import icon
from app.kernel.calendar import CalendarProvider
from app.kernel.crud import cells
from app.kernel.crud.filters import leaf_text
from app.kernel.crud.query import ListParams, matching
from app.kernel.i18n import gettext as _
from app.tasks.cruds import TASKS
from app.tasks.rows import MODULE_CSS, status_icon
from app.tasks.views.layouts import choices
from app.tenancy.queries import list_people

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.kernel.actor import Actor
    from app.kernel.crud.fields import Choice


class CalendarPage:
    """Adds the calendar to the task's layouts."""

    address: str
    module: str | None
    _modes: Callable[[], tuple[tuple[str, str, str], ...]]
    render_template: Callable[..., str]

    @expose("/calendar")
    @has_access
    def calendar(self) -> Response:
        """Month, week and agenda; the page asks REST for what is in them."""
        actor = http.actor()
        question = read_question(request.args, actor, limit=1, dated=False)
        params = ListParams(search=question.search, leaves=list(question.leaves))
        matching(TASKS, params, actor)  # refuses what it does not know, as REST would
        return make_response(
            self.render_template(
                "tasks/calendar.html",
                crud=TASKS,
                mode="calendar",
                modes=self._modes(),
                base=self.address,
                module=self.module,
                params=params,
                chips=_chips(params),
                query=[],
                may_write=actor.can("write", "task"),
                may_plan=actor.can("write", "calendar"),
                filters=_filters(actor),
                modules=_modules(actor, self.module),
                settings=_settings(actor, self.module),
                feed=queries.get_feed(actor),
                status_icon=status_icon,
                **choices(),
            )
        )


def _chips(params: ListParams) -> list[dict[str, Any]]:
    """The filters that only tasks have; the others have a menu each. Removing one leaves the rest of the address."""
    kept = [(key, value) for key, value in request.args.items(multi=True) if key not in {"f", "task"}]
    kept += [("f", one) for one in request.args.getlist("f") if one.partition(":")[0] in COMMON]
    found = []
    for one in cells.chips(TASKS, params):
        leaves = [("f", leaf_text(leaf)) for leaf in params.leaves if leaf is not one.get("leaf")]
        # A chip without a condition of its own stands for the groups.
        rest = kept if "leaf" in one else [pair for pair in kept if pair[0] != "t"]
        found.append({**one, "without": rest + leaves})
    return found


def _modules(actor: Actor, only: str | None) -> list[Choice]:
    return [one for one in queries.choices(lambda one: one.modules, actor) if only in {None, one.value}]


def _filters(actor: Actor) -> list[tuple[str, str, str, list[tuple[str, Any, str]]]]:
    """What the menus of filters offer: (field, its name, its icon, [(value, name, icon)])."""

    def offered(of: Callable[[CalendarProvider], tuple[Choice, ...]]) -> list[tuple[str, Any, str]]:
        return [(one.value, one.label, one.icon) for one in queries.choices(of, actor)]

    people = [(str(one.id), one.display_name, "user") for one in list_people()]
    return [
        ("type", _("Type"), "shapes", offered(lambda one: one.types)),
        ("priority", _("Priority"), "flag", offered(lambda one: one.priorities)),
        ("owner", _("Person"), "user", [("me", _("me"), "user-check"), *people]),
    ]


def _settings(actor: Actor, module: str | None) -> dict[str, Any]:
    """What the page's script needs to know beside the entries."""
    known = queries.choices(lambda one: one.types, actor)
    types = {one.value: {"label": str(one.label), "icon": icon(one.icon, 14)} for one in known}
    modules = {
        one.value: {"label": str(one.label), "icon": icon(one.icon, 14), "css": MODULE_CSS.get(one.value, "")}
        for one in queries.choices(lambda one: one.modules, actor)
    }
    priorities = {
        one.value: {"label": str(one.label), "css": one.css, "icon": icon(one.icon, 12)}
        for one in queries.choices(lambda one: one.priorities, actor)
    }
    return {
        "today": clock.today(actor.timezone).isoformat(),
        "timezone": actor.timezone,
        "module": module,
        "modules": modules,
        "types": types,
        "taskTypes": [one.value for one in TASKS.field("type").choices],  # type: ignore[union-attr]
        "priorities": priorities,
        "icons": {name: icon(name, 14) for name in ("clock-alert", "ellipsis", "x")},
        "texts": _texts(),
    }


def _texts() -> dict[str, str]:
    return {
        "more": _("+{count} others"),
        "allDay": _("all day"),
        "timed": _("at a time"),
        "late": _("Late"),
        "done": _("Done"),
        "cancelled": _("Cancelled"),
        "today": _("Today"),
        "days": _("{count} days"),
        "by": _("due this day"),
        "addOn": _("New task on {day}"),
        "entriesOf": _("All entries of {day}"),
        "menuOf": _("Actions for {title}"),
        "movedTo": _("“{title}” moved to {day}"),
        "planned": _("“{title}” planned for {day}"),
        "finished": _("“{title}” is done"),
        "taken": _("“{title}” has no date any more"),
        "longer": _("“{title}” now goes from {first} to {last}"),
        "created": _("“{title}” created"),
        "conflict": _("“{title}” was changed in the meantime: it stands on {day}."),
        "conflictBy": _("{name} changed “{title}” in the meantime: it stands on {day}."),
        "noTime": _("This entry has a time: drop it on a time of the day."),
        "noDay": _("A task has days, no time: drop it in the row of whole days."),
        "tooMany": _("Only the first {count} entries are shown: narrow the filters or the period."),
        "earlier": _("Show the earlier days ({count})"),
        "nothing": _("Nothing in this period"),
        "noDate": _("no date"),
        "fixed": _("This entry stays where it is."),
        "feedMade": _("The address is ready: copy it now."),
        "feedEnded": _("The address works no more."),
        "feedSaved": _("Saved."),
    }
