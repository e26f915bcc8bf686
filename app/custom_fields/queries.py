"""The fields of an organization's own, as they are just now."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.custom_fields.models import CustomField
from app.kernel import tenant
from app.kernel.crud.custom import COLUMN, Definition
from app.kernel.crud.fields import Choice, Crud, cruds
from app.kernel.db import db, every_record
from app.kernel.errors import NotFound
from app.tenancy import versions

if TYPE_CHECKING:
    from app.kernel.crud.custom import Definitions

REMEMBERED = 2_000
SECONDS = 60.0
_cache: OrderedDict[UUID, tuple[list[bytes], float, Definitions]] = OrderedDict()
_lock = threading.Lock()


def version_key(organization_id: UUID) -> str:
    """Where the version of an organization's definitions stands in Valkey."""
    return f"version:custom:{organization_id}"


def kinds() -> list[Crud]:
    """The entities that take fields of the organization's own."""
    return [one for one in cruds.values() if one.custom]


def get_kind(kind: str) -> Crud:
    """An entity that takes them. Raises NotFound."""
    found = cruds.get(kind)
    if found is None or not found.custom:
        raise NotFound
    return found


def list_fields(kind: str) -> list[CustomField]:
    """The fields of one kind of record, in order, the archived ones last."""
    return list(
        db.session.scalars(
            select(CustomField)
            .where(CustomField.kind == kind)
            .order_by(CustomField.archived, CustomField.position, CustomField.id)
        )
    )


def get_field(field_id: UUID) -> CustomField:
    """A field. Raises NotFound."""
    found = db.session.scalar(select(CustomField).where(CustomField.id == field_id))
    if found is None:
        raise NotFound
    return found


def has_values(crud: Crud, field_id: UUID) -> bool:
    """Whether any record of the organization has a value of the field."""
    column: Any = getattr(crud.model, COLUMN)
    with every_record():
        found = select(crud.model.id).where(column != {}, column.has_key(field_id.hex)).limit(1)
        return db.session.scalar(found) is not None


def list_used(crud: Crud) -> set[UUID]:
    """The fields of which records of the organization have values, whoever may see those."""
    column: Any = getattr(crud.model, COLUMN)
    with every_record():
        return {UUID(one) for one in db.session.scalars(select(func.jsonb_object_keys(column)).distinct())}


def load() -> Definitions:
    """The definitions of the current organization: from this process's memory while their version stands still.

    One statement otherwise, and always where Valkey does not answer. What the current unit of work has changed
    itself is read, and not remembered: it may yet be taken back.
    """
    scope = tenant.current()
    organization_id = tenant.current_organization_id()
    if scope.info.get("custom_fields_changed"):
        return _read()
    # The version first: what is read after it is at least as new.
    version = versions.current([version_key(organization_id)])
    if version is None:
        return _read()
    with _lock:
        hit = _cache.get(organization_id)
    if hit is not None and hit[0] == version and time.monotonic() - hit[1] < SECONDS:
        return hit[2]
    found = _read()
    with _lock:
        _cache[organization_id] = (version, time.monotonic(), found)
        _cache.move_to_end(organization_id)
        while len(_cache) > REMEMBERED:
            _cache.popitem(last=False)
    return found


def _read() -> Definitions:
    found: dict[str, list[Definition]] = {}
    with db.session.no_autoflush:
        rows = db.session.execute(
            select(CustomField.id, CustomField.kind, CustomField.key, CustomField.label, CustomField.type,
                   CustomField.choices, CustomField.required, CustomField.help, CustomField.currency,
                   CustomField.archived).order_by(CustomField.position, CustomField.id)
        )  # fmt: skip
        for row in rows:
            choices = tuple(Choice(one["id"], one["label"], archived=one["archived"]) for one in row.choices)
            found.setdefault(row.kind, []).append(
                Definition(row.id, row.kind, row.key, row.label, row.type, choices, row.required, row.help,
                           row.currency or "", row.archived)
            )  # fmt: skip
    return found
