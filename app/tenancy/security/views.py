"""Sign-in and the built-in security screens, scoped to the organization and in our look."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from authlib.integrations.base_client import OAuthError
from flask import Response, current_app, flash, g, make_response, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.api import BaseApi
from flask_appbuilder.api import expose as expose_api
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_appbuilder.security.views import AuthDBView, RoleModelView, UserDBModelView
from flask_jwt_extended import create_access_token

from app.kernel import clock, crypto, http, i18n, mail, web
from app.kernel.actor import Scope
from app.kernel.db import db
from app.kernel.errors import BadRequest, DomainError, Invalid, NotFound, Unauthenticated
from app.kernel.feature import registry
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow, uow
from app.tenancy import queries
from app.tenancy.models import Role, User
from app.tenancy.security import identity
from app.tenancy.service import accounts, members, organizations, roles

SIGN_IN_LIMIT = "20 per minute; 200 per hour"
PENDING_SECONDS = 300


def client() -> accounts.ClientInfo:
    """Where the request comes from."""
    return accounts.ClientInfo(request.remote_addr, request.user_agent.string)


def sign_in(user: Any, *, remember: bool, organization_id: Any = None) -> None:
    """Starts a browser session; everything that the anonymous one held is dropped (fixation)."""
    with platform_uow("identity"):
        user = db.session.get(User, user.id)
        opened = accounts.start_session(user, client(), remember=remember, organization_id=organization_id)
        sid = str(opened.id)
    session.clear()
    session.permanent = remember
    session["sid"] = sid
    session["_user_id"] = str(user.id)
    session["_fresh"] = True


def landing() -> Response:
    """Where a person goes after signing in: the page they wanted, when it is ours, else home."""
    target = web.local_target(request.values.get("next")) or "/"
    if target.startswith(("/login", "/logout")):
        target = "/"
    return make_response(redirect(target))


class AuthView(AuthDBView):  # type: ignore[misc]
    """E-mail and password, second factor, Google, reset, sign-up, invitations."""

    route_base = ""
    login_template = "auth/login.html"
    default_view = "login"

    def _render(self, template: str, status: int = 200, **context: Any) -> Response:
        context.setdefault("errors", {})
        context.setdefault("form", request.form)
        return make_response(
            self.render_template(
                template,
                google=bool(current_app.config["GOOGLE_CLIENT_ID"]),
                signup=current_app.config["SIGNUP_ENABLED"],
                next=web.local_target(request.values.get("next")) or "",
                **context,
            ),
            status,
        )

    # FAB's decorator-made endpoint name "login" is what the rest of FAB links to.
    @expose("/login/", methods=["GET", "POST"])
    @limiter.limit(SIGN_IN_LIMIT, methods=["POST"])
    def login(self) -> Response:
        """The sign-in form."""
        if getattr(g, "actor", None) is not None:
            return landing()
        if request.method == "GET":
            return self._render("auth/login.html")
        email, password = request.form.get("email", ""), request.form.get("password", "")
        try:
            with platform_uow("identity"):
                user = accounts.check_sign_in(email[:320], password[:200], client())
                second = accounts.has_second_factor(user.id) if user is not None else False
        except DomainError as error:
            return self._render("auth/login.html", error.status, message=_(error.message))
        if user is None:
            return self._render("auth/login.html", 401, message=_("E-mail or password are not right."))
        remember = request.form.get("remember") == "1"
        if second:
            session.clear()
            session["pending"] = crypto.sign([user.id, remember], purpose="second-factor")
            return make_response(redirect(url_for(".second_factor", next=request.values.get("next"))))
        sign_in(user, remember=remember)
        return landing()

    @expose("/login/code", methods=["GET", "POST"])
    @limiter.limit(SIGN_IN_LIMIT, methods=["POST"])
    def second_factor(self) -> Response:
        """The code of the second factor."""
        try:
            user_id, remember = crypto.unsign(
                session.get("pending", ""), purpose="second-factor", max_age=PENDING_SECONDS
            )
        except NotFound:
            return make_response(redirect(url_for(".login")))
        if request.method == "GET":
            return self._render("auth/code.html")
        try:
            with platform_uow("identity"):
                right = accounts.check_code(user_id, request.form.get("code", "")[:20])
                user = db.session.get(User, user_id)
        except DomainError as error:
            return self._render("auth/code.html", error.status, message=_(error.message))
        if not right:
            return self._render("auth/code.html", 401, message=_("This code is not right."))
        sign_in(user, remember=remember)
        return landing()

    @expose("/logout/", methods=["GET", "POST"])
    def logout(self) -> Response:
        """Ends the session. By GET only a page with a button: a link elsewhere must not sign out."""
        if getattr(g, "identity", None) is None:
            session.clear()
            return make_response(redirect(url_for(".login")))
        if request.method == "GET":
            return self._render("auth/logout.html")
        with platform_uow("identity"):
            accounts.end_session(g.identity.session_id)
        session.clear()
        return make_response(redirect(url_for(".login")))

    # ── forgotten password ───────────────────────────────────────────────────────────────────────

    @expose("/login/forgot", methods=["GET", "POST"])
    @limiter.limit("5 per minute; 30 per hour", methods=["POST"])
    def forgot(self) -> Response:
        """Asks for a reset link; the answer is the same for every address."""
        if request.method == "GET":
            return self._render("auth/forgot.html", sent=False)
        with platform_uow("identity"):
            accounts.request_reset(request.form.get("email", "")[:320], current_app.config["PUBLIC_URL"])
        return self._render("auth/forgot.html", sent=True)

    @expose("/login/reset/<token>", methods=["GET", "POST"])
    @limiter.limit("20 per minute", methods=["POST"])
    def reset(self, token: str) -> Response:
        """Sets a new password by a mailed link."""
        if request.method == "GET":
            with platform_scope("identity"):
                accounts.reset_account(token)
            return self._render("auth/reset.html")
        try:
            with platform_uow("identity"):
                accounts.reset_password(token, request.form.get("password", ""))
        except Invalid as error:
            return self._render("auth/reset.html", 422, errors=error.errors)
        flash(_("Your new password is set. Sign in with it."), "success")
        return make_response(redirect(url_for(".login")))

    # ── Google ───────────────────────────────────────────────────────────────────────────────────

    @expose("/login/google")
    def google(self) -> Response:
        """To Google's consent page."""
        remote = _google()
        callback = current_app.config["PUBLIC_URL"] + "/login/google/callback"
        session["next"] = web.local_target(request.args.get("next")) or "/"
        answer: Response = remote.authorize_redirect(callback)
        return answer

    @expose("/login/google/callback")
    @limiter.limit("30 per minute")
    def google_callback(self) -> Response:
        """Back from Google: signs in the account with this verified e-mail, and no other."""
        remote = _google()
        target = session.get("next", "/")
        try:
            info = remote.authorize_access_token().get("userinfo") or {}
        except OAuthError:
            return self._render("auth/login.html", 401, message=_("Google did not confirm the sign-in."))
        try:
            with platform_uow("identity"):
                user = accounts.find_google_user(
                    str(info.get("sub", "")), str(info.get("email", "")), verified=info.get("email_verified") is True
                )
                if user is not None:
                    accounts.link_google(user, str(info["sub"]))
        except DomainError as error:
            return self._render("auth/login.html", error.status, message=_(error.message))
        if user is None:
            return self._render(
                "auth/login.html", 401, message=_("No account has this address. Ask for an invitation.")
            )
        with platform_scope("identity"):
            second = accounts.has_second_factor(user.id)
        if second:
            session.clear()
            session["pending"] = crypto.sign([user.id, False], purpose="second-factor")
            return make_response(redirect(url_for(".second_factor", next=target)))
        sign_in(user, remember=False)
        return make_response(redirect(web.local_target(target) or "/"))

    # ── sign-up of an organization ───────────────────────────────────────────────────────────────

    @expose("/signup/", methods=["GET", "POST"])
    @limiter.limit("5 per minute; 30 per hour", methods=["POST"])
    def signup(self) -> Response:
        """Asks for a link to create an organization; the answer never tells who has an account."""
        if not current_app.config["SIGNUP_ENABLED"]:
            raise NotFound
        if request.method == "GET":
            return self._render("auth/signup.html", sent=False)
        try:
            email = members.normal_email(request.form.get("email", ""))
            name = " ".join(request.form.get("organization", "").split())
            if not 2 <= len(name) <= 120:
                raise Invalid(errors={"organization": [_("This field is required.")]})
        except Invalid as error:
            return self._render("auth/signup.html", 422, errors=error.errors, sent=False)
        with platform_uow("sign-up"):
            organizations_mail(email, name)
        return self._render("auth/signup.html", sent=True)

    @expose("/signup/<token>", methods=["GET", "POST"])
    @limiter.limit("20 per minute", methods=["POST"])
    def signup_confirm(self, token: str) -> Response:
        """Creates the organization and its first admin, by the mailed link."""
        if not current_app.config["SIGNUP_ENABLED"]:
            raise NotFound
        email, name = crypto.unsign(token, purpose="sign-up", max_age=86400)
        if request.method == "GET":
            with platform_scope("identity"):
                if queries.find_user(email) is not None:
                    raise NotFound
            return self._render(
                "auth/account_form.html", email=email, organization=name, title=_("Create your workspace")
            )
        try:
            with platform_uow("sign-up"):
                user = accounts.create_user(
                    email=email,
                    first_name=request.form.get("first_name", ""),
                    last_name=request.form.get("last_name", ""),
                    password=request.form.get("password", ""),
                    locale=str(i18n.locale())[:2],
                )
                organizations.create_organization(name, admin=user)
        except Invalid as error:
            if "email" in error.errors:
                raise NotFound from None
            return self._render(
                "auth/account_form.html",
                422,
                errors=error.errors,
                email=email,
                organization=name,
                title=_("Create your workspace"),
            )
        sign_in(user, remember=False)
        return make_response(redirect("/"))

    # ── invitations ──────────────────────────────────────────────────────────────────────────────

    @expose("/invite/<token>", methods=["GET", "POST"])
    @limiter.limit("20 per minute", methods=["POST"])
    def invite(self, token: str) -> Response:
        """Accepts an invitation: as the signed-in person, after signing in, or with a new account."""
        with platform_uow("membership"):
            invitation, organization = members.open_invitation(token)
            email, name = invitation.email, organization.name
            exists = queries.find_user(email) is not None
            if invitation.opened_at is None:
                invitation.opened_at = clock.now()
        current = getattr(g, "identity", None)
        mine = current is not None and current.account.email.lower() == email
        context: dict[str, Any] = {"email": email, "organization": name, "title": _("Join %(name)s", name=name)}
        if request.method == "GET":
            template = "auth/invite.html" if exists else "auth/account_form.html"
            return self._render(template, mine=mine, other=current is not None and not mine, **context)
        if exists and not mine:
            return make_response(redirect(url_for(".login", next=f"/invite/{quote(token)}")))
        try:
            with platform_uow("membership"):
                if exists:
                    user = queries.find_user(email)
                else:
                    user = accounts.create_user(
                        email=email,
                        first_name=request.form.get("first_name", ""),
                        last_name=request.form.get("last_name", ""),
                        password=request.form.get("password", ""),
                        locale=str(i18n.locale())[:2],
                    )
                joined, _member = members.accept(token, user=user)
        except Invalid as error:
            return self._render("auth/account_form.html", 422, errors=error.errors, **context)
        if mine and current is not None and user is not None:
            with platform_uow("identity"):
                accounts.switch_organization(current.session_id, user.id, joined.slug)
        else:
            sign_in(user, remember=False, organization_id=joined.id)
        flash(_("Welcome to %(name)s.", name=joined.name), "success")
        return make_response(redirect("/"))

    @expose("/switch/<slug>", methods=["POST"])
    def switch(self, slug: str) -> Response:
        """Makes another of the person's organizations the active one; a preview of a role ends."""
        http.actor()
        with platform_uow("identity"):
            found = accounts.switch_organization(g.identity.session_id, g.identity.account.id, slug)
        session.pop("see_as", None)
        flash(_("You are working in %(name)s.", name=found.name), "success")
        return make_response(redirect("/"))

    @expose("/see-as/stop", methods=["POST"])
    def stop_seeing_as(self) -> Response:
        """Ends the preview of a role."""
        http.actor()
        session.pop("see_as", None)
        return make_response(redirect("/roles/list/"))


def organizations_mail(email: str, name: str) -> None:
    """Mails the sign-up link, or, to an address with an account, says so there and only there."""
    public_url = current_app.config["PUBLIC_URL"]
    user = queries.find_user(email)
    token = crypto.sign([email, name], purpose="sign-up")
    mail.send(
        "signup" if user is None else "signup_known",
        to=email,
        locale=str(i18n.locale())[:2],
        context={
            "organization": name,
            "url": f"{public_url}/signup/{token}" if user is None else f"{public_url}/login/",
        },
    )


def _google() -> Any:
    remote = current_app.extensions.get("stratikey.google")
    if remote is None:
        raise NotFound
    return remote


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
        "save_team": "write",
        "delete_team": "write",
        "teams": "read",
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
        "teams",
        "save_team",
        "delete_team",
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


class SecurityApi(BaseApi):  # type: ignore[misc]
    """Tokens for REST clients: ``POST /api/v1/security/login``."""

    resource_name = "security"
    version = "v1"
    csrf_exempt = False
    openapi_spec_tag = "security"

    @expose_api("/login", methods=["POST"])
    @limiter.limit(SIGN_IN_LIMIT)
    def login(self) -> Response:
        """A JWT for an e-mail and password (and ``code``, with a second factor), valid one hour."""
        body = http.json_body()
        email, password = body.get("username") or body.get("email"), body.get("password")
        if not isinstance(email, str) or not isinstance(password, str):
            raise Invalid(errors={"username": [_("This field is required.")]})
        with platform_uow("identity"):
            user = accounts.check_sign_in(email[:320], password[:200], client())
            if user is None:
                denied = True
            else:
                code = body.get("code")
                denied = accounts.has_second_factor(user.id) and not (
                    isinstance(code, str) and accounts.check_code(user.id, code[:20])
                )
            if user is not None and not denied:
                opened = accounts.start_session(user, client(), kind="token")
                sid, user_id = str(opened.id), str(user.id)
        if denied:
            raise Unauthenticated(_("E-mail or password are not right."))
        found = identity.load(parse_id(sid))
        slug = found.organization.slug if found and found.organization else None
        token = create_access_token(user_id, additional_claims={"sid": sid, "org": slug})
        return http.json_response({"access_token": token, "organization": slug})

    def add_api_spec(self, api_spec: Any) -> None:
        """Described by hand: it has one operation."""
        api_spec.path(
            path="/api/v1/security/login",
            operations={
                "post": {
                    "tags": ["security"],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["username", "password"],
                                    "properties": {
                                        "username": {"type": "string"},
                                        "password": {"type": "string"},
                                        "code": {"type": "string"},
                                    },
                                }
                            }
                        },
                    },
                    "responses": {
                        "200": {"description": "OK"},
                        "401": {"$ref": "#/components/responses/401"},
                        "422": {"$ref": "#/components/responses/422"},
                        "429": {"$ref": "#/components/responses/429"},
                    },
                }
            },
        )
