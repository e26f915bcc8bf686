"""Proposals for a task: what the providers know and, where the organization allows it, what the AI service says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _
from app.kernel.uow import end_reading
from app.tasks.assist.history import from_history, get_subject
from app.tasks.assist.proposals import MAX_LINES, MAX_SOURCES, Kind, Proposal, Subject, spread_of, without_known
from app.tasks.assist.redacting import redact, redact_start
from app.tasks.assist.remote import ServiceFailed, ask
from app.tenancy.queries import current_organization, list_owners

if TYPE_CHECKING:
    from uuid import UUID

    from app.tasks.assist.proposals import Provider
    from app.tasks.assist.remote import Service

# Asked in this order; the first one's lines come first.
PROVIDERS: list[Provider] = [from_history]


def read_kind(text: str | None) -> Kind:
    """The kind of proposal that an address or a body names. Raises BadRequest."""
    try:
        return Kind(text or "")
    except ValueError:
        raise BadRequest(_("Choose one of: %(names)s.", names=", ".join(Kind))) from None


def propose(task_id: UUID, kind: Kind, service: Service | None) -> Proposal:
    """What may be added to a task. Raises NotFound. Writes nothing.

    The reads' transaction ends before the service is asked; when that fails the rest still stands.
    """
    subject = get_subject(task_id, kind)
    proposal = Proposal(kind)
    for provider in PROVIDERS:
        found = provider(subject, kind)
        proposal.lines += found.lines
        proposal.sources += found.sources
    proposal.sources = proposal.sources[:MAX_SOURCES]
    if kind is Kind.ESTIMATE:
        proposal.spread = spread_of(proposal.sources)
    else:
        proposal.lines = without_known(proposal.lines, subject.known)[:MAX_LINES]
    if service is not None and current_organization().assist_sends:
        names = [one.display_name for one in list_owners()]
        end_reading()
        _ask(service, subject, proposal, names)
    return proposal


def _ask(service: Service, subject: Subject, proposal: Proposal, names: list[str]) -> None:
    proposal.asked = True
    try:
        lines = ask(
            service,
            proposal.kind,
            title=redact(subject.title, names),
            description=redact_start(subject.description, 4000, names),
            known=[redact(one, names) for one in subject.known[:50]],
            language=subject.language,
        )
    except ServiceFailed as error:
        proposal.problem = str(error)
        return
    if proposal.kind is not Kind.ESTIMATE:
        lines = without_known(lines, [*subject.known, *(one.text for one in proposal.lines)])
    proposal.lines += lines
