"""Secrets at rest (Fernet, rotating keys), one-way hashes of tokens, signed links, passwords."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from app.kernel import clock
from app.kernel.errors import NotFound

# argon2id with OWASP's second recommended profile (19 MiB, t=2, p=1).
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in current_app.config["ENCRYPTION_KEYS"]])


def encrypt(text: str) -> str:
    """``text`` encrypted with the newest of ENCRYPTION_KEYS."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text behind ``token``; raises ValueError when no key opens it."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken:
        raise ValueError("the secret cannot be decrypted with ENCRYPTION_KEYS") from None


def token_hash(token: str) -> str:
    """What is stored of a random token: its SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def hash_password(password: str) -> str:
    """The argon2id hash of ``password``."""
    return _hasher.hash(password)


# Checked when the account does not exist, so that both answers take as long.
_DUMMY = _hasher.hash("a password that nobody has")


def check_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` matches; takes the same time without a stored hash."""
    try:
        return _hasher.verify(stored or _DUMMY, password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


class _Signer(TimestampSigner):
    """Asks the product's clock, so that tests can set it."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=purpose, signer=_Signer)


def sign(payload: Any, *, purpose: str) -> str:
    """A URL-safe signed token of ``payload`` for one ``purpose``."""
    return str(_serializer(purpose).dumps(payload))


def unsign(token: str, *, purpose: str, max_age: int) -> Any:
    """The payload of a token younger than ``max_age`` seconds; raises NotFound otherwise."""
    try:
        return _serializer(purpose).loads(token, max_age=max_age)
    except BadSignature:
        raise NotFound from None
