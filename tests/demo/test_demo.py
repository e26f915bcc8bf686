"""The demo is loaded once, and every organization of it can be used; its whole imports are covered by
tests/sales/test_import_crm.py, so that a part of the deals is enough here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.demo.load import aurora
from app.demo.load.everything import is_loaded
from tests.support import SignedIn

LINES = 301


@pytest.fixture(scope="module")
def said(app: Flask, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the command prints while it loads the demo."""
    folder = Path(shutil.copytree(aurora.DATA, tmp_path_factory.mktemp("demo") / "data"))
    deals = folder / "sales_pipeline.csv"
    deals.write_text("".join(deals.read_text().splitlines(keepends=True)[:LINES]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aurora, "DATA", folder)
        with app.app_context():
            assert is_loaded() is False
        done = app.test_cli_runner().invoke(args=["demo", "load"])
    assert done.exit_code == 0, done.output
    return done.output


def sign_in(app: Flask, email: str) -> SignedIn:
    browser = SignedIn(app)
    browser.login(email, app.config["DEMO_PASSWORD"])
    return browser


def test_everything_goes_in_and_nothing_is_refused(said: str) -> None:
    assert f"sales_pipeline.csv: {LINES - 1} of {LINES - 1} lines imported, 0 refused" in said
    assert "accounts.csv: 85 of 85 lines imported, 0 refused" in said


def test_it_is_loaded_once(app: Flask, said: str) -> None:
    assert "already" in app.test_cli_runner().invoke(args=["demo", "load"]).output


@pytest.mark.parametrize(
    ("email", "path", "shown"),
    [
        ("admin@aurora.example", "/sales/accounts/", "Più trattative aperte"),
        ("sales@aurora.example", "/sales/leads/", "Stefano Brera"),
        ("sales@aurora.example", "/sales/opportunities/", "Le mie aperte"),
        ("admin@bellombra.example", "/sales/pipeline", "Carta dei vini 2027"),
        ("admin@lumen.example", "/sales/opportunities/", "Servizio fotografico catalogo 2027"),
        ("consulente@example.com", "/", "Officine Aurora"),
        ("vendor@stratikey.example", "/platform/", "Cantina Bellombra"),
        ("marketing@aurora.example", "/settings/task-templates", "Partecipazione a una fiera"),
        ("marketing@bellombra.example", "/settings/task-templates", "Serata di degustazione"),
        (
            "marketing@aurora.example",
            "/tasks/table?cols=custom_budget_stimato&f=custom_budget_stimato:gt:9000",
            "Parma",
        ),
        ("marketing@bellombra.example", "/tasks/table?cols=custom_note_per_la_tipografia", "Carta vergata"),
    ],
)
def test_everybody_finds_their_work(app: Flask, said: str, email: str, path: str, shown: str) -> None:
    page: Any = sign_in(app, email).get(path)
    assert page.status_code == 200
    assert shown in page.text


@pytest.mark.parametrize("email", ["admin@aurora.example", "admin@bellombra.example", "admin@lumen.example"])
def test_an_approval_waits_for_every_administrator(app: Flask, said: str, email: str) -> None:
    browser = sign_in(app, email)
    page = browser.get("/").text
    assert "data-approval=" in page
    task = page.split('data-approval="')[1][:36]
    assert browser.api("GET", f"/api/v1/tasks/{task}/approval").json["may_decide"] is True


@pytest.mark.parametrize("email", ["admin@aurora.example", "admin@bellombra.example", "admin@lumen.example"])
def test_somebody_has_too_much_to_do(app: Flask, said: str, email: str) -> None:
    load = sign_in(app, email).api("GET", "/api/v1/tasks/workload").json["result"]
    weeks = [week for one in load if one["member"] for week in one["weeks"]]
    assert any(one["planned_minutes"] > one["capacity_minutes"] > 0 for one in weeks)
