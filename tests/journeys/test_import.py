"""An import from the file to the undo, as somebody at the screen lives it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.conftest import Desk

FILE = """name,account,email
Giulia Ferrante,Tessitura Valmora,giulia@valmora.example
Piero Ricci,Tesitura Valmora,piero@valmora.example
,Tessitura Valmora,nobody@valmora.example
"""


def work(run_jobs: Any) -> threading.Thread:
    """The worker, beside the page."""
    thread = threading.Thread(target=run_jobs, daemon=True)
    thread.start()
    return thread


def finished(page: Page, thread: threading.Thread) -> None:
    """Waits until the page has heard of the end by itself."""
    page.wait_for_selector("[data-import]:not([data-busy='1'])", timeout=20000)
    thread.join(20)


def test_a_file_is_checked_mended_run_and_undone(
    desk: Desk, page_for: Any, run_jobs: Any, tmp_path: Path, app: Any
) -> None:
    """A misspelt account is taken from the suggestion, a line without a name is refused and handed back."""
    desk.record("account", name="Tessitura Valmora")
    file = tmp_path / "contatti.csv"
    file.write_text(FILE)

    def jobs() -> None:
        with app.app_context():
            run_jobs()

    page = page_for(desk.company.admin, lang="en")
    page.goto("/sales/import/?entity=contacts")
    expect(page.locator("#f-entity")).to_have_value("contacts")
    page.locator("#f-file").set_input_files(file)
    page.locator("main form button[type=submit]").click()

    unknown = page.locator("select[data-suggestion]")
    expect(unknown).to_have_count(1)
    expect(unknown).to_have_value("")
    page.locator("[data-accept-suggestions]").click()
    expect(unknown).not_to_have_value("")
    page.locator("button[form=mapping]").first.click()
    expect(page.locator("main")).to_contain_text("Lines to mend")
    expect(page.locator(".sk-figs dd").nth(0)).to_have_text("2")
    expect(page.locator(".sk-figs dd").nth(1)).to_have_text("1")

    page.locator(".sk-head form[action$='/start'] button").click()
    expect(page.locator("[role=progressbar]")).to_be_visible()
    finished(page, work(jobs))
    expect(page.locator("[data-created]")).to_have_text("2")
    expect(page.locator("[data-failed]")).to_have_text("1")

    with page.expect_download() as waiting:
        page.locator(".sk-head a[href$='errors.csv']").click()
    assert "nobody@valmora.example" in Path(waiting.value.path()).read_text()

    page.goto("/sales/contacts/")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.go_back()

    page.locator(".sk-head form[action$='/undo'] button").click()
    page.locator("#confirm [data-confirm-ok]").click()
    page.wait_for_selector("[data-import][data-busy='1']")
    finished(page, work(jobs))
    page.goto("/sales/contacts/")
    expect(page.locator(".sk-empty")).to_be_visible()


def test_a_file_that_is_no_table_is_refused(desk: Desk, page_for: Any, tmp_path: Path, watch: Any) -> None:
    """The form says why, next to the field."""
    watch.allow(422)
    file = tmp_path / "picture.xlsx"
    file.write_bytes(b"not a workbook")
    page = page_for(desk.company.admin, lang="en")
    page.goto("/sales/import/")
    page.locator("#f-file").set_input_files(file)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("#f-file-error")).to_be_visible()
    expect(page.locator("#f-file")).to_have_attribute("aria-invalid", "true")
