"""An administrator adds fields; a seller fills them in the drawer, somebody else meanwhile, and filters by them."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from app.custom_fields import queries
from app.custom_fields.service import ChoiceInput
from app.custom_fields.service import create_field as add_field
from app.kernel.crud.store import change
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.cruds import TASKS
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, Watch, box_of, overflows
from tests.journeys.test_gates import violations


def labels(desk: Desk) -> list[str]:
    with tenant_scope(desk.company.admin.actor):
        return [one.label for one in queries.list_fields("task")]


def test_fields_are_added_filled_and_asked_for(desk: Desk, page_for: Any, watch: Watch) -> None:
    watch.allow(409, 422)
    actor = desk.company.sales.actor
    with uow(actor):
        task = create_task(actor=actor, title="Flyer").id
        create_task(actor=actor, title="Poster")
    admin = page_for(desk.company.admin, width=390, height=844, lang="en")
    admin.goto("/settings/custom-fields")
    for label, type, choices in (("Channel", "select", ("Fair", "Web")), ("Budget", "money", ()), ("Site", "url", ())):
        admin.locator("[data-dialog=field-new] >> visible=true").first.click()
        dialog = admin.locator("#field-new")
        dialog.get_by_label("Name").fill(label)
        dialog.get_by_label("Type").select_option(type)
        for place, one in enumerate(choices):
            dialog.get_by_label("Choice", exact=True).nth(place).fill(one)
            admin.keyboard.press("Enter")
        assert violations(admin) == [] and not overflows(admin)
        dialog.get_by_role("button", name="Save").click()
        expect(admin.locator("[data-order] [data-row]", has_text=label)).to_be_visible()
    grip = admin.get_by_role("button", name="Move Site")
    grip.focus()
    with admin.expect_response("**/custom-fields/order"):
        admin.keyboard.press("Alt+ArrowUp")
        admin.keyboard.press("Alt+ArrowUp")
    expect(grip).to_be_focused()
    assert labels(desk) == ["Site", "Channel", "Budget"]
    box, over = box_of(grip), box_of(admin.get_by_role("button", name="Move Budget"))
    with admin.expect_response("**/custom-fields/order"):
        admin.mouse.move(box["x"] + 8, box["y"] + 8)
        admin.mouse.down()
        admin.mouse.move(over["x"] + 8, over["y"] + 8, steps=8)
        admin.mouse.move(over["x"] + 8, over["y"] + 30, steps=4)
        admin.mouse.up()
    assert labels(desk) == ["Channel", "Budget", "Site"]

    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/list?task={task}")
    drawer = page.locator("#task-drawer")
    drawer.get_by_role("button", name="Change Channel").click()
    expect(drawer.get_by_role("combobox", name="Channel")).to_be_focused()
    assert violations(page) == []
    drawer.get_by_role("combobox", name="Channel").select_option(label="Web")
    drawer.locator("form:popover-open").get_by_role("button", name="Save").click()
    expect(drawer.locator(".sk-own").first).to_have_text("Web")
    expect(drawer.get_by_role("button", name="Change Channel")).to_be_focused()
    drawer.get_by_role("button", name="Change Site").click()
    drawer.get_by_label("Site", exact=True).last.fill("ftp://files.example.com")
    page.keyboard.press("Enter")
    expect(drawer.locator("form:popover-open [data-problem]")).to_contain_text("http://")
    page.keyboard.press("Escape")
    expect(drawer.locator("form:popover-open")).to_have_count(0)
    # Somebody else is faster: the seller is told, and sees what stands there now.
    drawer.get_by_role("button", name="Change Budget").click()
    drawer.get_by_label(re.compile(r"Budget \(EUR\)")).fill("1.200,50")
    with uow(desk.company.admin.actor) as session:
        budget = next(one for one in TASKS.fields if one.key == "custom_budget")
        change(TASKS, task, {budget.name: 7}, actor=desk.company.admin.actor, version=None)
        session.flush()
    page.keyboard.press("Enter")
    expect(page.locator(".sk-toast")).to_be_visible()
    expect(drawer).to_contain_text("€7")
    drawer.get_by_role("button", name="Change Budget").click()
    drawer.get_by_label(re.compile(r"Budget \(EUR\)")).fill("1.200,50")
    page.keyboard.press("Enter")
    expect(drawer).to_contain_text("€1,200.50")

    page.goto("/tasks/table?cols=custom_channel,custom_budget")
    page.locator("[data-dialog=add-filter]").first.click()
    page.locator("[data-filter-field]").select_option("custom_channel")
    page.locator("#add-filter .sk-checks").get_by_label("Web").check()
    page.locator("#add-filter").get_by_role("button", name="Apply the filters").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".sk-chip").first).to_contain_text("Channel is one of Web")
    expect(page.locator("tfoot")).to_contain_text("€1,200.50")


def test_the_list_shows_and_changes_them(desk: Desk, page_for: Any) -> None:
    """One and several choices, and an amount, in the cells of the grouped list."""
    with uow(desk.company.admin.actor):
        add_field(
            "task",
            "Channel",
            "select",
            actor=desk.company.admin.actor,
            choices=[ChoiceInput("Fair"), ChoiceInput("Web")],
        )
        add_field(
            "task", "Sizes", "multi", actor=desk.company.admin.actor, choices=[ChoiceInput("A4"), ChoiceInput("A3")]
        )
        add_field("task", "Budget", "money", actor=desk.company.admin.actor)
    with uow(desk.company.sales.actor):
        create_task(actor=desk.company.sales.actor, title="Flyer")
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/list?cols=title,custom_channel,custom_sizes,custom_budget")
    cell = page.locator("tr[data-task] [data-edit=custom_channel]")
    cell.click()
    page.locator("#edit-field").get_by_role("radio", name="Web").click()
    expect(cell).to_contain_text("Web")
    cell = page.locator("tr[data-task] [data-edit=custom_sizes]")
    cell.click()
    for one in ("A4", "A3"):
        page.locator("#edit-field").get_by_label(one).check()
    page.locator("#edit-field").get_by_role("button", name="Save").click()
    expect(cell).to_contain_text("A4")
    expect(cell).to_contain_text("A3")
    cell = page.locator("tr[data-task] [data-edit=custom_budget]")
    cell.click()
    page.locator("#edit-field-input").fill("1.200,50")
    page.keyboard.press("Enter")
    expect(cell).to_contain_text("€1,200.50")
