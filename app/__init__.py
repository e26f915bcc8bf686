"""Stratikey: marketing, sales and services of many organizations on one platform."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The Flask application. Loaded on demand: tools of this package run without it."""
    app: Flask = import_module("app.bootstrap").create_app(overrides)
    return app
