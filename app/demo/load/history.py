"""What was done in the months before: finished tasks with the time they took, for proposals to be drawn from."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from app.demo.load.members import member_actor
from app.demo.load.tasks import workday
from app.kernel import clock
from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.queries.tasks import first_status
from app.tasks.service.checklist import add_item
from app.tasks.service.tasks import create_task, update_task
from app.tasks.service.time import log_time


class Past(NamedTuple):
    """A finished task: how many days ago, minutes that it took, its sub-tasks (title, minutes) and check-list."""

    title: str
    ago: int
    minutes: int = 0
    children: tuple[tuple[str, int], ...] = ()
    items: tuple[str, ...] = ()
    estimate: int | None = None


_START = (("Definire pubblico e canali", 120), ("Budget e tracciamento UTM", 60))
_END = (("Test di consegna email", 60), ("Verifica consensi", 120), ("Pubblicazione", 30))
MARKETING = (
    Past(
        "Lancio campagna “Revisione inverter”",
        45,
        60,
        (*_START, ("Testi email e sequenza di 3 invii", 240), ("Creatività per LinkedIn e Meta", 300), *_END),
    ),
    Past(
        "Lancio campagna “Ricambi originali”",
        78,
        30,
        (*_START, ("Testi email e sequenza di 3 invii", 210), ("Creatività per LinkedIn e Meta", 210), *_END),
    ),
    Past(
        "Lancio campagna “Sensori di vibrazione”",
        110,
        45,
        (*_START, ("Testi email e sequenza di 3 invii", 270), ("Landing con modulo", 360), *_END),
    ),
    Past(
        "Lancio campagna “Formazione operatori”", 150, 90, (*_START, ("Testi email e sequenza di 3 invii", 150), *_END)
    ),
    Past(
        "Lancio campagna “Linea di pallettizzazione”",
        190,
        120,
        (*_START, ("Testi email e sequenza di 3 invii", 240), ("Video di 30 secondi", 420), *_END),
    ),
    Past(
        "Sondaggio soddisfazione clienti 2025",
        360,
        410,
        items=(
            "Elenco dei clienti attivi",
            "Domande",
            "Testo dell’invito",
            "Promemoria dopo una settimana",
            "Raccolta delle risposte",
            "Sintesi per la direzione",
        ),
    ),
    Past(
        "Sondaggio soddisfazione clienti 2024",
        725,
        330,
        items=("Domande", "Testo dell’invito", "Promemoria dopo una settimana", "Ringraziamento ai partecipanti"),
    ),
    Past(
        "Sondaggio dopo la fiera: soddisfazione dei clienti",
        170,
        180,
        items=("Domande", "Promemoria dopo una settimana", "Sintesi per la direzione"),
    ),
    Past("Impaginazione catalogo 2026", 340, 1380, estimate=1200),
    Past("Impaginazione catalogo ricambi", 220, 960, estimate=960),
    Past("Impaginazione catalogo 2025", 700, 1260),
)
_DEMO = ("Dati del cliente nella demo", "Prova generale", "Sala e collegamento", "Scheda di riepilogo da lasciare")
SALES = (
    Past("Preparare demo per Oleificio Garda", 32, 210, items=_DEMO),
    Past("Preparare demo per Panificio Conti", 61, 180, items=_DEMO[:3]),
    Past("Preparare demo per Caseificio Valsabbia", 95, 330, items=(*_DEMO, "Campioni di prodotto")),
    Past("Aggiornare listino ricambi 2025", 335, 540, (("Prezzi dei fornitori", 240), ("Controllo dei margini", 180))),
    Past(
        "Aggiornare listino assistenza",
        130,
        390,
        (("Prezzi dei fornitori", 120), ("Controllo dei margini", 120), ("Invio agli agenti", 30)),
    ),
    Past("Aggiornare listino sensori", 84, 300, (("Controllo dei margini", 90), ("Invio agli agenti", 30))),
)
PAST = (
    ("officine-aurora", "marketing@aurora.example", "marketing", MARKETING),
    ("officine-aurora", "sales@aurora.example", "sales", SALES),
)


def load_history(say: Any) -> None:
    """Adds the work that is done, by the product's own verbs, with the days on which it was."""
    say("Demo: what was done before …")
    for slug, email, module, work in PAST:
        actor = member_actor(email, slug)
        with uow(actor):
            done = first_status(StatusGroup.DONE).id
            for one in work:
                day = workday(clock.today(actor.timezone), -one.ago)
                rows = [(one.title, one.minutes, one.estimate), *((*child, None) for child in reversed(one.children))]
                parent = None
                for title, minutes, estimate in rows:
                    task = create_task(
                        actor=actor, title=title, module=module, due_on=day, estimate=estimate,
                        owner_id=actor.member_id, parent_id=parent,
                    )  # fmt: skip
                    parent = parent or task.id
                    if minutes:
                        log_time(task.id, actor=actor, day=day, minutes=minutes)
                    for item in one.items if task.id == parent else ():
                        add_item(task.id, item, actor=actor)
                    update_task(task, actor=actor, status_id=done)
                    task.done_at = clock.day_bounds(day, actor.timezone)[0] + dt.timedelta(hours=16)
