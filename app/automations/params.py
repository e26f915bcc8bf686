"""What the parameters of actions have in common: each function checks one, and raises Invalid by its name."""

from __future__ import annotations

from typing import Any

from app.kernel.crud.fields import storable
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.tasks.models.names import Priority
from app.tenancy.models import MemberStatus
from app.tenancy.queries import get_member

Params = dict[str, Any]
MAX_DAYS = 365
# Who may be named beside a member's id.
CREATOR, OWNER, MANAGER, WATCHERS = "creator", "owner", "manager", "watchers"


def text_of(raw: Params, key: str, most: int, *, required: bool = True) -> str:
    """A text, without blanks around it. Raises Invalid."""
    value = raw.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not storable(value):
        raise Invalid(errors={key: [_("Write a text here.")]})
    value = value.strip()
    if len(value) > most:
        raise Invalid(errors={key: [_("At most %(count)s characters.", count=most)]})
    if required and not value:
        raise Invalid(errors={key: [_("This field is required.")]})
    return value


def member_of(value: Any, key: str) -> str:
    """The id of an active member. Raises Invalid."""
    try:
        if not isinstance(value, str):
            raise NotFound
        found = get_member(parse_id(value))
    except NotFound:
        raise Invalid(errors={key: [_("This person does not exist.")]}) from None
    if found.status == MemberStatus.REMOVED:
        raise Invalid(errors={key: [_("This person is no longer here.")]})
    return str(found.id)


def days_of(raw: Params, key: str) -> int | None:
    """A number of days; None where none is given. Raises Invalid."""
    value = raw.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_DAYS:
        raise Invalid(errors={key: [_("Write a number from %(least)s to %(most)s.", least=0, most=MAX_DAYS)]})
    return value


def priority_of(raw: Params, key: str, default: str) -> str:
    """A priority. Raises Invalid."""
    value = raw.get(key)
    if value is None or value == "":
        return default
    if not isinstance(value, str) or value not in set(Priority):
        raise Invalid(errors={key: [_("Choose one of the list.")]})
    return value
