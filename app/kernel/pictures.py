"""Pictures from outside: read with care, written anew. Nothing of the original file is in the result."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as WebP; ``width`` and ``height`` are the original's, in pixels, as it is looked at."""

    webp: bytes
    width: int
    height: int


class NoPicture(ValueError):
    """Not a PNG, JPEG, WebP or GIF picture, or a broken one."""


class TooManyPixels(ValueError):
    """More than MAX_PIXELS: it would take too much memory."""


def reencode(data: bytes, *, size: int, crop: bool = False) -> Picture:
    """``data`` turned upright, at most ``size`` pixels wide and high (``crop``: exactly).

    Raises NoPicture, TooManyPixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise TooManyPixels
            turned = ImageOps.exif_transpose(image).convert("RGBA")
    except TooManyPixels:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise NoPicture from None
    width, height = turned.size
    fitted = ImageOps.fit(turned, (size, size)) if crop else ImageOps.contain(turned, (size, size))
    target = io.BytesIO()
    fitted.save(target, "WEBP", quality=88)
    return Picture(target.getvalue(), width, height)
