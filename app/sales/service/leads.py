"""Leads and their conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.events.sales import LeadChanged, LeadConverted, LeadCreated
from app.kernel import audit, clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.outbox import emit
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.leads import Lead, LeadStatus
from app.sales.models.opportunities import Opportunity
from app.sales.service.opportunities.editing import create_opportunity

if TYPE_CHECKING:
    from app.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a converted lead became."""

    lead: Lead
    account: Account | None
    contact: Contact
    opportunity: Opportunity | None


def create_lead(*, actor: Actor, **values: Any) -> Lead:
    """Creates a lead; it starts as new unless another open status is given. Emits LeadCreated."""
    if values.get("status") == LeadStatus.CONVERTED:
        raise Invalid(errors={"status": [_("Use “Convert”.")]})
    lead = Lead(**{key: value for key, value in values.items() if value is not None})
    actor.require_on("write", "lead", lead)
    db.session.add(lead)
    db.session.flush()
    emit(LeadCreated(subject_id=lead.id, title=lead.name, owner_id=lead.owner_id))
    return lead


def update_lead(lead: Lead, *, actor: Actor, **values: Any) -> Lead:
    """Changes a lead; emits LeadChanged. A converted lead keeps its status; no lead becomes converted this way."""
    actor.require_on("write", "lead", lead)
    status = values.get("status")
    if status is not None and status != lead.status and LeadStatus.CONVERTED in (status, lead.status):
        raise Invalid(errors={"status": [_("Use “Convert”.")]})
    before = _facts(lead)
    for name, value in values.items():
        if name == "status" and value is None:
            continue
        setattr(lead, name, value)
    _note_changes(lead, before)
    return lead


def _facts(lead: Lead) -> dict[str, Any]:
    return {name: getattr(lead, name) for name in ("owner_id", "score", "source", "status")}


def _note_changes(lead: Lead, before: dict[str, Any]) -> None:
    changes = audit.differences(before, lead)
    if changes:
        emit(LeadChanged(subject_id=lead.id, title=lead.name, changes=changes))


def find_matches(lead: Lead) -> tuple[Account | None, Contact | None]:
    """The account and the contact that a lead most likely is: by e-mail, company name or e-mail domain."""
    contact = None
    if lead.email:
        contact = db.session.scalar(select(Contact).where(func.lower(Contact.email) == lead.email.lower()).limit(1))
    account = None
    if contact is not None and contact.account_id is not None:
        account = db.session.scalar(select(Account).where(Account.id == contact.account_id))
    if account is None and lead.company:
        account = db.session.scalar(
            select(Account).where(func.lower(Account.name) == lead.company.strip().lower()).limit(1)
        )
    if account is None and lead.email:
        domain = lead.email.rpartition("@")[2].lower()
        account = db.session.scalar(
            select(Account).where(Account.website.ilike(f"%{domain.replace('%', '').replace('_', '')}%")).limit(1)
        )
    return account, contact


def convert_lead(
    lead_id: UUID,
    *,
    actor: Actor,
    account_id: UUID | None = None,
    contact_id: UUID | None = None,
    opportunity_title: str | None = None,
    pipeline_id: UUID | None = None,
) -> Conversion:
    """Makes an account, a contact and (with a title) a deal of a lead; emits LeadConverted.

    An ``account_id`` or ``contact_id`` uses that record instead of a new one. Raises Conflict for a
    lead that is converted already.
    """
    lead = db.session.scalar(select(Lead).where(Lead.id == lead_id).with_for_update())
    if lead is None:
        raise NotFound
    actor.require_on("write", "lead", lead)
    actor.require("write", "contact")
    if lead.status == LeadStatus.CONVERTED:
        raise Conflict(_("This lead is converted already."))
    account: Account | None = None
    if account_id is not None:
        account = db.session.scalar(select(Account).where(Account.id == account_id))
        if account is None:
            raise Invalid(errors={"account": [_("This record does not exist.")]})
    elif lead.company:
        actor.require("write", "account")
        account = Account(name=lead.company, owner_id=lead.owner_id, phone=lead.phone)
        db.session.add(account)
        db.session.flush()
    if contact_id is not None:
        contact = db.session.scalar(select(Contact).where(Contact.id == contact_id))
        if contact is None:
            raise Invalid(errors={"contact": [_("This record does not exist.")]})
    else:
        contact = Contact(
            name=lead.name,
            email=lead.email,
            phone=lead.phone,
            owner_id=lead.owner_id,
            account_id=account.id if account else None,
        )
        db.session.add(contact)
    db.session.flush()
    deal = None
    if opportunity_title:
        deal = create_opportunity(
            actor=actor,
            title=opportunity_title,
            pipeline_id=pipeline_id,
            account_id=account.id if account else None,
            contact_id=contact.id,
            owner_id=lead.owner_id or actor.member_id,
            source=lead.source,
        )
    before = _facts(lead)
    lead.status, lead.converted_at = LeadStatus.CONVERTED, clock.now()
    lead.account_id = account.id if account else None
    lead.contact_id = contact.id
    lead.opportunity_id = deal.id if deal else None
    db.session.flush()
    _note_changes(lead, before)
    emit(
        LeadConverted(
            subject_id=lead.id,
            account_id=lead.account_id,
            contact_id=contact.id,
            opportunity_id=lead.opportunity_id,
        )
    )
    return Conversion(lead, account, contact, deal)
