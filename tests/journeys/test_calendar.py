"""A seller plans in the calendar: by mouse, by keyboard, on a phone, and while somebody else does too."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from app.kernel import clock
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.sales.service.activities import create_activity
from app.tasks.queries.tasks import get_task
from app.tasks.service.schedule import reschedule_task
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, Watch, box_of, live, overflows

ROME = ZoneInfo("Europe/Rome")


def day(number: int = 0) -> dt.date:
    """The Tuesday of the second week of next month, and days from it: far from every edge of a month."""
    first = (clock.today().replace(day=1) + dt.timedelta(days=32)).replace(day=8)
    return first + dt.timedelta(days=(1 - first.weekday()) % 7 + number)


def make(desk: Desk, title: str = "Offer", **values: Any) -> Any:
    actor = desk.company.sales.actor
    with uow(actor):
        return create_task(actor=actor, title=title, owner_id=actor.member_id, **({"due_on": day()} | values))


def call(desk: Desk, title: str = "Call", hour: int = 11) -> Any:
    actor = desk.company.sales.actor
    at = dt.datetime.combine(day(), dt.time(hour), ROME)
    with uow(actor):
        return create_activity(actor=actor, type="call", title=title, due_at=at, duration_min=60)


def days_of(desk: Desk, task: Any) -> tuple[dt.date | None, dt.date | None]:
    with tenant_scope(desk.company.sales.actor):
        found = get_task(task.id)
        return found.start_on, found.due_on


def entry(page: Page, title: str) -> Locator:
    return page.locator("[data-cal-body] [data-entry]", has_text=title).filter(visible=True).first


def cell(page: Page, when: dt.date) -> Locator:
    return page.locator(".sk-daycell", has=page.locator(f'[data-day="{when}"]'))


def ready(page: Page) -> None:
    expect(page.locator("[data-cal-body]")).not_to_have_attribute("aria-busy", "true")


@pytest.fixture
def calendar(desk: Desk, page_for: Any) -> Any:
    """calendar() -> the seller's page on the month of ``day()``."""

    def make_page(query: str = "", path: str = "/tasks/calendar", **kwargs: Any) -> Page:
        page = page_for(desk.company.sales, **{"lang": "en", **kwargs})
        page.goto(f"{path}?date={day()}{query}")
        ready(page)
        return page

    return make_page


def pull(page: Page, start: tuple[float, float], to: Locator) -> None:
    """Drags with the mouse from a point to the middle of something, in steps as a hand does."""
    end = box_of(to)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 8, start[1] + 6, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] * 0.7, steps=12)
    page.mouse.move(end["x"] + end["width"] / 2 + 2, end["y"] + end["height"] * 0.7, steps=2)
    page.mouse.up()


def grip(what: Locator) -> tuple[float, float]:
    box = box_of(what)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_dragging_to_another_day_moves_the_due_date_and_can_be_undone(desk: Desk, calendar: Any) -> None:
    task = make(desk)
    page = calendar()
    pull(page, grip(entry(page, "Offer")), cell(page, day(2)))
    toast = page.locator(".sk-toast", has_text="Offer")
    expect(toast).to_contain_text("moved to")
    assert days_of(desk, task) == (None, day(2))
    expect(entry(page, "Offer")).to_be_focused()
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-cal-body]")).not_to_have_attribute("aria-busy", "true")
    page.wait_for_function("() => !document.querySelector('.sk-toast button.btn[data-variant=outline]')")
    page.wait_for_timeout(300)
    assert days_of(desk, task) == (None, day())


def test_pulling_an_edge_changes_how_long_a_task_takes(desk: Desk, calendar: Any) -> None:
    task = make(desk)
    page = calendar()
    box = box_of(page.locator(".sk-calev", has_text="Offer"))
    page.mouse.move(*grip(entry(page, "Offer")))
    pull(page, (box["x"] + box["width"] - 2, box["y"] + box["height"] / 2), cell(page, day(2)))
    expect(page.locator(".sk-toast", has_text="now goes from")).to_be_visible()
    assert days_of(desk, task) == (day(), day(2))


def test_alt_and_arrows_move_the_focused_entry(desk: Desk, calendar: Any) -> None:
    task, meeting = make(desk), call(desk)
    page = calendar()
    for key, days in (("ArrowRight", 1), ("ArrowDown", 8), ("ArrowLeft", 7), ("ArrowUp", 0)):
        entry(page, "Offer").focus()
        page.keyboard.press(f"Alt+{key}")
        expect(page.locator("[data-announce]")).to_contain_text(day(days).strftime("%b %-d"))
        ready(page)
        expect(entry(page, "Offer")).to_be_focused()
        assert days_of(desk, task) == (None, day(days))
    entry(page, "Call").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".sk-toast", has_text="Call")).to_be_visible()
    ready(page)
    expect(cell(page, day(1))).to_contain_text("11:00")
    assert meeting.id


def test_the_menu_moves_an_entry_without_dragging(desk: Desk, calendar: Any) -> None:
    task = make(desk)
    page = calendar()
    entry(page, "Offer").hover()
    page.get_by_role("button", name="Actions for Offer").first.click()
    page.get_by_role("menuitem", name="Move to a day…").click()
    field = page.locator("#move-day-input")
    expect(field).to_be_focused()
    expect(field).to_have_value(str(day()))
    field.fill(str(day(5)))
    field.press("Enter")
    expect(page.locator(".sk-toast", has_text="moved to")).to_be_visible()
    assert days_of(desk, task) == (None, day(5))
    ready(page)
    entry(page, "Offer").click(button="right")
    page.get_by_role("menuitem", name="Take the date away").click()
    expect(page.locator("[data-tray]")).to_contain_text("Offer")
    assert days_of(desk, task) == (None, None)


def test_what_has_no_date_is_dragged_in_or_planned_by_its_menu(desk: Desk, calendar: Any) -> None:
    first, second = make(desk, "Catalogue", due_on=None), make(desk, "Survey", due_on=None)
    page = calendar()
    expect(page.locator("[data-undated-count]")).to_have_text("2")
    card = page.locator("[data-tray-card]", has_text="Catalogue")
    pull(page, grip(card), cell(page, day(1)))
    expect(page.locator(".sk-toast", has_text="planned for")).to_be_visible()
    ready(page)
    expect(page.locator("[data-undated-count]")).to_have_text("1")
    expect(cell(page, day(1))).to_contain_text("Catalogue")
    assert days_of(desk, first) == (None, day(1))
    page.locator("[data-tray] [data-entry-menu]").click()
    page.get_by_role("menuitem", name="Plan…").click()
    page.locator("#move-day-input").fill(str(day(3)))
    page.locator("#move-day-input").press("Enter")
    expect(page.locator("[data-tray-empty]")).to_be_visible()
    assert days_of(desk, second) == (None, day(3))


def test_a_day_takes_a_new_task_by_mouse_and_by_keyboard(desk: Desk, calendar: Any) -> None:
    page = calendar()
    box = box_of(cell(page, day(1)))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.8)
    field = page.locator("#quick-add-title")
    expect(field).to_be_focused()
    field.fill("Written by mouse")
    field.press("Enter")
    expect(cell(page, day(1))).to_contain_text("Written by mouse")
    page.locator(f'[data-day="{day(1)}"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f'[data-day="{day(8)}"]')).to_be_focused()
    page.keyboard.press("Enter")
    field.fill("Written by keyboard")
    field.press("Enter")
    expect(cell(page, day(8))).to_contain_text("Written by keyboard")
    expect(page.locator(f'[data-day="{day(8)}"]')).to_be_focused()
    # What is fetched while the focus moves on leaves it where it is by then.
    waiting: list[Any] = []
    page.route("**/api/v1/calendar?*", lambda route: waiting.append(route))
    make(desk, "From elsewhere", due_on=day(2))
    page.evaluate("document.dispatchEvent(new CustomEvent('list:changed'))")
    expect(page.locator("[data-cal-body]")).to_have_attribute("aria-busy", "true")
    page.keyboard.press("ArrowDown")
    for one in waiting:
        one.continue_()
    page.unroute("**/api/v1/calendar?*")
    expect(cell(page, day(2))).to_contain_text("From elsewhere")
    expect(page.locator(f'[data-day="{day(15)}"]')).to_be_focused()


def test_a_task_opens_in_the_drawer_and_an_activity_on_its_page(desk: Desk, calendar: Any) -> None:
    task = make(desk)
    call(desk)
    page = calendar()
    entry(page, "Offer").click()
    drawer = page.locator("#task-drawer")
    expect(drawer).to_contain_text("Offer")
    assert f"task={task.id}" in page.url
    drawer.press("Escape")
    expect(drawer).to_be_hidden()
    entry(page, "Call").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/sales/activity-log/show/"))


def test_views_periods_and_filters_live_in_the_address(desk: Desk, calendar: Any) -> None:
    make(desk, "Urgent", priority="P0")
    make(desk, "Later", priority="P3")
    call(desk)
    page = calendar()
    page.locator("[data-filter-chip=priority]").click()
    page.locator("#filter-priority").get_by_text("P0 Urgent").click()
    page.keyboard.press("Escape")
    ready(page)
    expect(entry(page, "Urgent")).to_be_visible()
    expect(page.locator("[data-cal-body] [data-entry]", has_text="Later")).to_have_count(0)
    page.locator("body").press("w")
    ready(page)
    assert "view=week" in page.url and "f=priority" in page.url
    page.reload()
    ready(page)
    expect(page.locator("[data-view=week]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-cal-body] [data-entry]")).to_have_count(1)
    page.locator("body").press("ArrowRight")
    expect(page.locator("[data-cal-body] [data-entry]")).to_have_count(0)
    assert f"date={day(7)}" in page.url
    link = page.locator("[data-mode=list]").get_attribute("href") or ""
    assert "f=priority" in link
    page.locator("body").press("t")
    page.locator("body").press("a")
    ready(page)
    assert "date=" not in page.url and "view=agenda" in page.url


def test_the_legend_switches_a_module_off_and_counts_it_still(desk: Desk, page_for: Any) -> None:
    with uow(desk.company.admin.actor):
        for module in ("sales", "marketing"):
            create_task(actor=desk.company.admin.actor, title=f"Of {module}", module=module, due_on=day())
    page = page_for(desk.company.admin, lang="en")
    page.goto(f"/tasks/calendar?date={day()}")
    ready(page)
    box = page.locator("[data-module][value=marketing]")
    box.uncheck()
    expect(page.locator("[data-cal-body] [data-entry]")).to_have_text([re.compile("Of sales")])
    expect(page.locator(".sk-callegend", has_text="Marketing")).to_contain_text("1")
    assert "module%3Ain%3Asales" in page.url or "module:in:sales" in page.url
    page.reload()
    expect(page.locator("[data-cal-body] [data-entry]")).to_have_count(1)
    expect(box).not_to_be_checked()


def test_two_people_move_the_same_task(desk: Desk, calendar: Any, watch: Watch) -> None:
    """Whoever comes second is told who was there and where it stands; nothing is lost."""
    watch.allow(409)
    task = make(desk)
    page = calendar()
    page.route("**/api/v1/calendar?**", lambda route: route.fulfill(json=held) if held else route.continue_())
    held: dict[str, Any] = {}
    held.update(
        page.evaluate("day => fetch(`/api/v1/calendar?from=${day}&to=${day}`).then((one) => one.json())", str(day()))
    )
    with uow(desk.company.admin.actor):
        reschedule_task(task.id, first=day(6), last=None, actor=desk.company.admin.actor)
    entry(page, "Offer").focus()
    page.keyboard.press("Alt+ArrowRight")
    warning = page.locator(".sk-toast", has_text="in the meantime")
    expect(warning).to_contain_text(desk.company.admin.actor.label)
    expect(warning).to_contain_text(day(6).strftime("%B %-d"))
    held.clear()
    page.locator("[data-today]").click()
    page.goto(f"/tasks/calendar?date={day()}")
    expect(cell(page, day(6))).to_contain_text("Offer")
    assert days_of(desk, task) == (None, day(6))


def test_a_colleagues_move_shows_without_reloading(desk: Desk, calendar: Any) -> None:
    task = make(desk)
    page = calendar()
    live(page)
    with uow(desk.company.admin.actor):
        reschedule_task(task.id, first=day(3), last=None, actor=desk.company.admin.actor)
    expect(cell(page, day(3))).to_contain_text("Offer")


def test_a_lost_connection_is_said_and_mended(desk: Desk, calendar: Any, watch: Watch) -> None:
    watch.problems.clear()
    task = make(desk)
    page = calendar()
    page.route("**/api/v1/calendar**", lambda route: route.fulfill(status=503, json={"message": "Away"}))
    watch.allow(503)
    pull(page, grip(entry(page, "Offer")), cell(page, day(2)))
    expect(page.locator("[data-cal-error]")).to_be_visible()
    page.unroute("**/api/v1/calendar**")
    page.locator("[data-cal-retry]").click()
    expect(page.locator("[data-cal-error]")).to_be_hidden()
    expect(cell(page, day())).to_contain_text("Offer")
    assert days_of(desk, task) == (None, day())


def test_a_week_moves_hours_and_refuses_to_give_days_a_time(desk: Desk, calendar: Any) -> None:
    make(desk)
    call(desk)
    page = calendar("&view=week")
    page.locator(".sk-calev.col", has_text="Call").scroll_into_view_if_needed()
    x, y = grip(page.locator(".sk-calev.col", has_text="Call"))
    box = box_of(page.locator(".sk-calev.col", has_text="Call"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 10, steps=3)
    page.mouse.move(x, y + box["height"], steps=10)
    page.mouse.up()
    expect(page.locator(".sk-toast", has_text="Call")).to_be_visible()
    ready(page)
    expect(page.locator(".sk-calev.col", has_text="Call")).to_contain_text("12:00")
    pull(page, grip(entry(page, "Offer")), page.locator(".sk-calev.col", has_text="Call"))
    expect(page.locator(".sk-toast", has_text="A task has days")).to_be_visible()


def test_more_than_a_day_can_show_opens_beside_it(desk: Desk, calendar: Any) -> None:
    for number in range(9):
        make(desk, f"Task {number}")
    page = calendar()
    more = cell(page, day()).locator(".sk-calmore")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sk-daypop [data-entry]")).to_have_count(9)


def test_a_phone_shows_the_agenda(desk: Desk, calendar: Any) -> None:
    task = make(desk)
    call(desk)
    page = calendar(width=390, height=844)
    rows = page.locator("[data-cal-agenda] [data-entry]")
    expect(rows).to_have_count(2)
    expect(page.locator("[data-cal-grid]")).to_be_hidden()
    assert not overflows(page)
    page.locator("[data-cal-agenda] [data-entry-menu]").first.click()
    page.get_by_role("menuitem", name="One day later").click()
    expect(page.locator(".sk-toast", has_text="Offer")).to_be_visible()
    assert days_of(desk, task) == (None, day(1))


def test_a_viewer_has_nothing_to_drag(desk: Desk, page_for: Any) -> None:
    make(desk)
    page = page_for(desk.company.viewer, lang="en")
    page.goto(f"/tasks/calendar?date={day()}")
    ready(page)
    expect(page.locator("button[data-day]")).to_have_count(0)
    entry(page, "Offer").click(button="right")
    expect(page.get_by_role("menuitem")).to_have_count(1)


def test_the_sales_calendar_adds_to_sales(desk: Desk, page_for: Any) -> None:
    page = page_for(desk.company.admin, lang="en")
    page.goto(f"/sales/activities/calendar?date={day()}")
    ready(page)
    page.locator(f'[data-day="{day(1)}"]').click()
    page.locator("#quick-add-title").fill("Of sales")
    page.locator("#quick-add-title").press("Enter")
    expect(cell(page, day(1))).to_contain_text("Of sales")
    expect(page.locator(".sk-callegend")).to_have_count(1)


def test_a_feed_is_made_shown_once_and_ended(desk: Desk, calendar: Any) -> None:
    page = calendar()
    page.locator("[data-dialog=feed]").click()
    page.get_by_role("button", name="Create the address").click()
    shown = page.locator("#feed-url")
    expect(shown).to_have_text(re.compile(r"/calendar/[\w-]{43}\.ics$"))
    path = re.sub(r"^.*(/calendar/)", r"\1", shown.inner_text())
    assert page.request.get(path).status == 200
    page.reload()
    page.locator("[data-dialog=feed]").click()
    expect(shown).to_be_hidden()
    page.get_by_role("button", name="End the address").click()
    expect(page.get_by_role("button", name="Create the address")).to_be_visible()
    assert page.request.get(path).status == 404
