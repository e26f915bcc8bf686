"""A campaign from its template to the exported table, by three people, over every view of the task manager."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from app.kernel import clock
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.models import Task
from app.tasks.queries.tasks import find_task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, live
from tests.journeys.test_board import drag
from tests.journeys.test_timeline import drag_to, middle

DAYS = workdays("IT")
FIRST = 3


def day(number: int) -> dt.date:
    """The n-th working day after the coming one."""
    return DAYS.day(DAYS.index(clock.today() + dt.timedelta(days=1)) + number)


def last_years(desk: Desk) -> Any:
    """The campaign of last time: copy, then photographs, then publication."""
    actor = desk.company.marketing.actor
    with uow(actor):
        top = create_task(actor=actor, title="Harvest festival", module="marketing", start_on=day(-60), due_on=day(-54))
        parts = [
            create_task(
                actor=actor, title=title, module="marketing", parent_id=top.id, estimate=estimate, start_on=day(start),
                due_on=day(due), owner_id=desk.company.marketing.member_id,
            )
            for title, start, due, estimate in (
                ("Copy", -60, -59, 120), ("Photographs", -58, -57, 240), ("Publication", -56, -56, 30)
            )
        ]  # fmt: skip
        for before, after in zip(parts, parts[1:], strict=False):
            add_dependency(before.id, after.id, actor=actor)
        return top.id


def dates(desk: Desk, task_id: str) -> tuple[dt.date | None, dt.date | None]:
    with tenant_scope(desk.company.marketing.actor):
        task = find_task(task_id)
        return task.start_on, task.due_on


def new_parts(page: Page, desk: Desk) -> dict[str, str]:
    """The parts of the new campaign, by title, as the timeline has them."""
    with tenant_scope(desk.company.marketing.actor):
        from app.kernel.db import db

        found = db.session.scalars(db.select(Task).where(Task.due_on > clock.today(), Task.parent_id.is_not(None)))
        return {one.title: str(one.id) for one in found}
