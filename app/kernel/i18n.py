"""Language, time zone and the formats of numbers, money and dates, for the person who looks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_datetime as babel_datetime
from babel.dates import format_time as babel_time
from babel.dates import format_timedelta, get_timezone
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import NullTranslations, Translations
from flask import current_app, g, has_request_context, request
from flask.globals import _cv_app
from flask_babel import Babel, force_locale, get_locale
from flask_babel import get_timezone as current_timezone
from flask_babel.speaklater import LazyString
from jinja2 import pass_eval_context
from markupsafe import Markup

from app.kernel import clock

if TYPE_CHECKING:
    from flask import Flask
    from jinja2.nodes import EvalContext

__all__ = ["Babel", "force_locale", "gettext", "lazy_gettext", "ngettext"]

LANGUAGES = {"it": "Italiano", "en": "English"}
LANGUAGE_COOKIE = "lang"
TRANSLATIONS = Path(__file__).resolve().parents[2] / "translations"


# Flask-Babel's own functions look up domain, directories and locale for every text; a page has hundreds.


@lru_cache(maxsize=8)
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(TRANSLATIONS, [language])


def _active() -> Locale | None:
    context = _cv_app.get(None)
    kept = getattr(context.g, "_flask_babel", None) if context else None
    return getattr(kept, "babel_locale", None) or get_locale()


def gettext(message: str, **variables: Any) -> str:
    """``message`` in the active language, itself outside any context; ``%(name)s`` from ``variables``."""
    active = _active()
    text = _catalogue(active.language).gettext(message) if active else message
    return text % variables if variables else text


def ngettext(singular: str, plural: str, num: int, **variables: Any) -> str:
    """As ``gettext``, in the form that ``num`` (also a variable) asks for."""
    return _plural(singular, plural, num) % {"num": num, **variables}


def _plural(singular: str, plural: str, num: int) -> str:
    active = _active()
    catalogue = _catalogue(active.language) if active else NullTranslations()
    return str(catalogue.ngettext(singular, plural, num))


# A page has two hundreds of texts without variables; Jinja's own function formats each anew, after five lookups.
@lru_cache(maxsize=20_000)
def _ready(code: str, message: str) -> Markup:
    return Markup(_catalogue(code).gettext(message)) % {}  # noqa: S704 - as Jinja does: the texts are templates' own


@pass_eval_context
def _in_template(evaluation: EvalContext, message: str, /, **variables: Any) -> str:
    """``_()`` of templates, as Jinja's "newstyle": what is put in is escaped, and ``%`` is always written twice.

    For the templates' own words only; what was said elsewhere goes through ``|translated``.
    """
    active = _active()
    if not variables and active and type(message) is str and evaluation.autoescape:
        return _ready(active.language, message)
    text = gettext(message)
    return (Markup(text) if evaluation.autoescape else text) % variables  # noqa: S704


def lazy_gettext(message: str, **variables: Any) -> LazyString:
    """As ``gettext``, looked up whenever it is shown."""
    return LazyString(gettext, message, **variables)


def select_locale() -> str:
    """The signed-in person's language, else the visitor's choice, else what the browser asks for."""
    if not has_request_context():
        return "it"
    chosen = request.args.get("lang") or getattr(g, "lang", None)
    if chosen in LANGUAGES:
        return str(chosen)
    actor = getattr(g, "actor", None)
    if actor is not None:
        return str(actor.locale)[:2]
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    if cookie in LANGUAGES:
        return str(cookie)
    return request.accept_languages.best_match(list(LANGUAGES)) or "it"


def select_timezone() -> str:
    """The signed-in person's time zone, Europe/Rome for visitors."""
    actor = getattr(g, "actor", None) if has_request_context() else None
    return actor.timezone if actor is not None else "Europe/Rome"


def locale() -> Locale:
    """The active locale; Italian outside any context."""
    return _active() or _parse("it")


@lru_cache(maxsize=8)
def _parse(code: str) -> Locale:
    return Locale.parse(code)


def money(value: Decimal | int | float | None, currency: str = "EUR", *, cents: bool | None = None) -> str:
    """``1.234,50 €``; ``cents=False`` drops them, None drops them when they are zero."""
    if value is None:
        return "–"
    amount = Decimal(value)
    if cents is None:
        cents = amount != amount.to_integral_value()
    return _money(amount, currency, cents, locale().language)


# The same amounts and days stand on every page, and Babel takes tens of microseconds for each.
@lru_cache(maxsize=20_000)
def _money(amount: Decimal, currency: str, cents: bool, code: str) -> str:
    if cents:
        return format_currency(amount, currency, locale=code)
    pattern = str(_parse(code).currency_formats["standard"].pattern).replace(".00", "")
    return format_currency(amount, currency, pattern, locale=code, currency_digits=False, group_separator=True)


@lru_cache(maxsize=20_000)
def _whole(value: int, code: str) -> str:
    return format_decimal(value, locale=code)


@lru_cache(maxsize=20_000)
def _day(value: dt.date, fmt: str, code: str) -> str:
    return babel_date(value, fmt, locale=code)


@lru_cache(maxsize=20_000)
def _moment(value: dt.datetime, fmt: str, zone: str, code: str) -> str:
    return babel_datetime(value, fmt, tzinfo=get_timezone(zone), locale=code)


def number(value: Any, digits: int | None = None) -> str:
    """A decimal number with the locale's marks, at most ``digits`` decimals (all when None)."""
    if value is None:
        return "–"
    if type(value) is int:
        return _whole(value, locale().language)
    pattern = None if digits is None else "#,##0" + ("." + "#" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=locale())


def percent(value: float | Decimal | None, digits: int = 0) -> str:
    """``0.348`` as ``34,8%``; a dash when there is nothing to divide by."""
    if value is None:
        return "–"
    return format_percent(value, format="#,##0" + ("." + "0" * digits if digits else "") + "%", locale=locale())


def local_day(value: dt.date | dt.datetime) -> dt.date:
    """The calendar day of a moment in the person's time zone; a day is what it is."""
    return value.astimezone(current_timezone()).date() if isinstance(value, dt.datetime) else value


def date(value: dt.date | dt.datetime | None, fmt: str = "medium") -> str:
    """A calendar day, in the person's time zone where ``value`` is a moment."""
    if value is None:
        return "–"
    return _day(local_day(value), fmt, locale().language)


def short_date(value: dt.date | dt.datetime | None) -> str:
    """``22 nov``, with the year only when it is not the current one."""
    if value is None:
        return "–"
    day = local_day(value)
    same_year = day.year == clock.today(select_timezone()).year
    return _day(day, "d MMM" if same_year else "d MMM y", locale().language)


def moment(value: dt.datetime | None, fmt: str = "short") -> str:
    """A date and time in the person's time zone."""
    if value is None:
        return "–"
    return _moment(value, fmt, str(_zone()), locale().language)


def clock_time(value: dt.datetime | None) -> str:
    """The time of day in the person's time zone."""
    if value is None:
        return "–"
    return babel_time(value, "short", tzinfo=_zone(), locale=locale())


def ago(value: dt.datetime | None) -> str:
    """``3 ore fa``: how long ago a moment was."""
    if value is None:
        return "–"
    return format_timedelta(value - clock.now(), add_direction=True, locale=locale())


def _zone() -> Any:
    return get_timezone(str(current_timezone() or "Europe/Rome"))


def init_app(app: Flask) -> None:
    """Makes the formats Jinja filters."""
    app.jinja_env.filters.update(
        money=money,
        number=number,
        percent=percent,
        date=date,
        short_date=short_date,
        moment=moment,
        clock_time=clock_time,
        ago=ago,
        # For what was said elsewhere and may hold what people wrote: no format, and not safe as it is.
        translated=gettext,
    )
    app.jinja_env.globals.update(languages=LANGUAGES, today=lambda: clock.today(select_timezone()))


def configure() -> None:
    """Takes over from FAB's own language selection; called once AppBuilder is initialised."""
    babel = current_app.extensions["babel"]
    babel.locale_selector = select_locale
    babel.timezone_selector = select_timezone
    current_app.jinja_env.install_gettext_callables(gettext, _plural, newstyle=True)  # type: ignore[attr-defined]
    current_app.jinja_env.globals.update(_=_in_template, gettext=_in_template)
