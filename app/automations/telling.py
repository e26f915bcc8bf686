"""Notices that rules send to people who may see the record, and what is said of rules themselves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from app.collaboration import records
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.notifications.handlers import MAIL_MENTIONS_AFTER, may_see
from app.notifications.models import Category
from app.notifications.service import notify
from app.tasks.models.names import Priority
from app.tasks.models.tasks import Task
from app.tasks.queries import tasks
from app.tenancy import queries as tenancy
from app.tenancy.models import Membership
from app.tenancy.service.roles import admins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.automations.execution import Execution
    from app.automations.models import AutomationRule

_ICONS = {Priority.P0: "siren", Priority.P1: "triangle-alert"}


def tell(run: Execution, to: Iterable[str], text: str, priority: str) -> list[UUID]:
    """Tells the people of a notice, each once; urgent ones go by mail too if they are not read. Who was told."""
    of = records.kind_of(run.subject.kind)
    told = []
    for member_id in dict.fromkeys(one for name in to for one in _people(run, name)):
        try:
            if not may_see(member_id, of, run.record.id, internal=False):
                continue
        except NotFound:
            continue
        if notify(
            member_id,
            f"automation_{'urgent' if priority == Priority.P0 else 'notice'}",
            {"text": text, "title": run.record.label, "priority": priority},
            category=Category.TASKS if isinstance(run.record, Task) else Category.DEALS,
            icon=_ICONS.get(Priority(priority), "workflow"),
            url=of.url(run.record.id),
            dedupe_key=f"{run.run_id}:{run.place}:{run.record.id.hex}",
            mail_after=dt.timedelta(0) if priority == Priority.P0 else MAIL_MENTIONS_AFTER,
        ):
            told.append(member_id)
    return told


def _people(run: Execution, name: str) -> list[UUID]:
    record = run.record
    owner = getattr(record, "owner_id", None)
    if name == "owner":
        return [owner] if owner else []
    if name == "creator":
        return [record.created_by_id] if record.created_by_id else []
    if name == "watchers":
        people = tasks.people_of([record.id])[record.id]
        return [member for member, _name in (*people.collaborators, *people.watchers)]
    if name == "manager":
        return manager_of(owner) if owner else []
    return [UUID(name)]


def manager_of(owner_id: UUID) -> list[UUID]:
    """Who manages the owner's team."""
    owner = tenancy.get_member(owner_id)
    found = tenancy.get_team(owner.team_id).manager_id if owner.team_id is not None else None
    return [found] if found and found != owner_id else []


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
