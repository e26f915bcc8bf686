"""Runs a checked import: batch after batch, each in its transaction, from where it stopped."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from app.events.sales import ImportFinished
from app.kernel import audit, clock, jobs, storage
from app.kernel.constraints import explain
from app.kernel.db import advisory_lock, db, every_record, insert_rows
from app.kernel.errors import Conflict, DomainError, Invalid, NotFound
from app.kernel.i18n import force_locale
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id
from app.kernel.outbox import emit
from app.kernel.uow import platform_uow, uow
from app.sales.imports import reading as reading_module
from app.sales.imports.entities import REFERENCES, Entity, normal, target_of
from app.sales.imports.inserting import insert
from app.sales.imports.rows import ParsedRow, RowError
from app.sales.imports.service import (
    BATCH,
    error_json,
    finish_rows,
    get_entity,
    get_import,
    mark_repeats,
    parser_of,
    require,
    tell,
)
from app.sales.models.accounts import Account
from app.sales.models.imports import ImportJob, ImportRow, ImportStatus
from app.sales.models.opportunities import AmountMode, Opportunity
from app.sales.service.pipelines import save_stage
from app.tenancy.service import members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.kernel.actor import Actor


def start(import_id: UUID, *, actor: Actor) -> ImportJob:
    """Queues a checked import. Raises Conflict for one that runs or ran, or with nothing decided."""
    job = db.session.scalar(select(ImportJob).where(ImportJob.id == import_id).with_for_update())
    if job is None:
        raise NotFound
    require(actor, get_entity(job.entity))
    if job.status != ImportStatus.CHECKED:
        raise Conflict(_("This import has been started already."))
    job.status = ImportStatus.QUEUED
    jobs.enqueue("sales.run_import", {"import_id": str(job.id)}, job_id=f"import-{job.id}")
    return job


@jobs.job("sales.run_import", queue="bulk", timeout=3600, retries=2)
def run_import(import_id: str, *, actor: Actor) -> None:
    """Runs an import to its end, from where an earlier attempt stopped."""
    wanted = UUID(import_id)
    try:
        # The reasons of refused lines are stored as words: those of the person who imports.
        with force_locale(actor.locale):
            _prepare(wanted, actor)
            with _Lines() as lines:
                while _run_batch(wanted, lines, actor):
                    if lines.batches == 1:
                        _analyze(actor)
            if lines.batches > 1:
                _analyze(actor)
            _finish(wanted, actor)
    except DomainError as error:
        with uow(actor):
            job = get_import(wanted)
            job.status, job.message = ImportStatus.FAILED, error.message[:500]
            tell(job)
        raise


@jobs.job("sales.sweep_imports", queue="critical", timeout=120, retries=0)
def sweep_imports(**_context: Any) -> int:
    """Queues imports and undos again whose jobs Valkey does not know; how many."""
    with platform_uow("jobs") as session:
        unfinished = session.execute(
            select(ImportJob.id, ImportJob.status, ImportJob.organization_id, ImportJob.owner_id).where(
                ImportJob.status.in_([ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING]),
                ImportJob.owner_id.is_not(None),
            )
        ).all()
    queued = 0
    for import_id, status, organization_id, owner_id in unfinished:
        name, kind = ("sales.undo_import", "undo") if status == ImportStatus.UNDOING else ("sales.run_import", "import")
        queued += jobs.enqueue_lost(
            name,
            {"import_id": str(import_id)},
            job_id=f"{kind}-{import_id}",
            organization_id=organization_id,
            member_id=owner_id,
        )
    return queued


def _prepare(import_id: UUID, actor: Actor) -> None:
    with uow(actor):
        advisory_lock(f"import:{import_id}")
        job = get_import(import_id)
        if job.status not in {ImportStatus.QUEUED, ImportStatus.RUNNING}:
            raise Conflict(_("This import has been started already."))
        entity = get_entity(job.entity)
        require(actor, entity)
        job.status = ImportStatus.RUNNING
        _create_references(job, entity, actor)
        tell(job)


def _create_references(job: ImportJob, entity: Entity, actor: Actor) -> None:
    """Creates the records that were chosen to be created from unmatched names."""
    by_key = {field.key: field for field in entity.fields}
    decisions = {key: dict(one) for key, one in job.matches.items()}
    for key, texts in decisions.items():
        target = target_of(by_key[key])
        for text, decision in texts.items():
            if decision["action"] != "create":
                continue
            record: Any
            if target == "membership":
                record = members.add_placeholder(text, actor=actor)
            elif target == "pipeline_stage":
                record = save_stage(UUID(job.settings["pipeline"]), None, actor=actor, name=text[:60], probability=20)
            else:
                actor.require("write", {"account": "account", "contact": "contact", "product": "product"}[target])
                model, column = REFERENCES[target]
                record = model(**{column: text[:160]})
                if hasattr(record, "import_id"):
                    record.import_id = job.id
                db.session.add(record)
            db.session.flush()
            texts[text] = {"action": "created", "id": str(record.id)}
            db.session.add(ImportRow(import_id=job.id, line=0, outcome="created", kind=target, record_id=record.id))
    job.matches = decisions


class _Lines:
    """The lines of an import's file, read once: each batch goes on where the last one stopped."""

    def __init__(self) -> None:
        self._files = ExitStack()
        self._records: Iterator[tuple[int, dict[str, str]]] = iter(())
        self._position = -1
        self.batches = 0

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_error: object) -> None:
        self._files.close()

    def take(self, job: ImportJob, number: int) -> list[tuple[int, dict[str, str]]]:
        """At most ``number`` lines from the job's position on."""
        if self._position != job.position:
            stream = self._files.enter_context(storage.store().open(job.storage_key))
            found = reading_module.records(stream, reading_module.from_json(job.reading))
            self._records, self._position = islice(found, job.position, None), job.position
        lines = list(islice(self._records, number))
        self._position += len(lines)
        self.batches += 1
        return lines


def _run_batch(import_id: UUID, lines: _Lines, actor: Actor) -> bool:
    """The next lines of the file, in one transaction; False when there are none left."""
    with uow(actor), every_record():
        advisory_lock(f"import:{import_id}")
        job = get_import(import_id)
        if job.status != ImportStatus.RUNNING:
            return False
        entity = get_entity(job.entity)
        parser = parser_of(job, entity)
        size = BATCH * 4
        rows = [parser.parse(line, raw) for line, raw in lines.take(job, size)]
        if not rows:
            return False
        finish_rows(rows, entity, job, actor=actor)
        mark_repeats(rows, entity, {})
        _write(job, entity, rows, actor)
        job.position += len(rows)
        tell(job)
        return len(rows) == size


def _write(job: ImportJob, entity: Entity, rows: list[ParsedRow], actor: Actor) -> None:
    good = [row for row in rows if not row.errors]
    keys = [entity.key(row.values) for row in good]
    existing = entity.existing(keys) if keys else {}
    outcomes: list[dict[str, Any]] = []
    new: list[tuple[ParsedRow, UUID]] = []
    for row in rows:
        if row.errors:
            job.failed_count += 1
            outcomes.append(_outcome(job, row, "failed", errors=error_json(row)["errors"], raw=row.raw))
            continue
        hit = existing.get(entity.key(row.values))
        if hit is None:
            new.append((row, new_id()))
        elif job.settings.get("existing") == "update" and entity.crud is not None:
            try:
                with db.session.begin_nested():
                    before, version = _change(entity, hit[0], row, actor)
            except (DomainError, DBAPIError) as error:
                outcomes.append(_refuse(job, row, error))
                continue
            if before:
                job.updated_count += 1
                outcomes.append(
                    _outcome(
                        job,
                        row,
                        "updated",
                        record_id=hit[0],
                        kind=entity.kind,
                        before=before,
                        record_version=version,
                    )
                )
            else:
                job.same_count += 1
        else:
            job.same_count += 1
    if new:
        refused = _insert_good(job, entity, new, actor)
        outcomes += [_refuse(job, row, error) for row, error in refused.values()]
        new = [one for one in new if one[1] not in refused]
        job.created_count += len(new)
        outcomes += [_outcome(job, row, "created", record_id=record_id, kind=entity.kind) for row, record_id in new]
    later = [
        _outcome(job, row, "later", record_id=record_id, kind=name, raw={"name": text})
        for row, record_id in new
        for name, text in row.later.items()
    ]
    if outcomes or later:
        insert_rows(ImportRow, outcomes + later, actor)


def _outcome(job: ImportJob, row: ParsedRow, outcome: str, **extra: Any) -> dict[str, Any]:
    return {
        "import_id": job.id,
        "line": row.line,
        "outcome": outcome,
        "kind": None,
        "record_id": None,
        "before": None,
        "record_version": None,
        "errors": None,
        "raw": None,
        **extra,
    }


def _refuse(job: ImportJob, row: ParsedRow, error: DomainError | DBAPIError) -> dict[str, Any]:
    """A line that the database or a rule of the entity refused: its reasons, as for any bad line."""
    found = explain(error) if isinstance(error, DBAPIError) else error
    for name, reasons in (found.errors or {"": [found.message]}).items():
        column = job.column_of(name.removesuffix("_id"))
        row.errors += [RowError(column, _(reason)) for reason in reasons]
    job.failed_count += 1
    return _outcome(job, row, "failed", errors=error_json(row)["errors"], raw=row.raw)


def _insert_good(
    job: ImportJob, entity: Entity, new: list[tuple[ParsedRow, UUID]], actor: Actor
) -> dict[UUID, tuple[ParsedRow, DBAPIError]]:
    """Inserts the lines, all at once; where the database refuses one, line by line. Returns the refused."""
    try:
        with db.session.begin_nested():
            insert(job, entity, new, actor)
    except DBAPIError:
        refused: dict[UUID, tuple[ParsedRow, DBAPIError]] = {}
        for row, record_id in new:
            try:
                with db.session.begin_nested():
                    insert(job, entity, [(row, record_id)], actor)
            except DBAPIError as error:
                refused[record_id] = (row, error)
        return refused
    return {}


def _change(entity: Entity, record_id: UUID, row: ParsedRow, actor: Actor) -> tuple[dict[str, Any], int]:
    """Writes a line's values into an existing record; returns what they were and the version made."""
    assert entity.crud is not None
    model = entity.crud.model
    record = db.session.scalar(select(model).where(model.id == record_id))
    if record is None:
        return {}, 0
    actor.require_on("write", entity.resource, record)
    by_lines = isinstance(record, Opportunity) and record.amount_mode == AmountMode.LINES
    if by_lines and row.values.get("amount") not in (None, record.amount):
        raise Invalid(errors={"amount": [_("The amount is the sum of the lines.")]})
    before: dict[str, Any] = {}
    for name, value in row.values.items():
        if name in {"stage_id", "product_id"} or value is None or not hasattr(record, name):
            continue
        if getattr(record, name) != value:
            before[name] = audit.plain(getattr(record, name))
            setattr(record, name, value)
    if before:
        db.session.flush()
    return before, record.version


def _analyze(actor: Actor) -> None:
    """Tells PostgreSQL how large the tables have become, which autovacuum would do a minute later."""
    with uow(actor):
        db.session.execute(select(func.analyze_imported()))


def _finish(import_id: UUID, actor: Actor) -> None:
    with uow(actor), every_record():
        job = get_import(import_id)
        if job.status != ImportStatus.RUNNING:
            return
        _link_later(job)
        job.status, job.finished_at = ImportStatus.DONE, clock.now()
        emit(
            ImportFinished(
                subject_id=job.id,
                entity=job.entity,
                filename=job.filename,
                owner_id=job.owner_id,
                created=job.created_count,
                failed=job.failed_count,
            )
        )
        tell(job)


def _link_later(job: ImportJob) -> None:
    """References from a file to its own lines (a company and its parent), once all are there."""
    rows = db.session.scalars(
        select(ImportRow).where(ImportRow.import_id == job.id, ImportRow.outcome == "later")
    ).all()
    if not rows:
        return
    names = {normal(name): record_id for record_id, name in db.session.execute(select(Account.id, Account.name))}
    for row in rows:
        parent = names.get(normal((row.raw or {}).get("name", "")))
        if parent is not None and parent != row.record_id:
            db.session.execute(update(Account).where(Account.id == row.record_id).values(parent_id=parent))
        db.session.delete(row)
