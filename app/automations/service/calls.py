"""Calls of webhook addresses: taken one at a time, tried again, given up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.automations.models import AutomationCall, AutomationRule, AutomationRun, CallStatus
from app.kernel import clock, crypto
from app.kernel.db import db
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from app.kernel.actor import Actor

# Seconds before the second, third, … try.
BACKOFF = (30, 120, 600, 3600, 21600)
MAX_ATTEMPTS = len(BACKOFF) + 1
# An address that answers so is called no more: it is gone.
GONE = 410


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that is to be made now."""

    url: str
    body: dict[str, Any]
    secret: str


def claim(call_id: UUID, *, actor: Actor) -> Wanted | None:  # noqa: ARG001 - whose organization it is in
    """Takes a call that is due: it counts as tried, and is due again later whatever becomes of it."""
    found = db.session.execute(
        select(AutomationCall, AutomationRule.secret, AutomationRule.active)
        .join(AutomationRun, AutomationRun.id == AutomationCall.run_id)
        .join(AutomationRule, AutomationRule.id == AutomationRun.rule_id)
        .where(
            AutomationCall.id == call_id,
            AutomationCall.status == CallStatus.QUEUED,
            AutomationCall.next_at <= clock.now(),
        )
        .with_for_update(of=AutomationCall, skip_locked=True)
    ).one_or_none()
    if found is None:
        return None
    call, secret, active = found
    if not active:
        call.status, call.done_at = CallStatus.FAILED, clock.now()
        call.error = _("The automation was switched off meanwhile.")
        return None
    call.attempts += 1
    call.next_at = clock.now() + dt.timedelta(seconds=BACKOFF[min(call.attempts, len(BACKOFF)) - 1])
    return Wanted(call.url, call.body, crypto.decrypt(secret))


def note(call_id: UUID, status: int | None, error: str, *, actor: Actor) -> None:  # noqa: ARG001 - as above
    """Writes down what a call was answered; any 2xx is well, everything else is tried again for a while."""
    call = db.session.scalar(select(AutomationCall).where(AutomationCall.id == call_id).with_for_update())
    if call is None:
        return
    call.answer, call.error = status, error[:300]
    if status is not None and 200 <= status < 300:
        call.status, call.done_at = CallStatus.DONE, clock.now()
        return
    call.error = call.error or _("The address answered %(status)s.", status=status)
    if call.attempts >= MAX_ATTEMPTS or status == GONE:
        call.status, call.done_at = CallStatus.FAILED, clock.now()
