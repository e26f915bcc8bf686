"""The boxes of proposals, fetched when somebody asks for them."""

from __future__ import annotations

from typing import ClassVar

from flask import Response, make_response
from flask_appbuilder import BaseView, expose, has_access

from app.kernel import http
from app.tasks import rows
from app.tasks.api.assist import limited, proposal_for, similar_to_asked, summary_of
from app.tasks.assist.summary import draft, line_words, sections
from app.tasks.views.approvals import STATES


class AssistView(BaseView):  # type: ignore[misc]
    """Proposals for a task."""

    route_base = "/tasks"
    class_permission_name = "task"
    method_permission_name: ClassVar[dict[str, str]] = {"assist": "read", "similar": "read"}

    @expose("/similar")
    @has_access
    def similar(self) -> Response:
        """Open tasks that may be the same as the one whose ``title`` is being written."""
        return make_response(
            self.render_template("tasks/similar.html", found=similar_to_asked(), status_icon=rows.status_icon)
        )

    @expose("/<pk>/assist")
    @has_access
    @limited
    def assist(self, pk: str) -> Response:
        """The lines that may be accepted, and the finished tasks that they are drawn from."""
        proposal, may_write = proposal_for(pk)
        return make_response(
            self.render_template("tasks/assist.html", proposal=proposal, may_write=may_write, duration=rows.duration)
        )


class SummaryView(BaseView):  # type: ignore[misc]
    """The summary of a conversation, whatever kind of record it is about."""

    route_base = "/comments"
    class_permission_name = "comment"
    method_permission_name: ClassVar[dict[str, str]] = {"summary": "read"}

    @expose("/<kind>/<pk>/summary")
    @has_access
    @limited
    def summary(self, kind: str, pk: str) -> Response:
        """What the comments come to, and the same as the text of a comment."""
        found = summary_of(kind, pk)
        may_comment = http.actor().can("write", found.of.resource)
        return make_response(
            self.render_template(
                "tasks/summary.html",
                found=found,
                sections=sections(found),
                may_comment=may_comment,
                draft=draft(found, STATES),
                words=lambda one: line_words(one, STATES),
            )
        )


VIEWS = [AssistView, SummaryView]
