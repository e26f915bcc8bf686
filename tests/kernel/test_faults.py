"""What goes away comes back: PostgreSQL restarted, Valkey gone, a disk that is full.

Every test here has servers and a web process of its own, so that taking them away hurts nobody else.
"""

from __future__ import annotations

import io
import os
import re
import resource
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import requests
from PIL import Image
from redis import Redis

from app.kernel.embedded import EmbeddedStack, Server
from tests.cast import PASSWORD
from tests.test_run import free_port

ROOT = Path(__file__).resolve().parents[2]
ADMIN = "ada@faults.example"
# What the tests find when they start.
PREPARE = """
from app.bootstrap import create_app
from app.kernel.uow import platform_uow
from flask_migrate import upgrade
from tests import cast
app = create_app()
with app.app_context():
    upgrade()
    with platform_uow("vendor"):
        app.extensions["stratikey.create_permissions"]()
    cast.make_company("Faults", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
"""


def eventually(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """The first true answer, or the last one."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class House:
    """Servers of one's own, the application on them, and a person at a browser."""

    def __init__(self, folder: Path) -> None:
        self.stack = EmbeddedStack(folder, durable=False)
        self.environ = {**os.environ, **self.stack.start(), "LOG_FORMAT": "json", "RATELIMIT_ENABLED": "1"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environ |= {"PUBLIC_URL": self.url, "PORT": str(port), "WEB_CONCURRENCY": "1"}
        self.log = folder / "logs" / "application.log"
        self.running: list[subprocess.Popen[bytes]] = []
        subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=self.environ, check=True, capture_output=True)
        self.web = self.start("run", "--no-reload", "--port", str(port))
        assert eventually(self.is_up), self.log.read_text()
        self.browser = requests.Session()
        self.sign_in(self.browser)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A process of the product that runs on."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
            self.running.append(subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=log, stderr=log))
        return self.running[-1]

    def close(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)
        self.stack.stop()

    def server(self, name: str) -> Server:
        return next(one for one in self.stack.servers if one.name == name)

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def sign_in(self, browser: requests.Session, email: str = ADMIN) -> None:
        page = browser.get(f"{self.url}/login/", timeout=20)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)
        form = {"email": email, "password": PASSWORD, "csrf_token": token}
        answer = browser.post(f"{self.url}/login/", data=form, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text
        page = browser.get(f"{self.url}/settings/profile", timeout=20)
        browser.headers["X-CSRFToken"] = re.search(r'name="csrf-token" content="([^"]+)"', page.text).group(1)

    def get(self, path: str, accept: str = "text/html") -> requests.Response:
        return self.browser.get(self.url + path, headers={"Accept": accept}, timeout=20, allow_redirects=False)

    def post(self, path: str, **kwargs: Any) -> requests.Response:
        headers = {"Accept": "text/html", **kwargs.pop("headers", {})}
        return self.browser.post(self.url + path, headers=headers, timeout=20, allow_redirects=False, **kwargs)

    def upload(self, lines: int, name: str = "companies.csv") -> requests.Response:
        """Sends a file of accounts to the import."""
        body = b"name,description\n" + b"".join(b"Company %d,%s\n" % (one, b"x" * 80) for one in range(lines))
        return self.post("/sales/import/", data={"entity": "accounts"}, files={"file": (name, body)})

    def complaints(self) -> str:
        """The newest lines of the application's log that tell of an error."""
        lines = [one for one in self.log.read_text().splitlines() if '"level": "error"' in one or "Error" in one]
        return "\n".join(lines[-5:])

    def stored(self) -> list[Path]:
        """Every file in the store."""
        return [one for one in (Path(self.environ["STRATIKEY_INSTANCE"]) / "files").rglob("*") if one.is_file()]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="stk-"))
    folder.chmod(0o755)
    found = None
    try:
        found = House(folder)
        yield found
    finally:
        if found is not None:
            found.close()
        shutil.rmtree(folder, ignore_errors=True)


# ── PostgreSQL restarted ─────────────────────────────────────────────────────────────────────────


def restart(server: Server) -> None:
    server.stop()
    server.start()


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/sales/accounts/", "text/html"), ("/api/v1/accounts/", "application/json")],
    ids=["page", "rest"],
)
def test_a_restart_of_postgresql_costs_one_refusal_at_most(house: House, path: str, accept: str) -> None:
    assert house.get(path, accept).status_code == 200
    restart(house.server("PostgreSQL"))
    answers = [house.get(path, accept)]
    house.sign_in(requests.Session())  # the other role's connections, which are as dead
    answers.append(house.get(path, accept))
    assert [one.status_code for one in answers] in ([200, 200], [503, 200]), house.complaints()
    assert "Traceback" not in answers[0].text


def test_while_postgresql_is_away_everybody_is_told(house: House) -> None:
    server = house.server("PostgreSQL")
    server.stop()
    try:
        for _number in range(2):
            page, rest = house.get("/sales/accounts/"), house.get("/api/v1/accounts/", "application/json")
            assert (page.status_code, rest.status_code) == (503, 503)
            assert "not available right now" in page.text
            assert rest.json()["message"].startswith("The service is not available")
        form = {"name": "Never stored", "csrf_token": house.browser.headers["X-CSRFToken"]}
        assert house.post("/sales/accounts/add", data=form).status_code == 503
        assert house.get("/readyz").status_code == 503
        assert house.get("/healthz").status_code == 200
    finally:
        server.start()
    assert eventually(lambda: house.get("/sales/accounts/").status_code == 200)


# ── Valkey gone and back ─────────────────────────────────────────────────────────────────────────


@contextmanager
def without(server: Server) -> Iterator[None]:
    """The server is away; it comes back empty-handed, as after a crash."""
    server.stop()
    try:
        yield
    finally:
        (server.data / "dump.rdb").unlink(missing_ok=True)
        server.start()


def test_work_goes_on_without_valkey_and_jobs_run_when_it_is_back(house: House) -> None:
    checked = house.upload(3)
    page = house.get(checked.headers["Location"])
    assert page.status_code == 200
    with without(house.server("Valkey")):
        started = time.monotonic()
        for path in ("/", "/sales/accounts/", "/sales/pipeline", "/notifications/", "/users/list/"):
            assert house.get(path).status_code == 200, (path, house.complaints())
        assert house.get("/api/v1/accounts/", "application/json").status_code == 200
        other = requests.Session()
        house.sign_in(other)
        with pytest.raises(AssertionError, match="<html"):  # nobody counts attempts, nobody gets in
            house.sign_in(requests.Session(), "nobody@faults.example")
        # What follows from these waits in the database: an import, an event with its notification, a mail.
        assert house.post(f"{checked.headers['Location']}/start").status_code == 302, house.complaints()
        invited = house.post("/users/invite", data={"emails": "late@faults.example", "role": viewer(house)})
        assert invited.status_code == 302, house.complaints()
        assert time.monotonic() - started < 8, "without Valkey nothing may wait for it"
        assert house.get("/readyz").status_code == 503
    house.start("worker")
    house.start("scheduler")
    progress = f"{checked.headers['Location']}/progress"
    done = eventually(lambda: house.get(progress, "application/json").json()["status"] == "done")
    assert done, house.complaints()
    mails = Path(house.environ["STRATIKEY_INSTANCE"]) / "mail"
    assert eventually(lambda: any("late@faults.example" in one.read_text() for one in mails.glob("*.eml")))
    assert eventually(lambda: "companies.csv" in house.get("/notifications/").text), house.complaints()
    assert house.get("/readyz").status_code == 200


def test_the_scheduler_outlives_valkey(house: House) -> None:
    port = free_port()
    house.environ["MAIL_GATEWAY"] = f"127.0.0.1:{port}"
    with house.log.open() as log:
        log.seek(0, os.SEEK_END)
        scheduler = house.start("scheduler", "--with-gateway")
        seen = lambda word: eventually(lambda: word in log.read())  # noqa: E731
        assert seen("scheduler.started")
        with without(house.server("Valkey")):
            assert seen("scheduler.valkey_unreachable")
    with Redis.from_url(house.environ["REDIS_URL"]) as valkey:
        assert eventually(lambda: valkey.keys("rq:scheduler-lock:*")), "it schedules again"
    assert scheduler.poll() is None
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:  # which receives mail, too
        smtp.helo("there.example")
        smtp.mail("a@there.example")
        assert smtp.rcpt(f"requests-{'a' * 26}@localhost")[0] == 550
    scheduler.terminate()
    assert scheduler.wait(20) == 0


def viewer(house: House) -> str:
    """The id of the role that the invitation's form offers for people who only look."""
    return re.search(r'<option value="(\d+)"[^>]*>\s*Viewer', house.get("/users/list/").text).group(1)


# ── the disk is full ─────────────────────────────────────────────────────────────────────────────


@contextmanager
def room_for(process: subprocess.Popen[bytes], size: int) -> Iterator[None]:
    """The process can write ``size`` bytes into a file and no more: its writes fail halfway."""
    limits = psutil.Process(process.pid)
    before = limits.rlimit(resource.RLIMIT_FSIZE)
    limits.rlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        limits.rlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_a_file_clearly_and_keeps_nothing_of_it(house: House) -> None:
    before = house.stored()
    os.truncate(house.log, 0)  # it grows in the same process
    with room_for(house.web, 200_000):
        page = house.upload(4_000, "disk.csv")
        listed = house.get("/sales/import/").text
    assert page.status_code == 503, house.complaints()
    assert "The file could not be stored" in page.text
    assert re.search(r'<option value="accounts"[^>]* selected', page.text), "the form is kept"
    assert house.stored() == before
    assert "disk.csv" not in listed
    assert house.upload(10).status_code == 302


def test_no_room_for_a_picture_keeps_the_form_and_the_old_picture(house: House) -> None:
    before = house.stored()
    picture = io.BytesIO()
    Image.effect_noise((256, 256), 90).convert("RGB").save(picture, "PNG")
    form = {"first_name": "Adelaide", "last_name": "Admin", "locale": "en", "timezone": "Europe/Rome", "theme": "dark"}
    os.truncate(house.log, 0)
    with room_for(house.web, 10_000):
        page = house.post("/settings/profile", data=form, files={"avatar": ("me.png", picture.getvalue())})
    assert page.status_code == 503, house.complaints()
    assert "The file could not be stored" in page.text
    assert 'value="Adelaide"' in page.text
    assert house.stored() == before
    assert 'value="Ada"' in house.get("/settings/profile").text


def test_a_file_that_the_server_cannot_even_receive_is_refused(house: House) -> None:
    os.truncate(house.log, 0)
    with room_for(house.web, 1_000_000):
        page = house.upload(40_000, "large.csv")
    assert page.status_code == 503, house.complaints()
    assert "not available right now" in page.text
