"""Incoming mail: an SMTP server that takes what is addressed to a mailbox of a feature, and refuses all else.

What is taken is committed before it is answered for, so that a message is either kept here or still with its sender,
who tries again (RFC 5321, 4.2.5 and 4.5.4). The server relays nothing and knows no passwords: before it stands the mail
server that the domain's MX record names.
"""

from __future__ import annotations

import asyncio
import hashlib
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from inscriptis import get_text  # type: ignore[import-untyped]
from sqlalchemy.exc import OperationalError

from app.kernel.errors import DomainError, Invalid, RateLimited
from app.kernel.feature import registry

if TYPE_CHECKING:
    from flask import Flask

log = structlog.get_logger()
MAX_SIZE = 10 * 1024 * 1024
# What no person writes and takes minutes, or most of the memory, to read: parts within parts, lines, ends of parts.
MAX_NESTED, MAX_LINES, MAX_ENDS = 50, 250_000, 5000
MAX_RECIPIENTS = 20
MAX_CONNECTIONS = 100
# Seconds that a sender may say nothing.
PATIENCE = 60.0
# Commands of one connection, of each kind.
MAX_COMMANDS = 500
# The sender of what must not be answered: of notices that something was not delivered.
NOBODY = (None, "", "<>")
TRY_AGAIN = "451 4.3.0 Not now: try again later"
TAKEN = "250 2.0.0 Taken"


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """What a message says. ``key`` is 64 hex digits, alike for a message that is sent again.

    ``text`` is plain text, made of the HTML where there is nothing else. ``automatic`` is set for what a program or a
    list sends, which nobody must answer by itself (RFC 3834). ``attachments`` are names of files.
    """

    key: str
    sender: str
    name: str
    subject: str
    text: str
    language: str
    automatic: bool
    attachments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The addresses ``<name>-<key>@…`` of a feature.

    ``find`` says what is behind a key, None for a key that is not one's; ``take`` keeps a message in units of work of
    its own. What ``take`` raises is answered for: Invalid with its words, RateLimited with “try again later”.
    """

    name: str
    find: Callable[[str], Any | None]
    take: Callable[[Any, IncomingMail], None]


class UnreadableError(Exception):
    """A message that cannot be taken; its words go back to the sender."""


def address(mailbox: str, key: str, domain: str) -> str:
    """The address of a key."""
    return f"{mailbox}-{key}@{domain}"


# ── reading a message ────────────────────────────────────────────────────────────────────────────


def read_mail(raw: bytes) -> IncomingMail:
    """What a message says. Raises UnreadableError."""
    lower = raw.lower()
    nested = lower.count(b"multipart/") + lower.count(b"message/")
    if nested > MAX_NESTED or raw.count(b"\n") > MAX_LINES or raw.count(b"\n--") > MAX_ENDS:
        raise UnreadableError("The message has too many parts")
    try:
        return _read(raw)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        # The library's own ways to fail on what is no message.
        log.warning("mail.unreadable", exc_info=True)
        raise UnreadableError("The message cannot be read") from None


def _read(raw: bytes) -> IncomingMail:
    message = BytesParser(policy=policy.compat32).parsebytes(raw)
    parts = [one for one in message.walk() if not one.is_multipart()]
    name, sender = parseaddr(_header(message, "From"))
    return IncomingMail(
        key=hashlib.sha256(_header(message, "Message-ID").encode() or raw).hexdigest(),
        sender=sender,
        name=_decoded(name),
        subject=_decoded(_header(message, "Subject")),
        text=_text(parts),
        language=_header(message, "Content-Language")[:2].lower(),
        automatic=_is_automatic(message),
        attachments=tuple(filter(None, (_file_name(one) for one in parts))),
    )


def is_reply_by_itself(raw: bytes) -> bool:
    """Whether a message is one of those that answer without anybody: out of office, could not be delivered."""
    head = BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True)
    replied = _header(head, "Auto-Submitted").lower().startswith("auto-replied")
    return replied or head.get_content_type() == "multipart/report"


def _is_automatic(message: Message) -> bool:
    return (
        _header(message, "Auto-Submitted").lower() not in {"", "no"}
        or _header(message, "Precedence").lower() in {"bulk", "junk", "list"}
        or "List-Id" in message
    )


def _header(message: Message, name: str) -> str:
    """A header as it was sent, in UTF-8 too (RFC 6532); empty where there is none."""
    found = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return str(found).encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()


def _decoded(text: str) -> str:
    """The words of a header, on one line; what cannot be decoded stays as it is."""
    with suppress(HeaderParseError, LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    """Without NUL, which PostgreSQL does not take, and halves of surrogate pairs, which UTF-8 does not."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _file_name(part: Message) -> str:
    name = part.get_filename()
    # What an HTML text shows within itself is the logo of a signature.
    return "" if name is None or part.get("Content-ID") else _decoded(name)[:200]


def _text(parts: list[Message]) -> str:
    said = [one for one in parts if one.get_content_disposition() != "attachment" and one.get_filename() is None]
    for kind in ("text/plain", "text/html"):
        found = [_body(one) for one in said if one.get_content_type() == kind]
        text = "\n\n".join(filter(None, (_plain(one) if kind == "text/html" else one for one in found)))
        if text:
            return text
    return ""


def _body(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text = data.decode("cp1252", "replace")
    for charset in ("utf-8", part.get_content_charset()):
        with suppress(LookupError, UnicodeError):
            text = data.decode(charset or "utf-8")
    return _printable("\n".join(line.rstrip() for line in text.splitlines())).strip()


def _plain(html: str) -> str:
    return "\n".join(line.rstrip() for line in get_text(html).splitlines()).strip()


# ── the server ───────────────────────────────────────────────────────────────────────────────────


class _Server(SMTP):
    """As aiosmtpd's, for longer lines, which programs write, and never for more than MAX_CONNECTIONS at a time."""

    open = 0
    line_length_limit = 64 * 1024

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).open += 1
        super().connection_made(transport)
        if self.open > MAX_CONNECTIONS:
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"421 4.3.2 Too many connections: try again later\r\n")
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        type(self).open -= 1
        super().connection_lost(error)


class _Handler:
    """Answers for recipients and messages; what asks the database runs in threads."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        refusal = await asyncio.to_thread(self._in_app, self._refusal, address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(rcpt_options)
        return refusal or "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        return await asyncio.to_thread(self._in_app, self._take, envelope) or TRY_AGAIN

    async def handle_exception(self, error: Exception) -> str:
        log.error("mail.gateway_failed", exc_info=error)
        return TRY_AGAIN

    def _in_app(self, act: Callable[[Any], str | None], value: Any) -> str | None:
        with self.app.app_context():
            try:
                return act(value)
            except OperationalError:
                log.warning("mail.database_away")
            except Exception:
                log.exception("mail.gateway_failed")
            return TRY_AGAIN

    def _refusal(self, recipient: str) -> str | None:
        return None if _find(recipient) else "550 5.1.1 Nobody takes mail at this address"

    def _take(self, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        if envelope.mail_from in NOBODY or is_reply_by_itself(raw):
            log.info("mail.dropped", why="answers by itself")
            return TAKEN
        try:
            mail = read_mail(raw)
            if mail.sender.lower() == self.app.config["MAIL_FROM"].lower():
                log.info("mail.dropped", why="our own")
                return TAKEN
            for recipient in envelope.rcpt_tos:
                found = _find(recipient)
                if found is None:
                    return "550 5.1.1 Nobody takes mail at this address"
                mailbox, target = found
                mailbox.take(target, mail)
                log.info("mail.taken", mailbox=mailbox.name)
        except UnreadableError as error:
            return f"554 5.6.0 {error}"
        except RateLimited:
            return "451 4.7.1 Too many messages: try again later"
        except Invalid as error:
            return "554 5.6.0 " + _ascii(" ".join(text for texts in error.errors.values() for text in texts))
        except DomainError as error:
            return "554 5.7.1 " + _ascii(str(error.message))
        return TAKEN


def _find(recipient: str) -> tuple[Mailbox, Any] | None:
    name, _, key = recipient.rpartition("@")[0].lower().partition("-")
    mailbox = registry.mailboxes.get(name)
    target = mailbox.find(key) if mailbox is not None and key.isalnum() and key.isascii() else None
    return None if mailbox is None or target is None else (mailbox, target)


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return " ".join(plain.split())[:400]


class Gateway(Controller):
    """The server on an address, in a thread of its own. ``start`` raises OSError when nobody could listen there."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        super().__init__(_Handler(app), hostname=host, port=port)

    def factory(self) -> SMTP:
        """What answers one connection."""
        return _Server(
            self.handler,
            hostname="stratikey",
            ident="ESMTP",
            data_size_limit=MAX_SIZE,
            enable_SMTPUTF8=True,
            timeout=PATIENCE,
            command_call_limit=MAX_COMMANDS,
            loop=self.loop,
        )
