"""Accounts of people: created, and changed by themselves.

Everything in this package runs on the platform role and touches one person only: the one who proved to be it.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from app.kernel import crypto
from app.kernel.db import db
from app.kernel.errors import Invalid, NotFound
from app.kernel.i18n import LANGUAGES
from app.kernel.i18n import gettext as _
from app.tenancy import queries
from app.tenancy.models import Credential, User
from app.tenancy.service.accounts.passwords import check_password_rules
from app.tenancy.service.members import normal_email, sync_profile
from app.tenancy.versions import bump_user

THEMES = ("system", "light", "dark")


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
    return user


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
