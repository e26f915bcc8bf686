"""Home."""

from __future__ import annotations

from flask import Response, g, make_response, redirect, render_template
from flask_appbuilder import IndexView, expose

from app.kernel import http
from app.kernel.feature import registry


class HomeView(IndexView):  # type: ignore[misc]
    """The active organization's home, or where a visitor and vendor staff belong."""

    @expose("/")
    def index(self) -> Response:
        """Home: the cards that features give for this person."""
        actor = getattr(g, "actor", None)
        if actor is None:
            return http.redirect_to_login()
        if actor.organization_id is None:
            if actor.vendor_roles:
                return make_response(redirect("/platform/"))
            return make_response(render_template("errors/no_organization.html"), 200)
        cards = [card for feature in registry.features for make in feature.home_cards if (card := make(actor))]
        cards.sort(key=lambda card: card["order"])
        return make_response(self.render_template("home.html", cards=cards, first_name=g.identity.account.first_name))
