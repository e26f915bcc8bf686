"""The hint that a task may exist already."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from app.kernel.uow import uow
from app.tasks.models.names import StatusGroup
from app.tasks.queries.tasks import first_status
from app.tasks.service.tasks import create_task, update_task


def make(actor: Any, title: str, group: StatusGroup | None = None, **values: Any) -> Any:
    with uow(actor):
        task = create_task(actor=actor, title=title, **values)
        if group is not None:
            update_task(task, actor=actor, status_id=first_status(group).id)
    return task


def similar(browser: Any, title: str, **more: Any) -> list[str]:
    answer = browser.api("GET", f"/api/v1/tasks/similar?{urlencode({'title': title, **more})}")
    assert answer.status_code == 200
    return [one["title"] for one in answer.json["result"]]


def test_open_tasks_with_a_very_similar_title_are_shown(company, sign_in, counting):
    """The best first, three at most; words of descriptions, finished tasks and short titles say nothing."""
    actor, browser = company.sales.actor, sign_in(company.sales)
    assert similar(browser, "Preparare l’offerta per Rossi") == []
    own = make(actor, "Preparare l’offerta per Rossi", owner_id=company.sales.member_id)
    make(actor, "Preparazione offerta Rossi S.r.l.")
    make(actor, "Offerta per Rossi da preparare", StatusGroup.IN_REVIEW, owner_id=None)
    make(actor, "Preparare l’offerta per Rossi", StatusGroup.DONE)
    make(actor, "Preparare l’offerta per Rossi", StatusGroup.CANCELLED)
    make(actor, "Ordinare la carta", description="Preparare l’offerta per Rossi")
    make(actor, "Preparare la riunione di lunedì con tutti i fornitori esteri")
    title = "preparare l’OFFERTA per rossi"
    found = similar(browser, title)
    assert found[:2] == ["Preparare l’offerta per Rossi", "Offerta per Rossi da preparare"]
    assert found[2:] == ["Preparazione offerta Rossi S.r.l."]
    assert own.title not in similar(browser, title, **{"except": own.id})
    assert similar(browser, "Offerta") == similar(browser, "Il lo la") == similar(browser, "a\x00 ' \\ | & ! :*") == []
    with counting() as few:
        similar(browser, title)
    for number in range(4):
        make(actor, f"Preparare l’offerta per Rossi {number}")
    with counting() as many:
        assert len(similar(browser, title)) == 3
    assert len(few) == len(many)
    page = browser.get(f"/tasks/similar?{urlencode({'title': 'Offerta per Rossi da preparare'})}").text
    assert re.findall(r'href="/tasks/[^"]+"[^>]*>([^<]+)<', page)[0] == "Offerta per Rossi da preparare"
    assert "In review · Nobody" in page
    assert browser.get("/tasks/similar?title=Offerta").text.strip() == ""
    assert 'data-similar="f-title"' in browser.get("/tasks/add").text
    assert "data-similar" not in browser.get(f"/tasks/edit/{own.id}").text
    assert browser.api("GET", "/api/v1/tasks/similar?title=x&except=none").status_code == 404


def test_only_tasks_that_the_person_may_see_are_shown(company, rival, sign_in):
    make(company.admin.actor, "Preparare l’offerta per Rossi", module="sales", owner_id=company.admin.member_id)
    assert len(similar(sign_in(company.sales), "Preparare offerta per Rossi")) == 1
    assert similar(sign_in(company.marketing), "Preparare offerta per Rossi") == []
    assert similar(sign_in(rival.admin), "Preparare offerta per Rossi") == []
