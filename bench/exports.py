"""B11: the export of a long list."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from uuid import UUID

import psutil

from app.bootstrap import create_app
from app.exports import running, service
from app.exports.models import ExportJob
from app.kernel.crud.fields import cruds
from app.kernel.crud.params import ListParams
from app.kernel.uow import platform_uow, uow
from app.tenancy import queries
from app.tenancy.security.identity.jobs import load_member_actor
from bench import data
from bench.stack import ROOT

if TYPE_CHECKING:
    from app.kernel.actor import Actor
    from bench.runs import Bench


def actor_of(company: data.Company) -> Actor:
    """The company's administrator."""
    with platform_uow("vendor"):
        user = queries.find_user(company.email)
        assert user is not None
        member = next(one for one in queries.organizations_of(user.id) if one.id == company.id).member_id
    return load_member_actor(company.id, member)


def export_benchmark(bench: Bench, superuser: str) -> None:
    """B11: seconds and peak memory of a worker that exports a tenth of the rows, then all of them."""
    many = 20_000 if bench.rounds < 5 else 100_000
    for number, fmt in enumerate(("csv", "xlsx")):
        found = {}
        for rows in (many // 10, many):
            company = data.make_company(7001 + 2 * number + (rows == many), superuser, tasks=rows)
            actor = actor_of(company)
            with uow(actor):
                address = service.start(cruds["task"], ListParams(sort="due_on"), fmt, actor=actor)
            # In a process of its own, whose peak is that of this export.
            call = f"export_once({str(company.id)!r}, {company.email!r}, {address[9:]!r})"
            script = f"from bench.exports import export_once; {call}"
            done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
            found[rows] = [float(one) for one in done.stdout.split()[-3:]]
        (idle, peak, seconds), (_idle, small_peak, _seconds) = found[many], found[many // 10]
        memory = f"{idle:.0f} MB before, peak {small_peak:.0f} → {peak:.0f} MB"
        bench.add(
            "B11", f"export of {many:,} tasks as {fmt.upper()}, peak memory against a tenth of them", peak / small_peak,
            "≤ 1.1", f"{seconds:.1f} s, {many / seconds:,.0f} rows/s; {memory}",
        )  # fmt: skip


def export_once(organization_id: str, email: str, export_id: str) -> None:
    """Runs an export in this process; prints the memory before, the peak (MB) and the seconds."""
    app = create_app({"PUBLIC_URL": "http://127.0.0.1"})
    with app.app_context():
        actor = actor_of(data.Company(UUID(organization_id), "", email, 0))
        idle = psutil.Process().memory_info().rss / 1e6
        started = time.perf_counter()
        running.run_export(export_id, actor=actor)
        seconds = time.perf_counter() - started
        with uow(actor) as session:
            job = session.get(ExportJob, UUID(export_id))
            assert job is not None
            assert job.status == "done", job.message
    print(idle, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, seconds)
