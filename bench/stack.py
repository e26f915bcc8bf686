"""The servers of a benchmark: PostgreSQL, Valkey and gunicorn, in a folder of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from app.kernel.embedded import EmbeddedStack

ROOT = Path(__file__).resolve().parents[1]
# What README's production settings run, with two workers, for the product and what it is held against.
GUNICORN = ["--workers", "2", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "75"]
# The process for live connections, as docs/deploy.md has it.
SOCKETS = ["--workers", "1", "--worker-class", "gthread", "--threads", "500"]


@contextmanager
def embedded() -> Iterator[EmbeddedStack]:
    """A fresh, migrated stack; its settings are in ``os.environ`` while it runs."""
    folder = Path(tempfile.mkdtemp(prefix="stk-bench-"))
    folder.chmod(0o755)
    stack = EmbeddedStack(folder)
    os.environ.update(stack.start())
    os.environ |= {"RATELIMIT_ENABLED": "0", "LOG_FORMAT": "json", "LOG_LEVEL": "WARNING"}
    try:
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(
    application: str, probe: str, environ: dict[str, str] | None = None, *, options: list[str] = GUNICORN, port: int = 0
) -> Iterator[str]:
    """gunicorn with ``application``; yields its base address once ``probe`` answers."""
    base = f"http://127.0.0.1:{port or free_port()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", application, "--bind", base[7:], *options, "--log-level", "error"],
        cwd=ROOT,
        env={**os.environ, "PUBLIC_URL": base, **(environ or {})},
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urlopen(base + probe, timeout=5):
                    break
            except (URLError, OSError):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{application} does not answer") from None
                time.sleep(0.2)
        yield base
    finally:
        process.terminate()
        process.wait(20)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw: requests per second, 95th percentile in milliseconds, bytes per answer."""

    rate: float
    p95: float
    size: float


def wrk(url: str, headers: dict[str, str], seconds: float) -> Load:
    """``seconds`` of requests over 16 kept-alive connections; RuntimeError for any answer but 2xx."""
    script = Path(__file__).with_name("report.lua")
    command = ["wrk", "-t2", "-c16", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(script)]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=seconds + 60)
    found: dict[str, Any] = json.loads(re.findall(r"^\{.*\}$", done.stdout, re.MULTILINE)[-1])
    if found["errors"] or not found["requests"]:
        raise RuntimeError(f"{url}: {found}")
    return Load(
        found["requests"] / (found["microseconds"] / 1e6),
        found["p95"] / 1000,
        found["bytes"] / found["requests"],
    )
