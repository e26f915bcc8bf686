"""Rules: written, changed, switched on and off, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from app.automations import webhooks
from app.automations.acting import needs
from app.automations.actions import clean_actions
from app.automations.conditions import NONE, clean_conditions
from app.automations.models import MAX_CAP, AutomationRule
from app.automations.presets import PRESETS
from app.automations.queries.answering import is_answered_for
from app.automations.subjects import SUBJECTS
from app.automations.triggers import TRIGGERS, clean_trigger
from app.kernel import clock, crypto
from app.kernel.actor import Scope
from app.kernel.db import db, every_record
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.tenancy.queries import get_api_key

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_NAME = 120
MAX_RULES = 200
DEFAULT_CAP = 100


def draft_rule(*, actor: Actor, **values: Any) -> AutomationRule:
    """A rule that is checked and not kept: for a dry run. Raises as create_rule."""
    actor.require("write", "automation")
    rule = AutomationRule(active=False, secret="")
    _sign(rule, actor)
    _fill(rule, {"conditions": NONE, "daily_cap": DEFAULT_CAP, **values}, actor)
    return rule


def create_rule(
    *, actor: Actor, active: bool | None = False, preset: str | None = None, **values: Any
) -> AutomationRule:
    """Writes a rule: ``name``, ``subject``, ``trigger``, ``conditions``, ``actions``, ``daily_cap``.

    Raises Invalid with each error at its place (``trigger.days``, ``actions.0.url``), Forbidden for what the
    actor may not do to all records themselves, Conflict beyond MAX_RULES.
    """
    if (db.session.scalar(select(func.count()).select_from(AutomationRule)) or 0) >= MAX_RULES:
        raise Conflict(_("An organization has at most %(count)s automations.", count=MAX_RULES))
    rule = draft_rule(actor=actor, **values)
    rule.preset = preset
    rule.secret = crypto.encrypt(webhooks.new_secret())
    _switch(rule, bool(active))
    db.session.add(rule)
    db.session.flush()
    _require_answer(rule, actor)
    return rule


def update_rule(rule: AutomationRule, *, actor: Actor, **values: Any) -> AutomationRule:
    """Changes the given parts of a rule; they are checked together with the others. Raises as create_rule."""
    actor.require("write", "automation")
    _require_reach(rule.subject, rule.actions, rule.conditions, actor)  # of what it is, before what it is to be
    active = values.pop("active", None)
    with db.session.no_autoflush:
        if values:
            kept = {
                name: getattr(rule, name)
                for name in ("name", "subject", "trigger", "conditions", "actions", "daily_cap")
            }
            _fill(rule, {**kept, **{name: value for name, value in values.items() if value is not None}}, actor)
        if active is not None and active != rule.active:
            _switch(rule, active)
        _sign(rule, actor)
    db.session.flush()
    _require_answer(rule, actor)
    return rule


def _require_answer(rule: AutomationRule, actor: Actor) -> None:
    if rule.active and actor.key_id is not None and not is_answered_for(rule):
        raise Forbidden(_("Nobody answers for this key any more: whoever holds it has left or may do less."))


def set_active(rule: AutomationRule, *, actor: Actor, on: bool) -> AutomationRule:
    """Switches a rule on or off. What is queued already is left out once it is off."""
    return update_rule(rule, actor=actor, active=on)


def delete_rule(rule: AutomationRule, *, actor: Actor) -> None:
    """Deletes a rule with its runs; what it did stays. Raises Forbidden as create_rule."""
    actor.require("write", "automation")
    _require_reach(rule.subject, rule.actions, rule.conditions, actor)
    db.session.delete(rule)
    db.session.flush()


def add_preset(key: str, *, actor: Actor, active: bool = False) -> AutomationRule:
    """Writes one of the rules that are offered. Raises NotFound for an unknown one."""
    actor.require("write", "automation")
    build = PRESETS.get(key)
    if build is None:
        raise NotFound
    return create_rule(actor=actor, active=active, preset=key, **build.values())


def _switch(rule: AutomationRule, on: bool) -> None:
    rule.active = on
    if on:
        # What happened before does not count: nothing of the past is made up for.
        rule.activated_at = clock.now()


def _sign(rule: AutomationRule, actor: Actor) -> None:
    """Whoever saved a rule last answers for it: it does no more than they may. For a key, whoever holds it."""
    if actor.key_id is not None:
        with every_record():  # a key may not look at keys
            key = get_api_key(actor.key_id)
        rule.author_id, rule.api_key_id = key.holder_id, key.id
    elif actor.member_id is not None:
        rule.author_id, rule.api_key_id = actor.member_id, None


def _fill(rule: AutomationRule, values: dict[str, Any], actor: Actor) -> None:
    """Checks all parts, and writes them only if each is right."""
    subject = SUBJECTS.get(values.get("subject") or "")
    if subject is None:
        raise Invalid(errors={"subject": [_("Choose one of the list.")]})
    errors: dict[str, list[str]] = {}
    name = " ".join(str(values.get("name") or "").split())
    if not 1 <= len(name) <= MAX_NAME:
        errors["name"] = [_("Write a name of at most %(count)s characters.", count=MAX_NAME)]
    cap: Any = values.get("daily_cap")
    if isinstance(cap, bool) or not isinstance(cap, int) or not 1 <= cap <= MAX_CAP:
        errors["daily_cap"] = [_("Write a number from %(least)s to %(most)s.", least=1, most=MAX_CAP)]

    def check(part: Callable[[], Any]) -> Any:
        try:
            return part()
        except Invalid as error:
            errors.update(error.errors)
            return None

    trigger = check(lambda: clean_trigger(values.get("trigger"), subject))
    conditions = check(lambda: clean_conditions(values.get("conditions"), subject, actor=actor))
    actions = check(lambda: clean_actions(values.get("actions"), subject))
    if trigger and trigger["type"] == "schedule" and conditions is not None and not conditions["items"]:
        errors["conditions"] = [_("A rule on a schedule needs a condition: it acts on every record that meets it.")]
    if errors:
        raise Invalid(errors=errors)
    _require_reach(subject.kind, actions, conditions, actor)
    if trigger != rule.trigger and rule.active and TRIGGERS[trigger["type"]].is_of_time:
        _switch(rule, True)  # another moment: as if switched on now
    rule.name, rule.subject, rule.daily_cap = name, subject.kind, cap
    rule.trigger, rule.conditions, rule.actions = trigger, conditions, actions


def _require_reach(
    subject: str, actions: list[dict[str, Any]], conditions: dict[str, Any] | None, actor: Actor
) -> None:
    """A rule acts on all records, so nobody writes one that does what they could not do."""
    for verb, resource in needs(subject, actions, conditions):
        if actor.scope(verb, resource) is not Scope.ALL:
            raise Forbidden(
                _("An automation acts on all records: your role does not reach all of them."),
                details={"permission": f"{verb} {resource}"},
            )
