"""Dependencies, plans and their dates: the rules, REST, the chart's data, the price of it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app.kernel import clock
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries import plan
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.dependencies import add_dependency, delete_dependency, update_dependency
from app.tasks.service.planning import Dates, set_dates
from app.tasks.service.tasks import create_task, delete_task, set_people, update_task
from tests.support import SignedIn, work_off

MONDAY = dt.date(2026, 11, 30)
TIMELINE = "/tasks/timeline/data?at=2026-11-30"


def day(number: int) -> dt.date:
    """The n-th day after a Monday."""
    return MONDAY + dt.timedelta(days=number)


def make(actor: Any, title: str, start: int | None = None, due: int | None = None, **values: Any) -> Any:
    dates = {"start_on": None if start is None else day(start), "due_on": None if due is None else day(due)}
    with uow(actor):
        return create_task(actor=actor, title=title, **dates, **values)


def join(actor: Any, before: Any, after: Any, type: str = "FS", lag: int = 0) -> Any:
    with uow(actor):
        return add_dependency(before.id, after.id, actor=actor, type=type, lag=lag)


def close(actor: Any, task: Any) -> None:
    with uow(actor):
        update_task(get_task(task.id), actor=actor, status_id=first_status(StatusGroup.DONE).id)


@pytest.fixture
def seller(app, company):
    return SignedIn(app, company.sales)


@pytest.fixture
def chain(company):
    """Three tasks of three, two and one days, one after the other, and a fourth by itself."""
    actor = company.sales.actor
    tasks = [
        make(actor, "Write", 0, 2),
        make(actor, "Check", 3, 4),
        make(actor, "Send", 7, 7),
        make(actor, "Alone", 0, 0),
    ]
    join(actor, tasks[0], tasks[1])
    join(actor, tasks[1], tasks[2])
    return tasks


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def test_a_loop_is_refused_and_named(company, chain):
    write, check, send, _alone = chain
    with pytest.raises(Invalid) as refused:
        join(company.sales.actor, send, write)
    loop = f"{send.code} “Send” → {write.code} “Write” → {check.code} “Check” → {send.code} “Send”"
    assert loop in str(refused.value)
    with pytest.raises(Invalid):
        join(company.sales.actor, write, write)


def test_a_task_out_of_sight_is_not_named_in_a_loop(company):
    seller, marketer, admin = company.sales.actor, company.marketing.actor, company.admin.actor
    mine, other = make(seller, "Mine"), make(seller, "Other")
    hidden = make(marketer, "Hidden")
    join(admin, mine, hidden)
    join(admin, hidden, other)
    with pytest.raises(Invalid) as refused:
        join(seller, other, mine)
    text = str(refused.value)
    assert "Hidden" not in text and text.count("→") == 3 and text.count("“Other”") == 2


def test_a_task_cannot_depend_on_what_is_above_or_below_it(company):
    actor = company.sales.actor
    top = make(actor, "Top")
    middle = make(actor, "Middle", parent_id=top.id)
    bottom = make(actor, "Bottom", parent_id=middle.id)
    for pair in ((top, bottom), (bottom, top), (middle, top)):
        with pytest.raises(Invalid):
            join(actor, *pair)
    apart = make(actor, "Apart")
    join(actor, apart, bottom)
    with pytest.raises(Invalid) as refused, uow(actor):
        update_task(get_task(middle.id), actor=actor, parent_id=apart.id)
    assert list(refused.value.errors) == ["parent"]


def test_a_pair_is_linked_once_and_lags_have_bounds(company, chain):
    with pytest.raises(Invalid):
        join(company.sales.actor, chain[0], chain[1], "SS")
    for values in ({"lag": 366}, {"type": "SF"}):
        with pytest.raises(Invalid):
            join(company.sales.actor, chain[0], chain[3], **values)


def test_who_may_not_write_the_waiting_task_links_nothing(company):
    seller, marketer = company.sales.actor, company.marketing.actor
    mine, theirs = make(seller, "Mine"), make(marketer, "Theirs")
    with pytest.raises(NotFound):
        join(seller, mine, theirs)
    with uow(marketer):
        set_people(get_task(theirs.id), MemberRole.WATCHER, [seller.member_id], actor=marketer)
    with pytest.raises(Forbidden):
        join(seller, mine, theirs)
    link = join(seller, theirs, mine)
    with pytest.raises(NotFound), uow(company.marketing.actor):
        delete_dependency(link.id, actor=company.marketing.actor)


def test_a_stale_link_is_not_overwritten(company, chain):
    actor = company.sales.actor
    link = join(actor, chain[0], chain[3])
    with uow(actor):
        update_dependency(link.id, actor=actor, lag=2, version=1)
    with pytest.raises(Conflict), uow(actor):
        update_dependency(link.id, actor=actor, type="FF", version=1)


# ── blocked ──────────────────────────────────────────────────────────────────────────────────────


def test_a_task_is_blocked_until_the_last_one_before_it_is_closed(company, seller):
    actor = company.sales.actor
    first, second, last = make(actor, "First"), make(actor, "Second"), make(actor, "Last")
    join(actor, first, last)
    join(actor, second, last)
    join(actor, make(actor, "Beside"), last, "SS")
    for task in (first, second):
        page = seller.get("/tasks/list").text
        assert "Blocked" in page and "Blocked" in seller.get("/tasks/board").text
        close(actor, task)
    assert "Blocked" not in seller.get("/tasks/list").text
    panel = seller.get(f"/tasks/{last.id}/panel").text
    assert "Blocked by" in panel and f"/tasks/{first.id}" in panel


def test_the_bell_rings_for_the_owner_when_nothing_blocks_any_more(company, app):
    sales, admin = company.sales, company.admin
    first, second = make(admin.actor, "First"), make(admin.actor, "Second")
    last = make(admin.actor, "Last", owner_id=sales.member_id)
    join(admin.actor, first, last)
    join(admin.actor, second, last)
    rung = []
    for task in (first, second):
        close(admin.actor, task)
        work_off()
        rung.append("You can start “Last”" in SignedIn(app, sales).get("/notifications/").text)
    assert rung == [False, True]


# ── plans ────────────────────────────────────────────────────────────────────────────────────────


def preview(actor: Any, task: Any, start: int, due: int) -> dict[str, tuple[dt.date, dt.date]]:
    with tenant_scope(actor):
        found = plan.preview_change(task.id, day(start), day(due), actor)
        return {one.task.title: (one.start_on, one.due_on) for one in found.moves}


def test_dependents_move_by_working_days_over_weekends_and_holidays(company, chain):
    actor = company.sales.actor
    assert preview(actor, chain[0], 0, 2) == {}
    # Friday: checking takes Monday and the 9th, for the 8th of December is a holiday; sending the day after.
    assert preview(actor, chain[0], 2, 4) == {"Check": (day(7), day(9)), "Send": (day(10), day(10))}
    assert preview(actor, chain[3], 20, 20) == {}


def test_closed_tasks_stay_and_what_is_not_ones_own_is_said(company):
    seller, marketer = company.sales.actor, company.marketing.actor
    first = make(seller, "First", 0, 1)
    done, theirs = make(seller, "Done", 2, 2), make(marketer, "Theirs", 2, 2)
    with uow(marketer):
        set_people(get_task(theirs.id), MemberRole.WATCHER, [seller.member_id], actor=marketer)
    join(seller, first, done)
    join(company.admin.actor, first, theirs)
    close(seller, done)
    with tenant_scope(seller):
        found = plan.preview_change(first.id, day(3), day(4), seller)
        assert found.moves == [] and [one.title for one in found.held] == ["Theirs"]
        found = plan.preview_layout([first.id, theirs.id], seller)
        assert found.moves == []


def test_dates_are_set_together_or_not_at_all_and_taken_back(company, chain):
    actor = company.sales.actor
    write, check = chain[0], chain[1]
    wanted = [Dates(write.id, 1, day(1), day(3)), Dates(check.id, 1, day(4), day(7))]
    with uow(actor):
        undo = set_dates(wanted, actor=actor)
    assert [one.version for one in undo] == [2, 2]
    with pytest.raises(Conflict) as refused, uow(actor):
        set_dates([Dates(write.id, 2, day(0), day(0)), Dates(check.id, 1, day(0), day(0))], actor=actor)
    assert "Check" in str(refused.value) and refused.value.details["due_on"] == day(7)
    with uow(actor):
        set_dates(undo, actor=actor)
    with tenant_scope(actor):
        assert (get_task(write.id).start_on, get_task(check.id).due_on) == (day(0), day(4))


def test_an_undo_after_somebody_elses_change_is_refused(company, chain):
    actor = company.sales.actor
    with uow(actor):
        undo = set_dates([Dates(chain[0].id, 1, day(1), day(3))], actor=actor)
    with uow(company.admin.actor):
        update_task(get_task(chain[0].id), actor=company.admin.actor, title="Rewrite")
    with pytest.raises(Conflict) as refused, uow(actor):
        set_dates(undo, actor=actor)
    assert company.admin.actor.label in str(refused.value)


# ── the chart ────────────────────────────────────────────────────────────────────────────────────


def test_the_chart_says_what_is_violated_critical_and_free(company, seller, chain):
    actor = company.sales.actor
    early = make(actor, "Early", 1, 1)
    join(actor, chain[0], early)
    data = seller.api("GET", TIMELINE).json
    by_title = {one["title"]: one for one in data["tasks"]}
    assert by_title["Early"]["broken"] == ["“Early” is planned 2 working days too early for “Write”"]
    assert [one["title"] for one in data["tasks"] if one["slack"] == 0] == ["Write", "Check", "Send"]
    assert {"day": "2026-12-08", "name": "Immaculate Conception"} in data["free"]
    assert data["advice"]["moves"] >= 1
    assert by_title["Alone"]["slack"] is None


def test_the_automatic_layout_is_a_preview_of_the_shown_tasks(company, seller, chain):
    actor = company.sales.actor
    early = make(actor, "Early", 1, 1)
    join(actor, chain[0], early)
    ids = [early.id, *(one.id for one in chain)]
    with clock.frozen(dt.datetime(2026, 11, 30, 9, tzinfo=dt.UTC)), tenant_scope(actor):
        moves = plan.preview_layout(ids, actor).moves
        assert [(one.task.title, one.start_on, one.due_on) for one in moves] == [("Early", day(3), day(3))]
        assert plan.preview_layout(ids[1:], actor).moves == []
    url = "/tasks/timeline/layout?at=2026-11-30"
    assert "Early" in [one["title"] for one in seller.api("GET", url).json["result"]]
    assert seller.api("GET", f"{url}&q=Write").json["count"] == 0
    with tenant_scope(actor):
        assert get_task(early.id).start_on == day(1)


def test_tasks_without_dates_and_beyond_the_limit_are_counted(company, seller, monkeypatch, chain):
    from app.tasks.queries import timeline

    monkeypatch.setattr(timeline, "MAX_ROWS", 2)
    make(company.sales.actor, "Someday")
    data = seller.api("GET", TIMELINE).json
    assert data["totals"] == {"shown": 2, "all": 4, "undated": 1}
    assert [one["title"] for one in data["undated"]] == ["Someday"]
    phone = seller.get("/tasks/timeline?at=2026-11-30&fragment=1").text
    assert "2 of 4 tasks are shown" in phone and "1 task without dates" in phone


def test_filters_of_the_address_hold_for_the_timeline(company, seller, chain):
    data = seller.api("GET", f"{TIMELINE}&q=Send").json
    assert [one["title"] for one in data["tasks"]] == ["Send"]
    page = seller.get("/tasks/timeline?q=Send&f=owner:in:me").text
    assert re.search(r'href="/tasks/list\?[^"]*q=Send', page)
    for wrong in ("at=yesterday", "at=0001-01-01", "f=weather:eq:1"):
        assert seller.get(f"/tasks/timeline?{wrong}").status_code == 400


@pytest.mark.parametrize("url", [TIMELINE, "/tasks/timeline?at=2026-11-30&fragment=1",
                                 "/tasks/timeline/layout?at=2026-11-30"])  # fmt: skip
def test_three_times_the_bars_cost_the_same_queries(company, seller, counting, url):
    actor = company.sales.actor
    seen = []
    for count in (4, 8):
        before = make(actor, "Before", 0, 2, owner_id=actor.member_id)
        for number in range(count):
            after = make(actor, f"After {number}", 1, 1, parent_id=None)
            join(actor, before, after)
            make(actor, "Child", 1, 1, parent_id=after.id)
            make(actor, "Undated")
        seller.get(url)
        with counting() as statements:
            assert seller.get(url).status_code == 200
        seen.append(len(statements))
    assert seen[0] == seen[1] <= 16


def test_links_do_not_make_the_drawer_dearer(company, seller, counting, chain):
    seller.get(f"/tasks/{chain[1].id}/panel")
    with counting() as statements:
        page = seller.get(f"/tasks/{chain[1].id}/panel")
    assert "Write" in page.text and "Send" in page.text
    assert len([one for one in statements if "set_config" not in one]) <= 8, statements


def test_a_viewer_sees_the_chart_and_no_control_that_writes(app, company, chain):
    viewer = SignedIn(app, company.viewer)
    page = viewer.get("/tasks/timeline").text
    assert "data-layout" not in page and 'data-writable="0"' in page
    assert not any(one["writable"] for one in viewer.api("GET", TIMELINE).json["tasks"])
    assert "data-newlink" not in viewer.get(f"/tasks/{chain[0].id}/panel").text


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_life_of_a_link_over_rest(company, seller, chain):
    write, _check, send, alone = chain
    url = f"/api/v1/tasks/{alone.id}/dependencies"
    made = seller.api("POST", url, json={"successor": str(send.id), "type": "FF", "lag": -1})
    assert made.status_code == 201
    assert made.json["result"]["predecessor"] == str(alone.id)
    assert seller.api("GET", url).json["count"] == 1
    link = f"/api/v1/tasks/dependencies/{made.json['id']}"
    changed = seller.api("PATCH", link, json={"lag": 3, "version": 1})
    assert (changed.json["result"]["lag"], changed.json["result"]["type"]) == (3, "FF")
    assert seller.api("PATCH", link, json={"lag": 4, "version": 1}).status_code == 409
    loop = seller.api("POST", f"/api/v1/tasks/{write.id}/dependencies", json={"predecessor": str(send.id)})
    assert loop.status_code == 422 and "loop" in loop.json["message"]
    assert seller.api("DELETE", link).status_code == 200
    assert seller.api("GET", url).json["count"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"predecessor": 1}, {"predecessor": "x"}, {"lag": "y"}, {"successor": None, "predecessor": None}]
)
def test_a_link_of_a_wrong_shape_is_refused(seller, chain, body):
    answer = seller.api("POST", f"/api/v1/tasks/{chain[0].id}/dependencies", json=body)
    assert answer.status_code in {404, 422}


@pytest.mark.parametrize("tasks", [None, {}, [], [1], [{"id": 1}], [{"id": "x", "version": 1}], [{"id": "TASK"}],
                                   [{"id": "TASK", "version": "1"}], [{"id": "TASK", "version": 1, "due_on": "soon"}],
                                   [{"id": "TASK", "version": 1, "start_on": "2026-12-02", "due_on": "2026-12-01"}],
                                   [{"id": "TASK", "version": 1}, {"id": "TASK", "version": 1}]])  # fmt: skip
def test_dates_of_a_wrong_shape_change_nothing(company, seller, chain, tasks):
    if isinstance(tasks, list):
        tasks = [
            {**one, "id": str(chain[0].id)} if isinstance(one, dict) and one["id"] == "TASK" else one for one in tasks
        ]
    answer = seller.api("POST", "/api/v1/tasks/dates", json={"tasks": tasks})
    assert answer.status_code in {404, 422}, answer.text
    with tenant_scope(company.sales.actor):
        assert get_task(chain[0].id).version == 1


def test_moving_with_dependents_over_rest_and_the_undo(company, seller, chain):
    write = chain[0]
    found = seller.api("GET", f"/api/v1/tasks/{write.id}/plan?start_on={day(2)}&due_on={day(4)}").json
    assert [one["title"] for one in found["result"]] == ["Check", "Send"]
    tasks = [{key: one[key] for key in ("id", "version", "start_on", "due_on")} for one in found["result"]]
    tasks.append({"id": str(write.id), "version": 1, "start_on": str(day(2)), "due_on": str(day(4))})
    done = seller.api("POST", "/api/v1/tasks/dates", json={"tasks": tasks})
    assert done.json["count"] == 3
    assert seller.api("POST", "/api/v1/tasks/dates", json={"tasks": tasks}).status_code == 409
    assert seller.api("POST", "/api/v1/tasks/dates", json={"tasks": done.json["undo"]}).status_code == 200
    with tenant_scope(company.sales.actor):
        assert get_task(chain[2].id).due_on == day(7)


@pytest.mark.parametrize("days", ["start_on=0001-01-01&due_on=0001-01-02", "due_on=9999-12-31", "start_on=9999-12-31",
                                  "start_on=2026-12-09&due_on=2026-12-01", ""])  # fmt: skip
def test_the_ends_of_time_break_nothing(seller, chain, days):
    assert seller.api("GET", f"/api/v1/tasks/{chain[0].id}/plan?{days}").status_code == 200
    assert seller.api("GET", f"/api/v1/tasks/{chain[0].id}/plan?due_on=soon").status_code == 422


def test_a_picture_of_the_plan_is_ones_own(app, company, seller, chain):
    url = "/api/v1/tasks/baseline"
    assert seller.api("GET", url).json == {"taken_at": None, "dates": {}}
    seller.api("PUT", url)
    taken = seller.api("PUT", url).json
    assert taken["dates"][str(chain[0].id)] == [str(day(0)), str(day(2))]
    assert SignedIn(app, company.admin).api("GET", url).json["dates"] == {}
    assert seller.api("GET", TIMELINE).json["baseline"]["dates"] == taken["dates"]
    assert seller.api("DELETE", url).status_code == 200
    assert seller.api("DELETE", url).status_code == 200
    assert seller.api("GET", TIMELINE).json["baseline"] is None


def test_a_task_that_is_deleted_takes_its_links_along(company, chain):
    actor = company.sales.actor
    with uow(actor):
        delete_task(get_task(chain[1].id), actor=actor)
    with tenant_scope(actor):
        assert plan.list_neighbours(chain[0].id) == []


def test_every_operation_is_described(seller):
    paths = seller.api("GET", "/api/v1/_openapi").json["paths"]
    assert set(paths["/api/v1/tasks/{pk}/dependencies"]) == {"get", "post"}
    assert set(paths["/api/v1/tasks/dependencies/{item}"]) == {"patch", "delete"}
    assert set(paths["/api/v1/tasks/baseline"]) == {"get", "put", "delete"}
    assert "post" in paths["/api/v1/tasks/dates"] and "get" in paths["/api/v1/tasks/{pk}/plan"]
