"""Organizations and identity plug in: resources, menu, commands, the live channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.integrations.flask_client import OAuth
from sqlalchemy import func

from app.kernel.crud.fields import PERSON_KIND, Target, targets
from app.kernel.feature import Feature, Resource
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.uow import platform_uow
from app.kernel.web.preferences import save_preferences_with
from app.kernel.web.shell import badge
from app.tenancy import queries
from app.tenancy.api import API_KEYS
from app.tenancy.cli import org, user
from app.tenancy.models import Membership
from app.tenancy.security import sockets
from app.tenancy.security.manager import create_permissions
from app.tenancy.service.accounts.profile import update_profile

if TYPE_CHECKING:
    from flask import Flask

    from app.kernel.actor import Actor

targets[PERSON_KIND] = Target(
    Membership,
    "display_name",
    lambda: func.lower(Membership.display_name),
    lambda: Membership.status != "removed",
)


def _seats(_actor: Actor) -> tuple[int, int]:
    return queries.seats()


def _save_preferences(user_id: int, *, theme: str | None, locale: str | None) -> None:
    with platform_uow("identity"):
        update_profile(user_id, theme=theme, locale=locale)


def _init(app: Flask) -> None:
    badge("seats", _seats)
    save_preferences_with(_save_preferences)
    app.extensions["stratikey.create_permissions"] = create_permissions
    sockets.init()
    if app.config["GOOGLE_CLIENT_ID"]:
        app.extensions["stratikey.google"] = OAuth(app).register(
            "google",
            client_id=app.config["GOOGLE_CLIENT_ID"],
            client_secret=app.config["GOOGLE_CLIENT_SECRET"],
            server_metadata_url=app.config["GOOGLE_DISCOVERY_URL"],
            client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
        )


SETTINGS = {"category": "Settings", "category_label": _l("Settings"), "category_icon": "settings"}

feature = Feature(
    "tenancy",
    resources=[
        Resource(
            "users", _l("People and invitations"), "settings", ("read", "write", "invite", "revoke"), for_keys=False
        ),
        Resource("roles", _l("Roles and permissions"), "settings", ("read", "write", "assign"), for_keys=False),
        Resource("api", _l("API keys"), "settings", ("read", "write"), for_keys=False),
        Resource("branding", _l("Company and branding"), "settings", ("manage",)),
        Resource("audit", _l("Audit log"), "settings", ("read", "export")),
    ],
    apis=[API_KEYS],
    cli=[org, user],
    init=_init,
)
