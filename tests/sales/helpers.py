"""What the sales tests share: records made through the services, files sent through the wizard."""

from __future__ import annotations

import datetime as dt
import io
import re
from html import unescape
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text

from app.kernel import tenant
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.models.imports import ImportJob
from app.sales.models.opportunities import Opportunity
from app.sales.models.pipelines import PipelineStage
from app.sales.queries import pipelines
from app.sales.service.opportunities.editing import create_opportunity
from tests.support import work_off


def scalar(actor: Actor, sql: str, **values: Any) -> Any:
    """One value by plain SQL, in the actor's organization (row-level security applies)."""
    with tenant.tenant_scope(actor):
        return db.session.scalar(text(sql), values)


def rows(actor: Actor, sql: str, **values: Any) -> list[Any]:
    """Rows by plain SQL, in the actor's organization."""
    with tenant.tenant_scope(actor):
        return list(db.session.execute(text(sql), values))


def count(actor: Actor, model: Any, *criteria: Any) -> int:
    with tenant.tenant_scope(actor):
        return db.session.scalar(select(func.count()).select_from(model).where(*criteria)) or 0


def fetch(actor: Actor, model: Any, record_id: UUID) -> Any:
    """The record as the database holds it now."""
    with tenant.tenant_scope(actor):
        return db.session.scalar(select(model).where(model.id == record_id))


def stages(actor: Actor) -> list[PipelineStage]:
    """The stages of the default pipeline in order: four open ones, won, lost."""
    with tenant.tenant_scope(actor):
        return list(pipelines.list_stages(pipelines.default_pipeline().id))


def reasons(actor: Actor) -> list[Any]:
    with tenant.tenant_scope(actor):
        return list(pipelines.list_lost_reasons())


def deal(actor: Actor, title: str = "Deal", **values: Any) -> Opportunity:
    """A deal, committed."""
    values.setdefault("owner_id", actor.member_id)
    with uow(actor):
        return create_opportunity(actor=actor, title=title, **values)


def deals(actor: Actor, number: int, stage: PipelineStage, **values: Any) -> list[UUID]:
    with uow(actor):
        return [
            create_opportunity(
                actor=actor, title=f"Deal {index:03}", stage_id=stage.id, owner_id=actor.member_id, **values
            ).id
            for index in range(number)
        ]


def age(actor: Actor, deal_id: UUID, days: float) -> None:
    """Makes a deal stand in its stage since ``days`` days."""
    with uow(actor):
        db.session.execute(
            Opportunity.__table__.update()
            .where(Opportunity.id == deal_id)
            .values(stage_entered_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
        )


# ── the import wizard, as a browser uses it ──────────────────────────────────────────────────────


def send(browser: Any, entity: str, body: bytes, filename: str = "file.csv") -> Any:
    """Posts a file."""
    return browser.post(
        "/sales/import/",
        data={"entity": entity, "file": (io.BytesIO(body), filename)},
        content_type="multipart/form-data",
    )


def upload(browser: Any, entity: str, body: bytes | str, filename: str = "file.csv") -> str:
    """Posts a good file and opens its check; the import's id."""
    answer = send(browser, entity, body.encode() if isinstance(body, str) else body, filename)
    assert answer.status_code == 302, words(answer.text)
    import_id = answer.location.rsplit("/", 1)[1]
    page = browser.get(f"/sales/import/{import_id}")
    assert page.status_code == 200, words(page.text)
    return import_id


def job_of(actor: Actor, import_id: str) -> ImportJob:
    return fetch(actor, ImportJob, UUID(import_id))


def configure(browser: Any, actor: Actor, import_id: str, decide: Any = None, **form: str) -> Any:
    """Posts the check's form: the mapping as proposed, decisions by ``decide(unmatched) -> value``."""
    job = job_of(actor, import_id)
    data = {f"map-{index}": job.mapping.get(column, "") for index, column in enumerate(job.reading["header"])}
    for index, one in enumerate(job.check.get("unmatched", [])):
        data[f"decide-{index}"] = (decide(one) if decide else "") or ""
    return browser.post(f"/sales/import/{import_id}", data={**data, **form})


def run(browser: Any, actor: Actor, import_id: str) -> ImportJob:
    """Starts a checked import and works it off."""
    answer = browser.post(f"/sales/import/{import_id}/start")
    assert answer.status_code == 302, words(answer.text)
    work_off()
    return job_of(actor, import_id)


def bring_in(browser: Any, actor: Actor, entity: str, body: bytes | str, decide: Any = None, **form: str) -> ImportJob:
    """A file through the whole wizard."""
    import_id = upload(browser, entity, body)
    if decide or form:
        answer = configure(browser, actor, import_id, decide, **form)
        assert answer.status_code == 200, words(answer.text)
    return run(browser, actor, import_id)


def undo(browser: Any, actor: Actor, import_id: Any) -> ImportJob:
    answer = browser.post(f"/sales/import/{import_id}/undo")
    assert answer.status_code == 302, words(answer.text)
    work_off()
    return job_of(actor, str(import_id))


def ids_in(html: str) -> list[str]:
    """The records of a list's page, in order."""
    return re.findall(r'<tr data-id="([0-9a-f-]{36})"', html)


def query_of(url: str) -> str:
    return url.replace("&amp;", "&")


def words(html: str) -> str:
    """What a page says in its main part, without its markup."""
    main = re.search(r"<main.*?</main>", html, re.S)
    body = re.sub(r"<(script|style|svg|dialog|select).*?</\1>", " ", main.group(0) if main else html, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
