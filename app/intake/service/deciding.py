"""What becomes of a request: a task, a no with its reason, or another of the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.intake.models import IntakeForm, RequestState, TaskRequest
from app.intake.queries import get_request
from app.intake.telling import tell_requester
from app.kernel import clock, i18n
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.tasks.queries.tasks import get_task
from app.tasks.service.tasks import announce, create_task
from app.tenancy.models import Membership
from app.tenancy.queries import still_here

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.tasks.models.tasks import Task

MAX_REASON = 1000


def accept_request(request_id: UUID, *, actor: Actor, **values: Any) -> tuple[TaskRequest, Task]:
    """Makes a task of a new request. What ``values`` do not say comes from the request and from its form.

    Raises Conflict for a request that somebody has decided, and whatever create_task does.
    """
    request = _lock(request_id, actor)
    given = {**_proposed(request), **values}
    title = " ".join(str(given.pop("title") or "").split())
    if not 1 <= len(title) <= 200:
        raise Invalid(errors={"title": [_("Write a title of at most %(count)s characters.", count=200)]})
    task = create_task(actor=actor, title=title, description=_description(request), **given)
    _decide(request, RequestState.ACCEPTED, actor)
    request.task_id = task.id
    db.session.flush()
    announce(task, "created")
    return request, task


def decline_request(request_id: UUID, reason: str, *, actor: Actor) -> TaskRequest:
    """Declines a new request and mails the reason to its requester. Raises Invalid without one, Conflict."""
    request = _lock(request_id, actor)
    text = reason.strip()
    if not 1 <= len(text) <= MAX_REASON:
        raise Invalid(errors={"reason": [_("Write a reason of at most %(count)s characters.", count=MAX_REASON)]})
    request.reason = text
    _decide(request, RequestState.DECLINED, actor)
    tell_requester(request, "request_declined")
    return request


def mark_duplicate(request_id: UUID, task_id: UUID, *, actor: Actor) -> TaskRequest:
    """Says that a task stands for the request already. Raises NotFound for an unknown task, Conflict."""
    request = _lock(request_id, actor)
    request.task_id = get_task(task_id).id
    _decide(request, RequestState.DUPLICATE, actor)
    return request


def tell_done(task_id: UUID, *, actor: Actor) -> int:  # noqa: ARG001 - the task says enough
    """Mails those whose accepted requests a task stands for that it is done, once each; how many."""
    found = db.session.scalars(
        select(TaskRequest)
        .join(IntakeForm, IntakeForm.id == TaskRequest.form_id)
        .where(
            TaskRequest.task_id == task_id,
            TaskRequest.state == RequestState.ACCEPTED,
            TaskRequest.told_done_at.is_(None),
            IntakeForm.tells_done,
        )
        .with_for_update(of=TaskRequest)
    ).all()
    for request in found:
        request.told_done_at = clock.now()
        tell_requester(request, "request_done")
    db.session.flush()
    return len(found)


def _lock(request_id: UUID, actor: Actor) -> TaskRequest:
    """The request, locked. Raises Conflict, saying who did what, when it is no longer new."""
    get_request(request_id, actor=actor)
    request = db.session.scalars(
        select(TaskRequest)
        .where(TaskRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    actor.require_on("write", "task", request)
    if request.state != RequestState.NEW:
        raise Conflict(_already(request), details={"state": request.state, "version": request.version})
    return request


def _already(request: TaskRequest) -> str:
    name = db.session.scalar(select(Membership.display_name).where(Membership.id == request.decided_by_id))
    by = name or _("Somebody")
    words = {
        RequestState.ACCEPTED: _("%(name)s has accepted this request already.", name=by),
        RequestState.DECLINED: _("%(name)s has declined this request already.", name=by),
        RequestState.DUPLICATE: _("%(name)s has marked this request as a duplicate already.", name=by),
    }
    return words[RequestState(request.state)]


def _decide(request: TaskRequest, state: RequestState, actor: Actor) -> None:
    request.state, request.decided_by_id, request.decided_at = state, actor.member_id, clock.now()
    db.session.flush()


def _proposed(request: TaskRequest) -> dict[str, Any]:
    form = db.session.scalar(select(IntakeForm).where(IntakeForm.id == request.form_id))
    owner_id = form.default_owner_id if form is not None else None
    return {
        "title": request.title,
        "module": request.module,
        "due_on": request.due_on,
        "status_id": form.default_status_id if form is not None else None,
        "owner_id": owner_id if owner_id in still_here([owner_id]) else None,
    }


def _description(request: TaskRequest) -> str:
    """The request's words and who wrote them. A link shows where it leads: its text cannot say another address."""
    said = re.sub(r"([\\\[\]<`])", r"\\\1", request.description or "").strip()
    who = re.sub(r"([\\\[\]<`*_])", r"\\\1", request.requester_name or request.requester_email or "")
    by = _("Requested by %(name)s on %(day)s.", name=who, day=i18n.date(request.created_at))
    return f"{said}\n\n{by}" if said else by
