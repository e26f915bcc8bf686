"""A campaign from its template to the exported table, over every view of the task manager, while a colleague watches."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from app.kernel import clock
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.tasks import Task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, box_of, live
from tests.journeys.test_board import drag
from tests.journeys.test_timeline import day, drag_to, middle

TOP = "Autumn campaign"
# title, first and last working day after the campaign's first, minutes
PARTS = [("Copy", 0, 1, 120), ("Photographs", 2, 3, 240), ("Publication", 4, 4, 30)]
FIRST = 2


@pytest.fixture
def last_years(desk: Desk) -> UUID:
    """The campaign of last time, finished or not: three parts, one after the other."""
    actor = desk.company.marketing.actor
    with uow(actor):
        top = create_task(actor=actor, title="Spring campaign", module="marketing", start_on=day(-80), due_on=day(-76))
        parts = [
            create_task(
                actor=actor, title=title, module="marketing", parent_id=top.id, estimate=estimate,
                owner_id=actor.member_id, start_on=day(first - 80), due_on=day(last - 80),
            )
            for title, first, last, estimate in PARTS
        ]  # fmt: skip
        for before, after in itertools.pairwise(parts):
            add_dependency(before.id, after.id, actor=actor)
        return UUID(str(top.id))


class Campaign:
    """What the server knows of the new campaign's tasks."""

    def __init__(self, desk: Desk) -> None:
        self.actor = desk.company.marketing.actor

    def task(self, title: str) -> Task:
        with tenant_scope(self.actor):
            found = db.session.scalars(
                db.select(Task).where(Task.title == title, Task.due_on >= clock.today()).execution_options(
                    populate_existing=True
                )
            )  # fmt: skip
            return found.one()

    def dates(self) -> list[tuple[dt.date | None, dt.date | None]]:
        return [(one.start_on, one.due_on) for one in (self.task(title) for title, *_ in PARTS)]


def planned(shift: int) -> list[tuple[dt.date, dt.date]]:
    """The parts' days, so many working days after FIRST."""
    return [(day(FIRST + shift + first), day(FIRST + shift + last)) for _, first, last, _ in PARTS]


def made_from_template(page: Page, last_years: UUID) -> None:
    page.goto(f"/tasks/list?task={last_years}")
    page.locator("#task-drawer [data-template-dialog]").click()
    page.locator("#keep-template [name=name]").fill("Campaign")
    page.locator("#keep-template [type=submit]").click()
    expect(page.locator(".sk-toast")).to_contain_text("Template saved")
    page.goto("/tasks/timeline?zoom=day")
    page.locator("[data-template-dialog] >> visible=true").first.click()
    dialog = page.locator("#from-template")
    dialog.locator("[name=title]").fill(TOP)
    dialog.locator("[name=day]").fill(day(FIRST).isoformat())
    dialog.locator("[type=submit]").click()
    expect(page.get_by_role("button", name=f"{TOP}, ")).to_be_visible()


def moved_on_the_timeline(page: Page, campaign: Campaign) -> None:
    """The copy starts two days late: what depends on it goes along."""
    page.goto("/tasks/timeline?zoom=day")
    copy = page.locator(f'.gantt_task_line[data-task-id="{campaign.task("Copy").id}"]')
    copy.scroll_into_view_if_needed()
    at = middle(box_of(copy))
    days = (day(FIRST + 2) - day(FIRST)).days
    drag_to(page, at, (at[0] + 40 * days, at[1]))
    dialog = page.locator("#moves")
    expect(dialog).to_contain_text("2 tasks move")
    dialog.get_by_role("button", name="Move the dependents").click()
    expect(page.locator(".sk-toasts")).to_contain_text("3 tasks moved")


def worked_on_the_board(page: Page, other: Page, campaign: Campaign) -> None:
    """By mouse, then by keyboard; the colleague's board follows both."""
    for one in (page, other):
        one.goto("/tasks/board")
        live(one)
    card = f'[data-card="{campaign.task("Copy").id}"]'
    drag(page, page.locator(card), page.locator("[data-column]").nth(1).locator("[data-cards]"))
    expect(other.locator("[data-column]").nth(1).locator(card)).to_be_visible()
    page.locator(card).focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("[data-column]").nth(2).locator(card)).to_be_visible()
    expect(other.locator("[data-column]").nth(2).locator(card)).to_be_visible()


def finished_from_the_calendar(page: Page, campaign: Campaign) -> None:
    due = campaign.task("Copy").due_on
    page.goto(f"/tasks/calendar?date={due}")
    entry = page.locator("[data-cal-body] [data-entry]", has_text="Copy").filter(visible=True).first
    entry.click(button="right")
    page.get_by_role("menuitem", name="Mark as done").click()
    expect(page.locator(".sk-toast")).to_contain_text("“Copy” is done")
    assert campaign.task("Copy").status_group == "done"
    # Done things cannot be done again, and a menu that was opened a moment too early says so too.
    page.locator("[data-cal-body] [data-entry]", has_text="Copy").filter(visible=True).first.click(button="right")
    expect(page.get_by_role("menuitem", name="Open the entry")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Mark as done")).to_have_count(0)
    page.keyboard.press("Escape")


def exported(page: Page) -> list[list[str]]:
    """The table of the campaign's tasks as a file, without its heads."""
    page.goto("/tasks/table?cols=title,status,due_on,estimate&sort=due_on&f=due_on:in_period:future&f=estimate:gt:1")
    page.locator("[popovertarget=export-menu]").click()
    with page.expect_download() as download:
        page.locator("#export-menu a[download]").first.click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0] == "Title;Status;Due;Estimate"
    return [one.split(";") for one in lines[1:]]


def test_a_campaign_goes_through_every_view(desk: Desk, page_for: Any, last_years: UUID) -> None:
    page, other = page_for(desk.company.marketing, lang="en"), page_for(desk.company.admin, lang="en")
    campaign = Campaign(desk)
    made_from_template(page, last_years)
    assert campaign.dates() == planned(0)
    moved_on_the_timeline(page, campaign)
    assert campaign.dates() == planned(2)
    worked_on_the_board(page, other, campaign)
    finished_from_the_calendar(page, campaign)
    expect(other.locator("[data-column]").nth(2).locator("[data-card][data-title=Copy]")).to_have_count(0)
    rows = exported(page)
    assert [(one[0], one[3]) for one in rows] == [("Copy", "120"), ("Photographs", "240"), ("Publication", "30")]
    assert [one[1] for one in rows] == ["Fatto", "Backlog", "Backlog"]
