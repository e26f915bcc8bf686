"""A seller takes over what similar tasks had."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Desk, overflows
from tests.journeys.test_gates import inspect
from tests.tasks.test_assist import asked, finished


@pytest.fixture
def task(desk: Desk) -> Any:
    """An open task, and three finished ones that are like it."""
    actor = desk.company.sales.actor
    for name, minutes in (("Alfa", 60), ("Beta", 120), ("Gamma", 300)):
        finished(actor, f"Preparare demo per {name}", minutes=minutes, children=("Dati del cliente", "Prova generale"),
                 items=("Sala prenotata", "Campioni pronti", "Scheda stampata"))  # fmt: skip
    return asked(actor, "Preparare demo per Delta")


def test_a_line_is_accepted_in_the_drawer_by_keyboard(desk: Desk, page_for: Any, task: Any) -> None:
    """The box outlives the drawer's redraw, and the focus goes on to what is left."""
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/list?task={task.id}")
    drawer = page.locator("#task-drawer")
    drawer.locator("#suggest-breakdown").press("Enter")
    box = drawer.locator("[data-proposals]")
    expect(box).to_contain_text("2 steps are missing")
    expect(box.locator("[data-title]")).to_be_focused()
    expect(drawer.locator(".sk-sub", has_text="Dati del cliente")).to_have_count(0)
    box.locator("[data-accept]").first.press("Enter")
    expect(drawer.locator(".sk-sub", has_text="Dati del cliente")).to_have_count(1)
    expect(drawer.locator(".sk-sub", has_text="Prova generale")).to_have_count(0)
    expect(box.locator("[data-line]")).to_have_count(1)
    expect(box.locator("[data-accept]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(drawer.locator("#suggest-breakdown")).to_be_focused()
    expect(drawer).to_be_visible()
    page.reload()
    expect(drawer.locator(".sk-sub", has_text="Dati del cliente")).to_have_count(1)


def test_some_lines_are_chosen_and_an_estimate_taken_over_on_the_page(desk: Desk, page_for: Any, task: Any) -> None:
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/{task.id}")
    page.locator("#suggest-checklist").click()
    box = page.locator("[data-proposals][data-kind=checklist]")
    box.locator("[data-choose]").click()
    box.get_by_label("Campioni pronti").first.uncheck()
    box.locator("[data-all]").click()
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.locator("[data-task-body]")).to_contain_text("Scheda stampata")
    expect(box.locator("[data-line]")).to_have_count(1)
    page.locator("#suggest-estimate").click()
    estimate = page.locator("[data-proposals][data-kind=estimate]")
    expect(estimate).to_contain_text("from 1 h to 5 h")
    expect(estimate.locator("details li")).to_have_count(3)
    estimate.get_by_role("button", name="Use 2 h").click()
    expect(page.locator("[data-task-body]")).to_contain_text("of 2 h")


def test_the_open_boxes_pass_the_gates(desk: Desk, page_for: Any, task: Any) -> None:
    """On both widths, in both themes."""
    found: list[str] = []
    for size in ((1440, 900), (390, 844)):
        page = page_for(desk.company.sales, *size, lang="it")
        page.goto(f"/tasks/list?task={task.id}")
        for kind in ("estimate", "breakdown", "checklist"):
            page.locator(f"#suggest-{kind}").click()
            page.locator(f"[data-proposals][data-kind={kind}]").wait_for()
        page.locator("[data-proposals] [data-choose]").first.click()
        for one in page.locator("[data-proposals] details").all():
            one.evaluate("details => { details.open = true; }")
        found += inspect(page, "it", where={"include": [["#task-drawer"]]})
        assert not overflows(page)
    assert found == [], "\n".join(found)
