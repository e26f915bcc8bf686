"""Calls of other systems' addresses: signed as Standard Webhooks says, kept from addresses of private networks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import requests
from flask import current_app
from requests_hardened import Config, Manager
from requests_hardened.ip_filter import InvalidIPAddress, filter_host

from app.kernel import clock
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from uuid import UUID

# Seconds to connect, and between two bytes of the answer.
TIMEOUT = (5, 10)
PREFIX = "whsec_"


def _loopback() -> bool:
    """Whether addresses of this machine, and plain http, may be called: for tests and development."""
    return bool(current_app.config["WEBHOOK_ALLOW_LOOPBACK"])


def job_id(call_id: UUID, tried: int = 0) -> str:
    """The name of the job that makes a call after it was tried so often: one that has ended is known for a while."""
    return f"automation-call-{call_id}-{tried}"


def new_secret() -> str:
    """A secret to sign with."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def problem_of(url: str) -> str:
    """What is wrong with an address, in words; nothing where it may be called.

    Names are looked up when they are called, each time: what a name means may change.
    """
    schemes = {"https", "http"} if _loopback() else {"https"}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    if parts.scheme not in schemes or not host or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        return _("Write a web address that starts with https://.")
    if parts.username is not None or parts.password is not None:
        return _("An address holds no name and no password: calls are signed.")
    if not _is_outside(host):
        return _("Addresses of private networks cannot be called.")
    return ""


def _is_outside(host: str) -> bool:
    if host.rstrip(".") == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return _loopback() and host == "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name; but not one of the other ways to write an address (“2130706433”, “0x7f.1”).
        return any(part.isalpha() for part in host.rstrip(".").split(".")[-1:]) or "xn--" in host
    if address.is_loopback and _loopback():
        return True
    if not address.is_global or address.is_reserved or getattr(address, "is_site_local", False):
        return False
    try:
        filter_host(host, 443, allow_loopback=_loopback())
    except requests.RequestException:  # InvalidIPAddress is one; an address with a zone cannot be looked up at all
        return False
    return True


def sign(secret: str, call_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a call: HMAC-SHA256 over its id, time and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{call_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def send(call_id: UUID, url: str, payload: dict[str, Any], secret: str) -> tuple[int | None, str]:
    """Calls an address; its status, or none and the reason. Follows no redirect. Nothing of the answer is kept."""
    if problem := problem_of(url):
        return None, problem
    body, timestamp = orjson.dumps(payload), str(int(clock.now().timestamp()))
    manager = Manager(
        Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=_loopback(),
            never_redirect=True,
            default_timeout=TIMEOUT,
            user_agent_override="Stratikey-Webhooks/1",
        )
    )
    headers = {
        "Content-Type": "application/json",
        "webhook-id": str(call_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(secret, str(call_id), timestamp, body),
    }
    try:
        with manager.get_session() as session:
            session.trust_env = False
            with session.post(url, data=body, headers=headers, stream=True) as answer:
                return answer.status_code, ""
    except InvalidIPAddress:
        return None, _("Addresses of private networks cannot be called.")
    except requests.Timeout:
        return None, _("No answer within %(seconds)s seconds.", seconds=TIMEOUT[1])
    except requests.RequestException as error:
        return None, _("The address cannot be reached (%(error)s).", error=type(error).__name__)
