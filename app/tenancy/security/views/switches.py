"""What a signed-in person switches: the organization, and the preview of a role off."""

from __future__ import annotations

from flask import Response, flash, g, make_response, redirect, session
from flask_appbuilder import BaseView, expose

from app.kernel import http
from app.kernel.i18n import gettext as _
from app.kernel.uow import platform_uow
from app.tenancy.service.accounts.sessions import switch_organization


class SwitchView(BaseView):  # type: ignore[misc]
    """Switches of the session; no pages."""

    route_base = ""
    default_view = "switch"

    @expose("/switch/<slug>", methods=["POST"])
    def switch(self, slug: str) -> Response:
        """Makes another of the person's organizations the active one; a preview of a role ends."""
        http.actor()
        with platform_uow("identity"):
            found = switch_organization(g.identity.session_id, g.identity.account.id, slug)
        session.pop("see_as", None)
        flash(_("You are working in %(name)s.", name=found.name), "success")
        return make_response(redirect("/"))

    @expose("/see-as/stop", methods=["POST"])
    def stop_seeing_as(self) -> Response:
        """Ends the preview of a role."""
        http.actor()
        session.pop("see_as", None)
        return make_response(redirect("/roles/list/"))
