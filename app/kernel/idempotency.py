"""``Idempotency-Key``: a POST that confirms, pays, orders, sends or creates happens once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from flask import request
from sqlalchemy import Integer, String, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import TenantModel, advisory_lock, db, tenant_table_args
from app.kernel.errors import Invalid
from app.kernel.http import actor, json_response
from app.kernel.i18n import gettext as _
from app.kernel.uow import uow

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response


class IdempotencyKey(TenantModel):
    """The stored answer of a POST, for the one who sent it (``actor``: kind and id). Kept for a day."""

    __tablename__ = "idempotency_key"
    __audited__ = False
    __table_args__ = tenant_table_args("idempotency_key", UniqueConstraint("organization_id", "actor", "key"))

    actor: Mapped[str] = mapped_column(String(64), nullable=False)
    key: Mapped[str] = mapped_column(String(120), nullable=False)
    fingerprint: Mapped[str] = mapped_column(String(64), nullable=False)
    status_code: Mapped[int] = mapped_column(Integer, nullable=False)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)


def once(action: Callable[[], tuple[Any, int]]) -> Response:
    """Runs ``action`` in one unit of work and answers ``(payload, status)`` as JSON.

    With an ``Idempotency-Key`` the first answer is stored in the same transaction and given again to
    repeats by the same actor; the same key with another body is refused with 422.
    """
    key = request.headers.get("Idempotency-Key", "")[:120]
    if not key:
        with uow():
            payload, status = action()
        return json_response(payload, status)
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.get_data())
    fingerprint = digest.hexdigest()
    # An answer is for its actor: a colleague may not be allowed to see it, and has not done it.
    asking = actor()
    who = f"{asking.kind}:{asking.key_id or asking.member_id or asking.user_id}"
    replayed = False
    with uow():
        # Two repeats at the same moment: the second waits for the first one's answer.
        advisory_lock(f"idempotency:{who}:{key}")
        stored = db.session.scalar(select(IdempotencyKey).where(IdempotencyKey.actor == who, IdempotencyKey.key == key))
        if stored is None:
            payload, status = action()
            payload = orjson.loads(orjson.dumps(payload, default=str))
            db.session.add(
                IdempotencyKey(actor=who, key=key, fingerprint=fingerprint, status_code=status, body=payload)
            )
        elif stored.fingerprint != fingerprint:
            raise Invalid(_("This Idempotency-Key was used for another request."))
        else:
            payload, status, replayed = stored.body, stored.status_code, True
    response = json_response(payload, status)
    if replayed:
        response.headers["Idempotent-Replay"] = "true"
    return response
