"""The SMTP server that takes what is addressed to a mailbox of a feature, and refuses all else.

What is taken is committed before it is answered for, so that a message is either kept here or still with its sender,
who tries again (RFC 5321, 4.2.5 and 4.5.4). The server relays nothing and knows no passwords: before it stands the mail
server that the domain's MX record names.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.exc import OperationalError

from app.kernel.errors import DomainError, Invalid, RateLimited
from app.kernel.feature import registry
from app.kernel.incoming import Mailbox, UnreadableError, is_reply_by_itself, read_mail

if TYPE_CHECKING:
    from flask import Flask

log = structlog.get_logger()
MAX_SIZE = 10 * 1024 * 1024
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
