"""The record that a task is linked to first, in REST's bodies: ``link`` (``kind:id``, or null for none)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.errors import DomainError, Invalid
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.tasks.cruds import TASKS
from app.tasks.service.links import LinkChange

if TYPE_CHECKING:
    from app.tasks.service.links import Record


def link_change(body: dict[str, Any]) -> LinkChange | None:
    """What a body says of it: ``link``, and ``linked``, the one that it was seen with. Raises Invalid."""
    if "link" not in body:
        return None
    return LinkChange(_record(body, "link"), _record(body, "linked"), is_checked="linked" in body)


def _record(body: dict[str, Any], key: str) -> Record | None:
    value = body.get(key)
    if value is None:
        return None
    kind, _colon, record_id = value.partition(":") if isinstance(value, str) else ("", "", "")
    found = registry.records.get(kind)
    try:
        if found is not None and found.model is not None and kind != TASKS.kind:
            return kind, parse_id(record_id)
    except DomainError:
        pass
    raise Invalid(errors={key: [_("This record does not exist.")]})
