"""People of the organization, and whom it invited."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, flash, make_response, redirect, request
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_appbuilder.security.views import UserDBModelView

from app.kernel import http
from app.kernel.db import db
from app.kernel.errors import BadRequest, DomainError, Invalid
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.tenancy import queries
from app.tenancy.models import User
from app.tenancy.service import members, roles


class MemberView(UserDBModelView):  # type: ignore[misc]
    """FAB's users screen: the people of this organization. Identity fields are never touched here."""

    datamodel = SQLAInterface(User, db.session)
    route_base = "/users"
    class_permission_name = "users"
    method_permission_name = {
        "list": "read",
        "invite": "invite",
        "resend": "invite",
        "revoke": "revoke",
        "set_roles": "read",
        "remove": "revoke",
        "update": "write",
        "placeholder": "invite",
    }
    include_route_methods = {
        "list",
        "invite",
        "resend",
        "revoke",
        "set_roles",
        "remove",
        "update",
        "placeholder",
    }
    list_template = "security/members.html"

    def _init_forms(self) -> None:
        """No generated forms: nothing of a person's identity is edited here."""
        self.add_form = self.edit_form = None

    @expose("/list/")
    @has_access
    def list(self) -> Response:
        """People and pending invitations in one list."""
        return self._list()

    def _list(self, status: int = 200, **context: Any) -> Response:
        actor = http.actor()
        search = request.args.get("q", "").replace("\x00", "")[:100].strip()
        show = request.args.get("show", "all")
        role = request.args.get("role")
        role_id = int(role) if role and role.isdigit() and len(role) < 10 else None
        organization = queries.current_organization()
        rows = queries.list_members(search=search, role_id=role_id)
        invitations = queries.pending_invitations(search) if role_id is None else []
        return make_response(
            self.render_template(
                self.list_template,
                rows=rows,
                invitations=invitations,
                search=search,
                show=show if show in {"all", "active", "invited"} else "all",
                role_id=role_id,
                roles=queries.list_roles(),
                teams=queries.list_teams(),
                organization=organization,
                seats=queries.seats()[0],
                may_invite=actor.can("invite", "users"),
                may_assign=actor.can("assign", "roles"),
                may_revoke=actor.can("revoke", "users"),
                may_write=actor.can("write", "users"),
                **{"errors": {}, "form": {}, **context},
            ),
            status,
        )

    @expose("/invite", methods=["POST"])
    @has_access
    @limiter.limit("30 per minute; 300 per day")
    def invite(self) -> Response:
        """Invites one or several addresses (one a line, or separated by commas)."""
        actor = http.actor()
        text = request.form.get("emails", "")
        addresses = [one.strip() for one in text.replace(";", ",").replace("\n", ",").split(",") if one.strip()]
        if not addresses or len(addresses) > 50:
            return self._list(422, errors={"emails": [_("Write one to 50 addresses.")]}, form=request.form)
        try:
            role_id = int(request.form.get("role", ""))
        except ValueError:
            return self._list(422, errors={"role": [_("Choose one of the list.")]}, form=request.form)
        team_id = parse_id(request.form["team"]) if request.form.get("team") else None
        member_id = parse_id(request.form["member"]) if request.form.get("member") else None
        failed: list[str] = []
        done = 0
        for address in addresses:
            try:
                with uow():
                    members.invite(
                        address,
                        actor=actor,
                        role_id=role_id,
                        team_id=team_id,
                        member_id=member_id if len(addresses) == 1 else None,
                        public_url=current_app.config["PUBLIC_URL"],
                    )
                done += 1
            except (Invalid, DomainError) as error:
                if error.status in {403, 404}:
                    raise
                reasons = [text for texts in error.errors.values() for text in texts]
                failed.append(f"{address}: {' '.join(reasons) or _(error.message)}")
        if failed:
            kept = {**request.form.to_dict(), "emails": "\n".join(one.split(":")[0] for one in failed)}
            return self._list(422, errors={"emails": failed}, form=kept, invited=done)
        flash(_("%(count)s invitations sent.", count=done) if done > 1 else _("Invitation sent."), "success")
        return make_response(redirect("/users/list/"))

    @expose("/invitations/<pk>/resend", methods=["POST"])
    @has_access
    @limiter.limit("30 per minute")
    def resend(self, pk: str) -> Response:
        """Sends an invitation again."""
        with uow():
            members.resend(parse_id(pk), actor=http.actor(), public_url=current_app.config["PUBLIC_URL"])
        flash(_("Invitation sent."), "success")
        return make_response(redirect("/users/list/"))

    @expose("/invitations/<pk>/revoke", methods=["POST"])
    @has_access
    def revoke(self, pk: str) -> Response:
        """Takes an invitation back."""
        with uow():
            members.revoke(parse_id(pk), actor=http.actor())
        flash(_("Invitation taken back."), "success")
        return make_response(redirect("/users/list/"))

    @expose("/<pk>/roles", methods=["POST"])
    @has_access
    def set_roles(self, pk: str) -> Response:
        """Gives a member exactly the chosen roles."""
        try:
            chosen = {int(one) for one in request.form.getlist("role")}
        except ValueError:
            raise BadRequest from None
        with uow():
            roles.assign_roles(parse_id(pk), chosen, actor=http.actor())
        flash(_("Roles changed."), "success")
        return make_response(redirect("/users/list/"))

    @expose("/<pk>/update", methods=["POST"])
    @has_access
    def update(self, pk: str) -> Response:
        """Sets title and team."""
        team = request.form.get("team")
        with uow():
            members.update_member(
                parse_id(pk),
                actor=http.actor(),
                title=request.form.get("title"),
                team_id=parse_id(team) if team else None,
            )
        flash(_("Changes saved."), "success")
        return make_response(redirect("/users/list/"))

    @expose("/<pk>/remove", methods=["POST"])
    @has_access
    def remove(self, pk: str) -> Response:
        """Takes a person's access away."""
        with uow():
            members.remove_member(parse_id(pk), actor=http.actor())
        flash(_("Access removed."), "success")
        return make_response(redirect("/users/list/"))

    @expose("/placeholders", methods=["POST"])
    @has_access
    def placeholder(self) -> Response:
        """Adds a person known by name only."""
        with uow():
            members.add_placeholder(request.form.get("name", ""), actor=http.actor())
        flash(_("Person added."), "success")
        return make_response(redirect("/users/list/"))
