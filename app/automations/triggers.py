"""What sets a rule off: the table of triggers. A new one is an entry here, and a handler in ``feature.py``.

A trigger's parameters are the rest of the rule's ``trigger`` object: ``{"type": "overdue", "days": 1}``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.events.collaboration import CommentAdded
from app.events.sales import (
    LeadChanged,
    LeadConverted,
    LeadCreated,
    OpportunityAssigned,
    OpportunityChanged,
    OpportunityCreated,
    OpportunityLost,
    OpportunityStageChanged,
    OpportunityWon,
)
from app.events.tasks import TaskAssigned, TaskChanged, TaskCreated, TaskSlaBreached, TaskStatusChanged, TaskUnblocked
from app.kernel.crud.custom import COLUMN, PREFIX
from app.kernel.crud.fields import Field, Kind, cruds, exists, is_small, parse
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.tasks.recurrence import BadRule, normal

if TYPE_CHECKING:
    from app.automations.subjects import Subject
    from app.kernel.outbox import Event

Params = dict[str, Any]
MAX_DAYS = 365
# Changes that rules may wait for, and the event's own names of what a field was and is; None: it is in ``changes``.
WATCHED: dict[str, dict[str, tuple[str, str] | None]] = {
    "task": {
        "status": ("from_status_id", "to_status_id"),
        "priority": None, "owner": None, "due_on": None, "start_on": None, "module": None, "type": None,
        "title": None, "estimate": None, "tags": None, "parent": None,
    },
    "opportunity": {
        "stage": ("from_stage_id", "to_stage_id"), "owner": None, "amount": None, "close_date": None, "priority": None,
    },
    "lead": {"status": None, "owner": None, "score": None, "source": None},
}  # fmt: skip
_TIME = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")


def _no_params(_raw: Params, _subject: Subject) -> Params:
    return {}


def _always(_params: Params, _name: str, _payload: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Trigger:
    """``clean`` checks the parameters (raises Invalid by their names), ``fires`` says whether an event is meant.

    Triggers without events are those of time: ``app.automations.queries.moments`` knows their days.
    """

    name: str
    label: Any
    icon: str
    events: dict[str, tuple[type[Event], ...]]
    keys: tuple[str, ...] = ()
    clean: Callable[[Params, Subject], Params] = _no_params
    fires: Callable[[Params, str, Mapping[str, Any]], bool] = _always

    @property
    def is_of_time(self) -> bool:
        return not any(self.events.values())


# ── a change ─────────────────────────────────────────────────────────────────────────────────────


def watched(subject: Subject) -> list[Field]:
    """The fields of a kind whose changes a rule may wait for: those of WATCHED, and the organization's own."""
    found = [subject.crud.field(name) for name in WATCHED[subject.kind]]
    return [one for one in (*found, *(one for one in subject.crud.fields if one.own)) if one is not None]


def has_choices(field: Field) -> bool:
    """Whether a change of the field may be narrowed to values: those of a list."""
    return field.kind is Kind.ENUM or (field.is_link and is_small(field))


def _clean_change(raw: Params, subject: Subject) -> Params:
    name = raw.get("field")
    if isinstance(name, str) and name.startswith(f"{COLUMN}."):  # as REST calls it
        name = PREFIX + name.removeprefix(f"{COLUMN}.")
    field = next((one for one in watched(subject) if one.key == name), None)
    if field is None:
        raise Invalid(errors={"trigger.field": [_("Choose one of the list.")]})
    found: Params = {"field": field.key}
    errors: dict[str, list[str]] = {}
    for key in ("from", "to"):
        value = raw.get(key)
        if value in (None, ""):
            continue
        try:
            if not has_choices(field) or not isinstance(value, str):
                raise ValueError(_("Choose one of the list."))
            parsed = parse(field, value)
        except ValueError as error:
            errors[f"trigger.{key}"] = [str(error)]
            continue
        if field.is_link and not exists(field, parsed):
            errors[f"trigger.{key}"] = [_("This record does not exist.")]
            continue
        found[key] = str(parsed)
    if found.get("from") is not None and found.get("from") == found.get("to"):
        errors["trigger.to"] = [_("Choose two different values.")]
    if errors:
        raise Invalid(errors=errors)
    return found


def _is_change(params: Params, _name: str, payload: Mapping[str, Any]) -> bool:
    pair = _pair(params["field"], payload)
    if pair is None:
        return False
    old, new = pair
    return params.get("from") in (None, old) and params.get("to") in (None, new)


def _pair(key: str, payload: Mapping[str, Any]) -> Sequence[Any] | None:
    """What a field was and is, by an event; None where the event does not say that it changed."""
    changes = payload.get("changes")
    if changes is None:
        named = [fields.get(key) for fields in WATCHED.values()]
        return next((tuple(map(payload.get, one)) for one in named if one is not None and one[1] in payload), None)
    if not key.startswith(PREFIX):
        found: Sequence[Any] | None = changes.get(key, changes.get(f"{key}_id"))
        return found
    field = cruds["task"].field(key)
    if field is None or COLUMN not in changes:
        return None
    old, new = (values.get(field.own) for values in changes[COLUMN])
    return None if old == new else (old, new)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


def whole(raw: Params, name: str, least: int, most: int) -> int:
    """The number of a parameter. Raises Invalid."""
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(
            errors={f"trigger.{name}": [_("Write a number from %(least)s to %(most)s.", least=least, most=most)]}
        )
    return value


def _clean_schedule(raw: Params, _subject: Subject) -> Params:
    errors: dict[str, list[str]] = {}
    found: Params = {"rule": "", "at": raw.get("at", "08:00")}
    try:
        if not isinstance(raw.get("rule"), str):
            raise BadRule
        found["rule"] = normal(raw["rule"])
    except BadRule:
        errors["trigger.rule"] = [_("This is not a recurrence rule.")]
    if not isinstance(found["at"], str) or not _TIME.match(found["at"]):
        errors["trigger.at"] = [_("Write a time, as 08:00.")]
    if errors:
        raise Invalid(errors=errors)
    return found


def moment(params: Params, due_on: dt.date) -> dt.date:
    """The day on which a rule about due dates is set off by a record that is due on ``due_on``."""
    return due_on + dt.timedelta(days=params["days"] if params["type"] == "overdue" else -params["days"])


# ── the table ────────────────────────────────────────────────────────────────────────────────────


def _is_new_comment(_params: Params, _name: str, payload: Mapping[str, Any]) -> bool:
    return not payload.get("edited")


_ALL = ("task", "opportunity", "lead")

TRIGGERS: dict[str, Trigger] = {
    one.name: one
    for one in (
        Trigger(
            "created",
            _l("is created"),
            "plus",
            {"task": (TaskCreated,), "opportunity": (OpportunityCreated,), "lead": (LeadCreated,)},
        ),
        Trigger(
            "changed",
            _l("has a field changed"),
            "pencil",
            {
                "task": (TaskStatusChanged, TaskChanged),
                "opportunity": (OpportunityStageChanged, OpportunityChanged),
                "lead": (LeadChanged,),
            },
            ("field", "from", "to"),
            _clean_change,
            _is_change,
        ),
        Trigger(
            "assigned",
            _l("is assigned"),
            "user-check",
            {"task": (TaskAssigned,), "opportunity": (OpportunityAssigned,)},
        ),
        Trigger(
            "due_in",
            _l("is due soon"),
            "clock",
            {"task": ()},
            ("days",),
            lambda raw, _subject: {"days": whole(raw, "days", 0, MAX_DAYS)},
        ),
        Trigger(
            "overdue",
            _l("is overdue and not done"),
            "clock-alert",
            {"task": ()},
            ("days",),
            lambda raw, _subject: {"days": whole(raw, "days", 1, MAX_DAYS)},
        ),
        Trigger(
            "comment",
            _l("gets a comment"),
            "message-square",
            dict.fromkeys(_ALL, (CommentAdded,)),
            fires=_is_new_comment,
        ),
        Trigger("sla", _l("misses a deadline of its SLA"), "timer-off", {"task": (TaskSlaBreached,)}),
        Trigger("unblocked", _l("waits for nothing any more"), "lock-open", {"task": (TaskUnblocked,)}),
        Trigger("won", _l("is won"), "trophy", {"opportunity": (OpportunityWon,)}),
        Trigger("lost", _l("is lost"), "circle-x", {"opportunity": (OpportunityLost,)}),
        Trigger("converted", _l("is converted"), "arrow-right-left", {"lead": (LeadConverted,)}),
        Trigger(
            "schedule",
            _l("on a schedule"),
            "calendar-clock",
            dict.fromkeys(_ALL, ()),
            ("rule", "at"),
            _clean_schedule,
        ),
    )
}
# Those whose occasions last: a task keeps its due date.
OF_DUE_DATES = ("due_in", "overdue")
EVENTS: tuple[type[Event], ...] = tuple(
    dict.fromkeys(event for one in TRIGGERS.values() for events in one.events.values() for event in events)
)


def of_event(name: str) -> list[str]:
    """The triggers that an event may set off, by its name."""
    return [
        one.name
        for one in TRIGGERS.values()
        if any(event.name == name for events in one.events.values() for event in events)
    ]


def record_of(subject_kind: str, subject_id: Any, payload: Mapping[str, Any]) -> tuple[str, Any]:
    """The kind and id of the record that an event is about: a comment's is what was written about."""
    if subject_kind == CommentAdded.subject_kind:
        return payload["kind"], payload["record_id"]
    return subject_kind, subject_id


def clean_trigger(raw: Any, subject: Subject) -> Params:
    """A rule's trigger as it is stored. Raises Invalid."""
    if not isinstance(raw, dict):
        raise Invalid(errors={"trigger": [_("Write an object with a type.")]})
    name = raw.get("type")
    found = TRIGGERS.get(name) if isinstance(name, str) else None
    if found is None or subject.kind not in found.events:
        raise Invalid(errors={"trigger": [_("Choose one of the list.")]})
    unknown = [str(key)[:40] for key in raw if key not in ("type", *found.keys)]
    if unknown:
        raise Invalid(errors={f"trigger.{unknown[0]}": [_("Unknown field.")]})
    return {"type": found.name, **found.clean(raw, subject)}
