"""Cantina Bellombra: a small cellar's deals."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from sqlalchemy import select

from app.demo.load.aurora import LEADS, moment
from app.demo.load.members import member_actor
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.models.accounts import Account
from app.sales.models.pipelines import LostReason
from app.sales.models.products import Product
from app.sales.queries import pipelines
from app.sales.service import activities, leads
from app.sales.service.opportunities.closing import lose_opportunity, win_opportunity
from app.sales.service.opportunities.editing import create_opportunity


def load_bellombra(actor: Actor, say: Any) -> None:
    """Adds wines, customers, deals and a few leads."""
    say("Demo: Cantina Bellombra …")
    chance = random.Random(11)  # noqa: S311
    sales = member_actor("sales@bellombra.example", "cantina-bellombra")
    today = clock.today()
    with uow(sales):
        stages = [one for one in pipelines.list_stages(pipelines.default_pipeline().id) if one.kind == "open"]
        reasons = list(db.session.scalars(select(LostReason.id).order_by(LostReason.position)))
    with uow(actor):
        for name, series, price in WINES:
            db.session.add(Product(name=name, series=series, price=price, unit="bott."))
    with uow(sales):
        made = []
        for index, (name, city, industry) in enumerate(CELLAR_ACCOUNTS):
            account = Account(
                name=name,
                city=city,
                industry=industry,
                country="Italia",
                owner_id=sales.member_id,
                lifecycle=("customer", "in_talks", "prospect")[index % 3],
            )
            db.session.add(account)
            made.append(account)
        db.session.flush()
        ids = [account.id for account in made]
    for index, title in enumerate(CELLAR_DEALS):
        with uow(sales):
            deal = create_opportunity(
                actor=sales,
                title=title,
                account_id=ids[index % len(ids)],
                owner_id=sales.member_id,
                stage_id=stages[index % len(stages)].id,
                amount=chance.choice([2400, 5800, 9600, 14500, 22000, 38000]),
                close_date=today + dt.timedelta(days=chance.randint(5, 90)),
                priority=chance.choice(["P0", "P1", "P2", "P3"]),
                opened_on=today - dt.timedelta(days=chance.randint(5, 70)),
            )
            deal_id = deal.id
        if index % 5 == 3:
            with uow(sales):
                win_opportunity(deal_id, actor=sales, won_on=today - dt.timedelta(days=chance.randint(0, 40)))
        elif index % 7 == 5:
            with uow(sales):
                lose_opportunity(deal_id, actor=sales, lost_reason_id=chance.choice(reasons))
        elif index % 3 != 1:
            with uow(sales):
                activities.create_activity(
                    actor=sales,
                    type="call",
                    title="Degustazione e listino",
                    opportunity_id=deal_id,
                    due_at=moment(sales, chance.randint(-2, 16), chance),
                    duration_min=45,
                )
    with uow(sales):
        for name, company, status, source, score in LEADS[:4]:
            leads.create_lead(
                actor=sales,
                name=name,
                company=f"Enoteca {company.split()[0]}",
                status=status,
                source=source,
                score=score,
                owner_id=sales.member_id,
            )


WINES = (
    ("Valpolicella Classico 2024", "Rossi", 11),
    ("Ripasso Superiore 2022", "Rossi", 18),
    ("Amarone 2020", "Rossi", 46),
    ("Recioto 2021", "Dolci", 32),
    ("Soave Classico 2024", "Bianchi", 10),
    ("Spumante Brut", "Bollicine", 15),
)


CELLAR_ACCOUNTS = (
    ("Ristorante Al Portico", "Verona", "Ristorazione"),
    ("Enoteca Sansovino", "Venezia", "Enoteca"),
    ("Hotel Belvedere", "Garda", "Hotellerie"),
    ("Distribuzione Adige", "Trento", "Distribuzione"),
    ("Osteria del Ponte", "Padova", "Ristorazione"),
    ("Gastronomia Lucchini", "Milano", "Gastronomia"),
    ("Trattoria da Nello", "Bologna", "Ristorazione"),
    ("Cash & Carry Est", "Treviso", "Distribuzione"),
)


CELLAR_DEALS = (
    "Carta dei vini 2027",
    "Fornitura primavera",
    "Cena con il produttore",
    "Esclusiva di zona",
    "Confezioni natalizie",
    "Corner degustazione",
    "Listino catering",
    "Rinnovo annuale",
    "Bancale Amarone",
    "Vini della casa",
    "Degustazione guidata",
    "Evento aziendale",
    "Selezione bollicine",
    "Ordine di prova",
    "Fornitura estate",
    "Magnum personalizzate",
    "Abbonamento mensile",
    "Progetto carta dolci",
)
