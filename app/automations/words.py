"""A rule as a sentence, and its log in words, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.automations import approvers
from app.automations.actions import ACTIONS
from app.automations.models import RunStatus, Skip
from app.automations.params import CREATOR, MANAGER, OWNER, WATCHERS
from app.automations.subjects import SUBJECTS
from app.automations.targets import LINKED, MAX_LINKED, MORE, NONE, PARENT, RECORD, target_of, targets_of
from app.kernel.crud.cells import tree_words, value_words
from app.kernel.i18n import gettext as _
from app.kernel.i18n import ngettext
from app.tasks.recurrence import words as recurrence_words

if TYPE_CHECKING:
    from app.automations.models import AutomationRule
    from app.automations.queries.runs import Line
    from app.automations.subjects import Subject

Names = Mapping[UUID, str]


def sentence(rule: AutomationRule, names: Names) -> str:
    """The whole rule: when, if, then."""
    parts = [when(rule, names)]
    conditions = condition_words(rule, names)
    if conditions:
        parts.append(_("if %(conditions)s", conditions=conditions))
    return _("%(when)s: %(then)s.", when=", ".join(parts), then=", ".join(then(rule, names)))


def when(rule: AutomationRule, names: Names) -> str:
    """The trigger."""
    subject, params = SUBJECTS[rule.subject], rule.trigger
    one = str(subject.one)
    days = params.get("days", 0)
    match params["type"]:
        case "created":
            return _("When %(record)s is created", record=one)
        case "changed":
            return _change(subject, params, names)
        case "assigned":
            return _("When %(record)s gets another owner", record=one)
        case "due_in" if days == 0:
            return _("When %(record)s is due today", record=one)
        case "due_in":
            return ngettext(
                "When %(record)s is due within %(num)s day",
                "When %(record)s is due within %(num)s days",
                days,
                record=one,
            )
        case "overdue":
            return ngettext(
                "When %(record)s is overdue by %(num)s day and not done",
                "When %(record)s is overdue by %(num)s days and not done",
                days,
                record=one,
            )
        case "comment":
            return _("When somebody comments on %(record)s", record=one)
        case "unblocked":
            return _("When %(record)s waits for nothing any more", record=one)
        case "sla":
            return _("When %(record)s misses a deadline of its SLA", record=one)
        case "won":
            return _("When %(record)s is won", record=one)
        case "lost":
            return _("When %(record)s is lost", record=one)
        case "converted":
            return _("When %(record)s is converted", record=one)
    every = recurrence_words(params["rule"])
    return _("Each time (%(every)s at %(time)s), for %(record)s", every=every, time=params["at"], record=one)


def _change(subject: Subject, params: dict[str, Any], names: Names) -> str:
    field = subject.crud.field(params["field"])
    if field is None:  # one of the organization's own that is archived
        return _("When the field “%(field)s” of %(record)s changes", field=_("not available"), record=str(subject.one))
    said: dict[str, Any] = {"field": str(field.label).lower(), "record": str(subject.one)}
    old, new = (value_words(field, "in", [params[key]], names) if params.get(key) else None for key in ("from", "to"))
    if old and new:
        return _("When the field “%(field)s” of %(record)s changes from %(old)s to %(new)s", old=old, new=new, **said)
    if new:
        return _("When the field “%(field)s” of %(record)s becomes %(new)s", new=new, **said)
    if old:
        return _("When the field “%(field)s” of %(record)s is no longer %(old)s", old=old, **said)
    return _("When the field “%(field)s” of %(record)s changes", **said)


def condition_words(rule: AutomationRule, names: Names) -> str:
    """The conditions; nothing where there are none."""
    crud = SUBJECTS[rule.subject].crud
    if not rule.conditions.get("items"):
        return ""
    try:
        return tree_words(crud, rule.conditions, names)
    except (AssertionError, KeyError):
        return _("a condition that no longer works")


def then(rule: AutomationRule, names: Names) -> list[str]:
    """The actions, one text each."""
    return [_aimed(rule, params, names) for params in rule.actions]


def _aimed(rule: AutomationRule, params: dict[str, Any], names: Names) -> str:
    target = target_of(SUBJECTS[rule.subject], params)
    text = _action(target.subject, params, names)
    return text if target.name == RECORD else _("%(target)s %(action)s", target=target.label, action=text)


def _action(subject: Subject, params: dict[str, Any], names: Names) -> str:
    match params["type"]:
        case "set_field":
            field = subject.crud.field(params["field"])
            label = str(field.label).lower() if field is not None else params["field"]
            return _("set “%(field)s” to %(value)s", field=label, value=field_value(subject, params, names))
        case "assign":
            return _("assign it to %(person)s", person=person(params["owner"], names))
        case "create_task":
            name = params.get("title") or _named(params.get("template"), names)
            if subject.kind == "task":
                return _("create the sub-task “%(title)s”", title=name)
            return _("create the task “%(title)s”", title=name)
        case "add_approvers":
            return _("ask %(people)s for approval", people=", ".join(person(one, names) for one in params["approvers"]))
        case "comment":
            return _("comment “%(text)s”", text=_short(params["body"]))
        case "notify":
            people = ", ".join(person(one, names) for one in params["to"])
            return _("notify %(people)s (%(priority)s)", people=people, priority=params["priority"])
    return _("call %(address)s", address=_short(params.get("url", "")))


def field_value(subject: Subject, params: dict[str, Any], names: Names) -> str:
    """What a field is set to."""
    field, value = subject.crud.field(params["field"]), params.get("value")
    if value is None or value == []:
        return _("empty")
    if isinstance(value, str) and value[:1] in "+-" and value[1:].isdigit():
        return ngettext("%(num)s day from then", "%(num)s days from then", int(value))
    if field is None:
        return str(value)
    values = value if isinstance(value, list) else [value]
    return value_words(field, "eq", [str(one).lower() if isinstance(one, bool) else str(one) for one in values], names)


def person(value: Any, names: Names) -> str:
    """Somebody whom a rule names."""
    named = {
        OWNER: _("its owner"),
        CREATOR: _("whoever created it"),
        MANAGER: _("the manager of the owner’s team"),
        WATCHERS: _("whoever works on it or watches it"),
    }
    return named.get(value) or _named(value, names)


def _named(value: Any, names: Names) -> str:
    try:
        return names.get(UUID(str(value)), "–")
    except ValueError:
        return "–"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def reason_words(reason: str) -> str:
    """Why a run was left out or failed."""
    words = {
        Skip.DEPTH: _("Too many automations would have followed from one another."),
        Skip.LOOP: _("The change came from this automation itself."),
        Skip.CAP: _("The limit of runs for the day was reached."),
        Skip.GONE: _("The record is no longer there."),
        Skip.OFF: _("The automation was switched off meanwhile."),
        Skip.TARGET: _("There was nothing that it could act on."),
        Skip.AUTHOR: _("Whoever saved the automation last may not do this any more: save it again to answer for it."),
    }
    return words.get(Skip(reason), reason) if reason in set(Skip) else reason


def outcome_words(run: Line) -> str:
    """Why a run was left out or failed, with the action that was refused; to whoever may not know why, which it was."""
    failed = [log_words(one) for one in run.log] if run.run.status == RunStatus.FAILED else []
    return ": ".join(one for one in (*failed, reason_words(run.reason)) if one)


def log_words(line: dict[str, Any]) -> str:
    """An action of a run, as the log keeps it."""
    action = ACTIONS.get(line.get("type", ""))
    label = str(action.label) if action is not None else str(line.get("type"))
    if "on" in line:
        name = line["on"].get("label")
        label = _("%(action)s on “%(name)s”", action=label, name=name) if name else label
    told = [line["label"]] if line.get("label") else []
    told += _left_out(line)
    return f"{label}: {'; '.join(told)}" if told else label


def _left_out(line: dict[str, Any]) -> list[str]:
    """What of an action was left out, and why."""
    found = []
    if line.get("skipped") == NONE:
        found.append(_none(line.get("target")))
    elif line.get("skipped") == MORE:
        count = line.get("count", 0)
        found.append(
            ngettext(
                "%(num)s more linked record was left out (at most %(most)s)",
                "%(num)s more linked records were left out (at most %(most)s)",
                count,
                most=MAX_LINKED,
            )
        )
    reasons = {
        approvers.LEFT: _("%(name)s cannot sign in any more"),
        approvers.ASKED: _("%(name)s was asked already"),
        approvers.NO_MANAGER: _("its owner has no manager"),
    }
    found += [reasons[one["reason"]] % {"name": one.get("name") or "–"} for one in line.get("left_out", ())]
    return found


def _none(name: Any) -> str:
    known = targets_of(SUBJECTS["task"])  # it has all of them
    return str(known[name].none) if name in known else ""


def aim_words(name: str) -> str:
    """A target as the head of a list of records."""
    if name == PARENT:
        return _("Parent task")
    return str(SUBJECTS[name.removeprefix(LINKED)].label)
