"""B8: the product's import of a CSV file against COPY of the same rows."""

from __future__ import annotations

import csv
import io
import resource
import statistics
import time

import psycopg

from app.kernel.uow import uow
from app.sales.imports import running
from app.sales.imports import service as imports
from bench import data
from bench.exports import actor_of
from bench.runs import Bench


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
    company = data.make_company(5001, superuser, deals=10)
    actor = actor_of(company)
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
