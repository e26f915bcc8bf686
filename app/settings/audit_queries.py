"""Reads of the audit log for its screen and its export."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, select

from app.kernel import clock
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.errors import BadRequest, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.datastructures import MultiDict

    from app.kernel.actor import Actor

PAGE_SIZE = 50
# Facts about a person's own account. Rows of before have the entity "account", as the CRM's accounts
# do; the log is append-only and chained, so they stay as they are and are told apart here.
IDENTITY = "user"
IDENTITY_ACTIONS = (
    "signed_in",
    "signed_out",
    "sign_in_failed",
    "password_changed",
    "password_reset",
    "second_factor_on",
    "second_factor_off",
)
EXPORT_LIMIT = 100_000


@dataclass(slots=True)
class AuditFilter:
    """Who, what, which record, when."""

    actor_id: str = ""
    entity: str = ""
    action: str = ""
    record: str = ""
    since: str = ""
    until: str = ""
    before: int | None = None


def read_filter(args: MultiDict[str, str]) -> AuditFilter:
    """The filter in an address. Raises BadRequest."""
    before = args.get("before")
    if before and not (before.isdigit() and len(before) < 18):
        raise BadRequest
    return AuditFilter(
        actor_id=args.get("who", ""),
        entity=args.get("entity", "")[:64],
        action=args.get("action", "")[:64],
        record=args.get("record", "")[:100].replace("\x00", ""),
        since=args.get("since", ""),
        until=args.get("until", ""),
        before=int(before) if before else None,
    )


def _of_entity(entity: str) -> ColumnElement[bool]:
    """Rows of a kind of record, with sign-ins of before under their new name."""
    old = (AuditLog.entity == "account") & AuditLog.action.in_(IDENTITY_ACTIONS)
    if entity == IDENTITY:
        return (AuditLog.entity == IDENTITY) | old
    return (AuditLog.entity == entity) & ~old


def is_identity(row: AuditLog) -> bool:
    """Whether the row is about a person's own account."""
    return row.entity == IDENTITY or (row.entity == "account" and row.action in IDENTITY_ACTIONS)


def _statement(wanted: AuditFilter, actor: Actor) -> Select[Any]:
    statement = select(AuditLog).order_by(AuditLog.seq.desc())
    if wanted.actor_id:
        try:
            statement = statement.where(AuditLog.actor_id == parse_id(wanted.actor_id))
        except NotFound:
            raise BadRequest from None
    if wanted.entity:
        statement = statement.where(_of_entity(wanted.entity))
    if wanted.action:
        statement = statement.where(AuditLog.action == wanted.action)
    if wanted.record:
        pattern = wanted.record.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(AuditLog.entity_label.ilike(f"%{pattern}%") | (AuditLog.entity_id == wanted.record))
    for text, after in ((wanted.since, True), (wanted.until, False)):
        if not text:
            continue
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            raise BadRequest(_("This is not a date.")) from None
        start, end = clock.day_bounds(day, actor.timezone)
        statement = statement.where(AuditLog.at >= start if after else AuditLog.at < end)
    if wanted.before is not None:
        statement = statement.where(AuditLog.seq < wanted.before)
    return statement


def list_audit(wanted: AuditFilter, actor: Actor) -> tuple[Sequence[AuditLog], bool]:
    """A page of the log, newest first, and whether older rows follow. Pages by key, not by offset."""
    rows = db.session.scalars(_statement(wanted, actor).limit(PAGE_SIZE + 1)).all()
    return rows[:PAGE_SIZE], len(rows) > PAGE_SIZE


def export_audit(wanted: AuditFilter, actor: Actor) -> Sequence[AuditLog]:
    """Everything that the filter shows, for the export."""
    return db.session.scalars(_statement(wanted, actor).limit(EXPORT_LIMIT)).all()


def known_entities() -> list[str]:
    """The kinds of record that appear in the log."""
    return sorted(db.session.scalars(select(AuditLog.entity).distinct()))


def known_actions() -> list[str]:
    """The actions that appear in the log."""
    return sorted(db.session.scalars(select(AuditLog.action).distinct()))
