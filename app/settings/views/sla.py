"""The SLA of tasks: hours per priority, and the business hours in which they count."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from babel.dates import get_day_names
from flask import request

from app.kernel import i18n
from app.kernel.business_hours import Week, read_day, read_week, write_time
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.money import parse_amount
from app.tasks.cruds import PRIORITIES
from app.tasks.queries.sla import Promise, read_sla
from app.tasks.service.sla import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMES = ("opens", "break_from", "break_to", "closes")


def sla_context(form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the card shows: what is stored, or what somebody has written."""
    sla = read_sla()
    days = []
    names = get_day_names("wide", locale=i18n.locale())
    for number, intervals in enumerate(sla.hours.week):
        ends = [write_time(one) for interval in intervals for one in interval]
        times = [ends[0], "", "", ends[1]] if len(ends) == 2 else ends or [""] * 4
        stored = dict(zip(_TIMES, times, strict=True))
        days.append((number, names[number], {key: _kept(form, f"{key}_{number}", stored[key]) for key in _TIMES}))
    rows = []
    for choice in PRIORITIES:
        one = sla.promises[choice.value]
        hours = {"start": _hours(one.start_minutes), "finish": _hours(one.finish_minutes)}
        is_on = one.is_on if form is None else form.get(f"on_{choice.value}") == "1"
        rows.append((choice, is_on, {key: _kept(form, f"{key}_{choice.value}", hours[key]) for key in hours}))
    return {"sla_rows": rows, "sla_days": days, "sla_zone": sla.hours.timezone.replace("_", " ")}


def _kept(form: Mapping[str, str] | None, key: str, stored: str) -> str:
    return stored if form is None else form.get(key, "")


def _hours(minutes: int | None) -> str:
    return "" if minutes is None else i18n.number(Decimal(minutes) / 60, 2)


def read_form() -> Wanted:
    """What the card's form says. Raises Invalid with the errors of every field."""
    errors: dict[str, list[str]] = {}
    promises = [
        Promise(
            one.value,
            request.form.get(f"on_{one.value}") == "1",
            _minutes(f"start_{one.value}", errors),
            _minutes(f"finish_{one.value}", errors),
        )
        for one in PRIORITIES
    ]
    week = _week(errors)
    if errors:
        raise Invalid(errors=errors)
    return Wanted(promises, week)


def _minutes(name: str, errors: dict[str, list[str]]) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        hours = parse_amount(text)
        if not 0 < hours <= 1000:
            raise ValueError
        return max(1, round(hours * 60))
    except (ValueError, ArithmeticError):
        errors[name] = [_("Write more than 0 and at most %(count)s hours.", count=1000)]
        return None


def _week(errors: dict[str, list[str]]) -> Week | None:
    days: list[list[list[str]]] = []
    for number in range(7):
        opens, pause, again, closes = (request.form.get(f"{key}_{number}", "").strip() for key in _TIMES)
        if not any((opens, pause, again, closes)):
            days.append([])
        elif pause or again:
            days.append([[opens, pause], [again, closes]])
        else:
            days.append([[opens, closes]])
    for number, day in enumerate(days):
        try:
            read_day(day)
        except ValueError:
            errors[f"opens_{number}"] = [_("Opening, break and closing come one after the other.")]
    if any(key.startswith("opens_") for key in errors):
        return None
    try:
        return read_week(days)
    except ValueError:
        errors["opens_0"] = [_("Be open for at least an hour a week.")]
        return None
