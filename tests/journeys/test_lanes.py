"""The board with lanes and the list with its columns, by mouse and keyboard, with and without an answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from playwright.sync_api import Page, expect

from app.collaboration.service.links import link_records
from app.kernel.uow import uow
from app.tasks.queries.tasks import get_task
from app.tasks.service.tasks import announce, update_task
from tests.journeys.conftest import Desk, Watch, box_of, live, overflows
from tests.journeys.test_board import drag
from tests.journeys.test_tasks import make


def rename(desk: Desk, task: UUID, title: str) -> None:
    """What a colleague does meanwhile."""
    with uow(desk.company.admin.actor) as session:
        theirs = update_task(get_task(task), actor=desk.company.admin.actor, title=title)
        session.flush()  # the version that is told is the one that is kept
        announce(theirs, "updated")


def cell(page: Page, lane: str, column: int) -> Any:
    """The n-th column of a lane."""
    return page.locator(f"[data-lane={lane}] [data-column]").nth(column)


def test_a_card_changes_both_fields_and_comes_back_when_nobody_answers(desk: Desk, page_for: Any, watch: Watch) -> None:
    """Mouse, Escape, keyboard and menu move between lanes; the colleague's lanes follow; no network, no loss."""
    gamma_task, beta, _alpha = [
        make(desk, title, priority=one) for title, one in (("Gamma", "P2"), ("Beta", "P1"), ("Alpha", "P1"))
    ]
    page, other = page_for(desk.company.sales, lang="en"), page_for(desk.company.admin, lang="en")
    for one in (page, other):
        one.goto("/tasks/board?lanes=priority")
        live(one)
    alpha = page.locator("[data-card][data-title=Alpha]")
    start, target = box_of(alpha), box_of(cell(page, "P2", 1).locator("[data-cards]"))
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 80, start["y"] + 60, steps=4)
    page.mouse.move(target["x"] + 100, target["y"] + 20, steps=12)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator("[data-announce]")).to_have_text("Back where it was.")
    expect(cell(page, "P1", 0)).to_contain_text("Alpha")
    alpha.hover()  # it stands still
    drag(page, alpha, cell(page, "P2", 1).locator("[data-cards]"))
    expect(cell(page, "P2", 1)).to_contain_text("Alpha")
    expect(cell(other, "P2", 1)).to_contain_text("Alpha")
    page.locator("[data-card][data-title=Beta]").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(cell(page, "P2", 0)).to_contain_text("Beta")
    expect(page.locator("[data-card][data-title=Beta]")).to_be_focused()
    page.locator("[data-lane=P2] [data-collapse-lane]").click()
    expect(cell(page, "P2", 0)).to_be_hidden()
    page.locator("[data-lane=P2] [data-collapse-lane]").click()
    # Everybody has heard of all moves: nothing is drawn anew under the hand.
    expect(cell(page, "P2", 0)).to_be_visible()
    expect(cell(other, "P2", 0)).to_contain_text("Beta")
    away = "**/api/v1/tasks/*/move"
    page.route(away, lambda route: route.abort())
    gamma = page.locator("[data-card][data-title=Gamma]")
    gamma.hover()
    drag(page, gamma, cell(page, "P2", 2).locator("[data-cards]"))
    expect(page.locator(".sk-toasts")).to_contain_text("“Gamma” stays where it was")
    expect(cell(page, "P2", 0)).to_contain_text("Gamma")
    assert watch.problems and all("/move" in one for one in watch.problems)
    watch.problems.clear()
    page.unroute(away)
    # The board is drawn anew meanwhile, and keeps the focus.
    expect(gamma).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    expect(cell(other, "P2", 1)).to_contain_text("Gamma")
    # Lanes of linked records: a move there makes the link, and a task is written down with it.
    deal = desk.deal("Bakery")
    with uow(desk.company.admin.actor):
        link_records("opportunity", UUID(deal), "task", beta.id, actor=desk.company.admin.actor)
    page.goto("/tasks/board?lanes=link")
    live(page)
    bakery = page.locator(f"[data-lane='opportunity:{deal}']")
    # What is being written stays, and the focus with it, when the answer of a move comes, and a colleague's change.
    held: list[Any] = []
    page.route(away, lambda route: held.append(route))
    alpha.focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(bakery).to_contain_text("Alpha")
    bakery.locator("[data-cards] [data-card]").first.press("n")
    page.keyboard.type("De")
    with page.expect_response("**/tasks/board?*"):
        held[0].continue_()
    rename(desk, gamma_task.id, "Gamma 2")
    expect(page.locator("[data-card][data-title='Gamma 2']").first).to_be_visible()
    page.keyboard.type("lta")
    page.keyboard.press("Enter")
    expect(bakery).to_contain_text("Delta")
    page.reload()
    expect(bakery.locator("[data-card]")).to_have_count(3)


def test_any_column_is_edited_in_place_and_a_conflict_keeps_what_was_typed(
    desk: Desk, page_for: Any, watch: Watch
) -> None:
    """Title and number by keyboard; a colleague's change is shown beside one's own; a range is selected with Shift;
    sub-tasks fold."""
    watch.allow(409)
    tasks = {title: make(desk, title) for title in ("Three", "Two", "One")}
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/list?cols=title,estimate,tags,parent")
    live(page)
    row = page.locator("tr[data-task]", has_text="One")
    row.locator("[data-edit=estimate]").click()
    page.keyboard.type("90")
    page.keyboard.press("Enter")
    expect(row.locator("[data-edit=estimate]")).to_have_text("1 h 30 min")
    expect(row.locator("[data-edit=estimate]")).to_be_focused()
    row.locator("[data-edit=parent]").click()
    page.locator("#edit-field [type=search]").fill("Thr")
    page.locator("#edit-field [role=radio]", has_text="Three").click()
    expect(row.locator("[data-edit=parent]")).to_contain_text("Three")
    # It stands below its parent now, and folds with it: by mouse, and by the arrows of a tree.
    above = page.locator("tr[data-task]:not([data-child])", has_text="Three")
    above.locator("[data-branch]").click()
    expect(row).to_be_hidden()
    page.reload()
    live(page)
    expect(row).to_be_hidden()
    above.locator("a.t").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(row.locator("a.t")).to_be_focused()
    row.locator("[data-edit=title]").click()
    page.locator("#edit-field input").fill("Mine")
    rename(desk, tasks["One"].id, "Theirs")
    # The list follows at once; what was opened before is not what is there now.
    expect(page.locator("tr[data-task]", has_text="Theirs")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[data-editor-note]")).to_contain_text("“Theirs”")
    expect(page.locator("#edit-field input")).to_have_value("Mine")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-task]", has_text="Mine")).to_have_count(1)
    page.locator("tr[data-task] a.t", has_text="Two").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+J")
    expect(page.locator("[data-selected]")).to_have_text("2")
    page.locator("[data-select-group]").first.click()
    expect(page.locator("[data-selected]")).to_have_text("3")


def test_lanes_fit_a_phone(desk: Desk, page_for: Any) -> None:
    """Lanes scroll within the board, not with the page."""
    make(desk, "A task with a long name, as they have in real life, that must not push the page")
    page = page_for(desk.company.sales, width=390, height=844)
    page.goto("/tasks/board?lanes=owner")
    assert not overflows(page)
