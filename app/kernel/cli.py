"""Commands of the kernel: worker, scheduler, permissions, events, audit, catalogues."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import structlog
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from rq import Queue, Worker
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from app.kernel import assets, audit, catalogues, jobs, license_check, mail, outbox, valkey
from app.kernel.db import db
from app.kernel.feature import Schedule, registry
from app.kernel.ids import parse_id
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

log = structlog.get_logger()
ROOT = Path(__file__).resolve().parents[2]

KERNEL_SCHEDULES = [
    Schedule("kernel.sweep", every=60),
    Schedule("kernel.sweep_mail", every=60),
    Schedule("kernel.prune", every=3600),
]


@jobs.job("kernel.relay", queue="critical", timeout=60, retries=0)
def _relay(**_context: Any) -> int:
    return outbox.relay()


@jobs.job("kernel.deliver", timeout=300, retries=0)
def _deliver(delivery_id: str, **_context: Any) -> bool:
    return outbox.deliver(UUID(delivery_id))


@jobs.job("kernel.send_mail", timeout=60, retries=0)
def _send_mail(message_id: str, **_context: Any) -> bool:
    return mail.deliver(UUID(message_id))


@jobs.job("kernel.sweep", queue="critical", timeout=120, retries=0)
def _sweep(**_context: Any) -> int:
    return outbox.sweep()


@jobs.job("kernel.sweep_mail", timeout=300, retries=0)
def _sweep_mail(**_context: Any) -> int:
    return mail.sweep()


@jobs.job("kernel.prune", queue="bulk", timeout=300, retries=0)
def _prune(**_context: Any) -> int:
    """Drops what has served: idempotency keys after a day, delivered events after 30 days."""
    with platform_uow("jobs") as session:
        done = session.execute(
            db.text("DELETE FROM idempotency_key WHERE created_at < now() - interval '1 day'")
        ).rowcount  # type: ignore[attr-defined]
        done += session.execute(
            db.text(
                "DELETE FROM outbox o WHERE o.relayed_at < now() - interval '30 days' AND NOT EXISTS "
                "(SELECT 1 FROM delivery d WHERE d.event_id = o.id AND d.status <> 'done')"
            )
        ).rowcount  # type: ignore[attr-defined]
        done += session.execute(
            db.text("DELETE FROM auth_session WHERE expires_at < now() - interval '1 day'")
        ).rowcount  # type: ignore[attr-defined]
    return int(done)


def init_app(app: Flask) -> None:
    """Registers the commands."""
    for command in (worker, scheduler, gateway, licenses):
        app.cli.add_command(command)
    for group in (permissions, events, audit_group, i18n):
        app.cli.add_command(group)


@click.command()
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@with_appcontext
def worker(burst: bool) -> None:
    """Run background jobs from all queues, the critical ones first."""
    db.engines[None].dispose()
    connection = valkey.connection(blocking=True)
    queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in jobs.QUEUES]
    found = Worker(queues, connection=connection, serializer=JSONSerializer)
    log.info("worker.started")
    found.work(burst=burst, logging_level="WARNING", with_scheduler=False)


def _until_stopped() -> threading.Event:
    """Set once a signal says stop."""
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_args: stop.set())
    return stop


@contextmanager
def _receiving_mail() -> Iterator[None]:
    """Receives mail while it lasts. Raises ClickException where that cannot be."""
    listen = current_app.config["MAIL_GATEWAY"]
    if listen is None:
        raise click.ClickException("MAIL_GATEWAY: is off")
    from app.kernel.mail_gateway import Gateway  # noqa: PLC0415 - no other command needs its libraries

    gateway = Gateway(current_app._get_current_object(), *listen)  # type: ignore[attr-defined]
    try:
        gateway.start()
    except OSError as error:
        raise click.ClickException(
            f"MAIL_GATEWAY: cannot listen at {listen[0]}:{listen[1]}: {error.strerror}"
        ) from None
    log.info("mail.gateway_started", port=listen[1])
    try:
        yield
    finally:
        gateway.stop()
        log.info("mail.gateway_stopped")


@click.command()
@with_appcontext
def gateway() -> None:
    """Receive mail by SMTP, for the mailboxes of features (setting MAIL_GATEWAY)."""
    stop = _until_stopped()
    with _receiving_mail():
        stop.wait()


@click.command()
@click.option("--with-gateway", is_flag=True, help="Receive mail too, as `flask gateway` does, to spare a process.")
@with_appcontext
def scheduler(with_gateway: bool) -> None:
    """Queue periodic jobs, and retries when they are due. Run exactly one."""
    stop = _until_stopped()
    with _receiving_mail() if with_gateway else nullcontext():
        _schedule(stop)


def _schedule(stop: threading.Event) -> None:
    connection = valkey.connection()
    retries = RQScheduler(list(jobs.QUEUES), connection=connection, serializer=JSONSerializer)
    plans = [*KERNEL_SCHEDULES, *registry.schedules]
    due = {one: one.first(time.time()) for one in plans}
    log.info("scheduler.started", jobs=len(plans))
    while not stop.is_set():
        try:
            retries.acquire_locks()  # type: ignore[no-untyped-call]
            retries.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]
            retries.heartbeat()  # type: ignore[no-untyped-call]
            for one in plans:
                if time.time() >= due[one]:
                    due[one] = one.after(time.time())
                    jobs.enqueue_now(one.job, {}, job_id=f"schedule-{one.job}", unique=True)
        except valkey.RedisError as error:
            log.warning("scheduler.valkey_unreachable", error=str(error)[:200])
        stop.wait(1.0)
    retries.release_locks()  # type: ignore[no-untyped-call]
    log.info("scheduler.stopped")


permissions = AppGroup("permissions", help="Permission pairs of Flask-AppBuilder.")


@permissions.command("sync")
def permissions_sync() -> None:
    """Create the permission pairs that features declare and the database lacks."""
    create = current_app.extensions["stratikey.create_permissions"]
    with platform_uow("vendor"):
        made = create()
    click.echo(f"{made} permissions created")


events = AppGroup("events", help="Events and their deliveries.")


@events.command("relay")
def events_relay() -> None:
    """Relay what is committed and due, now and in this process."""
    click.echo(f"{outbox.sweep()} events and deliveries queued")


audit_group = AppGroup("audit", help="The audit log.")


@audit_group.command("verify")
@click.argument("slug", required=False)
def audit_verify(slug: str | None) -> None:
    """Recompute the hash chain of one organization (by SLUG) or of all."""
    broken = 0
    with platform_scope("vendor"):
        rows = db.session.execute(
            db.text("SELECT id, slug FROM organization WHERE slug = coalesce(:slug, slug) ORDER BY slug"),
            {"slug": slug},
        ).all()
        if not rows:
            raise click.ClickException(f"no organization {slug!r}")
        for organization_id, name in rows:
            checked, broken_seq = audit.verify(parse_id(organization_id))
            state = "ok" if broken_seq is None else f"BROKEN at {broken_seq}"
            click.echo(f"{name}: {checked} rows, {state}")
            broken += broken_seq is not None
    if broken:
        sys.exit(1)


i18n = AppGroup("i18n", help="Translation catalogues.")
LOCALES = ("it", "en")


def _babel(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "babel.messages.frontend", *arguments], cwd=ROOT, check=True)


def extract(target: Path) -> None:
    """Collects every string of Python and templates into a template catalogue."""
    _babel(
        "extract",
        "-F",
        "translations/babel.cfg",
        "-k",
        "_l",
        "-k",
        "lazy_gettext",
        "--no-location",
        "--sort-output",
        "--omit-header",
        "-o",
        str(target),
        "app",
    )


@i18n.command("update")
def i18n_update() -> None:
    """Extract strings and bring the catalogues up to date; new ones are left empty."""
    template = ROOT / "translations" / "messages.pot"
    extract(template)
    for locale in LOCALES:
        po = ROOT / "translations" / locale / "LC_MESSAGES" / "messages.po"
        # Babel would write dates and names into the header: ours is kept as it is.
        header = po.read_text().split("\n\n", 1)[0]
        options = ["--no-fuzzy-matching", "--ignore-obsolete", "--omit-header"]
        _babel("update", "-i", str(template), "-d", "translations", "-l", locale, *options)
        po.write_text(f"{header}\n\n{po.read_text()}")
    template.unlink()


@i18n.command("compile")
def i18n_compile() -> None:
    """Compile the catalogues."""
    assets.compile_catalogues()


@i18n.command("check")
def i18n_check() -> None:
    """Fail when a string is missing, fuzzy or obsolete in a catalogue."""
    found = catalogues.problems()
    for line in found[:50]:
        click.echo(line)
    if found:
        raise click.ClickException(f"{len(found)} problems in the catalogues")
    click.echo("catalogues complete")


@click.command()
def licenses() -> None:
    """Fail when a dependency's licence is not permissive."""
    problems = license_check.check()
    for line in problems:
        click.echo(line)
    if problems:
        raise click.ClickException(f"{len(problems)} dependencies need a look")
    click.echo("licences ok")
