"""The box of proposals, fetched when somebody asks for it."""

from __future__ import annotations

from typing import ClassVar

from flask import Response, make_response
from flask_appbuilder import BaseView, expose, has_access

from app.tasks import rows
from app.tasks.api.assist import limited, proposal_for, similar_to_asked


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


VIEWS = [AssistView]
