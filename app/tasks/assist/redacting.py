"""What is taken out of a text before it leaves: names of members, addresses, numbers of people, amounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CURRENCY = r"(?:€|\$|£|EUR|USD|GBP|CHF|euro|dollari|dollars|pounds)"
_FIGURE = r"\d[\d.,'’]*(?:\s?(?:k|mila|mln|milion[ei](?:\sdi)?|thousand|million))?"
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        (r"\b(?:https?://|www\.)\S+", "[link]"),
        (r"[^\s@<>()\[\],;:]+@[^\s@<>()\[\],;:]+\.[^\s@<>()\[\],;:.]+", "[e-mail]"),
        (r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,4})?\b", "[number]"),  # IBAN
        (r"\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b", "[number]"),  # codice fiscale
        (rf"{_CURRENCY}\s?{_FIGURE}(?!\w)|{_FIGURE}\s?{_CURRENCY}(?!\w)", "[amount]"),
        (r"(?<!\w)\+?\(?\d(?:[\s()./-]{0,2}\d){6,}(?!\w)", "[number]"),  # telephone, VAT number, card
    )
)


# More than what a pattern takes: what was cut through is at the end, where it is not recognized.
_CUT = 100


def redact_start(text: str, length: int, names: Iterable[str]) -> str:
    """About the first ``length`` characters of ``redact``, without the beginning of anything that it takes out."""
    if len(text) <= length:
        return redact(text, names)
    return redact(text[: length + _CUT], names)[:-_CUT]


def redact(text: str, names: Iterable[str]) -> str:
    """``text`` without addresses, numbers, amounts and the ``names`` of people, whole or in part."""
    for pattern, put in _PATTERNS:
        text = pattern.sub(put, text)
    whole = {" ".join(one.split()) for one in names if one.strip()}
    parts = {part for one in whole for part in one.split() if len(part) > 2}
    if whole | parts:
        # The longest first: a whole name before a part of it. A name is written with a capital letter.
        each = "|".join(re.escape(one) for one in sorted(whole | parts, key=len, reverse=True))
        text = re.sub(rf"(?<!\w)(?:{each})(?!\w)", "[name]", text)
    return text
