"""REST of proposals: to read, and to accept several lines at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, request
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import optional_number, optional_text
from app.kernel.errors import BadRequest, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.tasks.assist.asking import propose, read_kind
from app.tasks.assist.duplicates import find_duplicates
from app.tasks.assist.proposals import Kind
from app.tasks.assist.remote import Service
from app.tasks.assist.summary import summarize
from app.tasks.models.names import KIND
from app.tasks.queries import tasks as queries
from app.tasks.service.assist import accept_items, accept_subtasks

if TYPE_CHECKING:
    from app.tasks.assist.duplicates import Duplicate
    from app.tasks.assist.proposals import Proposal, Source
    from app.tasks.assist.summary import Summary

PERMISSIONS = {"assist": "read", "accept": "write", "similar": "read", "summary": "read"}


def _person() -> str:
    actor = http.actor()
    return f"assist:{actor.key_id or actor.member_id or actor.user_id}"


# One allowance for screen and REST together.
limited = http.limiter.shared_limit("30 per minute; 300 per day", scope="assist", key_func=_person)


def proposal_for(pk: str) -> tuple[Proposal, bool]:
    """What the address asks for, and whether the actor may accept it. Raises NotFound, BadRequest."""
    task = queries.get_task(parse_id(pk))
    may_write = task.is_reached_by(http.actor(), "write", "task")
    kind = read_kind(request.args.get("kind", Kind.BREAKDOWN))
    return propose(task.id, kind, Service.configured(current_app.config)), may_write


def similar_to_asked() -> list[Duplicate]:
    """The open tasks that may be the one that the address names (``title``), ``except`` itself. Raises NotFound."""
    own = request.args.get("except")
    return find_duplicates(request.args.get("title", ""), apart_from=parse_id(own) if own else None)


def summary_of(kind: str, pk: str) -> Summary:
    """The summary of the comments about a record. Raises NotFound."""
    return summarize(kind, parse_id(pk), Service.configured(current_app.config), actor=http.actor())


def _source(one: Source) -> dict[str, Any]:
    return {**asdict(one), "code": one.code, "url": f"/tasks/{one.id}", "similarity": round(one.similarity, 2)}


def _json(proposal: Proposal) -> dict[str, Any]:
    return {
        "kind": proposal.kind,
        "lines": [asdict(one) for one in proposal.lines],
        "sources": [_source(one) for one in proposal.sources],
        "spread": asdict(proposal.spread) if proposal.spread else None,
        "enough": not proposal.is_thin,
        "service": {"asked": proposal.asked, "problem": proposal.problem},
    }


def _lines(body: dict[str, Any]) -> list[tuple[str, int | None]]:
    given = body.get("lines")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Invalid(errors={"lines": [_("Write a list of lines.")]})
    return [(optional_text(one, "text") or "", optional_number(one, "minutes")) for one in given]


class AssistRoutes:
    """Part of the resource of tasks."""

    @expose("/similar", methods=["GET"])
    @protect()
    def similar(self) -> Response:
        """Open tasks that may be the same as one with a ``title``, three at most (``except``: this one aside)."""
        result = [{**asdict(one), "code": one.code, "url": one.url} for one in similar_to_asked()]
        return http.json_response({"count": len(result), "result": result})

    @expose("/<pk>/assist", methods=["GET"])
    @protect()
    @limited
    def assist(self, pk: str) -> Response:
        """What may be added to a task (``?kind=estimate|breakdown|checklist``), and from where it is drawn."""
        return http.json_response({"id": pk, "result": _json(proposal_for(pk)[0])})

    @expose("/<pk>/summary", methods=["GET"])
    @protect()
    @limited
    def summary(self, pk: str) -> Response:
        """What the comments about a task come to, each line with the comment that it rests on."""
        found = summary_of(KIND, pk)
        result = {
            "count": found.count,
            "people": found.people,
            "internal": found.internal,
            "lines": [{**asdict(one), "url": one.url or found.url} for one in found.points],
            "service": {"asked": found.asked, "problem": found.problem},
        }
        return http.json_response({"id": pk, "result": result})

    @expose("/<pk>/assist/accept", methods=["POST"])
    @protect()
    def accept(self, pk: str) -> Response:
        """Adds sub-tasks or lines of the check-list (``kind``, ``lines``), all or none."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            task_id = queries.get_task(parse_id(pk)).id
            kind = read_kind(optional_text(body, "kind"))
            if kind is Kind.ESTIMATE:
                raise BadRequest(_("An estimate is a field of its task."))
            verb = accept_subtasks if kind is Kind.BREAKDOWN else accept_items
            made = verb(task_id, _lines(body), actor=http.actor())
            return {"count": len(made), "ids": [one.id for one in made]}, 201

        return once(act)
