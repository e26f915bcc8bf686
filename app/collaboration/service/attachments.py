"""Attached files: taken in before their comment is sent, removed when nothing holds them any more."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from app.collaboration.files import PICTURES, check
from app.collaboration.models import Attachment
from app.collaboration.records import get_record, may_comment
from app.kernel import pictures, storage
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id
from app.kernel.uow import after_commit

if TYPE_CHECKING:
    from app.kernel.actor import Actor

PREVIEW = 960
# Files that one person has uploaded and not sent yet.
MAX_UNSENT = 40


def upload(kind: str, record_id: UUID, name: str, data: bytes, *, actor: Actor) -> Attachment:
    """Stores a file for a comment that is still being written.

    Raises NotFound for a record out of sight, Forbidden for people who only read, Invalid for a type that is not
    allowed or a picture that cannot be read, TooLarge.
    """
    record = get_record(kind, record_id)
    if not may_comment(actor, record.of) or actor.member_id is None:
        raise Forbidden(details={"permission": f"write {record.of.resource}"})
    unsent = select(func.count()).where(Attachment.created_by_id == actor.member_id, Attachment.comment_id.is_(None))
    if (db.session.scalar(unsent) or 0) >= MAX_UNSENT:
        raise Conflict(_("You have uploaded %(count)s files without sending them: send some first.", count=MAX_UNSENT))
    name, content_type = check(name, data)
    file = Attachment(id=new_id(), kind=kind, record_id=record.id, name=name, content_type=content_type, size=len(data))
    assert actor.organization_id is not None
    folder = storage.tenant_key(actor.organization_id, "attachments", str(file.id))
    file.key = f"{folder}/file"
    if content_type in PICTURES.values():
        picture = _picture(data)
        file.width, file.height, file.preview_key = picture.width, picture.height, f"{folder}/preview.webp"
        storage.store().put(file.preview_key, io.BytesIO(picture.webp))
    storage.store().put(file.key, io.BytesIO(data))
    db.session.add(file)
    db.session.flush()
    return file


def _picture(data: bytes) -> pictures.Picture:
    try:
        return pictures.reencode(data, size=PREVIEW)
    except (pictures.NoPicture, pictures.TooManyPixels):
        raise Invalid(errors={"file": [_("This picture cannot be read.")]}) from None


def discard(attachment_id: UUID, *, actor: Actor) -> None:
    """Takes back a file that was uploaded and not sent. Raises NotFound for any other."""
    file = db.session.scalar(
        select(Attachment).where(
            Attachment.id == attachment_id,
            Attachment.comment_id.is_(None),
            Attachment.created_by_id == actor.member_id,
        )
    )
    if file is None or actor.member_id is None:
        raise NotFound
    remove_files(file)
    db.session.delete(file)


def remove_files(file: Attachment) -> None:
    """Removes what is stored of a file, once its row's removal is committed."""
    for key in (file.key, file.preview_key):
        if key:
            after_commit(lambda key=key: storage.store().delete(key))  # type: ignore[misc]
