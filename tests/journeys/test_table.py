"""The table of tasks: nested filters, several sorts, totals, widths, export, sharing by address."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.kernel import clock
from app.kernel.crud import export, query
from app.kernel.uow import uow
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, box_of
from tests.support import work_off

TABLE = "/tasks/table"
# title, priority, due in days, estimate
TASKS = [("Stand", "P0", 3, 120), ("Brochure", "P1", -2, 60), ("Invoice", "P2", -5, 30), ("Photos", "P3", 20, 240)]


@pytest.fixture
def table(desk: Desk, page_for: Any) -> Any:
    """table() -> the administrator's table with four tasks."""
    actor = desk.company.admin.actor
    with uow(actor):
        for title, priority, days, estimate in TASKS:
            create_task(
                actor=actor,
                title=title,
                priority=priority,
                module="sales",
                due_on=clock.today(actor.timezone) + dt.timedelta(days=days),
                estimate=estimate,
            )

    def make(path: str = TABLE, **kwargs: Any) -> Page:
        page = page_for(desk.company.admin, **{"lang": "en", **kwargs})
        page.goto(path)
        return page

    return make


def shows(page: Page, titles: list[str]) -> None:
    """The tasks, from the top."""
    expect(page.locator("[data-list] tbody a.t > .clip")).to_have_text(titles)


def condition(page: Page, at: int) -> Locator:
    """A row of the builder."""
    return page.locator("#add-filter .sk-cond").nth(at)


def fill(page: Page, at: int, field: str, operator: str, value: str = "") -> None:
    """Writes a condition, as one would by hand."""
    row = condition(page, at)
    row.locator("[data-filter-field]").select_option(field)
    row.locator("[data-filter-operator]").select_option(operator)
    control = row.locator("[data-filter-control]")
    if control.locator(".sk-checks").count():
        control.get_by_label(value).check()
    elif control.locator("select").count():
        control.locator("select").select_option(value)
    elif value:
        control.locator("input").fill(value)


def test_a_nested_filter_several_sorts_totals_and_export_shared_by_address(
    table: Any, desk: Desk, page_for: Any
) -> None:
    """(P0 or (late and longer than 45 minutes)), by priority then title; the colleague sees the same."""
    page = table()
    page.locator("[data-dialog=add-filter]").click()
    builder = page.locator("#add-filter")
    builder.locator("[data-filter-op]").first.select_option("or")
    fill(page, 0, "priority", "in", "P0 Urgent")
    builder.locator("[data-filter-nest]").first.click()
    expect(builder.locator(".sk-condgrp")).to_have_count(2)
    expect(builder.locator("[data-filter-op]").nth(1)).to_have_value("and")
    fill(page, 1, "due_on", "in_period", "past")
    builder.locator(".sk-condgrp .sk-condgrp [data-filter-add]").click()
    expect(condition(page, 2).locator("[data-filter-field]")).to_be_focused()
    fill(page, 2, "estimate", "gt", "45")
    builder.locator("[type=submit]").click()
    shows(page, ["Brochure", "Stand"])
    assert "t=or%28priority%3Ain%3AP0%3Band%28due_on%3Ain_period%3Apast%3Bestimate%3Agt%3A45%29%29" in page.url
    expect(page.locator(".sk-chip b").first).to_contain_text("(Due in the past and Estimate more than 45)")
    # The chip opens the builder again, and a move takes a condition to the outer group.
    page.locator("[data-filter-open]").click()
    expect(builder.locator(".sk-cond")).to_have_count(3)
    condition(page, 1).locator("[data-filter-move]").select_option("0")
    expect(builder.locator(".sk-condgrp .sk-condgrp .sk-cond")).to_have_count(1)
    builder.locator("[type=submit]").click()
    shows(page, ["Invoice", "Brochure", "Stand", "Photos"])
    page.go_back()
    shows(page, ["Brochure", "Stand"])
    page.locator("[popovertarget=columns-menu]").click()
    page.locator("#columns-menu input[value=estimate]").check()
    with page.expect_navigation():
        page.locator("#columns-menu button[type=submit]").click()
    expect(page.locator("tfoot")).to_contain_text("Sum 180 min", use_inner_text=True)
    expect(page.locator("tfoot")).to_contain_text("2 records")
    head = page.locator("[data-list] thead th")
    with page.expect_navigation():
        head.filter(has_text="Priority").locator("a").click()
    shows(page, ["Stand", "Brochure"])
    with page.expect_navigation():
        head.filter(has_text="Title").locator("a").click(modifiers=["Shift"])
    expect(page.locator(".sk-nth")).to_have_text(["2", "1"])
    page.locator("[popovertarget=export-menu]").click()
    with page.expect_download() as download:
        page.locator("#export-menu a[download]").first.click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("Title;") and lines[0].endswith(";Estimate")
    assert [one.split(";")[0] for one in lines[1:]] == ["Stand", "Brochure"]
    other = page_for(desk.company.sales, lang="en")
    other.goto(page.url)
    shows(other, ["Stand", "Brochure"])
    expect(other.locator("[data-list] th[aria-sort]")).to_contain_text("Priority")


def test_the_builder_by_keyboard(table: Any) -> None:
    """Nothing but keys: a condition, a mistake that is pointed at, one taken away."""
    page = table()
    page.locator("[data-dialog=add-filter]").focus()
    page.keyboard.press("Enter")
    first = condition(page, 0)
    expect(first.locator("[data-filter-field]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("o")
    for _step in range(2):
        page.keyboard.press("Tab")
    expect(page.locator("#add-filter [data-filter-add]")).to_be_focused()
    page.keyboard.press("Enter")
    second = condition(page, 1)
    expect(second.locator("[data-filter-field]")).to_be_focused()
    page.keyboard.type("Estimate")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-filter-note]")).to_have_text("A condition needs a value.")
    expect(second.locator("[data-filter-control] input")).to_be_focused()
    page.keyboard.type("240")
    page.keyboard.press("Enter")
    shows(page, ["Photos"])
    page.locator("[data-filter-open]").first.click()
    first.locator("[data-filter-remove]").focus()
    page.keyboard.press("Enter")
    expect(first.locator("[data-filter-field]")).to_be_focused()
    page.locator("#add-filter [type=submit]").click()
    expect(page.locator("[data-filter-open]")).to_have_count(1)


def test_the_order_by_keyboard(table: Any) -> None:
    """The dialog adds a column, turns it round, and puts it first."""
    page = table()
    page.locator("[data-dialog=sort-list]").click()
    dialog = page.locator("#sort-list")
    rows = dialog.locator("li")
    expect(rows).to_have_count(1)
    dialog.locator("[data-sort-add]").press("Enter")
    rows.nth(1).locator("[data-sort-field]").select_option("priority")
    rows.nth(1).locator("[data-sort-down]").select_option("-")
    rows.nth(1).locator("[data-sort-up]").press("Enter")
    dialog.locator("[type=submit]").press("Enter")
    shows(page, ["Photos", "Invoice", "Brochure", "Stand"])
    assert "sort=-priority%2Cdue_on" in page.url


def test_a_column_is_widened_by_mouse_and_keyboard_and_stays(table: Any) -> None:
    """Dragging its edge, arrow keys on it; the width is there on the next visit."""
    page = table()
    column = page.locator("th[data-col=status]")
    before = box_of(column)["width"]
    box = box_of(column.locator(".sk-resize"))
    page.mouse.move(box["x"] + 4, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 84, box["y"] + 8, steps=4)
    with page.expect_response(lambda one: "/views/task/columns" in one.url):
        page.mouse.up()
    wider = box_of(column)["width"]
    assert wider > before + 60
    assert "cols=title%7E" in page.url or "cols=title~" in page.url
    column.locator(".sk-resize").focus()
    with page.expect_response(lambda one: "/views/task/columns" in one.url):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
    value = int(column.locator(".sk-resize").get_attribute("aria-valuenow") or 0)
    page.goto(TABLE)
    expect(page.locator("th[data-col=status]")).to_have_attribute("style", f"width:{value}px")
    # A link of the page drawn before the change carries the widths as well.
    with page.expect_navigation():
        page.locator("th[data-col=title] a").click()
    expect(page.locator("th[data-col=status]")).to_have_attribute("style", f"width:{value}px")


def test_a_long_export_runs_in_the_background(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list's button leads to the export's page, which shows the file when it is there."""
    monkeypatch.setattr(export, "INLINE", 3)
    page = table()
    page.locator("[popovertarget=export-menu]").click()
    page.locator("#export-menu form button").first.click()
    expect(page.locator("[data-export]")).to_have_attribute("data-busy", "1")
    work_off()
    expect(page.get_by_text("File ready")).to_be_visible()
    with page.expect_download() as download:
        page.locator("a[download]").first.click()
    assert len(Path(download.value.path()).read_text("utf-8-sig").splitlines()) == 5
    page.goto("/exports/")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_totals_of_a_very_long_list_come_afterwards(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page does not wait for them."""
    monkeypatch.setattr(query, "COUNT_CAP", 2)
    page = table(f"{TABLE}?cols=estimate")
    expect(page.locator("tfoot")).to_contain_text("Sum 450 min", use_inner_text=True)
    expect(page.locator("tfoot")).to_contain_text("4 records")


def test_a_view_of_the_team_and_its_dirty_mark(table: Any) -> None:
    """Saved as new, changed, saved again with one button."""
    page = table(f"{TABLE}?sort=-priority")
    page.locator("[data-dialog=save-view]").click()
    page.locator("#view-name").fill("Mine")
    page.locator("#view-visibility").select_option("team")
    page.locator("#save-view [type=submit]").click()
    expect(page.locator(".sk-views [aria-current]")).to_contain_text("Mine")
    with page.expect_navigation():
        page.locator("th[data-col=title] a").click()
    expect(page.locator(".sk-views [aria-current] .sr")).to_have_text("view changed")
    page.get_by_role("button", name="Save the view", exact=True).click()
    expect(page.locator(".sk-views [aria-current] .sr")).to_have_count(0)
    shows(page, ["Brochure", "Invoice", "Photos", "Stand"])
