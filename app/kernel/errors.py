"""The one family of domain errors.

Services raise them; ``kernel.http`` maps them once to pages, JSON and socket acknowledgements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """Base class. ``status`` is the HTTP status, ``message`` is shown to the person."""

    status = 400
    default_message = "Invalid request"

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: Mapping[str, list[str]] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message or self.default_message)
        self.message = message or self.default_message
        self.errors = {key: list(value) for key, value in (errors or {}).items()}
        self.details = dict(details or {})


class Invalid(DomainError):
    """The input breaks a rule; ``errors`` maps field names to messages."""

    status = 422
    default_message = "Some fields need your attention."


class BadRequest(DomainError):
    """The request cannot be understood at all (malformed JSON, unknown column, bad rison)."""

    status = 400


class Unauthenticated(DomainError):
    """Nobody is signed in, or the token is not valid."""

    status = 401
    default_message = "Sign in to continue."


class Forbidden(DomainError):
    """The record is known to the person, the action is not theirs."""

    status = 403
    default_message = "You do not have permission to do this."


class PreviewOnly(Forbidden):
    """A write while the product is shown as a role sees it."""

    default_message = "You are seeing the product as a role: nothing can be changed. Stop the preview first."


class NotFound(DomainError):
    """Unknown, or another tenant's: the two are never told apart."""

    status = 404
    default_message = "Not found."


class Conflict(DomainError):
    """Somebody else changed the record first, or the state change is not allowed."""

    status = 409
    default_message = "This record was changed by somebody else in the meantime."


class TooLarge(DomainError):
    """An upload or a text is larger than the limit."""

    status = 413
    default_message = "This file is too large."


class RateLimited(DomainError):
    """Too many attempts; ``details['retry_after']`` is in seconds."""

    status = 429
    default_message = "Too many attempts. Try again later."


class Unavailable(DomainError):
    """A service that the request needs does not answer at the moment."""

    status = 503
    default_message = "The service is not available right now. Try again in a moment."
