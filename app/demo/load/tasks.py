"""A month of work: tasks of marketing and sales, with their people, sub-tasks and check-lists."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.approvals import decide, set_approvers
from app.tasks.service.checklist import add_item
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.planning import take_baseline
from app.tasks.service.snooze import snooze_task
from app.tasks.service.tasks import create_task, set_people, update_task
from app.tenancy.models import Membership


class Work(NamedTuple):
    """A task of the demo; ``due`` in days from today, ``estimate`` in minutes, ``days`` that it takes."""

    title: str
    group: str
    priority: str
    due: int | None
    estimate: int | None = None
    children: tuple[tuple[Any, ...], ...] = ()  # title, group, due, days that it takes, type
    items: tuple[str | tuple[str, str, int], ...] = ()  # text, who, in how many days
    type: str = "task"
    others: tuple[str, ...] = ()
    days: int = 1


MARKETING = (
    Work("Rivedere testi landing “Fine linea 4.0”", "in_review", "P1", -5, 180),
    Work("Scelta fotografie catalogo 2027", "in_review", "P2", 3, 240, others=("admin",)),
    Work(
        "Lancio campagna “Assistenza programmata”",
        "in_progress",
        "P1",
        13,
        900,
        children=(
            ("Definire pubblico e canali", "done", -8, 4),
            ("Budget e tracciamento UTM", "done", -7, 4),
            ("Testi email e sequenza di 3 invii", "in_progress", -1, 3),
            ("Creatività per LinkedIn e Meta", "backlog", 5, 4),
            ("Approvazione della direzione", "backlog", 10, 2, "approval"),
            ("Pubblicazione", "backlog", 13, 1, "milestone"),
        ),
        others=("sales", "admin"),
    ),
    Work("Caricare il brief per il video in stabilimento", "in_progress", "P2", -4, 60),
    Work("Calendario editoriale di dicembre", "approved", "P1", 0, 120, days=5),
    Work(
        "Sondaggio soddisfazione clienti 2026",
        "backlog",
        "P2",
        13,
        360,
        items=(
            ("Elenco dei clienti attivi", "sales", -1),
            ("Domande", "admin", 2),
            ("Testo dell’invito", "marketing", 5),
            "Raccolta delle risposte",
        ),
        days=9,
    ),
    Work("Scegliere la tipografia del catalogo", "backlog", "P3", None, 60),
    Work("Nuove foto del centro assistenza", "backlog", "P2", None, 180),
    Work("Riprese video in stabilimento", "approved", "P1", 5, 960, days=2, others=("sales",)),
    Work("Impaginazione catalogo 2027", "backlog", "P2", 19, 1440, days=5),
    Work("Piano editoriale gennaio", "backlog", "P2", 18, 240, days=6),
    Work("Verifica consensi newsletter", "backlog", "P3", 21, 90),
    Work("Testo sponsor per la fiera", "backlog", "P2", 14, 60),
    Work("Landing prova gratuita sensori", "in_progress", "P2", 3, 480, days=8),
    Work("Report ottobre campagne", "done", "P3", -11, 120),
    Work("Post LinkedIn: nuovo centro assistenza", "done", "P2", -14, 45),
    Work("Shooting officina: liberatorie", "done", "P1", -18, 90),
    Work("Fiera di Parma: apertura stand", "backlog", "P1", 26, None, type="milestone"),
    Work("Approvare il preventivo della tipografia", "in_review", "P1", 1, 30, type="approval"),
)
SALES = (
    Work("Preparare demo per Molino Santacroce", "in_review", "P1", 0, 240, others=("marketing",), days=4),
    Work("Inviare offerta aggiornata a Tessitura Valmora", "in_progress", "P0", -7, 120),
    Work("Aggiornare listino ricambi", "in_progress", "P3", 12, 480, days=8),
    Work("Condizioni di pagamento Bellombra", "in_progress", "P1", -1, 60, days=4),
    Work("Scheda tecnica osmosi 12 m³/h", "in_review", "P2", -2, 180),
    Work("Bozza contratto Acciaierie Ponteverde", "approved", "P1", 0, 150, days=3),
    Work(
        "Richiamare i contatti raccolti in fiera",
        "backlog",
        "P1",
        4,
        300,
        items=(
            ("Lista pulita", "marketing", 0),
            ("Prime dieci chiamate", "sales", 2),
        ),
        days=4,
    ),
    Work("Sopralluogo Cantina Bellombra", "done", "P1", -14, 240),
    Work("Qualificare i lead del webinar", "backlog", "P2", 6, 180, days=4),
    Work("Revisione della pipeline di fine mese", "backlog", "P2", 3, 60),
    Work("Offerta manutenzione triennale", "done", "P2", -9, 200),
    Work("Ricontattare Birrificio Dolomia", "backlog", "P2", None, 30),
    Work("Rivedere il modello delle offerte", "backlog", "P3", None, 240),
    Work("Formazione sul nuovo listino", "backlog", "P2", 17, 960, days=3),
    Work("Firma del contratto Ponteverde", "backlog", "P0", 14, None, type="milestone"),
    Work("Visita a Officine Brembate", "cancelled", "P3", -6, 180),
)
CELLAR = (
    Work("Etichetta della riserva 2023", "in_review", "P1", 2, 300),
    Work(
        "Campagna Natale: cesti aziendali",
        "in_progress",
        "P0",
        9,
        600,
        children=(
            ("Fotografie dei cesti", "done", -5, 4),
            ("Pagina con il modulo d’ordine", "in_progress", 0, 4),
            ("Invio ai clienti dell’anno scorso", "backlog", 5, 3),
            ("Chiusura degli ordini", "backlog", 9, 1, "milestone"),
        ),
    ),
    Work("Newsletter di dicembre", "backlog", "P2", 6, 120, days=4),
    Work("Serata di degustazione: invito", "approved", "P2", 4, 60),
    Work("Schede tecniche in inglese", "done", "P2", -10, 240),
    Work("Biglietti d’auguri per i clienti", "backlog", "P3", None, 90),
    Work("Vinitaly: prenotare lo stand", "backlog", "P1", None, 60),
    Work("Fiera del vino artigiano", "approved", "P1", 15, None, days=3),
    Work("Video della vendemmia: montaggio", "in_progress", "P2", -3, 480, days=6),
)
CELLAR_SALES = (
    Work("Campioni per l’importatore di Monaco", "in_progress", "P1", -2, 60),
    Work("Listino HoReCa 2027", "in_review", "P1", 5, 180, days=5),
    Work("Approvare gli sconti del listino 2027", "in_review", "P1", 6, 30, type="approval"),
    Work("Richiamare i ristoranti del lago", "backlog", "P2", 8, 240, days=5),
    Work("Contratto annuale enoteca Dal Pozzo", "done", "P1", -12, 90),
)
STUDIO = (
    Work("Preventivo servizio fotografico Officine Aurora", "in_progress", "P1", 0, 60, days=3),
    Work("Sopralluogo e piano luci", "backlog", "P1", 5, 120, days=3),
    Work("Giornata di riprese in reparto B", "backlog", "P1", 11, 480, days=2),
    Work("Selezione e ritocco", "backlog", "P2", 20, 900, days=6),
    Work("Consegna delle fotografie", "backlog", "P1", 21, None, type="milestone"),
    Work("Aggiornare il portfolio del sito", "backlog", "P2", 10, 300),
    Work("Servizio fotografico in cantina", "approved", "P1", 6, 960, days=2),
    Work("Selezione e ritocco delle foto", "backlog", "P2", 12, 720, days=3),
    Work("Consegna delle immagini", "backlog", "P1", 14, None, type="milestone"),
    Work("Fatture di novembre", "in_progress", "P0", 3, 90),
    Work("Approvare la scelta delle foto per il catalogo", "in_review", "P1", 2, 30, type="approval"),
    Work("Manutenzione delle luci", "backlog", "P3", None, 120),
    Work("Nuovo fondale per lo studio", "backlog", "P3", None),
    Work("Rinnovo assicurazione attrezzatura", "done", "P1", -6, 30),
)
# (before, after, type, lag)
LINKS = (
    ("Definire pubblico e canali", "Testi email e sequenza di 3 invii", "FS", 0),
    ("Budget e tracciamento UTM", "Testi email e sequenza di 3 invii", "SS", 1),
    ("Testi email e sequenza di 3 invii", "Creatività per LinkedIn e Meta", "FS", 0),
    ("Creatività per LinkedIn e Meta", "Approvazione della direzione", "FS", 0),
    ("Approvazione della direzione", "Pubblicazione", "FS", 0),
    ("Calendario editoriale di dicembre", "Piano editoriale gennaio", "FS", 2),
    ("Testo sponsor per la fiera", "Fiera di Parma: apertura stand", "FS", 3),
    ("Bozza contratto Acciaierie Ponteverde", "Firma del contratto Ponteverde", "FS", 2),
    ("Preparare demo per Molino Santacroce", "Richiamare i contatti raccolti in fiera", "SS", 2),
    ("Richiamare i contatti raccolti in fiera", "Qualificare i lead del webinar", "FF", 1),
    ("Fotografie dei cesti", "Pagina con il modulo d’ordine", "FS", 0),
    ("Pagina con il modulo d’ordine", "Invio ai clienti dell’anno scorso", "FS", 0),
    ("Invio ai clienti dell’anno scorso", "Chiusura degli ordini", "FS", 1),
    ("Listino HoReCa 2027", "Richiamare i ristoranti del lago", "SS", 2),
    ("Preventivo servizio fotografico Officine Aurora", "Sopralluogo e piano luci", "FS", 0),
    ("Sopralluogo e piano luci", "Giornata di riprese in reparto B", "FS", 1),
    ("Giornata di riprese in reparto B", "Selezione e ritocco", "FS", 0),
    ("Selezione e ritocco", "Consegna delle fotografie", "FS", 0),
)
# Approvals: who is asked, and what those answered who have answered.
APPROVALS: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, str]]]] = {
    "Approvazione della direzione": (("admin",), {}),
    "Approvare il preventivo della tipografia": (
        ("admin", "sales"),
        {"sales": ("approved", "Il prezzo al pezzo è in linea con l’anno scorso.")},
    ),
    "Approvare gli sconti del listino 2027": (
        ("admin", "marketing"),
        {"marketing": ("approved", "Va bene: lo sconto per le enoteche resta al 12 %.")},
    ),
    "Approvare la scelta delle foto per il catalogo": (("admin",), {}),
}
# What took longer than planned: these end so many working days later, and break a link each.
SLIPPED = {
    "Testi email e sequenza di 3 invii": 3,
    "Pagina con il modulo d’ordine": 2,
    "Preventivo servizio fotografico Officine Aurora": 2,
}
# What its owner has put off, by so many days.
SNOOZED = {
    "Preparare la riunione di fine trimestre": 2,
    "Revisione della pipeline di fine mese": 2,
}
DIRECTION = (
    Work("Firmare il contratto con Acciaierie Ponteverde", "in_progress", "P0", 0, 30),
    Work("Rivedere il budget marketing 2027", "backlog", "P1", 4, 120, others=("marketing",)),
    Work("Preparare la riunione di fine trimestre", "backlog", "P2", 6, 180),
    Work("Rispondere all’offerta della tipografia", "in_progress", "P1", -2, 30),
)
PLAN = (
    ("officine-aurora", "admin@aurora.example", "marketing", DIRECTION),
    ("officine-aurora", "marketing@aurora.example", "marketing", MARKETING),
    ("officine-aurora", "sales@aurora.example", "sales", SALES),
    ("cantina-bellombra", "marketing@bellombra.example", "marketing", CELLAR),
    ("cantina-bellombra", "sales@bellombra.example", "sales", CELLAR_SALES),
    ("studio-lumen", "admin@lumen.example", "marketing", STUDIO),
)


def load_tasks(say: Any) -> None:
    """Adds everybody's tasks, by the product's own verbs."""
    say("Demo: tasks …")
    for slug, email, module, work in PLAN:
        actor = member_actor(email, slug)
        domain = email.partition("@")[2]
        with uow(actor):
            people = {
                (one.email or "").removesuffix(f"@{domain}"): one.id
                for one in db.session.scalars(select(Membership).where(Membership.email.is_not(None)))
            }
            status = {group: first_status(StatusGroup(group)).id for group in StatusGroup}
            today = clock.today(actor.timezone)
            made: dict[str, UUID] = {}
            for one in reversed(work):
                due = None if one.due is None else workday(today, one.due)
                start = _first_day(due, one.days)
                if one.children:
                    start = workday(today, min(child[2] - child[3] for child in one.children))
                task = create_task(
                    actor=actor, title=one.title, module=module, status_id=status[StatusGroup(one.group)],
                    priority=one.priority, type=one.type, due_on=due, start_on=start,
                    estimate=one.estimate, owner_id=actor.member_id,
                )  # fmt: skip
                made[one.title] = task.id
                for title, group, day, days, *type_ in reversed(one.children):
                    due = workday(today, day)
                    made[title] = create_task(
                        actor=actor, title=title, parent_id=task.id, status_id=status[StatusGroup(group)], due_on=due,
                        start_on=_first_day(due, days), owner_id=actor.member_id, type=(type_ or ["task"])[0],
                    ).id  # fmt: skip
                if one.others:
                    set_people(task, MemberRole.COLLABORATOR, [people[name] for name in one.others], actor=actor)
                for line in one.items:
                    text, *whose = (line,) if isinstance(line, str) else line
                    _add_line(task.id, text, *whose, people=people, actor=actor)
            for before, after, kind, lag in LINKS:
                if before in made and after in made:
                    add_dependency(made[before], made[after], actor=actor, type=kind, lag=lag)
            for title in APPROVALS.keys() & made.keys():
                set_approvers(made[title], actor=actor, members=[people[name] for name in APPROVALS[title][0]])
            for title in SNOOZED.keys() & made.keys():
                snooze_task(made[title], today + dt.timedelta(days=SNOOZED[title]), actor=actor)
            take_baseline(actor=actor)
            for title in SLIPPED.keys() & made.keys():
                late = get_task(made[title])
                if late.due_on is not None:
                    update_task(late, actor=actor, due_on=workdays().add(late.due_on, SLIPPED[title]))
        _answer(made, domain, slug)


def _add_line(task_id: UUID, text: str, who: str = "", days: int = 0, *, people: dict[str, UUID], actor: Actor) -> None:
    due = workday(clock.today(actor.timezone), days) if who else None
    add_item(task_id, text, actor=actor, assignee_id=people[who] if who else None, due_on=due)


def _answer(made: dict[str, UUID], domain: str, slug: str) -> None:
    for title in APPROVALS.keys() & made.keys():
        for name, (decision, note) in APPROVALS[title][1].items():
            approver = member_actor(f"{name}@{domain}", slug)
            with uow(approver):
                decide(made[title], decision, actor=approver, note=note)


def workday(today: dt.date, days: int) -> dt.date:
    """A day from today, brought forward to a working day."""
    italy = workdays()
    return italy.day(italy.index(today + dt.timedelta(days=days + 1)) - 1)


def _first_day(due: dt.date | None, days: int) -> dt.date | None:
    return None if due is None or days == 1 else workdays().add(due, 1 - days)
