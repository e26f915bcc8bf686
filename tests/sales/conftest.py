"""Signed-in browsers for these tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sales.helpers import Browser


@pytest.fixture
def sign_in(app: Any) -> Any:
    """sign_in(person) -> a browser that is signed in as the person."""
    return lambda person: Browser(app, person)
