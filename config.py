"""Settings, read once from the environment. README has the table.

A missing or wrong setting raises SettingError, whose text is one line that names the setting.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent


class SettingError(Exception):
    """A setting is missing or wrong."""


def instance_folder(environ: Mapping[str, str]) -> Path:
    """Where the embedded default keeps its data."""
    return Path(environ.get("STRATIKEY_INSTANCE") or ROOT / "instance").resolve()


def _with_running_stack(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ``, completed with the addresses of an embedded stack that is running here."""
    values = dict(environ)
    if "DATABASE_URL" in values:
        return values
    note = instance_folder(environ) / "run.json"
    if not note.exists():
        raise SettingError("DATABASE_URL: not set, and no embedded stack is running here (start it with: make run)")
    running: dict[str, str] = json.loads(note.read_text())
    return {**running, **values}


def mail_gateway(environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Where mail is received: host and port; None when it is switched off. Raises SettingError."""
    text = environ.get("MAIL_GATEWAY") or "127.0.0.1:2525"
    if text == "off":
        return None
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.path:
        raise SettingError(f"MAIL_GATEWAY: must be host:port, or off, not {text!r}")
    return host, port


def _domain(url: str) -> str:
    """The name after the @ of the addresses here: that of the public address, if it has one."""
    host = urlsplit(url).hostname or ""
    return host if any(one.isalpha() for one in host) and ":" not in host else "localhost"


def _sqlalchemy_url(name: str, text: str) -> str:
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if text.startswith(prefix):
            return "postgresql+psycopg://" + text[len(prefix) :]
    raise SettingError(f"{name}: must start with postgresql://")


def load(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Flask's configuration from the environment."""
    env = _with_running_stack(os.environ if environ is None else environ)
    embedded = env.get("STRATIKEY_EMBEDDED") == "1"
    instance = instance_folder(env)

    def need(name: str) -> str:
        value = env.get(name, "")
        if not value:
            raise SettingError(f"{name}: must be set when DATABASE_URL is set")
        return value

    def number(name: str, default: int) -> int:
        try:
            return int(env.get(name) or default)
        except ValueError:
            raise SettingError(f"{name}: must be a whole number, not {env[name]!r}") from None

    keys = [key.strip() for key in need("ENCRYPTION_KEYS").split(",") if key.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise SettingError("ENCRYPTION_KEYS: each must be 32 url-safe base64-encoded bytes") from None
    secret = need("SECRET_KEY")
    if len(secret) < 16:
        raise SettingError("SECRET_KEY: must have at least 16 characters")
    host, port = env.get("HOST") or "127.0.0.1", number("PORT", 8080)
    public_url = (env.get("PUBLIC_URL") or f"http://{host}:{port}").rstrip("/")
    if urlsplit(public_url).scheme not in {"http", "https"}:
        raise SettingError("PUBLIC_URL: must start with http:// or https://")
    redis_url = need("REDIS_URL")
    if urlsplit(redis_url).scheme not in {"redis", "rediss", "unix"}:
        raise SettingError("REDIS_URL: must start with redis://, rediss:// or unix://")
    storage = env.get("STORAGE_URL") or f"file://{instance / 'files'}"
    if urlsplit(storage).scheme not in {"file", "s3"}:
        raise SettingError("STORAGE_URL: must start with file:// or s3://")
    level = (env.get("LOG_LEVEL") or "INFO").upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SettingError("LOG_LEVEL: must be DEBUG, INFO, WARNING or ERROR")
    smtp = env.get("SMTP_URL") or None
    if smtp and urlsplit(smtp).scheme not in {"smtp", "smtps"}:
        raise SettingError("SMTP_URL: must start with smtp:// or smtps://")
    gateway = mail_gateway(env)
    ai = env.get("AI_BASE_URL") or None
    if ai and urlsplit(ai).scheme not in {"http", "https"}:
        raise SettingError("AI_BASE_URL: must start with http:// or https://")
    if ai and not env.get("AI_MODEL"):
        raise SettingError("AI_MODEL: must be set when AI_BASE_URL is set")
    return {
        "EMBEDDED": embedded,
        "INSTANCE": str(instance),
        "SECRET_KEY": secret,
        "ENCRYPTION_KEYS": keys,
        "PUBLIC_URL": public_url,
        "HOST": host,
        "PORT": port,
        "PROXY_HOPS": number("PROXY_HOPS", 0),
        "REDIS_URL": redis_url,
        "STORAGE_URL": storage,
        "S3_ENDPOINT_URL": env.get("S3_ENDPOINT_URL") or None,
        "SMTP_URL": smtp,
        "MAIL_FROM": env.get("MAIL_FROM") or "noreply@stratikey.example",
        "MAIL_FOLDER": str(instance / "mail"),
        "MAIL_GATEWAY": gateway,
        "MAIL_DOMAIN": (env.get("MAIL_DOMAIN") or _domain(public_url)).lower(),
        "GOOGLE_CLIENT_ID": env.get("GOOGLE_CLIENT_ID") or None,
        "GOOGLE_CLIENT_SECRET": env.get("GOOGLE_CLIENT_SECRET") or None,
        "GOOGLE_DISCOVERY_URL": env.get("GOOGLE_DISCOVERY_URL")
        or "https://accounts.google.com/.well-known/openid-configuration",
        "AI_BASE_URL": ai,
        "AI_API_KEY": env.get("AI_API_KEY") or None,
        "AI_MODEL": env.get("AI_MODEL") or None,
        "WEBHOOK_ALLOW_LOOPBACK": env.get("WEBHOOK_ALLOW_LOOPBACK") == "1",
        "SIGNUP_ENABLED": (env.get("SIGNUP_ENABLED") or "1") == "1",
        "SENTRY_DSN": env.get("SENTRY_DSN") or None,
        "DEMO_PASSWORD": env.get("STRATIKEY_DEMO_PASSWORD") or "stratikey-demo",
        "GALLERY": embedded or env.get("UI_GALLERY") == "1",
        "LOG_LEVEL": level,
        "LOG_FORMAT": env.get("LOG_FORMAT") or ("console" if embedded else "json"),
        # SQLAlchemy: the tenant role, and the platform role under a bind of its own.
        "SQLALCHEMY_DATABASE_URI": _sqlalchemy_url("DATABASE_URL", env["DATABASE_URL"]),
        "SQLALCHEMY_BINDS": {"platform": _sqlalchemy_url("PLATFORM_DATABASE_URL", need("PLATFORM_DATABASE_URL"))},
        "MIGRATION_DATABASE_URI": (
            _sqlalchemy_url("MIGRATION_DATABASE_URL", env["MIGRATION_DATABASE_URL"])
            if env.get("MIGRATION_DATABASE_URL")
            else None
        ),
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_size": number("DB_POOL_SIZE", 10),
            "max_overflow": 20,
            "pool_pre_ping": False,
            "pool_recycle": 1800,
        },
        # Sessions, uploads
        "SESSION_COOKIE_NAME": "stratikey",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": public_url.startswith("https://"),
        "PERMANENT_SESSION_LIFETIME": timedelta(days=30),
        "MAX_CONTENT_LENGTH": 64 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        "SEND_FILE_MAX_AGE_DEFAULT": 31536000,
        "WTF_CSRF_CHECK_DEFAULT": False,  # kernel.http checks, and knows bearer tokens
        "WTF_CSRF_TIME_LIMIT": None,
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(hours=1),
        "JWT_SECRET_KEY": secret,
        # Limits, kept in Valkey; in this process's memory while Valkey is away
        "RATELIMIT_ENABLED": (env.get("RATELIMIT_ENABLED") or "1") == "1",
        "RATELIMIT_STORAGE_URI": redis_url.replace("unix://", "redis+unix://", 1),
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_KEY_PREFIX": "limit",
        # Flask-AppBuilder
        "APP_NAME": "Stratikey",
        "FAB_UPDATE_PERMS": False,
        "FAB_API_KEY_ENABLED": True,  # ours: identities find them, FAB's table stays empty
        "FAB_CREATE_DB": False,
        "FAB_ADD_MENU_API": False,
        "FAB_ADD_SECURITY_API": False,
        "FAB_ADD_OPENAPI_VIEWS": True,
        "FAB_API_SWAGGER_UI": True,
        "FAB_API_SHOW_STACKTRACE": False,
        "FAB_SECURITY_SIGNALS_ENABLED": False,
        "FAB_API_MAX_PAGE_SIZE": 1000,
        "AUTH_USER_REGISTRATION": False,
        "LANGUAGES": {"it": {"flag": "it", "name": "Italiano"}, "en": {"flag": "gb", "name": "English"}},
        "BABEL_DEFAULT_LOCALE": "it",
        "BABEL_DEFAULT_TIMEZONE": "Europe/Rome",
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
    }
