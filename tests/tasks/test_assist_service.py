"""The AI service: a server on this machine that speaks the format, well or badly."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.kernel.db import db
from app.kernel.errors import Forbidden
from app.kernel.tenant import tenant_scope
from app.kernel.uow import NestedUnitOfWork, end_reading, uow
from app.tasks.assist import remote
from app.tasks.assist.asking import propose
from app.tasks.assist.proposals import Kind
from app.tasks.assist.redacting import redact
from app.tasks.assist.remote import Service
from app.tasks.service.assist import allow_sending
from app.tasks.service.tasks import create_task
from config import SettingError, load
from tests.support import SignedIn
from tests.tasks.test_assist import asked, finished

GOOD = {"lines": [{"text": "Verifica consensi", "minutes": 120}, {"text": "Testi", "minutes": 30}]}


def choice(content: Any, **message: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    return {"choices": [{"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}]}


class Server:
    """Answers what it is told to, one after the other, the last one for ever; keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any, float]] = []
        self.sent: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.transactions: list[bool] = []
        self.watch: Any = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.sent.append({"path": self.path, **body})
                outer.headers.append(self.headers)
                if outer.watch is not None:
                    outer.transactions.append(outer.watch())
                status, answer, wait = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                time.sleep(wait)
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass  # who asked has gone

            def log_message(self, *_args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def service(self) -> Service:
        return Service(f"http://127.0.0.1:{self.http.server_port}/v1", "test-model", "sk-test")

    def says(self, *answers: tuple[Any, ...]) -> None:
        self.answers = [(one[0], one[1], one[2] if len(one) > 2 else 0) for one in answers]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE", 0)
    running = Server()
    running.says((200, choice(GOOD)))
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture
def allowed(company):
    with uow(company.admin.actor):
        allow_sending(True, actor=company.admin.actor)
    return company


def get(company: Any, server: Server, task: Any, kind: Kind = Kind.BREAKDOWN) -> Any:
    with tenant_scope(company.sales.actor):
        return propose(task.id, kind, server.service)


def launch(company: Any, **values: Any) -> Any:
    finished(company.sales.actor, "Lancio campagna estate", minutes=30, children=("Testi",))
    return asked(company.sales.actor, "Lancio campagna inverno", **values)


def test_nothing_is_sent_while_the_switch_is_off(company, server):
    """Off is how an organization starts."""
    task = launch(company)
    found = get(company, server, task)
    assert server.sent == []
    assert not found.asked
    assert [one.text for one in found.lines] == ["Testi"]


def test_its_lines_come_after_one_s_own_and_are_marked(allowed, server):
    task = launch(allowed)
    found = get(allowed, server, task)
    assert [(one.text, one.origin) for one in found.lines] == [("Testi", "history"), ("Verifica consensi", "service")]
    assert (found.asked, found.problem) == (True, None)
    (sent,) = server.sent
    assert sent["path"] == "/v1/chat/completions"
    assert sent["model"] == "test-model"
    assert sent["max_tokens"] <= 1000
    assert sent["response_format"]["type"] == "json_schema"
    assert server.headers[0]["Authorization"] == "Bearer sk-test"
    assert "Italian" in sent["messages"][0]["content"]


def test_an_estimate_and_a_check_list(allowed, server):
    task = launch(allowed)
    server.says((200, choice({"minutes": 240, "reason": "Quattro invii."})))
    found = get(allowed, server, task, Kind.ESTIMATE)
    assert [(one.minutes, one.text, one.origin) for one in found.lines] == [
        (30, "", "history"),
        (240, "Quattro invii.", "service"),
    ]
    server.says((200, choice({"lines": [{"text": "Consensi\n verificati\x07"}]})))
    assert [one.text for one in get(allowed, server, task, Kind.CHECKLIST).lines] == ["Consensi verificati"]


def test_nothing_personal_is_in_what_is_sent(allowed, server):
    people = [allowed.admin.actor.label, allowed.sales.actor.label]
    description = (
        f"Chiedere a {people[0]} e a {people[1].split()[0]}: mario.rossi@cliente.example, +39 045 812 3456, 3331234567. "
        "Budget € 12.500,00 o 3 mila euro; IBAN IT60 X054 2811 1010 0000 0123 456, https://drive.example/x?token=1"
    )
    task = launch(allowed, description=description)
    with uow(allowed.sales.actor):
        create_task(actor=allowed.sales.actor, title=f"Telefonare a {people[0]}", parent_id=task.id)
    get(allowed, server, task)
    text = json.dumps(server.sent, ensure_ascii=False)
    for secret in (*people, *(part for one in people for part in one.split()), "mario.rossi", "cliente.example", "812",
                   "3331234567", "12.500", "3 mila", "X054", "drive.example", "?token"):  # fmt: skip
        assert secret not in text, secret
    assert "Lancio campagna inverno" in text
    assert str(task.id) not in text
    assert "Telefonare a [name]" in text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Scrivere a a.b@c.example.", "Scrivere a [e-mail]."),
        ("Costa 1.200 € e $50k, non 12 pezzi", "Costa [amount] e [amount], non 12 pezzi"),
        ("Chiamare 045/8123456 alle 15:30", "Chiamare [number] alle 15:30"),
        ("CF RSSMRA80A01H501U", "CF [number]"),
        ("P. IVA 01234567890", "P. IVA [number]"),
        ("Anna Beltrami, l’Anna e la marianna", "[name], l’[name] e la marianna"),
        ("Fase 2 di 3, 40 min, 2026", "Fase 2 di 3, 40 min, 2026"),
    ],
)
def test_redaction(text, left):
    assert redact(text, ["Anna Beltrami"]) == left


# ── when it goes wrong: the local proposals stand, and why is said ──────────────────────────────

BAD = [
    ((500, {}),),
    ((503, b"<html>"),),
    ((429, {}), (429, {})),
    ((401, {"error": {"message": "bad key"}}),),
    ((302, {}),),
    ((400, {}),),
    ((200, b"not json"),),
    ((200, b""),),
    ((200, []),),
    ((200, {"choices": []}),),
    ((200, choice("Certo! Ecco le righe")),),
    ((200, choice([1, 2])),),
    ((200, choice({"lines": "Testi"})),),
    ((200, choice({"lines": ["Testi"]})),),
    ((200, choice({"minutes": 5})),),
    ((200, {"choices": [{"message": {"content": None}}]}),),
    ((200, choice(GOOD, refusal="I cannot help")),),
    ((200, {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}),),
    ((200, b"x" * 300_000),),
]


@pytest.mark.parametrize("answers", BAD)
def test_a_failure_is_said_and_one_s_own_proposals_stand(allowed, server, app, answers):
    server.says(*answers)
    task = launch(allowed)
    found = get(allowed, server, task)
    assert found.problem
    assert [one.text for one in found.lines] == ["Testi"]
    retried = answers[0][0] == 429 or answers[0][0] >= 500
    assert len(server.sent) == (2 if retried else 1)


@pytest.mark.parametrize("status", [429, 500, 502])
def test_once_more_after_a_passing_failure(allowed, server, status):
    server.says((status, {}), (200, choice(GOOD)))
    found = get(allowed, server, launch(allowed))
    assert found.problem is None
    assert len(found.lines) == 2
    assert len(server.sent) == 2


def test_it_waits_no_longer_than_its_limit(allowed, server, monkeypatch):
    monkeypatch.setattr(remote, "TIME_LIMIT", 0.4)
    server.says((200, choice(GOOD), 3))
    task = launch(allowed)
    began = time.monotonic()
    found = get(allowed, server, task)
    assert time.monotonic() - began < 2
    assert found.problem
    assert [one.text for one in found.lines] == ["Testi"]


def test_nobody_there(allowed, server):
    server.http.server_close()
    server.http.shutdown()
    assert get(allowed, server, launch(allowed)).problem


def test_values_that_cannot_be_are_left_out(allowed, server):
    server.says((200, choice({"lines": [{"text": "A" * 900, "minutes": -3}, {"text": "", "minutes": 5}, {"text": 7}]})))
    (line,) = get(allowed, server, asked(allowed.sales.actor, "Nuovo")).lines
    assert (len(line.text), line.minutes) == (200, None)
    server.says((200, choice({"minutes": True, "reason": "x"})))
    assert get(allowed, server, asked(allowed.sales.actor, "Nuovo"), Kind.ESTIMATE).problem


def test_no_transaction_is_open_while_the_service_is_asked(allowed, server):
    task = launch(allowed)
    with tenant_scope(allowed.sales.actor):
        session = db.session()
        server.watch = session.in_transaction
        propose(task.id, Kind.BREAKDOWN, server.service)
    assert server.transactions == [False]


def test_a_unit_of_work_is_not_ended_by_a_reader(company):
    with pytest.raises(NestedUnitOfWork), uow(company.sales.actor):
        end_reading()


# ── the switch, the settings, the screen ─────────────────────────────────────────────────────────


def test_only_who_manages_tasks_lets_texts_be_sent(company, app):
    with pytest.raises(Forbidden), uow(company.sales.actor):
        allow_sending(True, actor=company.sales.actor)
    admin = SignedIn(app, company.admin)
    assert "assist_sends" in admin.get("/settings/tasks").text
    assert admin.post("/settings/tasks/assist", data={"assist_sends": "1"}).status_code == 302
    assert 'name="assist_sends" value="1" checked' in admin.get("/settings/tasks").text
    assert admin.post("/settings/tasks/assist", data={}).status_code == 302
    assert 'name="assist_sends" value="1" checked' not in admin.get("/settings/tasks").text


def test_the_screen_marks_what_the_service_wrote_and_tells_its_failures(allowed, server, app, monkeypatch):
    for key, value in {"AI_BASE_URL": server.service.base_url, "AI_MODEL": "m", "AI_API_KEY": None}.items():
        monkeypatch.setitem(app.config, key, value)
    task = launch(allowed)
    browser = SignedIn(app, allowed.sales)
    page = browser.get(f"/tasks/{task.id}/assist?kind=breakdown").text
    assert page.count("sk-aimark") == 1
    assert server.headers[0]["Authorization"] is None
    server.says((200, b"?"))
    page = browser.get(f"/tasks/{task.id}/assist?kind=breakdown").text
    assert "sk-aimark" not in page
    assert 'role="status"' in page
    assert "Testi" in page


def test_settings_are_checked(stack):
    plain = {**stack, "SECRET_KEY": "x" * 20}
    assert load(plain)["AI_BASE_URL"] is None
    assert load({**plain, "AI_BASE_URL": "https://ai.example/v1", "AI_MODEL": "m"})["AI_MODEL"] == "m"
    with pytest.raises(SettingError, match="AI_MODEL"):
        load({**plain, "AI_BASE_URL": "https://ai.example/v1"})
    with pytest.raises(SettingError, match="AI_BASE_URL"):
        load({**plain, "AI_BASE_URL": "ai.example", "AI_MODEL": "m"})
