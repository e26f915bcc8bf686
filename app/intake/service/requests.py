"""A request comes in: by a form or by mail, from somebody who has no account here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.events.intake import TaskRequested
from app.intake.models import OPTIONAL, TaskRequest
from app.intake.queries import get_form
from app.intake.telling import tell_requester
from app.kernel import clock
from app.kernel.db import advisory_lock, db
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

MAX_TITLE, MAX_DESCRIPTION, MAX_REQUESTER = 200, 5000, 120
MAX_AHEAD = dt.timedelta(days=3 * 366)
# The same words from the same person within this time are a form that was sent twice.
AGAIN = dt.timedelta(minutes=10)


def submit_request(
    form_id: UUID,
    *,
    actor: Actor,
    title: str,
    email: str,
    name: str | None = None,
    description: str | None = None,
    due_on: dt.date | None = None,
    locale: str = "it",
    confirm: Callable[[], bool] = lambda: True,
    mail_hash: str | None = None,
) -> TaskRequest | None:
    """Keeps a request and mails its requester that it has come; emits TaskRequested.

    None for one that was sent twice. ``confirm`` is asked, of one that is kept, whether the mail may go. One by mail,
    which ``mail_hash`` is known by, says what it says, whatever the form asks. Raises Invalid for a day that cannot be,
    NotFound for a form that is closed.
    """
    form = get_form(form_id)
    if not form.is_open:
        raise NotFound
    if due_on is not None and not 0 <= (due_on - clock.today(actor.timezone)).days <= MAX_AHEAD.days:
        raise Invalid(errors={"due_on": [_("Choose a day from today on.")]})
    advisory_lock(f"task-request:{form.id}:{email}")
    if _is_repeated(form.id, email, title, description, mail_hash):
        return None
    asks = set(form.asks) if mail_hash is None else set(OPTIONAL)
    request = TaskRequest(
        form_id=form.id,
        module=form.module,
        title=title,
        requester_email=email,
        requester_name=name if "name" in asks else None,
        description=description if "description" in asks else None,
        due_on=due_on if "due_on" in asks else None,
        locale=locale,
        mail_hash=mail_hash,
    )
    db.session.add(request)
    db.session.flush()
    emit(
        TaskRequested(
            subject_id=request.id, title=title, form=form.name, module=form.module, owner_id=form.default_owner_id
        )
    )
    if confirm():
        tell_requester(request, "request_received")
    return request


def _is_repeated(form_id: UUID, email: str, title: str, description: str | None, mail_hash: str | None) -> bool:
    delivered = select(TaskRequest.id).where(TaskRequest.form_id == form_id, TaskRequest.mail_hash == mail_hash)
    if mail_hash is not None and db.session.scalar(delivered.limit(1)) is not None:
        return True
    same = select(TaskRequest.id).where(
        TaskRequest.form_id == form_id,
        TaskRequest.requester_email == email,
        TaskRequest.title == title,
        TaskRequest.description.is_not_distinct_from(description),
        TaskRequest.created_at > clock.now() - AGAIN,
    )
    return db.session.scalar(same.limit(1)) is not None
