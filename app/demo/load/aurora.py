"""Officine Aurora: the CRM data set, and what it lacks."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.demo.load.imports import run_import
from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.opportunities import Opportunity
from app.sales.queries import pipelines
from app.sales.service import activities, leads
from app.sales.service.pipelines import save_stage
from app.saved_views import service as views
from app.tenancy.service import api_keys, members

DATA = Path(__file__).resolve().parents[1] / "data" / "crm-maven"


def load_aurora(actor: Actor, say: Any) -> None:
    """Imports the data set, with the stages called as its people call them."""
    with uow(actor):
        pipeline = pipelines.default_pipeline()
        names = {"Qualifica": ("Prospezione", 10, 5), "Analisi bisogni": ("Trattativa", 40, 2)}
        for stage in pipelines.list_stages(pipeline.id):
            if stage.name in names:
                name, probability, color = names[stage.name]
                save_stage(
                    pipeline.id,
                    stage.id,
                    actor=actor,
                    name=name,
                    probability=probability,
                    rot_days=stage.rot_days,
                    color=color,
                )
        stages = {one.name: one.id for one in pipelines.list_stages(pipeline.id)}
    run_import("people", DATA / "sales_teams.csv", actor, say=say)
    run_import("products", DATA / "products.csv", actor, say=say)
    run_import("accounts", DATA / "accounts.csv", actor, say=say)
    stage_of = {"Prospecting": "Prospezione", "Engaging": "Trattativa", "Won": "Vinta", "Lost": "Persa"}

    def decide(one: dict[str, Any]) -> dict[str, Any] | None:
        if one["target"] == "pipeline_stage":
            return {"action": "match", "id": str(stages[stage_of[one["text"]]])}
        return None

    run_import("opportunities", DATA / "sales_pipeline.csv", actor, decide=decide, say=say)
    sales = member_actor("sales@aurora.example", "officine-aurora")
    _add_life(actor, sales)


# Days from today on which something is planned; (type, title, minutes) of what.
DAYS = (-3, -1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 10, 11, 12, 13, 14, 17, 18, 19, 21, 24, 26)
PLANNED = (
    ("call", "Richiamare per l'offerta", 30),
    ("email", "Inviare la scheda tecnica", 15),
    ("meeting", "Demo in stabilimento", 120),
    ("call", "Verificare il budget", 30),
    ("task", "Fissare il sopralluogo", 30),
    ("meeting", "Revisione del contratto", 60),
)
PAST = (
    ("meeting", "Sopralluogo tecnico", 120),
    ("call", "Primo contatto", 30),
    ("meeting", "Presentazione dell'offerta", 90),
    ("call", "Chiarimenti sui tempi di consegna", 30),
)


def moment(actor: Actor, days: int, chance: random.Random) -> dt.datetime:
    """A time of a working day about ``days`` from today, on the hour or the half."""
    zone = ZoneInfo(actor.timezone)
    day = clock.today(actor.timezone) + dt.timedelta(days=days)
    if day.weekday() > 4:
        day += dt.timedelta(days=7 - day.weekday() if days >= 0 else 4 - day.weekday())
    return dt.datetime.combine(
        day, dt.time(chance.choice([9, 10, 11, 12, 14, 15, 16, 17]), chance.choice([0, 30])), zone
    )


def _add_life(admin: Actor, sales: Actor) -> None:
    """What the data set lacks: contacts, leads, planned activities, a team, two saved views."""
    chance = random.Random(7)  # noqa: S311 - a demo, the same every time
    with uow(admin):
        accounts_found = db.session.scalars(select(Account).order_by(Account.name).limit(24)).all()
        for index, (account, name) in enumerate(zip(accounts_found, CONTACTS, strict=False)):
            db.session.add(
                Contact(
                    name=name,
                    account_id=account.id,
                    owner_id=sales.member_id,
                    job_title=("Acquisti", "Direzione", "Produzione", "Qualità")[index % 4],
                    email=_address(name, account.name),
                )
            )
        # A read-only key to look at; nobody has its secret, rotating it gives one.
        api_keys.create_key("Gestionale ERP", actor=admin, scopes=[api_keys.READ_ONLY])
        team = members.save_team(None, actor=admin, name="Vendite Nord", manager_id=admin.member_id)
        assert sales.member_id is not None
        members.update_member(sales.member_id, actor=admin, title="Vendite Nord", team_id=team.id)
        deals = db.session.scalars(
            select(Opportunity).where(Opportunity.stage_kind == "open").order_by(Opportunity.rank).limit(60)
        ).all()
        for deal in deals[:24]:
            deal.owner_id = sales.member_id
            deal.priority = chance.choice(["P0", "P1", "P2", "P2", "P3"])
        for index, deal in enumerate(deals):
            if index % 4 == 3:
                continue
            kind, title, minutes = chance.choice(PLANNED)
            activities.create_activity(
                actor=admin,
                type=kind,
                title=title,
                due_at=moment(admin, chance.choice(DAYS), chance),
                duration_min=minutes,
                opportunity_id=deal.id,
                account_id=deal.account_id,
                owner_id=deal.owner_id,
            )
        for index, deal in enumerate(deals[:14]):
            kind, title, minutes = PAST[index % len(PAST)]
            then = moment(admin, -2 - 2 * index, chance)
            activities.create_activity(
                actor=admin, type=kind, title=title, due_at=then, done_at=then, duration_min=minutes,
                opportunity_id=deal.id, account_id=deal.account_id, owner_id=deal.owner_id,
            )  # fmt: skip
    with uow(sales):
        for name, company, status, source, score in LEADS:
            leads.create_lead(
                actor=sales,
                name=name,
                company=company,
                status=status,
                source=source,
                score=score,
                email=f"{name.lower().replace(' ', '.')}@{company.lower().split()[0]}.example",
                owner_id=sales.member_id,
            )
        views.save_view(
            OPPORTUNITIES,
            {
                "leaves": [
                    {"field": "owner", "operator": "in", "value": ["me"]},
                    {"field": "stage_kind", "operator": "in", "value": ["open"]},
                ],
                "sort": "-amount",
            },
            actor=sales,
            name="Le mie aperte",
        )
    with uow(admin):
        views.save_view(
            ACCOUNTS,
            {"leaves": [{"field": "open_deals", "operator": "gt", "value": ["20"]}], "sort": "-open_value"},
            actor=admin,
            name="Più trattative aperte",
            visibility="shared",
        )


def _address(person: str, company: str) -> str:
    domain = "".join(one for one in company.lower() if one.isalnum())[:20]
    return f"{person.lower().replace(' ', '.')}@{domain}.example"


CONTACTS = (
    "Rita Sandri",
    "Gino Morandi",
    "Paolo Tessari",
    "Noemi Sorrenti",
    "Ivo Gandini",
    "Carla Fusi",
    "Dario Lenzi",
    "Marta Olivo",
    "Sergio Bassi",
    "Laura Fabbri",
    "Enrico Valli",
    "Silvia Conte",
    "Franco Reggiani",
    "Alice Moro",
    "Bruno Salis",
    "Teresa Pace",
    "Guido Serra",
    "Nadia Villa",
    "Oscar Neri",
    "Piera Donati",
    "Renzo Galli",
    "Sabrina Riva",
    "Ugo Farina",
    "Vera Lodi",
)


LEADS = (
    ("Stefano Brera", "Meccanica Brera", "new", "Fiera Meccanica", 72),
    ("Lucia Dorigo", "Dorigo Impianti", "working", "Sito web", 58),
    ("Matteo Sala", "Sala Packaging", "nurturing", "Newsletter", 35),
    ("Giorgia Leoni", "Leoni Automazione", "qualified", "Passaparola", 88),
    ("Fabio Testa", "Testa Stampi", "new", "Sito web", 41),
    ("Ilaria Monti", "Monti Food", "disqualified", "Telefono", 12),
)
