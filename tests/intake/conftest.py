"""Fixtures of the tests of requests."""

from __future__ import annotations

from tests.intake.test_intake import _empty_mailbox, house, secret

__all__ = ["_empty_mailbox", "house", "secret"]
