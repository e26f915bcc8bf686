"""A seller keeps a plan as a template, makes it again on another date, and finds it on the timeline."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.kernel import clock
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.models.plan import TaskDependency
from app.tasks.models.tasks import Task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task
from app.tasks.service.templates import create_template
from tests.journeys.conftest import Desk, Watch

DAYS = workdays("IT")


def day(number: int) -> dt.date:
    """The n-th working day after the coming one."""
    return DAYS.day(DAYS.index(clock.today() + dt.timedelta(days=1)) + number)


@pytest.fixture
def fair(desk: Desk) -> Any:
    """A fair with two parts, one after the other."""
    actor = desk.company.sales.actor
    with uow(actor):
        top = create_task(actor=actor, title="Fair", start_on=day(0), due_on=day(5))
        stand = create_task(actor=actor, title="Stand", parent_id=top.id, start_on=day(0), due_on=day(2))
        opening = create_task(actor=actor, title="Opening", parent_id=top.id, due_on=day(5), type="milestone")
        add_dependency(stand.id, opening.id, actor=actor, lag=1)
        return top.id


def dates(desk: Desk, title: str) -> list[tuple[dt.date | None, dt.date | None]]:
    """The dates of the tasks with that title, the older one first."""
    with tenant_scope(desk.company.sales.actor):
        found = db.session.scalars(db.select(Task).where(Task.title == title).order_by(Task.number)).all()
        return [(one.start_on, one.due_on) for one in found]


def count_links(desk: Desk) -> int:
    with tenant_scope(desk.company.sales.actor):
        return db.session.scalar(db.select(db.func.count()).select_from(TaskDependency)) or 0


def test_a_plan_is_kept_and_made_again(desk: Desk, fair: Any, page_for: Any, watch: Watch) -> None:
    watch.allow(422)
    page: Page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/list?task={fair}")
    page.locator("#task-drawer [data-template-dialog]").click()
    dialog = page.locator("#keep-template")
    expect(dialog).to_contain_text("3 tasks are taken over")
    dialog.locator("[name=name]").fill("Our fair")
    dialog.locator("[type=submit]").click()
    expect(page.locator(".sk-toast")).to_contain_text("Template saved")
    expect(dialog).to_have_count(0)

    # The same name again is refused where it was written.
    page.locator("#task-drawer [data-template-dialog]").click()
    dialog.locator("[name=name]").fill("OUR FAIR")
    dialog.locator("[type=submit]").click()
    expect(dialog.locator("[data-problem]")).to_be_visible()
    page.keyboard.press("Escape")

    page.goto("/tasks/timeline")
    page.locator(".gantt_task_line").first.wait_for()
    page.locator("[data-template-dialog] >> visible=true").first.click()
    dialog = page.locator("#from-template")
    expect(dialog.locator(".sk-tpl li")).to_have_count(3)
    dialog.locator("[name=title]").fill("Second fair")
    dialog.locator("[name=day]").fill(day(10).isoformat())
    dialog.locator("[name=day]").press("Tab")
    dialog.locator("[type=submit]").click()
    expect(page.locator(".gantt_task_line", has_text="Second fair").or_(
        page.locator(".gantt_row", has_text="Second fair")).first).to_be_visible()  # fmt: skip
    assert dates(desk, "Second fair") == [(day(10), day(15))]
    assert dates(desk, "Stand") == [(day(0), day(2)), (day(10), day(12))]
    assert dates(desk, "Opening") == [(None, day(5)), (None, day(15))]
    assert count_links(desk) == 2
    expect(page.locator(".gantt_task_link")).to_have_count(2)


def test_a_template_is_changed_on_its_page(desk: Desk, fair: Any, page_for: Any) -> None:
    actor = desk.company.sales.actor
    with uow(actor):
        template = create_template(fair, "Our fair", actor=actor).id
    page: Page = page_for(desk.company.sales, 390, 844, lang="en")
    page.goto(f"/settings/task-templates/{template}")
    dialog = page.locator("#template-item")
    stand = page.get_by_role("button", name="Edit Stand")
    stand.click()
    expect(dialog.locator("[name=title]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(stand).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.locator("[name=due]")).to_have_value("3")
    dialog.locator("[name=due]").fill("4")
    dialog.locator("[name=title]").fill("Big stand")
    dialog.locator("[type=submit]").last.click()
    page.wait_for_load_state()
    expect(page.locator("tr:has([aria-label='Edit Big stand'])")).to_contain_text("1 – 4")
    page.get_by_role("button", name="Edit Opening").click()
    dialog.locator("[data-remove]").click()
    page.wait_for_load_state()
    expect(page.locator("[data-template-item]")).to_have_count(2)
    page.locator("[data-template-dialog] >> visible=true").first.click()
    expect(page.locator("#from-template .sk-tpl li")).to_have_count(2)
