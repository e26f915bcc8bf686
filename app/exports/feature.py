"""Exports plug into every generated list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.exports.service import start
from app.exports.views import ExportView
from app.kernel.crud.view import export_with
from app.kernel.feature import Feature, Schedule

if TYPE_CHECKING:
    from flask import Flask


def _init(_app: Flask) -> None:
    export_with(start)


feature = Feature("exports", views=[ExportView], init=_init, schedules=[Schedule("exports.sweep", every=60)])
