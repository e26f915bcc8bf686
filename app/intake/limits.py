"""What people without an account may send, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limits import parse_many

from app.kernel import crypto, http
from app.kernel.errors import Invalid, RateLimited
from app.kernel.i18n import gettext as _
from app.kernel.mail import ascii_address

if TYPE_CHECKING:
    from uuid import UUID

# What one form takes, and how many confirmations one person gets: without the last, the form would mail whomever
# somebody names.
BY_FORM = "120 per hour; 1000 per day"
MAILS = "5 per day"


def may(rate: str, *key: str) -> bool:
    """Counts a use; False when there were too many."""
    if not http.limiter.enabled:
        return True
    return all(http.limiter.limiter.hit(one, "intake", *key) for one in parse_many(rate))


def check_sender(email: str) -> None:
    """Raises Invalid for an address that no mail can have: nobody could be answered there."""
    if ascii_address(email) is None:
        raise Invalid(errors={"email": [_("This is not an e-mail address.")]})


def check_form(form_id: UUID) -> None:
    """Counts a request of a form. Raises RateLimited."""
    if not may(BY_FORM, "form", str(form_id)):
        raise RateLimited


def may_confirm(email: str) -> bool:
    """Counts a confirmation to somebody; False when they had enough of them."""
    return may(MAILS, "mail", crypto.token_hash(email))
