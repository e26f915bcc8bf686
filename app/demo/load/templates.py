"""Templates of the demo: made as people make them, of a tree of tasks that then goes."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID

from app.demo.load.members import member_actor
from app.kernel.actor import Actor
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.service.checklist import add_item
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task, delete_task
from app.tasks.service.templates import create_template

# A Monday of a week without holidays; only the distances from it are kept.
FIRST = dt.date(2026, 9, 7)


class Step(NamedTuple):
    """A sub-task: first working day, how many it takes, minutes of work, what it waits for."""

    title: str
    start: int
    days: int
    estimate: int | None = None
    after: tuple[tuple[str, str, int], ...] = ()  # title, type, lag
    items: tuple[str, ...] = ()
    type: str = "task"
    priority: str = "P2"


class Kept(NamedTuple):
    """A template."""

    name: str
    description: str
    steps: tuple[Step, ...]


CAMPAIGN = Kept(
    "Lancio di una campagna",
    "Dalla definizione del pubblico alla prima lettura dei risultati: cinque settimane.",
    (
        Step("Definire obiettivo, pubblico e canali", 0, 3, 360, priority="P1"),
        Step("Budget e tracciamento UTM", 1, 2, 180, (("Definire obiettivo, pubblico e canali", "SS", 1),)),
        Step("Testi: landing e sequenza email", 3, 5, 900, (("Definire obiettivo, pubblico e canali", "FS", 0),),
             ("Oggetto e anteprima", "Tre invii", "Testo della landing", "Versione inglese")),
        Step("Creatività per LinkedIn e Meta", 5, 5, 960, (("Testi: landing e sequenza email", "SS", 2),)),
        Step("Landing page pubblicata in prova", 8, 4, 600, (("Testi: landing e sequenza email", "FS", 0),),
             ("Modulo e consensi", "Velocità da telefono", "Pagina di ringraziamento")),
        Step("Approvazione della direzione", 12, 2, 60,
             (("Creatività per LinkedIn e Meta", "FS", 1), ("Landing page pubblicata in prova", "FS", 0)),
             type="approval", priority="P1"),
        Step("Pubblicazione", 15, 1, None, (("Approvazione della direzione", "FS", 1),), type="milestone",
             priority="P1"),
        Step("Prima lettura dei risultati", 22, 2, 240, (("Pubblicazione", "FS", 5),)),
    ),
)  # fmt: skip
FAIR = Kept(
    "Partecipazione a una fiera",
    "Tre mesi di preparazione, i giorni dello stand e i contatti richiamati entro una settimana.",
    (
        Step("Prenotare lo spazio espositivo", 0, 3, 120, priority="P1"),
        Step("Progetto e grafica dello stand", 3, 15, 1200, (("Prenotare lo spazio espositivo", "FS", 0),),
             ("Misure dello spazio", "Pareti e bancone", "Schermi e prese", "Bozza approvata")),
        Step("Macchine e campioni da esporre", 10, 10, 480),
        Step("Stampa di cataloghi e biglietti", 25, 10, 240, (("Progetto e grafica dello stand", "FS", 5),)),
        Step("Inviti ai clienti e appuntamenti", 30, 15, 600, (("Prenotare lo spazio espositivo", "FS", 10),),
             ("Elenco dei clienti della zona", "Invito", "Agenda degli incontri")),
        Step("Viaggio, alloggio e turni", 35, 5, 180),
        Step("Allestimento", 56, 2, 960,
             (("Progetto e grafica dello stand", "FS", 0), ("Macchine e campioni da esporre", "FS", 0),
              ("Stampa di cataloghi e biglietti", "FS", 2)), priority="P1"),
        Step("Apertura della fiera", 58, 1, None, (("Allestimento", "FS", 0),), type="milestone", priority="P1"),
        Step("Richiamare i contatti raccolti", 62, 5, 900, (("Apertura della fiera", "FS", 2),), priority="P1"),
    ),
)  # fmt: skip
TASTING = Kept(
    "Serata di degustazione",
    "Una serata in cantina per trenta persone, dall’invito al ringraziamento.",
    (
        Step("Scegliere data, vini e abbinamenti", 0, 2, 120, priority="P1"),
        Step("Invito e modulo di iscrizione", 2, 3, 180, (("Scegliere data, vini e abbinamenti", "FS", 0),)),
        Step("Conferme e lista degli ospiti", 12, 3, 90, (("Invito e modulo di iscrizione", "FS", 5),)),
        Step("Preparare la sala", 15, 1, 240, (("Conferme e lista degli ospiti", "FS", 0),),
             ("Calici", "Acqua e pane", "Schede dei vini", "Cassa e spedizioni")),
        Step("Serata", 15, 1, None, (("Preparare la sala", "SS", 0),), type="milestone", priority="P1"),
        Step("Ringraziamento e offerta agli ospiti", 16, 2, 90, (("Serata", "FS", 0),)),
    ),
)  # fmt: skip
PLAN = (
    ("officine-aurora", "marketing@aurora.example", (CAMPAIGN, FAIR)),
    ("cantina-bellombra", "marketing@bellombra.example", (TASTING,)),
)


def load_templates(say: Any) -> None:
    """Adds the templates, by the product's own verbs."""
    say("Demo: templates …")
    for slug, email, found in PLAN:
        actor = member_actor(email, slug)
        for one in found:
            with uow(actor):
                _keep(one, actor)


def _keep(kept: Kept, actor: Actor) -> None:
    days = workdays()
    last = max(one.start + one.days for one in kept.steps) - 1
    top = create_task(
        actor=actor, title=kept.name, module="marketing", priority="P1", start_on=FIRST, due_on=days.add(FIRST, last)
    )
    made: dict[str, UUID] = {}
    for step in reversed(kept.steps):
        made[step.title] = create_task(
            actor=actor, title=step.title, parent_id=top.id, type=step.type, priority=step.priority,
            estimate=step.estimate, start_on=days.add(FIRST, step.start),
            due_on=days.add(FIRST, step.start + step.days - 1),
        ).id  # fmt: skip
        for line in step.items:
            add_item(made[step.title], line, actor=actor)
    for step in kept.steps:
        for before, kind, lag in step.after:
            add_dependency(made[before], made[step.title], actor=actor, type=kind, lag=lag)
    create_template(top.id, kept.name, actor=actor, description=kept.description)
    delete_task(top, actor=actor)
