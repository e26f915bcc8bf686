"""B1 to B6 for a kind of record: its REST list, its pages and its board, against the limit and stock FAB."""

from __future__ import annotations

import datetime as dt
import html
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import requests
from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench import data
from bench.runs import Bench, cookies_of, median_p95, median_rate, session_of, sign_in_form, signed_in
from bench.stack import ROOT, SOCKETS, Load, free_port, serving, wrk


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of record and its addresses.

    ``first`` numbers its organizations, so that two subjects share a database; ``pages`` are what B4 compares
    besides the REST list, by the name that the result gets.
    """

    suffix: str
    what: str
    first: int
    rows: str
    api: str
    stock_list: str
    list: str
    pages: dict[str, str]
    board: str
    move: str
    columns: str
    change: Callable[[str], dict[str, Any]]
    heard: str

    def company(self, number: int, count: int, superuser: str) -> data.Company:
        """The subject's organization ``number`` with ``count`` records."""
        return data.make_company(self.first + number, superuser, **{self.rows: count})


def _rest(resource: str, filters: str, order: str, direction: str) -> str:
    question = f"(filters:!({filters}),order_column:{order},order_direction:{direction},page:0,page_size:50)"
    return f"/api/v1/{resource}/?q={quote(question)}"


DEALS = Subject(
    suffix="",
    what="deals",
    first=0,
    rows="deals",
    api=_rest("opportunities", "(col:stage_kind,opr:eq,value:open)", "amount", "desc"),
    stock_list="/opportunities/list/?_oc_OpportunityView=amount&_od_OpportunityView=desc",
    list="/sales/opportunities/?order=-amount",
    pages={"list page": "/sales/opportunities/?order=-amount"},
    board="/sales/pipeline",
    move="/sales/opportunities/{id}/move",
    columns=r'data-column="([0-9a-f-]+)"',
    change=lambda column: {"stage": column},
    heard="opportunity:changed",
)
TABLE = "/tasks/table?" + urlencode(
    [("t", "or(priority:in:P0,P1;owner:in:me)"), ("f", "due_on:in_period:future"), ("sort", "-priority,due_on")]
)
_TODAY = dt.date.today()  # noqa: DTZ011 - a month of the calendar, wherever it is
MONTH = "/api/v1/calendar/?" + urlencode(
    {"from": _TODAY.replace(day=1) - dt.timedelta(days=6), "to": _TODAY.replace(day=28) + dt.timedelta(days=10)}
)
TASKS = Subject(
    suffix="T",
    what="tasks",
    first=10_000,
    rows="tasks",
    api=_rest("tasks", "(col:priority,opr:eq,value:P1)", "due_on", "asc"),
    stock_list="/tasks/list/?_oc_TaskView=due_on&_od_TaskView=asc",
    list="/tasks/table?sort=due_on",
    pages={
        "list": "/tasks/list",
        "board": "/tasks/board",
        "calendar month": MONTH,
        "table, two filters (one a group) and two sorts": TABLE,
    },
    board="/tasks/board",
    move="/api/v1/tasks/{id}/move",
    columns=r'data-values="([^"]+)"',
    change=lambda values: dict(json.loads(html.unescape(values))),
    heard="task:changed",
)


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


@contextmanager
def _stock(superuser: str, company: data.Company) -> Iterator[dict[str, str]]:
    """The settings of the rivals, once FAB has made its own tables (two workers would do it at the same time)."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS stock")
    environ = {
        "BENCH_DATABASE": superuser,
        "BENCH_DATABASE_SQLA": superuser.replace("postgresql://", "postgresql+psycopg://"),
        "BENCH_ORGANIZATION": str(company.id),
    }
    subprocess.run([sys.executable, "-c", "import bench.stock"], cwd=ROOT, env={**os.environ, **environ}, check=True)
    with tempfile.TemporaryDirectory(prefix="stk-bench-") as folder:
        yield {**environ, "BENCH_RECORDINGS": str(Path(folder) / "recordings.json")}


class Web:
    """B1 to B5 for one subject: the same organizations first among few, then among many."""

    def __init__(self, bench: Bench, app: Flask, superuser: str, subject: Subject) -> None:
        self.bench, self.app, self.superuser, self.subject = bench, app, superuser, subject
        self.typical = subject.company(1, 1_000, superuser)
        self.crowded = subject.company(2, 2_000, superuser)
        for number in range(3, 11):
            subject.company(number, 875, superuser)
        data.analyze(superuser)
        self.pages = {"REST list": subject.api, **subject.pages}

    def run(self) -> None:
        """Measures what was asked for."""
        with _stock(self.superuser, self.typical) as environ:
            recordings, counts = self._record()
            Path(environ["BENCH_RECORDINGS"]).write_text(json.dumps(recordings))
            before = self._among_few(environ, counts)
            big = self._fill()
            self._among_many(environ, recordings, counts, before, big)

    def _record(self) -> tuple[dict[str, Any], dict[str, int]]:
        # In contexts of their own: inside this one the requests would share flask.g.
        subject = self.subject
        found, counts = Context().run(
            record, self.app, self.typical.email, {"api": subject.api, "B3": subject.list, **subject.pages}
        )
        board, more = Context().run(record, self.app, self.crowded.email, {"board": subject.board})
        kept = {name: found[name] for name in ("api", "B3")}
        return kept | board, counts | more

    def _load(self, base: str, url: str, headers: dict[str, str]) -> Callable[[], Load]:
        return partial(wrk, base + url, headers, self.bench.seconds)

    def _add(self, name: str, what: str, ratio: float, target: str, figures: str) -> None:
        self.bench.add(name + self.subject.suffix, f"{self.subject.what}: {what}", ratio, target, figures)

    def _among_few(self, environ: dict[str, str], counts: dict[str, int]) -> dict[str, list[Load]]:
        """B4's first half, and B3: stock FAB's page with its filters takes many seconds among a million rows."""
        bench, subject = self.bench, self.subject
        with serving("wsgi:app", "/healthz") as product, serving("bench.stock:app", "/login/", environ) as stock:
            cookie, stock_cookie = session_of(product, self.typical.email), stock_session(stock)
            if bench.wants("B3" + subject.suffix):
                ours, fab = bench.alternate(
                    self._load(product, subject.list, cookie), self._load(stock, subject.stock_list, stock_cookie)
                )
                a, b = map(median_rate, (ours, fab))
                figures = f"{a:.0f} / {b:.0f} requests/s; {counts['B3']} statements"
                self._add("B3", "list page against stock FAB", a / b, "≥ 5", figures)
            if not bench.wants("B4" + subject.suffix):
                return {}
            return {name: bench.alternate(self._load(product, url, cookie))[0] for name, url in self.pages.items()}

    def _fill(self) -> data.Company:
        """The rest of the organizations, the n-th with a share that falls with n: most are small."""
        organizations, big_size, rows = self.bench.size
        print("Data: writing the rest …", flush=True)
        big = self.subject.company(11, big_size, self.superuser)
        rest = rows - big_size - 10_000
        for number in range(12, organizations + 1):
            share = 2 * rest * (organizations + 1 - number) // (organizations - 11) // (organizations - 10)
            self.subject.company(number, share, self.superuser)
        data.analyze(self.superuser)
        return big

    def _among_many(
        self,
        environ: dict[str, str],
        recordings: dict[str, Any],
        counts: dict[str, int],
        before: dict[str, list[Load]],
        big: data.Company,
    ) -> None:
        bench, subject = self.bench, self.subject
        with (
            serving("wsgi:app", "/healthz") as product,
            serving("bench.limit:app", "/", environ) as limit,
            serving("bench.stock:app", "/login/", environ) as stock,
        ):
            cookie, stock_cookie = session_of(product, self.typical.email), stock_session(stock)
            if bench.wants("B1" + subject.suffix, "B2" + subject.suffix):
                ours, bare, fab = bench.alternate(
                    self._load(product, subject.api, cookie),
                    self._load(limit, "/api", {}),
                    self._load(stock, subject.api, stock_cookie),
                )
                a, b, c = map(median_rate, (ours, bare, fab))
                figures = f"{a:.0f} / {b:.0f} requests/s; {counts['api']} statements"
                self._add("B1", "REST list against the limit", a / b, "≥ 0.40", figures)
                self._add("B2", "REST list against stock FAB", a / c, "≥ 6", f"{a:.0f} / {c:.0f} requests/s")
            for name in before:
                self._grown(name, counts, before[name], product, cookie, session_of(product, big.email))
            if bench.wants("B5" + subject.suffix):
                ours, bare = bench.alternate(
                    self._load(product, subject.board, session_of(product, self.crowded.email)),
                    self._load(limit, "/board", {}),
                )
                a, b = map(median_rate, (ours, bare))
                cards = recordings["board"]["body"].count('data-card="')
                self._add("B5", "board with 2,000 cards against the limit", a / b, "≥ 0.30",
                    f"{a:.0f} / {b:.0f} requests/s; {ours[0].size / 1024:.0f} KiB, {cards} cards; "
                    f"{counts['board']} statements",
                )  # fmt: skip

    def _grown(
        self,
        name: str,
        counts: dict[str, int],
        before: list[Load],
        product: str,
        cookie: dict[str, str],
        big_cookie: dict[str, str],
    ) -> None:
        """B4 for one page."""
        organizations, big_size, rows = self.bench.size
        url = self.pages[name]
        after, large = self.bench.alternate(self._load(product, url, cookie), self._load(product, url, big_cookie))
        small, typical, huge = (median_p95(loads) for loads in (before, after, large))
        self._add(
            "B4", f"{name}, p95 at {organizations} organizations and {rows:,} rows against 10 and 10,000",
            typical / small, "≤ 1.3", f"{small:.1f} → {typical:.1f} ms; the organization with {big_size:,} rows "
            f"{huge:.1f} ms; {counts.get(name, counts['api'])} statements",
        )  # fmt: skip


@contextmanager
def _boards(sockets: str, cookie: str, number: int, heard: str) -> Iterator[Callable[[], Any]]:
    """``number`` open boards; yields what reads their next line."""
    listener = subprocess.Popen(
        [sys.executable, "-m", "bench.boards", sockets, cookie, str(number), heard],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert listener.stdin is not None
    assert listener.stdout is not None
    lines = listener.stdout
    try:
        if lines.readline().strip() != "ready":
            raise RuntimeError("the boards do not open")
        yield lambda: json.loads(lines.readline())
    finally:
        listener.stdin.close()
        listener.wait(30)


def _found(pattern: str, page: str) -> re.Match[str]:
    found = re.search(pattern, page)
    assert found is not None, pattern
    return found


def live_benchmark(bench: Bench, superuser: str, subject: Subject) -> None:
    """B6: from the request that moves a card to the moment when each of 200 open boards hears of it."""
    company = subject.company(5002, 100, superuser)
    moves, number = (10 if bench.rounds < 5 else 60), 200
    port = free_port()
    address = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    seen: list[float] = []
    answers: list[float] = []
    with (
        serving("wsgi:app", "/healthz", address, options=SOCKETS, port=port) as sockets,
        serving("wsgi:app", "/healthz", address) as web,
    ):
        mover = signed_in(web, company.email)
        page = mover.get(web + subject.board, timeout=30).text
        token = _found(r'name="csrf-token" content="([^"]+)"', page)[1]
        card = _found(r'data-card="([0-9a-f-]+)" data-version="(\d+)"', page)
        columns = re.findall(subject.columns, page)
        version = int(card[2])
        with _boards(sockets, cookies_of(mover)["Cookie"], number, subject.heard) as hear:
            for turn in range(moves):
                started = time.monotonic()
                answer = mover.post(
                    web + subject.move.format(id=card[1]),
                    json={**subject.change(columns[(turn + 1) % 2]), "version": version},
                    headers={"X-CSRFToken": token, "Accept": "application/json"},
                    timeout=30,
                )
                assert answer.status_code == 200, answer.text
                answers.append(time.monotonic() - started)
                version, moments = hear()
                if turn:  # the first one fills the caches
                    seen += [1000 * (moment - started) for moment in moments]
                time.sleep(0.2)
    seen.sort()
    p95 = seen[int(len(seen) * 0.95)]
    bench.add(
        "B6" + subject.suffix, f"{subject.what}: a move until {number} open boards know it, p95 in ms", p95, "≤ 150",
        f"median {statistics.median(seen):.0f} ms, slowest {seen[-1]:.0f} ms, "
        f"the mover's own answer {1000 * statistics.median(answers):.0f} ms; {moves - 1} moves",
    )  # fmt: skip
