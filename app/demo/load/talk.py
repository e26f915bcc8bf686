"""What people of the demo wrote about tasks and deals, and which records belong together."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any, NamedTuple

from PIL import Image, ImageDraw
from sqlalchemy import select

from app.collaboration.service.attachments import upload
from app.collaboration.service.comments import add_comment, react, resolve_thread
from app.collaboration.service.links import link_records
from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.models.opportunities import Opportunity
from app.tasks.models.tasks import Task


class Said(NamedTuple):
    """A comment of the demo: who, how many hours ago, what; answers, reactions by ``who``."""

    who: str
    hours: float
    text: str
    answers: tuple[Said, ...] = ()
    reactions: tuple[tuple[str, str], ...] = ()
    internal: bool = False
    resolved: bool = False
    picture: str = ""


# By the title of the task.
TASKS = {
    "Lancio campagna “Assistenza programmata”": (
        Said(
            "marketing",
            96,
            "Ho fissato il perimetro con la direzione:\n\n1. **pubblico**: clienti con impianti oltre i 5 anni\n"
            "2. **canali**: email, LinkedIn, telefonate di Marco\n3. **budget**: 4.800 €\n\n"
            "@Marco Tiraboschi ti torna?",
            answers=(
                Said("sales", 92, "Sì. Per le telefonate mi serve la lista entro mercoledì."),
                Said("marketing", 91, "Mercoledì mattina è tua.", reactions=(("sales", "👍"),)),
            ),
            resolved=True,
        ),
        Said(
            "marketing",
            22,
            "Bozza dell’email 1 pronta, @Giulia Ferrante la guardi entro domani?",
            answers=(Said("admin", 20, "Letta: taglierei il secondo paragrafo, poi per me va."),),
            reactions=(("admin", "❤️"), ("sales", "👀")),
            picture="email-1-bozza.png",
        ),
        Said(
            "sales",
            18,
            "Ho sentito i primi dieci clienti: sette aspettano l’email. @Anna Beltrami quando parte?",
        ),
        Said("marketing", 16, "Parte appena l’oggetto è approvato, la lista è già caricata."),
        Said("sales", 6, "@Giulia Ferrante lo sconto del primo anno resta nel testo o lo togliamo?"),
        Said("admin", 19, "Se il budget non basta ne parliamo a dicembre, senza dirlo in giro.", internal=True),
    ),
    "Rivedere testi landing “Fine linea 4.0”": (
        Said("admin", 30, "Nel titolo c’è ancora il vecchio nome della linea, @Anna Beltrami."),
    ),
    "Preparare demo per Molino Santacroce": (
        Said(
            "sales",
            27,
            "Vengono in tre: direttore di stabilimento, manutenzione, acquisti. @Anna Beltrami hai le slide del caso "
            "*Molino Priuli*?",
            answers=(
                Said("marketing", 25, "Sono in condivisione, versione inglese compresa.", reactions=(("sales", "🙏"),)),
            ),
        ),
    ),
    "Campagna Natale: cesti aziendali": (
        Said(
            "marketing",
            40,
            "Foto dei cesti arrivate, ne mancano due. @Elisa Bellombra tu quali preferisci in apertura?",
        ),
        Said("admin", 37, "La cassetta di legno, e il prezzo ben visibile.", reactions=(("marketing", "✅"),)),
    ),
}
PLACES = (
    ("officine-aurora", "aurora.example", ("admin", "marketing", "sales")),
    ("cantina-bellombra", "bellombra.example", ("admin", "marketing", "sales")),
)
DEAL = (
    Said(
        "sales",
        50,
        "Sentito l’ufficio acquisti: vogliono il **service triennale** compreso e pagamento a 60 giorni.",
        answers=(Said("admin", 48, "Sul service ci siamo. A 60 giorni solo con un acconto del 30%."),),
    ),
    Said(
        "sales",
        6,
        "@Giulia Ferrante offerta rivista inviata, risposta attesa per lunedì.",
        reactions=(("admin", "🤞"),),
    ),
)


def load_talk(say: Any) -> None:
    """Adds comments, reactions, files and links, by the product's own verbs."""
    say("Demo: comments and links …")
    for slug, domain, names in PLACES:
        actors = {name: member_actor(f"{name}@{domain}", slug) for name in names}
        with uow(actors["admin"]):
            tasks = dict(db.session.execute(select(Task.title, Task.id)).all())
            deals = list(
                db.session.scalars(
                    select(Opportunity)
                    .where(Opportunity.stage_kind == "open", Opportunity.owner_id == actors["sales"].member_id)
                    .order_by(Opportunity.amount.desc().nulls_last(), Opportunity.id)
                    .limit(3)
                )
            )
        for title, said in TASKS.items():
            if title in tasks:
                for one in said:
                    _say(actors, "task", tasks[title], one)
        if deals and slug == "officine-aurora":
            for one in DEAL:
                _say(actors, "opportunity", deals[0].id, one)
        titles = [one for one in (*TASKS, "Listino HoReCa 2027") if one in tasks]
        with uow(actors["admin"]):
            for title, deal in zip(titles, deals, strict=False):
                link_records("task", tasks[title], "opportunity", deal.id, actor=actors["admin"])


def _say(actors: dict[str, Any], kind: str, record_id: Any, said: Said, parent: Any = None) -> None:
    actor = actors[said.who]
    with uow(actor):
        files = [upload(kind, record_id, said.picture, _picture(), actor=actor).id] if said.picture else []
        comment = add_comment(
            kind, record_id, said.text, actor=actor, parent_id=parent, internal=said.internal, attachment_ids=files
        )
        comment.created_at = clock.now() - dt.timedelta(hours=said.hours)
        comment_id = comment.id
    for who, emoji in said.reactions:
        with uow(actors[who]):
            react(comment_id, emoji, actor=actors[who])
    for answer in said.answers:
        _say(actors, kind, record_id, answer, comment_id)
    if said.resolved:
        with uow(actor):
            resolve_thread(comment_id, actor=actor, resolved=True)


def _picture() -> bytes:
    """A sketch of a newsletter."""
    image = Image.new("RGB", (900, 560), "#f6f2f6")
    draw = ImageDraw.Draw(image)
    draw.rectangle((150, 40, 750, 560), fill="#ffffff")
    draw.rectangle((150, 40, 750, 150), fill="#390035")
    draw.rectangle((190, 190, 560, 220), fill="#201520")
    for line in range(5):
        draw.rectangle((190, 250 + line * 32, 710 - (line % 3) * 60, 262 + line * 32), fill="#cfc4cf")
    draw.rounded_rectangle((190, 430, 400, 486), 12, fill="#901d6b")
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()
