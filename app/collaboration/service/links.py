"""Links between records of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, or_, select

from app.collaboration.models import RecordLink
from app.collaboration.records import Record, get_record, kind_of, may_comment
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.realtime import org_room, push

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.kernel.actor import Actor

MAX_LINKS = 200


def link_records(kind: str, record_id: UUID, other_kind: str, other_id: UUID, *, actor: Actor) -> RecordLink:
    """Ties two records that the actor sees, one of whose kinds they work on. Linked ones stay as they are.

    Raises NotFound for a record out of sight, Invalid for a record with itself, Conflict beyond MAX_LINKS.
    """
    one, other = get_record(kind, record_id), get_record(other_kind, other_id)
    _require(actor, one, other)
    if one.id == other.id:
        raise Invalid(_("A record cannot be linked to itself."))
    left, right = sorted((one, other), key=lambda record: record.id)
    found = db.session.scalar(select(RecordLink).where(RecordLink.left_id == left.id, RecordLink.right_id == right.id))
    if found is not None:
        return found
    for record in (one, other):
        count = select(func.count()).where(or_(RecordLink.left_id == record.id, RecordLink.right_id == record.id))
        _refuse_more(db.session.scalar(count) or 0, record.of.kind, record.id)
    link = RecordLink(left_kind=left.of.kind, left_id=left.id, right_kind=right.of.kind, right_id=right.id)
    db.session.add(link)
    db.session.flush()
    _announce(link, one, other)
    return link


def unlink(link_id: UUID, *, actor: Actor) -> None:
    """Unties two records. Raises NotFound unless the actor sees one of them at least, and works on its kind."""
    link = db.session.scalar(select(RecordLink).where(RecordLink.id == link_id))
    if link is None:
        raise NotFound
    seen = []
    for kind, record_id in ((link.left_kind, link.left_id), (link.right_kind, link.right_id)):
        try:
            seen.append(get_record(kind, record_id))
        except NotFound:
            continue
    if not seen:
        raise NotFound
    _require(actor, *seen)
    db.session.delete(link)
    db.session.flush()
    _announce(link, *seen)


def replace_link(
    one: tuple[str, UUID],
    old: RecordLink | None,
    other: tuple[str, UUID] | None,
    known: RecordLink | None,
    counts: tuple[int, int],
    *,
    actor: Actor,
) -> None:
    """Makes the ``old`` link of a record (kind, id) tie it to the ``other``, in its place among the record's links.

    Without an old one it makes a link, without another record it unties the old one. For an actor who sees both, and
    works on one of their kinds; ``known`` is the link that they have already, ``counts`` say how many each has. Raises
    Conflict beyond MAX_LINKS.
    """
    told = {one, *_ends(old), *([] if other is None else [other])}
    if not any(may_comment(actor, kind_of(kind)) for kind, _id in told):
        raise Forbidden(details={"permission": f"write {one[0]}"})
    if known is not None:
        db.session.delete(known)
        db.session.flush()  # or the database would see the pair twice
    elif other is not None:
        _refuse_more(counts[1], *other)
    if other is not None:
        if old is None:
            _refuse_more(counts[0], *one)
        link = old or RecordLink()
        (link.left_kind, link.left_id), (link.right_kind, link.right_id) = sorted((one, other), key=lambda it: it[1])
        db.session.add(link)
    elif old is not None:
        db.session.delete(old)
    assert actor.organization_id is not None
    _tell(actor.organization_id, told)


def _ends(link: RecordLink | None) -> list[tuple[str, UUID]]:
    return [] if link is None else [(link.left_kind, link.left_id), (link.right_kind, link.right_id)]


def _refuse_more(count: int, kind: str, record_id: UUID) -> None:
    if count >= MAX_LINKS:
        label = get_record(kind, record_id).label
        raise Conflict(_("“%(name)s” has %(count)s links already.", name=label, count=MAX_LINKS))


def _require(actor: Actor, *records: Record) -> None:
    if not any(may_comment(actor, one.of) for one in records):
        raise Forbidden(details={"permission": f"write {records[0].of.resource}"})


def _announce(link: RecordLink, *records: Record) -> None:
    _tell(link.organization_id, ((one.of.kind, one.id) for one in records))


def _tell(organization_id: UUID, records: Iterable[tuple[str, UUID]]) -> None:
    for kind, record_id in records:
        room = org_room(organization_id, kind_of(kind).resource)
        push(room, "link:changed", {"kind": kind, "id": str(record_id)})
