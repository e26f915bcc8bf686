"""The organization's API keys."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, request
from flask_appbuilder import expose

from app.kernel import clock, http
from app.kernel.errors import Conflict, Invalid
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.settings.views.page import SettingsPage, saved, whole_number
from app.tenancy import queries
from app.tenancy.models import ApiKeyState
from app.tenancy.service import api_keys

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.tenancy.models import OrgApiKey


# How many days a new key may live; 0 is for ever.
KEY_DAYS = (30, 90, 365, 0)


class ApiKeysView(SettingsPage):
    """API keys: made, rotated, revoked."""

    default_view = "api_keys"

    @expose("/api-keys", methods=["GET", "POST"])
    def api_keys(self) -> Response:
        """The organization's API keys; a POST makes one and shows its secret, once."""
        actor = http.actor()
        actor.require("read", "api")
        if request.method == "POST":
            form = request.form
            chosen = [api_keys.READ_ONLY] if form.get("access") == api_keys.READ_ONLY else form.getlist("scope")[:200]
            try:
                days = whole_number(form.get("days"), "expires_at")
                if days is not None and days not in KEY_DAYS:
                    raise Invalid(errors={"expires_at": [_("Choose one of the list.")]})
                with uow():
                    key, secret = api_keys.create_key(
                        form.get("name", "").replace("\x00", ""),
                        actor=actor,
                        scopes=chosen,
                        expires_at=clock.now() + dt.timedelta(days=days) if days else None,
                        ip_allow=re.split(r"[\s,;]+", form.get("ip_allow", "").strip()) if form.get("ip_allow") else [],
                    )
                return self._secret(key, secret, rotated=False)
            except (Invalid, Conflict) as error:
                errors = error.errors or {"name": [_(error.message)]}
                return self._api_keys(actor, error.status, errors=errors)
        return self._api_keys(actor)

    def _api_keys(self, actor: Actor, status: int = 200, **context: Any) -> Response:
        keys = queries.list_api_keys()
        return self._page(
            "settings/api_keys.html",
            status,
            keys=keys,
            live=sum(1 for one in keys if one.state is ApiKeyState.ACTIVE),
            offered=api_keys.offered(actor),
            resources=registry.resources,
            days=KEY_DAYS,
            overlaps=api_keys.OVERLAP_HOURS,
            may_write=actor.can("write", "api"),
            **context,
        )

    @expose("/api-keys/<pk>/rotate", methods=["POST"])
    def rotate_api_key(self, pk: str) -> Response:
        """A new secret, shown once; the old one works for the chosen hours more."""
        hours = whole_number(request.form.get("hours"), "overlap_hours")
        with uow():
            key, secret = api_keys.rotate_key(
                parse_id(pk), actor=http.actor(), overlap_hours=24 if hours is None else hours
            )
        return self._secret(key, secret, rotated=True)

    def _secret(self, key: OrgApiKey, secret: str, *, rotated: bool) -> Response:
        return self._page(
            "settings/api_key_secret.html",
            key=key,
            secret=secret,
            rotated=rotated,
            public_url=current_app.config["PUBLIC_URL"],
        )

    @expose("/api-keys/<pk>/revoke", methods=["POST"])
    def revoke_api_key(self, pk: str) -> Response:
        """Ends a key at once."""
        with uow():
            api_keys.revoke_key(parse_id(pk), actor=http.actor())
        return saved("/settings/api-keys", _("The key is revoked and works no more."))
