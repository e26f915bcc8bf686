"""The home page: what the person has to do, to approve, and where somebody named them."""

from __future__ import annotations

import datetime as dt

from app.collaboration.service.comments import add_comment
from app.kernel import clock
from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from tests.tasks.test_approvals import answer, ask
from tests.tasks.test_tasks import change, make, status


def test_my_day_shows_what_is_due_and_who_wants_something(company, sign_in):
    actor = company.sales.actor
    today = clock.today(actor.timezone)
    mine = {"owner_id": actor.member_id}
    late = make(actor, "Late one", due_on=today - dt.timedelta(days=2), **mine)
    make(actor, "Today one", due_on=today, **mine)
    make(actor, "Far one", due_on=today + dt.timedelta(days=30), **mine)
    make(actor, "Somebody else’s", due_on=today, owner_id=company.admin.member_id)
    done = make(actor, "Done one", due_on=today, **mine)
    change(actor, done.id, status_id=status(actor, StatusGroup.DONE))
    own = make(actor, "Own approval", type="approval", due_on=today, **mine)
    for title, people in (("Sign the offer", [company.sales]), ("Sign it too", [company.sales, company.viewer])):
        task = make(company.admin.actor, title, type="approval")
        ask(company.admin.actor, task, *people)
        if title == "Sign it too":
            answer(company.sales, task)
    ask(company.admin.actor, own, company.admin)
    with uow(company.admin.actor):
        add_comment("task", late.id, f"@{actor.label} what about this?", actor=company.admin.actor)
        add_comment("task", late.id, "no name here", actor=company.admin.actor)
    page = sign_in(company.sales).get("/").text
    assert page.index("Late one") < page.index("Today one")
    for absent in ("Far one", "Somebody else’s", "Done one", "no name here"):
        assert absent not in page
    assert "1 task late" in page and "2 tasks due today" in page
    assert "Sign the offer" in page and "what about this?" in page
    assert page.count("data-approval=") == 1 and "Sign it too" not in page
    assert "Own approval" in page.split("Waiting for your approval")[0]  # the owner has it to do, others to decide


def test_a_mention_of_what_is_out_of_sight_is_not_shown(company, sign_in):
    actor = company.sales.actor
    hidden = make(actor, "Secret plan")
    with uow(actor):
        add_comment("task", hidden.id, f"@{company.marketing.actor.label} look", actor=actor)
    assert "Secret plan" not in sign_in(company.marketing).get("/").text


def test_three_times_the_work_costs_the_same_queries(company, sign_in, counting):
    actor = company.sales.actor
    today = clock.today(actor.timezone)
    person = sign_in(company.sales)
    seen = []
    for _ in range(2):
        for number in range(2 if not seen else 4):
            task = make(actor, f"Task {number}", due_on=today, owner_id=actor.member_id)
            ask(company.admin.actor, make(company.admin.actor, f"Approve {number}", type="approval"), company.sales)
            with uow(company.admin.actor):
                add_comment("task", task.id, f"@{actor.label} {number}", actor=company.admin.actor)
        person.get("/")
        with counting() as statements:
            assert person.get("/").status_code == 200
        seen.append(len(statements))
    assert seen[0] == seen[1], seen
