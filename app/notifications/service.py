"""Telling people, and what they do about it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.kernel import clock, i18n
from app.kernel.db import db, read_prepared
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import new_id
from app.kernel.realtime import push, user_room
from app.notifications.models import Category, Notification
from app.tenancy import queries as tenancy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Select

    from app.kernel.actor import Actor

PAGE = 30

# Message key -> words. Stored by key, so that everybody reads them in their own language.
MESSAGES: dict[str, Any] = {
    "deal_assigned": _l("%(actor)s assigned you the deal “%(title)s”"),
    "deal_moved": _l("%(actor)s moved “%(title)s” from %(from)s to %(to)s"),
    "deal_won": _l("%(actor)s won “%(title)s”: %(amount)s"),
    "deal_lost": _l("%(actor)s lost “%(title)s”: %(reason)s"),
    "task_assigned": _l("%(actor)s assigned you the task “%(title)s”"),
    "checklist_item_assigned": _l("%(actor)s assigned you “%(text)s” of the task “%(title)s”"),
    "task_moved": _l("%(actor)s moved the task “%(title)s” from %(from)s to %(to)s"),
    "mentioned": _l("%(actor)s mentioned you in “%(title)s”"),
    "commented": _l("%(actor)s commented on “%(title)s”"),
    "task_unblocked": _l("You can start “%(title)s”: it no longer waits for “%(cleared_by)s”"),
    "task_sla_start": _l("SLA of %(priority)s breached: “%(title)s” was not started in time"),
    "task_sla_finish": _l("SLA of %(priority)s breached: “%(title)s” was not finished in time"),
    "approval_requested": _l("%(actor)s asks you to approve “%(title)s”"),
    "approval_approved": _l("%(actor)s approved “%(title)s”"),
    "approval_rejected": _l("%(actor)s rejected “%(title)s”"),
    "approval_changes": _l("%(actor)s asked for changes to “%(title)s”"),
    "task_requested": _l("New request from “%(form)s”: “%(title)s”"),
    "automation_notice": _l("“%(title)s”: %(text)s"),
    "automation_urgent": _l("%(priority)s · “%(title)s”: %(text)s"),
    "automation_capped": _l("The automation “%(title)s” has reached its limit of %(count)s runs for today"),
    "automation_unanswered": _l("Nobody answers for the automation “%(title)s” any more: it has stopped"),
    "member_joined": _l("%(name)s joined the organization"),
    "export_finished": _l("Your export %(filename)s is ready: %(rows)s rows"),
    "export_failed": _l("Your export %(filename)s failed: %(reason)s"),
    "import_finished": _l("Import of %(filename)s finished: %(created)s created, %(failed)s with errors"),
}
COUNTS = frozenset({"count", "created", "failed", "rows"})


def text_of(notification: Notification) -> str:
    """The notification in the reader's language."""
    template = MESSAGES.get(notification.message)
    if template is None:
        return notification.message
    try:
        params = notification.params
        return str(template) % {key: i18n.number(int(params[key])) if key in COUNTS else params[key] for key in params}
    except (KeyError, ValueError):
        return str(template)


def notify(
    member_id: UUID,
    message: str,
    params: dict[str, str],
    *,
    category: Category,
    icon: str,
    url: str,
    dedupe_key: str,
    mail_after: dt.timedelta | None = None,
) -> bool:
    """Adds a notification for a member and pushes it; False when this key was told already.

    With ``mail_after`` it goes by mail too, unless the member has read it by then.
    """
    member = tenancy.get_member(member_id)
    if member.user_id is None:
        return False
    now = clock.now()
    made = db.session.execute(
        insert(Notification)
        .values(
            id=new_id(),
            organization_id=member.organization_id,
            member_id=member_id,
            category=category.value,
            icon=icon,
            message=message,
            params=params,
            url=url,
            dedupe_key=dedupe_key,
            mail_at=now + mail_after if mail_after is not None else None,
            created_at=now,
            updated_at=now,
            version=1,
        )
        .on_conflict_do_nothing()
        .returning(Notification.id)
    ).scalar_one_or_none()
    if made is None:
        return False
    room = user_room(member.user_id, member.organization_id)
    push(room, "notification:new", {"id": str(made), "icon": icon, "url": url})
    push(room, "badge", {"unread": count_unread(member_id)})
    return True


def count_unread(member_id: UUID | None) -> int:
    """Unread notifications of a member, 99 at most shown as 99+."""
    if member_id is None:
        return 0

    def build() -> Select[Any]:
        of_member = Notification.member_id == bindparam("member_id", type_=Uuid)
        return select(func.count()).select_from(Notification).where(of_member, Notification.read_at.is_(None))

    return int(read_prepared("unread", build, {"member_id": member_id})[0][0])


def list_notifications(
    member_id: UUID, *, category: str | None = None, unread: bool = False, limit: int = PAGE
) -> Sequence[Notification]:
    """A member's notifications, newest first."""
    statement = (
        select(Notification)
        .where(Notification.member_id == member_id)
        .order_by(Notification.created_at.desc())
        .limit(limit)
    )
    if category:
        statement = statement.where(Notification.category == category)
    if unread:
        statement = statement.where(Notification.read_at.is_(None))
    return db.session.scalars(statement).all()


def mark_read(*, actor: Actor, ids: Sequence[UUID] | None = None) -> int:
    """Marks the actor's notifications read: these, or all. Returns how many are left unread."""
    statement = update(Notification).where(Notification.member_id == actor.member_id, Notification.read_at.is_(None))
    if ids is not None:
        statement = statement.where(Notification.id.in_(ids))
    db.session.execute(statement.values(read_at=clock.now()))
    left = count_unread(actor.member_id)
    assert actor.user_id is not None
    assert actor.organization_id is not None
    push(user_room(actor.user_id, actor.organization_id), "badge", {"unread": left})
    return left


CATEGORY_LABELS = {
    Category.MENTIONS: lambda: _("Mentions"),
    Category.ASSIGNMENTS: lambda: _("Assignments"),
    Category.COMMENTS: lambda: _("Comments"),
    Category.DEALS: lambda: _("Deals"),
    Category.TASKS: lambda: _("Tasks"),
    Category.TEAM: lambda: _("Team"),
    Category.SYSTEM: lambda: _("System"),
}
