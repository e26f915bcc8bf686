"""Puts the application together. The only list of features."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import sentry_sdk
from flask import Flask
from flask_appbuilder import AppBuilder
from flask_migrate import Migrate
from socketio import RedisManager
from whitenoise import WhiteNoise

import config
from app.automations.feature import feature as automations
from app.calendar.feature import feature as calendar
from app.collaboration.feature import feature as collaboration
from app.custom_fields.feature import feature as custom_fields
from app.demo.feature import feature as demo
from app.exports.feature import feature as exports
from app.intake.feature import feature as intake
from app.kernel import assets, cli, health, http, i18n, jobs, logs, realtime, storage
from app.kernel.db import db
from app.kernel.feature import Feature, registry
from app.kernel.outbox import subscribe
from app.kernel.tenant import platform_scope
from app.kernel.web import setup as web
from app.kernel.web.home import HomeView
from app.notifications.feature import feature as notifications
from app.sales.feature import feature as sales
from app.saved_views.feature import feature as saved_views
from app.settings.feature import feature as settings
from app.tasks.feature import feature as tasks
from app.tenancy.feature import feature as tenancy
from app.tenancy.security.identity.jobs import is_in_service, load_member_actor
from app.tenancy.security.identity.requests import resolve
from app.tenancy.security.manager import TenantSecurityManager
from app.vendor.feature import feature as vendor

FEATURES: list[Feature] = [
    tenancy,
    saved_views,
    custom_fields,
    collaboration,
    exports,
    calendar,
    tasks,
    intake,
    sales,
    notifications,
    automations,
    settings,
    vendor,
    demo,
]

registry.features = FEATURES


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The Flask application. A wrong setting ends the process with one line."""
    try:
        values = config.load()
    except config.SettingError as error:
        sys.exit(f"stratikey: {error}")
    app = Flask(__name__, static_folder="static", static_url_path="/static")
    app.config.update(values)
    app.config.update(overrides or {})
    logs.configure(app.config["LOG_FORMAT"], app.config["LOG_LEVEL"])
    if app.config["SENTRY_DSN"]:
        sentry_sdk.init(dsn=app.config["SENTRY_DSN"], send_default_pii=False)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.do")
    db.init_app(app)
    Migrate(app, db, directory=str(Path(config.ROOT) / "migrations"))
    http.identify_with(resolve)
    jobs.load_actors_with(load_member_actor, is_in_service)
    app.extensions["stratikey.storage"] = storage.make_store(app.config["STORAGE_URL"], app.config["S3_ENDPOINT_URL"])
    http.init_app(app)
    i18n.init_app(app)
    assets.init_app(app)
    web.init_app(app)
    health.init_app(app)
    with app.app_context(), platform_scope("health"):
        _register_features(app)
        i18n.configure()
    realtime.socketio.init_app(
        app,
        # Given ready-made: Flask-SocketIO knows no unix:// addresses, the manager does.
        client_manager=RedisManager(app.config["REDIS_URL"], channel="stratikey-live"),
        async_mode=os.environ.get("SOCKETIO_ASYNC_MODE", "threading"),
        cors_allowed_origins=[app.config["PUBLIC_URL"], *app.config.get("EXTRA_ORIGINS", [])],
        logger=False,
        engineio_logger=False,
    )
    cli.init_app(app)
    assets.DIST.mkdir(parents=True, exist_ok=True)
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(assets.DIST),
        prefix="static/dist/",
        max_age=31536000,
        immutable_file_test=lambda _path, url: "/dist/" in url,
    )
    return app


def _register_features(app: Flask) -> None:
    builder = AppBuilder(
        app,
        db.session,
        base_template="layout.html",
        security_manager_class=TenantSecurityManager,
        indexview=HomeView,
    )
    for feature in FEATURES:
        for event, key, handler in feature.handlers:
            subscribe(event, key, handler)
        for view in feature.views:
            builder.add_view_no_menu(view)
        for api in feature.apis:
            builder.add_api(api)
        for blueprint in feature.blueprints:
            app.register_blueprint(blueprint)
        for item in feature.menu:
            builder.add_link(
                item.name,
                href=item.href,
                icon=item.icon,
                label=item.label,
                category=item.category,
                category_icon=item.category_icon,
                category_label=item.category_label,
            )
        for group in feature.cli:
            app.cli.add_command(group)
        if feature.init is not None:
            feature.init(app)
    web.add_api_aliases(app)
