"""Profile, security, company, branding, pipelines, audit log."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import segno
from flask import Response, abort, current_app, flash, g, make_response, redirect, request
from flask_appbuilder import BaseView, expose

from app.kernel import audit, clock, http
from app.kernel.crud.export import safe_cell, write_csv
from app.kernel.errors import Conflict, DomainError, Invalid
from app.kernel.feature import registry
from app.kernel.http import limiter
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.money import CURRENCIES
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow, uow
from app.sales.queries import pipelines as sales_queries
from app.sales.service import pipelines as sales
from app.settings import audit_queries, branding
from app.settings.pictures import picture_url, store_picture
from app.tenancy import queries
from app.tenancy.models import ApiKeyState
from app.tenancy.service import accounts, api_keys, organizations

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from app.tenancy.models import OrgApiKey

# How many days a new key may live; 0 is for ever.
KEY_DAYS = (30, 90, 365, 0)


def _answer(url: str, message: str) -> Response:
    flash(message, "success")
    return make_response(redirect(url))


def _int(text: str | None, field: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise Invalid(errors={field: [_("This is not a number.")]}) from None


class SettingsView(BaseView):  # type: ignore[misc]
    """One page per subject; each checks its own permission."""

    route_base = "/settings"
    default_view = "profile"

    def _page(self, template: str, status: int = 200, **context: Any) -> Response:
        return make_response(self.render_template(template, **{"errors": {}, "form": request.form, **context}), status)

    # ── oneself ──────────────────────────────────────────────────────────────────────────────────

    @expose("/profile", methods=["GET", "POST"])
    def profile(self) -> Response:
        """Name, picture, language, time zone, theme, shortcuts."""
        actor = http.actor()
        account = g.identity.account
        if request.method == "POST":
            try:
                key = None
                picture = request.files.get("avatar")
                if picture is not None and picture.filename:
                    key = store_picture(picture, folder=f"people/{account.id}", size=256, field="avatar", crop=True)
                with platform_uow("identity", actor):
                    accounts.update_profile(
                        account.id,
                        first_name=request.form.get("first_name", ""),
                        last_name=request.form.get("last_name", ""),
                        locale=request.form.get("locale", ""),
                        timezone=request.form.get("timezone", ""),
                        theme=request.form.get("theme", ""),
                        shortcuts=request.form.get("shortcuts") == "1",
                        avatar_key=key,
                    )
            except DomainError as error:
                return self._profile(account, error.status, errors=error.errors or {"avatar": [_(error.message)]})
            return _answer("/settings/profile", _("Profile saved."))
        return self._profile(account)

    def _profile(self, account: Any, status: int = 200, **context: Any) -> Response:
        return self._page(
            "settings/profile.html",
            status,
            account=account,
            picture=picture_url(account.avatar_key),
            timezones=sorted(available_timezones()),
            **context,
        )

    @expose("/security")
    def security(self) -> Response:
        """Password, second factor, sessions."""
        return self._security()

    def _security(self, status: int = 200, **context: Any) -> Response:
        http.actor()
        user_id = g.identity.account.id
        with platform_scope("identity"):
            sessions = accounts.list_sessions(user_id)
            second = accounts.has_second_factor(user_id)
        return self._page(
            "settings/security.html",
            status,
            sessions=sessions,
            current=g.identity.session_id,
            second=second,
            **context,
        )

    @expose("/security/password", methods=["POST"])
    @limiter.limit("10 per minute")
    def password(self) -> Response:
        """Changes the password; other sessions end."""
        http.actor()
        try:
            with platform_uow("identity"):
                accounts.change_password(
                    g.identity.account.id,
                    current=request.form.get("current", ""),
                    new=request.form.get("password", ""),
                    keep_session=g.identity.session_id,
                )
        except Invalid as error:
            return self._security(422, errors=error.errors)
        return _answer("/settings/security", _("Password changed. Your other sessions have ended."))

    @expose("/security/second-factor", methods=["GET", "POST"])
    @limiter.limit("20 per minute", methods=["POST"])
    def second_factor(self) -> Response:
        """Turns the second factor on: QR code, first code, recovery codes."""
        http.actor()
        user_id = g.identity.account.id
        errors: dict[str, list[str]] = {}
        if request.method == "POST":
            try:
                with platform_uow("identity"):
                    codes = accounts.confirm_second_factor(user_id, request.form.get("code", "")[:20])
                return self._page("settings/recovery_codes.html", codes=codes)
            except Invalid as error:
                errors = error.errors
        with platform_uow("identity"):
            uri = accounts.begin_second_factor(user_id)
        picture = segno.make(uri, error="m").svg_data_uri(scale=5, border=2, light="#fff")
        secret = uri.split("secret=")[1].split("&")[0]
        return self._page(
            "settings/second_factor.html", 422 if errors else 200, picture=picture, secret=secret, errors=errors
        )

    @expose("/security/second-factor/off", methods=["POST"])
    @limiter.limit("10 per minute")
    def second_factor_off(self) -> Response:
        """Turns the second factor off."""
        http.actor()
        try:
            with platform_uow("identity"):
                accounts.disable_second_factor(g.identity.account.id, request.form.get("password", ""))
        except Invalid as error:
            return self._security(422, errors={"second_factor": error.errors["password"]})
        return _answer("/settings/security", _("The second factor is off."))

    @expose("/security/sessions/<pk>/revoke", methods=["POST"])
    def revoke_session(self, pk: str) -> Response:
        """Ends one of one's own sessions."""
        http.actor()
        with platform_uow("identity"):
            accounts.revoke_session(parse_id(pk), user_id=g.identity.account.id)
        return _answer("/settings/security", _("Session ended."))

    @expose("/security/sessions/revoke-others", methods=["POST"])
    def revoke_others(self) -> Response:
        """Ends all other sessions."""
        http.actor()
        with platform_uow("identity"):
            accounts.revoke_other_sessions(g.identity.account.id, g.identity.session_id)
        return _answer("/settings/security", _("Your other sessions have ended."))

    # ── the company ──────────────────────────────────────────────────────────────────────────────

    @expose("/company", methods=["GET", "POST"])
    def company(self) -> Response:
        """The company's own data."""
        actor = http.actor()
        actor.require("manage", "branding")
        errors: dict[str, list[str]] = {}
        if request.method == "POST":
            names = ("name", "legal_name", "vat_number", "locale", "timezone", "base_currency")
            try:
                with uow():
                    organizations.update_organization(
                        actor=actor, **{name: request.form[name] for name in names if name in request.form}
                    )
                return _answer("/settings/company", _("Changes saved."))
            except Invalid as error:
                errors = error.errors
        return self._page(
            "settings/company.html",
            422 if errors else 200,
            organization=queries.current_organization(),
            currencies=CURRENCIES,
            timezones=sorted(available_timezones()),
            errors=errors,
        )

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
                return _answer("/settings/branding", _("Branding saved."))
            except DomainError as error:
                errors = error.errors or {"logo": [_(error.message)]}
        theme = organizations.get_branding()
        palette = branding.compute(theme.primary, theme.secondary, theme.accent)
        return self._page(
            "settings/branding.html",
            422 if errors else 200,
            theme=theme,
            palette=palette,
            contrast=branding.contrast,
            logo=picture_url(theme.logo_key),
            errors=errors,
        )

    # ── pipelines ────────────────────────────────────────────────────────────────────────────────

    @expose("/pipelines")
    def pipelines(self) -> Response:
        """Pipelines with their stages, and the reasons for losing."""
        http.actor().require("manage", "pipeline")
        found = sales_queries.list_pipelines()
        wanted = request.args.get("pipeline")
        current = sales_queries.get_pipeline(parse_id(wanted)) if wanted else sales_queries.default_pipeline()
        return self._page(
            "settings/pipelines.html",
            pipelines=found,
            current=current,
            stages=sales_queries.list_stages(current.id),
            reasons=sales_queries.list_lost_reasons(),
        )

    @expose("/pipelines/save", methods=["POST"])
    def save_pipeline(self) -> Response:
        """Creates or renames a pipeline."""
        actor = http.actor()
        with uow():
            if request.form.get("id"):
                pipeline = sales.update_pipeline(
                    parse_id(request.form["id"]),
                    actor=actor,
                    name=request.form.get("name", ""),
                    is_default=request.form.get("is_default") == "1",
                )
            else:
                pipeline = sales.create_pipeline(request.form.get("name", ""), actor=actor)
            pipeline_id = pipeline.id
        return _answer(f"/settings/pipelines?pipeline={pipeline_id}", _("Changes saved."))

    @expose("/pipelines/<pk>/delete", methods=["POST"])
    def delete_pipeline(self, pk: str) -> Response:
        """Deletes an empty pipeline."""
        with uow():
            sales.delete_pipeline(parse_id(pk), actor=http.actor())
        return _answer("/settings/pipelines", _("Pipeline deleted."))

    @expose("/pipelines/<pk>/stages", methods=["POST"])
    def save_stage(self, pk: str) -> Response:
        """Creates or changes a stage."""
        form = request.form
        with uow():
            sales.save_stage(
                parse_id(pk),
                parse_id(form["id"]) if form.get("id") else None,
                actor=http.actor(),
                name=form.get("name", ""),
                probability=_int(form.get("probability"), "probability") or 0,
                rot_days=_int(form.get("rot_days"), "rot_days"),
                color=_int(form.get("color"), "color") or 1,
            )
        return _answer(f"/settings/pipelines?pipeline={pk}", _("Changes saved."))

    @expose("/pipelines/<pk>/order", methods=["POST"])
    def order_stages(self, pk: str) -> Response:
        """Orders the stages: ``stage``, repeated."""
        with uow():
            sales.order_stages(
                parse_id(pk), [parse_id(one) for one in request.form.getlist("stage")[:50]], actor=http.actor()
            )
        return _answer(f"/settings/pipelines?pipeline={pk}", _("Changes saved."))

    @expose("/pipelines/stages/<pk>/delete", methods=["POST"])
    def delete_stage(self, pk: str) -> Response:
        """Deletes an empty stage."""
        with uow():
            sales.delete_stage(parse_id(pk), actor=http.actor())
        return _answer("/settings/pipelines", _("Stage deleted."))

    @expose("/pipelines/reasons", methods=["POST"])
    def save_reason(self) -> Response:
        """Creates or changes a reason for losing."""
        form = request.form
        with uow():
            sales.save_lost_reason(
                parse_id(form["id"]) if form.get("id") else None,
                actor=http.actor(),
                name=form.get("name", ""),
                active=form.get("active", "1") == "1",
            )
        return _answer("/settings/pipelines", _("Changes saved."))

    # ── API keys ─────────────────────────────────────────────────────────────────────────────────

    @expose("/api-keys", methods=["GET", "POST"])
    def api_keys(self) -> Response:
        """The organization's API keys; a POST makes one and shows its secret, once."""
        actor = http.actor()
        actor.require("read", "api")
        if request.method == "POST":
            form = request.form
            chosen = [api_keys.READ_ONLY] if form.get("access") == api_keys.READ_ONLY else form.getlist("scope")[:200]
            try:
                days = _int(form.get("days"), "expires_at")
                if days is not None and days not in KEY_DAYS:
                    raise Invalid(errors={"expires_at": [_("Choose one of the list.")]})
                with uow():
                    key, secret = api_keys.create_key(
                        form.get("name", "").replace("\x00", ""),
                        actor=actor,
                        scopes=chosen,
                        expires_at=clock.now() + dt.timedelta(days=days) if days else None,
                        ip_allow=re.split(r"[\s,;]+", form.get("ip_allow", "").strip()) if form.get("ip_allow") else [],
                    )
                return self._secret(key, secret, rotated=False)
            except (Invalid, Conflict) as error:
                errors = error.errors or {"name": [_(error.message)]}
                return self._api_keys(actor, error.status, errors=errors)
        return self._api_keys(actor)

    def _api_keys(self, actor: Actor, status: int = 200, **context: Any) -> Response:
        keys = queries.list_api_keys()
        return self._page(
            "settings/api_keys.html",
            status,
            keys=keys,
            live=sum(1 for one in keys if one.state is ApiKeyState.ACTIVE),
            offered=api_keys.offered(actor),
            resources=registry.resources,
            days=KEY_DAYS,
            overlaps=api_keys.OVERLAP_HOURS,
            may_write=actor.can("write", "api"),
            **context,
        )

    @expose("/api-keys/<pk>/rotate", methods=["POST"])
    def rotate_api_key(self, pk: str) -> Response:
        """A new secret, shown once; the old one works for the chosen hours more."""
        hours = _int(request.form.get("hours"), "overlap_hours")
        with uow():
            key, secret = api_keys.rotate_key(
                parse_id(pk), actor=http.actor(), overlap_hours=24 if hours is None else hours
            )
        return self._secret(key, secret, rotated=True)

    def _secret(self, key: OrgApiKey, secret: str, *, rotated: bool) -> Response:
        return self._page(
            "settings/api_key_secret.html",
            key=key,
            secret=secret,
            rotated=rotated,
            public_url=current_app.config["PUBLIC_URL"],
        )

    @expose("/api-keys/<pk>/revoke", methods=["POST"])
    def revoke_api_key(self, pk: str) -> Response:
        """Ends a key at once."""
        with uow():
            api_keys.revoke_key(parse_id(pk), actor=http.actor())
        return _answer("/settings/api-keys", _("The key is revoked and works no more."))

    # ── audit log ────────────────────────────────────────────────────────────────────────────────

    @expose("/audit")
    def audit(self) -> Response:
        """Who changed what, when."""
        actor = http.actor()
        actor.require("read", "audit")
        wanted = audit_queries.read_filter(request.args)
        rows, more = audit_queries.list_audit(wanted, actor)
        return self._page(
            "settings/audit.html",
            rows=rows,
            more=more,
            wanted=wanted,
            people=queries.list_people(),
            keys=queries.list_api_keys() if actor.can("read", "api") else [],
            entities=audit_queries.known_entities(),
            actions=audit_queries.known_actions(),
            is_identity=audit_queries.is_identity,
            records=registry.records,
            may_export=actor.can("export", "audit"),
        )

    @expose("/audit/export")
    def export_audit(self) -> Response:
        """The filtered log as CSV."""
        actor = http.actor()
        actor.require("export", "audit")
        wanted = audit_queries.read_filter(request.args)
        wanted.before = None
        with uow():
            rows = audit_queries.export_audit(wanted, actor)
            body = write_csv(
                [
                    "seq",
                    "at",
                    "actor",
                    "action",
                    "entity",
                    "id",
                    "record",
                    "changes",
                    "source",
                    "ip",
                    "request",
                    "hash",
                ],
                (
                    [
                        row.seq,
                        row.at.isoformat(),
                        safe_cell(row.actor_label),
                        row.action,
                        row.entity,
                        row.entity_id,
                        safe_cell(row.entity_label),
                        safe_cell(str(row.changes)),
                        row.source,
                        row.ip or "",
                        row.request_id or "",
                        row.hash,
                    ]
                    for row in rows
                ),
            )
            audit.record(
                "exported",
                entity="audit_log",
                entity_id="audit_log",
                label=_("Audit log"),
                changes={"rows": [None, len(rows)]},
            )
        response = Response(body, content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
        return response


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
