"""A browser whose requests share nothing with the test's own application context.

Flask reuses an application context that is already there, ``g`` included: without this, the second
request of a test would find the first one's CSRF token and shell in ``g``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
from flask import Flask
from flask.globals import _cv_app
from flask.testing import FlaskClient


class CleanClient(FlaskClient):
    """Opens every request in a copy of the context without the application context.

    Other variables (the frozen clock, the guard that a test switched off) stay as they are.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        def run() -> Any:
            _cv_app.set(None)  # type: ignore[arg-type]
            return super(CleanClient, self).open(*args, **kwargs)

        return copy_context().run(run)


@pytest.fixture(autouse=True, scope="session")
def clean_client(app: Flask) -> Iterator[None]:
    """All test clients are clean ones."""
    old = app.test_client_class
    app.test_client_class = CleanClient
    yield
    app.test_client_class = old
