"""Exports in the background: progress, retries, failures that show, files that expire, whose they are."""

from __future__ import annotations

import csv
import datetime as dt
import io
from uuid import UUID, uuid4

import pytest
from openpyxl import load_workbook

from app.exports import running, service, state
from app.exports.models import ExportJob, ExportStatus
from app.kernel import clock, jobs, storage
from app.kernel.crud import export
from app.kernel.crud.fields import cruds
from app.kernel.crud.params import ListParams
from app.kernel.errors import Conflict, NotFound, Unavailable
from app.kernel.uow import uow
from app.sales.models.accounts import Account
from tests.sales import helpers
from tests.support import SignedIn, work_off


@pytest.fixture
def browser(company, sign_in, monkeypatch):
    """Three companies, and a limit of two rows for an export at once."""
    monkeypatch.setattr(export, "INLINE", 2)
    actor = company.admin.actor
    with uow(actor):
        for name, city in (("Alfa", "Verona"), ("=Beta", "Padova"), ("Gamma", "Verona")):
            helpers.db.session.add(Account(name=name, city=city, owner_id=actor.member_id))
    return sign_in(company.admin)


def ask(browser: SignedIn, query: str = "cols=city&sort=-name", fmt: str = "csv") -> str:
    """The id of an export just asked for."""
    answer = browser.post(f"/sales/accounts/export/{fmt}?{query}")
    assert answer.status_code == 303, helpers.words(answer.text)[:300]
    return answer.location.rsplit("/", 1)[1]


def job_of(company, export_id: str) -> ExportJob:
    return helpers.fetch(company.admin.actor, ExportJob, UUID(export_id))


def run(company, export_id: str) -> None:
    running.run_export(export_id, actor=company.admin.actor)


def lines(answer) -> list[list[str]]:
    assert answer.status_code == 200, answer.text[:300]
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))


# ── a short and a long list ──────────────────────────────────────────────────────────────────────


def test_a_long_list_is_exported_in_the_background(browser, company):
    page = browser.get("/sales/accounts/").text
    assert 'method="post" action="/sales/accounts/export/csv?' in page
    assert "download>" not in page
    refused = browser.get("/sales/accounts/export/csv")
    assert refused.status_code == 409 and "in the background" in helpers.words(refused.text)
    short = browser.get("/sales/accounts/?f=city:eq:verona").text
    assert "/export/csv?f=city%3Aeq%3Averona" in short and 'action="/sales/accounts/export' not in short
    assert lines(browser.get("/sales/accounts/export/csv?f=city:eq:verona&cols=city&sort=name")) == [
        ["Name", "City"], ["Alfa", "Verona"], ["Gamma", "Verona"],
    ]  # fmt: skip


@pytest.mark.parametrize("fmt", export.FORMATS)
def test_it_holds_what_the_list_showed_and_its_end_is_told(browser, company, fmt):
    export_id = ask(browser, fmt=fmt)
    assert "Waiting" in browser.get(f"/exports/{export_id}").text
    assert browser.get(f"/exports/{export_id}/download").status_code == 404
    with uow(company.admin.actor):
        helpers.db.session.add(Account(name="Delta", city="Verona"))
    work_off()
    work_off()
    done = browser.get(f"/exports/{export_id}/progress").json
    assert (done["status"], done["position"], done["total"], done["message"]) == ("done", 4, 4, None)
    answer = browser.get(f"/exports/{export_id}/download")
    assert f'filename="accounts-{clock.today("Europe/Rome"):%Y%m%d}.{fmt}"' in answer.headers["Content-Disposition"]
    if fmt == "csv":
        found = lines(answer)
    else:
        found = [list(one) for one in load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True)]
    assert found == [
        ["Name", "City"],
        ["Gamma", "Verona"],
        ["Delta", "Verona"],
        ["Alfa", "Verona"],
        ["'=Beta", "Padova"],
    ]
    bell = helpers.words(browser.get("/notifications/").text)
    assert f"accounts-{clock.today('Europe/Rome'):%Y%m%d}.{fmt} is ready: 4 rows" in bell
    assert "is kept until" in helpers.words(browser.get(f"/exports/{export_id}").text)
    assert "File ready" in browser.get("/exports/").text
    noted = helpers.rows(company.admin.actor, "SELECT changes FROM audit_log WHERE action = 'exported'")
    assert [one.changes for one in noted] == [{"rows": [None, 4], "format": [None, fmt]}]


def test_the_progress_is_pushed_and_can_be_asked_for(browser, company, monkeypatch, app):
    from app.kernel import realtime

    pushed = []
    monkeypatch.setattr(export, "BATCH", 1)
    monkeypatch.setattr(realtime, "push_now", lambda room, event, data: pushed.append((room, event, data["position"])))
    export_id = ask(browser)
    seen = []
    tell = state.tell

    def told(job, position, actor):
        tell(job, position, actor)
        seen.append(state.progress(job)["position"])

    monkeypatch.setattr(state, "tell", told)
    run(company, export_id)
    assert seen == [1, 2, 3]
    room = realtime.user_room(company.admin.user_id, company.id)
    assert [one for one in pushed if one[1] == "export:progress"] == [
        (room, "export:progress", one) for one in (1, 2, 3)
    ]


def test_a_saved_view_is_exported_as_it_is(browser, company):
    saved = browser.post(
        "/views/account/save",
        data={"state": "t=or(city:eq:padova;name:eq:alfa)&sort=name&cols=country~99,city", "options": "1", "name": "V"},
    )
    export_id = ask(browser, saved.location.split("?")[1])
    run(company, export_id)
    found = lines(browser.get(f"/exports/{export_id}/download"))
    assert found == [["Name", "Country", "City"], ["'=Beta", "", "Padova"], ["Alfa", "", "Verona"]]


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def broken(monkeypatch, error: Exception) -> None:
    def put(*_args):
        raise error

    monkeypatch.setattr(type(storage.store()), "put", put)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("The file could not be stored. Try again later."), "could not be stored"),
        (OSError("x"), "on our side"),
    ],
)
def test_a_failure_is_tried_again_and_then_shows_its_reason(browser, company, monkeypatch, error, reason):
    export_id = ask(browser)
    with monkeypatch.context() as patch:
        broken(patch, error)
        for attempt in range(1, state.MAX_ATTEMPTS + 1):
            with pytest.raises(type(error)):
                run(company, export_id)
            job = job_of(company, export_id)
            assert job.attempts == attempt
            assert (job.status == ExportStatus.FAILED) == (attempt == state.MAX_ATTEMPTS)
    work_off()
    page = helpers.words(browser.get(f"/exports/{export_id}").text)
    assert "The export failed." in page and reason in page and "Try again" in page
    bell = helpers.words(browser.get("/notifications/").text)
    assert "failed:" in bell and reason in bell
    assert helpers.scalar(company.admin.actor, "SELECT count(*) FROM audit_log WHERE action = 'exported'") == 0
    assert browser.post(f"/exports/{export_id}/retry").status_code == 303
    work_off()
    assert len(lines(browser.get(f"/exports/{export_id}/download"))) == 4
    assert browser.post(f"/exports/{export_id}/retry").status_code == 409


def test_the_queue_tries_as_often_as_the_export_counts(app):
    spec = jobs._registry["exports.run"]
    assert spec.retries + 1 == state.MAX_ATTEMPTS


def test_what_would_fail_tomorrow_too_fails_at_once(browser, company, monkeypatch):
    export_id = ask(browser)
    monkeypatch.setattr(export, "LIMIT", 2)
    run(company, export_id)
    job = job_of(company, export_id)
    assert (job.status, job.attempts) == (ExportStatus.FAILED, 1)
    assert job.message == "An export holds at most 2 rows. Narrow the list."


def test_without_the_permission_there_is_no_file_any_more(browser, company, sign_in):
    export_id = ask(browser)
    run(company, export_id)
    other = ask(browser, "cols=phone")
    with uow(company.admin.actor) as session:
        for one in session.scalars(helpers.select(ExportJob)):
            one.owner_id = company.viewer.member_id
    running.run_export(other, actor=company.viewer.actor)
    assert job_of(company, other).status == ExportStatus.FAILED
    viewer = sign_in(company.viewer)
    for path in ("", "/download", "/progress"):
        assert viewer.get(f"/exports/{export_id}{path}").status_code == 403


def test_a_job_that_was_killed_too_often_ends_with_a_reason(browser, company):
    export_id = ask(browser)
    with uow(company.admin.actor) as session:
        job = session.get(ExportJob, UUID(export_id))
        job.status, job.attempts = ExportStatus.RUNNING, state.MAX_ATTEMPTS
    run(company, export_id)
    assert "interrupted several times" in (job_of(company, export_id).message or "")
    run(company, export_id)  # a late second start does nothing
    assert job_of(company, export_id).attempts == state.MAX_ATTEMPTS


def test_the_sweep_queues_lost_jobs_and_ends_failed_ones(browser, company, monkeypatch):
    lost, killed = ask(browser), ask(browser, "cols=phone")
    queue = jobs.get_queue("bulk")
    queue.fetch_job(state.job_id(UUID(lost))).delete()
    queue.fetch_job(state.job_id(UUID(killed))).set_status("failed")
    assert running.sweep_exports() >= 2
    assert job_of(company, killed).status == ExportStatus.FAILED
    assert "interrupted" in job_of(company, killed).message
    assert queue.fetch_job(state.job_id(UUID(lost))) is not None
    work_off()
    assert job_of(company, lost).status == ExportStatus.DONE


# ── whose they are, how long, how many ───────────────────────────────────────────────────────────


def test_another_persons_export_is_not_there(browser, company, sign_in, rival):
    export_id = ask(browser)
    run(company, export_id)
    for stranger in (sign_in(company.sales), sign_in(rival.admin)):
        for path in ("", "/progress", "/download"):
            assert stranger.get(f"/exports/{export_id}{path}").status_code == 404
        assert stranger.post(f"/exports/{export_id}/retry").status_code == 404
        assert "accounts-" not in stranger.get("/exports/").text
    assert browser.get(f"/exports/{uuid4()}/download").status_code == 404
    assert sign_in(company.viewer).post("/sales/accounts/export/csv").status_code == 403
    assert browser.post("/sales/accounts/export/exe").status_code == 400
    assert browser.post("/sales/accounts/export/csv?t=or(").status_code == 400


def test_a_file_expires_and_its_line_goes_later(browser, company, sign_in):
    export_id = ask(browser)
    run(company, export_id)
    key = job_of(company, export_id).storage_key
    assert storage.store().open(key).read(3) == b"\xef\xbb\xbf"
    with clock.frozen(clock.now() + state.KEPT + dt.timedelta(minutes=1)):
        assert sign_in(company.admin).get(f"/exports/{export_id}/download").status_code == 409
        assert running.sweep_exports() >= 1
    with pytest.raises(NotFound):
        storage.store().open(key)
    assert job_of(company, export_id).storage_key is None
    page = helpers.words(browser.get(f"/exports/{export_id}").text)
    assert "The file has expired" in page
    assert browser.get(f"/exports/{export_id}/download").status_code == 409
    assert browser.post(f"/exports/{export_id}/retry").status_code == 303
    work_off()
    assert browser.get(f"/exports/{export_id}/download").status_code == 200
    with clock.frozen(clock.now() + state.KEPT + dt.timedelta(minutes=1)):
        assert running.sweep_exports() >= 1
    with clock.frozen(clock.now() + state.REMEMBERED + dt.timedelta(days=1)):
        running.sweep_exports()
    assert browser.get(f"/exports/{export_id}").status_code == 404


def test_nobody_has_more_exports_under_way_than_three(browser, company):
    for _number in range(service.AT_ONCE):
        ask(browser)
    assert browser.post("/sales/accounts/export/csv").status_code == 409
    with pytest.raises(Conflict), uow(company.admin.actor):
        service.start(cruds["account"], ListParams(), "csv", actor=company.admin.actor)
    work_off()
    ask(browser)
