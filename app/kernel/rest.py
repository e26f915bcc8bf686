"""What every REST resource of the product has: the browser's session beside tokens and keys, CSRF, our errors."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.api import BaseApi

from app.kernel import http


def _signed_in() -> None:
    http.actor()


class SignedInApi(BaseApi):  # type: ignore[misc]
    """Base of resources that are no generated ones, and part of those that are."""

    allow_browser_login = True
    csrf_exempt = False

    def create_blueprint(self, *args: Any, **kwargs: Any) -> Any:
        """The resource's blueprint; visitors get our 401, before FAB's own with another shape."""
        blueprint = super().create_blueprint(*args, **kwargs)
        blueprint.before_request(_signed_in)
        return blueprint
