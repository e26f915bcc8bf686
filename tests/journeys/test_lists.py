"""Generated lists: search, filters, columns, sorting, pages, selection, saved views, keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Desk

ACCOUNTS = "/sales/accounts/"
NAMES = ["Adige Pompe", "Bellombra", "Cardano Filati", "Duomo Vetri", "Este Ceramiche"]


@pytest.fixture
def accounts(desk: Desk, page_for: Any) -> Any:
    """accounts() -> the administrator's list with five companies."""
    for number, name in enumerate(NAMES):
        desk.record("account", name=name, industry="Textile" if number % 2 else "Glass")

    def make(path: str = ACCOUNTS, **kwargs: Any) -> Page:
        page = page_for(desk.company.admin, **{"lang": "en", **kwargs})
        page.goto(path)
        return page

    return make


def shows(page: Page, names: list[str]) -> None:
    """The first column, from the top."""
    expect(page.locator("[data-list] tbody a.t > .clip")).to_have_text(names)


def headers(page: Page) -> list[str]:
    """The columns, from the left."""
    return [one.strip() for one in page.locator("[data-list] thead th").all_inner_texts()][1:]


def test_search_and_its_empty_state(accounts: Any) -> None:
    """Every word counts; nothing found offers to remove the filters."""
    page = accounts()
    page.keyboard.press("/")
    expect(page.locator("[data-list-search]")).to_be_focused()
    page.keyboard.type("vetri")
    page.keyboard.press("Enter")
    shows(page, ["Duomo Vetri"])
    page.locator("[data-list-search]").fill("nobody at all")
    page.keyboard.press("Enter")
    expect(page.locator(".sk-empty")).to_be_visible()
    page.locator(".sk-empty a").click()
    shows(page, NAMES)


def test_the_filter_builder_and_its_chips(accounts: Any) -> None:
    """Field, condition, value; each chip can be taken away."""
    page = accounts()
    page.locator("[data-dialog=add-filter]").click()
    dialog = page.locator("#add-filter")
    dialog.locator("[data-filter-field]").select_option("industry")
    dialog.locator("[data-filter-operator]").select_option(index=0)
    dialog.locator("[data-filter-control] input").fill("Textile")
    dialog.locator("[type=submit]").click()
    shows(page, ["Bellombra", "Duomo Vetri"])
    page.locator("[data-dialog=add-filter]").click()
    dialog.locator("[data-filter-field]").last.select_option("owner")
    dialog.locator("[data-filter-operator]").last.select_option("empty")
    expect(dialog.locator("[data-filter-control] input")).to_have_count(1)
    dialog.locator("[type=submit]").click()
    chips = page.locator(".sk-chip:has(a.x)")
    expect(chips).to_have_count(2)
    shows(page, ["Bellombra", "Duomo Vetri"])
    chips.first.locator("a.x").click()
    expect(chips).to_have_count(1)
    shows(page, NAMES)


def test_columns_are_chosen_and_ordered_by_keyboard(accounts: Any) -> None:
    """Alt+arrows move a column, the box hides it; the default comes back."""
    page = accounts()
    before = headers(page)
    page.locator("[popovertarget=columns-menu]").click()
    menu = page.locator("#columns-menu")
    boxes = menu.locator("input[type=checkbox]")
    first, second = boxes.nth(0).get_attribute("value"), boxes.nth(1).get_attribute("value")
    tops = [box["y"] for one in boxes.all()[:4] if (box := one.bounding_box())]
    assert tops == sorted(set(tops)), "the columns stand one below the other"
    boxes.nth(0).focus()
    page.keyboard.press("Alt+ArrowDown")
    assert [boxes.nth(0).get_attribute("value"), boxes.nth(1).get_attribute("value")] == [second, first]
    expect(menu.locator(f"input[value='{first}']")).to_be_focused()
    boxes.nth(2).uncheck()
    with page.expect_navigation():
        menu.locator("button[type=submit]").click()
    assert headers(page) == [before[0], before[2], before[1], *before[4:]]
    page.locator("[popovertarget=columns-menu]").click()
    with page.expect_navigation():
        menu.locator("a").click()
    assert headers(page) == before


def test_sorting(accounts: Any) -> None:
    """A header sorts, a second time the other way; the table says which."""
    page = accounts()
    name = page.locator("[data-list] thead th").nth(1)
    expect(name).to_have_attribute("aria-sort", "ascending")
    name.locator("a").click()
    expect(name).to_have_attribute("aria-sort", "descending")
    shows(page, NAMES[::-1])


def test_pages_and_their_size(desk: Desk, page_for: Any) -> None:
    """25 a page, or more."""
    for number in range(30):
        desk.record("account", name=f"Company {number:02}")
    page = page_for(desk.company.admin, lang="en")
    page.goto(ACCOUNTS)
    expect(page.locator("tbody tr")).to_have_count(25)
    page.locator("[rel=next]").click()
    expect(page.locator("tbody a.t > .clip").first).to_have_text("Company 25")
    expect(page.locator(".sk-pager [aria-current=page]")).to_have_text("2")
    page.locator("select[name=size]").select_option("50")
    expect(page.locator("tbody tr")).to_have_count(30)


def test_a_range_is_selected_and_given_to_an_owner(accounts: Any, desk: Desk) -> None:
    """Shift selects what lies between; the bar counts; the owner is looked up on the server."""
    page = accounts()
    boxes = page.locator("tbody .sk-check")
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    boxes.nth(1).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(bar.locator("[data-selected]")).to_have_text("3")
    assert page.locator("[data-select-all]").evaluate("one => one.classList.contains('mixed')")
    bar.locator("[data-dialog=bulk-owner]").click()
    box = page.locator("#bulk-value-owner")
    box.fill("Sam")
    option = page.locator("#bulk-value-owner-list [role=option]")
    expect(option).to_have_count(1)
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("Sam Seller")
    page.locator("[data-bulk-apply=owner]").click()
    expect(page.locator(".sk-toast")).to_contain_text("3 records changed")
    expect(page.locator("tbody tr", has_text="Sam Seller")).to_have_count(3)


def test_selected_rows_are_deleted_after_a_question(accounts: Any) -> None:
    """Cancel keeps them, Confirm deletes them."""
    page = accounts()
    page.locator("[data-select-all]").click()
    delete = page.locator("#bulk [data-confirm]")
    delete.click()
    page.locator("#confirm [data-close]").last.click()
    shows(page, NAMES)
    delete.click()
    page.locator("#confirm [data-confirm-ok]").click()
    expect(page.locator(".sk-toast")).to_contain_text("5 records")
    expect(page.locator(".sk-empty")).to_be_visible()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_export_holds_what_is_shown(accounts: Any, kind: str) -> None:
    """The filtered rows, as a file."""
    page = accounts(f"{ACCOUNTS}?q=vetri")
    page.locator("[popovertarget=export-menu]").click()
    with page.expect_download() as waiting:
        page.locator(f"#export-menu a[href*='/{kind}']").click()
    assert waiting.value.suggested_filename.endswith(f".{kind}")
    content = Path(waiting.value.path()).read_bytes()
    if kind == "csv":
        assert b"Duomo Vetri" in content
        assert b"Bellombra" not in content
    else:
        assert content.startswith(b"PK")


def test_views_are_saved_opened_first_and_deleted(accounts: Any) -> None:
    """A tab of one's own with its search; changed ones say so."""
    page = accounts(f"{ACCOUNTS}?q=vetri")
    page.locator("[data-dialog=save-view]").click()
    dialog = page.locator("#save-view")
    dialog.locator("#view-name").fill("Glass only")
    dialog.locator("[name=is_default]").check()
    dialog.locator("[type=submit]").click()
    tab = page.locator(".sk-views a", has_text="Glass only")
    expect(tab).to_have_attribute("aria-current", "true")
    page.goto(ACCOUNTS)
    expect(tab).to_have_attribute("aria-current", "true")
    shows(page, ["Duomo Vetri"])
    page.locator("[data-list] th a").first.click()
    expect(tab).to_contain_text("view changed")
    page.locator("[data-dialog=edit-view]").click()
    page.locator("#edit-view [data-variant=danger]").click()
    page.locator("#confirm [data-confirm-ok]").click()
    expect(tab).to_have_count(0)
    shows(page, NAMES)


def test_row_height_is_remembered(accounts: Any) -> None:
    """Dense rows stay dense after a reload."""
    page = accounts()
    tall = page.locator("tbody tr").first.bounding_box()
    page.locator("[data-density]").click()
    page.reload()
    low = page.locator("tbody tr").first.bounding_box()
    assert tall is not None
    assert low is not None
    assert low["height"] < tall["height"]


def test_rows_by_keyboard(accounts: Any) -> None:
    """j and k go through the rows, x selects, Enter opens; with Ctrl they mean something else."""
    page = accounts()
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    expect(page.locator("tbody a.t").nth(1)).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-selected]")).to_have_text("1")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("tbody a.t").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Bellombra")


def test_an_empty_list_says_what_to_do(desk: Desk, page_for: Any) -> None:
    """Who may write is offered the first record and the import; a viewer is not."""
    page = page_for(desk.company.admin, lang="en")
    page.goto(ACCOUNTS)
    expect(page.locator(".sk-empty .btns a")).to_have_count(2)
    looking = page_for(desk.company.viewer, lang="en")
    looking.goto(ACCOUNTS)
    expect(looking.locator(".sk-empty")).to_be_visible()
    expect(looking.locator(".sk-empty .btns a")).to_have_count(0)
