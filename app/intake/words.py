"""What the states of requests and the fields of forms are called."""

from __future__ import annotations

from app.kernel.crud.fields import Choice
from app.kernel.i18n import lazy_gettext as _l

STATES = (
    Choice("new", _l("Waiting"), "b-info", "inbox"),
    Choice("accepted", _l("Accepted"), "b-ok", "circle-check"),
    Choice("declined", _l("Declined"), "b-danger", "circle-x"),
    Choice("duplicate", _l("Duplicate"), "", "copy"),
)
ASKS = (
    Choice("description", _l("Description")),
    Choice("name", _l("Name")),
    Choice("due_on", _l("Wished date")),
)
