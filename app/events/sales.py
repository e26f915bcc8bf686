"""Events of the sales pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, kw_only=True)
class OpportunityCreated(Event):
    """A deal entered the pipeline."""

    name: ClassVar[str] = "sales.opportunity_created"
    subject_kind: ClassVar[str] = "opportunity"
    title: str
    owner_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class OpportunityAssigned(Event):
    """A deal got another owner."""

    name: ClassVar[str] = "sales.opportunity_assigned"
    subject_kind: ClassVar[str] = "opportunity"
    title: str
    owner_id: UUID | None
    previous_owner_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class OpportunityChanged(Event):
    """Columns of a deal other than its stage changed; ``changes`` maps each to ``[old, new]``."""

    name: ClassVar[str] = "sales.opportunity_changed"
    subject_kind: ClassVar[str] = "opportunity"
    title: str
    changes: dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class OpportunityStageChanged(Event):
    """A deal moved to another stage of its pipeline."""

    name: ClassVar[str] = "sales.opportunity_stage_changed"
    subject_kind: ClassVar[str] = "opportunity"
    title: str
    owner_id: UUID | None
    from_stage: str
    to_stage: str
    from_stage_id: UUID | None = None
    to_stage_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class OpportunityWon(Event):
    """A deal was won. ``amount`` in ``currency``, net of VAT."""

    name: ClassVar[str] = "sales.opportunity_won"
    subject_kind: ClassVar[str] = "opportunity"
    title: str
    owner_id: UUID | None
    account_id: UUID | None
    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class OpportunityLost(Event):
    """A deal was lost, with its reason."""

    name: ClassVar[str] = "sales.opportunity_lost"
    subject_kind: ClassVar[str] = "opportunity"
    title: str
    owner_id: UUID | None
    amount: Decimal
    currency: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LeadCreated(Event):
    """Somebody who may become a customer was written down."""

    name: ClassVar[str] = "sales.lead_created"
    subject_kind: ClassVar[str] = "lead"
    title: str
    owner_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class LeadChanged(Event):
    """Columns of a lead changed; ``changes`` maps each to ``[old, new]``."""

    name: ClassVar[str] = "sales.lead_changed"
    subject_kind: ClassVar[str] = "lead"
    title: str
    changes: dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class LeadConverted(Event):
    """A lead became an account, a contact and perhaps a deal."""

    name: ClassVar[str] = "sales.lead_converted"
    subject_kind: ClassVar[str] = "lead"
    account_id: UUID | None
    contact_id: UUID
    opportunity_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class ImportFinished(Event):
    """An import came to its end."""

    name: ClassVar[str] = "sales.import_finished"
    subject_kind: ClassVar[str] = "import"
    entity: str
    filename: str
    owner_id: UUID | None
    created: int
    failed: int
