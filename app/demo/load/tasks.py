"""A month of work: tasks of marketing and sales, with their people, sub-tasks and check-lists."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from sqlalchemy import select

from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.db import db
from app.kernel.uow import uow
from app.tasks.models import MemberRole, StatusGroup
from app.tasks.queries.tasks import first_status
from app.tasks.service.tasks import add_item, create_task, set_people
from app.tenancy.models import Membership


class Work(NamedTuple):
    """A task of the demo; ``due`` in days from today, ``estimate`` in minutes, ``days`` that it takes."""

    title: str
    group: str
    priority: str
    due: int | None
    estimate: int | None = None
    children: tuple[tuple[str, str, int], ...] = ()
    items: tuple[str, ...] = ()
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
        7,
        900,
        children=(
            ("Definire pubblico e canali", "done", -8),
            ("Budget e tracciamento UTM", "done", -7),
            ("Testi email e sequenza di 3 invii", "in_progress", -1),
            ("Creatività per LinkedIn e Meta", "backlog", 1),
            ("Pubblicazione", "backlog", 7),
        ),
        others=("sales", "admin"),
    ),
    Work("Caricare il brief per il video in stabilimento", "in_progress", "P2", -4, 60),
    Work("Calendario editoriale di dicembre", "approved", "P1", 0, 120),
    Work(
        "Sondaggio soddisfazione clienti 2026",
        "backlog",
        "P2",
        13,
        360,
        items=("Elenco dei clienti attivi", "Domande", "Testo dell’invito", "Raccolta delle risposte"),
    ),
    Work("Piano editoriale gennaio", "backlog", "P2", None, 240),
    Work("Scegliere la tipografia del catalogo", "backlog", "P3", None, 60),
    Work("Nuove foto del centro assistenza", "backlog", "P2", None, 180),
    Work("Riprese video in stabilimento", "approved", "P1", 5, 960, days=2, others=("sales",)),
    Work("Impaginazione catalogo 2027", "backlog", "P2", 19, 1440, days=5),
    Work("Verifica consensi newsletter", "backlog", "P3", 21, 90),
    Work("Testo sponsor per la fiera", "backlog", "P2", 14, 60),
    Work("Landing prova gratuita sensori", "in_progress", "P2", 3, 480),
    Work("Report ottobre campagne", "done", "P3", -11, 120),
    Work("Post LinkedIn: nuovo centro assistenza", "done", "P2", -14, 45),
    Work("Shooting officina: liberatorie", "done", "P1", -18, 90),
    Work("Fiera di Parma: apertura stand", "backlog", "P1", 26, None, type="milestone"),
    Work("Approvare il preventivo della tipografia", "in_review", "P1", 1, 30, type="approval"),
)
SALES = (
    Work("Preparare demo per Molino Santacroce", "in_review", "P1", 0, 240, others=("marketing",)),
    Work("Inviare offerta aggiornata a Tessitura Valmora", "in_progress", "P0", -7, 120),
    Work("Aggiornare listino ricambi", "in_progress", "P3", 12, 480),
    Work("Condizioni di pagamento Bellombra", "in_progress", "P1", -1, 60),
    Work("Scheda tecnica osmosi 12 m³/h", "in_review", "P2", -2, 180),
    Work("Bozza contratto Acciaierie Ponteverde", "approved", "P1", 0, 150),
    Work(
        "Richiamare i contatti raccolti in fiera",
        "backlog",
        "P1",
        4,
        300,
        items=("Lista pulita", "Prime dieci chiamate"),
    ),
    Work("Sopralluogo Cantina Bellombra", "done", "P1", -14, 240),
    Work("Qualificare i lead del webinar", "backlog", "P2", 6, 180),
    Work("Revisione della pipeline di fine mese", "backlog", "P2", 3, 60),
    Work("Offerta manutenzione triennale", "done", "P2", -9, 200),
    Work("Ricontattare Birrificio Dolomia", "backlog", "P2", None, 30),
    Work("Rivedere il modello delle offerte", "backlog", "P3", None, 240),
    Work("Formazione sul nuovo listino", "backlog", "P2", 17, 960, days=3),
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
            ("Fotografie dei cesti", "done", -5),
            ("Pagina con il modulo d’ordine", "in_progress", 1),
            ("Invio ai clienti dell’anno scorso", "backlog", 3),
        ),
    ),
    Work("Newsletter di dicembre", "backlog", "P2", 6, 120),
    Work("Serata di degustazione: invito", "approved", "P2", 4, 60),
    Work("Schede tecniche in inglese", "done", "P2", -10, 240),
    Work("Biglietti d’auguri per i clienti", "backlog", "P3", None, 90),
    Work("Vinitaly: prenotare lo stand", "backlog", "P1", None, 60),
    Work("Fiera del vino artigiano", "approved", "P1", 15, None, days=3),
    Work("Video della vendemmia: montaggio", "in_progress", "P2", -3, 480),
)
CELLAR_SALES = (
    Work("Campioni per l’importatore di Monaco", "in_progress", "P1", -2, 60),
    Work("Listino HoReCa 2027", "in_review", "P1", 5, 180),
    Work("Richiamare i ristoranti del lago", "backlog", "P2", 8, 240),
    Work("Contratto annuale enoteca Dal Pozzo", "done", "P1", -12, 90),
)
STUDIO = (
    Work("Preventivo servizio fotografico Officine Aurora", "in_progress", "P1", 1, 60),
    Work("Aggiornare il portfolio del sito", "backlog", "P2", 10, 300),
    Work("Servizio fotografico in cantina", "approved", "P1", 6, 960, days=2),
    Work("Selezione e ritocco delle foto", "backlog", "P2", 12, 720, days=3),
    Work("Consegna delle immagini", "backlog", "P1", 14, None, type="milestone"),
    Work("Fatture di novembre", "in_progress", "P0", 3, 90),
    Work("Manutenzione delle luci", "backlog", "P3", None, 120),
    Work("Nuovo fondale per lo studio", "backlog", "P3", None),
    Work("Rinnovo assicurazione attrezzatura", "done", "P1", -6, 30),
)
PLAN = (
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
            for one in reversed(work):
                due = None if one.due is None else today + dt.timedelta(days=one.due)
                length = 6 if one.children else one.days - 1
                start = due - dt.timedelta(days=length) if due and length else None
                task = create_task(
                    actor=actor, title=one.title, module=module, status_id=status[StatusGroup(one.group)],
                    priority=one.priority, type=one.type, due_on=due, start_on=start, estimate=one.estimate,
                    owner_id=actor.member_id,
                )  # fmt: skip
                for title, group, day in reversed(one.children):
                    create_task(
                        actor=actor, title=title, parent_id=task.id, status_id=status[StatusGroup(group)],
                        due_on=today + dt.timedelta(days=day), owner_id=actor.member_id,
                    )  # fmt: skip
                for line in one.items:
                    add_item(task.id, line, actor=actor)
                if one.others:
                    set_people(task, MemberRole.COLLABORATOR, [people[name] for name in one.others], actor=actor)
