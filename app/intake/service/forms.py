"""Intake forms: made, changed, given another address, deleted."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.intake.models import OPTIONAL, IntakeForm
from app.intake.queries import get_form
from app.kernel import crypto
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_token
from app.tasks.models.names import Module
from app.tasks.queries.tasks import get_status
from app.tenancy.models import MemberStatus
from app.tenancy.queries import get_member

if TYPE_CHECKING:
    from app.kernel.actor import Actor

MAX_NAME = 120
# 130 bits in letters of either case alike: mail servers do not always keep it.
MAIL_KEY_LENGTH = 26
MAIL_KEY_LETTERS = string.ascii_lowercase + "234567"
MAX_INTRO = 4000
MAX_FORMS = 50


def create_form(*, actor: Actor, **values: Any) -> IntakeForm:
    """Creates a form. Nobody knows its address until rotate_form gives it one. Raises Invalid, Conflict."""
    actor.require("manage", "tasks")
    if (db.session.scalar(select(func.count()).select_from(IntakeForm)) or 0) >= MAX_FORMS:
        raise Conflict(_("There can be at most %(count)s forms.", count=MAX_FORMS))
    form = IntakeForm(token_hash=crypto.token_hash(new_token(32)))
    db.session.add(form)
    with db.session.no_autoflush:
        _set(form, {"asks": list(OPTIONAL), **values})
    return form


def update_form(form: IntakeForm, *, actor: Actor, version: int | None = None, **values: Any) -> IntakeForm:
    """Changes the given values. Raises Invalid, and Conflict for a stale version."""
    actor.require("manage", "tasks")
    if version is not None and form.version != version:
        raise Conflict(details={"version": form.version})
    with db.session.no_autoflush:
        _set(form, values)
    return form


def rotate_form(form_id: UUID, *, actor: Actor) -> tuple[IntakeForm, str]:
    """Gives a form a new address, and returns its secret, which is kept nowhere. The one before answers no more."""
    actor.require("manage", "tasks")
    form, secret = get_form(form_id), new_token(32)
    form.token_hash = crypto.token_hash(secret)
    db.session.flush()
    return form, secret


def delete_form(form: IntakeForm, *, actor: Actor) -> None:
    """Deletes a form; the requests that came with it stay."""
    actor.require("manage", "tasks")
    db.session.delete(form)
    db.session.flush()


def _set(form: IntakeForm, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is None and name in {"asks", "is_open", "tells_done", "takes_mail"}:
            continue  # an emptied control leaves what always has a value as it is
        setattr(form, name, _clean_asks(value) if name == "asks" else value)
    if bool(form.takes_mail) != bool(form.mail_key):
        form.mail_key = _new_mail_key() if form.takes_mail else None
    errors = _problems(form, values)
    if errors:
        raise Invalid(errors=errors)
    db.session.flush()


def _new_mail_key() -> str:
    return "".join(secrets.choice(MAIL_KEY_LETTERS) for _ in range(MAIL_KEY_LENGTH))


def _clean_asks(value: list[str]) -> list[str]:
    unknown = [one for one in value if one not in OPTIONAL]
    if unknown:
        raise Invalid(errors={"asks": [_("Choose one of the list.")]})
    return [one for one in OPTIONAL if one in value]


def _problems(form: IntakeForm, given: Collection[str]) -> dict[str, list[str]]:
    """What is wrong with a form. Of who takes its requests only where ``given``: they may have left since."""
    errors: dict[str, list[str]] = {}
    form.name = " ".join((form.name or "").split())
    form.intro = (form.intro or "").strip() or None
    if not 1 <= len(form.name) <= MAX_NAME:
        errors["name"] = [_("Write a name of at most %(count)s characters.", count=MAX_NAME)]
    if len(form.intro or "") > MAX_INTRO:
        errors["intro"] = [_("At most %(count)s characters.", count=MAX_INTRO)]
    if form.module not in set(Module):
        errors["module"] = [_("Choose one of the list.")]
    if form.default_status_id is not None and not _is_there(get_status, form.default_status_id):
        errors["default_status"] = [_("This record does not exist.")]
    if "default_owner_id" in given and form.default_owner_id is not None:
        if not _is_there(get_member, form.default_owner_id):
            errors["default_owner"] = [_("This record does not exist.")]
        elif get_member(form.default_owner_id).status == MemberStatus.REMOVED:
            errors["default_owner"] = [_("This person has left.")]
    return errors


def _is_there(get: Any, record_id: UUID) -> bool:
    try:
        get(record_id)
    except NotFound:
        return False
    return True
