"""REST of automation rules: the generated resource, with what JSON a rule consists of; its runs, and the dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_appbuilder.api import expose, protect

from app.automations.models import MAX_CAP, AutomationRule, RunStatus
from app.automations.openapi import describe_rules
from app.automations.queries.answering import author_id
from app.automations.queries.dry_run import DAYS, dry_run
from app.automations.queries.runs import Line, get_rule, list_runs
from app.automations.service.rules import DEFAULT_CAP, MAX_NAME, create_rule, delete_rule, update_rule
from app.automations.subjects import CHOICES, SUBJECTS
from app.automations.words import outcome_words
from app.kernel import http
from app.kernel.crud.api import TenantApi, make_api
from app.kernel.crud.body import optional_version
from app.kernel.crud.fields import Crud, Field, Kind, Verbs, clean
from app.kernel.crud.rest_docs import security
from app.kernel.crud.rest_query import readable
from app.kernel.crud.store import load
from app.kernel.errors import BadRequest, Conflict
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow

if TYPE_CHECKING:
    from uuid import UUID

    from apispec import APISpec

    from app.automations.queries.aiming import Aim

RULES = Crud(
    kind="automation_rule",
    model=AutomationRule,
    resource="automation",
    url="/settings/automations",
    api="automation-rules",
    singular=_l("Automation"),
    plural=_l("Automations"),
    new_label=_l("New automation"),
    icon="workflow",
    label_field="name",
    search=("name",),
    order="name",
    verbs=Verbs(create=create_rule, update=update_rule, delete=delete_rule),
    fields=(
        Field("name", _l("Name"), required=True, max_length=MAX_NAME),
        Field("subject", _l("About"), Kind.ENUM, required=True, choices=CHOICES),
        Field("active", _l("On"), Kind.BOOL),
        Field("daily_cap", _l("Runs a day at most"), Kind.INTEGER, minimum=1, maximum=MAX_CAP),
        Field("preset", _l("Template"), editable=False),
        Field("author_id", _l("Made by"), Kind.PERSON, editable=False, expression=author_id),
        Field("activated_at", _l("On since"), Kind.DATETIME, editable=False),
        Field("created_at", _l("Created"), Kind.DATETIME, editable=False),
    ),
)
# What of a rule is JSON; ``service.rules`` checks it.
PARTS = ("trigger", "conditions", "actions")
MAX_LIMIT = 100


def _line(line: Line) -> dict[str, Any]:
    run = line.run
    return {
        "id": run.id,
        "at": run.at,
        "status": run.status,
        "reason": line.reason,
        "message": outcome_words(line),
        "kind": run.kind,
        "record": {"id": run.record_id, "name": line.record.label if line.record else None},
        "log": line.log,
        "depth": run.depth,
        "caused_by": run.caused_by,
        "duration_ms": run.duration_ms,
        "calls": [
            {"url": one.url, "status": one.status, "attempts": one.attempts, "answer": one.answer, "error": one.error}
            for one in line.calls
        ],
    }


def _aim(aim: Aim) -> dict[str, Any]:
    records = [{"id": one.id, "name": one.label} for one in aim.records]
    return {"target": aim.target.name, "count": aim.count, "more": aim.more, "records": records}


class RuleApi(TenantApi):
    """Rules, with their parts."""

    method_permission_name = {**TenantApi.method_permission_name, "runs": "read", "dry_run": "read"}
    include_route_methods = TenantApi.include_route_methods | {"runs", "dry_run"}

    def add_api_spec(self, api_spec: APISpec) -> None:
        """The generated description, and that of the parts and of the routes."""
        super().add_api_spec(api_spec)
        describe_rules(api_spec, security(api_spec, self.crud.resource))

    def _one(self, rule_id: UUID) -> dict[str, Any]:
        rule = get_rule(rule_id)
        return self._dump(load(self.crud, rule_id)) | {name: getattr(rule, name) for name in PARTS}

    def _parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The body: the generated fields, and the parts. Raises BadRequest, Invalid for unknown ones."""
        given = readable(http.json_body())
        parts = {name: given.pop(name) for name in PARTS if name in given}
        self._refuse_unknown(given)
        return given, parts

    @expose("/<pk>", methods=["GET"])
    @expose("/<pk>/", methods=["GET"])
    @protect()
    def get(self, pk: str) -> Response:
        """A rule with its ``trigger``, ``conditions`` and ``actions``."""
        rule_id = parse_id(pk)
        return http.json_response({"id": rule_id, "result": self._one(rule_id)})

    @expose("", methods=["POST"])
    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Writes a rule; it is off unless ``active`` says otherwise."""
        actor = http.actor()
        actor.require("write", "automation")
        body, parts = self._parts()

        def act() -> tuple[Any, int]:
            values = clean(self.crud.writable, body, partial=False)
            values["daily_cap"] = values.get("daily_cap") or DEFAULT_CAP
            rule = create_rule(actor=actor, **{"trigger": None, "actions": None, **values, **parts})
            return {"id": rule.id, "result": self._one(rule.id)}, 201

        return once(act)

    @expose("/<pk>", methods=["PUT", "PATCH"])
    @expose("/<pk>/", methods=["PUT", "PATCH"])
    @protect()
    def put(self, pk: str) -> Response:
        """Changes the given parts of a rule; with ``version``, only if it is the current one."""
        actor = http.actor()
        actor.require("write", "automation")
        with uow():
            rule = get_rule(parse_id(pk))
            body, parts = self._parts()
            version = optional_version(body)
            body.pop("version", None)
            if version is not None and version != rule.version:
                raise Conflict(details={"version": rule.version})
            update_rule(rule, actor=actor, **clean(self.crud.writable, body, partial=True), **parts)
            answer = self._one(rule.id)
        return http.json_response({"id": rule.id, "result": answer})

    @expose("/<pk>/runs", methods=["GET"])
    @protect()
    def runs(self, pk: str) -> Response:
        """What a rule did, newest first: ``status`` narrows, ``before`` (a run's id) and ``limit`` page."""
        rule_id = get_rule(parse_id(pk)).id
        status, before, limit = (request.args.get(name) for name in ("status", "before", "limit"))
        if status is not None and status not in set(RunStatus):
            raise BadRequest(_("Unknown status “%(name)s”.", name=status[:20]))
        if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= MAX_LIMIT):
            raise BadRequest(_("“limit” is a number from 1 to %(most)s.", most=MAX_LIMIT))
        lines, more = list_runs(
            rule_id=rule_id,
            status=status,
            before=parse_id(before) if before else None,
            limit=int(limit) if limit else MAX_LIMIT,
        )
        return http.json_response({"count": len(lines), "more": more, "result": [_line(one) for one in lines]})

    @expose("/<pk>/dry-run", methods=["GET"])
    @protect()
    def dry_run(self, pk: str) -> Response:
        """What the rule would have done in the last 30 days. Writes nothing."""
        rule = get_rule(parse_id(pk))
        kind = SUBJECTS[rule.subject].kind
        found = dry_run(rule, actor=http.actor(), url=registry.records[kind].url)
        result = [
            {
                "at": one.at,
                "record": {"id": one.record_id, "name": one.label},
                "capped": one.capped,
                "skipped": one.idle,
                "targets": [_aim(aim) for aim in one.aims],
            }
            for one in found.occasions
        ]
        return http.json_response(
            {
                "days": DAYS,
                "count": found.count,
                "capped": found.capped,
                "partial": found.partial,
                "result": result,
            }
        )


APIS = [make_api(RULES, RuleApi)]
