"""A person's own account: sign-in, password, second factor, sessions, profile.

Everything here runs on the platform role and touches one person only: the one who proved to be it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import pyotp
from sqlalchemy import delete, select

from app.kernel import audit, clock, crypto, mail, valkey
from app.kernel.actor import Actor, ActorKind
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound, RateLimited
from app.kernel.i18n import LANGUAGES
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_token
from app.tenancy import queries
from app.tenancy.models import AuthSession, Credential, Membership, User
from app.tenancy.service.members import normal_email, sync_profile
from app.tenancy.versions import bump_user

SESSION_HOURS = 12
REMEMBER_DAYS = 30
MAX_FAILURES = 8
LOCK_MINUTES = 15
RESET_SECONDS = 3600
THEMES = ("system", "light", "dark")


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Where a sign-in comes from."""

    ip: str | None
    user_agent: str | None


def check_password_rules(password: str) -> None:
    """Raises Invalid for a password shorter than 10 characters, or with little variety.

    Length over composition, as NIST SP 800-63B recommends.
    """
    if len(password) < 10 or len(password) > 200 or len(set(password)) < 5:
        raise Invalid(errors={"password": [_("Use at least 10 characters, not all the same.")]})


def create_user(
    *,
    email: str,
    first_name: str,
    last_name: str,
    password: str | None,
    locale: str = "it",
    is_vendor: bool = False,
) -> Any:
    """Creates an account. Raises Invalid for a bad or taken address (callers keep that secret)."""
    email = normal_email(email)
    errors: dict[str, list[str]] = {}
    for field, value in (("first_name", first_name), ("last_name", last_name)):
        if not 1 <= len(value.strip()) <= 64:
            errors[field] = [_("This field is required.")]
    if errors:
        raise Invalid(errors=errors)
    if password is not None:
        check_password_rules(password)
    if queries.find_user(email) is not None:
        raise Invalid(errors={"email": [_("This value is already in use.")]})
    user = User(
        username=email,
        email=email,
        first_name=first_name.strip(),
        last_name=last_name.strip(),
        active=True,
        locale=locale if locale in LANGUAGES else "it",
        is_vendor=is_vendor,
    )
    db.session.add(user)
    db.session.flush()
    db.session.add(Credential(user_id=user.id, password_hash=crypto.hash_password(password) if password else None))
    db.session.flush()
    return user


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
        _check_locked(credential)
    right = crypto.check_password(credential.password_hash if credential else None, password)
    if credential is None or user is None:
        return None
    if not right or not user.active:
        _count_failure(credential)
        _audit_identity(user, "sign_in_failed", client)
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


def has_second_factor(user_id: int) -> bool:
    """Whether the person's sign-in needs a code."""
    credential = db.session.get(Credential, user_id)
    return credential is not None and credential.totp_confirmed_at is not None


def ways_in(user_id: int) -> tuple[bool, bool]:
    """How the person can sign in: (with a password, with a Google account)."""
    credential = db.session.get(Credential, user_id)
    if credential is None:
        return False, False
    return credential.password_hash is not None, credential.google_subject is not None


def check_code(user_id: int, code: str) -> bool:
    """Whether ``code`` is the current TOTP (RFC 6238, one step of tolerance, never twice) or an
    unused recovery code, which is spent."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None or credential.totp_secret is None:
        return False
    _check_locked(credential)
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
    _count_failure(credential)
    return False


def _check_locked(credential: Credential) -> None:
    now = clock.now()
    if credential.locked_until and credential.locked_until > now:
        raise RateLimited(details={"retry_after": int((credential.locked_until - now).total_seconds()) + 1})


def _count_failure(credential: Credential) -> None:
    """One wrong password or code more; after the eighth the account waits."""
    credential.failed_count += 1
    if credential.failed_count >= MAX_FAILURES:
        credential.locked_until, credential.failed_count = clock.now() + dt.timedelta(minutes=LOCK_MINUTES), 0


def _step_of(credential: Credential, code: str) -> int | None:
    """The time step whose TOTP ``code`` is, one step of tolerance; None for a wrong code."""
    totp = pyotp.TOTP(crypto.decrypt(credential.totp_secret or ""))
    step = int(clock.now().timestamp()) // 30
    return next((one for one in (step, step - 1, step + 1) if crypto.same(totp.generate_otp(one), code)), None)


def start_session(
    user: Any,
    client: ClientInfo,
    *,
    remember: bool = False,
    kind: str = "browser",
    organization_id: UUID | None = None,
) -> AuthSession:
    """Opens a session for a person who has proved who they are."""
    length = dt.timedelta(days=REMEMBER_DAYS) if remember else dt.timedelta(hours=SESSION_HOURS)
    allowed = {one.id for one in queries.organizations_of(user.id)}
    wanted = organization_id or user.last_organization_id
    session = AuthSession(
        user_id=user.id,
        kind=kind,
        expires_at=clock.now() + length,
        ip=client.ip,
        user_agent=(client.user_agent or "")[:300] or None,
        organization_id=wanted if wanted in allowed else None,
    )
    db.session.add(session)
    user.last_login = clock.now().replace(tzinfo=None)
    user.login_count = (user.login_count or 0) + 1
    db.session.flush()
    _audit_identity(user, "signed_in", client)
    bump_user(user.id)
    return session


def end_session(session_id: UUID) -> None:
    """Ends one session (sign-out)."""
    session = db.session.get(AuthSession, session_id)
    if session is not None:
        user = db.session.get(User, session.user_id)
        _audit_identity(user, "signed_out", ClientInfo(session.ip, session.user_agent))
        bump_user(session.user_id)
        db.session.delete(session)


def list_sessions(user_id: int) -> list[AuthSession]:
    """The person's live sessions, newest activity first."""
    return list(
        db.session.scalars(
            select(AuthSession)
            .where(AuthSession.user_id == user_id, AuthSession.expires_at > clock.now())
            .order_by(AuthSession.last_seen_at.desc())
        )
    )


def revoke_session(session_id: UUID, *, user_id: int) -> None:
    """Ends one of the person's own sessions; NotFound for anybody else's."""
    session = db.session.get(AuthSession, session_id)
    if session is None or session.user_id != user_id:
        raise NotFound
    db.session.delete(session)
    bump_user(user_id)


def revoke_other_sessions(user_id: int, keep: UUID | None) -> None:
    """Ends all of the person's sessions but one."""
    statement = delete(AuthSession).where(AuthSession.user_id == user_id)
    if keep is not None:
        statement = statement.where(AuthSession.id != keep)
    db.session.execute(statement)
    bump_user(user_id)


def switch_organization(session_id: UUID, user_id: int, slug: str) -> queries.OrganizationRef:
    """Makes another of the person's organizations the active one; NotFound for any other slug."""
    for found in queries.organizations_of(user_id):
        if found.slug == slug:
            session = db.session.get(AuthSession, session_id)
            if session is not None:
                session.organization_id = found.id
            db.session.get(User, user_id).last_organization_id = found.id
            bump_user(user_id)
            return found
    raise NotFound


# ── password ─────────────────────────────────────────────────────────────────────────────────────


def change_password(user_id: int, *, current: str, new: str, keep_session: UUID | None) -> None:
    """Sets a new password; every other session ends. Raises Invalid when ``current`` is wrong."""
    credential = db.session.get(Credential, user_id, with_for_update=True)
    if credential is None:
        raise NotFound
    if credential.password_hash and not crypto.check_password(credential.password_hash, current):
        raise Invalid(errors={"current": [_("This is not your current password.")]})
    _set_password(credential, new)
    revoke_other_sessions(user_id, keep_session)
    _audit_identity(db.session.get(User, user_id), "password_changed", ClientInfo(None, None))


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
    _audit_identity(user, "password_reset", ClientInfo(None, None))
    return user


# ── second factor ────────────────────────────────────────────────────────────────────────────────


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
    _audit_identity(user, "second_factor_on" if on else "second_factor_off", ClientInfo(None, None))


# ── profile ──────────────────────────────────────────────────────────────────────────────────────


def update_profile(
    user_id: int,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    locale: str | None = None,
    timezone: str | None = None,
    theme: str | None = None,
    shortcuts: bool | None = None,
    avatar_key: str | None = None,
) -> Any:
    """Changes the person's own profile; None leaves a value as it is."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound
    errors: dict[str, list[str]] = {}
    for field, value in (("first_name", first_name), ("last_name", last_name)):
        if value is not None and not 1 <= len(value.strip()) <= 64:
            errors[field] = [_("This field is required.")]
    if locale is not None and locale not in LANGUAGES:
        errors["locale"] = [_("Choose one of the list.")]
    if timezone is not None and timezone not in available_timezones():
        errors["timezone"] = [_("Choose one of the list.")]
    if theme is not None and theme not in THEMES:
        errors["theme"] = [_("Choose one of the list.")]
    if errors:
        raise Invalid(errors=errors)
    changes: dict[str, str | bool | None] = {
        "first_name": first_name.strip() if first_name is not None else None,
        "last_name": last_name.strip() if last_name is not None else None,
        "locale": locale,
        "timezone": timezone,
        "theme": theme,
        "shortcuts": shortcuts,
        "avatar_key": avatar_key,
    }
    for name, changed in changes.items():
        if changed is not None:
            setattr(user, name, changed)
    db.session.flush()
    if {"first_name", "last_name", "avatar_key"} & {key for key, value in changes.items() if value is not None}:
        sync_profile(user)
    bump_user(user_id)
    return user


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
    _audit_identity(db.session.get(User, user_id), "google_unlinked", ClientInfo(None, None))


def find_google_user(subject: str, email: str, *, verified: bool) -> Any | None:
    """The account of a Google identity: by its subject, else by its verified e-mail."""
    found = db.session.scalar(
        select(User).join(Credential, Credential.user_id == User.id).where(Credential.google_subject == subject)
    )
    if found is None and verified:
        found = queries.find_user(email)
    return found if found is not None and found.active else None


def _audit_identity(user: Any, action: str, client: ClientInfo) -> None:
    """Writes a fact about the account into the log of each of its organizations."""
    members = db.session.scalars(
        select(Membership).where(Membership.user_id == user.id, Membership.status == "active")
    ).all()
    for member in members:
        actor = Actor(
            ActorKind.USER,
            member.display_name,
            organization_id=member.organization_id,
            user_id=user.id,
            member_id=member.id,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        audit.record(
            action,
            entity="user",
            entity_id=member.id,
            label=member.display_name,
            organization_id=member.organization_id,
            actor=actor,
        )
