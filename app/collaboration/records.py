"""Any record by its kind and id, as far as the actor may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import null, select

from app.kernel.actor import ActorKind
from app.kernel.crud.fields import cruds
from app.kernel.db import db, scope_criterion
from app.kernel.errors import NotFound
from app.kernel.feature import RecordKind, registry

if TYPE_CHECKING:
    from app.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class Record:
    """A record and what its kind says of it."""

    of: RecordKind
    row: Any

    @property
    def id(self) -> UUID:
        found: UUID = self.row.id
        return found

    @property
    def label(self) -> str:
        return str(self.row.label)

    @property
    def url(self) -> str:
        return self.of.url(self.id)


def kind_of(name: str) -> RecordKind:
    """A kind of record that may have comments and links. Raises NotFound."""
    found = registry.records.get(name)
    if found is None or found.model is None:
        raise NotFound
    return found


def get_record(kind: str, record_id: UUID) -> Record:
    """A record that the actor may see. Raises NotFound."""
    of = kind_of(kind)
    row = db.session.scalar(select(of.model).where(of.model.id == record_id))
    if row is None:
        raise NotFound
    return Record(of, row)


def may_comment(actor: Actor, of: RecordKind) -> bool:
    """Whoever works on records of a kind may write about each that they see."""
    return actor.can("write", of.resource)


def sees_internal(actor: Actor, of: RecordKind) -> bool:
    """Those who work on such records; neither people who only read nor the vendor's staff on a visit."""
    return actor.kind is not ActorKind.VENDOR and actor.impersonator_id is None and may_comment(actor, of)


def may_read(actor: Actor, of: RecordKind, record_id: UUID) -> bool:
    """Whether somebody else (``actor``) may see a record. For a scope that may see it itself."""
    statement = select(of.model.id).where(of.model.id == record_id)
    if of.model.__resource__ is not None:
        criterion = scope_criterion(actor, "read", of.model)
        if criterion is not None:
            statement = statement.where(criterion)
    elif not actor.can("read", of.resource):
        return False
    return db.session.scalar(statement) is not None


@dataclass(frozen=True, slots=True)
class Named:
    """A record as a line of a list; ``value`` is the amount at stake with it, where its kind says one."""

    kind: str
    id: UUID
    label: str
    url: str
    icon: str
    kind_label: str
    value: Decimal | None = None


def name_records(pairs: Iterable[tuple[str, UUID]]) -> Mapping[UUID, Named]:
    """What records are called, of those that the actor may see. A query for each kind among them."""
    wanted: dict[str, list[UUID]] = {}
    for kind, record_id in pairs:
        wanted.setdefault(kind, []).append(record_id)
    found: dict[UUID, Named] = {}
    for kind, ids in wanted.items():
        of = registry.records.get(kind)
        if of is None or of.model is None:
            continue
        label = getattr(of.model, cruds[kind].label_field)
        worth = of.value() if of.value is not None else null()
        for record_id, name, value in db.session.execute(select(of.model.id, label, worth).where(of.model.id.in_(ids))):
            found[record_id] = Named(kind, record_id, str(name), of.url(record_id), of.icon, str(of.label), value)
    return found
