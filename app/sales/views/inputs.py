"""What pages send beside the fields of generated forms: ids, days, amounts, versions. None for an empty one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.kernel import money
from app.kernel.errors import BadRequest, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id


def optional_id(text: Any) -> UUID | None:
    return parse_id(text) if text else None


def optional_day(text: str | None, field: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Invalid(errors={field: [_("This is not a date.")]}) from None


def optional_amount(text: str | None) -> Decimal | None:
    if not text:
        return None
    try:
        return money.parse_amount(text)
    except ValueError:
        raise Invalid(errors={"amount": [_("This is not a number.")]}) from None


def optional_version(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        return int(value)
    except (ValueError, TypeError):
        raise BadRequest from None
