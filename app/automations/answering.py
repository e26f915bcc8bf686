"""Who answers for a rule: whoever saved it last, and for a rule that an API key saved, who made the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.automations.service.rules import reaches
from app.kernel.db import db, every_record
from app.kernel.errors import NotFound
from app.notifications.models import Category
from app.notifications.service import notify
from app.tenancy.models import ApiKeyState, Membership
from app.tenancy.queries import get_api_key
from app.tenancy.security.identity.jobs import load_member_actor
from app.tenancy.service.roles import admins

if TYPE_CHECKING:
    from app.automations.models import AutomationRule


def is_answered_for(rule: AutomationRule) -> bool:
    """Whether who answers is still there and reaches what the rule does, and the key, if it was one, is in force."""
    if rule.author_id is None:
        return False
    if rule.api_key_id is not None:
        with every_record():
            if get_api_key(rule.api_key_id).state is not ApiKeyState.ACTIVE:
                return False
    try:
        return reaches(rule, actor=load_member_actor(rule.organization_id, rule.author_id))
    except NotFound:
        return False


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
