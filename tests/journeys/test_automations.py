"""An admin builds a rule, tries it on the past, switches it on, and finds what it did."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.kernel import clock
from app.kernel.uow import uow
from app.tasks.queries.tasks import get_task
from app.tasks.service.tasks import create_task, update_task
from tests.journeys.conftest import Desk, Watch
from tests.support import work_off


@pytest.fixture
def urgent(desk: Desk) -> Any:
    """A task that became urgent, and one that did so for another reason."""
    actor = desk.company.admin.actor
    with uow(actor):
        one = create_task(actor=actor, title="Pump at Rossi", module="sales", owner_id=actor.member_id)
        other = create_task(actor=actor, title="Leaflet", module="marketing")
    for task in (one, other):
        with uow(actor):
            update_task(get_task(task.id), actor=actor, priority="P0")
    return one.id


def test_a_rule_is_built_tried_switched_on_and_followed(desk: Desk, urgent: Any, page_for: Any, watch: Watch) -> None:
    watch.allow(422)
    page: Page = page_for(desk.company.admin, lang="en")
    page.goto("/settings/automations")
    page.get_by_role("button", name="New automation").first.click()
    page.locator("#new-automation").get_by_role("link", name="Tasks").click()

    # When: the priority becomes P0. If: it is a task of sales. Then: a sub-task, and a comment.
    page.locator("[data-trigger] [data-param=type]").select_option("changed")
    page.locator("[data-trigger] [data-param=field]").select_option("priority")
    page.locator("[data-trigger] [data-param=to]").select_option("P0")
    page.locator("[data-filter-add]").click()
    page.locator("[data-filter-field]").select_option("module")
    page.locator("[data-filter-control]").get_by_label("Sales").check()
    action = page.locator("[data-actions] > li").first
    action.locator("[data-param=type]").select_option("create_task")

    # What is missing is said where it would have been answered.
    result = page.locator("[data-dry-result]")
    page.locator("[data-dry-run]").click()
    expect(result).to_contain_text("Complete the automation first.")
    action.locator("[data-param=title]").fill("Call about {title}")
    page.locator("[data-action-add]").press("Enter")
    page.locator("[data-actions] > li").nth(1).locator("[data-param=type]").select_option("comment")
    page.keyboard.press("Tab")
    expect(page.locator("[data-actions] > li").nth(1).locator("[data-param=target]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("Looked at by nobody yet")

    page.locator("[data-dry-run]").click()
    expect(result).to_contain_text("it would have run once")
    expect(result.get_by_role("link")).to_have_text(["Pump at Rossi"])
    page.locator("form[data-automation] button[type=submit]").last.click()
    page.wait_for_selector("[role=alert]")  # it has no name yet, and keeps the rest
    expect(page.locator("[data-param=title]")).to_have_value("Call about {title}")
    page.locator("#f-name").fill("Urgent things")
    page.locator("form[data-automation] button[type=submit]").last.click()
    expect(page.locator("h1")).to_have_text("Urgent things")
    expect(page.locator(".sk-head")).to_contain_text(
        "becomes P0 Urgent, if Module is one of Sales: create the sub-task"
    )

    page.goto("/settings/automations")
    page.get_by_role("switch", name="Urgent things").press("Space")
    expect(page.locator(".sk-toast, [role=status]").first).to_contain_text("is on")
    actor = desk.company.admin.actor
    with clock.frozen(clock.now() + clock.dt.timedelta(seconds=5)):
        for priority in ("P2", "P0"):
            with uow(actor):
                update_task(get_task(urgent), actor=actor, priority=priority)
        work_off()

    page.goto("/settings/automations/runs?status=ok")
    row = page.get_by_role("row").filter(has_text="Urgent things")
    expect(row).to_contain_text("Create a task: Call about Pump at Rossi")
    row.get_by_role("link", name="Pump at Rossi").first.click()
    expect(page.locator("body")).to_contain_text("Call about Pump at Rossi")
    expect(page.locator("body")).to_contain_text("Looked at by nobody yet")
    expect(page.locator("body")).to_contain_text("Automazione · Urgent things")
