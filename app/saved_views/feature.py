"""Saved views plug into every generated list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.kernel.crud.view import provide_views
from app.kernel.feature import Feature
from app.saved_views.views import SavedViewView, provide

if TYPE_CHECKING:
    from flask import Flask


def _init(_app: Flask) -> None:
    provide_views(provide)


feature = Feature("saved_views", views=[SavedViewView], init=_init)
