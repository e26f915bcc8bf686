"""What an action may be aimed at: the record that set the rule off, its parent, or the records linked to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.automations.subjects import SUBJECTS
from app.kernel.i18n import lazy_gettext as _l

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.automations.subjects import Subject

RECORD, PARENT, LINKED = "record", "parent", "linked_"
# How many linked records an action acts on, in the order in which they were linked.
MAX_LINKED = 20
# Why an action was left out: there is no such record, or there are more than MAX_LINKED.
NONE, MORE = "none", "more"


@dataclass(frozen=True, slots=True)
class Target:
    """Some records, seen from the one that set a rule off: ``subject`` is their kind.

    ``label`` is how a sentence names them, ``none`` says that there are none.
    """

    name: str
    subject: Subject
    label: Any
    none: Any


_ITSELF = {"task": _l("on this task"), "opportunity": _l("on this opportunity"), "lead": _l("on this lead")}
_LINKED = {
    "task": (_l("on the linked tasks"), _l("no task is linked")),
    "opportunity": (_l("on the linked opportunities"), _l("no opportunity is linked")),
    "lead": (_l("on the linked leads"), _l("no lead is linked")),
}


def targets_of(subject: Subject) -> dict[str, Target]:
    """The targets that a rule about a kind of record may have, the record itself first."""
    found = [Target(RECORD, subject, _ITSELF[subject.kind], "")]
    if subject.kind == "task":
        found.append(Target(PARENT, subject, _l("on the parent task"), _l("there is no parent task")))
    found += [Target(f"{LINKED}{kind}", SUBJECTS[kind], label, none) for kind, (label, none) in _LINKED.items()]
    return {one.name: one for one in found}


NAMES = (RECORD, PARENT, *(f"{LINKED}{kind}" for kind in _LINKED))


def target_of(subject: Subject, params: Mapping[str, Any]) -> Target:
    """What an action that was checked is aimed at."""
    return targets_of(subject)[params.get("target", RECORD)]
