"""The personal feed: served by its secret address; made, changed and ended by its member."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace

from flask import Response, current_app, make_response, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import select

from app.calendar import ics, queries
from app.calendar.models import CalendarFeed
from app.calendar.service import change_feed, create_feed, revoke_feed
from app.kernel import clock, crypto, http
from app.kernel.actor import Actor
from app.kernel.calendar import Question
from app.kernel.db import db
from app.kernel.errors import Forbidden, NotFound
from app.kernel.i18n import force_locale
from app.kernel.i18n import gettext as _
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import uow
from app.tenancy.security.identity.jobs import is_in_service, load_member_actor

DAYS_BACK, DAYS_AHEAD = 60, 340
MAX_ENTRIES = 2000
RATE = "60 per minute"


def _reader(token: str) -> tuple[Actor, bool, str]:
    """Who reads behind a secret, whether everything, and the feed's mark. Raises NotFound."""
    digest = crypto.token_hash(token)
    with platform_scope("identity"):
        feed = db.session.execute(
            select(
                CalendarFeed.organization_id, CalendarFeed.member_id, CalendarFeed.everything, CalendarFeed.token_hash
            ).where(CalendarFeed.token_hash == digest)
        ).one_or_none()
    if feed is None or not crypto.same(feed.token_hash, digest) or not is_in_service(feed.organization_id):
        raise NotFound
    actor = load_member_actor(feed.organization_id, feed.member_id)
    return replace(actor, source="api", ip=request.remote_addr), feed.everything, digest


def _calendar(actor: Actor, everything: bool) -> bytes:
    today = clock.today(actor.timezone)
    question = Question(
        first=today - dt.timedelta(days=DAYS_BACK),
        until=today + dt.timedelta(days=DAYS_AHEAD),
        limit=MAX_ENTRIES,
        mine=not everything,
    )
    with tenant_scope(actor):
        found = queries.list_entries(actor, question)
    with force_locale(actor.locale):
        return ics.write(
            found.entries,
            name=_("Stratikey – %(name)s", name=actor.label),
            timezone=actor.timezone,
            base_url=current_app.config["PUBLIC_URL"],
            modules={one.value: str(one.label) for one in queries.choices(lambda one: one.modules, actor)},
            language=actor.locale[:2],
        )


class FeedView(BaseView):  # type: ignore[misc]
    """One's own feed of the calendar."""

    route_base = "/calendar"
    default_view = "status"

    @expose("/<token>.ics", methods=["GET"])
    @http.limiter.limit(RATE)
    def feed(self, token: str) -> Response:
        """The calendar behind a secret address; whoever has the address needs no session."""
        actor, everything, _digest = _reader(token)
        body = _calendar(actor, everything)
        response = make_response(body)
        response.headers["Content-Type"] = "text/calendar; charset=utf-8"
        response.headers["Content-Disposition"] = 'inline; filename="stratikey.ics"'
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        response.set_etag(hashlib.sha256(body).hexdigest()[:32])
        response.make_conditional(request)
        return response

    @expose("/feed", methods=["GET"])
    def status(self) -> Response:
        """Whether one has a feed, and what it shows; never its address, which is kept nowhere."""
        feed = queries.get_feed(_member())
        return http.json_response({"exists": feed is not None, "everything": feed is not None and feed.everything})

    @expose("/feed", methods=["POST"])
    def create(self) -> Response:
        """Makes the feed, or gives it a new address: ``{"url"}``, shown this once."""
        with uow():
            secret = create_feed(actor=_member(), everything=request.form.get("everything") == "1")
        url = f"{current_app.config['PUBLIC_URL'].rstrip('/')}/calendar/{secret}.ics"
        return http.json_response({"url": url, "everything": request.form.get("everything") == "1"}, 201)

    @expose("/feed/change", methods=["POST"])
    def change(self) -> Response:
        """Shows everything, or what is one's own; the address stays."""
        with uow():
            feed = change_feed(actor=_member(), everything=request.form.get("everything") == "1")
        return http.json_response({"exists": True, "everything": feed.everything})

    @expose("/feed/revoke", methods=["POST"])
    def revoke(self) -> Response:
        """Ends the feed."""
        with uow():
            revoke_feed(actor=_member())
        return http.json_response({"exists": False, "everything": False})


def _member() -> Actor:
    actor = http.actor()
    if actor.member_id is None:
        raise Forbidden
    return actor
