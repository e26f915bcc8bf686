"""Runs that are no longer kept. What keeps a due date from counting twice stays, without its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String, delete, select
from sqlalchemy.dialects.postgresql import insert

from app.automations.models import KEPT, AutomationKey, AutomationRule, AutomationRun, RunStatus
from app.automations.triggers import OF_DUE_DATES
from app.kernel import clock
from app.kernel.db import db, is_one_of
from app.kernel.ids import new_id
from app.tasks.models.tasks import Task

if TYPE_CHECKING:
    from app.kernel.actor import Actor

BATCH = 1000


def prune(*, actor: Actor) -> bool:  # noqa: ARG001 - whose organization it is in
    """Deletes up to BATCH runs past KEPT, with their calls; whether there may be more.

    Events are delivered once, and a schedule's day does not come back; a task's due date lasts as long as the task,
    which may be opened again, so that its key is kept in AutomationKey.
    """
    now = clock.now()
    rows = db.session.execute(
        select(AutomationRun.id, AutomationRun.organization_id, AutomationRun.rule_id, AutomationRun.key, Task.id)
        .join(AutomationRule, AutomationRule.id == AutomationRun.rule_id)
        .outerjoin(
            Task,
            (Task.id == AutomationRun.record_id)
            & AutomationRun.key.startswith(Task.id.cast(String))
            & AutomationRule.trigger["type"].astext.in_(OF_DUE_DATES),
        )
        .where(AutomationRun.at < now - KEPT, AutomationRun.status != RunStatus.QUEUED)
        .order_by(AutomationRun.at)
        .limit(BATCH)
    ).all()
    if not rows:
        return False
    keys = [
        {
            "id": new_id(), "organization_id": organization_id, "rule_id": rule_id, "task_id": task_id, "key": key,
            "created_at": now, "updated_at": now, "version": 1,
        }
        for _run, organization_id, rule_id, key, task_id in rows
        if task_id is not None
    ]  # fmt: skip
    if keys:
        db.session.execute(insert(AutomationKey).values(keys).on_conflict_do_nothing())
    db.session.execute(
        delete(AutomationRun)
        .where(is_one_of(AutomationRun.id, [row[0] for row in rows]))
        .execution_options(synchronize_session=False)
    )
    return len(rows) == BATCH
