"""Two people talk about a task and a deal in the browser."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from app.collaboration.service.comments import add_comment
from app.kernel.uow import uow
from app.tasks.queries.tasks import get_task
from app.tasks.service.tasks import announce, update_task
from tests.journeys.conftest import Desk, Watch, live, overflows
from tests.journeys.test_tasks import make


def test_a_colleague_is_named_answers_and_reacts(desk: Desk, page_for: Any) -> None:
    """Mention by completion, answer, emoji, resolve; the other's page follows without a reload."""
    task = make(desk, "Call the bakery")
    admin = desk.company.admin.actor.label
    page, other = page_for(desk.company.sales, lang="en"), page_for(desk.company.admin, lang="en")
    page.goto(f"/tasks/list?task={task.id}")
    live(page)
    other.goto(f"/tasks/{task.id}")
    live(other)
    area = page.locator("#task-drawer [data-dock] textarea")
    area.click()
    page.keyboard.type(f"Ready, @{admin[:3].lower()}")
    expect(page.locator(".sk-suggest [role=option]").first).to_contain_text(admin)
    with (
        page.expect_response("**/panel"),
        uow(desk.company.admin.actor),
    ):  # a change by the other leaves the choice open
        update_task(get_task(task.id), actor=desk.company.admin.actor, title="Call the bakery today")
        announce(get_task(task.id), "updated")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(area).to_have_value(f"Ready, @{admin} ")
    expect(page.locator("#task-drawer")).to_contain_text("Call the bakery today")
    page.keyboard.type("**look**")
    page.keyboard.press("Control+Enter")
    comment = page.locator("#task-drawer [data-comment]")
    expect(comment.locator(".sk-at")).to_have_text(f"@{admin}")
    expect(comment.locator("strong")).to_have_text("look")
    expect(area).to_have_value("")
    theirs = other.locator("[data-comment]")
    expect(theirs).to_contain_text("Ready")
    theirs.locator("[data-reply]").click()
    other.keyboard.type("On it")
    other.keyboard.press("Control+Enter")
    expect(comment.nth(1)).to_contain_text("On it")
    theirs.first.locator("[data-react-add]").click()
    picker = other.locator("emoji-picker")
    picker.locator("input[type=search]").fill("thumb")
    picker.locator(".tabpanel .emoji-menu .emoji").first.click()
    expect(comment.first.locator("[data-react]")).to_contain_text("1")
    comment.first.locator("[data-react]").click()
    expect(theirs.first.locator("[data-react]")).to_contain_text("2")
    comment.first.locator("header [popovertarget]").click()
    page.locator("[data-resolve=yes]").first.click()
    expect(other.locator("details.sk-resolved > summary")).to_contain_text("Resolved by")
    # An address leads to a comment in a closed fold of a drawer, and leaves the page around the drawer where it is.
    other.set_viewport_size({"width": 1440, "height": 500})
    other.goto(f"/tasks/list?task={task.id}#{comment.first.get_attribute('id')}")
    expect(other.locator("#task-drawer [data-comment]").first).to_be_focused()
    assert other.evaluate("document.querySelector('#main').scrollTop") == 0


def test_what_was_typed_survives_a_reload_and_a_refusal(desk: Desk, page_for: Any, watch: Watch) -> None:
    """A draft stays on the device; a lost connection keeps the text and says so."""
    task = make(desk, "Call the bakery")
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/{task.id}")
    area = page.locator("[data-dock] textarea")
    area.fill("Half a thought")
    page.reload()
    expect(area).to_have_value("Half a thought")
    page.route("**/api/v1/comments/", lambda route: route.abort())
    watch.problems.clear()
    page.locator("[data-dock] [data-send]").click()
    expect(page.locator("[data-dock] [data-problem]")).to_contain_text("connection is lost")
    expect(area).to_have_value("Half a thought")
    page.unroute("**/api/v1/comments/")
    watch.problems.clear()
    page.locator("[data-dock] [data-send]").click()
    expect(page.locator("[data-comment]")).to_contain_text("Half a thought")


def test_a_file_is_attached_and_a_forbidden_one_says_why(desk: Desk, page_for: Any, watch: Watch) -> None:
    watch.allow(422)
    task = make(desk, "Call the bakery")
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/{task.id}")
    files = page.locator("[data-dock] [data-files]")
    files.set_input_files({"name": "virus.exe", "mimeType": "application/octet-stream", "buffer": b"MZ" + b"\0" * 90})
    expect(page.locator("[data-dock] .sk-file")).to_contain_text("cannot be attached")
    page.locator("[data-dock] .sk-file button").first.click()
    files.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(page.locator("[data-dock] .sk-file.done")).to_contain_text("notes.txt")
    page.locator("[data-dock] [data-send]").click()
    expect(page.locator("[data-comment] .sk-file")).to_contain_text("notes.txt")


def test_a_comment_is_edited_deleted_and_taken_back(desk: Desk, page_for: Any) -> None:
    task = make(desk, "Call the bakery")
    actor = desk.company.sales.actor
    with uow(actor):
        add_comment("task", task.id, "Teh price", actor=actor)
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/tasks/{task.id}")
    live(page)
    comment = page.locator("[data-comment]", has_text="price")
    comment.locator("header [popovertarget]").click()
    page.locator("[data-edit-comment]").click()
    field = comment.locator("[data-compose] textarea")
    expect(field).to_have_value("Teh price")
    field.fill("The price")
    with uow(desk.company.admin.actor):  # what is being written stays open over news from others
        add_comment("task", task.id, "Which one?", actor=desk.company.admin.actor)
    expect(page.locator("[data-comment]")).to_have_count(2)
    expect(field).to_have_value("The price")
    expect(field).to_be_focused()
    field.press("Control+Enter")
    expect(comment).to_contain_text("edited")
    comment.locator("[data-history]").click()
    expect(page.locator("dialog[open]")).to_contain_text("Teh price")
    page.keyboard.press("Escape")
    comment.locator("header [popovertarget]").click()
    page.locator("[data-delete-comment]").click()
    expect(comment).to_have_count(0)
    page.locator(".sk-toasts").get_by_text("Undo").click()
    expect(comment).to_contain_text("The price")


def test_a_permalink_opens_the_tab_and_a_link_shows_on_both_sides(desk: Desk, page_for: Any) -> None:
    task = make(desk, "Call the bakery")
    actor = desk.company.sales.actor
    deal = desk.deal("Ovens")
    with uow(actor):
        said = add_comment("opportunity", deal, "About the deal", actor=actor)
    page = page_for(desk.company.sales, lang="en")
    page.goto(f"/comments/go/{said.id}")
    expect(page.locator(f"#comment-{said.id}")).to_be_visible()
    expect(page.locator(f"#comment-{said.id}")).to_be_focused()
    page.locator("#tab-details").click()
    page.locator("[data-add-link]").click()
    page.keyboard.type("bakery")
    page.locator("[data-hit]").first.click()
    expect(page.locator("stk-links a")).to_contain_text("Call the bakery")
    page.locator("stk-links a").click()
    expect(page).to_have_url(re.compile(f"/tasks/{task.id}"))
    expect(page.locator("stk-links a")).to_have_count(1)
    page.locator("[data-unlink]").click()
    expect(page.locator("stk-links a")).to_have_count(0)


def test_comments_fit_a_phone(desk: Desk, page_for: Any) -> None:
    task = make(desk, "Call the bakery")
    actor = desk.company.sales.actor
    with uow(actor):
        add_comment("task", task.id, "A-very-long-word-" * 12 + "\n\n|a|b|\n|-|-|\n|1|2|", actor=actor, internal=True)
    page = page_for(desk.company.sales, width=390, height=844)
    for url in (f"/tasks/{task.id}", f"/tasks/list?task={task.id}"):
        page.goto(url)
        expect(page.locator("[data-comment]")).to_be_visible()
        assert not overflows(page), url
