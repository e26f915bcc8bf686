"""The demo's form, and what people asked for with it: one request waits, one became a task, one was declined."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from app.demo.load.members import member_actor
from app.intake.service.deciding import accept_request, decline_request
from app.intake.service.forms import create_form
from app.intake.service.requests import submit_request
from app.kernel import clock
from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.queries.tasks import first_status

SLUG = "officine-aurora"
INTRO = """Volantini, fotografie, testi, presenze in fiera: scrivete **che cosa serve, per chi e per quando**.

Rispondiamo entro due giorni lavorativi."""
ASKED = (
    (
        "Scheda prodotto per la linea di montaggio L4",
        "Due pagine in A4, con i dati tecnici aggiornati e una foto della macchina nello stabilimento di Bergamo.\n"
        "Serve anche in tedesco: il cliente la vuole vedere prima della visita.",
        ("Davide Colleoni", "davide.colleoni@aurora.example", 12),
    ),
    (
        "Fotografie dell’impianto consegnato a Valmora",
        "L’impianto è a regime da lunedì. Il direttore di stabilimento è d’accordo per una mattina di riprese.",
        ("Sara Mapelli", "sara.mapelli@valmora.example", 20),
    ),
    (
        "Sponsorizzare il torneo di calcetto",
        "Quest’anno il torneo dei fornitori è a giugno: ci sarebbe posto per il vostro logo sulle maglie.",
        ("Ivan Rota", "ivan.rota@torneo.example", None),
    ),
)
REASON = "Grazie di aver pensato a noi. Per il 2027 il budget delle sponsorizzazioni è già impegnato."


def load_intake(say: Any) -> None:
    """Makes the form and its requests."""
    say("Demo: requests …")
    admin, marketing = member_actor("admin@aurora.example", SLUG), member_actor("marketing@aurora.example", SLUG)
    with uow(admin):
        form = create_form(
            actor=admin,
            name="Richieste al marketing",
            intro=INTRO,
            module="marketing",
            default_owner_id=marketing.member_id,
            default_status_id=first_status(StatusGroup.BACKLOG).id,
            takes_mail=True,
        )
        today = clock.today(admin.timezone)
        made = []
        for title, description, (name, email, days) in ASKED:
            # What came without a wished date came by mail.
            mail_hash = hashlib.sha256(email.encode()).hexdigest() if days is None else None
            request = submit_request(
                form.id,
                actor=admin,
                title=title,
                description=description,
                name=name,
                email=email,
                due_on=None if days is None else today + dt.timedelta(days=days),
                confirm=lambda: False,
                mail_hash=mail_hash,
            )
            assert request is not None
            made.append(request.id)
    with uow(marketing):
        accept_request(made[1], actor=marketing)
        decline_request(made[2], REASON, actor=marketing)
