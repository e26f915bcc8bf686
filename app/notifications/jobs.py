"""Notifications that go by mail because nobody has read them."""

from __future__ import annotations

from typing import Any

from flask import current_app
from sqlalchemy import select

from app.kernel import clock, jobs, mail
from app.kernel.actor import system_actor
from app.kernel.uow import platform_uow, uow
from app.notifications.models import Notification
from app.notifications.service import text_of
from app.tenancy.models import Membership, MemberStatus, Organization, User
from app.tenancy.queries import IN_SERVICE

BATCH = 500


@jobs.job("notifications.mail_unread", queue="critical", timeout=300, retries=0)
def mail_unread(**_context: Any) -> int:
    """Mails what is due and unread; how many mails were written."""
    now = clock.now()
    due = (Notification.mail_at <= now, Notification.read_at.is_(None), Notification.mailed_at.is_(None))
    with platform_uow("jobs") as session:
        found = session.execute(
            select(Notification.id, Notification.organization_id, Membership.user_id, Membership.status)
            .join(Membership, Membership.id == Notification.member_id)
            .join(Organization, Organization.id == Notification.organization_id)
            .where(*due, Organization.status.in_(IN_SERVICE))
            .order_by(Notification.mail_at)
            .limit(BATCH)
        ).all()
        ids = {one.user_id for one in found if one.user_id is not None and one.status == MemberStatus.ACTIVE}
        people = {
            row.id: (row.email, row.first_name, row.locale or "it")
            for row in session.execute(
                select(User.id, User.email, User.first_name, User.locale).where(User.id.in_(ids), User.active)
            )
        }
    for one in found:
        with jobs.apart(notification=one.id), uow(system_actor(one.organization_id)) as session:
            notification = session.scalar(
                select(Notification).where(Notification.id == one.id, *due).with_for_update(skip_locked=True)
            )
            if notification is None:
                continue  # read, or told by another worker, in the meantime
            notification.mailed_at = now
            person = people.get(one.user_id)
            if person is not None:
                _send(notification, *person)
    return len(found)


def _send(notification: Notification, email: str, name: str, locale: str) -> None:
    mail.send(
        "notification",
        to=email,
        name=name,
        locale=locale,
        context={
            "heading": lambda: text_of(notification),
            "excerpt": notification.params.get("excerpt", ""),
            "url": current_app.config["PUBLIC_URL"] + notification.url,
        },
    )
