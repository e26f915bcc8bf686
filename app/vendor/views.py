"""The vendor area. Guarded by the account's own flag and vendor role, not by a tenant permission."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import Response, flash, g, make_response, redirect
from flask_appbuilder import BaseView, expose
from sqlalchemy import func, select

from app.kernel import http, jobs
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.mail import MailMessage
from app.kernel.outbox import Delivery, Outbox, retry
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow
from app.kernel.valkey import RedisError
from app.tenancy.models import Membership, Organization


def vendor_only(*roles: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Lets only vendor staff with one of ``roles`` in; for everybody else the page does not exist."""

    def wrap(view: Callable[..., Response]) -> Callable[..., Response]:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Response:
            actor = http.actor()
            if not g.identity.account.is_vendor or not actor.vendor_roles & set(roles):
                raise NotFound
            return view(*args, **kwargs)

        return guarded

    return wrap


class VendorView(BaseView):  # type: ignore[misc]
    """What runs across tenants."""

    route_base = "/platform"
    default_view = "index"

    @expose("/")
    @vendor_only("Super Admin", "Vendor Operations", "Vendor Finance", "Support Agent")
    def index(self) -> Response:
        """Organizations with their people."""
        with platform_scope("vendor"):
            rows = db.session.execute(
                select(
                    Organization,
                    select(func.count())
                    .select_from(Membership)
                    .where(Membership.organization_id == Organization.id, Membership.status == "active")
                    .scalar_subquery(),
                    select(func.max(Membership.last_seen_at))
                    .where(Membership.organization_id == Organization.id)
                    .scalar_subquery(),
                ).order_by(func.lower(Organization.name))
            ).all()
        return make_response(self.render_template("vendor/index.html", rows=rows))

    @expose("/mail")
    @vendor_only("Super Admin", "Vendor Operations")
    def mail(self) -> Response:
        """The newest outgoing mails and what became of them."""
        with platform_scope("vendor"):
            rows = db.session.scalars(select(MailMessage).order_by(MailMessage.created_at.desc()).limit(100)).all()
        return make_response(self.render_template("vendor/mail.html", rows=rows))

    @expose("/jobs")
    @vendor_only("Super Admin", "Vendor Operations")
    def jobs(self) -> Response:
        """Deliveries and jobs that failed, with a retry."""
        with platform_scope("vendor"):
            rows = db.session.execute(
                select(Delivery, Outbox)
                .join(Outbox, Outbox.id == Delivery.event_id)
                .where(Delivery.status != "done")
                .order_by(Delivery.next_at.desc())
                .limit(100)
            ).all()
        try:
            failed = jobs.failed_jobs()
        except RedisError:
            failed = None
        return make_response(self.render_template("vendor/jobs.html", rows=rows, failed=failed))

    @expose("/jobs/<pk>/retry", methods=["POST"])
    @vendor_only("Super Admin", "Vendor Operations")
    def retry(self, pk: str) -> Response:
        """Tries a failed delivery again."""
        with platform_uow("vendor"):
            retry(parse_id(pk))
        flash(_("Queued again."), "success")
        return make_response(redirect("/platform/jobs"))

    @expose("/jobs/rq/<job_id>/retry", methods=["POST"])
    @vendor_only("Super Admin", "Vendor Operations")
    def retry_job(self, job_id: str) -> Response:
        """Puts a failed job back into its queue."""
        for job in jobs.failed_jobs():
            if job.id == job_id:
                job.requeue()
                flash(_("Queued again."), "success")
                return make_response(redirect("/platform/jobs"))
        raise NotFound
