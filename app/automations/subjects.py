"""The kinds of records that rules are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.kernel.crud.fields import Choice, cruds
from app.kernel.i18n import lazy_gettext as _l

if TYPE_CHECKING:
    from app.kernel.crud.fields import Crud


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of record: ``one`` is how a sentence names it, ``resources`` are the permissions over it."""

    kind: str
    label: Any
    one: Any
    icon: str
    resources: tuple[str, ...]

    @property
    def crud(self) -> Crud:
        """Its fields, from which conditions and changes come."""
        return cruds[self.kind]


SUBJECTS: dict[str, Subject] = {
    one.kind: one
    for one in (
        Subject("task", _l("Tasks"), _l("a task"), "circle-check", ("activity", "tasks")),
        Subject("opportunity", _l("Opportunities"), _l("an opportunity"), "handshake", ("deal",)),
        Subject("lead", _l("Leads"), _l("a lead"), "user-plus", ("lead",)),
    )
}
CHOICES = tuple(Choice(one.kind, one.label, "", one.icon) for one in SUBJECTS.values())
