"""Events: facts written beside the change that caused them, delivered after commit.

``emit`` adds an outbox row. The relay makes one delivery per subscribed handler; a handler runs in
its own unit of work as the event's tenant and marks its delivery done in the same transaction, so
its database effects happen once.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy import BigInteger, Identity, Index, Integer, String, Text, UniqueConstraint, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import audit, clock, jobs, tenant
from app.kernel.actor import Actor, system_actor
from app.kernel.db import db, utc
from app.kernel.ids import new_id
from app.kernel.uow import after_commit, platform_uow, uow

log = structlog.get_logger()

MAX_ATTEMPTS = 6
# Seconds before the second, third, … attempt.
BACKOFF = (5, 30, 120, 600, 3600)


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """Base of the catalogue in ``app/events``. Payloads hold ids and facts of the moment."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    subject_kind: ClassVar[str]
    subject_id: UUID


class Outbox(db.Model):  # type: ignore[name-defined,misc]
    """An emitted event."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_pending", "seq", postgresql_where=db.text("relayed_at IS NULL")),
        Index("ix_outbox_organization", "organization_id", "seq"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, nullable=False, unique=True, default=new_id)
    organization_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    name: Mapped[str] = mapped_column(String(64), nullable=False)
    version: Mapped[int] = mapped_column(Integer, nullable=False, default=1)
    actor_id: Mapped[UUID | None] = mapped_column(Uuid)
    actor_label: Mapped[str] = mapped_column(String(200), nullable=False)
    subject_kind: Mapped[str] = mapped_column(String(64), nullable=False)
    subject_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    request_id: Mapped[str | None] = mapped_column(String(64))
    # How many automations led here, and the run of the last of them.
    depth: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    cause_id: Mapped[UUID | None] = mapped_column(Uuid)
    at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    relayed_at: Mapped[dt.datetime | None] = utc()


class Delivery(db.Model):  # type: ignore[name-defined,misc]
    """One event for one handler."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "handler"),
        Index("ix_delivery_due", "next_at", postgresql_where=db.text("status = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    organization_id: Mapped[UUID] = mapped_column(Uuid, nullable=False)
    event_id: Mapped[UUID] = mapped_column(Uuid, db.ForeignKey("outbox.id", ondelete="CASCADE"))
    handler: Mapped[str] = mapped_column(String(120), nullable=False)
    status: Mapped[str] = mapped_column(String(16), nullable=False, default=DeliveryStatus.PENDING)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    next_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    last_error: Mapped[str | None] = mapped_column(Text)
    done_at: Mapped[dt.datetime | None] = utc()


Handler = Callable[["ReceivedEvent"], None]


@dataclasses.dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """What a handler gets. ``delivery_id`` is the idempotency key of anything that leaves."""

    delivery_id: UUID
    name: str
    organization_id: UUID
    actor_id: UUID | None
    actor_label: str
    subject_kind: str
    subject_id: UUID
    payload: dict[str, Any]
    at: dt.datetime
    actor: Actor
    depth: int = 0
    cause_id: UUID | None = None


# Event name -> handlers by their dotted key; filled by bootstrap from each feature.
subscriptions: dict[str, dict[str, Handler]] = {}


def subscribe(event: type[Event], key: str, handler: Handler) -> None:
    """Lets ``handler`` (named ``key``, stable across releases) react to ``event``."""
    subscriptions.setdefault(event.name, {})[key] = handler


def emit(event: Event) -> None:
    """Writes ``event`` beside the change of the current unit of work."""
    session: Any = db.session()
    scope: tenant.DataScope = session.scope
    actor = scope.actor
    payload = {key: audit.plain(value) for key, value in dataclasses.asdict(event).items() if key != "subject_id"}
    organization_id = payload.pop("organization_id", None) or scope.organization_id
    session.add(
        Outbox(
            organization_id=UUID(str(organization_id)),
            name=event.name,
            version=event.version,
            actor_id=actor.member_id if actor else None,
            actor_label=(actor.label if actor else "Stratikey")[:200],
            subject_kind=event.subject_kind,
            subject_id=event.subject_id,
            payload=payload,
            request_id=actor.request_id if actor else None,
            depth=actor.depth if actor else 0,
            cause_id=actor.cause_id if actor else None,
        )
    )
    if event.name in subscriptions:
        after_commit(_poke, key="outbox.poke")


def _poke() -> None:
    jobs.enqueue_now("kernel.relay", {}, queue="critical", job_id="kernel.relay", unique=True)


def relay(limit: int = 500) -> int:
    """Turns committed events into deliveries and queues them; the number of events relayed.

    Several relays may run at once: rows are claimed with SKIP LOCKED.
    """
    with platform_uow("relay") as session:
        rows = session.scalars(
            select(Outbox)
            .where(Outbox.relayed_at.is_(None))
            .order_by(Outbox.seq)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.relayed_at = clock.now()
            for key in subscriptions.get(row.name, {}):
                delivery = Delivery(id=new_id(), organization_id=row.organization_id, event_id=row.id, handler=key)
                session.add(delivery)
                _queue_delivery(delivery.id)
    if len(rows) == limit:
        _poke()
    return len(rows)


def _queue_delivery(delivery_id: UUID) -> None:
    after_commit(
        lambda: jobs.enqueue_now(
            "kernel.deliver", {"delivery_id": str(delivery_id)}, job_id=f"deliver-{delivery_id}", unique=True
        )
    )


def sweep() -> int:
    """Queues deliveries that are due again (a retry, or a job that Valkey lost)."""
    relayed = relay()
    with platform_uow("relay") as session:
        due = session.scalars(
            select(Delivery.id)
            .where(Delivery.status == DeliveryStatus.PENDING, Delivery.next_at <= clock.now())
            .limit(1000)
        ).all()
        for delivery_id in due:
            _queue_delivery(delivery_id)
    return relayed + len(due)


def deliver(delivery_id: UUID) -> bool:
    """Runs one delivery; True when it is done. A failure is noted and retried with a back-off."""
    with platform_uow("relay") as session:
        found = session.execute(
            select(Delivery, Outbox).join(Outbox, Outbox.id == Delivery.event_id).where(Delivery.id == delivery_id)
        ).one_or_none()
    if found is None or found[0].status == DeliveryStatus.DONE:
        return True
    delivery, event = found
    handler = subscriptions.get(event.name, {}).get(delivery.handler)
    actor = system_actor(
        event.organization_id,
        label=event.actor_label,
        request_id=event.request_id,
        depth=event.depth,
        cause_id=event.cause_id,
    )
    try:
        if handler is None:
            raise LookupError(f"no handler {delivery.handler}")
        with uow(actor) as session:
            claimed = session.scalar(
                select(Delivery).where(Delivery.id == delivery_id).with_for_update(skip_locked=True)
            )
            if claimed is None or claimed.status == DeliveryStatus.DONE:
                return True
            handler(_received(delivery, event, actor))
            claimed.status = DeliveryStatus.DONE
            claimed.done_at = clock.now()
            claimed.attempts += 1
    except Exception as error:
        log.exception("outbox.delivery_failed", handler=delivery.handler, event_name=event.name)
        _note_failure(delivery_id, error)
        return False
    return True


def _received(delivery: Delivery, event: Outbox, actor: Actor) -> ReceivedEvent:
    return ReceivedEvent(
        delivery_id=delivery.id,
        name=event.name,
        organization_id=event.organization_id,
        actor_id=event.actor_id,
        actor_label=event.actor_label,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        payload=event.payload,
        at=event.at,
        actor=actor,
        depth=event.depth,
        cause_id=event.cause_id,
    )


def _note_failure(delivery_id: UUID, error: Exception) -> None:
    with platform_uow("relay") as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.status == DeliveryStatus.DONE:
            return
        delivery.attempts += 1
        delivery.last_error = f"{type(error).__name__}: {error}"[:2000]
        if delivery.attempts >= MAX_ATTEMPTS:
            delivery.status = DeliveryStatus.FAILED
        else:
            wait = BACKOFF[min(delivery.attempts, len(BACKOFF)) - 1]
            delivery.next_at = clock.now() + dt.timedelta(seconds=wait)


def retry(delivery_id: UUID) -> None:
    """Gives a failed delivery a fresh set of attempts. Call inside a platform unit of work."""
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is not None and delivery.status == DeliveryStatus.FAILED:
        delivery.status = DeliveryStatus.PENDING
        delivery.attempts = 0
        delivery.next_at = clock.now()
        _queue_delivery(delivery_id)
