"""The page behind an invitation's link."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Response, flash, g, make_response, redirect, request, url_for
from flask_appbuilder import expose

from app.kernel import clock
from app.kernel.errors import Invalid
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.security.views.auth_page import AuthPage, account_of_form, sign_in
from app.tenancy.service import members
from app.tenancy.service.accounts.sessions import switch_organization


class InvitationView(AuthPage):
    """Accepts an invitation."""

    default_view = "invite"

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
            return make_response(redirect(url_for("AuthView.login", next=f"/invite/{quote(token)}")))
        try:
            with platform_uow("membership"):
                if exists:
                    user = queries.find_user(email)
                else:
                    user = account_of_form(email)
                joined, _member = members.accept(token, user=user)
        except Invalid as error:
            return self._render("auth/account_form.html", 422, errors=error.errors, **context)
        if mine and current is not None and user is not None:
            with platform_uow("identity"):
                switch_organization(current.session_id, user.id, joined.slug)
        else:
            sign_in(user, remember=False, organization_id=joined.id)
        flash(_("Welcome to %(name)s.", name=joined.name), "success")
        return make_response(redirect("/"))
