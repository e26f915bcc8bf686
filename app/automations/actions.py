"""What a rule does: the table of actions. Each checks its parameters when a rule is saved, and acts by the same
verbs as the screens when the rule runs.

An action's parameters are the rest of its object: ``{"type": "comment", "body": "…"}``. ``target`` says which records
it acts on, where that is not the one that set the rule off (``targets``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.automations import webhooks
from app.automations.approvers import add_approvers, clean_approvers
from app.automations.models import AutomationCall
from app.automations.params import CREATOR, MANAGER, OWNER, WATCHERS, Params, days_of, member_of, priority_of, text_of
from app.automations.subjects import SUBJECTS
from app.automations.targets import RECORD, Target, targets_of
from app.automations.telling import tell
from app.collaboration.service.comments import MAX_LENGTH, add_comment
from app.collaboration.service.links import link_records
from app.kernel import audit, clock, jobs
from app.kernel.crud.fields import Kind, clean
from app.kernel.crud.store import announce, change, load
from app.kernel.db import db
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import parse_id
from app.tasks.models.names import Priority
from app.tasks.models.tasks import Task
from app.tasks.queries.templates import get_template
from app.tasks.service.tasks import create_task
from app.tasks.service.templates import use_template
from app.tenancy.queries import still_here

if TYPE_CHECKING:
    from app.automations.execution import Execution
    from app.automations.subjects import Subject

MAX_ACTIONS = 10
MAX_TEXT = 500
MAX_URL = 2000
_DAYS = re.compile(r"^[+-][0-9]{1,3}$")


@dataclass(frozen=True, slots=True)
class Action:
    """``clean`` raises Invalid by the parameters' names; ``run`` answers what the log says of it.

    ``writes`` are the permission resources that it needs to write, for a kind of record. ``kinds`` are those that it
    acts on; ``aimed`` says whether it may have a target.
    """

    name: str
    label: Any
    icon: str
    keys: tuple[str, ...]
    clean: Callable[[Params, Subject], Params]
    run: Callable[[Execution, Params], Params]
    writes: Callable[[Subject], tuple[str, ...]] = lambda subject: subject.resources
    kinds: tuple[str, ...] = tuple(SUBJECTS)
    aimed: bool = True

    def targets(self, subject: Subject) -> dict[str, Target]:
        """What it may be aimed at in a rule about a kind of record."""
        found = targets_of(subject) if self.aimed else {RECORD: targets_of(subject)[RECORD]}
        return {name: one for name, one in found.items() if one.subject.kind in self.kinds}


# ── set a field, assign ──────────────────────────────────────────────────────────────────────────


def _clean_field(raw: Params, subject: Subject) -> Params:
    name = raw.get("field")
    field = subject.crud.field(name) if isinstance(name, str) else None
    if field is None or field not in subject.crud.writable:
        raise Invalid(errors={"field": [_("Choose one of the list.")]})
    value = raw.get("value")
    if field.kind is Kind.DATE and isinstance(value, str) and _DAYS.match(value):
        return {"field": field.key, "value": value}
    try:
        found = clean([field], {field.key: value}, partial=True)[field.name]
    except Invalid as error:
        raise Invalid(errors={"value": error.errors[field.key]}) from None
    return {"field": field.key, "value": audit.plain(found)}


def _set_field(run: Execution, params: Params) -> Params:
    key, crud = params["field"], run.subject.crud
    field = crud.field(key)
    if field is None:  # one of the organization's own that was archived since
        name = next((str(one.label) for one in crud.every_field if one.key == key), key)
        raise Invalid(_("Unknown field “%(name)s”.", name=name))
    value = params["value"]
    if field.kind is Kind.DATE and isinstance(value, str) and _DAYS.match(value):
        value = (run.day + dt.timedelta(days=int(value))).isoformat()
    _change(run, {field.key: value})
    return {"field": field.key, "value": value}


def _change(run: Execution, raw: Params) -> None:
    crud = run.subject.crud
    change(crud, run.record.id, clean(crud.writable, raw, partial=True), actor=run.actor, version=None)


def _clean_assign(raw: Params, _subject: Subject) -> Params:
    owner = raw.get("owner")
    return {"owner": owner if owner == CREATOR else member_of(owner, "owner")}


def _assign(run: Execution, params: Params) -> Params:
    owner = run.record.created_by_id if params["owner"] == CREATOR else params["owner"]
    if owner is None:
        raise Invalid(_("Nobody is known to have created this record."))
    _change(run, {"owner": str(owner)})
    return {"owner": str(owner)}


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────


def _clean_task(raw: Params, _subject: Subject) -> Params:
    found: Params = {
        "title": text_of(raw, "title", 200, required=not raw.get("template")),
        "priority": priority_of(raw, "priority", Priority.P2),
        "due_in": days_of(raw, "due_in"),
    }
    owner = raw.get("owner") or OWNER
    found["owner"] = owner if owner in (OWNER, CREATOR) else member_of(owner, "owner")
    if raw.get("template"):
        try:
            found["template"] = str(get_template(parse_id(raw["template"])).id)
        except NotFound:
            raise Invalid(errors={"template": [_("This template does not exist.")]}) from None
    return found


def _make_task(run: Execution, params: Params) -> Params:
    """A task below the record, or linked to it where it is none."""
    is_task = isinstance(run.record, Task)
    owner: Any = {OWNER: getattr(run.record, "owner_id", None), CREATOR: run.record.created_by_id}.get(
        params["owner"], params["owner"]
    )
    owner_id = next(iter(still_here([parse_id(owner)])), None) if owner else None
    parent_id = run.record.id if is_task else None
    due = run.day + dt.timedelta(days=params["due_in"]) if params.get("due_in") is not None else None
    title = run.fill(params["title"])[:200]
    if params.get("template"):
        made = use_template(
            parse_id(params["template"]), actor=run.actor, title=title or None, owner_id=owner_id,
            parent_id=parent_id, start_on=None if due else run.day, due_on=due,
        )  # fmt: skip
    else:
        made = create_task(
            actor=run.actor, title=title, priority=params["priority"], owner_id=owner_id, parent_id=parent_id,
            module=None if is_task else "sales", due_on=due,
        )  # fmt: skip
        db.session.flush()
    if not is_task:
        link_records("task", made.id, run.subject.kind, run.record.id, actor=run.actor)
    else:
        announce(run.subject.crud, run.record, "updated")  # an open page of it shows what is below
    return {"kind": "task", "id": str(made.id), "label": made.title}


def _task_writes(subject: Subject) -> tuple[str, ...]:
    return subject.resources if subject.kind == "task" else ("tasks",)


# ── comment, notify ──────────────────────────────────────────────────────────────────────────────


def _clean_comment(raw: Params, _subject: Subject) -> Params:
    return {"body": text_of(raw, "body", min(MAX_LENGTH, 5000))}


def _comment(run: Execution, params: Params) -> Params:
    made = add_comment(run.subject.kind, run.record.id, run.fill(params["body"]), actor=run.actor)
    return {"id": str(made.id)}


def _clean_notice(raw: Params, subject: Subject) -> Params:
    to = raw.get("to")
    if not isinstance(to, list) or not to or len(to) > 20:
        raise Invalid(errors={"to": [_("Choose at least one person.")]})
    named = (OWNER, MANAGER, CREATOR, *((WATCHERS,) if subject.kind == "task" else ()))
    return {
        "to": list(dict.fromkeys(one if one in named else member_of(one, "to") for one in to)),
        "text": text_of(raw, "text", MAX_TEXT),
        "priority": priority_of(raw, "priority", Priority.P2),
    }


def _notice(run: Execution, params: Params) -> Params:
    told = tell(run, params["to"], run.fill(params["text"]), params["priority"])
    return {"told": [str(one) for one in told]}


# ── webhook ──────────────────────────────────────────────────────────────────────────────────────


def _clean_webhook(raw: Params, _subject: Subject) -> Params:
    url = text_of(raw, "url", MAX_URL)
    problem = webhooks.problem_of(url)
    if problem:
        raise Invalid(errors={"url": [problem]})
    return {"url": url}


def _webhook(run: Execution, params: Params) -> Params:
    """Only written down: it leaves when this is committed (``jobs.call``).

    Without what other records say, which whoever answers for the rule may not be allowed to see.
    """
    crud, record = run.subject.crud, run.record
    row = load(crud, record.id)
    data = {field.key: audit.plain(row[field.name]) for field in crud.fields if not field.of_others}
    body = {
        "type": f"automation.{run.subject.kind}",
        "timestamp": clock.now().isoformat(),
        "data": {
            "rule": {"id": str(run.rule.id), "name": run.rule.name},
            "run": str(run.run_id),
            "trigger": run.rule.trigger["type"],
            "record": {"kind": run.subject.kind, "id": str(record.id), "label": record.label, **data},
        },
    }
    call = AutomationCall(run_id=run.run_id, url=params["url"], body=body)
    db.session.add(call)
    db.session.flush()
    jobs.enqueue("automations.call", {"call_id": str(call.id)}, job_id=webhooks.job_id(call.id))
    return {"call": str(call.id)}


ACTIONS: dict[str, Action] = {
    one.name: one
    for one in (
        Action("set_field", _l("Set a field"), "pencil", ("field", "value"), _clean_field, _set_field),
        Action("assign", _l("Assign"), "user-check", ("owner",), _clean_assign, _assign),
        Action(
            "create_task",
            _l("Create a task"),
            "list-plus",
            ("title", "template", "owner", "priority", "due_in"),
            _clean_task,
            _make_task,
            _task_writes,
        ),
        Action(
            "add_approvers",
            _l("Add approvers"),
            "stamp",
            ("approvers",),
            clean_approvers,
            add_approvers,
            kinds=("task",),
        ),
        Action("comment", _l("Write a comment"), "message-square", ("body",), _clean_comment, _comment),
        Action(
            "notify", _l("Notify people"), "bell", ("to", "text", "priority"), _clean_notice, _notice, lambda _kind: ()
        ),
        Action(
            "webhook",
            _l("Call a web address"),
            "webhook",
            ("url",),
            _clean_webhook,
            _webhook,
            lambda _kind: (),
            aimed=False,
        ),
    )
}


def clean_actions(raw: Any, subject: Subject) -> list[Params]:
    """A rule's actions as they are stored. Raises Invalid, each error at its place: ``actions.0.url``."""
    if not isinstance(raw, list) or not raw:
        raise Invalid(errors={"actions": [_("A rule needs at least one action.")]})
    if len(raw) > MAX_ACTIONS:
        raise Invalid(errors={"actions": [_("A rule has at most %(count)s actions.", count=MAX_ACTIONS)]})
    found: list[Params] = []
    errors: dict[str, list[str]] = {}
    for place, one in enumerate(raw):
        try:
            found.append(_clean_one(one, subject))
        except Invalid as error:
            for key, texts in error.errors.items():
                errors[f"actions.{place}.{key}" if key else f"actions.{place}"] = texts
    if errors:
        raise Invalid(errors=errors)
    return found


def _clean_one(raw: Any, subject: Subject) -> Params:
    name = raw.get("type") if isinstance(raw, dict) else None
    action = ACTIONS.get(name) if isinstance(name, str) else None
    if action is None:
        raise Invalid(errors={"type": [_("Choose one of the list.")]})
    unknown = [
        str(key)[:40] for key in raw if key not in ("type", *(("target",) if action.aimed else ()), *action.keys)
    ]
    if unknown:
        raise Invalid(errors={unknown[0]: [_("Unknown field.")]})
    name = raw.get("target") or RECORD
    target = action.targets(subject).get(name) if isinstance(name, str) else None
    if target is None:
        raise Invalid(errors={"target": [_("Choose one of the list.")]})
    aimed = {} if name == RECORD else {"target": name}
    return {"type": action.name, **aimed, **action.clean(raw, target.subject)}
