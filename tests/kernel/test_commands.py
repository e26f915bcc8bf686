"""The commands of the kernel and of tenancy, the probes, and the gates that are commands."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from functools import partial
from gettext import GNUTranslations
from importlib import metadata
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.kernel import assets, catalogues, cli, license_check
from tests.architecture.walls import superuser_engine
from tests.support import SignedIn


@pytest.fixture
def command(app: Flask) -> Any:
    """command(words…) -> what it printed and its status."""

    def run(*arguments: str, **options: Any) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=list(arguments), **options)
        return done.exit_code, done.output

    return run


def test_the_catalogues_are_complete(command: Any) -> None:
    assert command("i18n", "check") == (0, "catalogues complete\n")


def test_the_build_compiles_the_catalogues() -> None:
    """What `make run` and the image call before the first start: an Italian must not get English screens."""
    compiled = [po.with_suffix(".mo") for po in assets.TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")]
    assert {mo.parts[-3] for mo in compiled} == {"it", "en"}
    for mo in compiled:
        os.utime(mo, (0, 0))
    program = [sys.executable, "-P", "app/kernel/assets.py"]
    subprocess.run(program, cwd=assets.ROOT, env={**os.environ, "PYTHONPATH": "."}, check=True, timeout=120)
    assert all(mo.stat().st_mtime > 0 for mo in compiled)


def test_texts_inside_f_strings_are_found() -> None:
    """Babel's own extraction overlooks them before Python 3.12, and `i18n update` dropped their translations."""
    source = io.BytesIO(
        b"""label = f"{_('Late')} {escape(name or _('No account'))}"\nngettext("a", "b", n)\n_(word)\n"""
    )
    found = catalogues.extract_python(source, ("_", "ngettext"), (), {})
    assert [message for _line, _name, message, _comments in found if message != (None,)] == [
        ("a", "b", None),
        "Late",
        "No account",
    ]


def test_the_catalogues_gate_names_what_is_wrong(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A string that no catalogue has, one without a translation, a fuzzy one, one with another placeholder."""
    read = catalogues.read

    def spoiled(locale: str) -> Any:
        found = read(locale)
        if locale == "it":
            entries = [entry for entry in found if entry.id and isinstance(entry.id, str)]
            entries[0].string = ""
            entries[1].flags.add("fuzzy")
            entries[2].string = "%(unknown)s"
        return found

    monkeypatch.setattr(catalogues, "read", spoiled)
    monkeypatch.setattr(catalogues, "used_strings", lambda: {"A string that nobody translated"})
    status, said = command("i18n", "check")
    assert status == 1
    for what in ("it: missing: 'A string", "en: missing", "it: not translated", "it: fuzzy", "it: placeholders differ"):
        assert what in said


def test_licences_are_permissive(command: Any) -> None:
    assert command("licenses") == (0, "licences ok\n")


def test_a_licence_that_is_not_permissive_is_named(
    command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    lock = tmp_path / "package-lock.json"
    lock.write_text(json.dumps({"packages": {"": {}, "node_modules/viral": {"license": "AGPL-3.0"}}}))
    monkeypatch.setattr(license_check, "NPM_LOCKS", (lock,))
    monkeypatch.setattr(license_check, "KNOWN", {})
    status, said = command("licenses")
    assert status == 1
    assert "npm node_modules/viral: AGPL-3.0" in said
    assert "PyPI psycopg:" in said


def test_a_licence_may_stand_in_a_file_alone(command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    licences = {
        "permissive": "MIT License\n",
        "viral": "You must share everything.\n",
        "lost": None,
        "other": "MIT License\n",
    }
    for name, licence in licences.items():
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n{folder.name}/LICENSE,,\n")
        if licence is not None:
            (folder / "LICENSE").write_text(licence)
    monkeypatch.setattr(license_check, "distributions", lambda: metadata.distributions(path=[str(tmp_path)]))
    monkeypatch.setattr(license_check, "_locked", lambda: {"permissive", "viral", "lost"})
    monkeypatch.setattr(license_check, "NPM_LOCKS", ())
    status, said = command("licenses")
    assert status == 1
    assert sorted(said.splitlines()[:2]) == ["PyPI lost: no licence declared", "PyPI viral: no licence declared"]
    assert "2 dependencies need a look" in said


PO = """# A header of ours.
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "Known"
msgstr "%s"

msgid "Gone"
msgstr "%s"
"""


def test_new_strings_come_into_the_catalogues_and_old_ones_go(
    command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "words.py").write_text('_("Known")\n_l("New")\n')
    for locale in cli.LOCALES:
        folder = tmp_path / "translations" / locale / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "messages.po").write_text(PO.replace("%s", locale))
    (tmp_path / "translations" / "babel.cfg").write_text("[python: **.py]\n")
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(assets, "compile_catalogues", partial(assets.compile_catalogues, tmp_path / "translations"))
    assert command("i18n", "update")[0] == 0
    assert command("i18n", "compile")[0] == 0
    for locale in cli.LOCALES:
        folder = tmp_path / "translations" / locale / "LC_MESSAGES"
        found = (folder / "messages.po").read_text()
        assert found.startswith(PO.split("\n\n")[0])
        assert f'msgid "Known"\nmsgstr "{locale}"' in found
        assert 'msgid "New"\nmsgstr ""' in found
        assert "Gone" not in found
        with (folder / "messages.mo").open("rb") as stream:
            assert GNUTranslations(stream).gettext("Known") == locale
    assert not (tmp_path / "translations" / "messages.pot").exists()


def test_permissions_are_made_once(command: Any) -> None:
    command("permissions", "sync")
    assert command("permissions", "sync") == (0, "0 permissions created\n")


def test_the_relay_by_hand(command: Any) -> None:
    status, said = command("events", "relay")
    assert status == 0
    assert said.endswith("events and deliveries queued\n")


def test_the_chain_is_verified_and_a_changed_row_found(command: Any, company: Any) -> None:
    status, said = command("audit", "verify", company.slug)
    assert (status, said.split(", ")[1]) == (0, "ok\n")
    engine = superuser_engine()
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        changed = connection.execute(
            text("UPDATE audit_log SET action = 'x' WHERE organization_id = :id AND seq = (SELECT min(seq) FROM audit_log"
                 " WHERE organization_id = :id)"), {"id": company.id})  # fmt: skip
        assert changed.rowcount == 1
    engine.dispose()
    status, said = command("audit", "verify", company.slug)
    assert status == 1
    assert "BROKEN at" in said
    assert command("audit", "verify", "nobody-is-called-so")[0] == 1


def test_an_organization_and_its_admin_are_made_by_hand(app: Flask, command: Any) -> None:
    status, said = command("org", "create", "Nuova Meccanica", "--admin", "capo@nuova-meccanica.example")
    assert status == 0
    password = said.split("password: ")[1].strip()
    browser = SignedIn(app)
    browser.login("capo@nuova-meccanica.example", password)
    assert "Nuova Meccanica" in browser.get("/").text
    status, said = command("org", "create", "Zweite", "--admin", "capo@nuova-meccanica.example")
    assert status == 0
    assert "password" not in said, "an account that exists keeps its own"
    assert command("org", "create", "x", "--admin", "capo@nuova-meccanica.example")[0] == 1


def test_vendor_staff_is_made_by_hand(app: Flask, command: Any) -> None:
    made = command("user", "create-vendor", "hand@vendor.example", "--password", "a-good-long-password")
    assert made == (0, "hand@vendor.example is now Super Admin\n")
    assert command("user", "create-vendor", "hand@vendor.example", "--password", "a-good-long-password")[0] == 1
    browser = SignedIn(app)
    browser.login("hand@vendor.example")
    assert browser.get("/platform/").status_code == 200


def test_ready_means_all_of_it(app: Flask, client: Any) -> None:
    answer = client.get("/readyz")
    assert answer.json["checks"] == {"database": True, "migrations": True, "valkey": True, "worker": False}
    assert answer.status_code == 503
