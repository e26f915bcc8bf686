"""Recurrence rules: reading, the next day, and what they say in words.

A rule is an RRULE of RFC 5545 (3.3.10) for calendar days: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, with INTERVAL,
BYDAY, BYMONTHDAY, COUNT and UNTIL. dateutil computes with it.
"""

from __future__ import annotations

import datetime as dt
import re

from babel.dates import format_date, get_day_names
from dateutil.rrule import rrulestr

from app.kernel import i18n
from app.kernel.i18n import gettext as _
from app.kernel.i18n import ngettext

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "COUNT", "UNTIL"}
MAX_LENGTH = 200
# How far ahead a rule is followed: one that has no day in this time ends.
HORIZON = dt.timedelta(days=366 * 12)
_MONTH_DAY = re.compile(r"^[+-]?([1-9]|[12][0-9]|3[01])$")
_DAY = re.compile(r"^([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)$")


class BadRule(ValueError):
    """Text that is no rule of ours."""


def parse(text: str) -> dict[str, str]:
    """The parts of a rule, by name. Raises BadRule for anything that RFC 5545, or we, do not know."""
    text = text.strip().upper().removeprefix("RRULE:")
    if not text or len(text) > MAX_LENGTH:
        raise BadRule
    parts: dict[str, str] = {}
    for one in text.split(";"):
        name, equals, value = one.partition("=")
        if not equals or not value or name not in PARTS or name in parts:
            raise BadRule
        parts[name] = value
    if parts.get("FREQ") not in FREQUENCIES or ("COUNT" in parts and "UNTIL" in parts):
        raise BadRule
    for name, most in (("INTERVAL", 366), ("COUNT", 1000)):
        if name in parts and not (parts[name].isascii() and parts[name].isdigit() and 1 <= int(parts[name]) <= most):
            raise BadRule
    if "BYDAY" in parts and not all(_DAY.match(day) for day in parts["BYDAY"].split(",")):
        raise BadRule
    if "BYMONTHDAY" in parts and not all(_MONTH_DAY.match(day) for day in parts["BYMONTHDAY"].split(",")):
        raise BadRule
    if "UNTIL" in parts:
        parts["UNTIL"] = _until(parts["UNTIL"]).strftime("%Y%m%d")
    try:
        rrulestr(_join(parts), dtstart=dt.datetime(2024, 1, 1))  # noqa: DTZ001 - days have no zone
    except (ValueError, TypeError, KeyError):
        raise BadRule from None
    return parts


def _until(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - days have no zone
    except ValueError:
        raise BadRule from None


def _join(parts: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())


def normal(text: str) -> str:
    """A rule as it is stored. Raises BadRule."""
    return _join(parse(text))


def next_day(text: str, base: dt.date, *, not_before: dt.date | None = None) -> dt.date | None:
    """The first day of a rule after ``base`` (and not before ``not_before``); None when it has ended.

    ``base`` is a day of the rule: the due date, or the day of completion. Raises BadRule.
    """
    parts = parse(text)
    if parts.pop("COUNT", "2") == "1":
        return None
    earliest = max(base + dt.timedelta(days=1), not_before or base)
    start = dt.datetime.combine(base, dt.time())
    found = rrulestr(_join(parts), dtstart=start).after(dt.datetime.combine(earliest, dt.time()), inc=True)
    if found is None or found.date() - base > HORIZON:
        return None
    return found.date()


def successor(text: str) -> str:
    """The rule that the next task carries: one less to come, where a rule counts."""
    parts = parse(text)
    if "COUNT" in parts:
        parts["COUNT"] = str(max(1, int(parts["COUNT"]) - 1))
    return _join(parts)


def words(text: str) -> str:
    """A rule in the reader's language: “every 2 weeks on Mon, Wed, until 31 Dec 2026”."""
    parts = parse(text)
    number = int(parts.get("INTERVAL", "1"))
    every = {
        "DAILY": lambda: ngettext("every day", "every %(num)s days", number),
        "WEEKLY": lambda: ngettext("every week", "every %(num)s weeks", number),
        "MONTHLY": lambda: ngettext("every month", "every %(num)s months", number),
        "YEARLY": lambda: ngettext("every year", "every %(num)s years", number),
    }[parts["FREQ"]]()
    found = [every]
    if "BYDAY" in parts:
        names = get_day_names("abbreviated", locale=i18n.locale())
        days = []
        for one in parts["BYDAY"].split(","):
            match = _DAY.match(one)
            assert match is not None
            name = names[DAYS.index(match[2])]
            days.append(f"{match[1]}° {name}" if match[1] else name)
        found.append(_("on %(days)s", days=", ".join(days)))
    if "BYMONTHDAY" in parts:
        found.append(_("on day %(days)s", days=parts["BYMONTHDAY"].replace(",", ", ")))
    if "COUNT" in parts:
        found.append(ngettext("%(num)s time", "%(num)s times", int(parts["COUNT"])))
    if "UNTIL" in parts:
        day = format_date(_until(parts["UNTIL"]), "d MMM yyyy", locale=i18n.locale())
        found.append(_("until %(day)s", day=day))
    return " ".join(found)
