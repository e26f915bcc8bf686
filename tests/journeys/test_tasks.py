"""A seller works tasks in the browser while a colleague watches."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from app.kernel import clock
from app.kernel.uow import uow
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, Watch, live, overflows
from tests.journeys.test_board import drag


def make(desk: Desk, title: str, **values: Any) -> Any:
    actor = desk.company.sales.actor
    with uow(actor):
        return create_task(actor=actor, title=title, **values)


def test_a_task_is_written_down_changed_in_place_and_opened(desk: Desk, page_for: Any, watch: Watch) -> None:
    """Quick add keeps the field, also for who writes faster than the server; a cell's menu changes it; the drawer has
    an address of its own."""
    make(desk, "First")
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/list")
    field = page.locator("tbody[data-group] [data-quick] input").first
    field.fill("Call the bakery")
    field.press("Enter")
    row = page.locator("tr[data-task]", has_text="Call the bakery")
    expect(row).to_have_count(1)
    expect(field).to_be_focused()
    held: list[Any] = []
    page.route("**/api/v1/tasks/?quick=1", lambda route: held.append(route))
    page.keyboard.type("Buy flour")
    for _ in range(2):  # pressed twice, it is one task
        page.keyboard.press("Enter")
    page.keyboard.type("Bake")
    held[0].continue_()
    expect(page.locator("tr[data-task]", has_text="Buy flour")).to_have_count(1)
    expect(field).to_have_value("Bake")
    page.keyboard.press("Enter")
    expect(field).to_have_value("")
    held[1].abort()
    expect(field).to_have_value("Bake")
    assert len(held) == 2 and watch.problems and all("quick=1" in one for one in watch.problems)
    watch.problems.clear()
    page.unroute("**/api/v1/tasks/?quick=1")
    field.fill("")
    row.locator("[data-edit=priority]").click()
    page.locator("#edit-priority").get_by_text("P0 Urgent").click()
    expect(row.locator("[data-edit=priority]")).to_contain_text("P0")
    row.locator("a.t").focus()
    page.keyboard.press("s")
    page.locator("#edit-status [data-set]").nth(1).click()
    expect(page.locator("tbody[data-group]").nth(1)).to_contain_text("Call the bakery")
    row.locator("a.t").click()
    drawer = page.locator("#task-drawer")
    expect(drawer).to_contain_text("Call the bakery")
    assert "task=" in page.url
    drawer.locator("[data-subtask] input").fill("Find the number")
    drawer.locator("[data-subtask] input").press("Enter")
    expect(drawer).to_contain_text("Find the number")
    drawer.locator("[data-newitem] input").fill("Write it down")
    drawer.locator("[data-newitem] input").press("Enter")
    expect(drawer.locator("[data-item]")).to_have_count(1)
    page.reload()
    expect(page.locator("#task-drawer")).to_contain_text("Write it down")
    page.keyboard.press("Escape")
    page.locator("#task-drawer [data-drawer-close]").press("Escape")
    expect(page.locator("#task-drawer")).to_be_hidden()
    assert "task=" not in page.url


def test_a_card_moves_by_mouse_and_keyboard_and_the_colleague_sees_it(desk: Desk, page_for: Any) -> None:
    """The same move in three ways; a second person's board follows without a reload."""
    for title in ("Gamma", "Beta", "Alpha"):
        make(desk, title)
    page, other = page_for(desk.company.sales, lang="en"), page_for(desk.company.admin, lang="en")
    for one in (page, other):
        one.goto("/tasks/board")
        live(one)
    columns = page.locator("[data-column]")
    drag(page, page.locator("[data-card][data-title=Alpha]"), columns.nth(1).locator("[data-cards]"))
    expect(columns.nth(1)).to_contain_text("Alpha")
    expect(other.locator("[data-column]").nth(1)).to_contain_text("Alpha")
    page.locator("[data-card][data-title=Beta]").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(columns.nth(1)).to_contain_text("Beta")
    page.locator("[data-card][data-title=Gamma] [data-card-menu]").click()
    page.locator("#card-menu [data-target]").nth(2).click()
    expect(columns.nth(2)).to_contain_text("Gamma")
    expect(other.locator("[data-column]").nth(2)).to_contain_text("Gamma")
    page.reload()
    expect(page.locator("[data-column]").nth(1).locator("[data-card]")).to_have_count(2)


def test_a_full_column_refuses_and_the_card_goes_back(desk: Desk, page_for: Any, watch: Watch) -> None:
    """A hard limit holds in the browser too, and says why."""
    from app.tasks.models.names import StatusGroup
    from app.tasks.queries.tasks import first_status
    from app.tasks.service.statuses import save_status

    watch.allow(409)
    admin = desk.company.admin.actor
    with uow(admin):
        review = first_status(StatusGroup.IN_PROGRESS)
        save_status(review.id, actor=admin, name="Doing", wip_limit=1, wip_hard=True)
    make(desk, "Inside", status_id=review.id)
    make(desk, "Outside")
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/board")
    page.locator("[data-card][data-title=Outside]").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".sk-toasts")).to_contain_text("its limit is 1")
    expect(page.locator("[data-column]").first).to_contain_text("Outside")


def test_nothing_is_wider_than_a_phone(desk: Desk, page_for: Any) -> None:
    """List, board, drawer and page fit 390 pixels."""
    task = make(desk, "A task with a long name, as they have in real life, that must not push the page")
    page = page_for(desk.company.sales, width=390, height=844)
    for url in ("/tasks/list", "/tasks/board", f"/tasks/{task.id}", f"/tasks/list?task={task.id}"):
        page.goto(url)
        assert not overflows(page), url


def test_time_and_recurrence_are_set_in_the_drawer(desk: Desk, page_for: Any) -> None:
    """A timer starts and stops, an entry is added by hand, the task gets a rule; each shows at once."""
    task = make(desk, "Weekly report", due_on=clock.today())
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/list?task={task.id}")
    drawer = page.locator("#task-drawer")
    drawer.locator("[data-timer=start]").click()
    expect(drawer.locator("[data-elapsed]")).to_contain_text("0:00:0")
    drawer.locator("[data-timer=stop]").click()
    expect(drawer.locator("[data-timer=start]")).to_be_visible()
    drawer.locator("[popovertarget=time-menu]").click()
    page.locator("#time-minutes").fill("45")
    page.locator("#time-note").fill("Reading")
    page.keyboard.press("Enter")
    expect(drawer.locator(".sk-spent summary")).to_contain_text("2 entries")
    drawer.locator("[popovertarget=recurrence-menu]").click()
    page.locator(".sk-days input[value=MO]").check(force=True)
    page.locator("[data-recurrence] button[data-size=sm]").first.click()
    expect(drawer).to_contain_text("every week on Mon")
    drawer.locator("[data-watch]").click()
    expect(drawer.locator("[data-watch]")).to_have_attribute("aria-pressed", "true")


def test_a_task_is_finished_on_the_home_page_and_taken_back(desk: Desk, page_for: Any) -> None:
    make(desk, "Call the bakery", due_on=clock.today(), owner_id=desk.company.sales.member_id)
    page = page_for(desk.company.sales, lang="en")
    page.goto("/")
    page.get_by_role("button", name="Finish “Call the bakery”").click()
    expect(page.locator(".sk-li.done")).to_contain_text("Call the bakery")
    page.locator(".sk-toasts").get_by_text("Undo").click()
    expect(page.locator(".sk-li.done")).to_have_count(0)
    page.reload()
    expect(page.locator("[data-todo]").first).to_contain_text("Call the bakery")
