"""The audit log: who changed what, from → to, written in the same transaction as the change.

Rows go in through one SECURITY DEFINER function (``audit_append``) that numbers them and links each
to the one before by SHA-256, per organization; no role may update or delete them.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Index, String, Uuid, event, inspect, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import TenantSession, db, utc
from app.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.kernel.actor import Actor

MASK = "•••"
_TECHNICAL = {"id", "organization_id", "created_at", "created_by_id", "updated_at", "updated_by_id"}
_TECHNICAL |= {"version", "rank", "search"}


class AuditLog(db.Model):  # type: ignore[name-defined,misc]
    """One fact. ``changes`` maps a field to ``[old, new]``; secrets are masked."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_entity", "organization_id", "entity", "entity_id", "seq"),
        Index("ix_audit_log_at", "organization_id", "at"),
        Index("ix_audit_log_actor", "organization_id", "actor_id", "seq"),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, nullable=False, unique=True)
    at: Mapped[dt.datetime] = utc(nullable=False)
    actor_kind: Mapped[str] = mapped_column(String(16), nullable=False)
    actor_id: Mapped[UUID | None] = mapped_column(Uuid)
    actor_label: Mapped[str] = mapped_column(String(200), nullable=False)
    impersonator_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(64), nullable=False)
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    entity_id: Mapped[str] = mapped_column(String(64), nullable=False)
    entity_label: Mapped[str] = mapped_column(String(300), nullable=False)
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    source: Mapped[str] = mapped_column(String(16), nullable=False)
    request_id: Mapped[str | None] = mapped_column(String(64))
    ip: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    prev_hash: Mapped[str] = mapped_column(String(64), nullable=False)
    hash: Mapped[str] = mapped_column(String(64), nullable=False)


class AuditHead(db.Model):  # type: ignore[name-defined,misc]
    """The newest link of an organization's chain; only ``audit_append`` touches it."""

    __tablename__ = "audit_head"

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, nullable=False)
    hash: Mapped[str] = mapped_column(String(64), nullable=False)


def plain(value: Any) -> Any:
    """``value`` as the audit log stores it: JSON scalars, lists and objects only."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, UUID | Decimal | dt.date):
        return str(value)
    if isinstance(value, bytes):
        return MASK
    if isinstance(value, set | frozenset | tuple):
        return [plain(item) for item in value]
    return value


def differences(before: Mapping[str, Any], now: Any) -> dict[str, list[Any]]:
    """What of ``before`` (attribute -> value) a record has otherwise now: attribute -> [old, new], plain."""
    pairs = {name: (old, getattr(now, name)) for name, old in before.items()}
    return {name: [plain(old), plain(new)] for name, (old, new) in pairs.items() if old != new}


def record(
    action: str,
    *,
    entity: str,
    entity_id: object,
    label: str,
    changes: dict[str, Any] | None = None,
    organization_id: UUID | None = None,
    actor: Actor | None = None,
) -> None:
    """Adds a fact that no row change shows (a sign-in, an export, a denied attempt).

    ``organization_id`` and ``actor`` default to those of the current scope.
    """
    session: Any = db.session()
    organization_id = organization_id or session.scope.organization_id
    if organization_id is None:
        raise ValueError("an audit row belongs to an organization")
    _queue(session).append(
        _row(
            action,
            entity,
            str(entity_id),
            label,
            changes or {},
            organization_id,
            actor or session.scope.actor,
        )
    )


def _row(
    action: str,
    entity: str,
    entity_id: str,
    label: str,
    changes: dict[str, Any],
    organization_id: UUID,
    actor: Actor | None,
) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "organization_id": str(organization_id),
        "at": clock.now().isoformat(),
        "actor_kind": actor.kind.value if actor else "system",
        "actor_id": _actor_id(actor),
        "actor_label": (actor.label if actor else "Stratikey")[:200],
        "impersonator_id": actor.impersonator_id if actor else None,
        "action": action,
        "entity": entity,
        "entity_id": entity_id,
        "entity_label": label[:300],
        "changes": changes,
        "source": actor.source if actor else "job",
        "request_id": actor.request_id if actor else None,
        "ip": actor.ip if actor else None,
        "user_agent": (actor.user_agent or "")[:300] or None if actor else None,
    }


def _actor_id(actor: Actor | None) -> str | None:
    found = (actor.member_id or actor.key_id) if actor else None
    return str(found) if found else None


def _queue(session: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = session.info.setdefault("audit", [])
    return rows


@event.listens_for(TenantSession, "after_flush")
def _collect(session: TenantSession, _context: Any) -> None:
    for row in session.new:
        _note(session, row, "created")
    for row in session.dirty:
        if session.is_modified(row):
            _note(session, row, "updated")
    for row in session.deleted:
        _note(session, row, "deleted")


def _note(session: TenantSession, row: Any, action: str) -> None:
    if not getattr(row, "__audited__", False):
        return
    state = inspect(row)
    columns = state.mapper.columns
    changes: dict[str, Any] = {}
    for attribute in state.mapper.column_attrs:
        key = attribute.key
        if key in _TECHNICAL or (key in columns and _follows(columns[key])):
            continue  # what follows from the other columns is nobody's change
        secret = bool(columns[key].info.get("secret")) if key in columns else False
        history = state.attrs[key].history
        if key in columns and columns[key].info.get("parts"):
            changes |= _parts(key, action, row, history)
            continue
        if action == "created":
            old, new = None, getattr(row, key)
            if new is None:
                continue
        elif action == "deleted":
            old, new = getattr(row, key), None
            if old is None:
                continue
        else:
            if not history.has_changes():
                continue
            old = history.deleted[0] if history.deleted else None
            new = history.added[0] if history.added else None
        changes[key] = [MASK if old else None, MASK if new else None] if secret else [plain(old), plain(new)]
    if action == "updated" and not changes:
        return
    organization_id = getattr(row, "organization_id", None)
    if organization_id is None:
        organization_id = row.id if row.__tablename__ == "organization" else session.scope.organization_id
    if organization_id is None:
        return
    _queue(session).append(
        _row(
            action,
            row.__tablename__.removeprefix("ab_"),
            str(row.id),
            str(getattr(row, "label", None) or getattr(row, "name", None) or row.id),
            changes,
            organization_id,
            session.scope.actor,
        )
    )


def _follows(column: Any) -> bool:
    return column.computed is not None or bool(column.info.get("follows"))


def _parts(key: str, action: str, row: Any, history: Any) -> dict[str, Any]:
    """Of a column that holds an object of fields, what each of them had and has (``<column>_<name>``)."""
    now = getattr(row, key) or {}
    old = {} if action == "created" else now if action == "deleted" else (history.deleted or [now])[0] or {}
    new = {} if action == "deleted" else now
    return {
        f"{key}_{one}": [plain(old.get(one)), plain(new.get(one))]
        for one in sorted({*old, *new})
        if old.get(one) != new.get(one)
    }


_APPEND = text("SELECT audit_append(CAST(:rows AS jsonb))")


def write(session: Any) -> None:
    """Appends what this unit of work noted. Called last, so the chain's lock is held for a moment."""
    rows = session.info.pop("audit", [])
    for start in range(0, len(rows), 5000):
        session.execute(_APPEND, {"rows": orjson.dumps(rows[start : start + 5000]).decode()})


def discard(session: Any) -> None:
    """Forgets what a rolled-back unit of work noted."""
    session.info.pop("audit", None)


def verify(organization_id: UUID) -> tuple[int, int | None]:
    """Recomputes the chain up to its head: (rows checked, sequence number of the first broken row or None).

    Of rows missing at the end the first missing one is named. Runs in the organization's scope or a
    platform one; the database refuses any other.
    """
    result = db.session.execute(
        text("SELECT checked, broken_seq FROM audit_verify(:organization_id)"),
        {"organization_id": organization_id},
    ).one()
    return int(result.checked), result.broken_seq
