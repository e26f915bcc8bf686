"""Optional values of a verb's JSON body; each raises Invalid for something of another kind."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app.kernel.crud.fields import storable
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id


def optional_id(body: dict[str, Any], key: str) -> Any:
    """The id at ``key``; None where there is none."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Invalid(errors={key: [_("This record does not exist.")]})
    return parse_id(value)


def id_list(body: dict[str, Any], key: str) -> list[Any] | None:
    """The list of ids at ``key``."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid(errors={key: [_("Write a list of ids.")]})
    return [parse_id(one) for one in value]


def optional_day(body: dict[str, Any], key: str) -> dt.date | None:
    """The ISO day at ``key``."""
    value = body.get(key)
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise Invalid(errors={key: [_("This is not a date.")]}) from None


def optional_near_day(body: dict[str, Any], key: str) -> dt.date | None:
    """The same, of the years that fields take: for what is stored."""
    day = optional_day(body, key)
    if day is not None and not 1900 <= day.year <= 2200:
        raise Invalid(errors={key: [_("This date is too far away.")]})
    return day


def optional_text(body: dict[str, Any], key: str) -> str | None:
    """The text at ``key``, as it is."""
    value = body.get(key)
    if value is not None and (not isinstance(value, str) or not storable(value)):
        raise Invalid(errors={key: [_("Write a text here.")]})
    return value


def optional_number(body: dict[str, Any], key: str) -> int | None:
    """The whole number at ``key``."""
    value = body.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**31 - 1):
        raise Invalid(errors={key: [_("This is not a number.")]})
    return value


def optional_flag(body: dict[str, Any], key: str) -> bool | None:
    """The yes or no at ``key``."""
    return None if body.get(key) is None else flag(body, key, default=False)


def flag(body: dict[str, Any], key: str, *, default: bool) -> bool:
    """The yes or no at ``key``, ``default`` where the key is missing; null is neither."""
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise Invalid(errors={key: [_("Write yes or no.")]})
    return value


def optional_version(body: dict[str, Any]) -> int | None:
    """The version that the client last saw."""
    return optional_number(body, "version")
