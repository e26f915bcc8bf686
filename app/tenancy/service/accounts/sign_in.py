"""Who somebody is, by e-mail and password or by Google; too many wrong tries have to wait."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app.kernel import clock, crypto, valkey
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, RateLimited
from app.kernel.i18n import gettext as _
from app.tenancy import queries
from app.tenancy.models import Credential, User
from app.tenancy.service.accounts.audit_trail import ClientInfo, audit_identity

MAX_FAILURES = 8
LOCK_MINUTES = 15


def check_sign_in(email: str, password: str, client: ClientInfo) -> Any | None:
    """The account, when e-mail and password are right; None otherwise, in the same time.

    After 8 wrong passwords in a row the account waits 15 minutes: RateLimited, also for addresses
    that nobody has, so that the answer reveals nothing.
    """
    user = queries.find_user(email)
    credential = db.session.get(Credential, user.id, with_for_update=True) if user else None
    if credential is None:
        _check_unknown(email)
    else:
        check_locked(credential)
    right = crypto.check_password(credential.password_hash if credential else None, password)
    if credential is None or user is None:
        return None
    if not right or not user.active:
        count_failure(credential)
        audit_identity(user, "sign_in_failed", client)
        return None
    if credential.totp_confirmed_at is None:
        # With a second factor only a right code resets the count, or codes could be guessed for ever.
        credential.failed_count, credential.locked_until = 0, None
    return user


def _check_unknown(email: str) -> None:
    """Counts attempts at an address that nobody has, and makes it wait as an account would."""
    key = f"sign-in:unknown:{crypto.token_hash(email.strip().lower())}"
    try:
        connection = valkey.connection()
        if connection.get(f"{key}:locked"):
            raise RateLimited(details={"retry_after": max(1, connection.ttl(f"{key}:locked"))})
        count = connection.incr(key)
        connection.expire(key, 30 * 86400)
        if count >= MAX_FAILURES:
            connection.set(f"{key}:locked", 1, ex=LOCK_MINUTES * 60)
            connection.delete(key)
    except valkey.RedisError:
        return


def check_locked(credential: Credential) -> None:
    """Raises RateLimited while the account waits."""
    now = clock.now()
    if credential.locked_until and credential.locked_until > now:
        raise RateLimited(details={"retry_after": int((credential.locked_until - now).total_seconds()) + 1})


def count_failure(credential: Credential) -> None:
    """One wrong password or code more; after the eighth the account waits."""
    credential.failed_count += 1
    if credential.failed_count >= MAX_FAILURES:
        credential.locked_until, credential.failed_count = clock.now() + dt.timedelta(minutes=LOCK_MINUTES), 0


def ways_in(user_id: int) -> tuple[bool, bool]:
    """How the person can sign in: (with a password, with a Google account)."""
    credential = db.session.get(Credential, user_id)
    if credential is None:
        return False, False
    return credential.password_hash is not None, credential.google_subject is not None


def link_google(user: Any, subject: str) -> None:
    """Remembers the Google account of a person, after Google vouched for their e-mail.

    Raises Conflict when another Google account is linked: whoever got hold of the address since (a
    mailbox given to a successor, say) is not this person.
    """
    credential = db.session.get(Credential, user.id, with_for_update=True)
    if credential is None:
        credential = Credential(user_id=user.id)
        db.session.add(credential)
    if credential.google_subject not in {None, subject}:
        raise Conflict(_("Another Google account is linked to this address. Sign in with that one or by password."))
    credential.google_subject = subject


def unlink_google(user_id: int, password: str) -> None:
    """Forgets the person's Google account; asks for the password, which is how they sign in from now on.

    Raises Conflict without a linked account or without a password: nobody is locked out.
    """
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None or credential.google_subject is None:
        raise Conflict(_("No Google account is linked."))
    if not credential.password_hash:
        raise Conflict(_("Set a password first: without one you could not sign in any more."))
    if not crypto.check_password(credential.password_hash, password):
        raise Invalid(errors={"password": [_("This is not your current password.")]})
    credential.google_subject = None
    audit_identity(db.session.get(User, user_id), "google_unlinked", ClientInfo(None, None))


def find_google_user(subject: str, email: str, *, verified: bool) -> Any | None:
    """The account of a Google identity: by its subject, else by its verified e-mail."""
    found = db.session.scalar(
        select(User).join(Credential, Credential.user_id == User.id).where(Credential.google_subject == subject)
    )
    if found is None and verified:
        found = queries.find_user(email)
    return found if found is not None and found.active else None
