"""A seller asks for an approval; the administrator gives it from the home page; the work goes on."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.queries.tasks import first_status
from app.tasks.service.approvals import decide, set_approvers
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task
from tests.journeys.conftest import Desk, live, overflows
from tests.journeys.test_gates import violations


def _plan(desk: Desk) -> tuple[Any, Any]:
    actor = desk.company.sales.actor
    with uow(actor):
        review = first_status(StatusGroup.IN_REVIEW).id
        offer = create_task(
            actor=actor, title="Sign the offer", type="approval", status_id=review, owner_id=actor.member_id
        )
        after = create_task(actor=actor, title="Send the offer", owner_id=actor.member_id)
        add_dependency(offer.id, after.id, actor=actor)
    return offer.id, after.id


def test_an_approval_is_asked_for_sent_back_given_and_frees_what_waits(desk: Desk, page_for: Any) -> None:
    """The whole way, in the drawer and on the home page, by mouse and keyboard."""
    offer, after = _plan(desk)
    admin = desk.company.admin.actor.label
    page, other = page_for(desk.company.sales, lang="en"), page_for(desk.company.admin, lang="en")
    page.goto("/tasks/list")
    live(page)
    row = page.locator("tr[data-task]", has_text="Send the offer")
    expect(row).to_contain_text("Blocked")
    page.locator("tr[data-task] a.t", has_text="Sign the offer").click()
    section = page.locator("#task-drawer stk-approval")
    expect(section).to_contain_text("Nobody is asked")
    section.get_by_role("button", name="Choose the approvers").click()
    page.locator("#approvers-menu").get_by_label(admin).check()
    page.locator("#approvers-menu").get_by_role("button", name="Ask").click()
    expect(section.locator("li")).to_contain_text(admin)
    expect(section.locator("li")).to_contain_text("Waiting")
    assert violations(page) == []

    other.goto("/")
    card = other.locator("[data-approval]", has_text="Sign the offer")
    card.get_by_role("button", name="Ask for changes").click()
    popover = other.locator(f"#changes-{offer}")
    popover.get_by_label("What should change?").fill("The discount is missing")
    assert violations(other) == []
    popover.get_by_role("button", name="Ask for changes").press("Enter")
    expect(card).to_have_class("sk-li sk-toapprove done")
    expect(section).to_contain_text("The discount is missing")
    expect(section).to_contain_text("Changes requested")
    expect(page.locator("#task-drawer stk-talk")).to_contain_text("The discount is missing")
    section.get_by_role("button", name="Ask again").press("Enter")
    expect(section.locator("details summary")).to_contain_text("1 earlier round")

    other.reload()
    card = other.locator("[data-approval]", has_text="Sign the offer")
    card.get_by_role("button", name="Approve").press("Enter")
    expect(card).to_have_class("sk-li sk-toapprove done")
    expect(section.locator("h3")).to_contain_text("Approved")
    expect(row).not_to_contain_text("Blocked")
    other.reload()
    expect(other.locator("[data-approval]")).to_have_count(0)
    page.goto(f"/tasks/{after}")
    expect(page.locator("dl").first).not_to_contain_text("Blocked")


def test_an_answer_is_given_on_the_page_of_the_task_on_a_phone(desk: Desk, page_for: Any) -> None:
    """What was typed stays when somebody else's news draw the section anew."""
    offer, _after = _plan(desk)
    actor = desk.company.sales.actor
    with uow(actor):
        set_approvers(offer, actor=actor, members=[desk.company.viewer.member_id, desk.company.admin.member_id])
    page = page_for(desk.company.viewer, 390, 844, "light", "en")
    page.goto(f"/tasks/{offer}")
    live(page)
    section = page.locator("stk-approval")
    section.get_by_label("Comment on your answer").fill("Fine with me")
    with uow(desk.company.admin.actor):
        decide(offer, "approved", actor=desk.company.admin.actor)
    expect(section.locator("li").first).to_contain_text("Approved")
    expect(section.get_by_label("Comment on your answer")).to_have_value("Fine with me")
    assert violations(page) == [] and not overflows(page)
    section.get_by_role("button", name="Approve", exact=True).click()
    expect(section.locator("h2")).to_contain_text("Approved")
    expect(section.locator("[data-decide]")).to_have_count(0)
    expect(section).to_contain_text("Fine with me")
