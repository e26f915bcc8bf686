"""Outgoing mail: a row first, the message after commit; by SMTP, or as .eml files when unset."""

from __future__ import annotations

import datetime as dt
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import structlog
from email_validator import EmailNotValidError, validate_email
from flask import current_app, render_template
from flask_babel import force_locale
from sqlalchemy import Index, Integer, String, Text, Uuid, select
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, jobs
from app.kernel.db import db, utc
from app.kernel.ids import new_id
from app.kernel.uow import after_commit, platform_uow

log = structlog.get_logger()
MAX_ATTEMPTS = 5


class Unwritable(Exception):
    """No mail can be addressed like that."""


class MailStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class MailMessage(db.Model):  # type: ignore[name-defined,misc]
    """An outgoing message. The body is dropped once SMTP took it: it may hold one-time links."""

    __tablename__ = "mail_message"
    __table_args__ = (Index("ix_mail_message_queued", "next_at", postgresql_where=db.text("status = 'queued'")),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(64), nullable=False)
    to_email: Mapped[str] = mapped_column(String(320), nullable=False)
    to_name: Mapped[str] = mapped_column(String(200), nullable=False, default="")
    subject: Mapped[str] = mapped_column(String(300), nullable=False)
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), nullable=False, default=MailStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    next_at: Mapped[dt.datetime] = utc(nullable=False, default=clock.now)
    sent_at: Mapped[dt.datetime | None] = utc()


def send(kind: str, *, to: str, name: str = "", locale: str = "it", context: dict[str, Any] | None = None) -> None:
    """Writes a mail from the template ``mail/<kind>.html`` and sends it after commit.

    The template sets blocks ``subject``, ``text`` and ``html``; it is rendered in ``locale``.
    """
    with force_locale(locale):
        values = {"name": name, "locale": locale, **(context or {})}
        parts = {
            part: render_template(f"mail/{kind}.html", part=part, **values).strip()
            for part in ("subject", "text", "html")
        }
    message = MailMessage(
        id=new_id(),
        kind=kind,
        to_email=to,
        to_name=name,
        subject=" ".join(parts["subject"].split())[:300],
        text=parts["text"],
        html=parts["html"],
        # The tenant role may insert here but not read back, so every value is set by the application.
        status=MailStatus.QUEUED,
        attempts=0,
        created_at=clock.now(),
        next_at=clock.now(),
    )
    db.session.add(message)
    message_id = str(message.id)
    after_commit(
        lambda: jobs.enqueue_now(
            "kernel.send_mail", {"message_id": message_id}, job_id=f"mail-{message_id}", unique=True
        )
    )


def deliver(message_id: UUID) -> bool:
    """Sends one queued message; True when it has left (or had left before)."""
    with platform_uow("jobs") as session:
        message = session.scalar(
            select(MailMessage).where(MailMessage.id == message_id).with_for_update(skip_locked=True)
        )
        if message is None or message.status == MailStatus.SENT:
            return True
        message.attempts += 1
        try:
            _transmit(_compose(message), message.id)
        except Exception as error:  # noqa: BLE001 - whatever one message has, those behind it leave
            message.last_error = f"{type(error).__name__}: {error}"[:2000]
            if _is_final(error) or message.attempts >= MAX_ATTEMPTS:
                message.status = MailStatus.FAILED
            else:
                message.next_at = clock.now() + dt.timedelta(minutes=2**message.attempts)
            log.warning("mail.failed", kind=message.kind, attempts=message.attempts)
            return False
        message.status = MailStatus.SENT
        message.sent_at = clock.now()
        message.last_error = None
        if current_app.config["SMTP_URL"]:
            message.text = message.html = None
    return True


def _is_final(error: Exception) -> bool:
    """Whether trying again is of no use: 4xx is "not now" (greylisting), 5xx is "never"."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in error.recipients.values())
    return isinstance(error, Unwritable)


def sweep() -> int:
    """Sends what is queued and due again; the number of messages tried."""
    with platform_uow("jobs") as session:
        due = session.scalars(
            select(MailMessage.id)
            .where(MailMessage.status == MailStatus.QUEUED, MailMessage.next_at <= clock.now())
            .limit(200)
        ).all()
    for message_id in due:
        deliver(message_id)
    return len(due)


def ascii_address(address: str) -> str | None:
    """An address as SMTP takes it, its domain in Punycode; None where the mailbox itself has other letters."""
    if address.isascii():
        return address
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).ascii_email
    except EmailNotValidError:
        return None


def _compose(message: MailMessage) -> EmailMessage:
    """The message as it leaves. Raises Unwritable for an address that none can have."""
    to = ascii_address(message.to_email)
    if to is None:
        raise Unwritable(message.to_email)
    mail = EmailMessage()
    sender = current_app.config["MAIL_FROM"]
    mail["Subject"] = message.subject
    mail["From"] = formataddr(("Stratikey", sender))
    mail["To"] = formataddr((message.to_name, to))
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(idstring=str(message.id), domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text or "")
    mail.add_alternative(message.html or "", subtype="html")
    return mail


def _transmit(mail: EmailMessage, message_id: UUID) -> None:
    url = current_app.config["SMTP_URL"]
    if not url:
        folder = Path(current_app.config["MAIL_FOLDER"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{clock.now():%Y%m%dT%H%M%S}-{message_id}.eml").write_bytes(bytes(mail))
        return
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    factory = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with factory(parts.hostname or "localhost", parts.port or 0, timeout=20) as smtp:
        if options.get("starttls") == ["1"]:
            smtp.starttls(context=ssl.create_default_context())
        if parts.username:
            smtp.login(unquote(parts.username), unquote(parts.password or ""))
        smtp.send_message(mail)
