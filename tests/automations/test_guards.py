"""What keeps rules within bounds: the daily cap, the loop guard, the organization, and private addresses."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import select, update

from app.automations import jobs as automation_jobs
from app.automations import webhooks
from app.automations.models import AutomationCall, AutomationRule
from app.automations.queries.runs import get_rule
from app.automations.service.rules import create_rule
from app.kernel import clock, crypto, i18n
from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.notifications import service as notifications
from tests.automations.helpers import change, dry, get, rule, runs, states, task, tasks

COMMENT = {"type": "comment", "body": "Seen"}
NIGHT = clock.now().replace(month=1, day=15, hour=22, minute=30) + dt.timedelta(days=365)  # 23:30 in Rome


def test_a_daily_cap_stops_a_rule_until_the_next_day_and_tells_once(actor):
    with clock.frozen(NIGHT):
        found = rule(actor, {"type": "created"}, COMMENT, daily_cap=2)
        for _ in range(4):
            task(actor)
        assert states(actor, found) == [("ok", ""), ("ok", ""), ("skipped", "cap")]
        assert (dry(actor, found).count, dry(actor, found).capped) == (2, 2)
    with uow(actor), i18n.force_locale("en"):
        texts = [notifications.text_of(one) for one in notifications.list_notifications(actor.member_id)]
    assert texts == ["The automation “Rule” has reached its limit of 2 runs for today"]
    with clock.frozen(NIGHT + dt.timedelta(hours=1)):  # after midnight in Rome, the same day in UTC
        task(actor)
        assert states(actor, found)[-1] == ("ok", "")


def test_two_rules_that_chase_each_other_stop(actor):
    up = rule(actor, {"type": "changed", "field": "priority", "to": "P1"},
              {"type": "set_field", "field": "priority", "value": "P0"}, name="Up")  # fmt: skip
    down = rule(actor, {"type": "changed", "field": "priority", "to": "P0"},
                {"type": "set_field", "field": "priority", "value": "P1"}, name="Down")  # fmt: skip
    one = task(actor)
    change(actor, one, priority="P1")
    assert states(actor, up) == [("ok", ""), ("skipped", "loop")]
    assert states(actor, down) == [("ok", "")]
    first, second, stopped = runs(actor)
    assert [one.depth for one in (first, second, stopped)] == [1, 2, 3]
    assert (second.caused_by, stopped.caused_by) == (first.id, second.id)
    assert get(actor, one).priority == "P1"
    # The next change of a person starts anew.
    change(actor, one, priority="P2")
    change(actor, one, priority="P1")
    assert states(actor, up)[2:] == [("ok", ""), ("skipped", "loop")]
    assert dry(actor, up).count == 2


def test_a_dry_run_costs_the_same_however_many_events_came_from_rules(actor, counting):
    priority = {"type": "changed", "field": "priority"}
    up = rule(actor, {**priority, "to": "P1"}, {"type": "set_field", "field": "priority", "value": "P0"}, name="Up")
    rule(actor, {**priority, "to": "P0"}, {"type": "set_field", "field": "priority", "value": "P1"}, name="Down")

    def cost(changes):
        for _ in range(changes):
            change(actor, one, priority="P1")
            runs(actor)
            change(actor, one, priority="P2")
            runs(actor)
        with counting() as statements:
            found = dry(actor, up)
        return found.count, len(statements)

    one = task(actor)
    (first, cheap), (second, same) = cost(1), cost(4)
    assert (first, second) == (1, 5)
    assert cheap == same


def test_a_rule_that_makes_what_sets_it_off_stops_after_five(actor):
    found = rule(actor, {"type": "created"}, {"type": "create_task", "title": "Again"})
    task(actor, "First")
    assert states(actor, found) == [("ok", "")] * 5 + [("skipped", "depth")]
    assert tasks(actor) == ["Again"] * 5 + ["First"]
    assert dry(actor, found).count == 5


def test_an_event_that_is_delivered_again_runs_no_rule_again(actor):
    from app.kernel import outbox
    from app.kernel.uow import platform_uow

    found = rule(actor, {"type": "created"}, COMMENT)
    task(actor)
    assert len(runs(actor, found)) == 1
    with platform_uow("relay"):
        db.session.execute(
            update(outbox.Delivery)
            .where(outbox.Delivery.organization_id == actor.organization_id)
            .values(status=outbox.DeliveryStatus.PENDING)
        )
    assert len(runs(actor, found)) == 1


def test_rules_act_in_their_organization_alone(company, actor, rival):
    theirs = rival.admin.actor
    found = rule(actor, {"type": "created"}, COMMENT)
    task(theirs)
    assert runs(actor, found) == []
    person = str(rival.sales.member_id)
    for action in ({"type": "assign", "owner": person}, {"type": "notify", "to": [person], "text": "x"},
                   {"type": "set_field", "field": "parent", "value": str(task(theirs))}):  # fmt: skip
        with pytest.raises(Invalid), uow(actor):
            create_rule(actor=actor, name="R", subject="task", trigger={"type": "created"}, actions=[action])


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────


class Listener:
    """A web server that notes what it is sent, and answers as it is told."""

    def __init__(self):
        self.answers, self.heard = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append((dict(self.headers), body))
                status = outer.answers.pop(0) if outer.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"http://127.0.0.1:{outer.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()


@pytest.fixture
def listener(app, monkeypatch):
    monkeypatch.setitem(app.config, "WEBHOOK_ALLOW_LOOPBACK", True)
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()
    found.thread.join(5)


def calls(actor):
    with tenant_scope(actor):
        return [(one.status, one.attempts, one.answer) for one in db.session.scalars(select(AutomationCall))]


def test_a_webhook_is_signed_and_tried_again_until_it_is_answered(actor, listener):
    listener.answers = [500, 302]
    found = rule(actor, {"type": "created"}, {"type": "webhook", "url": f"http://127.0.0.1:{listener.port}/hook"})
    one = task(actor, "Pump", priority="P1")
    assert states(actor, found) == [("ok", "")]
    assert calls(actor) == [("queued", 1, 500)]
    assert automation_jobs.sweep() == 0  # not due yet
    for minutes, expected in ((1, ("queued", 2, 302)), (5, ("done", 3, 204))):
        with clock.frozen(clock.now() + dt.timedelta(minutes=minutes)):
            automation_jobs.sweep()
            runs(actor)
            assert calls(actor) == [expected]
    headers, body = listener.heard[-1]
    assert len(listener.heard) == 3  # no redirect was followed
    told = json.loads(body)
    assert (told["data"]["record"]["id"], told["data"]["record"]["priority"]) == (str(one), "P1")
    assert told["type"] == "automation.task"
    with tenant_scope(actor):
        secret = crypto.decrypt(get_rule(found).secret)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert len({one["webhook-id"] for one, _body in listener.heard}) == 1


def test_a_webhook_is_given_up_at_last(actor, listener):
    listener.answers = [503] * 20
    rule(actor, {"type": "created"}, {"type": "webhook", "url": f"http://127.0.0.1:{listener.port}/"})
    task(actor)
    runs(actor)
    for days in range(1, 9):
        with clock.frozen(clock.now() + dt.timedelta(days=days)):
            automation_jobs.sweep()
            runs(actor)
    assert calls(actor) == [("failed", 6, 503)]
    assert len(listener.heard) == 6


def test_nothing_leaves_for_a_run_that_fails(actor, listener):
    with clock.frozen(NIGHT):
        found = rule(actor, {"type": "created"}, {"type": "webhook", "url": f"http://127.0.0.1:{listener.port}/"},
                     {"type": "assign", "owner": "creator"}, {"type": "set_field", "field": "due_on", "value": "-9"})  # fmt: skip
        task(actor, start_on=NIGHT.date())
        assert [one for one, _reason in states(actor, found)] == ["failed"]
    assert (listener.heard, calls(actor)) == ([], [])


def test_private_addresses_are_refused_when_they_are_called(actor, listener, app, monkeypatch):
    url = f"http://127.0.0.1:{listener.port}/"
    rule(actor, {"type": "created"}, {"type": "webhook", "url": url})
    monkeypatch.setitem(app.config, "WEBHOOK_ALLOW_LOOPBACK", False)
    task(actor)
    runs(actor)
    assert listener.heard == []
    # A name that leads to this machine, as its owner may make it do at any time.
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_more: [(2, 1, 6, "", ("127.0.0.1", 443))])
    with app.app_context(), i18n.force_locale("en"):
        status, error = webhooks.send(actor.member_id, "https://innocent.example/", {}, webhooks.new_secret())
    assert (status, error) == (None, "Addresses of private networks cannot be called.")


def test_runs_that_the_queue_lost_are_done_by_the_sweep(actor, monkeypatch):
    found = rule(actor, {"type": "created"}, COMMENT)
    with monkeypatch.context() as lost:
        lost.setattr("app.automations.service.running.jobs.enqueue", lambda *_args, **_more: None)
        task(actor)
        assert states(actor, found) == [("queued", "")]
    with clock.frozen(clock.now() + dt.timedelta(minutes=2)):
        assert automation_jobs.sweep() >= 1
    assert states(actor, found) == [("ok", "")]


def test_the_secret_is_no_part_of_what_is_shown(company, sign_in, actor):
    found = rule(actor, {"type": "created"}, COMMENT)
    answer = sign_in(company.admin).api("GET", f"/api/v1/automation-rules/{found}")
    assert answer.status_code == 200
    assert "secret" not in answer.text
    with tenant_scope(actor):
        assert db.session.scalar(select(AutomationRule.secret)) not in answer.text
