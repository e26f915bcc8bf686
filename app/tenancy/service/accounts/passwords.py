"""The password of an account: its rules, changing it, setting it by a mailed link."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.kernel import clock, crypto, mail
from app.kernel.db import db
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.tenancy import queries
from app.tenancy.models import Credential, User
from app.tenancy.service.accounts.audit_trail import ClientInfo, audit_identity
from app.tenancy.service.accounts.sessions import revoke_other_sessions

RESET_SECONDS = 3600


def check_password_rules(password: str) -> None:
    """Raises Invalid for a password shorter than 10 characters, or with little variety.

    Length over composition, as NIST SP 800-63B recommends.
    """
    if len(password) < 10 or len(password) > 200 or len(set(password)) < 5:
        raise Invalid(errors={"password": [_("Use at least 10 characters, not all the same.")]})


def change_password(user_id: int, *, current: str, new: str, keep_session: UUID | None) -> None:
    """Sets a new password; every other session ends. Raises Invalid when ``current`` is wrong."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None:
        raise NotFound
    if credential.password_hash and not crypto.check_password(credential.password_hash, current):
        raise Invalid(errors={"current": [_("This is not your current password.")]})
    _set_password(credential, new)
    revoke_other_sessions(user_id, keep_session)
    audit_identity(db.session.get(User, user_id), "password_changed", ClientInfo(None, None))


def _set_password(credential: Credential, password: str) -> None:
    check_password_rules(password)
    credential.password_hash = crypto.hash_password(password)
    credential.changed_at = clock.now()
    credential.failed_count, credential.locked_until = 0, None


def request_reset(email: str, public_url: str) -> None:
    """Mails a link to set a new password, valid one hour and once. Silent for unknown addresses."""
    user = queries.find_user(email)
    if user is None or not user.active:
        return
    credential = db.session.get(Credential, user.id)
    if credential is None:
        return
    token = crypto.sign([user.id, _reset_mark(credential)], purpose="password-reset")
    mail.send(
        "password_reset",
        to=user.email,
        name=user.get_full_name(),
        locale=user.locale,
        context={"url": f"{public_url}/login/reset/{token}", "minutes": RESET_SECONDS // 60},
    )


def _reset_mark(credential: Credential) -> str:
    # Changes with the password, so a link works once.
    return crypto.token_hash(f"{credential.password_hash}{credential.changed_at.isoformat()}")[:16]


def reset_account(token: str) -> Any:
    """The account behind a reset link; NotFound for a wrong, used or expired one."""
    user_id, mark = crypto.unsign(token, purpose="password-reset", max_age=RESET_SECONDS)
    user, credential = db.session.get(User, user_id), db.session.get(Credential, user_id)
    if user is None or credential is None or _reset_mark(credential) != mark:
        raise NotFound
    return user


def reset_password(token: str, password: str) -> Any:
    """Sets the password behind a reset link; ends every session of the account."""
    user = reset_account(token)
    _set_password(db.session.get(Credential, user.id, with_for_update=True), password)
    revoke_other_sessions(user.id, None)
    audit_identity(user, "password_reset", ClientInfo(None, None))
    return user
