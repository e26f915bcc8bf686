"""Closing days of the organization: no business hours of the SLA, no working days of the timeline."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select

from app.kernel import clock
from app.kernel.audit import AuditLog
from app.kernel.business_hours import OFFICE, BusinessHours
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.kernel.workdays import Closing, workdays
from app.tasks.bars import free_days
from app.tasks.queries import plan
from app.tasks.queries.sla import Promise
from app.tasks.service.closings import save_closing
from app.tasks.service.sla import Wanted, save_sla
from tests.kernel.test_business_hours import at
from tests.tasks.test_sla import breaches, job
from tests.tasks.test_tasks import make, stored

URL = "/api/v1/tasks/closing-days"
MONDAY = at("2026-11-30 09:00")
SUMMER = Closing(dt.date(2026, 8, 10), dt.date(2026, 8, 21), "Chiusura estiva")


def close(actor: Any, name: str, first: dt.date, last: dt.date | None = None) -> Any:
    with uow(actor):
        return save_closing(None, actor=actor, name=name, first_on=first, last_on=last).id


def test_closing_days_are_neither_business_hours_nor_working_days():
    hours = BusinessHours(OFFICE, closed=(SUMMER,))
    # Friday evening to the Monday after: 15 August is a Saturday, and a public holiday.
    assert hours.add_business_minutes(at("2026-08-07 17:00"), 120) == at("2026-08-24 10:00")
    assert hours.business_minutes_between(at("2026-08-09 00:00"), at("2026-08-24 00:00")) == 0
    days, open_days = workdays("IT", (SUMMER,)), workdays("IT")
    assert days.add(dt.date(2026, 8, 7), 1) == dt.date(2026, 8, 24)
    assert open_days.count(SUMMER.first, SUMMER.last) == 10
    assert days.count(SUMMER.first, SUMMER.last) == 0
    assert not open_days.is_holiday(SUMMER.first)  # the country's calendar is everybody's


def test_open_tasks_follow_a_new_closing_without_telling_anybody(company, actor, rival):
    with uow(actor):
        save_sla(Wanted([Promise("P1", True, None, 480)]), actor=actor)
    with clock.frozen(MONDAY):
        task = make(actor, priority="P1")
        close(rival.admin.actor, "Theirs", dt.date(2026, 12, 2))
        job()
        assert stored(actor, task.id)["sla_due_at"] == at("2026-11-30 18:00")
        version = stored(actor, task.id)["version"]
        closing = close(actor, "Sciopero", dt.date(2026, 11, 30), dt.date(2026, 12, 1))
        job()
        assert stored(actor, task.id)["sla_due_at"] == at("2026-12-02 18:00")
        assert make(actor, priority="P1").sla_due_at == at("2026-12-02 18:00")
    with clock.frozen(at("2026-12-02 09:00")):
        with uow(actor):
            save_closing(closing, actor=actor, name="Altro", first_on=dt.date(2027, 12, 1), last_on=None)
        job()
        assert stored(actor, task.id)["sla_due_at"] == at("2026-11-30 18:00")
        assert (breaches(actor, task.id), stored(actor, task.id)["version"]) == ([], version)
    with tenant_scope(actor):
        told = select(AuditLog.action).where(AuditLog.entity == "closing_day").order_by(AuditLog.seq)
        assert list(db.session.scalars(told)) == ["created", "updated"]


def test_badges_and_the_timeline_know_closing_days(company, actor, sign_in):
    with uow(actor):
        save_sla(Wanted([Promise("P1", True, None, 60)]), actor=actor)
    now = clock.now()
    with clock.frozen(now - dt.timedelta(days=30)):
        make(actor, "Late", priority="P1")
    badge = re.compile(r"SLA breached by [^<\"]+")
    late = badge.findall(sign_in(company.admin).get("/tasks/board", headers={"Accept-Language": "en"}).text)
    assert late
    today = now.date()
    close(actor, "Inverno", today - dt.timedelta(days=25), today + dt.timedelta(days=1))
    shorter = badge.findall(sign_in(company.admin).get("/tasks/board", headers={"Accept-Language": "en"}).text)
    assert shorter and shorter != late
    with tenant_scope(actor):
        days = plan.calendar()
        assert days.count(today - dt.timedelta(days=25), today) == 0
        assert {"day": today, "name": "Inverno"} in free_days(days, today, today)


def test_the_calendar_and_the_page_cost_the_same_however_many_closings(company, actor, sign_in, counting):
    admin = sign_in(company.admin)
    costs = []
    for number in (1, 5):
        for day in range(number):
            close(actor, f"Closed {number}", dt.date(2027, number, day + 1))
        admin.get("/settings/tasks")
        with counting() as statements:
            assert admin.get("/settings/tasks").text.count("Closed") >= number
        with tenant_scope(actor), counting() as asked:
            plan.calendar()
        costs.append((len(statements), len(asked)))
    assert costs[0] == costs[1]
    assert costs[0][1] == 1


# ── REST and the page ────────────────────────────────────────────────────────────────────────────


def test_rest_keeps_closing_days(company, sign_in):
    admin, viewer = sign_in(company.admin), sign_in(company.viewer)
    body = {"name": " Chiusura  estiva ", "first_on": "2026-08-10", "last_on": "2026-08-21"}
    assert viewer.api("POST", URL, json=body).status_code == 403
    made = admin.api("POST", URL, json=body)
    assert (made.status_code, made.json["result"]["name"]) == (201, "Chiusura estiva")
    one = f"{URL}/{made.json['id']}"
    assert admin.api("PATCH", one, json={"last_on": "2026-08-23"}).json["result"]["last_on"] == "2026-08-23"
    assert admin.api("PATCH", one, json={"name": "Another", "version": 1}).status_code == 409
    assert admin.api("PATCH", one, json={"name": ""}).status_code == 422
    single = admin.api("POST", URL, json={"name": "Patrono", "first_on": "2026-06-24"}).json["result"]
    assert single["last_on"] == "2026-06-24"
    assert [one["name"] for one in viewer.api("GET", URL).json["result"]] == ["Patrono", "Chiusura estiva"]
    assert admin.api("DELETE", one).status_code == 200
    assert admin.api("DELETE", one).status_code == 404
    for day in range(3):
        last = admin.api("POST", URL, json={"name": "Long", "first_on": "2030-01-01", "last_on": f"2030-12-{day + 1}0"})
    assert (last.status_code, list(last.json["errors"])) == (422, ["last_on"])  # years of closing days


@pytest.mark.parametrize(
    ("body", "wrong"),
    [({"first_on": "2026-08-10"}, "name"), ({"name": "x" * 81, "first_on": "2026-08-10"}, "name"),
     ({"name": 5, "first_on": "2026-08-10"}, "name"), ({"name": "x"}, "first_on"),
     ({"name": "x", "first_on": "9999-12-31"}, "first_on"), ({"name": "x", "first_on": "soon"}, "first_on"),
     ({"name": "x", "first_on": "2026-08-10", "last_on": "2026-08-09"}, "last_on"),
     ({"name": "x", "first_on": "2026-08-10", "last_on": ["2026-08-09"]}, "last_on")],
)  # fmt: skip
def test_rest_refuses_what_makes_no_sense(acme, sign_in, body, wrong):
    answer = sign_in(acme.admin).api("POST", URL, json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [wrong])


def test_the_page_keeps_closing_days_and_what_was_written(company, sign_in):
    admin = sign_in(company.admin)
    page, form = "/settings/tasks/closings", {"name": "Natale", "first_on": "2026-12-24", "last_on": "2026-12-31"}
    assert admin.post(page, data=form).status_code == 302
    made = admin.api("GET", URL).json["result"][0]
    assert "Natale" in admin.get("/settings/tasks").text
    refused = admin.post(page, data={**form, "id": made["id"], "name": "Other", "last_on": "2026-12-01"})
    assert refused.status_code == 422
    assert refused.text.count("data-autoopen") == 1 and 'value="Other"' in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert admin.post(page, data={**form, "id": made["id"], "last_on": ""}).status_code == 302
    assert admin.api("GET", URL).json["result"][0]["last_on"] == "2026-12-24"
    assert admin.post(f"{page}/{made['id']}/delete").status_code == 302
    assert admin.api("GET", URL).json["count"] == 0
