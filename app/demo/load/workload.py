"""People who work part-time, and one in each organization who has more to do than a week holds."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.models.names import StatusGroup
from app.tasks.queries.load import monday_of
from app.tasks.queries.tasks import first_status
from app.tasks.service.load import set_capacity
from app.tasks.service.tasks import create_task


class Busy(NamedTuple):
    """Somebody with a long task in the week of the next working day; ``hours`` where they work less than others."""

    slug: str
    admin: str
    email: str
    hours: int | None
    module: str
    title: str
    estimate: int


BUSY = (
    Busy(
        "officine-aurora",
        "admin@aurora.example",
        "marketing@aurora.example",
        32,
        "marketing",
        "Traduzioni del catalogo 2027 in inglese e tedesco",
        6,
    ),
    Busy(
        "cantina-bellombra",
        "admin@bellombra.example",
        "sales@bellombra.example",
        20,
        "sales",
        "Consegna dei cesti di Natale ai ristoranti",
        24,
    ),
    Busy(
        "studio-lumen",
        "admin@lumen.example",
        "admin@lumen.example",
        None,
        "marketing",
        "Postproduzione del catalogo Atelier Verdi",
        44,
    ),
)


def load_workloads(say: Any) -> None:
    """Sets people's hours, and gives them the work that is too much."""
    say("Demo: workload …")
    italy = workdays()
    for one in BUSY:
        actor = member_actor(one.email, one.slug)
        if one.hours is not None and actor.member_id is not None:
            admin = member_actor(one.admin, one.slug)
            with uow(admin):
                set_capacity(actor.member_id, one.hours * 60, actor=admin)
        with uow(actor):
            monday = monday_of(italy.day(italy.index(clock.today(actor.timezone))))
            create_task(
                actor=actor,
                title=one.title,
                module=one.module,
                status_id=first_status(StatusGroup.IN_PROGRESS).id,
                priority="P1",
                start_on=monday,
                due_on=monday + dt.timedelta(days=4),
                estimate=one.estimate * 60,
                owner_id=actor.member_id,
            )
