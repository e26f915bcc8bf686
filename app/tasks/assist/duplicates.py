"""Open tasks that may be the same as one whose title is being written.

As in ``history``, no index can answer ``@@`` under row-level security: the newest NEWEST open tasks among the newest
SPAN are compared, by their stored words. Of those that share enough words, the titles themselves decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rapidfuzz import fuzz
from sqlalchemy import ARRAY, REAL, case, cast, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import REGCONFIG

from app.kernel.db import db, every_record
from app.tasks.assist.history import MAX_WORDS, any_of
from app.tasks.assist.proposals import fold
from app.tasks.models.names import CLOSED, PREFIX
from app.tasks.models.tasks import Task, TaskStatus
from app.tenancy.models import Membership, Organization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

NEWEST = 5_000
# Of so many tasks, open or not: who sees few of them does not wait for all of them to be looked through.
SPAN = 20_000
MOST = 3
# A title says something from so many words or characters on.
WORDS, LENGTH = 3, 12
# The part of the title's words that another one must have to be compared at all, and from which likeness on (0-1),
# the middle of that part and of how alike the titles are, it is shown.
SHARED = 0.5
LEAST = 0.7
_COMPARED = 40
_MAX_TITLE = 200
# Words of descriptions (D) count for nothing, those of titles (A) do.
_TITLES = cast(literal([0.0, 0.0, 0.0, 1.0]), ARRAY(REAL))


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An open task that may be the same one; ``similarity`` between 0 and 1."""

    id: UUID
    number: int
    title: str
    status: str
    status_group: str
    owner: str | None
    similarity: float

    @property
    def code(self) -> str:
        return f"{PREFIX}-{self.number}"

    @property
    def url(self) -> str:
        return f"/tasks/{self.id}"


def says_enough(title: str) -> bool:
    """Whether a title is long enough to be compared."""
    return len(title.split()) >= WORDS or len(title) >= LENGTH


def find_duplicates(title: str, *, apart_from: UUID | None = None) -> list[Duplicate]:
    """The open tasks that the actor may see and whose titles are most like ``title``, MOST at most. Two queries.

    ``apart_from`` is the task itself, where it was written down already.
    """
    title = " ".join(title.replace("\x00", "").split())[:_MAX_TITLE]
    if not says_enough(title):
        return []
    dictionary = cast(case((Organization.locale == "en", "english"), else_="italian"), REGCONFIG)
    # The newest number of all is no secret, and the index has it at hand.
    with every_record():
        words, locale, newest = db.session.execute(
            select(
                func.tsvector_to_array(func.to_tsvector(dictionary, title)),
                Organization.locale,
                select(func.max(Task.number)).scalar_subquery(),
            ).select_from(Organization)
        ).one()
    if not words:
        return []
    language = cast("english" if locale == "en" else "italian", REGCONFIG)
    own = func.setweight(func.to_tsvector(language, title), literal_column("'A'"))
    found = [
        (row, (float(row.share) + fuzz.token_sort_ratio(fold(title), fold(row.title)) / 100) / 2)
        for row in db.session.execute(_candidates(words, own, (newest or 0) - SPAN, apart_from))
    ]
    best = sorted((one for one in found if one[1] >= LEAST), key=lambda one: (-one[1], -one[0].number))
    return [
        Duplicate(row.id, row.number, row.title, row.status, row.status_group, row.owner, round(likeness, 2))
        for row, likeness in best[:MOST]
    ]


def _candidates(words: Sequence[str], own: Any, after: int, apart_from: UUID | None) -> Select[Any]:
    """The tasks that have most of the ``words`` in their titles, with the part that they have (``share``).

    ``own`` is the title as a tsvector.
    """
    query = any_of(words[:MAX_WORDS])
    newest = (
        select(Task.id, Task.number, Task.title, Task.status_id, Task.status_group, Task.owner_id, Task.words)
        .where(Task.number > after, Task.status_group.not_in(CLOSED))
        .order_by(Task.number.desc())
        .limit(NEWEST)
    )
    if apart_from is not None:
        newest = newest.where(Task.id != apart_from)
    task = newest.subquery()
    share = func.least(1.0, func.ts_rank(_TITLES, task.c.words, query) / func.ts_rank(_TITLES, own, query))
    return (
        select(
            task.c.id,
            task.c.number,
            task.c.title,
            TaskStatus.name.label("status"),
            task.c.status_group,
            Membership.display_name.label("owner"),
            share.label("share"),
        )
        .join(TaskStatus, TaskStatus.id == task.c.status_id)
        .outerjoin(Membership, Membership.id == task.c.owner_id)
        .where(task.c.words.op("@@")(query), share >= SHARED)
        .order_by(share.desc(), task.c.number.desc())
        .limit(_COMPARED)
    )
