"""What people are told: by whom, once, and how it is marked read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import uuid4

import pytest

from app.events.tenancy import MemberJoined
from app.kernel import clock, outbox
from app.kernel.db import db
from app.kernel.outbox import emit
from app.kernel.uow import platform_uow, uow
from app.notifications import service
from app.sales.service.opportunities.closing import lose_opportunity, reopen_opportunity, win_opportunity
from app.sales.service.opportunities.stages import move_opportunity
from app.tenancy.service import members
from tests.sales import helpers
from tests.support import work_off


@pytest.fixture
def admin(company):
    return company.admin.actor


@pytest.fixture
def seller(company):
    return company.sales.actor


def told(actor):
    with uow(actor):
        return [
            (one.message, service.text_of(one), one.url)
            for one in reversed(service.list_notifications(actor.member_id))
        ]


def deliver_again(actor):
    """Every delivery once more, as after a worker that died before it said so."""
    with platform_uow("relay"):
        rows = db.session.scalars(
            db.select(outbox.Delivery).where(outbox.Delivery.organization_id == actor.organization_id)
        ).all()
        for one in rows:
            one.status = outbox.DeliveryStatus.PENDING
        ids = [one.id for one in rows]
    assert ids
    for one in ids:
        assert outbox.deliver(one)


def test_the_owner_hears_of_what_others_do_once(admin, seller, run_jobs):
    stages = helpers.stages(admin)
    deal = helpers.deal(admin, "Presses 100%", amount=Decimal(1000), owner_id=seller.member_id)
    with uow(admin):
        move_opportunity(deal.id, actor=admin, stage_id=stages[1].id)
    with uow(admin):
        win_opportunity(deal.id, actor=admin)
    with uow(admin):
        reopen_opportunity(deal.id, actor=admin)
    with uow(admin):
        lose_opportunity(deal.id, actor=admin, lost_reason_id=helpers.reasons(admin)[0].id)
    run_jobs()
    found = told(seller)
    assert sorted(one[0] for one in found) == ["deal_assigned", "deal_lost", "deal_moved", "deal_moved", "deal_won"]
    assert {one[2] for one in found} == {f"/sales/opportunities/show/{deal.id}"}
    assert all("Presses 100%" in one[1] for one in found)
    assert any("Prezzo" in one[1] for one in found if one[0] == "deal_lost")
    deliver_again(admin)
    run_jobs()
    assert len(told(seller)) == 5
    assert told(admin) == []


def test_nobody_is_told_what_they_did_themselves(seller, run_jobs):
    stages = helpers.stages(seller)
    deal = helpers.deal(seller, "Mine")
    with uow(seller):
        move_opportunity(deal.id, actor=seller, stage_id=stages[1].id)
    with uow(seller):
        win_opportunity(deal.id, actor=seller)
    run_jobs()
    assert told(seller) == []


def test_the_teams_manager_hears_of_a_win(company, admin, seller, run_jobs):
    with uow(admin):
        team = members.save_team(None, actor=admin, name="North", manager_id=company.marketing.member_id)
        members.update_member(seller.member_id, actor=admin, team_id=team.id)
    deal = helpers.deal(admin, "Won", amount=Decimal(5), owner_id=seller.member_id)
    with uow(seller):
        win_opportunity(deal.id, actor=seller)
    run_jobs()
    assert [one[0] for one in told(company.marketing.actor)] == ["deal_won"]


def test_who_invited_hears_that_somebody_joined(admin, run_jobs):
    with uow(admin):
        emit(
            MemberJoined(
                subject_id=uuid4(), organization_id=admin.organization_id, invited_by_id=admin.member_id,
                display_name="Nora New",
            )
        )  # fmt: skip
    run_jobs()
    assert [(one[0], "Nora New" in one[1]) for one in told(admin)] == [("member_joined", True)]


def test_an_import_tells_who_started_it(company, admin, sign_in):
    job = helpers.bring_in(sign_in(company.admin), admin, "accounts", "name\nAlfa\nBeta\n\n")
    work_off()
    message, text, url = told(admin)[0]
    assert message == "import_finished"
    assert "file.csv" in text
    assert "2" in text
    assert url == f"/sales/import/{job.id}"


def test_the_bell_counts_and_is_cleared(company, admin, seller, run_jobs, sign_in, rival):
    for index in range(3):
        helpers.deal(admin, f"Deal {index}", owner_id=seller.member_id)
    run_jobs()
    browser = sign_in(company.sales)
    page = browser.get("/notifications/")
    assert page.text.count("Deal ") >= 3
    with uow(seller):
        ids = [str(one.id) for one in service.list_notifications(seller.member_id)]
        assert service.count_unread(seller.member_id) == 3
    assert sign_in(company.admin).post("/notifications/read", data={"id": ids}).json == {"unread": 0}
    assert sign_in(rival.admin).post("/notifications/read", data={"id": ids}).status_code == 200
    with uow(seller):
        assert service.count_unread(seller.member_id) == 3
    assert browser.post("/notifications/read", data={"id": ids[:1]}).json == {"unread": 2}
    assert browser.get("/notifications/panel?unread=1").text.count("Deal ") == 2
    assert browser.get("/notifications/?category=system").text.count("Deal ") == 0
    assert browser.get("/notifications/?category=evil").status_code == 200
    assert browser.post("/notifications/read").json == {"unread": 0}
    assert browser.post("/notifications/read", data={"id": "x"}).status_code == 404


def test_somebody_without_an_account_is_told_nothing(company, admin, run_jobs):
    with uow(admin):
        member = members.add_placeholder("Paola Placeholder", actor=admin).id
    helpers.deal(admin, "Hers", owner_id=member)
    run_jobs()
    assert helpers.scalar(admin, "SELECT count(*) FROM notification") == 0


@pytest.mark.parametrize(
    ("message", "params", "words"),
    [
        ("gone_with_its_feature", {}, "gone_with_its_feature"),
        ("deal_won", {"actor": "Ada"}, "%(actor)s won “%(title)s”: %(amount)s"),
        ("deal_won", {"actor": "Ada", "title": "Box", "amount": "1 €"}, "Ada won “Box”: 1 €"),
    ],
)
def test_an_old_notification_still_reads(app, message, params, words):
    from app.notifications.models import Notification

    with app.test_request_context("/?lang=en"):
        assert service.text_of(Notification(message=message, params=params)) == words


def test_the_page_tells_the_days_apart(company, admin, seller, run_jobs, sign_in):
    now = clock.now()
    for days, title in ((9, "Older"), (1, "Yesterdays"), (0, "Todays")):
        with clock.frozen(now - dt.timedelta(days=days)):
            helpers.deal(admin, title, owner_id=seller.member_id)
            run_jobs()
    page = helpers.words(sign_in(company.sales).get("/notifications/").text)
    places = [page.index(one) for one in ("Today ", "Todays", "Yesterday ", "Yesterdays", "Older")]
    assert places == sorted(places)
