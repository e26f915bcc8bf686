"""Files of the demo through the product's own import."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from app.kernel.actor import Actor
from app.kernel.uow import uow
from app.sales.imports import running
from app.sales.imports import service as imports


def run_import(entity: str, path: Path, actor: Actor, *, decide: Any = None, say: Any = print) -> UUID:
    """One file through the import: upload, check, decisions on unknown names, run."""
    with uow(actor), path.open("rb") as stream:
        job = imports.upload(entity, path.name, stream, actor=actor)
        job_id = job.id
    empty: dict[str, Any] = {"settings": {}, "reading": {}}
    with uow(actor):
        job = imports.get_import(job_id)
        job = imports.configure(job_id, actor=actor, mapping=dict(job.mapping), matches={}, **empty)
        unmatched = job.check["unmatched"]
    if unmatched:
        matches: dict[str, dict[str, Any]] = {}
        for one in unmatched:
            decision = decide(one) if decide else None
            if decision is None and one["suggestion"]:
                decision = {"action": "match", "id": one["suggestion"]["id"]}
            matches.setdefault(one["field"], {})[one["text"]] = decision or {"action": "create"}
        with uow(actor):
            job = imports.get_import(job_id)
            imports.configure(job_id, actor=actor, mapping=dict(job.mapping), matches=matches, **empty)
    with uow(actor):
        job = imports.get_import(job_id)
        job.status = "queued"
        total = job.total
    running.run_import(str(job_id), actor=actor)
    with uow(actor):
        job = imports.get_import(job_id)
        say(f"Demo: {path.name}: {job.created_count} of {total} lines imported, {job.failed_count} refused")
    return job_id
