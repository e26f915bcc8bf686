"""The list of task requests, where one after the other is decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView, expose

from app.intake import queries
from app.intake.api import accepted_values
from app.intake.models import RequestState
from app.intake.service.deciding import MAX_REASON, accept_request, decline_request, mark_duplicate
from app.intake.words import STATES
from app.kernel import http
from app.kernel.crud.body import optional_text
from app.kernel.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tasks.cruds import MODULES, PRIORITIES
from app.tasks.models.names import Priority
from app.tasks.queries.tasks import list_statuses
from app.tenancy.queries import list_people

HOME = "/tasks/requests"
MAX_PAGE = 1000
# What the form of an acceptance may say.
TASK = ("title", "module", "status", "owner", "due_on", "priority")


class TriageView(BaseView):  # type: ignore[misc]
    """Requests of the modules whose tasks one may write."""

    route_base = "/tasks"
    default_view = "requests"

    @expose("/requests")
    def requests(self) -> Response:
        """The requests of a state, the first of them open."""
        http.actor().require("write", "task")
        return self._page(None)

    @expose("/requests/<pk>")
    def one(self, pk: str) -> Response:
        """A request, beside the others of its state."""
        http.actor().require("write", "task")
        return self._page(parse_id(pk))

    @expose("/requests/<pk>/accept", methods=["POST"])
    def accept(self, pk: str) -> Response:
        """Makes a task of a request."""
        request_id = self._known(pk)
        given = {key: value for key in TASK if (value := request.form.get(key)) is not None}
        try:
            values = accepted_values(given)
            with uow():
                _request, task = accept_request(request_id, actor=http.actor(), **values)
                code = task.code
        except (Invalid, Conflict, Forbidden, NotFound) as error:
            return self._refused(request_id, error, "accept")
        return self._next(_("Accepted: the task %(code)s has been created.", code=code))

    @expose("/requests/<pk>/decline", methods=["POST"])
    def decline(self, pk: str) -> Response:
        """Declines a request, with the ``reason``."""
        request_id = self._known(pk)
        try:
            reason = optional_text(request.form, "reason") or ""
            with uow():
                decline_request(request_id, reason, actor=http.actor())
        except (Invalid, Conflict) as error:
            return self._refused(request_id, error, "decline")
        return self._next(_("Declined: the reason goes to the requester by e-mail."))

    @expose("/requests/<pk>/duplicate", methods=["POST"])
    def duplicate(self, pk: str) -> Response:
        """Marks a request as a duplicate of the ``task``."""
        request_id = self._known(pk)
        try:
            task_id = request.form.get("task", "")
            if not task_id:
                raise Invalid(errors={"task": [_("Choose the task that stands for it.")]})
            with uow():
                mark_duplicate(request_id, _task_id(task_id), actor=http.actor())
        except (Invalid, Conflict) as error:
            return self._refused(request_id, error, "duplicate")
        return self._next(_("Marked as a duplicate."))

    def _known(self, pk: str) -> UUID:
        actor = http.actor()
        actor.require("write", "task")
        return queries.get_request(parse_id(pk), actor=actor).id

    def _next(self, message: str) -> Response:
        """To the request that stood below the decided one."""
        flash(message, "success")
        try:
            following = f"{HOME}/{parse_id(request.form.get('next', ''))}"
        except NotFound:
            following = HOME  # what was decided stays decided, whatever the form says
        return make_response(redirect(following))

    def _refused(self, request_id: UUID, error: DomainError, what: str) -> Response:
        """The same page, with what is wrong and what was typed; 409 says what somebody else did."""
        return self._page(request_id, error.status, errors={what: error.errors}, message=error.message, refused=what)

    def _page(self, request_id: UUID | None, status: int = 200, **context: Any) -> Response:
        actor = http.actor()
        line = queries.get_line(request_id, actor=actor) if request_id is not None else None
        state = line.request.state if line is not None else _state()
        number = _number()
        lines, more = queries.list_requests(state, actor=actor, page=number)
        is_chosen = line is not None
        line = line or (lines[0] if lines else None)
        ids = [one.request.id for one in lines]
        place = ids.index(line.request.id) if line is not None and line.request.id in ids else None
        html = self.render_template(
            "intake/requests.html",
            lines=lines,
            line=line,
            is_chosen=is_chosen,
            previous=ids[place - 1] if place else None,
            following=ids[place + 1] if place is not None and place + 1 < len(ids) else None,
            page=number,
            more=more,
            state=state,
            states=STATES,
            counts=queries.count_by_state(actor=actor),
            home=HOME,
            may_manage=actor.can("manage", "tasks"),
            form=request.form,
            **(self._choices(line) if line is not None else {}),
            **{"errors": {}, "message": "", "refused": "", **context},
        )
        return make_response(html, status)

    def _choices(self, line: queries.Line) -> dict[str, Any]:
        """What can be chosen for the task, and what is proposed."""
        if line.request.state != RequestState.NEW:
            return {}
        mine = queries.modules_of(http.actor())
        return {
            "modules": [(one.value, one.label) for one in MODULES if one.value in mine],
            "statuses": [(one.id, one.name) for one in list_statuses()],
            "people": [(one.id, one.display_name) for one in list_people()],
            "priorities": [(one.value, one.label) for one in PRIORITIES],
            "usual_priority": Priority.P2.value,
            "most": MAX_REASON,
        }


def _state() -> str:
    wanted = request.args.get("state", RequestState.NEW)
    return wanted if wanted in set(RequestState) else RequestState.NEW


def _number() -> int:
    wanted = request.args.get("page", "1")
    return min(max(int(wanted[:6]), 1), MAX_PAGE) if wanted.isascii() and wanted.isdigit() else 1


def _task_id(value: str) -> UUID:
    try:
        return parse_id(value)
    except NotFound:
        raise Invalid(errors={"task": [_("This record does not exist.")]}) from None
