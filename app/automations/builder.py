"""What the page that builds a rule starts from: what may be chosen, and what is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.automations.actions import ACTIONS
from app.automations.targets import RECORD, targets_of
from app.automations.triggers import TRIGGERS, has_choices, watched
from app.automations.words import Names, person
from app.kernel.crud.fields import Field, Kind, is_small, options
from app.kernel.i18n import gettext as _
from app.tasks.cruds import PRIORITIES
from app.tasks.queries.templates import list_templates
from app.tenancy.queries import list_people

if TYPE_CHECKING:
    from app.automations.subjects import Subject
    from app.kernel.actor import Actor

Pairs = list[tuple[str, str]]
# Kinds of fields that the page can set; REST sets the others too.
_SETTABLE = {
    Kind.TEXT, Kind.LONG, Kind.URL, Kind.INTEGER, Kind.DECIMAL, Kind.MONEY, Kind.DATE, Kind.BOOL, Kind.ENUM, Kind.MULTI,
    Kind.PERSON, Kind.TAGS,
}  # fmt: skip


def _choices(field: Field, people: Pairs) -> Pairs | None:
    if field.kind in (Kind.ENUM, Kind.MULTI):
        return [(one.value, str(one.label)) for one in field.choices]
    if field.kind is Kind.PERSON:
        return people
    if field.kind is Kind.BOOL:
        return [("true", _("Yes")), ("false", _("No"))]
    if field.is_link and is_small(field):
        return options(field)
    return None


def state(
    subject: Subject,
    trigger: dict[str, Any],
    actions: list[Any],
    errors: dict[str, Any],
    known: Names,
    *,
    actor: Actor,
) -> dict[str, Any]:
    """Everything that the script draws from, in the reader's language: targets are those that the actor may read."""
    people: Pairs = [(str(one.id), one.display_name) for one in list_people()]
    named = {one["target"] for one in actions if isinstance(one.get("target"), str)}
    targets = {
        name: one
        for name, one in targets_of(subject).items()
        if name == RECORD or name in named or all(actor.can("read", part) for part in one.subject.resources)
    }
    return {
        "trigger": trigger,
        "actions": actions,
        "errors": errors,
        "triggers": [
            {"name": one.name, "label": str(one.label)} for one in TRIGGERS.values() if subject.kind in one.events
        ],
        "watched": [
            {"key": one.key, "label": str(one.label), "options": _choices(one, people) if has_choices(one) else None}
            for one in watched(subject)
        ],
        "kinds": [
            {
                "name": action.name,
                "label": str(action.label),
                "targets": [name for name in action.targets(subject) if name in targets],
            }
            for action in ACTIONS.values()
        ],
        "targets": [{"name": name, "label": str(one.label), "kind": one.subject.kind} for name, one in targets.items()],
        "people": people,
        **_about(subject, people),
        "others": {
            one.subject.kind: _about(one.subject, people)
            for one in targets.values()
            if one.subject.kind != subject.kind
        },
        "templates": [(str(one.id), one.name) for one in list_templates()],
        "priorities": [(one.value, str(one.label)) for one in PRIORITIES],
        "names": {str(key): name for key, name in known.items()},
        "words": _words(),
    }


def _about(subject: Subject, people: Pairs) -> dict[str, Any]:
    """What actions on a kind of record may name: its fields, and the people around it."""
    groups = ("creator", "owner", "manager", *(("watchers",) if subject.kind == "task" else ()))
    settable = [one for one in subject.crud.writable if one.kind in _SETTABLE or (one.is_link and is_small(one))]
    return {
        "fields": [
            {"key": one.key, "label": str(one.label), "kind": one.kind.value, "options": _choices(one, people)}
            for one in settable
        ],
        "groups": [(one, person(one, {})) for one in groups],
    }


def _words() -> dict[str, str]:
    return {
        "event": _("What happens"),
        "field": _("Field"),
        "from": _("From"),
        "to": _("To"),
        "any": _("any value"),
        "days_before": _("Days before the due date"),
        "days_after": _("Days after the due date"),
        "how_often": _("How often"),
        "daily": _("Every day"),
        "workdays": _("Monday to Friday"),
        "weekly": _("Every week on"),
        "monthly": _("Every month on day"),
        "custom": _("Another rule (RRULE)"),
        "weekday": _("Day of the week"),
        "monthday": _("Day of the month"),
        "at": _("At"),
        "action": _("Action"),
        "target": _("On which records"),
        "value": _("Value"),
        "days_from": _("Days from the day of the run"),
        "person": _("Person"),
        "title": _("Title"),
        "template": _("Template of tasks"),
        "none": _("none"),
        "unavailable": _("{value} (not available)"),
        "owner": _("Owner"),
        "priority": _("Priority"),
        "due_in": _("Due after (days)"),
        "body": _("Text of the comment"),
        "fill": _("{title}, {code}, {due} and {owner} are those of the record that sets it off."),
        "who": _("Who is told"),
        "approvers": _("Who is asked for approval"),
        "text": _("Message"),
        "url": _("Address"),
        "remove": _("Remove the action"),
        "step": _("Action {number}"),
    }
