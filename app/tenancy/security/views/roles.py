"""Roles of the organization, and what each may do."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, make_response, redirect, request, session
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_appbuilder.security.views import RoleModelView

from app.kernel import http
from app.kernel.actor import Scope
from app.kernel.db import db
from app.kernel.errors import BadRequest, Invalid, NotFound
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.uow import uow
from app.tenancy import queries
from app.tenancy.models import Role
from app.tenancy.service import roles

COLUMNS = ("read", "write", "approve", "export")


class RoleView(RoleModelView):  # type: ignore[misc]
    """FAB's roles screen as a matrix: what each role may do, and how far."""

    datamodel = SQLAInterface(Role, db.session)
    route_base = "/roles"
    class_permission_name = "roles"
    method_permission_name = {
        "list": "read",
        "save": "write",
        "add_role": "write",
        "rename": "write",
        "remove": "write",
        "see_as": "read",
    }
    include_route_methods = {"list", "save", "add_role", "rename", "remove", "see_as"}
    list_template = "security/roles.html"

    def _init_forms(self) -> None:
        """The matrix is the form."""
        self.add_form = self.edit_form = None

    @expose("/list/")
    @has_access
    def list(self) -> Response:
        """The organization's roles, and the matrix of one of them."""
        return self._matrix()

    def _matrix(self, status: int = 200, **context: Any) -> Response:
        all_roles = queries.list_roles()
        wanted = request.args.get("role", "")
        current = next((one for one in all_roles if str(one.id) == wanted), None)
        if wanted and current is None:
            raise NotFound
        current = current or all_roles[0]
        held = queries.role_permissions(current.id)
        holders: dict[int, list[str]] = {}
        names = {row.member.user_id: row.member.display_name for row in queries.list_members()}
        for user_id, found in queries.roles_by_user().items():
            for role_id, _name in found:
                if user_id in names:
                    holders.setdefault(role_id, []).append(names[user_id])
        return make_response(
            self.render_template(
                self.list_template,
                roles=all_roles,
                current=current,
                held=held,
                holders=holders,
                modules=matrix_rows(),
                columns=COLUMNS,
                scopes=[scope.value for scope in Scope],
                locked=current.is_system and current.name == roles.ORG_ADMIN,
                may_write=http.actor().can("write", "roles"),
                people=roles.people_with_role(current.id),
                **{"errors": {}, "form": {}, **context},
            ),
            status,
        )

    @expose("/<int:role_id>/permissions", methods=["POST"])
    @has_access
    def save(self, role_id: int) -> Response:
        """Sets permissions: JSON ``{"permissions": {"<verb> <resource>": scope|null}}``."""
        wanted = http.json_body().get("permissions")
        if not isinstance(wanted, dict) or not all(
            isinstance(key, str) and (value is None or isinstance(value, str)) for key, value in wanted.items()
        ):
            raise BadRequest
        with uow():
            concerned = roles.set_permissions(role_id, wanted, actor=http.actor())
        return http.json_response({"message": _("Permissions saved."), "people": concerned})

    @expose("/new", methods=["POST"])
    @has_access
    def add_role(self) -> Response:
        """Creates a role, empty or as a copy of another."""
        copy_of = request.form.get("copy_of", "")
        try:
            with uow():
                role = roles.create_role(
                    request.form.get("name", ""),
                    actor=http.actor(),
                    description=request.form.get("description", ""),
                    copy_of=int(copy_of) if copy_of.isdigit() and len(copy_of) < 10 else None,
                )
                role_id = role.id
        except Invalid as error:
            return self._matrix(422, errors=error.errors, form=request.form, dialog="new-role")
        flash(_("Role created."), "success")
        return make_response(redirect(f"/roles/list/?role={role_id}"))

    @expose("/<int:role_id>/rename", methods=["POST"])
    @has_access
    def rename(self, role_id: int) -> Response:
        """Renames a custom role."""
        with uow():
            roles.update_role(
                role_id,
                actor=http.actor(),
                name=request.form.get("name", ""),
                description=request.form.get("description", ""),
            )
        flash(_("Changes saved."), "success")
        return make_response(redirect(f"/roles/list/?role={role_id}"))

    @expose("/<int:role_id>/delete", methods=["POST"])
    @has_access
    def remove(self, role_id: int) -> Response:
        """Deletes a custom role; its people get another."""
        replacement = request.form.get("replacement", "")
        with uow():
            roles.delete_role(
                role_id,
                actor=http.actor(),
                replacement_id=int(replacement) if replacement.isdigit() and len(replacement) < 10 else None,
            )
        flash(_("Role deleted."), "success")
        return make_response(redirect("/roles/list/"))

    @expose("/<int:role_id>/see-as", methods=["POST"])
    @has_access
    def see_as(self, role_id: int) -> Response:
        """Shows the product as this role sees it, until switched off; nothing can be written."""
        role = queries.get_role(role_id)
        session["see_as"] = [role.id, role.name]
        return make_response(redirect("/"))


def matrix_rows() -> list[tuple[str, list[Any]]]:
    """Resources by module, in the order of the features."""
    found: dict[str, list[Any]] = {}
    for resource in registry.resources.values():
        if resource.assignable:
            found.setdefault(resource.module, []).append(resource)
    return list(found.items())
