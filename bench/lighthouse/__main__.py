"""Lighthouse on the main pages: accessibility, best practices, performance, on a phone and on a desktop.

Each page is measured several times and the medians count. Lighthouse has a lock file of its own here, so
that nothing else has to fetch it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from flask_migrate import upgrade

from app.bootstrap import create_app
from app.kernel import assets
from app.kernel.embedded import DATABASE
from app.kernel.uow import platform_uow
from bench import data
from bench.runs import session_of
from bench.stack import embedded, serving

FOLDER = Path(__file__).parent
PAGES = ["/login/", "/", "/sales/", "/sales/pipeline", "/sales/opportunities/", "/sales/accounts/add"]
# Category -> the least score on a phone and on a desktop.
WANTED = {"accessibility": (100, 100), "best-practices": (95, 95), "performance": (90, 98)}
CHROME = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FORMS = ("mobile", "desktop")


def measure(url: str, form: str, headers: Path) -> dict[str, int]:
    """The scores of one run, in percent; what it holds against the page is printed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        assets.run_node(
            "node_modules/lighthouse/cli/index.js",
            url,
            "--quiet",
            f"--only-categories={','.join(WANTED)}",
            f"--extra-headers={headers}",
            "--output=json",
            f"--output-path={report}",
            f"--chrome-flags={CHROME} --user-data-dir={folder}/profile",
            *(["--preset=desktop"] if form == "desktop" else []),
            folder=FOLDER,
        )
        found = json.loads(report.read_text())
    for name in ("accessibility", "best-practices"):
        for one in found["categories"][name]["auditRefs"]:
            audit = found["audits"][one["id"]]
            if one["weight"] and audit["score"] is not None and audit["score"] < 1:
                where = [item.get("node", {}).get("snippet") for item in audit.get("details", {}).get("items", [])]
                print(f"  {audit['title']} {[one for one in where if one][:3]}")
    return {name: round((found["categories"][name]["score"] or 0) * 100) for name in WANTED}


def check(base: str, cookie: dict[str, str], pages: list[str], runs: int) -> list[str]:
    """Measures all pages and prints their medians; what is below its mark, one line each."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        signed_in, visitor = Path(folder, "cookie.json"), Path(folder, "none.json")
        signed_in.write_text(json.dumps(cookie))
        visitor.write_text("{}")
        for page in pages:
            for position, form in enumerate(FORMS):
                scores: dict[str, list[int]] = defaultdict(list)
                for _run in range(runs):
                    headers = visitor if page.startswith("/login") else signed_in
                    for name, score in measure(base + page, form, headers).items():
                        scores[name].append(score)
                medians = {name: statistics.median_low(found) for name, found in scores.items()}
                print(f"{page:24} {form:8} " + " ".join(f"{name} {score:3}" for name, score in medians.items()))
                problems += [
                    f"{page} on a {form}: {name} {score}, wanted {WANTED[name][position]}"
                    for name, score in medians.items()
                    if score < WANTED[name][position]
                ]
    return problems


def main() -> None:
    """Measures what was asked for; fails when a score is below its mark."""
    parser = argparse.ArgumentParser(prog="python -m bench.lighthouse", description=__doc__)
    parser.add_argument("pages", nargs="*", default=PAGES, help="which pages; the main ones when none is given")
    parser.add_argument("--runs", type=int, default=3, help="how often each page is measured")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Lighthouse needs Chromium; on Debian and Ubuntu install the package chromium")
    os.environ["CHROME_PATH"] = chromium
    assets.install(FOLDER)
    assets.compile_catalogues()
    with embedded() as stack:
        app = create_app({"PUBLIC_URL": "http://127.0.0.1"})
        with app.app_context():
            upgrade()
            with platform_uow("vendor"):
                app.extensions["stratikey.create_permissions"]()
            company = data.make_company(1, stack.superuser_url.replace("@/postgres", f"@/{DATABASE}"), deals=200)
        with serving("wsgi:app", "/healthz") as base:
            problems = check(base, session_of(base, company.email), options.pages, options.runs)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
