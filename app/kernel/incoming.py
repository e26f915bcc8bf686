"""Incoming mail: the mailboxes of features, and what a message says. ``mail_gateway`` receives them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr
from typing import Any

import structlog

log = structlog.get_logger()
# What no person writes and takes minutes, or most of the memory, to read: parts within parts, lines, ends of parts.
MAX_NESTED, MAX_LINES, MAX_ENDS = 50, 250_000, 5000


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
    from inscriptis import get_text  # type: ignore[import-untyped]  # noqa: PLC0415 - the gateway's alone, and large

    return "\n".join(line.rstrip() for line in get_text(html).splitlines()).strip()
