"""Rules that every organization is offered, made with its own statuses and in the language of who adds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.tasks.models.names import StatusGroup
from app.tasks.queries.tasks import first_status


@dataclass(frozen=True, slots=True)
class Preset:
    """A rule on offer; ``values`` are those of ``create_rule``."""

    key: str
    label: Any
    text: Any
    icon: str
    values: Callable[[], dict[str, Any]]


def _publication() -> dict[str, Any]:
    title = _("Publication")
    return {
        "name": _("Approved: create “%(title)s”", title=title),
        "subject": "task",
        "trigger": {"type": "changed", "field": "status", "to": str(first_status(StatusGroup.APPROVED).id)},
        # What it makes itself is approved some day too.
        "conditions": {"op": "and", "items": [{"field": "title", "operator": "ne", "value": [title]}]},
        "actions": [{"type": "create_task", "title": title, "owner": "owner", "priority": "P1", "due_in": 3}],
    }


def _escalation() -> dict[str, Any]:
    return {
        "name": _("Overdue: P0 escalation"),
        "subject": "task",
        "trigger": {"type": "overdue", "days": 1},
        "conditions": {"op": "and", "items": []},
        "actions": [
            {
                "type": "notify",
                "to": ["owner", "manager", "creator"],
                "text": _("the due date (%(due)s) has passed and it is not done.", due="{due}"),
                "priority": "P0",
            }
        ],
    }


PRESETS: dict[str, Preset] = {
    one.key: one
    for one in (
        Preset(
            "publication",
            _l("Publish what is approved"),
            _l("When a task becomes Approved, a “Publication” sub-task is created for its owner."),
            "megaphone",
            _publication,
        ),
        Preset(
            "escalation",
            _l("Escalate what is overdue"),
            _l("When the due date has passed and a task is not done, its owner and their manager get a P0 notice."),
            "siren",
            _escalation,
        ),
    )
}
