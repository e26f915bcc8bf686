"""What tests of automations have in common."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.automations.models import AutomationRun
from app.automations.queries.dry_run import dry_run
from app.automations.service.rules import create_rule
from app.kernel.db import db
from app.kernel.feature import registry
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.tasks import Task
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.tasks import create_task, update_task
from tests.support import work_off


def rule(actor: Any, trigger: dict[str, Any], *actions: dict[str, Any], **values: Any) -> Any:
    """A rule that is on."""
    values = {"name": "Rule", "subject": "task", "active": True, **values}
    with uow(actor):
        return create_rule(actor=actor, trigger=trigger, actions=list(actions), **values).id


def task(actor: Any, title: str = "Task", **values: Any) -> Any:
    with uow(actor):
        return create_task(actor=actor, title=title, **values).id


def change(actor: Any, task_id: Any, **values: Any) -> None:
    with uow(actor):
        update_task(get_task(task_id), actor=actor, **values)


def status(actor: Any, group: str) -> Any:
    with tenant_scope(actor):
        return first_status(group).id


def get(actor: Any, task_id: Any) -> Any:
    with tenant_scope(actor):
        found = get_task(task_id)
        db.session.expunge(found)
        return found


def tasks(actor: Any) -> list[str]:
    with tenant_scope(actor):
        return list(db.session.scalars(select(Task.title).order_by(Task.title)))


def below(actor: Any, task_id: Any) -> list[Any]:
    with tenant_scope(actor):
        found = db.session.scalars(select(Task).where(Task.parent_id == task_id).order_by(Task.title)).all()
        db.session.expunge_all()
        return list(found)


def runs(actor: Any, rule_id: Any = None) -> list[Any]:
    """The runs, oldest first."""
    work_off()
    with tenant_scope(actor):
        statement = select(AutomationRun).order_by(AutomationRun.id)
        if rule_id is not None:
            statement = statement.where(AutomationRun.rule_id == rule_id)
        found = db.session.scalars(statement).all()
        db.session.expunge_all()
        return list(found)


def states(actor: Any, rule_id: Any = None) -> list[tuple[str, str]]:
    return [(one.status, one.reason) for one in runs(actor, rule_id)]


def dry(actor: Any, rule_id: Any) -> Any:
    from app.automations.queries.runs import get_rule

    with tenant_scope(actor):
        found = get_rule(rule_id)
        return dry_run(found, actor=actor, url=registry.records[found.subject].url)
