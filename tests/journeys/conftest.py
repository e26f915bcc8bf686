"""A real browser on the live server. What a page complains about fails its test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, FloatRect, Locator, Page, sync_playwright

from app.kernel.crud import store
from app.kernel.uow import uow
from app.sales.cruds.registry import CRUDS
from app.sales.queries import pipelines
from app.sales.service import activities
from app.sales.service.opportunities.editing import create_opportunity
from tests import cast

# The shell draws the same pages without a window around them: a profile and its first page take a fifth of the time.
SYSTEM_CHROMIUM = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# The browser reports every answer above 399 as an error of the console, with the status in its words.
STATUS = re.compile(r"status of (\d{3})")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    with sync_playwright() as playwright:
        path = next((one for one in SYSTEM_CHROMIUM if one.exists()), None)
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


class Watch:
    """Errors that the pages of a test reported, and the refusals that the test provokes on purpose."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.allowed: set[int] = set()

    def allow(self, *statuses: int) -> None:
        """Answers with these statuses are part of the test."""
        self.allowed.update(statuses)

    def follow(self, page: Page) -> None:
        """Collects what the page complains about."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        status = STATUS.search(message.text)
        if status is None or int(status.group(1)) not in self.allowed:
            self.problems.append(f"{message.location.get('url')}: {message.text}")


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test when a page logged an error, threw one, or broke the content security policy."""
    watching = Watch()
    yield watching
    assert not watching.problems, watching.problems


@pytest.fixture
def new_context(browser: Browser, server: str, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """new_context(width, height, lang) -> a browser profile without a session."""
    opened: list[BrowserContext] = []

    def make(width: int = 1440, height: int = 900, lang: str = "it", **kwargs: Any) -> BrowserContext:
        locale = {"it": "it-IT", "en": "en-GB"}[lang]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            base_url=server,
            reduced_motion="reduce",
            **kwargs,
        )
        context.set_default_timeout(8000)
        context.on("page", watch.follow)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def page_for(new_context: Callable[..., BrowserContext], sign_in: Any, server: str) -> Callable[..., Page]:
    """page_for(person) -> an empty page of a browser in which the person has signed in and chosen theme and language."""

    def make(person: cast.Person, width: int = 1440, height: int = 900, theme: str = "dark", lang: str = "it") -> Page:
        # Signed in without a screen: the form itself is a journey of its own (test_people.py).
        session = sign_in(person)
        session.post("/preferences", data={"theme": theme, "lang": lang, "next": "/"})
        context = new_context(width, height, lang)
        cookies = session.client._cookies.values()
        context.add_cookies([{"name": one.key, "value": one.value, "url": server} for one in cookies])
        return context.new_page()

    return make


def sign_in_by_form(page: Page, email: str, password: str = cast.PASSWORD) -> None:
    """Signs in through the form."""
    page.goto("/login/")
    page.locator("#f-email").fill(email)
    page.locator("#f-password").fill(password)
    page.locator("#f-password").press("Enter")
    page.wait_for_url(lambda url: "/login" not in url, wait_until="commit")
    page.wait_for_load_state("domcontentloaded")


def live(page: Page) -> None:
    """Waits for the page's live channel."""
    page.wait_for_selector("html[data-connected]")


def box_of(what: Locator) -> FloatRect:
    """Where something is once it stands still: while a page is drawn anew it is nowhere for a moment."""
    before = None
    for _ in range(100):
        found = what.bounding_box()
        if found is not None and found == before:
            return found
        before = found
        what.page.wait_for_timeout(30)
    raise AssertionError(f"{what} does not stand still: {before}")


def overflows(page: Page) -> bool:
    """Whether the page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


class Desk:
    """What a test finds on the table of its organization: stages by position, and ways to add records."""

    account = lead = deal_id = import_id = export_id = template_id = rule_id = form_token = request_id = ""

    def __init__(self, company: cast.Company) -> None:
        self.company = company
        with uow(company.admin.actor):
            pipeline = pipelines.default_pipeline()
            self.pipeline_id = pipeline.id
            self.stages = [(str(one.id), one.name) for one in pipelines.list_stages(pipeline.id) if one.kind == "open"]

    def deal(self, title: str, amount: int | None = 1000, stage: int = 0, **values: Any) -> str:
        """A deal of the seller in the n-th open stage; returns its id."""
        actor = self.company.admin.actor
        with uow(actor):
            made = create_opportunity(
                actor=actor,
                title=title,
                amount=amount,
                stage_id=self.stages[stage][0],
                owner_id=values.pop("owner_id", self.company.sales.member_id),
                **values,
            )
            return str(made.id)

    def record(self, kind: str, **values: Any) -> str:
        """A record of a generated list; returns its id."""
        actor = self.company.admin.actor
        with uow(actor):
            return str(store.create(CRUDS[kind], values, actor=actor).id)

    def activity(self, title: str, **values: Any) -> str:
        """An activity of the seller; returns its id."""
        actor = self.company.admin.actor
        with uow(actor):
            made = activities.create_activity(
                actor=actor, title=title, owner_id=self.company.sales.member_id, **{"type": "call", **values}
            )
            return str(made.id)


@pytest.fixture
def desk(company: cast.Company) -> Desk:
    """An organization of the test's own, with an empty board."""
    return Desk(company)
