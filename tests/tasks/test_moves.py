"""What moving a card costs, and that it is as safe as before."""

from __future__ import annotations

import re

import pytest

from app.kernel.ids import new_id
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.statuses import save_status
from app.tasks.service.tasks import create_task, set_people

STATEMENTS = 6


@pytest.fixture
def seller(company, sign_in):
    return sign_in(company.sales)


@pytest.fixture
def cards(company):
    """Four tasks of the seller, the last one on top; the third waits for the first."""
    actor = company.sales.actor
    with uow(actor):
        made = [create_task(actor=actor, title=f"Task {n}", owner_id=actor.member_id).id for n in range(4)]
        add_dependency(made[0], made[2], actor=actor)
    return made


def status_of(company, group):
    with tenant_scope(company.sales.actor):
        return first_status(group).id


@pytest.mark.parametrize("where", ["place", "column", "hard limit", "finished", "both lanes", "collaborator"])
def test_moving_a_card_takes_six_statements(company, seller, sign_in, cards, counting, where):
    """The row and the locks, all that decides, the change, its event, the audit log, the answer."""
    group = StatusGroup.DONE if where == "finished" else StatusGroup.IN_REVIEW
    if where == "hard limit":
        with uow(company.admin.actor):
            save_status(first_status(group).id, actor=company.admin.actor, name="Full", wip_limit=1, wip_hard=True)
    body = {"after": str(cards[2]), "before": str(cards[1]), "version": 1}
    if where != "place":
        body["status"] = str(status_of(company, group))
    if where == "both lanes":
        body["owner"] = str(company.admin.member_id)
    mover = seller
    if where == "collaborator":
        with uow(company.sales.actor):
            set_people(
                get_task(cards[0]), MemberRole.COLLABORATOR, [company.marketing.member_id], actor=company.sales.actor
            )
        body["version"] = 2
        mover = sign_in(company.marketing)
    mover.api("GET", f"/api/v1/tasks/{cards[0]}")  # so that identity is known
    with counting() as statements:
        answer = mover.api("POST", f"/api/v1/tasks/{cards[0]}/move", json=body)
    assert answer.status_code == 200, answer.text
    assert len(statements) <= STATEMENTS, "\n".join(statements)
    # Neither wall is lower: each read names the organization.
    for one in statements:
        reads = re.findall(r"FROM (?:task|membership)\w*", one)
        assert len(reads) <= one.count("organization_id = %(scope_organization_id"), one
    with tenant_scope(company.sales.actor):
        first, second, moved = (get_task(cards[n]).rank for n in (2, 1, 0))
        assert first < moved < second


def test_a_move_to_what_there_is_not_is_refused_in_words(company, seller, cards):
    for body, field in (({"status": str(new_id())}, "status"), ({"owner": str(new_id())}, "owner")):
        answer = seller.api("POST", f"/api/v1/tasks/{cards[0]}/move", json=body)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    unknown = seller.api("POST", f"/api/v1/tasks/{new_id()}/move", json={"status": 5})
    assert unknown.status_code == 404
    with tenant_scope(company.sales.actor):
        assert get_task(cards[0]).version == 1
