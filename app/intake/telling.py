"""What the people who ask for work hear of it, by mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel import mail
from app.tenancy.queries import current_organization

if TYPE_CHECKING:
    from app.intake.models import TaskRequest


def tell_requester(request: TaskRequest, kind: str) -> None:
    """Mails the requester. Whoever fills in a form chooses who reads the confirmation, which therefore says nothing of
    what they wrote; the later mails, which a person's decision sends, name the title.
    """
    if request.requester_email is not None:
        mail.send(
            kind,
            to=request.requester_email,
            locale=request.locale,
            context={
                "organization": current_organization().name,
                "title": request.title,
                "reason": request.reason or "",
            },
        )
