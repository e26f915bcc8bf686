"""Alembic's environment: the owner role, short lock waits, one migration at a time."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, text

config = context.config
database = current_app.extensions["migrate"].db


def include_object(_object: Any, _name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
    return True


def render_item(_kind: str, _object: Any, _autogen: Any) -> bool:
    return False


def run() -> None:
    url = current_app.config["MIGRATION_DATABASE_URI"]
    if not url:
        raise SystemExit("stratikey: MIGRATION_DATABASE_URL: must be set to change the schema")
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.execute(text("SELECT pg_advisory_lock(hashtext('stratikey.migrations'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            include_object=include_object,
            render_item=render_item,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
