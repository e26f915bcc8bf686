"""run.py and the embedded servers, for real: they start, recover, refuse in one line, and leave nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from redis import Redis

import config
import run
from app.kernel import embedded
from app.kernel.supervisor import MARK, Supervisor

ROOT = Path(run.__file__).parent
PYTHON = sys.executable
FAKE_WEB = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
print("web is up", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def processes_of(instance: Path) -> list[str]:
    """Command lines of every process that works on ``instance``, this test's own ones excluded."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if str(instance) in command or process.environ().get(MARK) == str(instance):
                found.append(command)
        except (psutil.Error, OSError):
            continue
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """The environment without the settings of other tests."""
    source = (ROOT / "config.py").read_text()
    kept = {name: value for name, value in os.environ.items() if f'"{name}"' not in source}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


def start(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, *arguments, str(ROOT / "run.py")],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], beginning: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith(f"stratikey: {beginning}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def instance() -> Iterator[Path]:
    """A folder with a database in it. Not pytest's own: that one is closed to PostgreSQL's system user."""
    folder = Path(tempfile.mkdtemp(prefix="stratikey-test-", dir="/tmp"))
    stack = embedded.EmbeddedStack(folder, durable=False)
    stack.start()
    stack.stop()
    yield folder
    shutil.rmtree(folder)


# --- one line that names the thing ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "beginning"),
    [
        ({"PORT": "many"}, "PORT: must be a whole number, not 'many'"),
        ({"PORT": "70000"}, "PORT: must be between 1 and 65535, not 70000"),
        ({"HOST": "192.0.2.1"}, "HOST: 192.0.2.1: cannot listen there"),
        ({"MAIL_GATEWAY": "2525"}, "MAIL_GATEWAY: must be host:port, or off, not '2525'"),
        ({"MAIL_GATEWAY": "192.0.2.1:2525"}, "MAIL_GATEWAY: 192.0.2.1: cannot listen there"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY: must have at least 16 characters"),
        ({"REDIS_URL": "redis://127.0.0.1:port"}, "REDIS_URL: no answer"),
        ({"DATABASE_URL": "postgresql://a@127.0.0.1:1/b"}, "ENCRYPTION_KEYS: must be set"),
        (
            {**run.PLACEHOLDERS, "DATABASE_URL": "postgresql://a@127.0.0.1:1/b"},
            "DATABASE_URL: PostgreSQL: psql: error: connection to server",
        ),
    ],
)
def test_a_broken_setting(settings: dict[str, str], beginning: str, tmp_path: Path) -> None:
    settings = {"PORT": str(free_port()), "STRATIKEY_INSTANCE": str(tmp_path), **settings}
    assert_one_line(start(**settings), beginning)
    assert not (tmp_path / "run.json").exists()


def test_a_busy_port(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = start(PORT=str(port), STRATIKEY_INSTANCE=str(tmp_path))
    assert_one_line(done, f"PORT: {port} is in use by another program on 127.0.0.1")


def test_mail_is_received_where_it_can_be_and_where_it_must(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor(environment(), str(tmp_path))
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        listen = busy.getsockname()
        assert not run.receives_mail(supervisor, {}, listen)
        with pytest.raises(config.SettingError, match=f"MAIL_GATEWAY: {listen[1]} is in use"):
            run.receives_mail(supervisor, {"MAIL_GATEWAY": f"127.0.0.1:{listen[1]}"}, listen)
    assert f"No mail is received: MAIL_GATEWAY: {listen[1]} is in use" in capsys.readouterr().out
    assert run.receives_mail(supervisor, {}, ("127.0.0.1", free_port()))
    assert not run.receives_mail(supervisor, {}, None)
    assert "--with-gateway" in run.commands("127.0.0.1", 1, gateway=True)["scheduler"]
    assert "--with-gateway" not in run.commands("127.0.0.1", 1, gateway=False)["scheduler"]


def test_an_instance_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = start(STRATIKEY_INSTANCE=str(tmp_path / "file" / "instance"))
    assert_one_line(done, "STRATIKEY_INSTANCE: cannot write to")


def test_a_python_without_the_packages() -> None:
    assert_one_line(start("-S"), "the Python package 'cryptography' is missing; start with: make run")


def test_a_damaged_secrets_file(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(embedded.StackError, match=r"secrets\.json: damaged"):
        embedded.stored_secrets(tmp_path)


# --- the embedded servers -------------------------------------------------------------------------


def test_the_stack_starts_keeps_its_data_and_leaves_no_process(instance: Path) -> None:
    stack = embedded.EmbeddedStack(instance, durable=False)
    env = stack.start()
    try:
        app, owner = env["DATABASE_URL"], env["MIGRATION_DATABASE_URL"]
        embedded.psql(owner, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
        with pytest.raises(embedded.StackError, match="permission denied"):
            embedded.psql(app, "CREATE TABLE forbidden (id int)")
        with pytest.raises(embedded.StackError, match="permission denied for table kept"):
            embedded.psql(env["PLATFORM_DATABASE_URL"], "SELECT * FROM kept")
        flags = embedded.psql(
            stack.superuser_url,
            "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'stratikey%' AND rolcanlogin"
            " AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)",
        )
        assert flags.strip() == str(len(embedded.ROLES))
        assert embedded.psql(app, "SHOW timezone").strip() == "UTC"
        embedded.ensure_database(stack.superuser_url, "other-one")
        embedded.ensure_database(stack.superuser_url, "other-one")
        other = embedded.database_urls(stack.postgres_host, "other-one")["DATABASE_URL"]
        assert embedded.psql(other, "SELECT current_user, current_database()").strip() == ("stratikey_app|other-one")
        with Redis.from_url(env["REDIS_URL"]) as valkey:
            assert valkey.config_get("maxmemory-policy", "port") == {
                "maxmemory-policy": "noeviction",
                "port": "0",
            }
            valkey.set("queued", "job")
    finally:
        stack.stop()
    assert processes_of(instance) == []

    again = stack.start()
    try:
        assert again == env
        assert embedded.psql(owner, "SELECT id FROM kept").strip() == "7"
        with Redis.from_url(again["REDIS_URL"]) as valkey:
            assert valkey.get("queued") == b"job"
    finally:
        stack.stop()
    assert processes_of(instance) == []
    assert stat.S_IMODE((instance / "secrets.json").stat().st_mode) == 0o600


def test_a_path_that_is_too_long_or_too_odd_for_a_socket(instance: Path) -> None:
    stack = embedded.EmbeddedStack(instance / ("long, and odd " * 8).strip(), durable=False)
    env = stack.start()
    try:
        assert embedded.psql(env["DATABASE_URL"], "SELECT 1").strip() == "1"
        with Redis.from_url(env["REDIS_URL"]) as valkey:
            assert valkey.ping()
        short = Path(stack.postgres_host)
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
    finally:
        stack.stop()
    assert not short.exists()
    assert processes_of(stack.instance) == []


def test_a_note_of_another_process_neither_stops_it_nor_the_start(instance: Path) -> None:
    (instance / "pgdata" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    stack = embedded.EmbeddedStack(instance, valkey=False, durable=False)
    stack.start()
    stack.stop()
    assert processes_of(instance) == []


def test_servers_of_a_killed_supervisor_do_not_hinder_the_next_start(instance: Path) -> None:
    script = (
        "import run, sys, time; from pathlib import Path;"
        "print(run.embedded.EmbeddedStack(Path(sys.argv[1]), durable=False).start(), flush=True);"
        "time.sleep(60)"
    )
    with started(PYTHON, "-c", script, str(instance), env=environment()) as first:
        assert first.stdout is not None
        assert "DATABASE_URL" in first.stdout.readline()
    stack = embedded.EmbeddedStack(instance, durable=False)
    env = stack.start()
    try:
        assert embedded.psql(env["DATABASE_URL"], "SELECT 1").strip() == "1"
    finally:
        stack.stop()
    assert eventually(lambda: processes_of(instance) == [])


def test_a_server_that_does_not_start_says_why(instance: Path) -> None:
    stack = embedded.EmbeddedStack(instance, valkey=False)
    version = instance / "pgdata" / "PG_VERSION"
    right = version.read_text()
    version.write_text("9\n")
    try:
        with pytest.raises(embedded.StackError, match=r"holds data of PostgreSQL 9, not \d+"):
            stack.start()
    finally:
        version.write_text(right)
    assert processes_of(instance) == []


def test_valkey_ends_even_when_it_cannot_save(tmp_path: Path) -> None:
    stack = embedded.EmbeddedStack(tmp_path, postgres=False)
    with Redis.from_url(stack.start()["REDIS_URL"]) as valkey:
        valkey.set("queued", "job")
    process = stack.servers[0].process
    assert process is not None
    shutil.rmtree(tmp_path / "valkey")
    process.terminate()
    assert process.wait(5) == 0
    stack.stop()


def script_server(folder: Path, script: str, *, ready: bool = False, user: Any = None) -> Any:
    """A server that is a Python script."""
    folder.mkdir(exist_ok=True)
    return embedded.Server(
        name="Script",
        argv=[PYTHON, "-S", "-c", script],
        data=folder,
        pid_file=folder / "pid",
        log=folder / "log",
        stop_signal=signal.SIGTERM,
        is_ready=lambda _pid: ready,
        user=user,
    )


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w').close(); time.sleep(60)"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("print('one'); print('FATAL: no room', flush=True); print('two'); raise SystemExit(1)", "FATAL: no room"),
        ("print('only this')", "only this"),
        ("", "it says nothing"),
    ],
)
def test_the_line_that_tells_most_is_told(tmp_path: Path, script: str, why: str) -> None:
    server = script_server(tmp_path, script)
    with pytest.raises(embedded.StackError, match=rf"^Script does not start: {why} \(.*log\)$"):
        server.start(20)
    assert server.process is None
    server.stop()
    with pytest.raises(embedded.StackError):
        server.start(20)
    assert server.log.with_suffix(".old").read_text() == server.log.read_text()


def test_a_server_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    server = script_server(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(embedded.StackError, match="it says nothing"):
        server.start(0.2)
    assert eventually(lambda: processes_of(tmp_path) == [])


def test_a_server_that_does_not_go_is_made_to(tmp_path: Path) -> None:
    server = script_server(tmp_path, STUBBORN, ready=True)
    server.start()
    assert eventually((tmp_path / "up").exists)
    process = server.process
    server.stop(0.2)
    assert process is not None
    assert process.returncode == -signal.SIGKILL


def test_what_a_killed_supervisor_left_is_ended_before_the_next_start(tmp_path: Path) -> None:
    """Or the start refuses: two servers on the same data would break it."""
    for script, ends in (("open('up', 'w').close(); import time; time.sleep(60)", True), (STUBBORN, False)):
        folder = tmp_path / str(ends)
        first, second = script_server(folder, script, ready=True), script_server(folder, script, ready=True)
        left = first.spawn()
        try:
            assert eventually((folder / "up").exists)
            first.pid_file.write_text(f"{left.pid}\n")
            if ends:
                second.end_leftover(20)
                assert left.wait(5) == -signal.SIGTERM
                assert not first.pid_file.exists()
            else:
                with pytest.raises(embedded.StackError, match="an earlier process does not end"):
                    second.end_leftover(0.2)
        finally:
            left.kill()
            left.wait()


def test_a_process_that_has_gone_has_ended() -> None:
    with subprocess.Popen([PYTHON, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        known = psutil.Process(child.pid)
        assert embedded.wait_for_end([known], 0.05) == [known]
    assert embedded.wait_for_end([known], 5) == []


def test_a_process_that_goes_while_it_is_looked_at_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_self: Any) -> str:
        raise psutil.NoSuchProcess(1)

    monkeypatch.setattr(psutil.Process, "status", gone)
    assert embedded.wait_for_end([psutil.Process()], 5) == []


def test_a_password_reaches_psql_and_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    def output(command: list[Any], _what: str, *, env: dict[str, str], **_options: Any) -> str:
        called.append((command, env))
        return ""

    monkeypatch.setattr(embedded, "_output", output)
    embedded.psql("postgresql://me:p%2Fw@127.0.0.1/x", "SELECT 1")
    [(command, env)] = called
    assert env["PGPASSWORD"] == "p/w"
    assert command[-1] == "postgresql://me@127.0.0.1/x"


def test_the_database_folder_of_somebody_who_is_not_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other user is asked for, and none is given to the folder."""
    called: list[dict[str, Any]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(embedded, "_output", lambda _command, _what, **options: called.append(options))
    stack = embedded.EmbeddedStack(tmp_path)
    with pytest.raises(FileNotFoundError):  # nothing was really made
        stack._postgres()
    assert [sorted(one) for one in called] == [["cwd", "env"]]
    assert stack.pgdata.stat().st_uid == os.getuid()


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(embedded.StackError, match="'no_such_wheel' is missing; start with: make run"):
        embedded._package_folder("no_such_wheel")


def test_the_system_user_is_made_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(embedded, "SYSTEM_USER", "nobody-is-called-so")
    monkeypatch.setattr(embedded, "_output", lambda command, _why: made.append(command))
    with pytest.raises(
        embedded.StackError, match=r"does not run as root and needs a system user: .*nobody-is-called-so"
    ):
        embedded._system_user()
    assert made == [["useradd", "--system", "--user-group", "--shell", "/bin/false", "nobody-is-called-so"]]


def test_programs_that_only_their_owner_may_read_are_opened(tmp_path: Path) -> None:
    program, text = tmp_path / "bin" / "tool", tmp_path / "bin" / "words"
    program.parent.mkdir(mode=0o700)
    for path, mode in ((program, 0o700), (text, 0o600)):
        path.touch()
        path.chmod(mode)
    embedded._let_read(program.parent)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (program.parent, program, text)]
    assert modes == [0o705, 0o705, 0o604]


def test_role_names_are_the_same_everywhere() -> None:
    for path in ("migrations/rls.py", "deploy/database.sql"):
        text = (ROOT / path).read_text()
        assert all(role in text for role in embedded.ROLES.values())


# --- the supervisor -------------------------------------------------------------------------------


def test_the_supervisor_never_imports_the_application() -> None:
    """It would take seconds of every start, and memory as long as everything runs."""
    kept = "name.split('.')[0] in {'app', 'flask', 'sqlalchemy'}"
    script = f"import sys, run; print(*(name for name in sys.modules if {kept}))"
    found = subprocess.run(
        [PYTHON, "-c", script], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(found.stdout.split()) == {"app", "app.kernel", "app.kernel.embedded", "app.kernel.supervisor"}


@contextmanager
def stopped_when(supervisor: Supervisor, condition: Callable[[], bool]) -> Iterator[None]:
    """Asks ``supervisor`` to stop once ``condition`` holds, and fails when it never did."""
    held: list[bool] = []

    def watch() -> None:
        held.append(eventually(condition, 8))
        supervisor.request_stop()

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()
    assert held == [True]


@contextmanager
def started(*command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the test, whatever fails in it."""
    with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_output_of_all_children_is_one_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor(environment(), str(tmp_path), grace=5)
    say = f"import time; print('one\\ntwo', end='', flush=True); open('{tmp_path}/said', 'w'); time.sleep(60)"
    complain = "import sys, time; sys.stderr.write('caf\\xe9 \\udcff\\n'); time.sleep(60)"
    with stopped_when(supervisor, (tmp_path / "said").exists):
        supervisor.supervise({"web": [PYTHON, "-c", say], "scheduler": [PYTHON, "-X", "utf8", "-c", complain]})
    lines = capsys.readouterr().out.splitlines()
    assert {"web       | one", "web       | two"} <= set(lines)
    assert all(re.match(r"[a-z]+ +\| ", line) for line in lines)


def test_a_dead_child_is_started_again_after_growing_pauses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor(environment(), str(tmp_path), grace=5, delays=(0.01, 0.02, 0.04))
    log = tmp_path / "log"
    die = f"open('{log}', 'a').write('x'); raise SystemExit(3)"
    with stopped_when(supervisor, lambda: log.exists() and len(log.read_text()) >= 5):
        supervisor.supervise({"worker": [PYTHON, "-S", "-c", die], "absent": [str(tmp_path / "no-such-program")]})
    out = capsys.readouterr().out
    delays = re.findall(r"worker ended with status 3; next start in ([\d.]+) s", out)
    assert delays[:4] == ["0.01", "0.02", "0.04", "0.04"]
    assert "absent cannot start: No such file or directory; next start in 0.01 s" in out


def test_a_child_that_was_healthy_starts_again_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor(environment(), str(tmp_path), healthy=0.0, delays=(0.01, 9.0))
    log = tmp_path / "log"
    die = f"import os; open('{log}', 'a').write('x'); os.kill(os.getpid(), 9)"
    with stopped_when(supervisor, lambda: log.exists() and len(log.read_text()) >= 3):
        supervisor.supervise({"worker": [PYTHON, "-S", "-c", die]})
    assert "worker ended by signal: Killed; next start in 0.01 s" in capsys.readouterr().out


def test_stopping_forgets_nobody(tmp_path: Path) -> None:
    """Neither a child that ignores SIGTERM, nor a grandchild, nor one that left the process group."""
    supervisor = Supervisor(environment(), str(tmp_path), grace=0.3)
    stubborn = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for detach in (False, True):
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"], start_new_session=detach)
open('{tmp_path}/up', 'w')
time.sleep(60)
"""
    began = time.monotonic()
    with stopped_when(supervisor, (tmp_path / "up").exists):
        supervisor.supervise({"worker": [PYTHON, "-c", stubborn]})
    assert eventually(lambda: processes_of(tmp_path) == [], 3)
    assert time.monotonic() - began < 10


def test_one_command_is_run_to_its_end_or_to_the_request_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor = Supervisor(environment(), str(tmp_path))
    assert supervisor.run("setup", [PYTHON, "-S", "-c", "print('done'); raise SystemExit(4)"]) == 4
    assert capsys.readouterr().out == "setup     | done\n"
    with stopped_when(supervisor, lambda: bool(processes_of(tmp_path))):
        assert supervisor.run("setup", [PYTHON, "-S", "-c", "import time; time.sleep(60)"]) == -signal.SIGTERM
    supervisor.supervise({})


def test_a_dead_server_is_started_again(instance: Path) -> None:
    stack = embedded.EmbeddedStack(instance, postgres=False)
    url = stack.start()["REDIS_URL"]
    valkey = stack.servers[0]
    assert valkey.process is not None
    first = valkey.process.pid
    os.kill(first, signal.SIGKILL)
    supervisor = Supervisor(environment(), str(instance), delays=(0.01,))

    def is_back() -> bool:
        return valkey.process is not None and valkey.process.pid != first and valkey.is_ready(0)

    with stopped_when(supervisor, is_back):
        supervisor.supervise({}, stack.servers)
    with Redis.from_url(url) as client:
        assert client.ping()
    stack.stop()
    assert processes_of(instance) == []


# --- the whole ------------------------------------------------------------------------------------


def test_start_to_stop(instance: Path) -> None:
    script = (
        "import sys, run\n"
        "run.prepare = lambda supervisor, demo: supervisor.say(f'prepare {demo=}', 'setup')\n"
        f"run.commands = lambda host, port, gateway: {{'web': [sys.executable, '-c', {FAKE_WEB!r}]}}\n"
        "sys.exit(run.main([]))"
    )
    port = str(free_port())
    env = environment(
        PORT=port, STRATIKEY_INSTANCE=str(instance), SMTP_URL="smtp://127.0.0.1", UNRELATED="1", MAIL_GATEWAY="off"
    )
    note = instance / "run.json"
    with started(PYTHON, "-c", script, env=env) as running:
        assert running.stdout is not None
        seen = ""
        while "Ctrl-C stops it." not in seen:
            line = running.stdout.readline()
            assert line, seen
            seen += line
        assert "setup     | prepare demo=True" in seen
        assert "web       | web is up" in seen
        assert f"Stratikey is ready: http://127.0.0.1:{port}" in seen
        assert "admin@aurora.example" in seen
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
        noted = json.loads(note.read_text())
        assert {*run.PLACEHOLDERS, "PORT", "SMTP_URL", "STRATIKEY_EMBEDDED"} <= set(noted)
        assert not {"PATH", "UNRELATED"} & set(noted)
        second = start(STRATIKEY_INSTANCE=str(instance))
        assert_one_line(second, f"already running here as process {running.pid}")
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        running.wait(20)
    assert rest.endswith("run       | Stopped.\n")
    assert running.returncode == 0
    assert not note.exists()
    assert processes_of(instance) == []


def test_the_database_is_prepared_only_after_a_change(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[bool] = []
    monkeypatch.setattr(run, "prepare", lambda _supervisor, *, demo: prepared.append(demo))
    stack = embedded.EmbeddedStack(instance, valkey=False, durable=False)
    env = stack.start()
    owner = env["MIGRATION_DATABASE_URL"]
    supervisor = Supervisor(env, str(instance))
    try:
        embedded.psql(owner, "CREATE TABLE alembic_version (version_num text)")
        for change in ("", "", "INSERT INTO alembic_version VALUES ('0002')", ""):
            embedded.psql(owner, change)
            run.prepare_embedded(supervisor, instance, demo=True)
        assert len(prepared) == 2
        monkeypatch.setattr(run, "fingerprint", lambda: "another version of the application")
        run.prepare_embedded(supervisor, instance, demo=True)
        assert len(prepared) == 3
    finally:
        stack.stop()
