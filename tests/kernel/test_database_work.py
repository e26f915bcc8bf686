"""Audit, outbox, unit of work, jobs, idempotency."""

from __future__ import annotations

import datetime as dt
import os
import threading
import uuid
from dataclasses import dataclass
from typing import ClassVar

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from app.kernel import audit, clock, constraints, jobs, outbox, valkey
from app.kernel.actor import system_actor
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, Unavailable
from app.kernel.outbox import Delivery, Event, Outbox
from app.kernel.tenant import MissingScope, tenant_scope
from app.kernel.uow import NestedUnitOfWork, after_commit, platform_uow, uow
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.leads import Lead
from tests.architecture.walls import superuser_engine

# ── audit ────────────────────────────────────────────────────────────────────────────────────────


def history(company):
    with tenant_scope(system_actor(company.id)):
        return db.session.scalars(select(AuditLog).order_by(AuditLog.seq)).all()


def test_a_change_is_noted_from_and_to_in_one_chain(app, company):
    actor = company.sales.actor
    with uow(actor) as session:
        account = Account(name="Noted")
        session.add(account)
    with uow(actor) as session:
        session.get(Account, account.id).city = "Roma"
    with uow(actor) as session:
        session.delete(session.get(Account, account.id))
    rows = [one for one in history(company) if one.entity == "account"]
    assert [one.action for one in rows] == ["created", "updated", "deleted"]
    assert rows[1].changes == {"city": [None, "Roma"]}
    assert rows[2].changes["name"] == ["Noted", None]
    assert {one.actor_id for one in rows} == {company.sales.member_id}
    assert rows[0].actor_label == "Sam Seller"
    with tenant_scope(actor):
        checked, broken = audit.verify(company.id)
    assert broken is None
    assert checked == len(history(company))


def test_a_rolled_back_change_leaves_no_trace(app, company):
    before = len(history(company))
    with pytest.raises(RuntimeError, match="stop"), uow(company.sales.actor) as session:
        session.add(Account(name="Never"))
        session.flush()
        raise RuntimeError("stop")
    assert len(history(company)) == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET entity_label = 'forged' WHERE organization_id = :o AND seq = 2",
        "UPDATE audit_log SET changes = '{}' WHERE organization_id = :o AND seq = 2",
        "UPDATE audit_log SET at = at + interval '1 hour' WHERE organization_id = :o AND seq = 2",
        "DELETE FROM audit_log WHERE organization_id = :o AND seq = 2",
    ],
)
def test_tampering_by_the_superuser_is_found(app, company, change):
    for name in ("One", "Two", "Three"):
        with uow(system_actor(company.id)) as session:
            session.add(Account(name=name))
    engine = superuser_engine()
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # past the trigger
        connection.execute(text(change), {"o": company.id})
    engine.dispose()
    with tenant_scope(system_actor(company.id)):
        assert audit.verify(company.id)[1] in {2, 3}


LAST = "(SELECT max(seq) FROM audit_log WHERE organization_id = :o)"


@pytest.mark.parametrize(
    ("change", "offset"),
    [
        (f"DELETE FROM audit_log WHERE organization_id = :o AND seq = {LAST}", 0),
        (f"DELETE FROM audit_log WHERE organization_id = :o AND seq > {LAST} - 2", -1),
        ("DELETE FROM audit_log WHERE organization_id = :o", None),
        ("DELETE FROM audit_head WHERE organization_id = :o", None),
        ("UPDATE audit_head SET seq = seq - 1 WHERE organization_id = :o", 0),
        ("UPDATE audit_head SET hash = repeat('f', 64) WHERE organization_id = :o", 0),
    ],
)
def test_a_log_cut_at_its_end_is_found(app, company, change, offset):
    """Every row that is left is right: only the head knows that there were more."""
    for name in ("One", "Two", "Three"):
        with uow(system_actor(company.id)) as session:
            session.add(Account(name=name))
    last = len(history(company))
    engine = superuser_engine()
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # past the trigger
        connection.execute(text(change), {"o": company.id})
    engine.dispose()
    broken = 1 if offset is None else last + offset
    with tenant_scope(system_actor(company.id)):
        assert audit.verify(company.id) == (len(history(company)), broken)
    told = app.test_cli_runner().invoke(args=["audit", "verify", company.slug])
    assert told.exit_code == 1
    assert f"BROKEN at {broken}" in told.output


@pytest.mark.parametrize("setting", ["DATABASE_URL", "PLATFORM_DATABASE_URL", "MIGRATION_DATABASE_URL"])
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_no_role_of_the_product_rewrites_the_log(app, acme, setting, statement):
    with psycopg.connect(os.environ[setting], autocommit=True) as connection:
        connection.execute("SELECT set_config('app.organization_id', %s, false)", [str(acme.id)])
        assert connection.execute("SELECT count(*) FROM audit_log").fetchone()[0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_log_of_another_organization_can_be_neither_written_nor_read(app, acme, rival):
    with pytest.raises(ProgrammingError, match="another organization"), uow(system_actor(rival.id)):
        audit.record("forged", entity="x", entity_id="x", label="x", organization_id=acme.id)
    with pytest.raises(ProgrammingError, match="another organization"), tenant_scope(system_actor(rival.id)):
        audit.verify(acme.id)


def test_secrets_are_masked(app, company):
    from app.tenancy.models import Invitation
    from tests.tenancy.helpers import role_id

    role = role_id(company, "Viewer")
    with uow(system_actor(company.id)) as session:
        session.add(Invitation(email="m@x.example", role_id=role, token_hash="a" * 64, expires_at=clock.now()))
    row = next(one for one in history(company) if one.entity == "invitation")
    assert row.changes["token_hash"] == [None, audit.MASK]
    assert "aaaa" not in str(row.changes)


def test_two_writers_of_one_organization_follow_each_other(app, company):
    def write(name):
        with app.app_context(), uow(system_actor(company.id)) as session:
            session.add(Account(name=name))

    threads = [threading.Thread(target=write, args=(f"Racer {number}",)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    rows = history(company)
    assert [one.seq for one in rows] == list(range(1, len(rows) + 1))
    with tenant_scope(system_actor(company.id)):
        assert audit.verify(company.id) == (len(rows), None)


# ── outbox ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Pinged(Event):
    """Something of the tests happened."""

    name: ClassVar[str] = "test.pinged"
    subject_kind: ClassVar[str] = "account"
    text: str


@pytest.fixture
def heard(app):
    """What a handler got; its ``fail`` makes it raise."""
    found = {"events": [], "fail": 0}

    def handler(event):
        db.session.add(Lead(name=f"Heard {event.payload['text']}"))
        if found["fail"]:
            found["fail"] -= 1
            raise RuntimeError("not today")
        found["events"].append(event)

    outbox.subscribe(Pinged, "test.handler", handler)
    yield found
    del outbox.subscriptions["test.pinged"]


def emit(company, word):
    with uow(company.sales.actor):
        outbox.emit(Pinged(subject_id=company.id, text=word))


def delivery(company):
    with platform_uow("relay") as session:
        return session.scalar(
            select(Delivery).where(Delivery.organization_id == company.id, Delivery.handler == "test.handler")
        )


def leads(company):
    with tenant_scope(system_actor(company.id)):
        return db.session.scalars(select(Lead.name)).all()


def test_an_event_reaches_its_handler_once(company, heard, run_jobs):
    emit(company, "a")
    assert heard["events"] == []
    run_jobs()
    assert [one.payload for one in heard["events"]] == [{"text": "a"}]
    assert heard["events"][0].organization_id == company.id
    assert heard["events"][0].actor_label == "Sam Seller"
    done = delivery(company)
    assert done.status == "done"
    assert outbox.deliver(done.id) is True
    outbox.relay()
    run_jobs()
    assert len(heard["events"]) == 1
    assert leads(company) == ["Heard a"]


def test_an_event_of_a_rolled_back_unit_is_never_told(company, heard, run_jobs):
    with pytest.raises(RuntimeError, match="no"), uow(company.sales.actor):
        outbox.emit(Pinged(subject_id=company.id, text="never"))
        raise RuntimeError("no")
    run_jobs()
    assert heard["events"] == []


def test_a_second_event_soon_after_the_first_is_relayed_too(company, heard, run_jobs):
    """The relay's job has a fixed name; having run a moment ago must not keep it from running."""
    for number, word in enumerate(("one", "two", "three"), 1):
        emit(company, word)
        worker_only(run_jobs)
        assert len(heard["events"]) == number


def worker_only(run_jobs):
    """Works off the queues without the sweep that would pick up what was not queued."""
    real = outbox.sweep
    outbox.sweep = lambda: 0
    try:
        run_jobs()
    finally:
        outbox.sweep = real


def test_a_failing_handler_is_retried_later_and_its_half_work_undone(company, heard, run_jobs):
    heard["fail"] = 1
    emit(company, "b")
    run_jobs()
    first = delivery(company)
    assert (first.status, first.attempts) == ("pending", 1)
    assert "not today" in first.last_error
    assert leads(company) == []
    assert first.next_at > clock.now() + dt.timedelta(seconds=2)
    outbox.sweep()
    assert delivery(company).attempts == 1  # not due yet
    with clock.frozen(clock.now() + dt.timedelta(seconds=6)):
        run_jobs()
    assert delivery(company).status == "done"
    assert leads(company) == ["Heard b"]


def test_a_handler_that_always_fails_is_given_up_visibly_and_can_be_retried(company, heard, run_jobs, stella, sign_in):
    heard["fail"] = 100
    emit(company, "c")
    outbox.relay()
    at = clock.now()
    for _attempt in range(outbox.MAX_ATTEMPTS):
        with clock.frozen(at):
            assert outbox.deliver(delivery(company).id) is False
        at += dt.timedelta(hours=2)
    failed = delivery(company)
    assert (failed.status, failed.attempts) == ("failed", 6)
    staff = sign_in(stella)
    assert "test.handler" in staff.get("/platform/jobs").text
    heard["fail"] = 0
    assert staff.post(f"/platform/jobs/{failed.id}/retry").status_code == 302
    run_jobs()
    assert delivery(company).status == "done"
    assert leads(company) == ["Heard c"]


def test_a_delivery_without_its_handler_fails_and_stays(company, heard, run_jobs):
    emit(company, "d")
    outbox.relay()
    old = outbox.subscriptions["test.pinged"].pop("test.handler")
    assert outbox.deliver(delivery(company).id) is False
    assert "no handler" in delivery(company).last_error
    outbox.subscriptions["test.pinged"]["test.handler"] = old


# ── unit of work ─────────────────────────────────────────────────────────────────────────────────


def test_effects_happen_after_the_commit_and_only_then(app, company):
    seen = []
    with uow(company.sales.actor) as session:
        session.add(Account(name="Effect"))
        after_commit(lambda: seen.append("done"))
        after_commit(lambda: seen.append("keyed"), key="k")
        after_commit(lambda: seen.append("keyed"), key="k")
        after_commit(lambda: 1 / 0)
        assert seen == []
    assert seen == ["done", "keyed"]
    with pytest.raises(RuntimeError, match="x"), uow(company.sales.actor):
        after_commit(lambda: seen.append("never"))
        raise RuntimeError("x")
    with uow(company.sales.actor):
        pass
    assert "never" not in seen


def test_units_do_not_nest(app, company):
    with uow(company.sales.actor), pytest.raises(NestedUnitOfWork), uow():
        raise AssertionError


def test_the_slower_of_two_writers_gets_a_conflict(app, company):
    with uow(company.sales.actor) as session:
        account = Account(name="Contended")
        session.add(account)
    with pytest.raises(Conflict), uow(company.sales.actor) as session:
        mine = session.get(Account, account.id)

        def other():
            with app.app_context(), uow(company.admin.actor) as faster:
                faster.get(Account, account.id).city = "Roma"

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        mine.city = "Milano"
    with tenant_scope(system_actor(company.id)):
        assert db.session.get(Account, account.id).city == "Roma"


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([{"name": "Same"}, {"name": "same"}], None),
        ([{"name": None}], "name"),
        ([{"name": "x" * 500}], "_"),
        ([{"name": "Odd", "owner_id": uuid.UUID(int=1)}], "owner_id"),
        ([{"name": "Nul\x00"}], "_"),
    ],
)
def test_broken_constraints_are_said_as_fields_without_sql(app, company, rows, field):
    with pytest.raises(Invalid) as error, uow(company.sales.actor) as session:
        for one in rows:
            session.add(Account(**one))
            session.flush()
    words = str(error.value) + str(error.value.errors)
    assert field is None or field in error.value.errors
    for secret in ("INSERT", "psycopg", "uq_", "fk_", "relation"):
        assert secret not in words


def test_deleting_what_others_refer_to_is_a_conflict(app, company):
    from app.tenancy.models import Membership

    with uow(system_actor(company.id)) as session:
        member = Membership(display_name="Owner", status="placeholder")
        session.add(member)
        session.flush()
        session.add(Contact(name="Owned", owner_id=member.id))
    with pytest.raises(Conflict) as error, uow(system_actor(company.id)) as session:
        session.delete(session.get(Membership, member.id))
    assert "contact" not in str(error.value)


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────

RAN: list = []


@jobs.job("test.note", retries=0)
def note(*, actor, word):
    RAN.append((actor.kind.value, actor.organization_id, actor.member_id, word))
    if word == "boom":
        raise RuntimeError("boom")


def test_a_job_runs_after_the_commit_as_the_person_who_queued_it(company, run_jobs):
    RAN.clear()
    with uow(company.sales.actor):
        jobs.enqueue("test.note", {"word": "hello"})
    with pytest.raises(RuntimeError, match="no"), uow(company.sales.actor):
        jobs.enqueue("test.note", {"word": "never"})
        raise RuntimeError("no")
    run_jobs()
    assert [("user", company.id, company.sales.member_id, "hello")] == RAN


def test_arguments_are_json_in_valkey(company, app):
    with uow(company.sales.actor):
        jobs.enqueue("test.note", {"word": "plain"}, job_id=f"plain-{company.slug}")
    raw = valkey.connection().hget(f"rq:job:plain-{company.slug}", "data")
    import zlib

    assert b'"plain"' in (zlib.decompress(raw) if raw[:1] == b"x" else raw)
    jobs.get_queue("default").fetch_job(f"plain-{company.slug}").delete()


def test_a_named_job_is_queued_once_while_it_waits_and_again_when_it_has_ended(company, run_jobs):
    RAN.clear()
    for _ in range(3):
        jobs.enqueue_now("test.note", {"word": "once"}, job_id=f"named-{company.slug}", unique=True)
    run_jobs()
    assert len(RAN) == 1
    jobs.enqueue_now("test.note", {"word": "again"}, job_id=f"named-{company.slug}", unique=True)
    run_jobs()
    assert [one[3] for one in RAN] == ["once", "again"]


def test_a_named_job_that_failed_is_seen_and_does_not_block_its_name(company, run_jobs):
    RAN.clear()
    name = f"failing-{company.slug}"
    jobs.enqueue_now("test.note", {"word": "boom"}, job_id=name, unique=True)
    run_jobs()
    assert name in {one.id for one in jobs.failed_jobs()}
    jobs.enqueue_now("test.note", {"word": "fine"}, job_id=name, unique=True)
    run_jobs()
    assert [one[3] for one in RAN] == ["boom", "fine"]


def test_the_work_of_somebody_who_lost_access_is_not_done(company, run_jobs, sign_in):
    RAN.clear()
    with uow(company.viewer.actor):
        jobs.enqueue("test.note", {"word": "late"})
    sign_in(company.admin).post(f"/users/{company.viewer.member_id}/remove")
    run_jobs()
    assert RAN == []


@jobs.job("test.bill", retries=0, when_suspended=True)
def bill(*, actor, word):
    RAN.append((actor.kind.value, actor.organization_id, actor.member_id, word))


@jobs.job("test.retried", retries=2)
def retried(*, actor, word):
    RAN.append((actor.kind.value, actor.organization_id, actor.member_id, word))


def set_status(company, status):
    from app.tenancy.models import Organization

    with platform_uow("vendor") as session:
        session.get(Organization, company.id).status = status


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_the_work_of_a_suspended_organization_waits(company, acme, heard, run_jobs, stella, sign_in, status):
    """Its own jobs are not done and are seen; the platform's, other organizations' and billing's are."""
    RAN.clear()
    name = f"{status}-{company.slug}"
    with uow(company.sales.actor):
        jobs.enqueue("test.retried", {"word": "member"}, job_id=name)
        jobs.enqueue("test.bill", {"word": "bill"})
    with uow(system_actor(company.id)):
        jobs.enqueue("test.note", {"word": "system"})
    emit(company, "event")
    with uow(acme.sales.actor):
        jobs.enqueue("test.note", {"word": "other"})
    jobs.enqueue_now("test.note", {"word": "platform"})
    set_status(company, status)
    run_jobs()
    assert {one[3] for one in RAN} == {"bill", "other", "platform"}
    assert len(heard["events"]) == 1
    waiting = next(one for one in jobs.failed_jobs() if one.id == name)
    assert waiting.get_status() == "failed"  # not scheduled for further attempts
    staff = sign_in(stella)
    assert "Non eseguito: l’organizzazione è sospesa" in staff.get("/platform/jobs").text
    # Back in service, the vendor has it done.
    set_status(company, "active")
    assert staff.post(f"/platform/jobs/rq/{name}/retry").status_code == 302
    run_jobs()
    assert RAN[-1] == ("user", company.id, company.sales.member_id, "member")


# ── idempotency ──────────────────────────────────────────────────────────────────────────────────


def test_a_repeated_post_happens_once(company, sign_in):
    person, key = sign_in(company.sales), uuid.uuid4().hex

    def post(name, key):
        return person.api("POST", "/api/v1/accounts/", json={"name": name}, headers={"Idempotency-Key": key})

    first, again = post("Only once", key), post("Only once", key)
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert post("Another body", key).status_code == 422
    assert post("Another key", uuid.uuid4().hex).status_code == 201
    assert person.api("GET", "/api/v1/accounts/").json["count"] == 2


def test_a_refused_post_leaves_its_key_free(company, sign_in):
    person, key = sign_in(company.sales), {"Idempotency-Key": uuid.uuid4().hex}
    assert person.api("POST", "/api/v1/accounts/", json={}, headers=key).status_code == 422
    assert person.api("POST", "/api/v1/accounts/", json={"name": "Now right"}, headers=key).status_code == 201


def test_a_key_of_another_organization_is_free(company, rival, sign_in):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"name": f"Shared key {uuid.uuid4().hex[:6]}"}
    first = sign_in(company.sales).api("POST", "/api/v1/accounts/", json=body, headers=key)
    second = sign_in(rival.sales).api("POST", "/api/v1/accounts/", json=body, headers=key)
    assert first.status_code == second.status_code == 201
    assert first.json["id"] != second.json["id"]


def test_a_key_of_a_colleague_is_free(company, sign_in):
    """Nobody gets an answer that was given to somebody else."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"name": f"Same key {uuid.uuid4().hex[:6]}"}
    first = sign_in(company.sales).api("POST", "/api/v1/contacts/", json=body, headers=key)
    second = sign_in(company.admin).api("POST", "/api/v1/contacts/", json=body, headers=key)
    refused = sign_in(company.viewer).api("POST", "/api/v1/contacts/", json=body, headers=key)
    assert (first.status_code, second.status_code, refused.status_code) == (201, 201, 403)
    assert first.json["id"] != second.json["id"]
    again = sign_in(company.sales).api("POST", "/api/v1/contacts/", json=body, headers=key)
    assert again.json == first.json


def test_events_of_one_tenant_are_not_in_anothers_outbox(company, rival, heard):
    emit(company, "mine")
    with tenant_scope(system_actor(rival.id)):
        assert db.session.scalar(select(Outbox.id).where(Outbox.name == "test.pinged")) is None
    heard["events"].clear()


# ── odd answers and races ────────────────────────────────────────────────────────────────────────


def refuse(session, state, constraint=""):
    """PostgreSQL refuses, as a constraint or a lost race of this name would make it."""
    session.execute(
        text(f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}', CONSTRAINT = '{constraint}'; END $$")
    )


@pytest.mark.parametrize(
    ("state", "constraint", "errors"),
    [
        ("23505", "uq_of_nobody", {"_": ["This value is already in use."]}),
        ("23503", "fk_of_nobody", {"_": ["This record does not exist."]}),
        ("23514", "ck_of_nobody", {"_": ["This combination of values is not allowed."]}),
        ("23514", "ck_known", {"rot_days": ["In words of its own."]}),
    ],
)
def test_a_constraint_that_nobody_knows_is_said_without_its_name(app, company, monkeypatch, state, constraint, errors):
    monkeypatch.setitem(constraints.check_messages, "ck_known", ("rot_days", "In words of its own."))
    with pytest.raises(Invalid) as error, uow(company.sales.actor) as session:
        refuse(session, state, constraint)
    assert error.value.errors == errors


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_lost_race_is_a_conflict(app, company, state):
    with pytest.raises(Conflict), uow(company.sales.actor) as session:
        refuse(session, state)


def test_a_session_works_in_its_own_scope_only(app, company, acme):
    with tenant_scope(company.sales.actor):
        mine = db.session()
        with tenant_scope(acme.sales.actor), pytest.raises(MissingScope):
            mine.scalars(select(Account)).all()


def test_the_log_takes_any_value_as_json_and_hides_bytes(app, company):
    moment = dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    told = {"raw": b"secret", "set": frozenset([uuid.UUID(int=1)]), "pair": (1, moment)}
    with uow(company.sales.actor):
        audit.record(
            "seen",
            entity="x",
            entity_id="x",
            label="x",
            changes={key: [None, audit.plain(one)] for key, one in told.items()},
        )
    row = next(one for one in history(company) if one.action == "seen")
    assert row.changes == {
        "raw": [None, audit.MASK],
        "set": [None, [str(uuid.UUID(int=1))]],
        "pair": [None, [1, "2026-01-01T10:00:00+00:00"]],
    }


def test_a_fact_of_no_organization_is_not_logged(app):
    with pytest.raises(ValueError, match="belongs to an organization"), platform_uow("vendor"):
        audit.record("seen", entity="x", entity_id="x", label="x")


def test_a_value_that_is_set_to_what_it_was_is_no_change(app, company):
    with uow(company.sales.actor) as session:
        account = Account(name="Same", city="Roma")
        session.add(account)
    with uow(company.sales.actor) as session:
        found = session.get(Account, account.id)
        found.city, found.name = "Milano", "Other"
        found.city = "Roma"
    rows = [one for one in history(company) if one.entity == "account"]
    assert [one.changes for one in rows][1:] == [{"name": ["Same", "Other"]}]


def test_more_events_than_one_relay_takes_are_relayed_by_the_next(company, heard, run_jobs):
    run_jobs()  # what other tests left
    heard["events"].clear()
    for word in ("one", "two", "three"):
        emit(company, word)
    jobs.get_queue("critical").empty()
    assert outbox.relay(limit=1) == 1
    worker_only(run_jobs)
    assert [one.payload["text"] for one in heard["events"]] == ["one", "two", "three"]


def test_a_delivery_that_another_worker_has_in_hand_is_left_to_it(app, company, heard, run_jobs):
    emit(company, "once")
    outbox.relay()
    pk = delivery(company).id
    answers = []

    def other():
        with app.app_context():
            answers.append(outbox.deliver(pk))

    def slow(event):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        heard["events"].append(event)

    outbox.subscriptions["test.pinged"]["test.handler"] = slow
    assert outbox.deliver(pk) is True
    assert answers == [True]
    assert len(heard["events"]) == 1
    assert delivery(company).status == "done"


def test_a_failure_after_another_workers_success_counts_for_nothing(company, heard):
    emit(company, "once")
    outbox.relay()
    pk = delivery(company).id
    with platform_uow("relay") as session:
        session.get(Delivery, pk).status = outbox.DeliveryStatus.DONE
    outbox._note_failure(pk, RuntimeError("too late"))
    done = delivery(company)
    assert (done.status, done.attempts, done.last_error) == ("done", 0, None)


def test_a_named_job_waits_once_in_whatever_queue(company, run_jobs):
    RAN.clear()
    name = f"elsewhere-{company.slug}"
    for queue in ("bulk", "default"):
        jobs.enqueue_now("test.note", {"word": queue}, queue=queue, job_id=name, unique=True)
    run_jobs()
    assert [one[3] for one in RAN] == ["bulk"]


def test_a_job_outside_a_worker_says_that_it_is_not_done(company):
    context = {"organization_id": str(company.id), "member_id": str(uuid.uuid4())}
    with pytest.raises(jobs.NotDone, match="lost access"):
        jobs.execute("test.note", {"word": "x"}, context)


def test_a_failed_job_that_was_deleted_is_not_listed(company, run_jobs):
    name = f"deleted-{company.slug}"
    jobs.enqueue_now("test.note", {"word": "boom"}, job_id=name)
    run_jobs()
    assert name in {one.id for one in jobs.failed_jobs()}
    valkey.connection().delete(f"rq:job:{name}")
    assert name not in {one.id for one in jobs.failed_jobs()}


def test_what_has_served_is_pruned(app, company, browser, heard, run_jobs):
    """Keys after a day, delivered events after thirty, ended sessions after a day; what is not done stays."""
    browser.api("POST", "/api/v1/accounts/", json={"name": "Keyed"}, headers={"Idempotency-Key": uuid.uuid4().hex})
    emit(company, "done")
    run_jobs()
    heard["fail"] = 1
    emit(company, "pending")
    run_jobs()
    tables = {
        "idempotency_key": "created_at", "outbox": "relayed_at", "auth_session": "expires_at",
    }  # fmt: skip

    def left():
        with platform_uow("jobs") as session:
            return [
                session.scalar(text("SELECT count(*) FROM idempotency_key WHERE organization_id = :o"), {"o": company.id}),
                session.scalar(text("SELECT count(*) FROM outbox WHERE organization_id = :o AND name = 'test.pinged'"),
                               {"o": company.id}),
                session.scalar(text("SELECT count(*) FROM auth_session WHERE user_id = :u"), {"u": company.admin.user_id}),
            ]  # fmt: skip

    jobs.enqueue_now("kernel.prune", {})
    run_jobs()
    assert left() == [1, 2, 1]
    engine = superuser_engine()
    with engine.begin() as connection:
        for table, column in tables.items():
            owner = "user_id = :u" if table == "auth_session" else "organization_id = :o"
            connection.execute(
                text(f"UPDATE {table} SET {column} = now() - interval '31 days' WHERE {owner}"),
                {"o": company.id} if table != "auth_session" else {"u": company.admin.user_id},
            )
    engine.dispose()
    jobs.enqueue_now("kernel.prune", {})
    for name in ("kernel.sweep", "kernel.sweep_mail"):
        jobs.enqueue_now(name, {})
    run_jobs()
    assert left() == [0, 1, 0]


def test_a_connection_that_was_cut_costs_one_refusal(app, company):
    engine = db.engines[None]
    engine.dispose()
    pooled = engine.raw_connection()
    driver = pooled.driver_connection
    pooled.close()
    driver.pgconn.finish()
    with pytest.raises(Unavailable), uow(system_actor(company.id)) as session:
        session.scalar(select(Account.id))
    with uow(system_actor(company.id)) as session:
        assert session.scalar(text("SELECT current_setting('app.organization_id')")) == str(company.id)
