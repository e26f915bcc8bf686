"""Fields of an organization's own plug into every entity that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.custom_fields import models, queries  # noqa: F401 - maps them
from app.kernel.crud.custom import load_with
from app.kernel.feature import Feature

if TYPE_CHECKING:
    from flask import Flask


def _init(_app: Flask) -> None:
    load_with(queries.load)


feature = Feature("custom_fields", init=_init)
