"""Every kind of page: no violation of the accessibility rules, no sideways scrolling, no console error.

All rules are asked in Italian, the longer language, on both widths, and the colours of the other theme on the spot;
in English a page is asked for what depends on words. Of many rows alike the first ones are looked at.
"""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

from app.automations.service.rules import add_preset
from app.automations.service.running import consider
from app.collaboration.service.comments import add_comment, react
from app.custom_fields.service import ChoiceInput
from app.custom_fields.service import create_field as add_field
from app.exports.service import start
from app.intake.service.forms import create_form, rotate_form
from app.intake.service.requests import submit_request
from app.kernel import clock
from app.kernel.crud.fields import cruds
from app.kernel.crud.params import ListParams
from app.kernel.uow import uow
from app.sales.imports import running
from app.sales.imports import service as imports
from app.tasks.queries.tasks import get_task
from app.tasks.service.checklist import add_item
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import create_task
from app.tasks.service.templates import create_template
from tests import cast
from tests.journeys.conftest import Desk, Watch

AXE = AXE_FILE_PATH.read_text()
# Only what is wrong travels back to the test.
RUN = """([where, options]) => axe.run(where, {resultTypes: ["violations"], preload: false, ...options})
  .then(({violations}) =>
  violations.map(({id, nodes}) => `${location.pathname} ${id}: ${nodes.length}x ${nodes[0].html.slice(0, 200)} `
    + nodes[0].failureSummary.slice(-170)))"""
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# The shell around every page: looked at on some of them.
PAGE = {"exclude": [[".sk-side"], [".sk-top"], ["tbody tr:nth-child(n + 6)"]]}
WITH_SHELL = ("/", "/sales/pipeline", "/tasks/list", "/settings/profile")
SIZES = [(1440, 900), (390, 844)]

# Chromium gives what an opened box holds its new colours with the next frame only.
OTHER_THEME = """() => new Promise(done => {
  document.documentElement.classList.toggle("dark");
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""

STRUCTURE = """() => ({
  lang: document.documentElement.lang,
  h1: document.querySelectorAll("h1").length,
  title: document.title,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  raw: document.body.innerText.match(/<\\/?(a|button|div|p|span|svg)\\b.{0,60}/)?.[0],
})"""


def violations(page: Page, options: dict[str, Any] | None = None, where: dict[str, Any] | None = None) -> list[str]:
    """What axe finds, one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return list(page.evaluate(RUN, [where or {"exclude": []}, options or {}]))


def inspect(page: Page, lang: str, *, where: dict[str, Any] | None = None) -> list[str]:
    """All that the gates ask of a page, and its colours in the other theme too.

    ``where`` narrows axe down to a part of the page: the shell around all pages is the same, and what opens over
    a page changes nothing of it. The whole page is looked at without it.
    """
    found = violations(page, None, where)
    page.evaluate(OTHER_THEME)
    found += violations(page, COLOURS, where)
    page.evaluate(OTHER_THEME)
    return found + structure(page, lang)


def structure(page: Page, lang: str) -> list[str]:
    """What is wrong with a page's language, title, heading and width."""
    seen = page.evaluate(STRUCTURE)
    found = []
    if seen["lang"] != lang:
        found.append(f"{page.url}: lang is {seen['lang']}")
    if seen["h1"] != 1:
        found.append(f"{page.url}: {seen['h1']} headings of the first level")
    if not seen["title"].removesuffix(" · Stratikey").strip():
        found.append(f"{page.url}: no title")
    if seen["raw"]:
        found.append(f"{page.url}: shows markup as text: {seen['raw']}")
    if seen["wide"] > 0:
        found.append(f"{page.url}: scrolls sideways by {seen['wide']} px")
    return found


@pytest.fixture(scope="module")
def house(app: Any) -> Desk:
    """A filled organization for the gates; its products are missing, for the empty list."""
    with app.app_context():
        company = cast.make_company("Casa Bianchi S.p.A.", ("Irma Bianchi", "Max Market", "Sam Seller", "Vito Viewer"))
        desk = Desk(company)
        actor = company.admin.actor
        desk.account = desk.record("account", name="Tessitura Valmora S.p.A.", industry="Textile")
        for number in range(28):
            desk.record(
                "account",
                name=f"Account numero {number} con un nome piuttosto lungo S.r.l.",
                owner_id=company.sales.member_id,
            )
        desk.record("contact", name="Giulia Ferrante", email="giulia@valmora.example")
        desk.lead = desk.record("lead", name="Piero Ricci", company="Pompe Adige")
        for number in range(4):
            deal = desk.deal(
                f"Fornitura di telai {number} per lo stabilimento nuovo di Valmora", 12000 + number, number % 3
            )
            desk.activity(
                "Richiamare per l'offerta tecnica e commerciale",
                opportunity_id=deal,
                due_at=clock.now() + dt.timedelta(days=number - 1),
            )
        desk.deal_id = deal
        with uow(actor):
            task = create_task(actor=actor, title="Rivedere i testi della pagina nuova", owner_id=actor.member_id,
                               due_on=clock.today(), module="marketing")  # fmt: skip
            create_task(actor=actor, title="Fotografie", parent_id=task.id)
            after = create_task(actor=actor, title="Pubblicare la pagina", owner_id=actor.member_id, type="milestone",
                                due_on=clock.today(), module="marketing")  # fmt: skip
            add_dependency(task.id, after.id, actor=actor)
            add_item(task.id, "Chiamare il fotografo", actor=actor)
            create_task(actor=actor, title="Approvare la grafica", type="approval", owner_id=actor.member_id)
            desk.task_id = str(task.id)
            kept = create_template(task.id, "Lancio di una pagina", actor=actor, description="Testi e fotografie")
            desk.template_id = str(kept.id)
            form = create_form(actor=actor, name="Richieste al marketing", module="marketing",
                               intro="Scrivete **cosa serve** e per quando.")  # fmt: skip
            desk.form_token = rotate_form(form.id, actor=actor)[1]
            for title in ("Volantino per la fiera di Verona", "Fotografie dello stabilimento nuovo di Valmora"):
                asked = submit_request(form.id, actor=actor, title=title, email="piero@ricci.example", name="Piero",
                                       description="Formato A5, duemila copie.")  # fmt: skip
                assert asked is not None
                desk.request_id = str(asked.id)
            rule = add_preset("publication", actor=actor, active=True)
            desk.rule_id = str(rule.id)
            consider(rule, task.id, "seen", actor=actor)
        with uow(company.admin.actor):
            for label, type, *labels in CUSTOM:
                chosen = [ChoiceInput(one) for one in labels]
                add_field("task", label, type, actor=company.admin.actor, choices=chosen)
        with uow(actor):
            own = {field.own: field for field in cruds["task"].fields if field.own}
            values = {
                "Budget": "1250.00",
                "Canale": next(one.choices[0].value for one in own.values() if one.choices),
                "Materiale": "https://example.com/catalogo-2027/prove-di-stampa",
            }
            get_task(task.id).custom = {key: values[str(one.label)] for key, one in own.items()}
        with uow(company.marketing.actor):
            said = add_comment(
                "task", task.id, f"@{actor.label} **guarda** qui", actor=company.marketing.actor, internal=True
            )
            add_comment("task", task.id, "Va bene", actor=company.marketing.actor, parent_id=said.id)
            react(said.id, "👍", actor=company.marketing.actor)
        with uow(actor):
            job = imports.upload(
                "accounts",
                "aziende.csv",
                io.BytesIO(b"name,owner\nUno S.r.l.,Nessun Altro\n,Sam Seller\n"),
                actor=actor,
            )
            desk.import_id = str(job.id)
        with uow(actor):
            desk.export_id = start(cruds["account"], ListParams(), "csv", actor=actor).rsplit("/", 1)[1]
        return desk


CUSTOM = (("Canale", "select", "Fiera", "Web"), ("Budget", "money"), ("Materiale", "url"))


def _pages(house: Desk) -> list[str]:
    return [
        "/",
        "/sales/accounts/",
        "/sales/accounts/?page=2",
        "/sales/products/",
        "/sales/contacts/?q=nobody-is-called-so",
        "/sales/opportunities/?f=stage_kind:in:open&f=owner:in:me",
        "/sales/activity-log/",
        "/sales/accounts/add",
        f"/sales/accounts/edit/{house.account}",
        f"/sales/accounts/show/{house.account}",
        f"/sales/leads/show/{house.lead}",
        f"/sales/opportunities/show/{house.deal_id}",
        f"/sales/opportunities/show/{house.deal_id}#lines",
        f"/sales/opportunities/show/{house.deal_id}#activities",
        "/sales/pipeline",
        "/sales/",
        "/sales/import/",
        f"/sales/import/{house.import_id}",
        "/tasks/list",
        "/tasks/list?group=due&f=owner:in:me",
        f"/tasks/list?task={house.task_id}",
        "/tasks/board?group=owner&lanes=link",
        "/tasks/list?group=link&cols=title~320,status,start_on,tags,collaborators,parent",
        "/tasks/board",
        "/tasks/timeline",
        "/tasks/workload",
        f"/tasks/workload/capacity/{house.company.sales.member_id}",
        "/tasks/table",
        "/tasks/calendar",
        "/tasks/calendar?view=week&f=type:in:task,call",
        "/tasks/calendar?view=agenda",
        "/sales/activities/calendar",
        "/sales/activities/",
        "/marketing/activities/board",
        "/marketing/activities/timeline",
        "/marketing/activities/table",
        "/tasks/table?cols=status~200,owner,estimate&sort=-priority,estimate&t=or(priority:in:P1;owner:in:me)",
        "/exports/",
        f"/exports/{house.export_id}",
        "/tasks/add",
        f"/tasks/{house.task_id}",
        "/tasks/requests",
        f"/tasks/requests/{house.request_id}",
        f"/request/{house.form_token}",
        f"/request/{house.form_token}?sent=1",
        "/settings/intake",
        "/settings/tasks",
        "/settings/automations",
        "/settings/automations/new?subject=task",
        f"/settings/automations/{house.rule_id}",
        "/settings/automations/runs",
        "/settings/task-templates",
        "/settings/custom-fields",
        f"/settings/task-templates/{house.template_id}",
        "/notifications/",
        "/users/list/",
        "/users/teams/",
        "/roles/list/",
        "/settings/profile",
        "/settings/security",
        "/settings/company",
        "/settings/branding",
        "/settings/pipelines",
        "/settings/api-keys",
        "/settings/audit",
        "/search?q=tessitura",
        "/ui",
        "/sales/accounts/show/01970000-0000-7000-8000-000000000000",
    ]


def test_pages_in_english_have_their_words_and_room(house: Desk, page_for: Any, watch: Watch) -> None:
    """Every page kind on a phone, where words have the least room."""
    watch.allow(404)
    page = page_for(house.company.admin, *SIZES[1], theme="dark", lang="en")
    found: list[str] = []
    for url in _pages(house):
        page.goto(url)
        found += structure(page, "en")
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_pages_pass_the_gates(house: Desk, page_for: Any, watch: Watch, size: tuple[int, int]) -> None:
    """Every page kind, signed in, in both themes."""
    watch.allow(404, 422)
    page = page_for(house.company.admin, *size, theme="dark" if size[0] > 500 else "light", lang="it")
    found: list[str] = []
    for url in _pages(house):
        page.goto(url)
        found += inspect(page, "it", where=None if url in WITH_SHELL else PAGE)
    # A form that came back with errors: the focus is on their summary.
    page.goto("/sales/accounts/add")
    page.locator("form.sk-form button[type=submit]").first.click()
    page.wait_for_selector("[role=alert]")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    found += inspect(page, "it", where=PAGE)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_the_drawn_timeline_passes_the_gates(house: Desk, page_for: Any, size: tuple[int, int]) -> None:
    """The chart or the strips once they are there, the critical path, and a drawer beside them."""
    page = page_for(house.company.admin, *size, theme="dark" if size[0] > 500 else "light", lang="it")
    page.goto("/tasks/timeline?zoom=day")
    drawn = ".gantt_task_link .gantt_line_wrapper" if size[0] > 500 else "[data-strips] li"
    page.locator(drawn).first.wait_for(state="attached")
    found = inspect(page, "it", where=PAGE)
    if size[0] > 500:
        page.locator("[data-critical]").click()
        found += inspect(page, "it", where=PAGE)
        page.locator(".gantt_task_link").first.press("Enter")
        page.locator("#link").wait_for(state="visible")
        found += inspect(page, "it", where={"include": [["#link"]]})
    page.goto(f"/tasks/timeline?task={house.task_id}")
    page.locator("#task-drawer .sk-more > summary").click()
    page.locator("#task-drawer [data-newlink]").wait_for()
    page.locator(drawn).first.wait_for(state="attached")
    found += inspect(page, "it", where={"include": [["#task-drawer"]]})
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("lang", ["it", "en"])
@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_pages_before_signing_in_pass_the_gates(
    new_context: Any, watch: Watch, size: tuple[int, int], lang: str
) -> None:
    """Sign-in, its error, forgotten password, sign-up, and an error page for a stranger."""
    watch.allow(401, 404, 422)
    page = new_context(*size, lang=lang).new_page()
    found: list[str] = []
    for url in ("/login/", "/login/forgot", "/signup/", "/invite/no-such-link"):
        page.goto(url)
        found += inspect(page, lang)
    page.goto("/login/")
    page.locator("#f-email").fill("nobody@nowhere.example")
    page.locator("#f-password").fill("not the password")
    page.locator("#f-password").press("Enter")
    page.wait_for_selector("[role=alert]")
    found += inspect(page, lang)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_a_viewers_pages_pass_the_gates(house: Desk, page_for: Any, watch: Watch, size: tuple[int, int]) -> None:
    """What is closed says so, and what can be read has no way to write."""
    watch.allow(403)
    page = page_for(house.company.viewer, *size, theme="light", lang="en")
    found: list[str] = []
    for url in (
        "/settings/api-keys",
        "/settings/audit",
        "/",
        "/sales/pipeline",
        "/sales/accounts/",
        f"/sales/opportunities/show/{house.deal_id}",
    ):
        page.goto(url)
        found += inspect(page, "en", where=PAGE)
    assert found == [], "\n".join(found)


OPENED = [
    ("/sales/pipeline", "[data-palette] >> visible=true", "#palette"),
    ("/sales/pipeline", "[popovertarget=user-menu]", "#user-menu"),
    ("/sales/pipeline", "[data-bell]", "#bell-panel"),
    ("/sales/pipeline", "[data-dialog=add-filter]", "#add-filter"),
    ("/sales/pipeline", "[popovertarget=order-menu]", "#order-menu"),
    ("/sales/accounts/", "[popovertarget=columns-menu]", "#columns-menu"),
    ("/tasks/table?t=or(priority:in:P0;and(owner:in:me;due_on:in_period:last_9))", "[data-filter-open]", "#add-filter"),
    ("/tasks/table?sort=-priority,due_on,title", "[data-dialog=sort-list]", "#sort-list"),
    ("/sales/accounts/", "[data-dialog=save-view]", "#save-view"),
    ("/sales/accounts/", "[popovertarget=export-menu]", "#export-menu"),
    ("/tasks/list", "[popovertarget=group-menu]", "#group-menu"),
    ("/tasks/calendar", "[popovertarget=filter-type]", "#filter-type"),
    ("/tasks/calendar", "[data-dialog=feed]", "#feed"),
    ("/tasks/calendar?view=agenda", "[data-entry-menu]", "#entry-menu"),
    ("/tasks/list", "[data-edit=status]", "#edit-status"),
    ("/tasks/list", "[data-edit=due_on]", "#edit-due_on"),
    ("/tasks/list", "[data-template-dialog] >> visible=true", "#from-template .sk-tpl"),
    ("/settings/custom-fields", "[data-dialog=field-new] >> visible=true", "#field-new"),
    ("/settings/custom-fields", "[data-dialog^=field-]:not([data-dialog=field-new])", "[id^=field-][open]"),
    ("/settings/task-templates", "[data-dialog^=template-]", "[id^=template-][open]"),
]
WIDE_ONLY = [
    ("/tasks/timeline", "[data-baseline]", "#baseline-menu"),
    ("/tasks/timeline", "[data-undated]", "#undated"),
    ("/tasks/timeline", "[data-layout]", "#moves"),
    ("/sales/pipeline", "[popovertarget=org-menu]", "#org-menu"),
    ("/sales/pipeline", "[popovertarget=new-menu]", "#new-menu"),
    ("/sales/pipeline", "[data-dialog=shortcuts]", "#shortcuts"),
    ("/tasks/list", "[data-edit=owner]", "#edit-owner"),
]


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_menus_and_dialogs_pass_the_gates(house: Desk, page_for: Any, size: tuple[int, int]) -> None:
    """Everything that opens over a page."""
    page = page_for(house.company.admin, *size, theme="dark", lang="it")
    found: list[str] = []
    shown = ""
    for url, trigger, target in OPENED + (WIDE_ONLY if size[0] > 500 else []):
        if shown != url:
            page.goto(url)
            shown = url
        page.locator(trigger).first.click()
        page.locator(target).wait_for(state="visible")
        where = {"include": [[target.split(" ")[0]]]}
        # What is in a box is the same on both widths; a phone shows other colours and has less room.
        found += inspect(page, "it", where=where) if size[0] > 500 else violations(page, COLOURS, where)
        box = page.locator(target).bounding_box()
        if box is None or box["x"] < 0 or box["x"] + box["width"] > size[0] or box["y"] + box["height"] > size[1] + 1:
            found.append(f"{target} does not fit the window: {box}")
        page.keyboard.press("Escape")
        page.locator(target).wait_for(state="hidden")
    page.goto("/sales/pipeline")
    card = page.locator("[data-card]").first
    for act in ("won", "lost"):
        card.locator("[data-card-menu]").click(force=True)
        page.locator("#card-menu").wait_for(state="visible")
        if act == "won":
            found += inspect(page, "it", where={"include": [["#card-menu"]]})
        page.locator(f"#card-menu [data-act={act}]").click()
        page.locator(f"#{act}-dialog").wait_for(state="visible")
        found += inspect(page, "it", where={"include": [[f"#{act}-dialog"]]})
        page.keyboard.press("Escape")
    if size[0] < 500:
        page.locator("[data-drawer-toggle]").click()
        page.wait_for_timeout(300)
        found += inspect(page, "it")
    assert found == [], "\n".join(found)


def test_a_finished_import_passes_the_gates(house: Desk, page_for: Any, run_jobs: Any) -> None:
    """The result page, on both widths."""
    actor = house.company.admin.actor
    with uow(actor):
        job = imports.upload(
            "accounts", "altre.csv", io.BytesIO(b"name,owner\nDue S.r.l.,\n,Sam Seller\n"), actor=actor
        )
        job = imports.configure(job.id, actor=actor, mapping=job.mapping, matches={}, settings={}, reading={})
        running.start(job.id, actor=actor)
        job_id = job.id
    run_jobs()
    found: list[str] = []
    for size in SIZES:
        page = page_for(house.company.admin, *size, lang="en")
        page.goto(f"/sales/import/{job_id}")
        found += inspect(page, "en")
    assert found == [], "\n".join(found)
