"""The pipeline board: mouse, keyboard and menu make the same move, and other people's boards follow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.sales.service.opportunities.stages import move_opportunity
from tests.journeys.conftest import Desk, Watch, box_of, live, overflows

BOARD = "/sales/pipeline"


def column(page: Page, desk: Desk, index: int) -> Locator:
    """The n-th column."""
    return page.locator(f"[data-column='{desk.stages[index][0]}']")


def titles(one: Locator) -> list[str]:
    """The cards of a column, from the top."""
    return one.locator("[data-card] h3").all_inner_texts()


def card(page: Page, title: str) -> Locator:
    """A deal's card."""
    return page.locator(f"[data-card][data-title='{title}']")


def figure(one: Locator, name: str) -> int:
    """A number of a column's header, without its typography."""
    return int(re.sub(r"\D", "", one.locator(f"[{name}]").inner_text()) or "0")


def drag(page: Page, what: Locator, to: Locator, *, at: float = 0.5) -> None:
    """Drags with the mouse, in steps as a hand does, and drops at a share of the target's height."""
    start, end = box_of(what), box_of(to)
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 75, start["y"] + 48, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] * at, steps=12)
    page.mouse.move(end["x"] + end["width"] / 2 + 2, end["y"] + end["height"] * at, steps=2)
    page.mouse.up()


@pytest.fixture
def board(desk: Desk, page_for: Any) -> Any:
    """board() -> the seller's page with three deals: Alpha above Beta in the first column, Gamma in the second."""
    desk.deal("Gamma", 4000, 1)
    desk.deal("Beta", 2000)
    desk.deal("Alpha", 1000)

    def make(**kwargs: Any) -> Page:
        page = page_for(desk.company.sales, **{"lang": "en", **kwargs})
        page.goto(BOARD)
        live(page)
        return page

    return make


def test_a_card_dragged_to_another_column_changes_its_numbers_and_stays(board: Any, desk: Desk) -> None:
    """Count, sum and weighted sum follow the drop; a reload shows the same."""
    page = board()
    first, second = column(page, desk, 0), column(page, desk, 1)
    weighted = figure(second, "data-weighted-sum")
    drag(page, card(page, "Alpha"), second.locator("[data-cards]"))
    expect(second.locator("[data-count]")).to_have_text("2")
    expect(first.locator("[data-count]")).to_have_text("1")
    assert figure(second, "data-sum") == 5000
    assert figure(first, "data-sum") == 2000
    assert figure(second, "data-weighted-sum") > weighted
    expect(page.locator("[data-announce]")).to_contain_text("Alpha")
    page.reload()
    assert "Alpha" in titles(column(page, desk, 1))
    assert figure(column(page, desk, 1), "data-sum") == 5000


def test_cards_change_places_inside_a_column(board: Any, desk: Desk) -> None:
    """The order of one's own is kept."""
    page = board()
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]
    with page.expect_response(lambda answer: answer.url.split("?")[0].endswith("/move")):
        drag(page, card(page, "Alpha"), card(page, "Beta"), at=0.8)
    page.reload()
    assert titles(column(page, desk, 0)) == ["Beta", "Alpha"]


def test_the_keyboard_lifts_moves_and_drops(board: Any, desk: Desk) -> None:
    """Space, arrows, Space; the live region tells where the card is."""
    page = board()
    said = page.locator("[data-announce]")
    card(page, "Alpha").focus()
    page.keyboard.press("Space")
    expect(said).to_contain_text("Alpha lifted")
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text(f"Column {desk.stages[0][1]}, position 2 of 2")
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text(f"Column {desk.stages[1][1]}, position 1 of 2")
    page.keyboard.press("Space")
    expect(said).to_contain_text(f"moved to {desk.stages[1][1]}")
    expect(card(page, "Alpha")).to_be_focused()
    page.reload()
    assert titles(column(page, desk, 1)) == ["Alpha", "Gamma"]


def test_escape_takes_a_lifted_card_back(board: Any, desk: Desk) -> None:
    """Nothing is sent, and the card is where it was."""
    page = board()
    card(page, "Beta").focus()
    for key in ("Space", "ArrowRight", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]
    expect(page.locator("[data-announce]")).to_have_text("Back where it was.")
    page.reload()
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]


def test_escape_takes_a_dragged_card_back(board: Any, desk: Desk) -> None:
    """Also with the mouse still down over another column; the next drag works as ever."""
    page = board()
    start, end = box_of(card(page, "Alpha")), box_of(column(page, desk, 1))
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 75, start["y"] + 48, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    expect(column(page, desk, 1).locator("[data-card][data-title='Alpha']")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("[data-announce]")).to_have_text("Back where it was.")
    page.mouse.up()
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]
    # A card that is still gliding back cannot be taken; it takes a seventh of a second.
    page.wait_for_function("title => !document.querySelector(title).animated", arg="[data-card][data-title='Alpha']")
    drag(page, card(page, "Alpha"), column(page, desk, 1))
    expect(column(page, desk, 0).locator("[data-count]")).to_have_text("1")


def test_alt_with_an_arrow_moves_at_once_and_can_be_undone(board: Any, desk: Desk) -> None:
    """Alt+right, then Ctrl+Z; then again, and the button of the toast."""
    page = board()
    card(page, "Alpha").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(column(page, desk, 1).locator("[data-count]")).to_have_text("2")
    page.keyboard.press("Control+z")
    expect(column(page, desk, 0).locator("[data-count]")).to_have_text("2")
    expect(card(page, "Alpha")).to_have_count(1)
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]
    card(page, "Alpha").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(column(page, desk, 1).locator("[data-count]")).to_have_text("2")
    page.locator(".sk-toast .btns button").last.click()
    expect(column(page, desk, 0).locator("[data-count]")).to_have_text("2")
    page.reload()
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]


def test_the_menu_moves_a_card(board: Any, desk: Desk) -> None:
    """Without dragging: the card's menu names the stages."""
    page = board()
    card(page, "Beta").hover()
    card(page, "Beta").locator("[data-card-menu]").click()
    menu = page.locator("#card-menu")
    expect(menu.locator(f"[data-move='{desk.stages[0][0]}']")).to_be_disabled()
    menu.locator(f"[data-move='{desk.stages[2][0]}']").click()
    expect(column(page, desk, 2).locator("[data-count]")).to_have_text("1")
    expect(menu).to_be_hidden()
    page.reload()
    assert titles(column(page, desk, 2)) == ["Beta"]


def test_a_card_dropped_on_won_asks_and_closes(board: Any, desk: Desk) -> None:
    """The zones show while dragging; the dialog holds the amount; Undo opens the deal again."""
    page = board()
    expect(page.locator("[data-zones]")).to_be_hidden()
    start = box_of(card(page, "Alpha"))
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 80, start["y"] + 60, steps=4)
    zone = page.locator("[data-zone=won]")
    expect(zone).to_be_visible()
    box = box_of(zone)
    # At once, over no other card: the next click is on the dialog's button, and must count.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.up()
    dialog = page.locator("#won-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("[data-deal-title]")).to_have_text("Alpha")
    expect(dialog.locator("#won-amount")).to_have_value("1000.00")
    dialog.locator("[type=submit]").click()
    expect(card(page, "Alpha")).to_have_count(0)
    expect(column(page, desk, 0).locator("[data-count]")).to_have_text("1")
    page.locator(".sk-toast .btns button").last.click()
    expect(card(page, "Alpha")).to_have_count(1)
    expect(column(page, desk, 0).locator("[data-count]")).to_have_text("2")


def test_losing_a_deal_needs_a_reason(board: Any, desk: Desk) -> None:
    """The dialog does not close before one is chosen."""
    page = board()
    card(page, "Beta").hover()
    card(page, "Beta").locator("[data-card-menu]").click()
    page.locator("#card-menu [data-act=lost]").click()
    dialog = page.locator("#lost-dialog")
    dialog.locator("[type=submit]").click()
    expect(dialog).to_be_visible()
    assert dialog.locator("#lost-reason").evaluate("one => !one.validity.valid")
    dialog.locator("#lost-reason").select_option(index=1)
    dialog.locator("#lost-competitor").fill("Telai Nord")
    dialog.locator("[type=submit]").click()
    expect(card(page, "Beta")).to_have_count(0)
    page.reload()
    expect(card(page, "Beta")).to_have_count(0)


def test_quick_add_makes_a_deal_and_waits_for_the_next(board: Any, desk: Desk) -> None:
    """Title and amount, Enter; the field is empty and ready again; Escape leaves."""
    page = board()
    third = column(page, desk, 2)
    third.locator("[data-quick-add]").click()
    page.keyboard.type("Delta")
    page.keyboard.press("Tab")
    page.keyboard.type("1.500")
    page.keyboard.press("Enter")
    expect(third.locator("[data-count]")).to_have_text("1")
    expect(third.locator(".sk-quick [name=title]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".sk-quick")).to_have_count(0)
    expect(third.locator("[data-quick-add]")).to_be_focused()
    page.reload()
    assert titles(column(page, desk, 2)) == ["Delta"]


def test_a_long_column_shows_the_rest_on_demand(desk: Desk, page_for: Any) -> None:
    """Fifty cards first, then the others, each once."""
    for number in range(53):
        desk.deal(f"Deal {number}")
    page = page_for(desk.company.sales, lang="en")
    page.goto(BOARD)
    first = column(page, desk, 0)
    expect(first.locator("[data-card]")).to_have_count(50)
    first.locator("[data-more]").click()
    expect(first.locator("[data-card]")).to_have_count(53)
    expect(first.locator("[data-more]")).to_be_hidden()
    assert len(set(titles(first))) == 53


def test_a_colleagues_board_follows(board: Any, desk: Desk, page_for: Any) -> None:
    """A move on one page is on the other within two seconds, with its numbers."""
    page = board()
    other = page_for(desk.company.admin, lang="en")
    other.goto(BOARD)
    live(other)
    card(page, "Alpha").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(column(other, desk, 1).locator("[data-card][data-title=Alpha]")).to_be_visible(timeout=2000)
    expect(column(other, desk, 1).locator("[data-count]")).to_have_text("2")
    expect(column(other, desk, 0).locator("[data-count]")).to_have_text("1")
    expect(card(other, "Alpha")).to_have_count(1)
    expect(card(page, "Alpha")).to_have_count(1)


def test_a_colleagues_order_follows_and_filters_hold(board: Any, desk: Desk, page_for: Any) -> None:
    """A card put lower in its column is lower on the other page; a board filtered to Beta shows no Alpha."""
    page = board()
    other, filtered = page_for(desk.company.admin, lang="en"), page_for(desk.company.admin, lang="en")
    other.goto(BOARD)
    live(other)
    filtered.goto(f"{BOARD}?q=Beta")
    live(filtered)
    seen = card(page, "Alpha").get_attribute("data-version")
    drag(page, card(page, "Alpha"), card(page, "Beta"), at=0.8)
    expect(column(other, desk, 0).locator("[data-card]").first).to_have_attribute("data-title", "Beta", timeout=2000)
    assert titles(column(other, desk, 0)) == ["Beta", "Alpha"]
    # The colleague may hear of it before the one who moved it has the answer.
    expect(card(page, "Alpha")).not_to_have_attribute("data-version", seen or "")
    card(page, "Alpha").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(column(other, desk, 1).locator("[data-title=Alpha]")).to_be_visible(timeout=2000)
    expect(card(filtered, "Alpha")).to_have_count(0)
    expect(column(filtered, desk, 0).locator("[data-count]")).to_have_text("1")


def test_a_lost_race_is_explained(board: Any, desk: Desk, watch: Watch) -> None:
    """The card was moved by somebody else while this page did not hear of it: it goes where it is."""
    watch.allow(409)
    page = board()
    page.evaluate("document.querySelector('[data-title=Alpha]').dataset.version = 0")
    deal = card(page, "Alpha").get_attribute("data-card")
    card(page, "Alpha").focus()
    page.keyboard.press("Space")
    with uow(desk.company.admin.actor):
        move_opportunity(parse_id(deal), actor=desk.company.admin.actor, stage_id=parse_id(desk.stages[2][0]))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    toast = page.locator(".sk-toast")
    expect(toast).to_contain_text("stays where it was")
    expect(toast).to_contain_text("Somebody else changed this deal")
    expect(column(page, desk, 2).locator("[data-card][data-title=Alpha]")).to_be_visible()
    expect(card(page, "Alpha")).to_have_count(1)
    expect(column(page, desk, 2).locator("[data-count]")).to_have_text("1")
    expect(column(page, desk, 0).locator("[data-count]")).to_have_text("1")


def test_a_viewer_only_looks(board: Any, desk: Desk, page_for: Any) -> None:
    """No button that writes, and dragging or Alt+arrow does nothing."""
    page = page_for(desk.company.viewer, lang="en")
    page.goto(BOARD)
    for selector in ("[data-card-menu]", "[data-quick-add]", "[data-zones]", "a[href='/sales/opportunities/add']"):
        expect(page.locator(selector)).to_have_count(0)
    drag(page, card(page, "Alpha"), column(page, desk, 1).locator("[data-cards]"))
    page.goto(BOARD)
    card(page, "Alpha").focus()
    page.keyboard.press("Alt+ArrowRight")
    assert titles(column(page, desk, 0)) == ["Alpha", "Beta"]


def test_the_phone_layout(board: Any, desk: Desk) -> None:
    """Columns snap sideways inside the board, the page does not; the main action is at the bottom."""
    page = board(width=390, height=844)
    assert not overflows(page)
    assert page.locator("[data-board]").evaluate("one => one.scrollWidth > one.clientWidth")
    expect(page.locator(".sk-bottom a")).to_be_visible()
    menu = card(page, "Alpha").locator("[data-card-menu]")
    menu.click()
    page.locator(f"#card-menu [data-move='{desk.stages[1][0]}']").click()
    expect(column(page, desk, 1).locator("[data-count]")).to_have_text("2")


def test_filters_of_the_board_are_links(board: Any, desk: Desk) -> None:
    """Mine on and off again, and a search, keep the rest of the address."""
    desk.deal("Omega", 500, owner_id=desk.company.admin.member_id)
    page = board()
    expect(card(page, "Omega")).to_have_count(1)
    mine = page.locator("a.sk-chip", has_text="Mine")
    mine.click()
    expect(card(page, "Omega")).to_have_count(0)
    expect(card(page, "Alpha")).to_have_count(1)
    page.locator("[data-list-search]").fill("Beta")
    page.keyboard.press("Enter")
    expect(card(page, "Alpha")).to_have_count(0)
    expect(card(page, "Beta")).to_have_count(1)
    page.locator("a.sk-chip", has_text="Mine").click()
    assert "owner" not in page.url
    assert "q=Beta" in page.url
