"""The front end's build: when it installs, when it builds, and what it keeps."""

from __future__ import annotations

import os
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.kernel import assets


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """What Node.js was asked for; nothing is installed or built for real."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(assets, "run_node", lambda *arguments, folder=None: found.append(arguments))
    monkeypatch.setattr(assets, "install", partial(assets.install, tmp_path))
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.setattr(assets, "DIST", tmp_path / "dist")
    monkeypatch.setattr(assets, "STAMP", tmp_path / "dist" / ".stamp")
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "node_modules").mkdir()
    return found


def test_node_runs_with_its_own_programs_first(tmp_path: Path) -> None:
    script = "require('fs').writeFileSync('seen', process.env.PATH + '\\n' + process.execPath)"
    assets.run_node("-e", script, folder=tmp_path)
    path, program = (tmp_path / "seen").read_text().split("\n")
    assert path.split(os.pathsep)[0] == str(Path(program).parent)
    with pytest.raises(subprocess.CalledProcessError):
        assets.run_node("-e", "process.exit(3)", folder=tmp_path)


def test_packages_are_installed_where_they_differ(calls: list[Any], tmp_path: Path) -> None:
    said: list[str] = []

    def install(**options: Any) -> int:
        assets.install(say=said.append, **options)
        return len(calls)

    assert [install(), install(), install(dev=True), install(dev=True), install()] == [1, 1, 2, 2, 2]
    assert [("--omit=dev" in one, one[1]) for one in calls] == [(True, "ci"), (False, "ci")]
    (tmp_path / "package-lock.json").write_text('{"changed": true}')
    assert install() == 3
    assert said == ["Front end: installing packages …"] * 3


def test_the_front_end_is_built_after_a_change_and_open_pages_keep_their_files(
    calls: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    page = tmp_path / "app" / "page.html"
    page.write_text("one")
    said: list[str] = []
    assert assets.build(say=said.append) is True
    assert said[0] == "Front end: installing packages …"
    assert said[-1].startswith("Front end: ready in ")
    assert [one[-1] for one in calls][-1] == "frontend/build.mjs"
    assert assets.build(say=said.append) is False
    yesterdays, ancient = tmp_path / "dist" / "app-1.js", tmp_path / "dist" / "app-0.js"
    for path, age in ((yesterdays, 3600), (ancient, assets.KEEP_SECONDS + 60)):
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))
    page.write_text("two")
    assert assets.build(dev=True, say=said.append) is True
    assert (yesterdays.exists(), ancient.exists()) == (True, False)
    built = len(calls)
    assert assets.build(force=True, say=said.append) is True
    assert len(calls) == built + 1
