"""The demo: three organizations, their people, and the real CRM data set through the product's own import."""

from __future__ import annotations

from typing import Any

from flask import current_app
from sqlalchemy import select

from app.demo.load.aurora import load_aurora
from app.demo.load.automations import load_automations
from app.demo.load.bellombra import load_bellombra
from app.demo.load.custom_fields import load_custom_fields
from app.demo.load.history import load_history
from app.demo.load.intake import load_intake
from app.demo.load.members import member_actor
from app.demo.load.sla import let_wait, load_promises
from app.demo.load.talk import load_talk
from app.demo.load.tasks import load_tasks
from app.demo.load.templates import load_templates
from app.demo.load.workload import load_workloads
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import platform_uow, uow
from app.sales.models.accounts import Account
from app.sales.service.opportunities.editing import create_opportunity
from app.tenancy.cli import create_vendor_user
from app.tenancy.models import Organization, Role
from app.tenancy.service import organizations, roles
from app.tenancy.service.accounts.profile import create_user

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
    aurora = member_actor("admin@aurora.example", "officine-aurora")
    load_aurora(aurora, say)
    load_bellombra(member_actor("admin@bellombra.example", "cantina-bellombra"), say)
    _lumen(member_actor("admin@lumen.example", "studio-lumen"))
    load_history(say)
    load_promises(say)
    load_tasks(say)
    load_workloads(say)
    let_wait()
    load_templates(say)
    load_custom_fields(say)
    load_intake(say)
    load_talk(say)
    load_automations(say)


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
