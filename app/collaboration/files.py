"""Which files may be attached, and what they really are."""

from __future__ import annotations

from pathlib import PurePath

import puremagic

from app.kernel.errors import Invalid, TooLarge
from app.kernel.i18n import gettext as _

MAX_BYTES = 25 * 1024 * 1024
PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
TEXTS = {"txt": "text/plain", "csv": "text/csv", "md": "text/markdown"}
_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
TYPES = {
    **PICTURES,
    **TEXTS,
    "pdf": "application/pdf",
    "docx": f"{_OOXML}.wordprocessingml.document",
    "xlsx": f"{_OOXML}.spreadsheetml.sheet",
    "pptx": f"{_OOXML}.presentationml.presentation",
    "odt": f"{_ODF}.text",
    "ods": f"{_ODF}.spreadsheet",
    "odp": f"{_ODF}.presentation",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "zip": "application/zip",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "psd": "image/vnd.adobe.photoshop",
    "ai": "application/postscript",
    "eps": "application/postscript",
}
# Illustrator's own format is a PDF inside.
_INSIDE = {"ai": {".ai", ".pdf", ".eps", ".ps"}, "eps": {".eps", ".ps"}, "jpg": {".jpg", ".jpeg"}}


def check(name: str, data: bytes) -> tuple[str, str]:
    """The file's name as it is kept, and its content type.

    Raises TooLarge above MAX_BYTES, Invalid for a type that is not allowed, or content that is of another type.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(_("A file may have at most %(count)s MB.", count=MAX_BYTES // 1024 // 1024))
    # The name as a person reads it; the stored key has nothing of it.
    name = "".join(one for one in PurePath(name.replace("\\", "/")).name if one.isprintable()).strip()
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in TYPES:
        raise Invalid(errors={"file": [_("Files of this type cannot be attached.")]})
    if not data:
        raise Invalid(errors={"file": [_("The file is empty.")]})
    if not _is_really(ending, data):
        raise Invalid(errors={"file": [_("The content of the file is not what its name says.")]})
    stem = name[: -len(ending) - 1][: 190 - len(ending)] or "file"
    return f"{stem}.{ending}", TYPES[ending]


def _is_really(ending: str, data: bytes) -> bool:
    if ending in TEXTS:
        return b"\x00" not in data
    try:
        found = {one.extension for one in puremagic.magic_string(data)}
    except (puremagic.PureError, ValueError):
        return False
    return bool(found & _INSIDE.get(ending, {f".{ending}"}))


def readable_size(size: int) -> str:
    """``340 kB``, ``1.2 MB``."""
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size // 1000} kB"
    return f"{size / 1_000_000:.1f} MB"
