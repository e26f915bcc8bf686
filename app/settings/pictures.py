"""Uploaded pictures: checked, re-encoded, stored; nothing of the original file is served."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from app.kernel import crypto, pictures, storage
from app.kernel.errors import Invalid, TooLarge
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id

if TYPE_CHECKING:
    from werkzeug.datastructures import FileStorage

MAX_BYTES = 5 * 1024 * 1024


def store_picture(upload: FileStorage, *, folder: str, size: int, field: str, crop: bool) -> str:
    """Stores a picture as WebP, at most ``size`` pixels wide and high; returns its key.

    Raises TooLarge over 5 MB, Invalid for anything that is not a PNG, JPEG, WebP or GIF.
    """
    data = upload.stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise TooLarge(_("A picture may have at most 5 MB."))
    try:
        picture = pictures.reencode(data, size=size, crop=crop)
    except pictures.TooManyPixels:
        raise TooLarge(_("This picture has too many pixels.")) from None
    except pictures.NoPicture:
        raise Invalid(errors={field: [_("Choose a PNG, JPEG, WebP or GIF picture.")]}) from None
    key = f"{folder}/{new_id()}.webp"
    storage.store().put(key, io.BytesIO(picture.webp))
    return key


def picture_url(key: str | None) -> str | None:
    """The signed address of a stored picture."""
    return f"/files/{crypto.sign(key, purpose='file')}" if key else None
