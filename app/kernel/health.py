"""Probes: is the process up, and is everything that it needs there."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.script import ScriptDirectory
from flask import Response, current_app
from rq import Worker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.kernel import clock, valkey
from app.kernel.db import db
from app.kernel.http import json_response, limiter
from app.kernel.tenant import platform_scope

if TYPE_CHECKING:
    from flask import Flask

WORKER_SILENCE = dt.timedelta(seconds=500)


def init_app(app: Flask) -> None:
    """Adds /healthz and /readyz."""
    app.add_url_rule("/healthz", "healthz", limiter.exempt(healthz))
    app.add_url_rule("/readyz", "readyz", limiter.exempt(readyz))


def healthz() -> Response:
    """200 as long as the process answers."""
    return json_response({"status": "ok"})


def readyz() -> Response:
    """200 when database, migrations, Valkey and a worker are there, else 503 with what is not."""
    checks = {"database": _database(), "migrations": _migrations(), **_valkey_and_worker()}
    ready = all(checks.values())
    return json_response({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


def _database() -> bool:
    try:
        with platform_scope("health"):
            db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _migrations() -> bool:
    heads = set(ScriptDirectory(str(Path(current_app.root_path).parent / "migrations")).get_heads())
    try:
        with platform_scope("health"):
            current = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError:
        return False
    return current == heads


def _valkey_and_worker() -> dict[str, bool]:
    try:
        connection = valkey.connection()
        connection.ping()
        workers = Worker.all(connection=connection)
    except valkey.RedisError:
        return {"valkey": False, "worker": False}
    alive = any(
        worker.last_heartbeat is not None
        and clock.now() - worker.last_heartbeat.replace(tzinfo=dt.UTC) < WORKER_SILENCE
        for worker in workers
    )
    return {"valkey": True, "worker": alive}
