#!/usr/bin/env python3
"""Starts Stratikey: web server, worker, scheduler and mail gateway under one supervisor; Ctrl-C stops them all.

  python run.py                 everything; on an embedded PostgreSQL and Valkey unless DATABASE_URL is set
  python run.py flask ARGS …    one administrative command, with the embedded servers started for it

Settings come from the environment; README has the table. The supervisor itself never imports the
application: only its children do, so it stays small and survives whatever they do.
"""

from __future__ import annotations

import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - somebody's python3 may be older than what we support
    sys.exit("stratikey: Python 3.11 or newer is needed, this is {}.{}".format(*sys.version_info[:2]))
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports: no traceback

import errno
import fcntl
import hashlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

try:
    import config
    from app.kernel import embedded  # neither this nor the supervisor imports the rest of the application
    from app.kernel.supervisor import Supervisor, end_marked
except ModuleNotFoundError as missing:
    sys.exit(f"stratikey: the Python package {missing.name!r} is missing; start with: make run")

ROOT = Path(__file__).resolve().parent
FLASK = [sys.executable, "-m", "flask", "--app", "app"]
MIGRATE = ["db upgrade", "permissions sync"]
LOAD_DEMO = ["demo load"]
DEMO_ACCOUNTS = (
    "admin@aurora.example  marketing@aurora.example  sales@aurora.example  viewer@aurora.example",
    "admin@bellombra.example  admin@lumen.example  consulente@example.com",
    "vendor@stratikey.example  agent@stratikey.example",
)
# Syntactically right values for what the embedded servers will provide, to check the rest with.
PLACEHOLDERS = {
    **embedded.database_urls("embedded"),
    "REDIS_URL": "unix://embedded",
    "SECRET_KEY": "x" * 16,
    "ENCRYPTION_KEYS": "A" * 43 + "=",
}
SLOW_START = 60.0  # seconds


@contextmanager
def instance_lock(instance: Path) -> Iterator[str | None]:
    """Holds the instance folder; yields None, or the number of the process that has it already."""
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        stream = (instance / "run.lock").open("a+")
    except OSError as error:
        raise config.SettingError(f"STRATIKEY_INSTANCE: cannot write to {instance}: {error.strerror}") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            yield stream.read().strip() or "?"
            return
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield None


def check_port(host: str, port: int, names: tuple[str, str] = ("HOST", "PORT")) -> None:
    """Raises SettingError, with the setting's name, when nobody could listen on host and port."""
    of_host, of_port = names
    if not 0 < port < 65536:
        raise config.SettingError(f"{of_port}: must be between 1 and 65535, not {port}")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise config.SettingError(f"{of_port}: {port} is in use by another program on {host}") from None
        name = f"{of_port}: {port}" if error.errno == errno.EACCES else f"{of_host}: {host}"
        raise config.SettingError(f"{name}: cannot listen there: {error.strerror}") from None


def receives_mail(supervisor: Supervisor, environ: Mapping[str, str], listen: tuple[str, int] | None) -> bool:
    """Whether mail is received. Raises SettingError for an address that was asked for and cannot be had."""
    if listen is None:
        return False
    try:
        check_port(*listen, names=("MAIL_GATEWAY", "MAIL_GATEWAY"))
    except config.SettingError as error:
        if environ.get("MAIL_GATEWAY"):
            raise
        supervisor.say(f"No mail is received: {error}")
        return False
    return True


def check_servers(environ: Mapping[str, str]) -> None:
    """Raises SettingError when a server that the settings name does not answer."""
    for name in embedded.ROLES:
        if environ.get("DATABASE_URL") and environ.get(name):
            try:
                embedded.psql("postgresql://" + environ[name].partition("://")[2], "SELECT 1")
            except embedded.StackError as error:
                raise config.SettingError(f"{name}: {error}") from None
    try:
        valkey = urlsplit(environ.get("REDIS_URL", ""))
        if valkey.hostname:
            socket.create_connection((valkey.hostname, valkey.port or 6379), timeout=10).close()
    except (OSError, ValueError) as error:
        raise config.SettingError(f"REDIS_URL: no answer: {error}") from None


def fingerprint() -> str:
    """Changes whenever a file of the application does: then the database may need new tables or rights."""
    digest = hashlib.sha256()
    for folder in ("app", "migrations", "translations"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".pyc", ".mo"} and "dist" not in path.parts and path.is_file():
                info = path.stat()
                digest.update(f"{path.relative_to(ROOT)} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def prepare(supervisor: Supervisor, *, demo: bool) -> None:
    """Brings the database up to date: schema, permissions, demo data."""
    supervisor.say("Database: migrations, permissions" + (", demo data …" if demo else " …"))
    steps = MIGRATE + (LOAD_DEMO if demo else [])
    status = supervisor.run("setup", [sys.executable, str(ROOT / "run.py"), "prepare", *steps])
    if status != 0 and not supervisor.stopping:
        raise embedded.StackError(f"the database could not be prepared (status {status}; the lines above say why)")


def prepare_embedded(supervisor: Supervisor, instance: Path, *, demo: bool) -> None:
    """As prepare(), but only when the application or the database changed since the last time."""
    note = instance / "prepared"

    def state() -> str:
        sql = "SELECT string_agg(version_num, ',' ORDER BY version_num) FROM alembic_version"
        with suppress(embedded.StackError):
            return f"{fingerprint()} {embedded.psql(supervisor.env['MIGRATION_DATABASE_URL'], sql).strip()}"
        return ""

    if not note.exists() or note.read_text() != state():
        prepare(supervisor, demo=demo)
        if not supervisor.stopping:
            embedded.write_private(note, state())


def run_commands(lines: Sequence[str]) -> None:
    """Runs flask commands one after the other on one application, which takes seconds to import."""
    from click import ClickException  # noqa: PLC0415 - never in the supervisor
    from flask.cli import FlaskGroup  # noqa: PLC0415

    from app import create_app  # noqa: PLC0415

    app = create_app()
    flask = FlaskGroup(create_app=lambda: app)
    for line in lines:
        try:
            flask.main(line.split(), prog_name="flask", standalone_mode=False)
        except ClickException as error:
            error.show()
            sys.exit(error.exit_code)


def commands(host: str, port: int, *, gateway: bool) -> dict[str, list[str]]:
    """The supervised processes. The scheduler, which has little to do, receives mail too, if anybody does."""
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    web = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", bind]
    web += ["--workers", "1", "--worker-class", "gthread", "--threads", "48", "--keep-alive", "5"]
    web += ["--graceful-timeout", "10", "--log-level", "warning", "--no-control-socket"]
    background = ["nice", "-n", "5", *FLASK]  # pages first, at the start above all
    scheduler = [*background, "scheduler", *(["--with-gateway"] if gateway else [])]
    return {"web": web, "worker": [*background, "worker"], "scheduler": scheduler}


def readiness(host: str, port: int) -> list[str]:
    """What /readyz still misses; nothing when everything is there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((host, port), timeout=10) as client:
            client.sendall(f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            answer = b"".join(iter(partial(client.recv, 65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        if head.split()[1] == b"200":
            return []
        return [name for name, ready in json.loads(body)["checks"].items() if not ready] or ["?"]
    except (OSError, ValueError, LookupError):
        return ["web server"]


def announce(supervisor: Supervisor, host: str, port: int, banner: str) -> None:
    """Says ``banner`` once everything is ready; what is missing, when that takes long."""
    began, told = time.monotonic(), False
    while not supervisor.stopping and (missing := readiness(host, port)):
        if not told and time.monotonic() - began > SLOW_START:
            supervisor.say(f"Not ready yet, still missing: {', '.join(missing)}")
            told = True
        time.sleep(0.25)
    if not supervisor.stopping:
        supervisor.say(banner)


def note_for_commands(environ: Mapping[str, str], provided: Mapping[str, str]) -> str:
    """run.json: what `flask --app app …` in another terminal needs to work on the same servers."""
    source = (ROOT / "config.py").read_text()
    given = {name: value for name, value in environ.items() if value and f'"{name}"' in source}
    return json.dumps({**given, **provided}, indent=2) + "\n"


@contextmanager
def running_servers(
    environ: Mapping[str, str], instance: Path
) -> Iterator[tuple[dict[str, str], list[embedded.Server]]]:
    """The settings that lead to the servers, and those servers that were started for them."""
    check_servers(environ)
    if environ.get("DATABASE_URL"):
        yield {}, []
        return
    stack = embedded.EmbeddedStack(instance, valkey=not environ.get("REDIS_URL"))
    own_keys = {name: environ[name] for name in ("SECRET_KEY", "ENCRYPTION_KEYS") if environ.get(name)}
    provided = {**stack.start(), **own_keys}
    try:
        yield provided, stack.servers
    finally:
        stack.stop()


def serve(environ: Mapping[str, str]) -> None:
    """Runs everything until a signal says stop."""
    with_embedded = not environ.get("DATABASE_URL")
    given = {name: value for name, value in environ.items() if value}
    settings = config.load({**PLACEHOLDERS, **given} if with_embedded else environ)
    instance, host, port = Path(settings["INSTANCE"]), settings["HOST"], settings["PORT"]
    with instance_lock(instance) as holder:
        if holder:
            raise embedded.StackError(f"already running here as process {holder} (instance folder {instance})")
        end_marked(str(instance))
        check_port(host, port)
        supervisor = Supervisor(environ, str(instance))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, supervisor.request_stop)
        gateway = receives_mail(supervisor, environ, settings["MAIL_GATEWAY"])
        supervisor.say("Starting " + ("PostgreSQL and Valkey …" if with_embedded else "…"))
        with running_servers(environ, instance) as (provided, started):
            supervisor.env.update(provided)
            with_demo = "REDIS_URL" in provided
            note = instance / "run.json"
            try:
                if with_embedded:
                    embedded.write_private(note, note_for_commands(environ, provided))
                    prepare_embedded(supervisor, instance, demo=with_demo)
                elif environ.get("MIGRATION_DATABASE_URL"):
                    prepare(supervisor, demo=False)
                banner = f"\nStratikey is ready: {settings['PUBLIC_URL']}\n"
                if with_demo:
                    accounts = "".join(f"  {line}\n" for line in DEMO_ACCOUNTS)
                    banner += f"Demo accounts, password {settings['DEMO_PASSWORD']}:\n{accounts}"
                teller = threading.Thread(
                    target=announce, args=(supervisor, host, port, banner + "Ctrl-C stops it.\n"), daemon=True
                )
                teller.start()
                supervisor.supervise(commands(host, port, gateway=gateway), started)
            finally:
                note.unlink(missing_ok=True)
        supervisor.say("Stopped.")


def run_flask(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """One flask command, on the running servers or on ones started for it; returns its status."""
    instance = config.instance_folder(environ)
    with instance_lock(instance) as holder:
        if holder or environ.get("DATABASE_URL"):
            return subprocess.call([*FLASK, *arguments], cwd=ROOT)
        with running_servers(environ, instance) as (provided, _):
            process = subprocess.Popen([*FLASK, *arguments], cwd=ROOT, env={**environ, **provided})
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command has its own
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            return process.wait()


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status; a problem of the surroundings is one line, never a traceback."""
    try:
        match arguments:
            case []:
                serve(os.environ)
            case ["flask", *rest]:
                return run_flask(os.environ, rest)
            case ["prepare", *lines]:
                run_commands(lines)
            case _:
                sys.stdout.write(__doc__ or "")
                return 0 if set(arguments) & {"-h", "--help"} else 2
    except (config.SettingError, embedded.StackError) as error:
        sys.stderr.write(f"stratikey: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"stratikey: {error.filename or 'system'}: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
