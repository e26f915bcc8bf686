"""Generic reading and writing of one record, through the feature's verbs where it declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.kernel.crud.custom import fold
from app.kernel.crud.fields import Crud
from app.kernel.crud.query import base_select
from app.kernel.db import db
from app.kernel.errors import Conflict, NotFound
from app.kernel.realtime import org_room, push

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor


def load(crud: Crud, record_id: UUID) -> dict[str, Any]:
    """All fields of a record, with the names of what it refers to. Raises NotFound."""
    fields = list(crud.fields)
    statement = base_select(crud, fields).where(crud.model.id == record_id)
    names = {field.name for field in fields}
    for column in ("created_at", "updated_at", "owner_id"):
        if column not in names and hasattr(crud.model, column):
            statement = statement.add_columns(getattr(crud.model, column))
    row = db.session.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound
    return dict(row)


def get(crud: Crud, record_id: UUID) -> Any:
    """The record itself. Raises NotFound."""
    found = db.session.scalar(select(crud.model).where(crud.model.id == record_id))
    if found is None:
        raise NotFound
    return found


def create(crud: Crud, values: dict[str, Any], *, actor: Actor) -> Any:
    """Creates a record by the feature's verb, or as it is."""
    actor.require("write", crud.resource)
    values = fold(crud, values, None)
    if crud.verbs.create is not None:
        created = crud.verbs.create(actor=actor, **values)
    else:
        created = crud.model(**{key: value for key, value in values.items() if value is not None})
        actor.require_on("write", crud.resource, created)
        db.session.add(created)
    db.session.flush()
    announce(crud, created, "created")
    return created


def change(crud: Crud, record_id: UUID, values: dict[str, Any], *, actor: Actor, version: int | None) -> Any:
    """Changes a record. Raises Conflict when ``version`` is given and is not the current one."""
    record = get(crud, record_id)
    actor.require_on("write", crud.resource, record)
    if version is not None and record.version != version:
        raise Conflict(details={"version": record.version})
    values = fold(crud, values, record)
    if crud.verbs.update is not None:
        crud.verbs.update(record, actor=actor, **values)
    else:
        for name, value in values.items():
            if value is None and not crud.model.__table__.c[name].nullable:
                continue  # an emptied control of a column that always has a value
            setattr(record, name, value)
    actor.require_on("write", crud.resource, record)
    db.session.flush()
    announce(crud, record, "updated")
    return record


def delete(crud: Crud, record_id: UUID, *, actor: Actor) -> str:
    """Deletes a record; returns what it was called. Raises Conflict while others refer to it."""
    record = get(crud, record_id)
    actor.require_on("write", crud.resource, record)
    name = record.label
    if crud.verbs.delete is not None:
        crud.verbs.delete(record, actor=actor)
    else:
        db.session.delete(record)
    db.session.flush()
    announce(crud, record, "deleted")
    return str(name)


def announce(crud: Crud, record: Any, what: str) -> None:
    """Tells open pages of people who may read such records that one changed: its id and version only."""
    push(
        org_room(record.organization_id, crud.resource),
        f"{crud.kind}:changed",
        {"id": str(record.id), "version": record.version, "change": what},
    )
