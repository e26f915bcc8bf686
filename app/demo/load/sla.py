"""What the demo's organizations promise by SLA, and tasks that have waited long enough for it to show."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.db import db
from app.kernel.uow import uow
from app.tasks.models.tasks import Task
from app.tasks.queries.sla import Promise, read_sla
from app.tasks.service.sla import Wanted, apply_policy, note_breaches, save_sla, set_deadlines

if TYPE_CHECKING:
    from app.kernel.business_hours import BusinessHours

ADMINS = (("officine-aurora", "admin@aurora.example"), ("cantina-bellombra", "admin@bellombra.example"))
PROMISES = (
    Promise("P0", True, 60, 8 * 60),
    Promise("P1", True, 4 * 60, 24 * 60),
    Promise("P2", True, 16 * 60, 80 * 60),
    Promise("P3"),
)
# Hours of work since they were written down, by title.
WAITED = {
    "Inviare offerta aggiornata a Tessitura Valmora": 10,
    "Condizioni di pagamento Bellombra": 22,
    "Richiamare i contatti raccolti in fiera": 3.5,
    "Caricare il brief per il video in stabilimento": 83,
    "Scelta fotografie catalogo 2027": 72,
    "Rivedere testi landing “Fine linea 4.0”": 27,
    "Campioni per l’importatore di Monaco": 26,
    "Etichetta della riserva 2023": 21,
    "Vinitaly: prenotare lo stand": 5,
    "Newsletter di dicembre": 14,
}


def load_promises(say: Any) -> None:
    """Says how soon tasks are to be started and finished."""
    say("Demo: SLA …")
    for slug, email in ADMINS:
        actor = member_actor(email, slug)
        with uow(actor):
            save_sla(Wanted(PROMISES), actor=actor)
            apply_policy()


def let_wait() -> None:
    """Lets some tasks be as old as WAITED says."""
    for slug, email in ADMINS:
        actor = member_actor(email, slug)
        with uow(actor):
            hours, now = read_sla().hours, clock.now()
            for task in db.session.scalars(select(Task).where(Task.title.in_(WAITED))):
                task.created_at = _before(hours, now, WAITED[task.title] * 60)
                if task.start_on is not None:  # what waits was to be started by then
                    task.start_on = min(task.start_on, task.created_at.date())
                task.sla_from, task.sla_started_at, started = None, None, task.sla_started_at
                set_deadlines(task)
                task.sla_started_at = started and task.created_at
                note_breaches(task, now)


def _before(hours: BusinessHours, moment: dt.datetime, minutes: float) -> dt.datetime:
    """A moment with at least so much working time before ``moment``."""
    found = moment
    while hours.business_minutes_between(found, moment) < minutes:
        found -= dt.timedelta(minutes=10)
    return found
