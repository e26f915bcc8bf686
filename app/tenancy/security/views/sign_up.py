"""Sign-up of an organization."""

from __future__ import annotations

from flask import Response, current_app, make_response, redirect, request
from flask_appbuilder import expose

from app.kernel import crypto, i18n, mail
from app.kernel.errors import Invalid, NotFound
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.security.views.auth_page import AuthPage, account_of_form, sign_in
from app.tenancy.service import members, organizations


class SignUpView(AuthPage):
    """A mailed link, and what it opens."""

    default_view = "signup"

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
                user = account_of_form(email)
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
