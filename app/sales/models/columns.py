"""Columns that several sales tables have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Numeric, text
from sqlalchemy.orm import mapped_column

from app.kernel.db import StringArray

AMOUNT = Numeric(14, 2)


def tags_column() -> Any:
    """The words that people mark a record with."""
    return mapped_column(StringArray(40), nullable=False, default=list, server_default=text("'{}'"))
