"""B10: the product's second start."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import tempfile
import time
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from bench.runs import Bench
from bench.stack import ROOT, free_port


def start_benchmark(bench: Bench) -> None:
    """B10: the second start of the product with its demo, to the first page; memory of the whole stack (PSS)."""
    folder = tempfile.mkdtemp(prefix="stk-bench-")
    port = free_port()
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("STRATIKEY", "DATABASE", "REDIS"))}
    environ = {**clean, "STRATIKEY_INSTANCE": folder, "PORT": str(port)}
    seconds: list[float] = []
    memory = 0.0
    for turn in range(1 + (1 if bench.rounds < 5 else 3)):
        started = time.monotonic()
        process = subprocess.Popen(
            ["make", "--no-print-directory", "run"], cwd=ROOT, env=environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            while True:
                try:
                    with urlopen(f"http://127.0.0.1:{port}/login/", timeout=5):
                        break
                except (URLError, OSError):
                    if process.poll() is not None or time.monotonic() - started > 600:
                        raise RuntimeError("make run does not answer") from None
                    time.sleep(0.05)
            if turn:
                seconds.append(time.monotonic() - started)
                time.sleep(3)
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                memory = max(memory, sum(one.memory_full_info().pss for one in family if one.is_running()) / 1e6)
        finally:
            process.send_signal(signal.SIGTERM)
            for child in psutil.Process(process.pid).children() if process.poll() is None else []:
                child.send_signal(signal.SIGTERM)
            process.wait(60)
    found = statistics.median(seconds)
    bench.add(
        "B10",
        "second `make run` to the first page, seconds",
        found,
        "≤ 8",
        f"{memory:.0f} MB for the whole stack (≤ 600)",
    )
