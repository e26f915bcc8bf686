"""What is said when nobody answers for a rule any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.kernel.db import db
from app.notifications.models import Category
from app.notifications.service import notify
from app.tenancy.models import Membership
from app.tenancy.service.roles import admins

if TYPE_CHECKING:
    from app.automations.models import AutomationRule


def tell_admins(rule: AutomationRule) -> None:
    """Tells the organization's admins that nobody answers for a rule, so that it has stopped; once for each saving."""
    found = select(Membership.id).where(Membership.user_id.in_(admins())).order_by(Membership.id)
    for member_id in db.session.scalars(found).all():
        notify(
            member_id,
            "automation_unanswered",
            {"title": rule.name},
            category=Category.SYSTEM,
            icon="workflow",
            url=f"/settings/automations/{rule.id}",
            dedupe_key=f"unanswered:{rule.id}:{rule.version}",
        )
