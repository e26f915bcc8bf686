"""A seller plans on the timeline: by mouse, by keyboard, and by neither."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.kernel import clock
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.kernel.workdays import workdays
from app.tasks.queries import plan
from app.tasks.queries.tasks import get_task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import announce, create_task, update_task
from tests.journeys.conftest import Desk, Watch, box_of, live, overflows

DAYS = workdays("IT")


def day(number: int) -> dt.date:
    """The n-th working day after the coming one."""
    return DAYS.day(DAYS.index(clock.today() + dt.timedelta(days=1)) + number)


class Plan:
    """Three tasks in a row and what the server knows of them."""

    def __init__(self, desk: Desk) -> None:
        self.actor = desk.company.sales.actor
        self.ids = {
            name: self.make(name, 2 * place, 2 * place + 1) for place, name in enumerate(("One", "Two", "Three"))
        }

    def make(self, title: str, start: int, due: int, **values: Any) -> Any:
        with uow(self.actor):
            dates = {"start_on": day(start), "due_on": day(due)}
            return create_task(actor=self.actor, title=title, **dates, **values).id

    def join(self, before: str, after: str) -> None:
        with uow(self.actor):
            add_dependency(self.ids[before], self.ids[after], actor=self.actor)

    def dates(self, name: str) -> tuple[dt.date | None, dt.date | None]:
        with tenant_scope(self.actor):
            task = get_task(self.ids[name])
            return task.start_on, task.due_on

    def becomes(self, page: Page, name: str, start: int, due: int) -> None:
        """Waits until the server has these dates."""
        for _ in range(80):
            if self.dates(name) == (day(start), day(due)):
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"{name}: {self.dates(name)}, not {day(start)} – {day(due)}")

    def links(self, name: str) -> list[tuple[str, str, int]]:
        with tenant_scope(self.actor):
            return [(one.title, one.type, one.lag) for one in plan.list_neighbours(self.ids[name]) if one.is_before]


@pytest.fixture
def planned(desk: Desk) -> Plan:
    return Plan(desk)


def bar(page: Page, plan: Plan, name: str) -> Any:
    return page.locator(f'.gantt_task_line[data-task-id="{plan.ids[name]}"]')


def drag_to(page: Page, source: tuple[float, float], target: tuple[float, float]) -> None:
    """A drag as a hand makes it, with steps in between."""
    page.mouse.move(*source)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(*(start + (end - start) * step / 8 for start, end in zip(source, target, strict=True)))
    page.mouse.up()


def middle(box: Any) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def link_by_hand(page: Page, plan: Plan, before: str, after: str) -> None:
    """From the knob at the end of one bar to the knob at the start of the other."""
    source = bar(page, plan, before)
    source.hover()
    knob = box_of(source.locator(".gantt_link_control.task_right .gantt_link_point"))
    target = box_of(bar(page, plan, after))
    drag_to(page, middle(knob), (target["x"] - 8, target["y"] + target["height"] / 2))


def test_tasks_are_linked_by_hand_and_a_loop_is_refused_by_name(
    planned: Plan, desk: Desk, page_for: Any, watch: Watch
) -> None:
    """The server names the loop; the chart keeps only what it accepted."""
    watch.allow(422)
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/timeline?zoom=day")
    link_by_hand(page, planned, "One", "Two")
    expect(page.locator(".gantt_task_link")).to_have_count(1)
    assert planned.links("Two") == [("One", "FS", 0)]
    planned.join("Two", "Three")
    page.reload()
    expect(page.locator(".gantt_task_link")).to_have_count(2)
    link_by_hand(page, planned, "Three", "One")
    expect(page.locator(".sk-toasts")).to_contain_text(
        "This would be a loop: ATT-3 “Three” → ATT-1 “One” → ATT-2 “Two”"
    )
    expect(page.locator(".gantt_task_link")).to_have_count(2)
    page.locator(".gantt_task_link").first.press("Enter")
    page.locator("#link select[name=type]").select_option("SS")
    page.locator("#link input[name=lag]").fill("1")
    page.locator("#link").get_by_role("button", name="Save").click()
    expect(page.locator(".sk-toasts")).to_contain_text("Saved")
    assert ("One", "SS", 1) in planned.links("Two")


def test_a_drag_that_makes_others_late_asks_and_one_undo_takes_all_back(
    planned: Plan, desk: Desk, page_for: Any
) -> None:
    """Preview, confirm, undo; and "only this one" leaves a violated link, in red and in words."""
    planned.join("One", "Two")
    planned.join("Two", "Three")
    before = {name: planned.dates(name) for name in planned.ids}
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/timeline?zoom=day")
    box = box_of(bar(page, planned, "One"))
    at, days = middle(box), (day(2) - day(0)).days
    drag_to(page, at, (at[0] + 40 * days, at[1]))
    dialog = page.locator("#moves")
    expect(dialog).to_contain_text("2 tasks move")
    expect(dialog.locator("tbody tr")).to_have_count(2)
    dialog.get_by_role("button", name="Move the dependents").click()
    expect(page.locator(".sk-toasts")).to_contain_text("3 tasks moved")
    assert planned.dates("One") == (day(2), day(3)) and planned.dates("Three") == (day(6), day(7))
    page.locator(".sk-toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".sk-toasts")).to_contain_text("Taken back")
    assert {name: planned.dates(name) for name in planned.ids} == before
    expect(bar(page, planned, "One")).to_be_visible()
    bar(page, planned, "One").focus()
    expect(bar(page, planned, "One")).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    dialog.get_by_role("button", name="Move only this one").click()
    expect(page.locator(".gantt_task_link.bad")).to_have_count(1)
    expect(page.locator("[data-advice]")).to_contain_text("“Two” is planned 1 working day too early for “One”")
    row = page.locator(f'.gantt_row[data-task-id="{planned.ids["Two"]}"]')
    expect(row).to_contain_text("too early")


def test_everything_goes_by_keyboard(planned: Plan, desk: Desk, page_for: Any) -> None:
    """Move, lengthen and shorten a bar that has the focus, which it keeps."""
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/timeline")
    one = bar(page, planned, "Three")
    for key, expected in (
        ("Alt+ArrowRight", (5, 6)), ("Alt+ArrowLeft", (4, 5)), ("Shift+Alt+ArrowRight", (4, 6)), ("Shift+Alt+ArrowLeft", (4, 5)),
    ):  # fmt: skip
        one.focus()
        page.keyboard.press(key)
        planned.becomes(page, "Three", *expected)
        expect(one).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Control+z")  # takes back what is on its way, not what was before it
    expect(page.locator(".sk-toasts")).to_contain_text("Taken back")
    planned.becomes(page, "Three", 4, 5)
    one.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#task-drawer")).to_contain_text("Three")


def test_the_same_without_dragging(planned: Plan, desk: Desk, page_for: Any) -> None:
    """The drawer links tasks, changes and removes the link."""
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/timeline?task={planned.ids['Two']}")
    drawer = page.locator("#task-drawer")
    drawer.get_by_text("Add a dependency").click()
    drawer.locator("[data-newlink] [role=combobox]").fill("One")
    drawer.locator("#new-link-list [role=option]", has_text="One").click()
    drawer.get_by_role("button", name="Add", exact=True).click()
    expect(drawer.locator("[data-dependency]")).to_have_count(1)
    expect(drawer).to_contain_text("Blocked by")
    drawer.locator("[data-dependency] [name=lag]").fill("2")
    drawer.locator("[data-dependency] [name=lag]").blur()
    expect(page.locator(".gantt_task_link.bad")).to_have_count(1)
    assert planned.links("Two") == [("One", "FS", 2)]
    drawer.locator("[data-dependency-delete]").click()
    expect(drawer.locator("[data-dependency]")).to_have_count(0)
    expect(page.locator(".gantt_task_link")).to_have_count(0)


def test_auto_layout_shows_what_moves_before_it_moves(planned: Plan, desk: Desk, page_for: Any) -> None:
    """A dialog with old and new dates; the second time nothing is left to do."""
    planned.join("Three", "One")
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/timeline")
    page.locator("[data-layout]").first.click()
    expect(page.locator("#moves tbody tr")).to_have_count(1)
    page.locator("#moves").get_by_role("button", name="Confirm").click()
    expect(page.locator(".sk-toasts")).to_contain_text("One task moved")
    assert planned.dates("One") == (day(6), day(7))
    page.locator("[data-layout]").first.click()
    expect(page.locator(".sk-toasts")).to_contain_text("Nothing moves")


def test_a_colleagues_change_arrives_and_a_stale_drag_says_what_they_wrote(
    planned: Plan, desk: Desk, page_for: Any, watch: Watch
) -> None:
    """Live, and 409 with the dates of the other."""
    watch.allow(409)
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/timeline?zoom=day")
    live(page)
    admin = desk.company.admin.actor
    with uow(admin):
        task = get_task(planned.ids["One"])
        update_task(task, actor=admin, title="One, renamed by the boss")
        announce(task, "updated")
    expect(page.locator(".gantt_grid_data")).to_contain_text("renamed by the boss")
    with uow(admin):  # without the announcement, as when the connection is lost
        update_task(get_task(planned.ids["Two"]), actor=admin, due_on=day(9))
    bar(page, planned, "Two").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".sk-toasts")).to_contain_text("“Two” was changed by")
    assert planned.dates("Two") == (day(2), day(9))


def test_the_baseline_zoom_critical_path_and_tasks_without_dates(planned: Plan, desk: Desk, page_for: Any) -> None:
    """What the chart can show besides."""
    planned.join("One", "Two")
    with uow(planned.actor):
        create_task(actor=planned.actor, title="Someday")
        evil = '"><b class="evil">&quot;\'</b>'
        create_task(actor=planned.actor, title=evil, start_on=day(0), due_on=day(20))
    page = page_for(desk.company.sales, lang="en")
    page.goto("/tasks/timeline")
    page.locator("[data-baseline]").click()
    page.locator("[data-picture=take]").click()
    expect(page.locator(".sk-base")).to_have_count(4)
    expect(page.locator(".gantt_grid_data")).to_contain_text(evil)
    expect(page.locator(".evil")).to_have_count(0)
    page.locator("[data-critical]").click()
    expect(page.locator(".gantt_task_line.critical")).to_have_count(2)
    for zoom in ("day", "month", "quarter", "week"):
        page.locator(f"[data-zoom={zoom}]").click()
        expect(page.locator(f"[data-zoom={zoom}]")).to_have_attribute("aria-pressed", "true")
        assert f"zoom={zoom}" in page.url
        expect(bar(page, planned, "Three")).to_be_attached()
    page.locator("[data-fit]").click()
    page.locator("[data-undated]").click()
    item = page.locator("[data-undated-list] li", has_text="Someday")
    item.locator("input").fill(day(1).isoformat())
    item.get_by_role("button").click()
    expect(page.locator(".gantt_task_line")).to_have_count(5)


def test_a_phone_reads_the_bars(planned: Plan, desk: Desk, page_for: Any) -> None:
    """A list of strips, with violated links in words; a tap opens the task."""
    planned.join("Three", "One")
    page = page_for(desk.company.sales, width=390, height=844, lang="en")
    page.goto("/tasks/timeline")
    expect(page.locator("[data-strips] li")).to_have_count(3)
    expect(page.locator("[data-strips]")).to_contain_text("Violated link")
    assert not overflows(page)
    page.locator("[data-strips] a", has_text="Two").click()
    expect(page.locator("#task-drawer")).to_contain_text("Two")
