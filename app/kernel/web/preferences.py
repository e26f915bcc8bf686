"""Theme and language, for the signed-in and for visitors."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, current_app, g, make_response, redirect, request

from app.kernel.errors import BadRequest
from app.kernel.i18n import LANGUAGE_COOKIE, LANGUAGES
from app.kernel.i18n import gettext as _
from app.kernel.web.addresses import local_target
from app.kernel.web.shell import THEMES

# Changes the signed-in person's theme or language; set by tenancy.
_preferences: list[Callable[..., None]] = []


def save_preferences_with(function: Callable[..., None]) -> None:
    """Sets how theme and language are kept for a signed-in person."""
    _preferences[:] = [function]


def preferences() -> Response:
    """Sets theme and language: for the person when signed in, by a cookie for visitors."""
    theme, language = request.form.get("theme"), request.form.get("lang")
    if (theme and theme not in THEMES) or (language and language not in LANGUAGES):
        raise BadRequest(_("Choose one of the list."))
    identity = getattr(g, "identity", None)
    if identity is not None and _preferences:
        _preferences[0](identity.account.id, theme=theme or None, locale=language or None)
    response = make_response(redirect(local_target(request.form.get("next")) or "/"))
    if request.headers.get("X-Requested-With"):
        response = make_response("", 204)
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    if theme:
        response.set_cookie("theme", theme, max_age=31536000, samesite="Lax", httponly=True, secure=secure)
    if language:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=31536000, samesite="Lax", httponly=True, secure=secure)
    return response
