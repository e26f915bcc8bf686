"""Teams of the organization."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access

from app.kernel import http
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tenancy import queries
from app.tenancy.service import members


class TeamView(BaseView):  # type: ignore[misc]
    """Teams with their managers."""

    route_base = "/users"
    default_view = "teams"
    class_permission_name = "users"
    method_permission_name = {"teams": "read", "save_team": "write", "delete_team": "write"}

    @expose("/teams/")
    @has_access
    def teams(self) -> Response:
        """Teams with their managers."""
        return make_response(
            self.render_template(
                "security/teams.html",
                teams=queries.list_teams(),
                people=queries.list_people(),
                may_write=http.actor().can("write", "users"),
            )
        )

    @expose("/teams/save", methods=["POST"])
    @has_access
    def save_team(self) -> Response:
        """Creates or changes a team."""

        def optional(name: str) -> Any:
            return parse_id(request.form[name]) if request.form.get(name) else None

        with uow():
            members.save_team(
                optional("id"),
                actor=http.actor(),
                name=request.form.get("name", ""),
                manager_id=optional("manager"),
                parent_id=optional("parent"),
            )
        flash(_("Changes saved."), "success")
        return make_response(redirect("/users/teams/"))

    @expose("/teams/<pk>/delete", methods=["POST"])
    @has_access
    def delete_team(self, pk: str) -> Response:
        """Deletes a team."""
        with uow():
            members.delete_team(parse_id(pk), actor=http.actor())
        flash(_("Team deleted."), "success")
        return make_response(redirect("/users/teams/"))
