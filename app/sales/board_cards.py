"""The board's cards as HTML. Written in Python, as a list's cells are: a board shows hundreds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from app.kernel import clock, i18n
from app.kernel.assets import icon
from app.kernel.crud.cells import avatar, badge
from app.kernel.i18n import gettext as _
from app.kernel.i18n import ngettext
from app.tasks.cruds import PRIORITIES

if TYPE_CHECKING:
    from app.sales.queries.board import Card

LOOKS = {one.value: (one.css, one.icon) for one in PRIORITIES}


def render_cards(cards: Iterable[Card], *, may_write: bool) -> Markup:
    """``cards`` one after the other; with their menu's button for who may move them."""
    now, code, zone = clock.now(), i18n.locale().language, i18n.select_timezone()
    today = clock.today(zone)
    return Markup(  # noqa: S704 - every value is escaped
        "".join(
            _card(
                card,
                may_write,
                max(0, (now - card.stage_entered_at).days),
                card.next_activity_at is not None and card.next_activity_at < now,
                (code, zone, today),
            )
            for card in cards
        )
    )


# A board is opened and reloaded many times between two changes of a card.
@lru_cache(maxsize=5_000)
def _card(card: Card, may_write: bool, age: int, is_late: bool, reader: tuple[str, str, dt.date]) -> str:
    """One card. ``age`` is in days; ``reader`` (language, time zone, their day) is what the texts depend on."""
    title, amount = escape(card.title), escape(i18n.money(card.amount, card.currency))
    close = f'<span class="cap faint num">{escape(i18n.short_date(card.close_date))}</span>' if card.close_date else ""
    priority = badge(card.priority, *LOOKS[card.priority]) if card.priority else ""
    owner = ""
    if card.owner:
        name = escape(card.owner)
        owner = f'<span title="{name}">{avatar(card.owner, size=20)}<span class="sr">{name}</span></span>'
    account = escape(card.account or _("No account"))
    menu = ""
    if may_write:
        label = escape(_("Actions for %(name)s", name=card.title))
        menu = (
            '<button class="btn more" data-variant="ghost" data-size="icon-xs" type="button" data-card-menu '
            f'aria-haspopup="menu" aria-label="{label}">{icon("ellipsis")}</button>'
        )
    return (
        f'<div class="sk-deal{" rot" if card.rotting else ""}" data-card="{card.id}" data-version="{card.version}" '
        f'data-stage="{card.stage_id}" data-title="{title}" '
        f'data-amount="{"" if card.amount is None else card.amount}" '
        f'tabindex="0" role="listitem" aria-label="{title}, {amount}">'
        f'<div><h3><a href="/sales/opportunities/show/{card.id}" tabindex="-1">{title}</a></h3>'
        f'<p class="who clip">{account}</p></div>'
        f'<div class="meta"><span class="amt">{escape(i18n.money(card.amount, card.currency, cents=False))}</span>'
        f'{close}<span class="grow"></span>{priority}</div>'
        f'<footer>{_next(card, is_late, reader[2])}<span class="grow"></span>{_age(card, age)}{owner}</footer>'
        f"{menu}</div>"
    )


def _next(card: Card, is_late: bool, reader_today: dt.date) -> str:
    """What is planned next, and whether it is late."""
    due = card.next_activity_at
    if due is None:
        look, text = "n-none", _("No activity")
    elif is_late:
        look, text = "n-late", _("Late") + f" · {i18n.short_date(due)}"
    else:
        today = i18n.local_day(due) == reader_today
        look = "n-today" if today else "n-plan"
        text = _("Today %(time)s", time=i18n.clock_time(due)) if today else i18n.short_date(due)
        if card.next_title:
            text += f" · {card.next_title}"
    return f'<span class="sk-next {look}"><span class="sk-dot"></span><span class="clip">{escape(text)}</span></span>'


def _age(card: Card, days: int) -> str:
    """The days in the stage; with an hourglass when it stands still, a clock when what is planned is far ahead."""
    short = escape(_("%(days)s d", days=days))
    if card.rotting:
        title = ngettext("Still for %(days)s day", "Still for %(days)s days", days, days=days)
        return f'<span class="sk-due t-danger" title="{escape(title)}">{icon("hourglass", 12)}{short}</span>'
    if card.waiting:
        title = escape(_("Planned far ahead"))
        return f'<span class="sk-due t-warn" title="{title}">{icon("clock", 12)}{short}</span>'
    title = ngettext("In this stage for %(days)s day", "In this stage for %(days)s days", days, days=days)
    return f'<span class="num faint" title="{escape(title)}">{short}</span>'
