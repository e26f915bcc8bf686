"""The automations among the settings: the list, the page that builds one, the dry run, the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from babel.dates import get_day_names
from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView, expose

from app.automations import words
from app.automations.builder import state
from app.automations.models import KEPT, MAX_CAP, AutomationRule, RunStatus
from app.automations.presets import PRESETS
from app.automations.queries.answering import is_answered_for, reaches, unanswered
from app.automations.queries.dry_run import DAYS, dry_run
from app.automations.queries.names import names
from app.automations.queries.runs import get_rule, list_rules, list_runs
from app.automations.service import rules
from app.automations.subjects import SUBJECTS
from app.automations.triggers import TRIGGERS
from app.kernel import crypto, http, i18n
from app.kernel.crud.params import ListParams, read_params
from app.kernel.crud.rest_query import readable
from app.kernel.errors import BadRequest, Conflict, Invalid, NotFound
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow

if TYPE_CHECKING:
    from app.automations.subjects import Subject
    from app.kernel.actor import Actor

HOME = "/settings/automations"
SHOWN_RUNS = 10


def _saved(url: str, message: str) -> Response:
    flash(message, "success")
    return make_response(redirect(url))


def _subject(kind: str | None) -> Subject:
    found = SUBJECTS.get(kind or "task")
    if found is None:
        raise NotFound
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _form(subject: Subject) -> dict[str, Any]:
    """The rule that the page's form holds. Raises BadRequest, Invalid."""
    try:
        parts = readable(orjson.loads(request.form.get("rule", "")))
    except orjson.JSONDecodeError:
        raise BadRequest(_("The body must be a JSON object.")) from None
    if not isinstance(parts, dict):
        raise BadRequest(_("The body must be a JSON object."))
    name = request.form.get("name", "")
    return {
        "name": readable({"name": name.replace("\x00", "")})["name"],
        "subject": subject.kind,
        "daily_cap": _number("daily_cap"),
        "trigger": parts.get("trigger"),
        "actions": parts.get("actions"),
        "conditions": read_params(request.form, subject.crud).filter_tree,
    }


class AutomationsView(BaseView):  # type: ignore[misc]
    """Each page checks its own permission."""

    route_base = HOME
    default_view = "automations"

    @expose("", methods=["GET"])
    @expose("/", methods=["GET"])
    def automations(self) -> Response:
        """The rules, and those on offer."""
        actor = http.actor()
        actor.require("read", "automation")
        found, known = list_rules(), names()
        taken = {one.rule.preset for one in found}
        return self._page(
            "automations/list.html",
            found=found,
            sentences={one.rule.id: words.sentence(one.rule, known) for one in found},
            subjects=SUBJECTS,
            triggers=TRIGGERS,
            stopped=unanswered(one.rule for one in found if one.rule.active),
            presets=[one for one in PRESETS.values() if one.key not in taken],
            may_write=actor.can("write", "automation"),
        )

    @expose("/presets", methods=["POST"])
    def add_preset(self) -> Response:
        """Adds a rule on offer, switched off."""
        actor = http.actor()
        with uow():
            rule = rules.add_preset(request.form.get("preset", ""), actor=actor)
        return _saved(f"{HOME}/{rule.id}", _("Added. Look at what it would have done, then switch it on."))

    @expose("/new", methods=["GET", "POST"])
    def new(self) -> Response:
        """The page that builds a rule; a POST keeps it."""
        actor = http.actor()
        actor.require("write", "automation")
        subject = _subject(request.values.get("subject"))
        if request.method == "GET":
            return self._builder(actor, subject, None, self._empty(actor, subject))
        return self._keep(actor, subject, None)

    @expose("/<pk>", methods=["GET", "POST"])
    def automation(self, pk: str) -> Response:
        """A rule: built, tried, and what it did; a POST changes it."""
        actor = http.actor()
        actor.require("read" if request.method == "GET" else "write", "automation")
        rule = get_rule(parse_id(pk))
        subject = _subject(rule.subject)
        if request.method == "GET":
            return self._builder(actor, subject, rule, rule)
        return self._keep(actor, subject, rule)

    def _empty(self, actor: Actor, subject: Subject) -> AutomationRule:
        return AutomationRule(
            name="", subject=subject.kind, trigger={"type": "created"}, conditions={"op": "and", "items": []},
            actions=[], daily_cap=rules.DEFAULT_CAP, active=False, author_id=actor.member_id,
        )  # fmt: skip

    def _keep(self, actor: Actor, subject: Subject, rule: AutomationRule | None) -> Response:
        rule_id = rule.id if rule is not None else None
        try:
            with uow():
                values = _form(subject)
                values["active"] = request.form.get("active") == "1"
                if rule_id is None:
                    kept = rules.create_rule(actor=actor, **values).id
                else:
                    found = get_rule(rule_id)
                    if _number("version") not in {None, found.version}:
                        raise Conflict
                    kept = rules.update_rule(found, actor=actor, **values).id
        except Invalid as error:
            return self._again(actor, subject, rule_id, error)
        return _saved(f"{HOME}/{kept}", _("Changes saved."))

    def _again(self, actor: Actor, subject: Subject, rule_id: Any, error: Invalid) -> Response:
        """The form as it was sent, with what is wrong."""
        values = _form(subject)
        shown = AutomationRule(
            name=values["name"], subject=subject.kind, daily_cap=values["daily_cap"] or rules.DEFAULT_CAP,
            conditions=values["conditions"], active=request.form.get("active") == "1",
            trigger=values["trigger"] if isinstance(values["trigger"], dict) else {"type": "created"},
            actions=[one for one in _list(values["actions"]) if isinstance(one, dict)],
        )  # fmt: skip
        kept = get_rule(rule_id) if rule_id is not None else None
        return self._builder(actor, subject, kept, shown, error.status, error.errors)

    def _builder(
        self,
        actor: Actor,
        subject: Subject,
        kept: AutomationRule | None,
        shown: AutomationRule,
        status: int = 200,
        errors: dict[str, list[str]] | None = None,
    ) -> Response:
        may_write = actor.can("write", "automation")
        known = names()
        before = request.args.get("before") or None
        lines, more = (
            list_runs(rule_id=kept.id, before=parse_id(before) if before else None, limit=SHOWN_RUNS)
            if kept is not None
            else ([], False)
        )
        days = get_day_names("wide", locale=i18n.locale())
        builder = state(subject, shown.trigger, shown.actions, errors or {}, known, actor=actor) if may_write else {}
        builder["weekdays"] = [(code, days[at]) for at, code in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))]
        return self._page(
            "automations/rule.html",
            status,
            kept=kept,
            shown=shown,
            errors=errors or {},
            subject=subject,
            crud=subject.crud,
            params=ListParams(tree=shown.conditions),
            builder=builder,
            sentence=words.sentence(kept, known) if kept is not None else "",
            secret=crypto.decrypt(kept.secret)
            if kept is not None and may_write and _calls(kept) and reaches(kept, actor=http.actor())
            else "",
            stopped=kept is not None and kept.active and not is_answered_for(kept),
            lines=lines,
            more=more,
            before=before,
            most=MAX_CAP,
            name_length=rules.MAX_NAME,
            days=DAYS,
            may_write=may_write,
        )

    @expose("/<pk>/active", methods=["POST"])
    def switch(self, pk: str) -> Response:
        """Switches a rule on (``on``) or off."""
        on = request.form.get("on") == "1"
        with uow():
            rule = rules.set_active(get_rule(parse_id(pk)), actor=http.actor(), on=on)
            name = rule.name
        text = _("“%(name)s” is on.", name=name) if on else _("“%(name)s” is off.", name=name)
        return _saved(HOME, text)

    @expose("/<pk>/delete", methods=["POST"])
    def delete(self, pk: str) -> Response:
        """Deletes a rule and its log."""
        with uow():
            rules.delete_rule(get_rule(parse_id(pk)), actor=http.actor())
        return _saved(HOME, _("Automation deleted."))

    @expose("/runs", methods=["GET"])
    def runs(self) -> Response:
        """The log of all rules; ``rule`` and ``status`` narrow it."""
        http.actor().require("read", "automation")
        rule, status, before = (request.args.get(name) or None for name in ("rule", "status", "before"))
        status = status if status in set(RunStatus) else None
        lines, more = list_runs(
            rule_id=parse_id(rule) if rule else None, status=status, before=parse_id(before) if before else None
        )
        return self._page(
            "automations/runs.html",
            lines=lines,
            more=more,
            rules=list_rules(),
            wanted={"rule": rule or "", "status": status or "", "before": before or ""},
        )

    @expose("/<pk>/dry-run", methods=["GET"])
    def dry_run(self, pk: str) -> Response:
        """What a rule would have done, as a fragment."""
        actor = http.actor()
        actor.require("read", "automation")
        return self._tried(get_rule(parse_id(pk)), actor)

    @expose("/dry-run", methods=["POST"])
    def try_draft(self) -> Response:
        """The same for what the form holds, before it is kept."""
        actor = http.actor()
        subject = _subject(request.form.get("subject"))
        actor.require("write", "automation")
        values = _form(subject)
        values["name"] = values["name"].strip() or "–"
        try:
            draft = rules.draft_rule(actor=actor, **values)
        except Invalid as error:
            return self._page("automations/_dry_run.html", error.status, problems=error.errors, found=None, days=DAYS)
        return self._tried(draft, actor)

    def _tried(self, rule: AutomationRule, actor: Actor) -> Response:
        found = dry_run(rule, actor=actor, url=registry.records[rule.subject].url)
        return self._page(
            "automations/_dry_run.html", found=found, days=DAYS, problems={}, sentence=words.sentence(rule, names())
        )

    def _page(self, template: str, status: int = 200, **context: Any) -> Response:
        shown = {"errors": {}, "words": words, "statuses": RunStatus, "kept_days": KEPT.days, **context}
        return make_response(self.render_template(template, **shown), status)


def _calls(rule: AutomationRule) -> bool:
    return any(one.get("type") == "webhook" for one in rule.actions)
