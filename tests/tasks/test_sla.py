"""The SLA of tasks: deadlines, breaches, the policy over REST and on its page."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.kernel import clock
from app.kernel.audit import AuditLog
from app.kernel.business_hours import OFFICE, read_week, write_week
from app.kernel.db import db
from app.kernel.outbox import Outbox
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.notifications.models import Notification
from app.tasks import jobs as tasks_jobs
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries.groups import get_row
from app.tasks.queries.sla import Promise
from app.tasks.service import sla as sla_service
from app.tasks.service.sla import Wanted, apply_policy, save_sla
from app.tasks.service.tasks import set_people
from app.tasks.sla import Deadline, SlaState, state_of
from app.tenancy.service.organizations import update_organization
from tests.kernel.test_business_hours import at
from tests.support import work_off
from tests.tasks.test_tasks import change, make, status, stored

# ── the deadlines of a task ──────────────────────────────────────────────────────────────────────

MONDAY = at("2026-11-30 09:00")
P1 = Promise("P1", True, 120, 480)


def job() -> int:
    """The minute's job, and what it has others do."""
    missed = int(tasks_jobs.sla())
    work_off()
    return missed


def promise(company: Any, *promises: Promise, week: Any = None) -> None:
    with uow(company.admin.actor):
        save_sla(Wanted(promises, week), actor=company.admin.actor)
    job()


def shown(actor: Any, task_id: Any) -> str | None:
    with tenant_scope(actor):
        return get_row(task_id).sla


def breaches(actor: Any, task_id: Any) -> list[str]:
    with tenant_scope(actor):
        found = select(Outbox.payload).where(Outbox.name == "tasks.task_sla_breached", Outbox.subject_id == task_id)
        return [one["target"] for one in db.session.scalars(found.order_by(Outbox.seq))]


def told(person: Any) -> list[str]:
    with tenant_scope(person.actor):
        mine = Notification.member_id == person.member_id
        return sorted(db.session.scalars(select(Notification.message).where(mine)))


@pytest.fixture
def actor(company):
    promise(company, P1, Promise("P0", True, None, 60), Promise("P3", False, 60, 60))
    return company.sales.actor


def test_a_task_gets_its_deadlines_when_it_is_made_and_a_new_priority_counts_from_then(actor):
    with clock.frozen(MONDAY):
        task = make(actor, priority="P1")
        assert (task.sla_start_due_at, task.sla_due_at) == (at("2026-11-30 11:00"), at("2026-11-30 18:00"))
        assert (task.sla_start_warn_at, task.sla_warn_at) == (at("2026-11-30 10:36"), at("2026-11-30 16:24"))
        assert make(actor, priority="P2").sla_due_at is None
        assert make(actor, priority="P3").sla_due_at is None  # switched off
        assert make(actor, priority="P1", type="milestone").sla_due_at is None
    with clock.frozen(MONDAY + dt.timedelta(hours=3)):
        task = change(actor, task.id, priority="P0")
        assert (task.sla_start_due_at, task.sla_due_at) == (None, at("2026-11-30 10:00"))
        assert change(actor, task.id, priority="P2").sla_due_at is None
        assert change(actor, task.id, title="Other", priority="P1").sla_due_at == at("2026-11-30 18:00")
        assert change(actor, task.id, type="milestone").sla_due_at is None
    with tenant_scope(actor):
        keys = {key for one in db.session.scalars(select(AuditLog.changes)) for key in one}
    assert "priority" in keys and not any(key.startswith("sla_") for key in keys)


def test_a_badge_says_how_the_current_deadline_stands(actor):
    with clock.frozen(MONDAY):
        task = make(actor, priority="P1")
    for moment, group, expected in (
        ("2026-11-30 09:30", None, "on_time"),
        ("2026-11-30 10:40", None, "at_risk"),
        ("2026-11-30 11:01", None, "breached"),
        ("2026-11-30 11:02", StatusGroup.IN_PROGRESS, "on_time"),  # now it is to be finished
        ("2026-11-30 17:00", None, "at_risk"),
        ("2026-11-30 17:30", StatusGroup.DONE, "met"),
        ("2026-12-05 17:30", None, "met"),
        ("2026-12-05 17:31", StatusGroup.CANCELLED, None),
    ):
        with clock.frozen(at(moment)):
            if group is not None:
                change(actor, task.id, status_id=status(actor, group))
            assert shown(actor, task.id) == expected, moment


@given(
    due=st.none() | st.integers(0, 9),
    warn=st.integers(0, 9),
    ended=st.none() | st.integers(0, 9),
    now=st.integers(0, 9),
)
def test_a_deadline_is_breached_met_at_risk_or_on_time(due, warn, ended, now):
    def moment(hour: int | None) -> Any:
        return None if hour is None else MONDAY + dt.timedelta(hours=hour)

    found = state_of(Deadline(moment(warn), moment(due)), moment(ended), moment(now))
    assert (found is None) == (due is None)
    if due is not None:
        assert (found == SlaState.BREACHED) == ((now if ended is None else ended) > due)
        assert (found == SlaState.MET) == (ended is not None and ended <= due)
        assert found != SlaState.AT_RISK or now >= warn


def test_a_breach_is_told_once_to_owner_collaborators_and_watchers(company, actor):
    with clock.frozen(MONDAY):
        task = make(actor, "Valve", priority="P1", owner_id=company.sales.member_id)
        with uow(actor):
            set_people(task, MemberRole.COLLABORATOR, [company.marketing.member_id], actor=actor)
            set_people(task, MemberRole.WATCHER, [company.viewer.member_id], actor=actor)
    version = stored(actor, task.id)["version"]
    with clock.frozen(at("2026-11-30 10:59")):
        job()
    assert breaches(actor, task.id) == []
    with clock.frozen(at("2026-11-30 11:01")):
        job()
        job()
    assert breaches(actor, task.id) == ["start"]
    assert stored(actor, task.id)["version"] == version + 1
    with clock.frozen(at("2026-12-01 09:00")):
        job()
        job()
    assert breaches(actor, task.id) == ["start", "finish"]
    work_off()
    for person in (company.sales, company.marketing, company.viewer):
        assert told(person) == ["task_sla_finish", "task_sla_start"]
    assert told(company.admin) == []


def test_what_is_finished_late_is_told_at_once_and_what_is_cancelled_never(actor):
    with clock.frozen(MONDAY):
        late, gone = make(actor, priority="P0"), make(actor, priority="P0")
    with clock.frozen(at("2026-11-30 10:30")):
        change(actor, late.id, status_id=status(actor, StatusGroup.DONE))
        change(actor, gone.id, status_id=status(actor, StatusGroup.CANCELLED))
        assert breaches(actor, late.id) == ["finish"] and shown(actor, late.id) == "breached"
        job()
        assert breaches(actor, late.id) == ["finish"] and breaches(actor, gone.id) == []


def test_what_is_opened_again_has_its_time_anew_and_may_be_late_again(actor):
    with clock.frozen(MONDAY):
        task = make(actor, priority="P1", owner_id=actor.member_id)
    with clock.frozen(at("2026-12-01 10:00")):
        change(actor, task.id, status_id=status(actor, StatusGroup.DONE))
    assert breaches(actor, task.id) == ["start", "finish"]
    with clock.frozen(at("2026-12-02 09:00")):
        task = change(actor, task.id, status_id=status(actor, StatusGroup.BACKLOG))
        assert (task.sla_due_at, task.sla_breached_at) == (at("2026-12-02 18:00"), None)
        assert task.sla_started_at == at("2026-12-01 10:00")  # the first time
        assert shown(actor, task.id) == "on_time"
    with clock.frozen(at("2026-12-03 09:00")):
        job()
    assert breaches(actor, task.id) == ["start", "finish", "finish"]


# ── the policy ───────────────────────────────────────────────────────────────────────────────────


def test_a_new_policy_reaches_open_tasks_without_telling_anybody(company, actor):
    with clock.frozen(MONDAY):
        old, new = make(actor, "Old", priority="P2"), make(actor, "Closed", priority="P2")
        change(actor, new.id, status_id=status(actor, StatusGroup.DONE))
    before = stored(actor, old.id)
    with clock.frozen(at("2026-12-02 09:00")):
        promise(company, Promise("P2", True, None, 60))
        job()
        after = stored(actor, old.id)
        assert after["sla_due_at"] == at("2026-11-30 10:00") and after["sla_breached_at"] is not None
        assert (after["version"], after["updated_at"]) == (before["version"], before["updated_at"])
        assert breaches(actor, old.id) == [] and shown(actor, old.id) == "breached"
        assert stored(actor, new.id)["sla_due_at"] is None
        # From seven in the evening on there is nobody; a longer promise is kept again.
        late = [[["19:00", "20:00"]]] * 7
        promise(company, Promise("P2", True, None, 600), week=read_week(late))
        after = stored(actor, old.id)
        assert after["sla_due_at"] == at("2026-12-10 20:00") and after["sla_breached_at"] is None
        promise(company, Promise("P2", False, None, 600))
        assert stored(actor, old.id)["sla_due_at"] is None


def test_a_policy_reaches_all_open_tasks_a_page_at_a_time(company, actor, monkeypatch):
    monkeypatch.setattr(sla_service, "BATCH", 2)
    with clock.frozen(MONDAY):
        tasks = [make(actor, priority="P2") for _ in range(5)]
        before = {one.id: stored(actor, one.id)["sla_due_at"] for one in tasks}
        promise(company, Promise("P2", True, None, 60))
        assert all(stored(actor, one)["sla_due_at"] not in {None, due} for one, due in before.items())
        with tenant_scope(actor):
            assert apply_policy() is None  # nothing is left


def test_a_policy_changed_while_it_is_applied_is_applied_anew(company, actor, monkeypatch):
    monkeypatch.setattr(sla_service, "BATCH", 2)
    with clock.frozen(MONDAY):
        tasks = [make(actor, priority="P2").id for _ in range(3)]
        for hours in (1, 2):  # the second finds the first not applied yet
            with uow(company.admin.actor):
                save_sla(Wanted([Promise("P2", True, None, 60 * hours)]), actor=company.admin.actor)
            if hours == 1:
                with uow(actor):
                    half = apply_policy()
        with uow(actor):
            assert apply_policy(half) is None  # that one begins anew
        job()
        assert {stored(actor, one)["sla_due_at"] for one in tasks} == {at("2026-11-30 11:00")}


def test_another_time_zone_of_the_organization_moves_the_deadlines(company, actor):
    with clock.frozen(MONDAY):
        task = make(actor, priority="P1")
        with uow(company.admin.actor):
            update_organization(actor=company.admin.actor, timezone="Europe/London")
        job()
    assert stored(actor, task.id)["sla_start_due_at"] == at("2026-11-30 12:00")


def test_an_old_task_that_becomes_urgent_is_late_once(actor):
    with clock.frozen(MONDAY):
        task = make(actor, priority="P2")
    with clock.frozen(at("2026-12-04 09:00")):
        change(actor, task.id, priority="P0")
        job()
        change(actor, task.id, priority="P1")
        change(actor, task.id, priority="P0")
        job()
        assert breaches(actor, task.id) == ["finish"]


# ── REST and the page ────────────────────────────────────────────────────────────────────────────

URL = "/api/v1/tasks/sla"


def test_rest_reads_and_changes_what_is_promised(company, sign_in):
    admin, viewer = sign_in(company.admin), sign_in(company.viewer)
    found = viewer.api("GET", URL).get_json()["result"]
    assert found["hours"] == write_week(OFFICE) and found["timezone"] == "Europe/Rome"
    assert [one["priority"] for one in found["policies"]] == ["P0", "P1", "P2", "P3"]
    assert not any(one["is_on"] for one in found["policies"])
    body = {"policies": [{"priority": "P0", "is_on": True, "start_minutes": 30, "finish_minutes": 240}]}
    assert viewer.api("PUT", URL, json=body).status_code == 403
    assert admin.api("PUT", URL, json=body).get_json()["result"]["policies"][0] == body["policies"][0]
    week = [[["08:00", "12:00"], ["13:00", "17:00"]]] * 5 + [[], []]
    assert admin.api("PUT", URL, json={"hours": week}).status_code == 200
    found = viewer.api("GET", URL).get_json()["result"]
    assert found["hours"] == week and found["policies"][0]["start_minutes"] == 30
    task = sign_in(company.sales).api("POST", "/api/v1/tasks/", json={"title": "Pump", "priority": "P0"}).get_json()
    assert task["result"]["sla"] in {"on_time", "at_risk"} and task["result"]["sla_due_at"] is not None


@pytest.mark.parametrize(
    "body",
    [{"policies": {}}, {"policies": [1]}, {"policies": [{"priority": "P9"}]}, {"policies": [{"priority": ["P0"]}]},
     {"policies": [{"priority": "P0", "start_minutes": -5}]}, {"policies": [{"priority": "P0", "start_minutes": 0}]},
     {"policies": [{"priority": "P0", "finish_minutes": 60001}]}, {"policies": [{"priority": "P0", "is_on": "yes"}]},
     {"policies": [{"priority": "P0", "is_on": True}]}, {"policies": [{"priority": "P0", "start_minutes": "1"}]},
     {"policies": [{"priority": "P0", "start_minutes": 60, "finish_minutes": 30}]}, {"hours": "always"},
     {"hours": [1] * 7}, {"hours": [[["18:00", "09:00"]]] * 7}, {"hours": [[]] * 7}, {"hours": [[{"a": 1}]] * 7}],
)  # fmt: skip
def test_rest_refuses_what_makes_no_sense(acme, sign_in, body):
    assert sign_in(acme.admin).api("PUT", URL, json=body).status_code == 422


def form(**values: str) -> dict[str, str]:
    times = {"opens": "09:00", "break_from": "13:00", "break_to": "14:00", "closes": "18:00"}
    week = {f"{key}_{day}": value for day in range(5) for key, value in times.items()}
    return {**week, "on_P0": "1", "start_P0": "0,5", "finish_P0": "4", "finish_P2": "40", **values}


def test_the_page_saves_hours_and_shows_them(company, sign_in, browser):
    admin = sign_in(company.admin)
    assert admin.post("/settings/tasks/sla", data=form(opens_5="09:00", closes_5="12:00")).status_code == 302
    page = admin.get("/settings/tasks").text
    assert 'name="start_P0"' in page and 'id="f-opens_5" name="opens_5" value="09:00"' in page
    found = admin.api("GET", URL).get_json()["result"]
    assert found["hours"][5] == [["09:00", "12:00"]] and found["policies"][0]["start_minutes"] == 30
    assert found["policies"][2] == {"priority": "P2", "is_on": False, "start_minutes": None, "finish_minutes": 2400}
    assert sign_in(company.sales).post("/settings/tasks/sla", data=form()).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [{"start_P0": "-1"}, {"finish_P0": "0"}, {"start_P1": "soon"}, {"finish_P0": "1001"}, {"finish_P0": "0,1"},
     {"start_P0": "", "finish_P0": ""}, {"closes_0": "08:00"}, {"break_to_2": ""}, {"opens_6": "10:00"},
     {"opens_3": "25:99"}, {"start_P0": "NaN"}, {"start_P0": "1e99"},
     {f"{key}_{day}": "" for key in ("opens", "break_from", "break_to", "closes") for day in range(5)}],
)  # fmt: skip
def test_the_page_says_what_is_wrong_and_keeps_what_was_written(acme, sign_in, wrong):
    answer = sign_in(acme.admin).post("/settings/tasks/sla", data=form(**wrong))
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text and 'value="40"' in answer.text


def test_list_board_and_drawer_say_it_in_words(company, actor, sign_in, counting):
    client = sign_in(company.sales)
    with clock.frozen(clock.now() - dt.timedelta(days=14)):
        late = make(actor, "Late", priority="P0")
    make(actor, "Fresh", priority="P1")
    for url in ("/tasks/list", "/tasks/board", f"/tasks/{late.id}/panel"):
        page = client.get(url, headers={"Accept-Language": "en"}).text
        assert "SLA breached by" in page, url
    assert "On time" in client.get("/tasks/board", headers={"Accept-Language": "en"}).text
    assert "Breached" in client.get("/tasks/table?cols=title,sla,sla_due_at&f=sla:in:breached&sort=sla_due_at").text
    found = client.api("GET", "/api/v1/tasks/?q=(filters:!((col:sla,opr:in,value:!(breached))))").get_json()
    assert [one["title"] for one in found["result"]] == ["Late"]
