"""The edge of every request: id, identity, CSRF, security headers, limits, errors, logs, metrics."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from flask import (
    Flask,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress
from flask_limiter import ApplicationLimit, Limiter
from flask_limiter.util import get_remote_address
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from sqlalchemy.exc import DataError, DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from app.kernel import tenant
from app.kernel.constraints import is_away
from app.kernel.errors import DomainError, Forbidden, PreviewOnly, RateLimited, Unauthenticated, Unavailable
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id

if TYPE_CHECKING:
    from app.kernel.actor import Actor

log = structlog.get_logger()
csrf = CSRFProtect()

# How much one API key may ask, over all addresses together.
KEY_RATE = "600 per minute"


def _key_id() -> str:
    found: Actor | None = getattr(g, "actor", None)
    return f"key:{found.key_id}" if found is not None and found.key_id is not None else ""


limiter = Limiter(
    get_remote_address,
    headers_enabled=False,
    application_limits=[
        ApplicationLimit(lambda: KEY_RATE, key_function=_key_id, exempt_when=lambda: not _key_id()),
    ],
)

REQUESTS = Histogram("stratikey_request_seconds", "Time to answer a request", ["method", "endpoint", "status"])
ERRORS = Counter("stratikey_unhandled_errors_total", "Unhandled exceptions", ["endpoint"])

# Where a program signs in for a token: there is no cookie yet that CSRF could ride on.
TOKEN_PATHS = {"/api/v1/security/login", "/api/security/login"}

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}

# What a preview leaves open: ending it, going to another organization (which ends it too), and signing out.
PREVIEW_EXITS = {"SwitchView.stop_seeing_as", "SwitchView.switch", "AuthView.logout"}

# Resolves who is asking: returns the actor, or None for a visitor. Set by tenancy.
_identity: list[Callable[[], Actor | None]] = []

# The texts of kernel.errors, so that the catalogues hold them.
ERROR_TEXTS: tuple[Callable[[], str], ...] = (
    lambda: _("Invalid request"),
    lambda: _("Some fields need your attention."),
    lambda: _("Sign in to continue."),
    lambda: _("You do not have permission to do this."),
    lambda: _("You are seeing the product as a role: nothing can be changed. Stop the preview first."),
    lambda: _("Not found."),
    lambda: _("This record was changed by somebody else in the meantime."),
    lambda: _("This file is too large."),
    lambda: _("Too many attempts. Try again later."),
    lambda: _("The service is not available right now. Try again in a moment."),
    lambda: _("This value is already in use."),
    lambda: _("This record does not exist."),
    lambda: _("Other records still refer to this one."),
    lambda: _("This combination of values is not allowed."),
    lambda: _("This field is required."),
    lambda: _("One of the values is too long or out of range."),
    lambda: _("The file could not be stored. Try again later."),
)


def identify_with(resolver: Callable[[], Actor | None]) -> None:
    """Sets how a request's actor is found."""
    _identity[:] = [resolver]


def actor() -> Actor:
    """The request's actor; raises Unauthenticated for a visitor."""
    found: Actor | None = getattr(g, "actor", None)
    if found is None:
        raise Unauthenticated
    return found


def is_api() -> bool:
    """Whether the request is for the REST API."""
    return request.path.startswith("/api/")


def wants_json() -> bool:
    """Whether the answer, errors included, should be JSON."""
    return is_api() or (
        request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
        and "text/html" not in request.accept_mimetypes.values()
    )


def is_bearer() -> bool:
    """Whether the request carries its own credential, which no other site can make a browser send."""
    return request.headers.get("Authorization", "")[:7].lower() == "bearer "


def json_response(payload: Any, status: int = 200) -> Response:
    """``payload`` as JSON; understands UUID, dates and dataclasses."""
    return Response(
        orjson.dumps(payload, default=_default, option=orjson.OPT_UTC_Z),
        status,
        content_type="application/json",
    )


def _default(value: Any) -> Any:
    return str(value)


def json_body() -> dict[str, Any]:
    """The request's JSON object; raises Invalid or BadRequest for anything else."""
    from_client = request.get_json(silent=True)
    if not isinstance(from_client, dict):
        raise DomainError(_("The body must be a JSON object."))
    return from_client


class JSON(DefaultJSONProvider):
    """Flask's JSON, for which a text that is nested without end is one that cannot be read."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def init_app(app: Flask) -> None:
    """Wires the edge. Order matters: id, identity, CSRF before any view; scope left at teardown."""
    if app.config["PROXY_HOPS"]:
        hops = app.config["PROXY_HOPS"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    https = app.config["PUBLIC_URL"].startswith("https://")
    Talisman(
        app,
        force_https=False,
        session_cookie_secure=https,
        strict_transport_security=https,
        frame_options="DENY",
        referrer_policy="strict-origin-when-cross-origin",
        content_security_policy={
            "default-src": "'self'",
            "script-src": "'self'",
            "style-src": "'self'",
            "style-src-attr": "'unsafe-inline'",
            "img-src": ["'self'", "data:", "blob:"],
            "font-src": "'self'",
            "connect-src": "'self'",
            "object-src": "'none'",
            "base-uri": "'self'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        },
        content_security_policy_nonce_in=["script-src"],
    )
    Compress(app)
    app.json = JSON(app)
    csrf.init_app(app)
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(tenant.MissingScope, _missing_scope)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(OSError, _os_error)
    app.register_error_handler(UnicodeEncodeError, _unstorable)
    app.register_error_handler(Exception, _unhandled)
    app.jinja_env.globals.update(csrf_token=generate_csrf)
    app.add_url_rule("/metrics", "metrics", limiter.exempt(_metrics))


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = request.headers.get("X-Request-Id", "")[:64] or new_id().hex
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    g.actor = None
    if request.mimetype == "application/x-www-form-urlencoded":
        # Werkzeug bounds the texts of multipart forms only; these are read whole, and shown again in their page.
        request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]
    if request.endpoint in {"static", "healthz", "metrics"}:
        return
    found = _identity[0]() if _identity else None
    g.actor = found
    if found is not None:
        structlog.contextvars.bind_contextvars(organization=str(found.organization_id), user=found.user_id)
        if found.key_id is not None:
            structlog.contextvars.bind_contextvars(key=str(found.key_id))
        if found.organization_id is not None:
            g.scope_token = tenant.enter(tenant.DataScope("tenant", found.organization_id, found))
    # Asking for a token sets no cookie and uses none, so there is nothing for another site to ride on.
    asks_for_token = request.path.rstrip("/") in TOKEN_PATHS and "sid" not in session
    if not (is_bearer() or asks_for_token) and request.method not in SAFE_METHODS:
        csrf.protect()
    _guard_preview(found)


def _guard_preview(found: Actor | None) -> None:
    """Lets a preview write nothing: no unsafe method, and no unit of work behind a safe one."""
    previewing = found is not None and found.preview and request.endpoint not in PREVIEW_EXITS
    tenant.set_read_only(previewing)
    if previewing and request.method not in SAFE_METHODS:
        raise PreviewOnly


def _finish(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", getattr(g, "request_id", ""))
    seconds = time.perf_counter() - getattr(g, "started", time.perf_counter())
    REQUESTS.labels(request.method, request.endpoint or "-", response.status_code).observe(seconds)
    if getattr(g, "actor", None) is not None:
        # Pages of a signed-in person never come from a shared cache or from Back after sign-out.
        response.headers.setdefault("Cache-Control", "private, no-store")
    if request.endpoint not in {"static", "healthz", "readyz", "metrics"}:
        log.info(
            "request",
            method=request.method,
            path=_shown_path(),
            status=response.status_code,
            ms=round(seconds * 1000, 1),
        )
    return response


def _shown_path() -> str:
    """The path as logs show it: without the secret, where the address holds one."""
    if request.url_rule is not None and "token" in (request.view_args or {}):
        return request.url_rule.rule
    return request.path


def _end(_error: BaseException | None) -> None:
    token = g.pop("scope_token", None)
    if token is not None:
        tenant.leave(token)
    tenant.set_read_only(False)
    structlog.contextvars.clear_contextvars()


def _metrics() -> Response:
    if request.remote_addr not in {"127.0.0.1", "::1"}:
        raise DomainError  # scraped on the machine itself; a proxy must not forward it
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


# ── errors, once for pages, fragments and REST ───────────────────────────────────────────────────


def _domain_error(error: DomainError) -> Response:
    if isinstance(error, Unauthenticated) and not wants_json():
        return redirect_to_login()
    return error_response(error.status, _(error.message), error.errors, error.details)


def redirect_to_login() -> Response:
    """To the sign-in page, and back here afterwards."""
    target = request.full_path if request.method == "GET" else None
    return make_response(redirect(url_for("AuthView.login", next=target)))


def error_response(
    status: int,
    message: str,
    errors: dict[str, list[str]] | None = None,
    details: dict[str, Any] | None = None,
) -> Response:
    """``{"message", "errors"}`` for REST and scripts, a page for people."""
    if wants_json():
        payload: dict[str, Any] = {"message": message}
        if errors:
            payload["errors"] = {key: [_(text) for text in texts] for key, texts in errors.items()}
        if details:
            payload["details"] = details
        response = json_response(payload, status)
    else:
        page = status if status in {403, 404, 409, 429, 503} else (500 if status >= 500 else 400)
        response = make_response(
            render_template("errors/error.html", status=page, message=message, details=details or {}), status
        )
    if status == 429:
        response.headers["Retry-After"] = str((details or {}).get("retry_after", 60))
    return response


def _csrf_error(_error: CSRFError) -> Response:
    return error_response(400, _("Your session has changed. Reload the page and try again."))


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    texts = {
        401: _("Sign in to continue."),
        403: _("You do not have permission to do this."),
        404: _("Not found."),
        405: _("This address does not accept this method."),
        413: _("This file is too large."),
        415: _("Send the body as application/json."),
        429: _("Too many attempts. Try again later."),
    }
    details = None
    if status == 429:
        details = {"retry_after": 60}
    response = error_response(status, texts.get(status, _("Invalid request")), details=details)
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response


def _missing_scope(error: tenant.MissingScope) -> Response:
    """Work on an organization's data by a visitor, or by somebody who is in none (vendor staff)."""
    found: Actor | None = getattr(g, "actor", None)
    if found is None:
        return _domain_error(Unauthenticated())
    if found.organization_id is None:
        return _domain_error(Forbidden())
    return _unhandled(error)


def _unstorable(error: Exception) -> Response:
    """A value that PostgreSQL cannot hold: a NUL, half a surrogate pair, a number out of range."""
    log.info("request.unstorable", path=request.path, error=type(error).__name__)
    return error_response(400, _("Invalid request"))


def _database_error(error: DBAPIError) -> Response:
    """A read outside a unit of work failed: because the database is away, or by a mistake of ours."""
    if not is_away(error):
        return _unhandled(error)
    log.warning("request.database_away", path=request.path)
    return _domain_error(Unavailable())


def _os_error(error: OSError) -> Response:
    """No room on the disk (an upload waits there until it is read), or a mistake of ours."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return _unhandled(error)
    log.error("request.no_room", path=request.path, error=str(error))
    return _domain_error(Unavailable())


def _unhandled(error: Exception) -> Response:
    ERRORS.labels(request.endpoint or "-").inc()
    log.error("request.failed", path=_shown_path(), exc_info=error)
    return error_response(500, _("Something went wrong on our side. It has been recorded."))


def too_many(seconds: int) -> RateLimited:
    """The error to raise when an attempt comes too soon."""
    return RateLimited(details={"retry_after": seconds})
