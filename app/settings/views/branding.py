"""The company's colours and logo, and the stylesheet that they make."""

from __future__ import annotations

from flask import Response, abort, request
from flask_appbuilder import BaseView, expose

from app.kernel import http
from app.kernel.errors import DomainError
from app.kernel.i18n import gettext as _
from app.kernel.i18n import number
from app.kernel.uow import uow
from app.settings import branding
from app.settings.pictures import picture_url, store_picture
from app.settings.views.page import SettingsPage, saved
from app.tenancy.service import organizations


class BrandingView(SettingsPage):
    """Colours and logo."""

    default_view = "branding"

    @expose("/branding", methods=["GET", "POST"])
    def branding(self) -> Response:
        """Colours and logo, with the contrast that the product computes."""
        actor = http.actor()
        actor.require("manage", "branding")
        errors: dict[str, list[str]] = {}
        if request.method == "POST":
            try:
                key = None
                logo = request.files.get("logo")
                if logo is not None and logo.filename:
                    key = store_picture(
                        logo, folder=f"{actor.organization_id}/brand", size=256, field="logo", crop=False
                    )
                elif request.form.get("remove_logo") == "1":
                    key = ""
                with uow():
                    organizations.update_branding(
                        actor=actor,
                        primary=request.form.get("primary", ""),
                        secondary=request.form.get("secondary", ""),
                        accent=request.form.get("accent", ""),
                        logo_key=key,
                    )
                return saved("/settings/branding", _("Branding saved."))
            except DomainError as error:
                errors = error.errors or {"logo": [_(error.message)]}
        theme = organizations.get_branding()
        palette = branding.compute(theme.primary, theme.secondary, theme.accent)
        return self._page(
            "settings/branding.html",
            422 if errors else 200,
            theme=theme,
            preview=branding.preview(palette),
            contrasts=branding.lowest_contrasts(palette),
            logo=picture_url(theme.logo_key),
            errors=errors,
        )

    @expose("/branding/preview")
    def branding_preview(self) -> Response:
        """What three colours become, while somebody chooses them: for the preview beside the form."""
        http.actor().require("manage", "branding")
        chosen = organizations.colours(*(request.args.get(one, "") for one in ("primary", "secondary", "accent")))
        palette = branding.compute(*chosen)
        contrasts = {key: f"{number(one, 1)}:1" for key, one in branding.lowest_contrasts(palette).items()}
        return http.json_response({"colours": branding.preview(palette), "contrasts": contrasts})


class BrandingCss(BaseView):  # type: ignore[misc]
    """The tenant's colours as a stylesheet; its address changes with the colours."""

    route_base = "/branding"
    default_view = "css"

    @expose("/<slug>/<digest>.css")
    def css(self, slug: str, digest: str) -> Response:  # noqa: ARG002 - the slug keeps addresses apart
        """Public: a slug and three colours tell nothing; unknown ones answer 404."""
        parts = digest.split("-")
        if len(parts) != 3 or not all(len(one) == 6 and set(one) <= set("0123456789abcdef") for one in parts):
            abort(404)
        palette = branding.compute(*(f"#{one}" for one in parts))
        response = Response(branding.stylesheet(palette), content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
