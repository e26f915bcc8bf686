"""The demo: three organizations, their people, and the real CRM data set through the product's own import."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import select

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import platform_uow, uow
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.imports import running
from app.sales.imports import service as imports
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import LostReason
from app.sales.models.products import Product
from app.sales.queries import pipelines
from app.sales.service import activities, leads
from app.sales.service.opportunities.closing import lose_opportunity, win_opportunity
from app.sales.service.opportunities.editing import create_opportunity
from app.sales.service.pipelines import save_stage
from app.saved_views import service as views
from app.tenancy import queries as tenancy
from app.tenancy.cli import create_vendor_user
from app.tenancy.models import Organization, Role
from app.tenancy.security.identity.jobs import load_member_actor
from app.tenancy.service import api_keys, members, organizations, roles
from app.tenancy.service.accounts.profile import create_user

DATA = Path(__file__).resolve().parent / "data" / "crm-maven"

PEOPLE = {
    "officine-aurora": [
        ("admin@aurora.example", "Giulia", "Ferrante", roles.ORG_ADMIN, "Direzione generale"),
        ("marketing@aurora.example", "Anna", "Beltrami", roles.MARKETING_MANAGER, "Marketing"),
        ("sales@aurora.example", "Marco", "Tiraboschi", roles.SALES_REP, "Vendite Nord"),
        ("viewer@aurora.example", "Luca", "Perego", roles.VIEWER, "Controllo di gestione"),
    ],
    "cantina-bellombra": [
        ("admin@bellombra.example", "Elisa", "Bellombra", roles.ORG_ADMIN, "Direzione"),
        ("marketing@bellombra.example", "Tommaso", "Zanella", roles.MARKETING_MANAGER, "Marketing"),
        ("sales@bellombra.example", "Chiara", "Pasqual", roles.SALES_REP, "Vendite HoReCa"),
    ],
    "studio-lumen": [("admin@lumen.example", "Irene", "Costa", roles.ORG_ADMIN, "Fotografa")],
}
ORGANIZATIONS = {
    "officine-aurora": ("Officine Aurora S.r.l.", "Crescita", 12, "active"),
    "cantina-bellombra": ("Cantina Bellombra", "Crescita", 10, "active"),
    "studio-lumen": ("Studio Lumen", "Prova", 3, "trial"),
}


def is_loaded() -> bool:
    """Whether the demo is there already."""
    with platform_uow("vendor"):
        return db.session.scalar(select(Organization.id).where(Organization.slug == "officine-aurora")) is not None


def load(say: Any = print) -> None:
    """Loads everything. Call once, on an empty database."""
    password = current_app.config["DEMO_PASSWORD"]
    say("Demo: organizations and people …")
    with platform_uow("vendor"):
        for slug, (name, plan, seats, status) in ORGANIZATIONS.items():
            made = None
            for email, first, last, role, title in PEOPLE[slug]:
                user = create_user(email=email, first_name=first, last_name=last, password=password)
                if made is None:
                    made = organizations.create_organization(name, slug=slug, plan=plan, seats=seats, status=status)
                    ids = {
                        one.name: one.id
                        for one in db.session.scalars(select(Role).where(Role.organization_id == made.id))
                    }
                organizations.join(made, user, [ids[role]], title=title)
        consultant = create_user(
            email="consulente@example.com", first_name="Paola", last_name="Marchetti", password=password
        )
        for slug, role in (("officine-aurora", roles.MARKETING_MANAGER), ("cantina-bellombra", roles.SALES_REP)):
            organization = db.session.scalar(select(Organization).where(Organization.slug == slug))
            role_id = db.session.scalar(
                select(Role.id).where(Role.organization_id == organization.id, Role.name == role)
            )
            organizations.join(organization, consultant, [role_id], title="Consulente")
        for email, first, last, role in (
            ("vendor@stratikey.example", "Valeria", "Neri", "Super Admin"),
            ("agent@stratikey.example", "Andrea", "Greco", "Support Agent"),
            ("agent2@stratikey.example", "Sofia", "Rinaldi", "Support Agent"),
        ):
            create_vendor_user(email, first, last, password, role)
    aurora = _actor("admin@aurora.example", "officine-aurora")
    _aurora(aurora, say)
    _bellombra(_actor("admin@bellombra.example", "cantina-bellombra"), say)
    _lumen(_actor("admin@lumen.example", "studio-lumen"))


def _actor(email: str, slug: str) -> Actor:
    with platform_uow("vendor"):
        user = tenancy.find_user(email)
        assert user is not None
        found = next(one for one in tenancy.organizations_of(user.id) if one.slug == slug)
    return load_member_actor(found.id, found.member_id)


def run_import(entity: str, path: Path, actor: Actor, *, decide: Any = None, say: Any = print) -> UUID:
    """One file through the import: upload, check, decisions on unknown names, run."""
    with uow(actor), path.open("rb") as stream:
        job = imports.upload(entity, path.name, stream, actor=actor)
        job_id = job.id
    empty: dict[str, Any] = {"settings": {}, "reading": {}}
    with uow(actor):
        job = imports.get_import(job_id)
        job = imports.configure(job_id, actor=actor, mapping=dict(job.mapping), matches={}, **empty)
        unmatched = job.check["unmatched"]
    if unmatched:
        matches: dict[str, dict[str, Any]] = {}
        for one in unmatched:
            decision = decide(one) if decide else None
            if decision is None and one["suggestion"]:
                decision = {"action": "match", "id": one["suggestion"]["id"]}
            matches.setdefault(one["field"], {})[one["text"]] = decision or {"action": "create"}
        with uow(actor):
            job = imports.get_import(job_id)
            imports.configure(job_id, actor=actor, mapping=dict(job.mapping), matches=matches, **empty)
    with uow(actor):
        job = imports.get_import(job_id)
        job.status = "queued"
        total = job.total
    running.run_import(str(job_id), actor=actor)
    with uow(actor):
        job = imports.get_import(job_id)
        say(f"Demo: {path.name}: {job.created_count} of {total} lines imported, {job.failed_count} refused")
    return job_id


def _aurora(actor: Actor, say: Any) -> None:
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
    sales = _actor("sales@aurora.example", "officine-aurora")
    _aurora_life(actor, sales)


def _aurora_life(admin: Actor, sales: Actor) -> None:
    """What the data set lacks: contacts, leads, planned activities, a team, two saved views."""
    chance = random.Random(7)  # noqa: S311 - a demo, the same every time
    now = clock.now()
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
            days = chance.choice([-3, -1, 0, 0, 1, 2, 4, 6, 9])
            activities.create_activity(
                actor=admin,
                type=chance.choice(["call", "email", "meeting", "task"]),
                title=chance.choice(
                    [
                        "Richiamare per l'offerta",
                        "Inviare la scheda tecnica",
                        "Demo in stabilimento",
                        "Verificare il budget",
                        "Fissare il sopralluogo",
                    ]
                ),
                due_at=(now + dt.timedelta(days=days)).replace(
                    hour=chance.choice([9, 11, 14, 16]), minute=0, second=0, microsecond=0
                ),
                opportunity_id=deal.id,
                account_id=deal.account_id,
                owner_id=deal.owner_id,
            )
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
            shared=False,
        )
    with uow(admin):
        views.save_view(
            ACCOUNTS,
            {"leaves": [{"field": "open_deals", "operator": "gt", "value": ["20"]}], "sort": "-open_value"},
            actor=admin,
            name="Più trattative aperte",
            shared=True,
        )


def _address(person: str, company: str) -> str:
    domain = "".join(one for one in company.lower() if one.isalnum())[:20]
    return f"{person.lower().replace(' ', '.')}@{domain}.example"


def _bellombra(actor: Actor, say: Any) -> None:
    say("Demo: Cantina Bellombra …")
    chance = random.Random(11)  # noqa: S311
    sales = _actor("sales@bellombra.example", "cantina-bellombra")
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
                    due_at=clock.now() + dt.timedelta(days=chance.randint(-2, 8)),
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


def _lumen(actor: Actor) -> None:
    with uow(actor):
        account = Account(name="Atelier Verdi", city="Trento", country="Italia", owner_id=actor.member_id)
        db.session.add(account)
        db.session.flush()
        create_opportunity(
            actor=actor,
            title="Servizio fotografico catalogo 2027",
            account_id=account.id,
            amount=3200,
            owner_id=actor.member_id,
        )


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
