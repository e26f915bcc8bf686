"""Money: a decimal amount with two places and an ISO 4217 currency."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CENT = Decimal("0.01")
# numeric(14,2) holds twelve digits before the point.
MAX_AMOUNT = Decimal("999999999999.99")
CURRENCIES = ("EUR", "USD", "GBP", "CHF")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency. Amounts of different currencies do not add up."""

    amount: Decimal
    currency: str = "EUR"

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)


def quantize(value: Decimal) -> Decimal:
    """``value`` rounded half up to cents, the rounding of Italian invoices."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def parse_amount(text: str | int | Decimal) -> Decimal:
    """The decimal amount written in ``text``.

    Understands ``1.234,50``, ``1,234.50``, ``1234.5``, ``€ 12`` and ``12 €``. A single separator
    followed by exactly three digits and nothing else is a thousands mark when it is a comma or a
    dot in front of a group (``1.234``): that is how Italian forms write it.

    Raises ValueError for anything else, and for amounts outside ``numeric(14,2)``.
    """
    if isinstance(text, int | Decimal):
        value = Decimal(text)
    else:
        cleaned = re.sub(r"[\s\u00a0\u202f'€$£]|EUR|USD|GBP|CHF", "", text.strip())
        if not re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*", cleaned):
            raise ValueError(text)
        last_dot, last_comma = cleaned.rfind("."), cleaned.rfind(",")
        if last_dot >= 0 and last_comma >= 0:
            decimal_mark = "." if last_dot > last_comma else ","
        elif last_dot >= 0 or last_comma >= 0:
            mark = "." if last_dot >= 0 else ","
            digits_after = len(cleaned) - cleaned.rfind(mark) - 1
            grouped = re.fullmatch(rf"[-+]?[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+", cleaned)
            decimal_mark = "" if grouped and digits_after == 3 else mark
        else:
            decimal_mark = ""
        for mark in ".,":
            if mark != decimal_mark:
                cleaned = cleaned.replace(mark, "")
        try:
            value = Decimal(cleaned.replace(",", "."))
        except InvalidOperation:
            raise ValueError(text) from None
    if not value.is_finite() or abs(value) > MAX_AMOUNT:
        raise ValueError(text)
    return quantize(value)
