"""Takes an import back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, func, select, update

from app.kernel import audit, clock, jobs
from app.kernel.db import advisory_lock, db, every_record
from app.kernel.errors import Conflict, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.uow import uow
from app.sales.imports.service import (
    BATCH,
    get_entity,
    get_import,
    require,
    tell,
)
from app.sales.models.accounts import Account
from app.sales.models.activities import ActivityLog
from app.sales.models.contacts import Contact
from app.sales.models.imports import ImportJob, ImportRow, ImportStatus
from app.sales.models.leads import Lead
from app.sales.models.opportunities import Opportunity, OpportunityLine
from app.sales.models.pipelines import PipelineStage
from app.sales.models.products import Product
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from app.kernel.actor import Actor

UNDO_DAYS = 30


def start_undo(import_id: UUID, *, actor: Actor) -> ImportJob:
    """Queues the undo of a finished import, for 30 days."""
    job = db.session.scalar(select(ImportJob).where(ImportJob.id == import_id).with_for_update())
    if job is None:
        raise NotFound
    require(actor, get_entity(job.entity))
    if job.status not in {ImportStatus.DONE, ImportStatus.FAILED}:
        raise Conflict(_("Only a finished import can be undone."))
    if job.finished_at is not None and clock.now() - job.finished_at > dt.timedelta(days=UNDO_DAYS):
        raise Conflict(_("An import can be undone for %(count)s days.", count=UNDO_DAYS))
    job.status = ImportStatus.UNDOING
    jobs.enqueue("sales.undo_import", {"import_id": str(job.id)}, job_id=f"undo-{job.id}")
    return job


@jobs.job("sales.undo_import", queue="bulk", timeout=3600, retries=2)
def undo_import(import_id: str, *, actor: Actor) -> None:
    """Takes an import back: what it made goes, what it changed gets its old values.

    Records that somebody has changed or built upon since stay, and are counted.
    """
    wanted = UUID(import_id)
    while _undo_batch(wanted, actor):
        pass
    with uow(actor):
        job = get_import(wanted)
        if job.status == ImportStatus.UNDOING:
            job.status = ImportStatus.UNDONE
            job.kept_count = (
                db.session.scalar(
                    select(func.count())
                    .select_from(ImportRow)
                    .where(ImportRow.import_id == job.id, ImportRow.outcome == "kept")
                )
                or 0
            )
            tell(job)


_MODELS: dict[str, Any] = {
    "opportunity": Opportunity,
    "account": Account,
    "contact": Contact,
    "lead": Lead,
    "product": Product,
    "membership": Membership,
    "pipeline_stage": PipelineStage,
}
# Tables that make a record "built upon": kind -> [(model, column)].
_USES: dict[str, list[tuple[Any, str]]] = {
    "opportunity": [(ActivityLog, "opportunity_id"), (Lead, "opportunity_id")],
    "account": [
        (Opportunity, "account_id"),
        (Contact, "account_id"),
        (Lead, "account_id"),
        (ActivityLog, "account_id"),
        (Account, "parent_id"),
    ],
    "contact": [(Opportunity, "contact_id"), (Lead, "contact_id"), (ActivityLog, "contact_id")],
    "lead": [(ActivityLog, "lead_id")],
    "product": [(OpportunityLine, "product_id")],
    "membership": [
        (Opportunity, "owner_id"),
        (Account, "owner_id"),
        (Contact, "owner_id"),
        (Lead, "owner_id"),
        (ActivityLog, "owner_id"),
    ],
    "pipeline_stage": [(Opportunity, "stage_id")],
}


def _undo_batch(import_id: UUID, actor: Actor) -> bool:
    with uow(actor), every_record():
        advisory_lock(f"import:{import_id}")
        job = get_import(import_id)
        if job.status != ImportStatus.UNDOING:
            return False
        rows = db.session.scalars(
            select(ImportRow)
            .where(ImportRow.import_id == import_id, ImportRow.outcome.in_(("created", "updated")))
            # The file's own records first, then what was created for them to refer to.
            .order_by((ImportRow.line == 0), ImportRow.line.desc(), ImportRow.id.desc())
            .limit(BATCH * 2)
        ).all()
        if not rows:
            return False
        only_own = [row for row in rows if row.line > 0] or list(rows)
        by_kind: dict[str, list[ImportRow]] = {}
        for row in only_own:
            if row.outcome == "updated":
                row.outcome = "restored" if _restore(row) else "kept"
            else:
                by_kind.setdefault(row.kind or "", []).append(row)
        for kind, found in by_kind.items():
            _delete(kind, found, job)
        return True


def _delete(kind: str, rows: list[ImportRow], job: ImportJob) -> None:
    model = _MODELS[kind]
    ids = [row.record_id for row in rows if row.record_id]
    statement = select(model.id).where(model.id.in_(ids), model.version <= (1 if kind != "pipeline_stage" else 3))
    if kind == "account":
        # Linking a company to its parent was part of the import, and made no new version.
        db.session.execute(
            update(Account).where(Account.parent_id.in_(ids), Account.import_id == job.id).values(parent_id=None)
        )
    for user, column in _USES[kind]:
        referring = getattr(user, column)
        statement = statement.where(~select(user.id).where(referring == model.id).exists())
    gone = set(db.session.scalars(statement))
    labels = dict(
        db.session.execute(
            select(
                model.id,
                getattr(
                    model, "title" if kind == "opportunity" else "display_name" if kind == "membership" else "name"
                ),
            ).where(model.id.in_(gone))
        ).all()
    )
    if gone:
        db.session.execute(delete(model).where(model.id.in_(gone)))
    for row in rows:
        row.outcome = "undone" if row.record_id in gone else "kept"
        if row.record_id in gone:
            audit.record(
                "deleted",
                entity=kind,
                entity_id=row.record_id,
                label=str(labels.get(row.record_id, "")),
                changes={"import": [str(job.id), None]},
            )


def _restore(row: ImportRow) -> bool:
    model = _MODELS[row.kind or ""]
    record = db.session.scalar(select(model).where(model.id == row.record_id))
    if record is None or row.before is None:
        return False
    if record.version != row.record_version:
        return False  # somebody has changed it since
    for name, old in row.before.items():
        column = model.__table__.c[name]
        setattr(record, name, _unplain(column, old))
    return True


def _unplain(column: Any, value: Any) -> Any:
    if value is None:
        return None
    python_type = getattr(column.type, "python_type", str)
    if python_type is UUID:
        return UUID(value)
    if python_type is Decimal:
        return Decimal(value)
    if python_type is dt.date:
        return dt.date.fromisoformat(value)
    if python_type is dt.datetime:
        return dt.datetime.fromisoformat(value)
    return value
