"""The second factor: codes of an authenticator (TOTP), and one-time recovery codes."""

from __future__ import annotations

import pyotp
from sqlalchemy import select

from app.kernel import clock, crypto
from app.kernel.db import db
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_token
from app.tenancy.models import Credential, Membership, User
from app.tenancy.service.accounts.audit_trail import ClientInfo, audit_identity
from app.tenancy.service.accounts.sign_in import check_locked, count_failure


def has_second_factor(user_id: int) -> bool:
    """Whether the person's sign-in needs a code."""
    credential = db.session.get(Credential, user_id)
    return credential is not None and credential.totp_confirmed_at is not None


def check_code(user_id: int, code: str) -> bool:
    """Whether ``code`` is the current TOTP (RFC 6238, one step of tolerance, never twice) or an
    unused recovery code, which is spent."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None or credential.totp_secret is None:
        return False
    check_locked(credential)
    code = code.replace(" ", "").replace("-", "").lower()
    used = _step_of(credential, code)
    if used is not None and used > (credential.totp_last_step or 0):
        credential.totp_last_step = used
        credential.failed_count = 0
        return True
    hashed = crypto.token_hash(code)
    if hashed in credential.recovery_codes:
        credential.recovery_codes = [one for one in credential.recovery_codes if one != hashed]
        credential.failed_count = 0
        return True
    count_failure(credential)
    return False


def _step_of(credential: Credential, code: str) -> int | None:
    """The time step whose TOTP ``code`` is, one step of tolerance; None for a wrong code."""
    totp = pyotp.TOTP(crypto.decrypt(credential.totp_secret or ""))
    step = int(clock.now().timestamp()) // 30
    return next((one for one in (step, step - 1, step + 1) if crypto.same(totp.generate_otp(one), code)), None)


def begin_second_factor(user_id: int) -> str:
    """Makes a new TOTP secret, not yet in force; returns its otpauth:// address for the QR code."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    user = db.session.get(User, user_id)
    if credential is None or user is None:
        raise NotFound
    if credential.totp_confirmed_at is not None:
        raise Invalid(_("The second factor is already on."))
    if credential.totp_secret is None:
        credential.totp_secret = crypto.encrypt(pyotp.random_base32())
    secret = crypto.decrypt(credential.totp_secret)
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="Stratikey")


def confirm_second_factor(user_id: int, code: str) -> list[str]:
    """Turns the second factor on with a first right code; returns ten one-time recovery codes."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None or credential.totp_secret is None or credential.totp_confirmed_at is not None:
        raise NotFound
    used = _step_of(credential, code.replace(" ", ""))
    if used is None:
        raise Invalid(errors={"code": [_("This code is not right. Check your phone's clock.")]})
    credential.totp_last_step = used
    codes = [new_token(6).replace("-", "x").replace("_", "y").lower()[:8] for _ignored in range(10)]
    credential.recovery_codes = [crypto.token_hash(one) for one in codes]
    credential.totp_confirmed_at = clock.now()
    _mark_second_factor(user_id, on=True)
    return [f"{one[:4]}-{one[4:]}" for one in codes]


def disable_second_factor(user_id: int, password: str) -> None:
    """Turns the second factor off; asks for the password again."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None or not crypto.check_password(credential.password_hash, password):
        raise Invalid(errors={"password": [_("This is not your current password.")]})
    credential.totp_secret = credential.totp_confirmed_at = credential.totp_last_step = None
    credential.recovery_codes = []
    _mark_second_factor(user_id, on=False)


def _mark_second_factor(user_id: int, *, on: bool) -> None:
    for member in db.session.scalars(select(Membership).where(Membership.user_id == user_id)):
        member.two_factor = on
    user = db.session.get(User, user_id)
    audit_identity(user, "second_factor_on" if on else "second_factor_off", ClientInfo(None, None))
