"""The part of a task's drawer and page that asks for its approval; loaded by itself."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, request
from flask_appbuilder import expose, has_access

from app.kernel import http
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import parse_id
from app.tasks.models.names import CLOSED, TaskType
from app.tasks.queries import approvals, tasks
from app.tenancy.models import MemberStatus
from app.tenancy.queries import list_people

# State -> (words, colour, icon); of a round, and of one person's answer.
STATES = {
    "pending": (_l("Waiting"), "b-warn", "hourglass"),
    "approved": (_l("Approved"), "b-ok", "badge-check"),
    "rejected": (_l("Rejected"), "b-danger", "circle-x"),
    "changes": (_l("Changes requested"), "b-danger", "message-square-warning"),
}
RULES = (("all", _l("All must approve")), ("any", _l("One is enough")))


class ApprovalPart:
    """Part of the screens of tasks."""

    render_template: Any

    @expose("/<pk>/approval")
    @has_access
    def approval(self, pk: str) -> Response:
        """Approvers, their answers, and what the actor may do about it."""
        actor, task = http.actor(), tasks.get_task(parse_id(pk))
        rounds = approvals.list_rounds(task.id) if task.type == TaskType.APPROVAL else []
        may_write = task.is_reached_by(actor, "write", "task") and task.status_group not in CLOSED
        may_change = may_write and approvals.may_change_approvers(task, actor)
        context = {
            "task": task,
            "heading": "h2" if request.args.get("page") == "1" else "h3",
            "round": rounds[0] if rounds else None,
            "earlier": rounds[1:],
            "states": STATES,
            "rules": RULES,
            "may_write": may_write,
            "may_change": may_change,
            "may_decide": bool(rounds) and task.status_group not in CLOSED and rounds[0].waits_for(actor.member_id),
            "people": [one for one in list_people() if one.status == MemberStatus.ACTIVE] if may_change else [],
        }
        return make_response(self.render_template("tasks/_approval.html", **context))
