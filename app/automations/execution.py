"""What an action acts on, for whom and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.kernel import i18n
from app.tenancy.queries import get_member

if TYPE_CHECKING:
    from app.automations.models import AutomationRule
    from app.automations.subjects import Subject
    from app.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class Execution:
    """An action of a run: the rule, the record that it acts on as it is now, and who acts.

    ``day`` is the organization's; ``place`` is the action's among those of the rule; ``origin`` is the record that set
    the rule off, which is another than ``record`` where the action is aimed.
    """

    run_id: UUID
    rule: AutomationRule
    subject: Subject
    record: Any
    actor: Actor
    day: dt.date
    place: int
    origin: Any

    def fill(self, text: str) -> str:
        """``text`` with what it says about the origin: ``{title}``, ``{code}``, ``{due}``, ``{owner}``."""
        owner = getattr(self.origin, "owner_id", None)
        due = getattr(self.origin, "due_on", None) or getattr(self.origin, "close_date", None)
        values = {
            "title": self.origin.label,
            "code": getattr(self.origin, "code", ""),
            "due": i18n.short_date(due) if due else "–",
            "owner": get_member(owner).display_name if owner and "{owner}" in text else "–",
        }
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text
