"""Runs the benchmarks and prints a table for docs/performance.md.

B1 to B5 compare rates that are measured in turns, product and rival, in the same minutes; the ratio is
that of the medians. B8 imports a file through the product's own import and copies the same rows with COPY.
B10 starts the product twice and looks at the second start. B4T is B4 for the table of tasks, B11 an export.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import psutil
import psycopg
import requests
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.bootstrap import create_app
from app.kernel.assets import compile_catalogues
from app.kernel.embedded import DATABASE
from app.kernel.uow import platform_uow, uow
from app.sales.imports import running
from app.sales.imports import service as imports
from app.tenancy import queries
from app.tenancy.security.identity.jobs import load_member_actor
from bench import data, tables
from bench.stack import ROOT, SOCKETS, Load, embedded, free_port, serving, wrk

QUERY = "(filters:!((col:stage_kind,opr:eq,value:open)),order_column:amount,order_direction:desc,page:0,page_size:50)"
API = f"/api/v1/opportunities/?q={quote(QUERY)}"
LIST = "/sales/opportunities/?order=-amount"
BOARD = "/sales/pipeline"
STOCK_LIST = "/opportunities/list/?_oc_OpportunityView=amount&_od_OpportunityView=desc"

Line = tuple[str, str, str, str]


class Bench:
    """One run: the data, the recordings, the lines of the result."""

    def __init__(self, wanted: list[str], quick: bool) -> None:
        self.wanted = set(wanted)
        self.rounds, self.seconds = (2, 4.0) if quick else (5, 5.0)
        # (organizations, deals in the big one, deals in all)
        self.size = (50, 5_000, 20_000) if quick else (1000, 100_000, 1_000_000)
        self.lines: list[Line] = []

    def wants(self, *names: str) -> bool:
        """Whether one of ``names`` was asked for; all are when none was."""
        return not self.wanted or bool(self.wanted & set(names))

    def add(self, name: str, what: str, ratio: float, target: str, figures: str) -> None:
        """Notes and prints a result."""
        line = (name, what, f"{ratio:.2f} ({target})", figures)
        self.lines.append(line)
        print("| " + " | ".join(line) + " |", flush=True)

    def alternate(self, *runs: Callable[[], Load]) -> list[list[Load]]:
        """Each of ``runs`` in turn, ``rounds`` times, after one warm-up that does not count."""
        for one in runs:
            one()
        found: list[list[Load]] = [[] for _ in runs]
        for _ in range(self.rounds):
            for index, one in enumerate(runs):
                found[index].append(one())
        return found


def median_rate(loads: list[Load]) -> float:
    """Requests per second."""
    return statistics.median(one.rate for one in loads)


def median_p95(loads: list[Load]) -> float:
    """Milliseconds."""
    return statistics.median(one.p95 for one in loads)


def sign_in_form(page: str, email: str) -> dict[str, str]:
    """What the sign-in page sends, with the CSRF token that it carries."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return {"email": email, "password": data.PASSWORD, "csrf_token": token[1]}


def signed_in(base: str, email: str) -> requests.Session:
    """A person's browser."""
    browser = requests.Session()
    page = browser.get(base + "/login/", timeout=30).text
    answer = browser.post(
        base + "/login/",
        data=sign_in_form(page, email),
        timeout=30,
        allow_redirects=False,
    )
    assert answer.status_code == 302, answer.status_code
    return browser


def session_of(base: str, email: str) -> dict[str, str]:
    """The cookie header of a signed-in person."""
    return cookies_of(signed_in(base, email))


def cookies_of(browser: requests.Session) -> dict[str, str]:
    """The header that a browser's cookies make."""
    return {"Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.cookies)}


def stock_session(base: str) -> dict[str, str]:
    """The cookie header of stock FAB's admin."""
    browser = requests.Session()
    browser.post(base + "/login/", data={"username": "admin", "password": "benchmark"}, timeout=30)
    return cookies_of(browser)


def record(app: Flask, email: str, urls: dict[str, str]) -> tuple[dict[str, Any], dict[str, int]]:
    """The SQL (with its values in it) and the body that each of ``urls`` makes; and the number of statements."""
    client = app.test_client()
    client.post("/login/", data=sign_in_form(client.get("/login/").text, email))
    recordings: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for name, url in urls.items():
        client.get(url)  # fills the caches, as every request but the first finds them
        statements: list[str] = []

        def note(
            _connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any, into: Any = statements
        ) -> None:
            if statement.lstrip().upper().startswith(("SELECT", "WITH")) and "set_config" not in statement:
                into.append(psycopg.ClientCursor(cursor.connection).mogrify(statement, parameters))

        event.listen(Engine, "before_cursor_execute", note)
        answer = client.get(url)
        event.remove(Engine, "before_cursor_execute", note)
        assert answer.status_code == 200, (url, answer.status_code)
        recordings[name] = {
            "statements": statements,
            "json": answer.json if answer.is_json else None,
            "body": None if answer.is_json else answer.text,
        }
        counts[name] = len(statements)
    return recordings, counts


def web_benchmarks(bench: Bench, app: Flask, superuser: str) -> None:
    """B1, B2, B3, B4 and B5."""
    organizations, big_size, rows = bench.size
    run = bench.seconds
    typical = data.make_company(1, 1_000, superuser)
    board = data.make_company(2, 2_000, superuser)
    for number in range(3, 11):
        data.make_company(number, 875, superuser)
    data.analyze(superuser)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS stock")
    environ = {
        "BENCH_DATABASE": superuser,
        "BENCH_DATABASE_SQLA": superuser.replace("postgresql://", "postgresql+psycopg://"),
        "BENCH_ORGANIZATION": str(typical.id),
    }
    # Makes FAB's own tables once, before two workers would do it at the same time.
    subprocess.run([sys.executable, "-c", "import bench.stock"], cwd=ROOT, env={**os.environ, **environ}, check=True)
    # In contexts of their own: inside this one the requests would share flask.g.
    recordings, counts = Context().run(record, app, typical.email, {"api": API, "list": LIST})
    more, _ = Context().run(record, app, board.email, {"board": BOARD})

    with serving("wsgi:app", "/healthz") as product, serving("bench.stock:app", "/login/", environ) as stock:
        cookie, stock_cookie = session_of(product, typical.email), stock_session(stock)
        # Here, because stock FAB's page with its filters takes many seconds among a million rows.
        if bench.wants("B3"):
            ours, fab = bench.alternate(
                lambda: wrk(product + LIST, cookie, run), lambda: wrk(stock + STOCK_LIST, stock_cookie, run)
            )
            a, b = map(median_rate, (ours, fab))
            bench.add(
                "B3",
                "list page against stock FAB",
                a / b,
                "≥ 5",
                f"{a:.0f} / {b:.0f} requests/s; {counts['list']} statements",
            )
        before = (
            {url: bench.alternate(lambda url=url: wrk(product + url, cookie, run))[0] for url in (API, LIST)}
            if bench.wants("B4")
            else {}
        )

    print("Data: writing the rest …", flush=True)
    big = data.make_company(11, big_size, superuser)
    rest = rows - big_size - 10_000
    for number in range(12, organizations + 1):
        # The n-th organization holds a share that falls with n: most are small.
        share = 2 * rest * (organizations + 1 - number) // (organizations - 11) // (organizations - 10)
        data.make_company(number, share, superuser)
    data.analyze(superuser)

    folder = Path(tempfile.mkdtemp(prefix="stk-bench-"))
    (folder / "recordings.json").write_text(json.dumps(recordings | more))
    environ["BENCH_RECORDINGS"] = str(folder / "recordings.json")
    with (
        serving("wsgi:app", "/healthz") as product,
        serving("bench.limit:app", "/", environ) as limit,
        serving("bench.stock:app", "/login/", environ) as stock,
    ):
        cookie, big_cookie = session_of(product, typical.email), session_of(product, big.email)
        board_cookie, stock_cookie = session_of(product, board.email), stock_session(stock)
        if bench.wants("B1", "B2"):
            ours, bare, fab = bench.alternate(
                lambda: wrk(product + API, cookie, run),
                lambda: wrk(limit + "/api", {}, run),
                lambda: wrk(stock + API, stock_cookie, run),
            )
            a, b, c = map(median_rate, (ours, bare, fab))
            bench.add(
                "B1",
                "REST list against the limit",
                a / b,
                "≥ 0.40",
                f"{a:.0f} / {b:.0f} requests/s; {counts['api']} statements",
            )
            bench.add("B2", "REST list against stock FAB", a / c, "≥ 6", f"{a:.0f} / {c:.0f} requests/s")
        if bench.wants("B4"):
            for label, url in (("REST list", API), ("list page", LIST)):
                after, large = bench.alternate(
                    lambda url=url: wrk(product + url, cookie, run), lambda url=url: wrk(product + url, big_cookie, run)
                )
                small, typical_p95, large_p95 = median_p95(before[url]), median_p95(after), median_p95(large)
                bench.add(
                    "B4", f"{label}, p95 at {organizations} organizations and {rows:,} rows against 10 and 10,000",
                    typical_p95 / small, "≤ 1.3", f"{small:.1f} → {typical_p95:.1f} ms; "
                    f"the organization with {big_size:,} rows {large_p95:.1f} ms",
                )  # fmt: skip
        if bench.wants("B5"):
            ours, bare = bench.alternate(
                lambda: wrk(product + BOARD, board_cookie, run), lambda: wrk(limit + "/board", {}, run)
            )
            a, b = map(median_rate, (ours, bare))
            cards = more["board"]["body"].count('data-card="')
            bench.add(
                "B5",
                "board with 2,000 cards against the limit",
                a / b,
                "≥ 0.30",
                f"{a:.0f} / {b:.0f} requests/s; {ours[0].size / 1024:.0f} KiB, {cards} cards",
            )


def live_benchmark(bench: Bench, superuser: str) -> None:
    """B6: from the request that moves a card to the moment when each of 200 open boards hears of it."""
    company = data.make_company(5002, 100, superuser)
    moves, number = (10 if bench.rounds < 5 else 60), 200
    port = free_port()
    address = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with (
        serving("wsgi:app", "/healthz", address, options=SOCKETS, port=port) as sockets,
        serving("wsgi:app", "/healthz", address) as web,
    ):
        mover = signed_in(web, company.email)
        page = mover.get(web + BOARD, timeout=30).text
        cookie = cookies_of(mover)["Cookie"]
        listener = subprocess.Popen(
            [sys.executable, "-m", "bench.boards", sockets, cookie, str(number)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert listener.stdin is not None
        assert listener.stdout is not None
        try:
            if listener.stdout.readline().strip() != "ready":
                raise RuntimeError("the boards do not open")
            seen: list[float] = []
            answers: list[float] = []
            token = re.search(r'name="csrf-token" content="([^"]+)"', page)
            card = re.search(r'data-card="([0-9a-f-]+)" data-version="(\d+)"', page)
            stages = re.findall(r'data-column="([0-9a-f-]+)"', page)
            assert token is not None
            assert card is not None
            for turn in range(moves):
                started = time.monotonic()
                answer = mover.post(
                    f"{web}/sales/opportunities/{card[1]}/move",
                    json={"stage": stages[(turn + 1) % 2]},
                    headers={"X-CSRFToken": token[1], "Accept": "application/json"},
                    timeout=30,
                )
                assert answer.status_code == 200, answer.text
                answers.append(time.monotonic() - started)
                version, moments = json.loads(listener.stdout.readline())
                assert version == answer.json()["version"]
                if turn:  # the first one fills the caches
                    seen += [1000 * (moment - started) for moment in moments]
                time.sleep(0.2)
        finally:
            listener.stdin.close()
            listener.wait(30)
    seen.sort()
    p95 = seen[int(len(seen) * 0.95)]
    bench.add(
        "B6", f"a move until {number} open boards know it, p95 in ms", p95, "≤ 150",
        f"median {statistics.median(seen):.0f} ms, slowest {seen[-1]:.0f} ms, "
        f"the mover's own answer {1000 * statistics.median(answers):.0f} ms; {moves - 1} moves",
    )  # fmt: skip


def import_file(rows: int) -> bytes:
    """A CSV of deals like those that a CRM exports."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Opportunity id", "Title", "Account", "Stage", "Amount", "Close date"])
    for number in range(rows):
        writer.writerow(
            [
                f"X{rows}-{number}",
                f"Deal {number}",
                f"Account {number % 20}",
                "",
                number % 9000,
                f"2027-{number % 12 + 1:02}-{number % 28 + 1:02}",
            ]
        )
    return out.getvalue().encode()


def import_benchmark(bench: Bench, superuser: str) -> None:
    """B8: rows per second and peak memory of an import of N and of 4 N rows, and COPY of the same rows."""
    company = data.make_company(5001, 10, superuser)
    with platform_uow("vendor"):
        user = queries.find_user(company.email)
        assert user is not None
        member = next(one for one in queries.organizations_of(user.id) if one.id == company.id).member_id
    actor = load_member_actor(company.id, member)
    size = 2_000 if bench.rounds < 5 else 10_000
    rates: dict[int, list[float]] = {}
    peaks: dict[int, float] = {}
    done = 0
    for rows in (size, 4 * size):
        for _ in range(bench.rounds if rows == size else 1):
            done += 1
            content = import_file(rows).replace(b"X", f"X{done}-".encode())
            with uow(actor):
                job_id = imports.upload("opportunities", f"deals-{done}.csv", io.BytesIO(content), actor=actor).id
            with uow(actor):
                job = imports.get_import(job_id)
                imports.configure(job_id, actor=actor, mapping=dict(job.mapping), matches={}, settings={}, reading={})
            with uow(actor):
                imports.get_import(job_id).status = "queued"
            started = time.perf_counter()
            running.run_import(str(job_id), actor=actor)
            rates.setdefault(rows, []).append(rows / (time.perf_counter() - started))
            with uow(actor):
                assert imports.get_import(job_id).created_count == rows, imports.get_import(job_id).failed_count
        peaks[rows] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    copies = []
    with psycopg.connect(superuser, autocommit=True) as connection:
        columns = "(external_ref text, title text, account text, stage text, amount numeric, close_date date)"
        for _ in range(bench.rounds):
            connection.execute(f"DROP TABLE IF EXISTS bare; CREATE TABLE bare {columns}")
            content = import_file(size)
            started = time.perf_counter()
            with connection.cursor().copy("COPY bare FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(content)
            copies.append(size / (time.perf_counter() - started))
        connection.execute("DROP TABLE bare")
    ours, bare = statistics.median(rates[size]), statistics.median(copies)
    bench.add(
        "B8", "CSV import against COPY into a bare table", ours / bare, "≥ 0.05",
        f"{ours:,.0f} / {bare:,.0f} rows/s; {rates[4 * size][0]:,.0f} rows/s and peak memory "
        f"{peaks[size]:.0f} → {peaks[4 * size]:.0f} MB with four times the rows",
    )  # fmt: skip


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
    if bench.wants("B1", "B2", "B3", "B4", "B4T", "B5", "B6", "B8", "B11"):
        with embedded() as stack:
            superuser = stack.superuser_url.replace("@/postgres", f"@/{DATABASE}")
            app = create_app({"PUBLIC_URL": "http://127.0.0.1"})
            with app.app_context():
                upgrade()
                with platform_uow("vendor"):
                    app.extensions["stratikey.create_permissions"]()
                if bench.wants("B1", "B2", "B3", "B4", "B5"):
                    web_benchmarks(bench, app, superuser)
                if bench.wants("B6"):
                    live_benchmark(bench, superuser)
                if bench.wants("B8"):
                    import_benchmark(bench, superuser)
                if bench.wants("B4T"):
                    tables.table_benchmark(bench, superuser, session_of)
                if bench.wants("B11"):
                    tables.export_benchmark(bench, superuser)
    if bench.wants("B10"):
        start_benchmark(bench)


if __name__ == "__main__":
    main()
