"""People: invitation, roles, several organizations, theme and language, palette, sign-out."""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import expect

from app.kernel.db import db
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import Role
from app.tenancy.service import organizations
from tests import cast
from tests.journeys.conftest import Desk, Watch, live, sign_in_by_form


def link_in_mail(app: Flask, address: str) -> str:
    """The path of the link in the newest mail to the address."""
    for file in sorted(Path(app.config["MAIL_FOLDER"]).glob("*.eml"), reverse=True):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if address in str(mail["To"]):
            body = mail.get_body(("plain",))
            assert body is not None
            found = re.search(r"https?://\S+", body.get_content())
            assert found, body.get_content()
            return urlsplit(found.group(0)).path
    raise AssertionError(f"no mail to {address}")


def test_an_invited_colleague_gets_in_and_gets_a_role(
    app: Flask, company: cast.Company, page_for: Any, new_context: Any, run_jobs: Any
) -> None:
    """Invitation, mail, account, first page; then a role made in the matrix changes the menu."""
    admin = page_for(company.admin, lang="en")
    address = f"nina@{company.slug}.example"
    admin.goto("/users/list/")
    admin.locator(".sk-head [data-dialog=invite]").click()
    admin.locator("#invite-emails").fill(address)
    admin.locator("#invite-role").select_option(label="Viewer")
    admin.locator("#invite [type=submit]").click()
    expect(admin.locator("main")).to_contain_text(address)
    run_jobs()

    nina = new_context(lang="en").new_page()
    nina.goto(link_in_mail(app, address))
    nina.locator("#f-first_name").fill("Nina")
    nina.locator("#f-last_name").fill("Nuova")
    nina.locator("#f-password").fill("a-long-password-of-nina")
    nina.locator("button[type=submit]:not([name])").last.click()
    expect(nina.locator(".sk-org")).to_contain_text("Own")
    nina.goto("/")
    expect(nina.locator(".sk-nav")).not_to_contain_text("Import")

    admin.goto("/roles/list/")
    admin.locator(".sk-head [data-dialog=new-role]").click()
    admin.locator("#role-name").fill("Auditor")
    admin.locator("#new-role [type=submit]").click()
    expect(admin.locator(".sk-rolehead h2")).to_have_text("Auditor")
    cell = admin.locator("[data-permission^='read audit']")
    admin.locator("[data-matrix-search]").fill("audit")
    expect(admin.locator("[data-row]:visible")).to_have_count(1)
    cell.click()
    admin.locator("#scope-list [data-value=all]").click()
    admin.locator("[data-savebar] [data-matrix-save]").click()
    expect(admin.locator("[data-savebar]")).to_be_hidden()
    admin.reload()
    expect(cell).to_have_attribute("data-scope", "all")

    admin.goto("/users/list/")
    row = admin.locator("tr", has_text="Nina Nuova")
    row.locator("[popovertarget^=roles-]").click()
    menu = admin.locator("form[id^=roles-]:popover-open")
    menu.get_by_label("Auditor").check()
    menu.locator("[type=submit]").click()
    expect(row).to_contain_text("Auditor")

    expect(nina.locator("a[href^='/settings/audit']")).to_have_count(0)
    nina.reload()
    expect(nina.locator("a[href^='/settings/audit']")).to_have_count(1)
    nina.goto("/settings/audit")
    expect(nina.locator("h1")).to_be_visible()


def test_two_organizations_are_two_worlds(app: Flask, desk: Desk, page_for: Any) -> None:
    """Switching changes menu and records; the other organization's stay out of sight."""
    person = desk.company.sales
    desk.record("account", name="Seen in the first")
    with platform_uow("sign-up"):
        second = organizations.create_organization("Second home", seats=5, status="active")
        role = db.session.scalar(db.select(Role.id).where(Role.organization_id == second.id, Role.name == "Viewer"))
        organizations.join(second, queries.find_user(person.email), [role])
    page = page_for(person, lang="en")
    for _ in range(2):
        page.goto("/sales/accounts/")
        if "Second home" not in page.locator(".sk-org").inner_text():
            expect(page.locator("main")).to_contain_text("Seen in the first")
            expect(page.locator(".sk-head .acts a")).to_have_count(2)
            other = "Second home"
        else:
            expect(page.locator("main")).not_to_contain_text("Seen in the first")
            expect(page.locator(".sk-head .acts a")).to_have_count(0)
            other = "Own"
        page.locator(".sk-org").click()
        page.locator("#org-menu button", has_text=other).click()
        expect(page.locator(".sk-org b")).to_contain_text(other)


def test_theme_and_language_follow_their_buttons(company: cast.Company, page_for: Any) -> None:
    """Both at once on the page, and after signing in again."""
    page = page_for(company.sales, theme="dark", lang="en")
    page.goto("/sales/accounts/")
    html = page.locator("html")
    expect(html).to_have_class("dark")
    page.locator("[data-theme-form] button").click()
    expect(html).not_to_have_class("dark")
    expect(page).to_have_url(re.compile("/sales/accounts/"))
    page.locator("button[name=lang]:visible").click()
    expect(html).to_have_attribute("lang", "it")
    expect(html).not_to_have_class("dark")
    page.reload()
    expect(html).to_have_attribute("lang", "it")


def test_the_palette_finds_a_record_by_keyboard(desk: Desk, page_for: Any) -> None:
    """Ctrl+K, a part of the name, Enter."""
    desk.record("account", name="Tessitura Valmora")
    page = page_for(desk.company.sales, lang="en")
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("valmo")
    option = page.locator("#palette-list [role=option]", has_text="Tessitura Valmora")
    expect(option).to_be_visible()
    while option.get_attribute("aria-selected") != "true":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Tessitura Valmora")
    page.keyboard.press("Control+k")
    page.keyboard.type("pipeline")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_the_bell_opens_and_closes(company: cast.Company, page_for: Any) -> None:
    """The panel comes from the server, Escape closes it, and the focus returns."""
    page = page_for(company.sales, lang="en")
    page.goto("/sales/accounts/")
    live(page)
    page.locator("[data-bell]").click()
    expect(page.locator("#bell-panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#bell-panel")).to_be_hidden()
    expect(page.locator("[data-bell]")).to_be_focused()


def test_the_bell_says_that_nobody_answers_and_tries_again(company: cast.Company, page_for: Any, watch: Watch) -> None:
    """By its button, and by itself when the connection is back."""
    page = page_for(company.sales, lang="en")
    page.goto("/sales/accounts/")
    live(page)
    panel, away = page.locator("#bell-panel"), "**/notifications/panel*"
    page.route(away, lambda route: route.abort())
    page.locator("[data-bell]").click()
    expect(panel).to_contain_text("The connection is lost.")
    retry = panel.get_by_role("button", name="Try again")
    retry.click()
    expect(panel).to_contain_text("The connection is lost.")
    page.unroute(away)
    retry.click()
    expect(panel.locator("nav")).to_be_visible()
    expect(panel).not_to_contain_text("The connection is lost.")
    page.route(away, lambda route: route.abort())
    panel.locator("nav a").nth(1).click()
    expect(panel).to_contain_text("The connection is lost.")
    page.unroute(away)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(panel.locator("nav a").nth(1)).to_have_attribute("aria-current", "true")
    assert watch.problems and all("/notifications/panel" in one for one in watch.problems)
    watch.problems.clear()


def test_signing_out_ends_the_session(company: cast.Company, page_for: Any, watch: Watch) -> None:
    """The menu's last entry; going back asks to sign in again; a wrong password is explained."""
    watch.allow(401)
    page = page_for(company.viewer, lang="en")
    page.goto("/")
    page.locator("[popovertarget=user-menu]").click()
    page.locator("#user-menu form[action='/logout/'] button").click()
    expect(page).to_have_url(re.compile("/login/"))
    page.goto("/sales/accounts/")
    expect(page).to_have_url(re.compile("/login/"))
    page.locator("#f-email").fill(company.viewer.email)
    page.locator("#f-password").fill("wrong")
    page.locator("[data-reveal]").click()
    expect(page.locator("#f-password")).to_have_attribute("type", "text")
    page.locator("#f-password").press("Enter")
    expect(page.locator("[role=alert]")).to_be_visible()
    sign_in_by_form(page, company.viewer.email)
    expect(page.locator(".sk-org")).to_be_visible()
