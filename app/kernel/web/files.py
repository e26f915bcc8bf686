"""Stored pictures."""

from __future__ import annotations

from flask import Response, send_file

from app.kernel import storage
from app.kernel.crypto import unsign


def files(token: str) -> Response:
    """A stored picture by its signed address; the address is the permission and lives a day."""
    key = unsign(token, purpose="file", max_age=86400 * 2)
    stream = storage.store().open(key)
    response = send_file(stream, mimetype="image/webp", max_age=86400)
    response.headers["Cache-Control"] = "private, max-age=86400"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
