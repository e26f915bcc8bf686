"""Fields of the demo organizations' own, with values on part of their tasks."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select

from app.custom_fields.service import ChoiceInput, create_field
from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.crud.fields import clean
from app.kernel.crud.store import change
from app.kernel.db import db
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.cruds import TASKS
from app.tasks.models.tasks import Task


class Own(NamedTuple):
    """A field: its label, its type, its choices, the line that explains it."""

    label: str
    type: str
    choices: tuple[str, ...] = ()
    help: str = ""


AURORA = (
    Own("Canale", "select", ("Fiera", "Sito", "LinkedIn", "E-mail", "Stampa")),
    Own("Budget stimato", "money", help="IVA esclusa, compresi i fornitori."),
    Own("Link al materiale", "url", help="La cartella condivisa con i file di lavoro."),
    Own("Lingue", "multi", ("Italiano", "Inglese", "Tedesco", "Francese")),
)
# By the keys that the labels give; a number for a date is in working days from today.
AURORA_VALUES: dict[str, dict[str, Any]] = {
    "Rivedere testi landing “Fine linea 4.0”": {
        "canale": "Sito", "link_al_materiale": "https://cartelle.example.com/landing", "lingue": "Italiano,Inglese",
    },
    "Scelta fotografie catalogo 2027": {
        "canale": "Stampa", "budget_stimato": 1800, "link_al_materiale": "https://cartelle.example.com/catalogo-2027/foto",
    },
    "Lancio campagna “Assistenza programmata”": {
        "canale": "E-mail", "budget_stimato": 6500, "link_al_materiale": "https://cartelle.example.com/assistenza",
        "lingue": "Italiano",
    },
    "Calendario editoriale di dicembre": {"canale": "LinkedIn", "lingue": "Italiano,Inglese"},
    "Sondaggio soddisfazione clienti 2026": {"canale": "E-mail", "budget_stimato": 450, "lingue": "Italiano"},
    "Riprese video in stabilimento": {
        "canale": "Sito", "budget_stimato": "3850,50", "link_al_materiale": "https://cartelle.example.com/video/scaletta",
    },
    "Impaginazione catalogo 2027": {
        "canale": "Stampa", "budget_stimato": 4200, "lingue": "Italiano,Inglese,Tedesco",
        "link_al_materiale": "https://cartelle.example.com/catalogo-2027",
    },
    "Testo sponsor per la fiera": {"canale": "Fiera", "lingue": "Italiano,Tedesco"},
    "Landing prova gratuita sensori": {"canale": "Sito", "budget_stimato": 900},
    "Fiera di Parma: apertura stand": {"canale": "Fiera", "budget_stimato": 14500},
    "Richiamare i contatti raccolti in fiera": {"canale": "Fiera"},
    "Qualificare i lead del webinar": {"canale": "LinkedIn"},
}  # fmt: skip
BELLOMBRA = (
    Own("Vino", "select", ("Riserva 2023", "Rosato", "Spumante", "Passito")),
    Own("Bottiglie", "number"),
    Own("Spedizione entro", "date", help="Quando parte dalla cantina."),
    Own("Referente in cantina", "user"),
    Own("Note per la tipografia", "text"),
)
BELLOMBRA_VALUES: dict[str, dict[str, Any]] = {
    "Etichetta della riserva 2023": {
        "vino": "Riserva 2023", "bottiglie": 6000, "note_per_la_tipografia": "Carta vergata, lamina oro a caldo",
    },
    "Campagna Natale: cesti aziendali": {"vino": "Spumante", "bottiglie": 1200, "spedizione_entro": 8},
    "Campioni per l’importatore di Monaco": {"vino": "Riserva 2023", "bottiglie": 12, "spedizione_entro": 2},
    "Serata di degustazione: invito": {"vino": "Passito", "bottiglie": 36},
    "Listino HoReCa 2027": {"spedizione_entro": 15},
}  # fmt: skip
PLAN = (
    ("officine-aurora", "admin@aurora.example", AURORA, AURORA_VALUES),
    ("cantina-bellombra", "admin@bellombra.example", BELLOMBRA, BELLOMBRA_VALUES),
)


def load_custom_fields(say: Any) -> None:
    """Adds the fields and the values, by the product's own verbs."""
    say("Demo: custom fields …")
    for slug, email, fields, values in PLAN:
        actor = member_actor(email, slug)
        with uow(actor):
            for one in fields:
                create_field(
                    "task", one.label, one.type, actor=actor, help=one.help,
                    choices=[ChoiceInput(label) for label in one.choices],
                )  # fmt: skip
        with uow(actor):
            today = clock.today(actor.timezone)
            tasks = db.session.execute(select(Task.title, Task.id, Task.owner_id).where(Task.title.in_(values))).all()
            for title, task_id, owner_id in tasks:
                given = dict(values[title])
                if "spedizione_entro" in given:
                    given["spedizione_entro"] = workdays().add(today, given["spedizione_entro"])
                if "bottiglie" in given:
                    given["referente_in_cantina"] = owner_id
                raw = {f"custom_{key}": value for key, value in given.items()}
                change(TASKS, task_id, clean(TASKS.writable, raw, partial=True), actor=actor, version=None)
