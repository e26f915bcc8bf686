"""Fields and choices that several sales entities have."""

from __future__ import annotations

from app.kernel.crud.fields import Choice, Field, Kind
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.money import CURRENCIES

CURRENCY_CHOICES = tuple(Choice(one, one) for one in CURRENCIES)
SALES = _l("Sales")
OWNER = Field(
    "owner_id",
    _l("Owner"),
    Kind.PERSON,
    in_list=True,
    icon="user",
    mobile="line",
    aliases=("owner", "titolare", "sales_agent", "agent", "venditore", "commerciale", "assegnatario"),
)
TAGS = Field("tags", _l("Tags"), Kind.TAGS, sortable=False, icon="tag", aliases=("tags", "etichette"))
NOTES = Field("notes", _l("Notes"), Kind.LONG, sortable=False, max_length=20000, aliases=("notes", "note"))
CREATED = Field("created_at", _l("Created"), Kind.DATETIME, editable=False, in_form=False, icon="calendar-plus")
UPDATED = Field("updated_at", _l("Last change"), Kind.DATETIME, editable=False, in_form=False, icon="history")
