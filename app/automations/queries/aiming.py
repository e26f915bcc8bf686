"""What the actions of a rule would be aimed at, for a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.automations.queries.targets import ids_at
from app.automations.subjects import SUBJECTS
from app.automations.targets import MAX_LINKED, target_of
from app.collaboration.records import name_records

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from app.automations.models import AutomationRule
    from app.automations.targets import Target
    from app.collaboration.records import Named


@dataclass(frozen=True, slots=True)
class Aim:
    """A target of a rule's actions and what it comes to: ``records`` are those that the reader may see.

    ``count`` is how many there are to act on, ``more`` how many are too many.
    """

    target: Target
    records: tuple[Named, ...]
    count: int
    more: int


class Aiming:
    """The targets of a rule for some records: a query for each, however many records there are."""

    def __init__(self, rule: AutomationRule, record_ids: Collection[UUID]) -> None:
        subject = SUBJECTS[rule.subject]
        self._on_itself = any("target" not in one for one in rule.actions)
        self._targets = {one["target"]: target_of(subject, one) for one in rule.actions if "target" in one}
        self._found = {name: ids_at(one, record_ids) for name, one in self._targets.items()}

    def is_idle(self, record_id: UUID) -> bool:
        """Whether no action finds anything to act on."""
        return not self._on_itself and not any(found.get(record_id) for found in self._found.values())

    def aims(self, record_ids: Collection[UUID]) -> dict[UUID, tuple[Aim, ...]]:
        """What each of some records would be acted on through."""
        named = name_records(
            {
                (self._targets[name].subject.kind, one)
                for name, found in self._found.items()
                for record_id in record_ids
                for one in found.get(record_id, [])[:MAX_LINKED]
            }
        )
        return {
            record_id: tuple(self._aim(name, found.get(record_id, []), named) for name, found in self._found.items())
            for record_id in record_ids
        }

    def _aim(self, name: str, ids: list[UUID], named: Mapping[UUID, Named]) -> Aim:
        shown = tuple(named[one] for one in ids[:MAX_LINKED] if one in named)
        return Aim(self._targets[name], shown, len(ids[:MAX_LINKED]), max(0, len(ids) - MAX_LINKED))
