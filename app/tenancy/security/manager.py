"""Flask-AppBuilder's security manager, answering for the active organization only.

The one subclass of FAB's class. Every hole that was found in the stock one is closed here or by the
screens it does not register (docs/decisions/0003-fab-security.md lists them, each with its test).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import current_user

from app.kernel import http
from app.kernel.feature import registry
from app.tenancy.security.views.invitations import InvitationView
from app.tenancy.security.views.members import MemberView
from app.tenancy.security.views.roles import RoleView
from app.tenancy.security.views.sign_in import AuthView
from app.tenancy.security.views.sign_up import SignUpView
from app.tenancy.security.views.switches import SwitchView
from app.tenancy.security.views.teams import TeamView
from app.tenancy.security.views.tokens import SecurityApi

if TYPE_CHECKING:
    from flask import Flask
    from flask_limiter import Limiter


# FAB's description of the REST API: the schema of the product, no tenant's data.
OPEN_TO_MEMBERS = {("can_get", "OpenApi"), ("can_show", "SwaggerView")}


class TenantSecurityManager(SecurityManager):  # type: ignore[misc]
    """Permissions come from the request's actor; identities from ``tenancy.security.identity``."""

    def create_limiter(self, app: Flask) -> Limiter:
        http.limiter.init_app(app)
        return http.limiter

    def create_builtin_roles(self) -> dict[str, Any]:  # type: ignore[override]
        # Built-in roles are matched by name: an organization's role could take one. None exist.
        return {}

    def register_views(self) -> None:
        """Registers sign-in, sign-up, members, teams, roles and the token endpoint, and nothing else of FAB's.

        Left out: user statistics, groups, permission catalogues, password reset by an admin,
        self-registration, FAB's user and role REST.
        """
        self.auth_view = AuthView()
        self.appbuilder.add_view_no_menu(self.auth_view)
        self.user_view = self.appbuilder.add_view_no_menu(MemberView)
        for view in (SignUpView, InvitationView, SwitchView, TeamView, RoleView):
            self.appbuilder.add_view_no_menu(view)
        self.appbuilder.add_api(SecurityApi)

    def create_db(self) -> None:
        """Nothing: migrations make the schema."""

    # ── who ──────────────────────────────────────────────────────────────────────────────────────

    def load_user(self, _pk: Any) -> Any | None:
        identity = getattr(g, "identity", None)
        return identity.account if identity else None

    def load_user_jwt(self, _jwt_header: Any, _jwt_data: Any) -> Any | None:
        return self.load_user(None)

    def get_user_by_id(self, pk: Any) -> Any | None:
        identity = getattr(g, "identity", None)
        return identity.account if identity and str(identity.account.id) == str(pk) else None

    @staticmethod
    def extract_api_key_from_request() -> str | None:
        """What FAB's ``protect`` asks before it wants a JWT: whether this request came with a key."""
        actor = getattr(g, "actor", None)
        return str(actor.key_id) if actor is not None and actor.key_id is not None else None

    def validate_api_key(self, _api_key_string: str) -> Any | None:
        return g.actor

    @staticmethod
    def before_request() -> None:
        g.user = current_user

    # ── may ──────────────────────────────────────────────────────────────────────────────────────

    def has_access(self, permission_name: str, view_name: str) -> bool:
        actor = getattr(g, "actor", None)
        if actor is not None and (permission_name, view_name) in OPEN_TO_MEMBERS:
            return True
        return actor is not None and actor.can(permission_name.removeprefix("can_"), view_name)

    def is_item_public(self, _permission_name: str, _view_name: str) -> bool:
        return False

    def get_public_role(self) -> None:
        return None

    def get_public_permissions(self) -> list[Any]:
        return []

    def get_user_roles(self, _user: Any) -> list[Any]:
        return []

    def get_user_permissions(self, _user: Any) -> set[tuple[str, str]]:
        actor = getattr(g, "actor", None)
        if actor is None:
            return set()
        pairs = (key.split(" ", 1) for key in actor.permissions)
        return {(f"can_{verb}", resource) for verb, resource in pairs}

    def get_user_roles_permissions(self, user: Any) -> dict[str, list[tuple[str, str]]]:
        return {"active": sorted(self.get_user_permissions(user))}

    def get_user_menu_access(self, menu_names: list[str] | None = None) -> set[str]:
        """The names of the menu entries that the actor may see; a category shows with any entry."""
        actor = getattr(g, "actor", None)
        if actor is None or actor.organization_id is None:
            return set()
        allowed: set[str] = set()
        for item in registry.menu:
            if item.permission is None or actor.can(*item.permission):
                allowed.add(item.name)
                if item.category:
                    allowed.add(item.category)
        return allowed if menu_names is None else allowed & set(menu_names)


def create_permissions() -> int:
    """Makes FAB's permission pairs for every registered resource; the number of new ones.

    Idempotent. Call inside a platform unit of work.
    """
    manager = current_app.extensions["appbuilder"].sm
    session = manager.session
    permission_class = manager.permission_model
    view_menu_class = manager.viewmenu_model
    pair_class = manager.permissionview_model
    permissions = {one.name: one for one in session.query(permission_class)}
    view_menus = {one.name: one for one in session.query(view_menu_class)}
    pairs = {(one.permission_id, one.view_menu_id) for one in session.query(pair_class)}
    made = 0
    for resource in registry.resources.values():
        view_menu = view_menus.get(resource.name)
        if view_menu is None:
            view_menu = view_menus[resource.name] = view_menu_class(name=resource.name)
            session.add(view_menu)
        for verb in resource.verbs:
            name = f"can_{verb}"
            permission = permissions.get(name)
            if permission is None:
                permission = permissions[name] = permission_class(name=name)
                session.add(permission)
            session.flush()
            if (permission.id, view_menu.id) not in pairs:
                pair = pair_class()
                pair.permission_id, pair.view_menu_id = permission.id, view_menu.id
                session.add(pair)
                made += 1
    session.flush()
    return made
