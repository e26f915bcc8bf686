"""REST of approvals: who is asked, and one's own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http
from app.kernel.crud.body import id_list, optional_flag, optional_text, optional_version
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.queries import approvals
from app.tasks.queries import tasks as queries
from app.tasks.service.approvals import decide, set_approvers

if TYPE_CHECKING:
    from uuid import UUID

    from app.tasks.queries.approvals import Round

# An answer asks for no right to write: whoever is asked gives it.
PERMISSIONS = {"approval": "read", "set_approvers": "write", "decision": "read"}


def _round(found: Round) -> dict[str, Any]:
    approval = found.approval
    return {
        "round": approval.round,
        "rule": approval.rule,
        "state": approval.state,
        "decided_at": approval.decided_at,
        "approvers": [
            {
                "member": {"id": one.approver.member_id, "name": one.name},
                "decision": one.approver.decision,
                "decided_at": one.approver.decided_at,
                "note": one.approver.note,
                "current": one.approver.is_current,
            }
            for one in found.asked
        ],
    }


def _answer(task_id: UUID) -> dict[str, Any]:
    task, actor = queries.get_task(task_id), http.actor()
    rounds = approvals.list_rounds(task.id)
    return {
        "id": task.id,
        "version": task.version,
        "result": _round(rounds[0]) if rounds else None,
        "history": [_round(one) for one in rounds[1:]],
        "may_decide": bool(rounds) and rounds[0].waits_for(actor.member_id),
        "may_change": approvals.may_change_approvers(task, actor),
    }


class ApprovalRoutes:
    """Part of the resource of tasks."""

    @expose("/<pk>/approval", methods=["GET"])
    @protect()
    def approval(self, pk: str) -> Response:
        """Who is asked to approve a task and what they answered; ``result`` is null where nobody is."""
        return http.json_response(_answer(parse_id(pk)))

    @expose("/<pk>/approvers", methods=["PUT"])
    @protect()
    def set_approvers(self, pk: str) -> Response:
        """Says who approves a task (``members``, ``rule``) and asks them; ``again`` starts a new round."""
        task_id = queries.get_task(parse_id(pk)).id
        body = http.json_body()
        again = optional_flag(body, "again")
        members, rule = id_list(body, "members"), optional_text(body, "rule")
        with uow():
            set_approvers(
                task_id,
                actor=http.actor(),
                members=members,
                rule=rule,
                again=bool(again),
                version=optional_version(body),
            )
            answer = _answer(task_id)
        return http.json_response(answer)

    @expose("/<pk>/decision", methods=["POST"])
    @protect()
    def decision(self, pk: str) -> Response:
        """One's own answer: ``decision`` is ``approved``, ``rejected`` or ``changes``; ``note`` says why."""
        task_id = queries.get_task(parse_id(pk)).id
        body = http.json_body()
        decision, note = optional_text(body, "decision") or "", optional_text(body, "note") or ""

        def act() -> tuple[Any, int]:
            decide(task_id, decision, actor=http.actor(), note=note)
            return _answer(task_id), 200

        return once(act)
