"""The bell's panel and the notifications page."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, make_response, request
from flask_appbuilder import BaseView, expose

from app.kernel import clock, http
from app.kernel.i18n import gettext as _
from app.kernel.i18n import select_timezone, short_date
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.notifications import service
from app.notifications.models import Category


def _grouped(rows: Any) -> list[tuple[str, list[Any]]]:
    zone = ZoneInfo(select_timezone())
    today = clock.today(select_timezone())

    def label(row: Any) -> str:
        day = row.created_at.astimezone(zone).date()
        if day == today:
            return _("Today")
        if day == today - dt.timedelta(days=1):
            return _("Yesterday")
        return short_date(day)

    return [(day, list(found)) for day, found in groupby(rows, key=label)]


class NotificationView(BaseView):  # type: ignore[misc]
    """A person's own notifications; needs no permission beyond being a member."""

    route_base = "/notifications"
    default_view = "index"

    @expose("/")
    def index(self) -> Response:
        """The page."""
        return self._render("notifications/page.html", limit=200)

    @expose("/panel")
    def panel(self) -> Response:
        """The bell's panel, as a fragment."""
        return self._render("notifications/panel.html", limit=service.PAGE)

    def _render(self, template: str, limit: int) -> Response:
        actor = http.actor()
        category = request.args.get("category")
        if category not in Category.__members__.values():
            category = None
        rows = (
            service.list_notifications(
                actor.member_id, category=category, unread=request.args.get("unread") == "1", limit=limit
            )
            if actor.member_id
            else []
        )
        return make_response(
            self.render_template(
                template,
                groups=_grouped(rows),
                text_of=service.text_of,
                category=category,
                categories=service.CATEGORY_LABELS,
                unread=service.count_unread(actor.member_id),
            )
        )

    @expose("/read", methods=["POST"])
    def read(self) -> Response:
        """Marks some (``id``, repeated) or all notifications read."""
        ids = [parse_id(one) for one in request.form.getlist("id")]
        with uow():
            left = service.mark_read(actor=http.actor(), ids=ids or None)
        return http.json_response({"unread": left})
