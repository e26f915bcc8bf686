"""What another organization's id is good for in the verbs about tasks and requests: nothing, by either wall alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from app.automations.service.rules import create_rule
from app.intake.models import IntakeForm, TaskRequest
from app.intake.queries import get_form, list_forms, list_requests
from app.intake.service.deciding import accept_request, decline_request, mark_duplicate
from app.intake.service.forms import create_form, rotate_form
from app.intake.service.requests import submit_request
from app.kernel import clock, i18n
from app.kernel.db import db
from app.kernel.errors import DomainError
from app.kernel.uow import uow
from app.tasks.assist.duplicates import find_duplicates
from app.tasks.assist.summary import summarize
from app.tasks.queries.load import get_capacity
from app.tasks.service.checklist import add_item, delete_item, update_item
from app.tasks.service.load import set_capacity
from app.tasks.service.snooze import snooze_task, wake_task
from app.tasks.service.tasks import create_task
from tests.architecture.walls import walls
from tests.cast import Company, make_company

TITLE = "Prepare the offer for the presses"


def things(company: Company) -> dict[str, Any]:
    """Something of each kind in an organization: name → id."""
    actor = company.admin.actor
    with uow(actor):
        form = create_form(actor=actor, name="Ask", module="sales")
        task = create_task(actor=actor, title=TITLE, module="sales", owner_id=company.sales.member_id)
        item = add_item(task.id, "Line", actor=actor)
        asked = submit_request(form.id, actor=actor, title="Wish", email="x@ricci.example", confirm=lambda: False)
        assert asked is not None
        found = {"form": form.id, "task": task.id, "item": item.id, "request": asked.id, "status": task.status_id}
    return found | {"member": company.sales.member_id}


def attempts(actor: Any, own: dict[str, Any], other: dict[str, Any]) -> list[Callable[[], object]]:
    """What somebody may try with ids of another organization."""
    rule = {"name": "R", "subject": "task", "trigger": {"type": "created"}, "actor": actor}
    until = clock.today() + dt.timedelta(days=3)
    return [
        lambda: accept_request(other["request"], actor=actor),
        lambda: accept_request(own["request"], actor=actor, owner_id=other["member"]),
        lambda: accept_request(own["request"], actor=actor, status_id=other["status"]),
        lambda: decline_request(other["request"], "No", actor=actor),
        lambda: mark_duplicate(other["request"], own["task"], actor=actor),
        lambda: mark_duplicate(own["request"], other["task"], actor=actor),
        lambda: rotate_form(other["form"], actor=actor),
        lambda: submit_request(
            other["form"], actor=actor, title="Wish", email="x@ricci.example", confirm=lambda: False
        ),
        lambda: create_form(actor=actor, name="F", module="sales", default_owner_id=other["member"]),
        lambda: create_form(actor=actor, name="F", module="sales", default_status_id=other["status"]),
        lambda: set_capacity(other["member"], 60, actor=actor),
        lambda: add_item(other["task"], "Line", actor=actor),
        lambda: add_item(own["task"], "Line", actor=actor, assignee_id=other["member"]),
        lambda: update_item(other["item"], actor=actor, text="Changed"),
        lambda: update_item(own["item"], actor=actor, assignee_id=other["member"]),
        lambda: delete_item(other["item"], actor=actor),
        lambda: snooze_task(other["task"], until, actor=actor),
        lambda: wake_task(other["task"], actor=actor),
        lambda: summarize("task", other["task"], None, actor=actor),
        lambda: create_rule(**rule, actions=[{"type": "add_approvers", "approvers": [str(other["member"])]}]),
        lambda: create_rule(**rule, actions=[{"type": "assign", "target": "parent", "owner": str(other["member"])}]),
    ]


@pytest.mark.parametrize("which", ["rls", "guard"])
def test_no_verb_takes_an_id_of_another_organization(company, which):
    victim = make_company(f"Victim {which}", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
    own, other = things(company), things(victim)
    actor = company.admin.actor
    taken = []
    with walls(which), i18n.force_locale("en"):
        for number, attempt in enumerate(attempts(actor, own, other)):
            try:
                with uow(actor):
                    attempt()
                    db.session.rollback()
                taken.append(number)
            except DomainError:
                pass
        assert taken == []
        with uow(actor):
            assert other["task"] not in {one.id for one in find_duplicates(TITLE)}
            assert {one.organization_id for one, _count in list_forms()} == {company.id}
            lines, _more = list_requests("new", actor=actor)
            assert {one.request.organization_id for one in lines} == {company.id}
    with uow(victim.admin.actor):
        assert get_form(other["form"]).version == db.session.get(IntakeForm, other["form"]).version == 1
        assert db.session.get(TaskRequest, other["request"]).state == "new"
        assert get_capacity(other["member"]) is None
