"""The automations of the demo: the two that are offered to everybody, on since last week, with what they did, and one
that is not switched on yet.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.automations import jobs
from app.automations.models import AutomationRun, RunStatus
from app.automations.service import moments, rules, running
from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.actor import Actor, system_actor
from app.kernel.db import db
from app.kernel.uow import uow
from app.tasks.models.tasks import Task

PLACES = (
    ("officine-aurora", "admin@aurora.example", "Calendario editoriale di dicembre"),
    ("cantina-bellombra", "admin@bellombra.example", "Serata di degustazione: invito"),
)
SINCE = 6


# An urgent task is told where its deal is looked after, and on the task that it is a part of.
DRAFT: dict[str, Any] = {
    "name": "Urgenza: avvisa chi segue l’opportunità",
    "subject": "task",
    "trigger": {"type": "changed", "field": "priority", "to": "P0"},
    "actions": [
        {
            "type": "notify",
            "target": "linked_opportunity",
            "to": ["owner"],
            "text": "l’attività “{title}” ({code}) è diventata urgente, scadenza {due}.",
            "priority": "P1",
        },
        {"type": "comment", "target": "parent", "body": "“{title}” è diventata urgente: scadenza {due}."},
    ],
}


def load_automations(say: Any) -> None:
    """Switches the presets on, keeps a draft, and lets the last days set them off, by the product's own verbs."""
    say("Demo: automations …")
    now = clock.now()
    for slug, email, approved in PLACES:
        admin = member_actor(email, slug)
        product = system_actor(admin.organization_id, timezone=admin.timezone)
        with clock.frozen(now - dt.timedelta(days=SINCE)), uow(admin):
            publication = rules.add_preset("publication", actor=admin, active=True)
            escalation = rules.add_preset("escalation", actor=admin, active=True).id
            rules.create_rule(actor=admin, **DRAFT)
        for days in range(SINCE, 0, -1):
            with clock.frozen(now - dt.timedelta(days=days, minutes=7)):
                with uow(product):
                    moments.work_off(escalation, actor=product)
                _work_off(product)
        with clock.frozen(now - dt.timedelta(days=1, hours=2)):
            with uow(product):
                task = db.session.scalar(select(Task.id).where(Task.title == approved))
                if task is not None:
                    running.consider(publication, task, f"demo:{task}", actor=product)
            _work_off(product)


def _work_off(actor: Actor) -> None:
    """Does at once, at the clock's time, what waits for a worker."""
    with uow(actor):
        waiting: list[UUID] = list(
            db.session.scalars(select(AutomationRun.id).where(AutomationRun.status == RunStatus.QUEUED))
        )
    for run_id in waiting:
        jobs.run(str(run_id), actor=actor)
