"""What a proposal is made of. Nothing here is ever written by itself: a person accepts it, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING
from uuid import UUID

from rapidfuzz import fuzz, process

from app.tasks.models.names import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# How much a proposal shows.
MAX_SOURCES = 5
MAX_LINES = 10
# From how many tasks on a spread says something.
ENOUGH = 3
# From which resemblance on (0–100) two lines are the same one.
_SAME = 88


class Kind(StrEnum):
    ESTIMATE = "estimate"
    BREAKDOWN = "breakdown"
    CHECKLIST = "checklist"


class Origin(StrEnum):
    """Where a line comes from."""

    HISTORY = "history"
    SERVICE = "service"


class Basis(StrEnum):
    """What a source's minutes are."""

    LOGGED = "logged"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Subject:
    """The task that something is proposed for: its texts, their words, what it has already."""

    id: UUID
    title: str
    description: str
    estimate: int | None
    language: str
    title_words: tuple[str, ...]
    other_words: tuple[str, ...]
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A finished task that a proposal is drawn from; ``similarity`` between 0 and 1."""

    id: UUID
    title: str
    number: int
    similarity: float
    minutes: int | None = None
    basis: Basis | None = None

    @property
    def code(self) -> str:
        return f"{PREFIX}-{self.number}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line to accept: ``count`` is in how many of the sources it was found."""

    text: str
    minutes: int | None = None
    count: int = 0
    origin: Origin = Origin.HISTORY


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the sources' minutes lie apart."""

    median: int
    lowest: int
    highest: int
    count: int


@dataclass(slots=True)
class Found:
    """What one provider knows."""

    lines: list[Line] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)


@dataclass(slots=True)
class Proposal:
    """All that is known, best first. ``asked``: whether the AI service was; ``problem``: why it is not in here."""

    kind: Kind
    lines: list[Line] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    spread: Spread | None = None
    asked: bool = False
    problem: str | None = None

    @property
    def is_thin(self) -> bool:
        """Whether there is little to go by."""
        return len(self.sources) < ENOUGH


if TYPE_CHECKING:
    # Whatever knows lines for a task: its history, templates.
    Provider = Callable[[Subject, Kind], Found]


def spread_of(sources: Sequence[Source]) -> Spread | None:
    """The middle and the ends of what the sources took."""
    minutes = [one.minutes for one in sources if one.minutes]
    if not minutes:
        return None
    return Spread(round(median(minutes)), min(minutes), max(minutes), len(minutes))


def fold(text: str) -> str:
    """What is compared of a line: its words, without case and signs."""
    return " ".join("".join(one if one.isalnum() else " " for one in text.casefold()).split())


def alike(text: str, others: Sequence[str]) -> int | None:
    """Where among ``others`` (folded) the same line is, in whatever order its words stand."""
    found = process.extractOne(fold(text), others, scorer=fuzz.token_sort_ratio, processor=None, score_cutoff=_SAME)
    return found[2] if found is not None else None


def without_known(lines: Iterable[Line], known: Iterable[str]) -> list[Line]:
    """The lines in their order, each once, less those that are ``known``."""
    seen, left = [fold(one) for one in known], []
    for line in lines:
        if fold(line.text) and alike(line.text, seen) is None:
            seen.append(fold(line.text))
            left.append(line)
    return left
