"""Proposals for a task: from the organization's own history, without a word written."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.errors import BadRequest, Forbidden, Invalid, NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.tasks.assist import asking
from app.tasks.assist.asking import propose, read_kind
from app.tasks.assist.history import LEAST, most_frequent
from app.tasks.assist.proposals import Found, Kind, Line, Source
from app.tasks.models.names import StatusGroup
from app.tasks.models.tasks import Task
from app.tasks.models.work import ChecklistItem
from app.tasks.queries.tasks import first_status, get_task, list_checklist
from app.tasks.service.assist import accept_items, accept_subtasks
from app.tasks.service.checklist import add_item
from app.tasks.service.tasks import create_task, delete_task, update_task
from app.tasks.service.time import log_time
from tests.support import SignedIn


def finished(
    actor: Any,
    title: str,
    *,
    minutes: int = 0,
    children: tuple[str, ...] = (),
    items: tuple[str, ...] = (),
    group: StatusGroup = StatusGroup.DONE,
    **values: Any,
) -> Task:
    with uow(actor):
        task = create_task(actor=actor, title=title, **values)
        for one in reversed(children):
            create_task(actor=actor, title=one, parent_id=task.id, estimate=30)
        for one in items:
            add_item(task.id, one, actor=actor)
        if minutes:
            log_time(task.id, actor=actor, day=None, minutes=minutes)
        update_task(task, actor=actor, status_id=first_status(group).id)
    return task


def asked(actor: Any, title: str, **values: Any) -> Task:
    with uow(actor):
        return create_task(actor=actor, title=title, **values)


def proposal(actor: Any, task: Task, kind: str = "estimate") -> Any:
    with tenant_scope(actor):
        return propose(task.id, Kind(kind), None)


@pytest.fixture
def seller(company):
    return company.sales.actor


def test_an_estimate_tells_the_middle_and_the_ends_of_what_similar_tasks_took(seller):
    """Time that was logged counts before the estimate; a task without either is no source."""
    finished(seller, "Preparare offerta per Rossi", minutes=60, estimate=600)
    finished(seller, "Preparazione dell’offerta Bianchi", minutes=120)
    finished(seller, "Offerta per Verdi da preparare", estimate=300)
    finished(seller, "Preparare offerta senza tempi")
    finished(seller, "Riunione del lunedì", minutes=999)
    found = proposal(seller, asked(seller, "Preparare offerta"))
    assert (found.spread.median, found.spread.lowest, found.spread.highest, found.spread.count) == (120, 60, 300, 3)
    assert {(one.minutes, one.basis) for one in found.sources} == {(60, "logged"), (120, "logged"), (300, "estimate")}
    assert all(LEAST <= one.similarity <= 1 for one in found.sources)
    assert not found.is_thin
    assert not found.asked


def test_the_time_of_sub_tasks_counts_for_their_parent(seller):
    parent = finished(seller, "Lancio campagna primavera")
    for minutes in (40, 50):
        finished(seller, "Parte", minutes=minutes, parent_id=parent.id)
    found = proposal(seller, asked(seller, "Lancio campagna autunno"))
    assert [(one.minutes, one.basis) for one in found.sources] == [(90, "logged")]


def test_open_and_cancelled_tasks_and_the_task_s_own_parts_are_no_sources(seller):
    finished(seller, "Preparare offerta", minutes=10, group=StatusGroup.CANCELLED)
    finished(seller, "Preparare offerta", minutes=10, group=StatusGroup.IN_REVIEW)
    mine = asked(seller, "Preparare offerta")
    finished(seller, "Preparare offerta", minutes=10, parent_id=mine.id)
    found = proposal(seller, mine)
    assert (found.sources, found.lines, found.spread) == ([], [], None)


def test_it_says_when_there_is_little_to_go_by(seller, company, app):
    finished(seller, "Preparare offerta per Rossi", minutes=60)
    mine = asked(seller, "Preparare offerta")
    assert proposal(seller, mine).is_thin
    page = SignedIn(app, company.sales).get(f"/tasks/{mine.id}/assist?kind=estimate&lang=en")
    assert page.text.count("data-line") == 1
    none = asked(seller, "Qualcosa di nuovo")
    assert "data-line" not in SignedIn(app, company.sales).get(f"/tasks/{none.id}/assist?kind=estimate").text


def test_the_description_counts_too_and_less_than_the_title(seller):
    by_title = finished(seller, "Catalogo dei ricambi", minutes=60)
    by_both = finished(seller, "Catalogo", minutes=60, description="Preventivo della tipografia")
    by_description = finished(seller, "Preventivo tipografia", minutes=60)
    finished(seller, "Preventivo", minutes=60)
    mine = asked(seller, "Catalogo", description="Chiedere il preventivo alla tipografia")
    found = {one.id: one.similarity for one in proposal(seller, mine).sources}
    assert found[by_both.id] > found[by_title.id] > found[by_description.id] > LEAST
    assert len(found) == 3


def test_the_dictionary_is_that_of_the_organization_s_language(company, seller, actor):
    finished(seller, "Writing newsletters", minutes=30)
    mine = asked(seller, "Write a newsletter")
    assert proposal(seller, mine).sources == []
    from app.tenancy.service.organizations import update_organization

    with uow(actor):
        update_organization(actor=actor, locale="en")
    assert len(proposal(seller, mine).sources) == 1


def test_five_sources_at_most_the_most_similar_first(seller):
    for number in range(7):
        finished(seller, f"Preparare offerta {number}", minutes=10 + number)
    best = finished(seller, "Preparare offerta per la fiera", minutes=5)
    found = proposal(seller, asked(seller, "Preparare offerta per la fiera"))
    assert len(found.sources) == 5
    assert found.sources[0].id == best.id
    assert found.sources[0].similarity == pytest.approx(1, abs=0.01)


def test_a_break_down_has_the_most_frequent_lines_first_and_none_that_is_there(seller):
    first = ("Definire pubblico", "Testi e-mail", "Test di consegna")
    finished(seller, "Lancio campagna primavera", children=first)
    finished(
        seller,
        "Lancio campagna estate",
        children=("Testi email", "Definire pubblico", "Test di consegna", "Verifica consensi"),
    )
    finished(seller, "Lancio campagna autunno", children=("test di  consegna!", "Definire pubblico"))
    mine = asked(seller, "Lancio campagna inverno")
    with uow(seller):
        create_task(actor=seller, title="definire PUBBLICO", parent_id=mine.id)
    found = proposal(seller, mine, "breakdown")
    assert found.lines[0].count == 3
    assert found.lines[0].text.casefold().startswith("test di")
    assert found.lines[0].minutes == 30
    assert [one.text for one in found.lines[1:]] == ["Testi e-mail"]  # what one of three had alone is left out
    assert len(found.sources) == 3


def test_a_check_list_comes_from_similar_check_lists(seller):
    finished(seller, "Sondaggio clienti 2025", items=("Domande", "Elenco dei clienti"))
    finished(seller, "Sondaggio clienti 2024", items=("Elenco dei clienti", "Ringraziamento"))
    mine = asked(seller, "Sondaggio clienti 2026")
    with uow(seller):
        add_item(mine.id, "Domande", actor=seller)
    found = proposal(seller, mine, "checklist")
    assert [one.text for one in found.lines] == ["Elenco dei clienti", "Ringraziamento"]


def test_lines_are_folded_and_ordered():
    a, b = (Source(get, "", 1, 1.0).id for get in (1, 2))  # type: ignore[arg-type]
    lines = most_frequent([(a, "Uno", None), (a, "Due", 10), (b, "due", 20), (b, "Tre", None)])
    assert [(one.text, one.count, one.minutes) for one in lines] == [("Due", 2, 15), ("Uno", 1, None), ("Tre", 1, None)]


def test_another_provider_adds_its_lines(seller, monkeypatch):
    """The seam for templates."""
    mine = asked(seller, "Lancio campagna")
    finished(seller, "Lancio campagna estate", children=("Testi",))
    monkeypatch.setattr(
        asking, "PROVIDERS", [*asking.PROVIDERS, lambda subject, kind: Found([Line("Testi"), Line("Stampa")])]
    )
    assert [one.text for one in proposal(seller, mine, "breakdown").lines] == ["Testi", "Stampa"]


def test_the_audit_log_holds_no_derived_words(company, seller):
    mine = asked(seller, "Lancio campagna")
    with uow(seller):
        delete_task(get_task(mine.id), actor=seller)
    with tenant_scope(company.admin.actor):
        rows = db.session.scalars(select(AuditLog).where(AuditLog.entity_id == str(mine.id))).all()
    assert {one.action.split(".")[-1] for one in rows} == {"created", "deleted"}
    assert all("title" in one.changes and "words" not in one.changes for one in rows)


# ── reach ────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_actor_may_not_see_is_never_a_source(company):
    """Tasks of marketing, and their sub-tasks below a task that one does see, stay out."""
    marketing, seller = company.marketing.actor, company.sales.actor
    finished(marketing, "Preparare offerta segreta", minutes=77, module="marketing", children=("Nascosta",))
    mine = asked(seller, "Preparare offerta")
    assert proposal(seller, mine).sources == []
    assert proposal(seller, mine, "breakdown").lines == []
    assert len(proposal(company.admin.actor, mine).sources) == 1


def test_another_organization_is_never_a_source(company, rival):
    finished(rival.sales.actor, "Preparare offerta unica", minutes=77)
    mine = asked(company.sales.actor, "Preparare offerta unica")
    assert proposal(company.sales.actor, mine).sources == []
    with tenant_scope(rival.sales.actor), pytest.raises(NotFound):
        propose(mine.id, Kind.ESTIMATE, None)


# ── nothing is written before it is accepted ─────────────────────────────────────────────────────


def test_a_proposal_writes_nothing(seller, company, app):
    finished(seller, "Lancio campagna estate", minutes=30, children=("Testi",), items=("Riga",))
    mine = asked(seller, "Lancio campagna inverno")
    browser = SignedIn(app, company.sales)

    def state() -> Any:
        with tenant_scope(company.admin.actor):
            counts = [
                db.session.scalar(select(func.count()).select_from(one)) for one in (Task, ChecklistItem, AuditLog)
            ]
            return [*counts, get_task(mine.id).version, get_task(mine.id).estimate]

    before = state()
    for kind in Kind:
        assert browser.get(f"/tasks/{mine.id}/assist?kind={kind}").status_code == 200
        assert browser.api("GET", f"/api/v1/tasks/{mine.id}/assist?kind={kind}").status_code == 200
    assert state() == before


def test_accepted_lines_are_all_there_in_their_order_or_none(seller):
    mine = asked(seller, "Lancio")
    with uow(seller):
        made = accept_subtasks(mine.id, [("Uno", 30), ("Due", None)], actor=seller)
        assert [one.title for one in made] == ["Uno", "Due"]
        assert made[0].rank < made[1].rank
        accept_items(mine.id, [("Prima", None), ("Seconda", None)], actor=seller)
    with pytest.raises(Invalid), uow(seller):
        accept_items(mine.id, [("Terza", None), ("", None)], actor=seller)
    with tenant_scope(seller):
        assert [one.text for one in list_checklist(mine.id)] == ["Prima", "Seconda"]


@pytest.mark.parametrize("lines", [[], [("x", None)] * 21, [("x", -1)], [("x", 600_001)], [("", 1)], [("x" * 201, 1)]])
def test_lines_that_cannot_be_are_refused(seller, lines):
    mine = asked(seller, "Lancio")
    with pytest.raises(Invalid), uow(seller):
        accept_subtasks(mine.id, lines, actor=seller)


def test_a_viewer_accepts_nothing(company):
    mine = asked(company.sales.actor, "Lancio")
    for verb in (accept_subtasks, accept_items):
        with pytest.raises((Forbidden, NotFound)), uow(company.viewer.actor):
            verb(mine.id, [("Uno", None)], actor=company.viewer.actor)


# ── at the edge ──────────────────────────────────────────────────────────────────────────────────


def test_rest_tells_lines_sources_and_spread(seller, company, app):
    finished(seller, "Preparare offerta per Rossi", minutes=60)
    mine = asked(seller, "Preparare offerta")
    browser = SignedIn(app, company.sales)
    result = browser.api("GET", f"/api/v1/tasks/{mine.id}/assist?kind=estimate").json["result"]
    assert result["lines"] == [{"text": "", "minutes": 60, "count": 1, "origin": "history"}]
    assert result["spread"] == {"median": 60, "lowest": 60, "highest": 60, "count": 1}
    assert result["sources"][0]["url"].startswith("/tasks/")
    assert result["enough"] is False
    assert result["service"] == {"asked": False, "problem": None}
    made = browser.api(
        "POST",
        f"/api/v1/tasks/{mine.id}/assist/accept",
        json={"kind": "breakdown", "lines": [{"text": "Uno", "minutes": 15}, {"text": "Due"}]},
    )
    assert (made.status_code, made.json["count"]) == (201, 2)
    assert browser.api("GET", f"/api/v1/tasks/{made.json['ids'][0]}").json["result"]["title"] == "Uno"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"kind": "estimate", "lines": []}, 400),
        ({"kind": "poem", "lines": []}, 400),
        ({"kind": "breakdown"}, 422),
        ({"kind": "breakdown", "lines": "Uno"}, 422),
        ({"kind": "breakdown", "lines": ["Uno"]}, 422),
        ({"kind": "breakdown", "lines": [{"text": 7}]}, 422),
        ({"kind": "breakdown", "lines": [{"text": "Uno", "minutes": "x"}]}, 422),
        ({"kind": "checklist", "lines": [{"text": "x" * 301}]}, 422),
        ({"kind": "checklist", "lines": [{"text": "\x00"}]}, 422),
    ],
)
def test_bad_bodies_are_refused_in_words(seller, company, app, body, status):
    mine = asked(seller, "Lancio")
    answer = SignedIn(app, company.sales).api("POST", f"/api/v1/tasks/{mine.id}/assist/accept", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json["message"]


@pytest.mark.parametrize("kind", ["", "poem", "estimate%00"])
def test_an_unknown_kind_is_refused(seller, company, app, kind):
    mine = asked(seller, "Lancio")
    browser = SignedIn(app, company.sales)
    assert browser.get(f"/tasks/{mine.id}/assist?kind={kind}").status_code == 400
    assert browser.api("GET", f"/api/v1/tasks/{mine.id}/assist?kind={kind}").status_code == 400
    with pytest.raises(BadRequest):
        read_kind("poem")


def test_titles_of_signs_only_find_nothing_and_break_nothing(seller):
    for title in ("!!!", "' | & \\", "di e il"):
        assert proposal(seller, asked(seller, title)).sources == []
    finished(seller, r"Cartella c:\temp\l'offerta", minutes=10)
    assert proposal(seller, asked(seller, r"Cartella c:\temp\l'offerta")).sources


@pytest.mark.parametrize("kind", list(Kind))
def test_more_history_costs_the_same_queries(company, seller, app, counting, kind):
    mine = asked(seller, "Lancio campagna")
    browser = SignedIn(app, company.sales)
    seen = []
    for count in (2, 9):
        for number in range(count):
            finished(seller, f"Lancio campagna {number}", minutes=5, children=("A", "B"), items=("C",))
        browser.get(f"/tasks/{mine.id}/assist?kind={kind}")
        with counting() as statements:
            assert browser.get(f"/tasks/{mine.id}/assist?kind={kind}").status_code == 200
        seen.append(len([one for one in statements if "set_config" not in one]))
    assert seen[0] == seen[1] <= 6


def test_a_person_may_ask_thirty_times_a_minute(company, seller, app, limited):
    mine = asked(seller, "Lancio")
    browser, other = SignedIn(app, company.sales), SignedIn(app, company.admin)
    url = f"/api/v1/tasks/{mine.id}/assist?kind=estimate"
    statuses = [browser.api("GET", url).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    assert browser.get(f"/tasks/{mine.id}/assist?kind=estimate").status_code == 429
    assert other.api("GET", url).status_code == 200
