"""What moving a card costs, and that it is as safe as before."""

from __future__ import annotations

import re

import pytest

from app.collaboration.service import links as collaboration_links
from app.collaboration.service.links import link_records
from app.kernel import clock
from app.kernel.ids import new_id
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.sales.service.opportunities.editing import create_opportunity
from app.tasks.models.names import MemberRole, StatusGroup
from app.tasks.queries.links import read_place
from app.tasks.queries.tasks import first_status, get_task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.statuses import save_status
from app.tasks.service.tasks import create_task, set_people
from app.tenancy.service.members import remove_member

STATEMENTS = 6


@pytest.fixture
def seller(company, sign_in):
    return sign_in(company.sales)


@pytest.fixture
def cards(company):
    """Four tasks of the seller, the last one on top; the third waits for the first. All were to be started by now."""
    actor = company.sales.actor
    dates = {"start_on": clock.today(), "owner_id": actor.member_id}
    with uow(actor):
        made = [create_task(actor=actor, title=f"Task {n}", **dates).id for n in range(4)]
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


def test_nobody_who_has_left_gets_more_work(company, seller, cards):
    with uow(company.admin.actor):
        remove_member(company.viewer.member_id, actor=company.admin.actor)
    gone = {"owner": str(company.viewer.member_id)}
    one = f"/api/v1/tasks/{cards[0]}"
    for answer in (seller.api("POST", f"{one}/move", json=gone), seller.api("PATCH", one, json=gone)):
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["owner"])


def test_a_move_to_what_there_is_not_is_refused_in_words(company, seller, cards):
    for body, field in (({"status": str(new_id())}, "status"), ({"owner": str(new_id())}, "owner")):
        answer = seller.api("POST", f"/api/v1/tasks/{cards[0]}/move", json=body)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    unknown = seller.api("POST", f"/api/v1/tasks/{new_id()}/move", json={"status": 5})
    assert unknown.status_code == 404
    with tenant_scope(company.sales.actor):
        assert get_task(cards[0]).version == 1


# ── groups and lanes of linked records ───────────────────────────────────────────────────────────


@pytest.fixture
def deals(company):
    """Two opportunities, which marketing does not see."""
    with uow(company.admin.actor):
        return [create_opportunity(actor=company.admin.actor, title=title).id for title in ("Airport", "Bakery")]


def links_of(company, task_id):
    """What a task is linked to, in the order in which lists see it."""
    with tenant_scope(company.admin.actor):
        return [record_id for _kind, record_id in read_place(task_id, None).links]


def link(company, task_id, deal_id):
    with uow(company.sales.actor):
        link_records("opportunity", deal_id, "task", task_id, actor=company.sales.actor)


def move(browser, task_id, to, seen=..., version=1):
    named = {key: one and f"opportunity:{one}" for key, one in (("link", to), ("linked", seen)) if one is not ...}
    return browser.api("POST", f"/api/v1/tasks/{task_id}/move", json={**named, "version": version})


def test_a_move_between_linked_records_moves_the_first_link(company, seller, cards, deals, counting):
    """Two statements more than others: the links that decide, and the link. In one request, and as it was seen."""
    airport, bakery = deals
    task = cards[0]
    link(company, task, airport)
    seller.api("GET", f"/api/v1/tasks/{task}")
    with counting() as statements:
        answer = move(seller, task, bakery, airport)
    assert answer.status_code == 200, answer.text
    assert len(statements) <= STATEMENTS + 2, "\n".join(statements)
    assert links_of(company, task) == [bakery]
    assert answer.json["result"]["version"] == 2
    # The same again changes nothing of the link; a page that shows what was before is told so.
    assert move(seller, task, bakery, bakery, version=2).json["result"]["version"] == 3
    stale = move(seller, task, airport, airport, version=3)
    assert (stale.status_code, stale.json["details"]["version"]) == (409, 3)
    assert move(seller, task, airport, bakery, version=1).status_code == 409
    # A second link stays, and takes the place of the first one when it is moved there.
    link(company, task, airport)
    assert links_of(company, task) == [bakery, airport]
    answer = move(seller, task, airport, version=3)
    assert answer.status_code == 200
    assert links_of(company, task) == [airport]
    link(company, task, bakery)
    answer = move(seller, task, None, airport, version=answer.json["result"]["version"])
    assert answer.status_code == 200
    assert links_of(company, task) == [bakery]
    for wrong in ("opportunity", f"nothing:{airport}", f"task:{cards[1]}", 5, f"opportunity:{airport}x"):
        answer = seller.api("POST", f"/api/v1/tasks/{task}/move", json={"link": wrong})
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["link"]), wrong
    assert links_of(company, task) == [bakery]


def test_nobody_moves_a_link_of_a_task_or_to_a_record_that_is_not_theirs(company, sign_in, cards, deals):
    link(company, cards[0], deals[0])
    marketing = sign_in(company.marketing)
    with uow(company.marketing.actor):
        mine = create_task(actor=company.marketing.actor, title="Mine").id
    refused = move(marketing, mine, deals[0])
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["link"])
    # Links to what one does not see are no business of one's moves.
    link(company, cards[1], deals[1])
    with uow(company.sales.actor):
        set_people(
            get_task(cards[1]), MemberRole.COLLABORATOR, [company.marketing.member_id], actor=company.sales.actor
        )
    assert move(marketing, cards[1], None, None, version=2).status_code == 200
    assert links_of(company, cards[1]) == [deals[1]]
    for who in (company.viewer, company.marketing):
        assert move(sign_in(who), cards[0], deals[1]).status_code in {403, 404}
    assert links_of(company, cards[0]) == [deals[0]]


def test_a_task_is_written_down_with_its_link(company, seller, deals):
    body = {"title": "Call them", "link": f"opportunity:{deals[0]}"}
    made = seller.api("POST", "/api/v1/tasks/?quick=1", json=body)
    assert made.status_code == 201, made.text
    assert (links_of(company, made.json["id"]), made.json["result"]["version"]) == ([deals[0]], 1)
    page = seller.get("/tasks/list?group=link").text
    group = page.split(f'data-group="opportunity:{deals[0]}"')[1].split("</tbody>")[0]
    assert "Call them" in group
    assert "data-quick" in group
    assert "data-fixed" not in page
    alone = seller.api("POST", "/api/v1/tasks/?quick=1", json={"title": "Alone", "link": None})
    assert links_of(company, alone.json["id"]) == []
    # Nothing is made where the link cannot be.
    for wrong in (f"opportunity:{new_id()}", "x"):
        refused = seller.api("POST", "/api/v1/tasks/?quick=1", json={"title": "Lost", "link": wrong})
        assert (refused.status_code, list(refused.json.get("errors", ""))) == (422, ["link"]), refused.text
    assert "Lost" not in seller.get("/tasks/list").text
    assert seller.api("PATCH", f"/api/v1/tasks/{alone.json['id']}", json={"link": None}).status_code == 422


def test_links_have_a_limit_here_too(company, seller, cards, deals, monkeypatch):
    monkeypatch.setattr(collaboration_links, "MAX_LINKS", 1)
    link(company, cards[1], deals[1])
    full = move(seller, cards[0], deals[1])
    assert full.status_code == 409
    assert "Bakery" in full.json["message"]
    assert move(seller, cards[0], deals[0]).status_code == 200
