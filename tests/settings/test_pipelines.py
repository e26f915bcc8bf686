"""The page of pipelines, as an administrator works with it: every rule that protects deals and boards."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.kernel import tenant
from app.kernel.db import db
from app.sales.models.pipelines import LostReason, Pipeline, PipelineStage
from app.sales.queries import pipelines as queries
from app.sales.service import pipelines as service
from tests.sales.helpers import deal, fetch

BASE = "/settings/pipelines"


def post(browser: Any, path: str, **form: Any) -> Any:
    return browser.post(f"{BASE}{path}", data=form)


def new_pipeline(browser: Any, name: str) -> str:
    answer = post(browser, "/save", name=name)
    assert answer.status_code == 302, answer.text
    return re.search(r"pipeline=([0-9a-f-]{36})", answer.location).group(1)


def stages_of(actor: Any, pipeline_id: str) -> list[tuple[str, str, int]]:
    with tenant.tenant_scope(actor):
        return [(one.name, one.kind, one.position) for one in queries.list_stages(pipeline_id)]


def stage_id(actor: Any, pipeline_id: str, name: str) -> str:
    with tenant.tenant_scope(actor):
        return str(next(one.id for one in queries.list_stages(pipeline_id) if one.name == name))


def test_a_new_pipeline_has_an_open_stage_and_two_ends(browser: Any, actor: Any) -> None:
    made = new_pipeline(browser, "  Big   deals ")
    assert stages_of(actor, made) == [("New", "open", 0), ("Won", "won", 1), ("Lost", "lost", 2)]
    assert "Big deals" in browser.get(f"{BASE}?pipeline={made}").text
    assert post(browser, "/save", name=" ").status_code == 422


def test_stages_are_added_before_the_ends_changed_and_put_in_order(browser: Any, actor: Any) -> None:
    made = new_pipeline(browser, "Second")
    for name in ("Talk", "Offer"):
        answer = post(browser, f"/{made}/stages", name=name, probability="40", rot_days="7", color="2")
        assert answer.status_code == 302
    assert [name for name, _kind, _position in stages_of(actor, made)] == ["New", "Talk", "Offer", "Won", "Lost"]
    order = [stage_id(actor, made, name) for name in ("Won", "Offer", "New", "Talk")]
    assert post(browser, f"/{made}/order", stage=order).status_code == 302
    assert [name for name, _kind, _position in stages_of(actor, made)] == ["Offer", "New", "Talk", "Won", "Lost"]
    # The ends keep their probability whatever the form says; a colour that does not exist is the first.
    won = stage_id(actor, made, "Won")
    assert post(browser, f"/{made}/stages", id=won, name="Done", probability="10", color="99").status_code == 302
    stage = fetch(actor, PipelineStage, won)
    assert (stage.name, stage.probability, stage.rot_days, stage.color) == ("Done", 100, None, 1)


@pytest.mark.parametrize("form", [{"probability": "101"}, {"probability": "-1"}, {"rot_days": "0"}, {"name": ""}])
def test_a_stage_with_values_out_of_range_is_refused(browser: Any, actor: Any, form: dict[str, str]) -> None:
    made = new_pipeline(browser, "Third")
    assert post(browser, f"/{made}/stages", **{"name": "Stage", "probability": "5", **form}).status_code == 422
    assert len(stages_of(actor, made)) == 3


def test_a_stage_stays_in_its_pipeline(browser: Any, actor: Any) -> None:
    made, other = new_pipeline(browser, "One"), new_pipeline(browser, "Other")
    mine = stage_id(actor, made, "New")
    assert post(browser, f"/{other}/stages", id=mine, name="Moved", probability="5").status_code == 409
    assert stages_of(actor, made)[0][0] == "New"


def test_stages_with_deals_the_last_open_one_and_the_ends_are_not_deleted(browser: Any, actor: Any) -> None:
    made = new_pipeline(browser, "Guarded")
    post(browser, f"/{made}/stages", name="Talk", probability="40")
    talk, new = stage_id(actor, made, "Talk"), stage_id(actor, made, "New")
    deal(actor, stage_id=talk)
    assert post(browser, f"/stages/{talk}/delete").status_code == 409
    assert post(browser, f"/stages/{stage_id(actor, made, 'Won')}/delete").status_code == 409
    assert post(browser, f"/stages/{new}/delete").status_code == 302
    assert post(browser, f"/stages/{talk}/delete").status_code == 409  # the last one, too
    assert [(name, position) for name, _kind, position in stages_of(actor, made)] == [
        ("Talk", 0),
        ("Won", 1),
        ("Lost", 2),
    ]


def test_the_default_moves_and_is_never_missing(browser: Any, actor: Any) -> None:
    with tenant.tenant_scope(actor):
        first = str(queries.default_pipeline().id)
    made = new_pipeline(browser, "Main")
    assert post(browser, "/save", id=made, name="Main", is_default="1").status_code == 302
    with tenant.tenant_scope(actor):
        assert [one.name for one in queries.list_pipelines() if one.is_default] == ["Main"]
    assert post(browser, f"/{made}/delete").status_code == 302
    with tenant.tenant_scope(actor):
        assert [str(one.id) for one in queries.list_pipelines() if one.is_default] == [first]
    assert post(browser, f"/{first}/delete").status_code == 409  # the last one
    assert fetch(actor, Pipeline, first) is not None


def test_a_pipeline_with_deals_is_not_deleted(browser: Any, actor: Any) -> None:
    made = new_pipeline(browser, "Busy")
    deal(actor, stage_id=stage_id(actor, made, "New"))
    assert post(browser, f"/{made}/delete").status_code == 409
    assert fetch(actor, Pipeline, made) is not None


def test_there_is_an_end_to_pipelines_and_stages(browser: Any, actor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = new_pipeline(browser, "Few")
    monkeypatch.setattr(service, "MAX_PIPELINES", 2)
    monkeypatch.setattr(service, "MAX_STAGES", 3)
    assert post(browser, "/save", name="One too many").status_code == 409
    assert post(browser, f"/{made}/stages", name="One too many", probability="5").status_code == 409


def test_reasons_for_losing_are_made_renamed_and_switched_off(browser: Any, actor: Any) -> None:
    assert post(browser, "/reasons", name="Too slow").status_code == 302
    with tenant.tenant_scope(actor):
        reason = db.session.scalar(select(LostReason).where(LostReason.name == "Too slow"))
        others = [one.position for one in queries.list_lost_reasons() if one.id != reason.id]
    assert reason.active
    assert reason.position > max(others)
    assert post(browser, "/reasons", id=str(reason.id), name="Much too slow", active="0").status_code == 302
    changed = fetch(actor, LostReason, reason.id)
    assert (changed.name, changed.active) == ("Much too slow", False)
    assert post(browser, "/reasons", name="x" * 81).status_code == 422
