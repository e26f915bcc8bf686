"""The page behind a form's secret address: anybody who has it may ask for work."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, request
from flask_appbuilder import BaseView, expose

from app.intake.limits import check_form, check_sender, may, may_confirm
from app.intake.queries import PublicForm, find_public
from app.intake.service.requests import MAX_DESCRIPTION, MAX_REQUESTER, MAX_TITLE, submit_request
from app.kernel import clock, crypto, http, i18n
from app.kernel.actor import system_actor
from app.kernel.crud.fields import Field, Kind, clean
from app.kernel.errors import DomainError, NotFound, RateLimited
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import uow

# How often the address may be asked at all; then what may be sent by one address.
LOOKS = "60 per minute"
BY_ADDRESS = "10 per minute; 60 per hour"
# Nobody sees it, and only programs fill it in.
TRAP = "website"
FIELDS = (
    Field("title", _l("What do you need?"), required=True, max_length=MAX_TITLE),
    Field("description", _l("Description"), Kind.LONG, max_length=MAX_DESCRIPTION),
    Field("name", _l("Your name"), max_length=MAX_REQUESTER),
    Field("email", _l("Your e-mail"), Kind.EMAIL, required=True, max_length=320),
    Field("due_on", _l("By when?"), Kind.DATE),
)


def _find(token: str) -> PublicForm:
    """The form behind a secret. Raises NotFound alike for one that is unknown, closed, or out of service."""
    digest = crypto.token_hash(token)
    with platform_scope("identity"):
        found = find_public(digest)
    if found is None or not crypto.same(found.token_hash, digest):
        raise NotFound
    return found


class RequestView(BaseView):  # type: ignore[misc]
    """A form for visitors: no menu around it, and nothing of the organization but its name and look."""

    route_base = "/request"
    default_view = "ask"

    @expose("/<token>", methods=["GET", "POST"])
    @http.limiter.limit(LOOKS)
    def ask(self, token: str) -> Response:
        """The form; a POST sends it, and leads to the page that says so."""
        form = _find(token)
        if request.method != "POST":
            return self._page(form, sent=request.args.get("sent") == "1")
        try:
            if not request.form.get(TRAP):
                self._take(form)
        except DomainError as error:
            return self._page(form, error.status, errors=error.errors, message=error.message)
        return make_response(redirect(f"{request.path}?sent=1"))

    def _take(self, form: PublicForm) -> None:
        if not may(BY_ADDRESS, "address", request.remote_addr or ""):
            raise RateLimited
        asked = [one for one in FIELDS if one.required or one.name in form.asks]
        values = clean(asked, {one.key: request.form.get(one.key, "") for one in asked}, partial=False)
        check_sender(values["email"])
        check_form(form.id)
        actor = system_actor(
            form.organization_id, label=form.name, timezone=form.timezone, source="ui", ip=request.remote_addr
        )
        with tenant_scope(actor), uow():
            submit_request(
                form.id,
                actor=actor,
                locale=str(i18n.locale())[:2],
                confirm=lambda: may_confirm(values["email"]),
                **values,
            )

    def _page(self, form: PublicForm, status: int = 200, **context: Any) -> Response:
        errors: dict[str, list[str]] = context.pop("errors", {})
        html = self.render_template(
            "intake/request.html",
            asked=form,
            trap=TRAP,
            fields={one.key: one for one in FIELDS},
            errors=errors,
            form=request.form,
            today=clock.today(form.timezone),
            **{"message": "", "sent": False, **context},
        )
        response = make_response(html, status)
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        if status == RateLimited.status:
            response.headers["Retry-After"] = "60"
        return response
