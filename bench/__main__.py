"""Runs the benchmarks and prints a table for docs/performance.md.

B1 to B5 compare rates that are measured in turns, product and rival, in the same minutes; the ratio is
that of the medians. B6 is the time until open boards know of a move. B1T to B6T are the same for tasks. B8 imports a
file through the product's own import and copies the same rows with COPY. B10 starts the product twice and looks at
the second start. B11 is an export.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import psutil
from flask_migrate import upgrade

from app.bootstrap import create_app
from app.kernel.assets import compile_catalogues
from app.kernel.embedded import DATABASE
from app.kernel.uow import platform_uow
from bench.exports import export_benchmark
from bench.imports import import_benchmark
from bench.runs import Bench
from bench.stack import embedded
from bench.starting import start_benchmark
from bench.web import DEALS, TASKS, Web, live_benchmark


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="B1", help="which ones; all when none is given")
    parser.add_argument(
        "--quick", action="store_true", help="little data and short runs: shows that they work, measures nothing"
    )
    options = parser.parse_args()
    bench = Bench(options.names, options.quick)
    memory = psutil.virtual_memory().total / 2**30
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    )
    compile_catalogues()
    lists = [(subject, [f"B{n}{subject.suffix}" for n in range(1, 6)]) for subject in (DEALS, TASKS)]
    live = {f"B6{subject.suffix}": subject for subject in (DEALS, TASKS)}
    if bench.wants("B8", "B11", *live, *(name for _subject, names in lists for name in names)):
        with embedded() as stack:
            superuser = stack.superuser_url.replace("@/postgres", f"@/{DATABASE}")
            app = create_app({"PUBLIC_URL": "http://127.0.0.1"})
            with app.app_context():
                upgrade()
                with platform_uow("vendor"):
                    app.extensions["stratikey.create_permissions"]()
                for subject, names in lists:
                    if bench.wants(*names):
                        Web(bench, app, superuser, subject).run()
                for name, subject in live.items():
                    if bench.wants(name):
                        live_benchmark(bench, superuser, subject)
                if bench.wants("B8"):
                    import_benchmark(bench, superuser)
                if bench.wants("B11"):
                    export_benchmark(bench, superuser)
    if bench.wants("B10"):
        start_benchmark(bench)


if __name__ == "__main__":
    main()
