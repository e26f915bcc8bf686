"""Imports: upload, dry run, run in batches, undo. A batch is one transaction, and a killed worker
goes on where the last batch ended: natural keys keep anything from being made twice."""

from __future__ import annotations

import datetime as dt
import hashlib
from contextlib import ExitStack
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from app.events.sales import ImportFinished
from app.kernel import audit, clock, jobs, realtime, storage
from app.kernel.constraints import explain
from app.kernel.crud.fields import Kind
from app.kernel.db import TenantModel, advisory_lock, db, every_record, insert_rows
from app.kernel.errors import Conflict, DomainError, Invalid, NotFound
from app.kernel.i18n import force_locale
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id
from app.kernel.outbox import emit
from app.kernel.uow import platform_uow, uow
from app.sales.imports import reading as reading_module
from app.sales.imports.entities import CREATABLE, ENTITIES, REFERENCES, Entity, Key, normal, propose, target_of
from app.sales.imports.rows import ParsedRow, Parser, RowError
from app.sales.models import (
    Account,
    ActivityLog,
    AmountMode,
    Contact,
    ForecastCategory,
    ImportJob,
    ImportMapping,
    ImportRow,
    ImportStatus,
    Lead,
    LeadStatus,
    Opportunity,
    OpportunityLine,
    OpportunityStageHistory,
    PipelineStage,
    Product,
    StageKind,
)
from app.sales.queries import pipelines
from app.sales.service.opportunities import spread_ranks
from app.sales.service.pipelines import save_stage
from app.tenancy import queries as tenancy
from app.tenancy.models import Membership
from app.tenancy.service import members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.kernel.actor import Actor

BATCH = 500
MAX_ROWS = 200_000
SHOWN_ERRORS = 100
RUNNING = (ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING)
UNDO_DAYS = 30


def get_import(import_id: UUID) -> ImportJob:
    """An import; NotFound for an unknown one."""
    found = db.session.scalar(select(ImportJob).where(ImportJob.id == import_id))
    if found is None:
        raise NotFound
    return found


def list_imports(limit: int = 50) -> list[ImportJob]:
    """The newest imports of the organization."""
    return list(db.session.scalars(select(ImportJob).order_by(ImportJob.created_at.desc()).limit(limit)))


def get_entity(name: str) -> Entity:
    """An importable entity; NotFound for an unknown name."""
    if name not in ENTITIES:
        raise NotFound
    return ENTITIES[name]


def require(actor: Actor, entity: Entity) -> None:
    """Importing needs the right to write the entity (people: to invite)."""
    actor.require("invite" if entity.resource == "users" else "write", entity.resource)


def upload(entity_name: str, filename: str, stream: IO[bytes], *, actor: Actor) -> ImportJob:
    """Stores a file and finds out how to read it. Raises Invalid for a file that is no table."""
    entity = get_entity(entity_name)
    require(actor, entity)
    assert actor.organization_id is not None
    found = reading_module.detect(stream, filename)
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)
    total = sum(1 for _row in reading_module.records(stream, found))
    if total == 0:
        raise Invalid(errors={"file": [_("The file has no lines below its header.")]})
    if total > MAX_ROWS:
        raise Invalid(errors={"file": [_("At most %(count)s lines at once.", count=MAX_ROWS)]})
    stream.seek(0)
    key = storage.tenant_key(actor.organization_id, "imports", str(new_id()))
    storage.store().put(key, stream)
    job = ImportJob(
        entity=entity.name,
        filename=filename[-200:],
        storage_key=key,
        file_hash=digest.hexdigest(),
        reading=found.as_json(),
        total=total,
        owner_id=actor.member_id,
    )
    remembered = _remembered(entity.name, found.header)
    job.mapping = propose(entity, found.header, remembered.mapping if remembered else None)
    job.matches = remembered.matches if remembered else {}
    job.settings = {"existing": "skip", "tag": "", "pipeline": None}
    if entity.name == "opportunities":
        job.settings["pipeline"] = str(pipelines.default_pipeline().id)
    db.session.add(job)
    db.session.flush()
    return job


def _signature(header: list[str]) -> str:
    return hashlib.sha256("\x1f".join(normal(one) for one in header).encode()).hexdigest()


def _remembered(entity: str, header: list[str]) -> ImportMapping | None:
    return db.session.scalar(
        select(ImportMapping).where(ImportMapping.entity == entity, ImportMapping.signature == _signature(header))
    )


def _remember(job: ImportJob) -> None:
    header = job.reading["header"]
    found = _remembered(job.entity, header)
    if found is None:
        found = ImportMapping(entity=job.entity, signature=_signature(header), mapping={})
        db.session.add(found)
    found.mapping = dict(job.mapping)
    # What was created stays known by its name; only decisions are worth keeping.
    found.matches = {
        key: {text: one for text, one in decisions.items() if one["action"] in {"match", "empty"}}
        for key, decisions in job.matches.items()
    }


def configure(
    import_id: UUID,
    *,
    actor: Actor,
    mapping: dict[str, str],
    matches: dict[str, dict[str, Any]],
    settings: dict[str, Any],
    reading: dict[str, str],
) -> ImportJob:
    """Takes a person's corrections, then checks every line without saving (the dry run)."""
    job = get_import(import_id)
    entity = get_entity(job.entity)
    require(actor, entity)
    if job.status not in {ImportStatus.UPLOADED, ImportStatus.CHECKED}:
        raise Conflict(_("This import has been started already."))
    current = reading_module.from_json(job.reading)
    if reading.get("date_order") in reading_module.DATE_ORDERS:
        current.date_order = reading["date_order"]
    changed = False
    if reading.get("delimiter") in set(reading_module.DELIMITERS) and reading["delimiter"] != current.delimiter:
        current.delimiter, changed = reading["delimiter"], True
    if (
        reading.get("encoding") in {"utf-8", "utf-8-sig", "cp1252", "utf-16"}
        and reading["encoding"] != current.encoding
    ):
        current.encoding, changed = reading["encoding"], True
    if reading.get("sheet") in current.sheets and reading["sheet"] != current.sheet:
        current.sheet, changed = reading["sheet"], True
    if changed:
        with storage.store().open(job.storage_key) as stream:
            first = next(reading_module.raw_rows(stream, current), None)
        if first is None:
            raise Invalid(errors={"file": [_("The file is empty.")]})
        current.header = reading_module.header_names(first[1])
        with storage.store().open(job.storage_key) as stream:
            job.total = sum(1 for _row in reading_module.records(stream, current))
        mapping = propose(entity, current.header, None)
    known = {field.key for field in entity.fields}
    clean: dict[str, str] = {}
    for column in current.header:
        key = mapping.get(column, "")
        if key in known:
            if key in clean.values():
                raise Invalid(errors={"mapping": [_("Two columns are matched with the same field.")]})
            clean[column] = key
    job.reading, job.mapping = current.as_json(), clean
    job.matches = _checked_matches(entity, matches)
    job.settings = _checked_settings(entity, settings, job.settings)
    job.check = _dry_run(job, entity, actor)
    job.status = ImportStatus.CHECKED
    _remember(job)
    return job


def _checked_matches(entity: Entity, matches: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    by_key = {field.key: field for field in entity.fields if field.is_link}
    found: dict[str, dict[str, Any]] = {}
    for key, decisions in matches.items():
        field = by_key.get(key)
        if field is None:
            continue
        target = target_of(field)
        model, column = REFERENCES[target]
        for text, decision in decisions.items():
            action = decision.get("action")
            if action == "match":
                try:
                    wanted = UUID(str(decision.get("id")))
                except ValueError:
                    continue
                name = db.session.scalar(select(getattr(model, column)).where(model.id == wanted))
                if name is None:
                    raise Invalid(errors={"matches": [_("This record does not exist.")]})
                found.setdefault(key, {})[text] = {"action": "match", "id": str(wanted), "name": name}
            elif action == "empty" or (action == "create" and target in CREATABLE):
                found.setdefault(key, {})[text] = {"action": action}
    return found


def _checked_settings(entity: Entity, settings: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    found = dict(old)
    if settings.get("existing") in {"skip", "update"}:
        found["existing"] = settings["existing"]
    if "tag" in settings:
        found["tag"] = " ".join(str(settings["tag"]).split())[:40]
    if entity.name == "opportunities" and settings.get("pipeline"):
        found["pipeline"] = str(pipelines.get_pipeline(UUID(str(settings["pipeline"]))).id)
    return found


def _parser(job: ImportJob, entity: Entity) -> Parser:
    pipeline = job.settings.get("pipeline")
    return Parser(entity, job.mapping, job.reading["date_order"], job.matches, UUID(pipeline) if pipeline else None)


def _dry_run(job: ImportJob, entity: Entity, actor: Actor) -> dict[str, Any]:
    """Counts of ready, wrong and already known lines, the first errors, the names to decide about."""
    parser = _parser(job, entity)
    found = reading_module.from_json(job.reading)
    ready = failed = same = 0
    errors: list[dict[str, Any]] = []
    preview: list[dict[str, str]] = []
    seen: dict[Key, int] = {}
    batch: list[ParsedRow] = []

    def settle() -> None:
        nonlocal ready, failed, same
        _finish_rows(batch, entity, job, actor)
        _mark_repeats(batch, entity, seen)
        keys = [key for row in batch if not row.errors and (key := entity.key(row.values))]
        existing = entity.existing(keys) if keys else {}
        for row in batch:
            if row.errors:
                failed += 1
                if len(errors) < SHOWN_ERRORS:
                    errors.append(_error_json(row))
            elif entity.key(row.values) in existing:
                same += 1
            else:
                ready += 1
        batch.clear()

    with storage.store().open(job.storage_key) as stream, every_record():
        for line, raw in reading_module.records(stream, found):
            if len(preview) < 5:
                preview.append(raw)
            batch.append(parser.parse(line, raw))
            if len(batch) >= BATCH * 4:
                settle()
        settle()
    return {
        "ready": ready,
        "failed": failed,
        "same": same,
        "errors": errors,
        "unmatched": parser.suggestions(),
        "preview": preview,
        "missing": [str(field.label) for field in parser.missing],
    }


def _error_json(row: ParsedRow) -> dict[str, Any]:
    return {
        "line": row.line,
        "errors": [{"column": one.column, "reason": one.reason, "value": one.value} for one in row.errors],
        "raw": {key: value[:200] for key, value in row.raw.items()},
    }


def _mark_repeats(rows: list[ParsedRow], entity: Entity, seen: dict[Key, int]) -> None:
    """Lines that repeat an earlier line of the same file are errors, so nothing is made twice."""
    for row in rows:
        if row.errors:
            continue
        key = entity.key(row.values)
        if key is None:
            continue
        if key in seen and seen[key] != row.line:
            row.errors.append(RowError("", _("The same as line %(line)s.", line=seen[key])))
        else:
            seen[key] = row.line


def _finish_rows(rows: list[ParsedRow], entity: Entity, job: ImportJob, actor: Actor) -> None:
    """Rules that concern a whole line."""
    tag = job.settings.get("tag")
    status_column = next((column for column, key in job.mapping.items() if key == "status"), "")
    for row in rows:
        if row.errors:
            continue
        if entity.name == "leads" and row.values.get("status") == LeadStatus.CONVERTED:
            row.errors.append(RowError(status_column, _("Use “Convert”.")))
            continue
        if tag and any(field.kind is Kind.TAGS for field in entity.fields):
            row.values["tags"] = [*row.values.get("tags", []), tag][:20]
        if entity.name == "opportunities" and not row.values.get("title"):
            parts = [row.names.get("product_id"), row.names.get("account_id")]
            title = " · ".join(one for one in parts if one) or row.values.get("external_ref")
            if not title:
                row.errors.append(RowError("", _("A deal needs a title, a product or an account.")))
                continue
            row.values["title"] = str(title)[:200]
        if (
            row.values.get("owner_id") is None
            and entity.crud is not None
            and "owner_id" in entity.crud.model.__table__.c
        ):
            scope = actor.scope("write", entity.resource)
            if scope is not None and scope.value == "own":
                row.values["owner_id"] = actor.member_id


# ── running ──────────────────────────────────────────────────────────────────────────────────────


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
            _tell(job)
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
        _tell(job)


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
        parser = _parser(job, entity)
        size = BATCH * 4
        rows = [parser.parse(line, raw) for line, raw in lines.take(job, size)]
        if not rows:
            return False
        _finish_rows(rows, entity, job, actor)
        _mark_repeats(rows, entity, {})
        _write(job, entity, rows, actor)
        job.position += len(rows)
        _tell(job)
        return len(rows) == size


def _write(job: ImportJob, entity: Entity, rows: list[ParsedRow], actor: Actor) -> None:
    good = [row for row in rows if not row.errors]
    keys = [key for row in good if (key := entity.key(row.values))]
    existing = entity.existing(keys) if keys else {}
    outcomes: list[dict[str, Any]] = []
    new: list[tuple[ParsedRow, UUID]] = []
    for row in rows:
        if row.errors:
            job.failed_count += 1
            outcomes.append(_outcome(job, row, "failed", errors=_error_json(row)["errors"], raw=row.raw))
            continue
        hit = existing.get(entity.key(row.values) or ())
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
                        raw={"version": str(version)},
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
        "errors": None,
        "raw": None,
        **extra,
    }


def _refuse(job: ImportJob, row: ParsedRow, error: DomainError | DBAPIError) -> dict[str, Any]:
    """A line that the database or a rule of the entity refused: its reasons, as for any bad line."""
    found = explain(error) if isinstance(error, DBAPIError) else error
    columns = {key: column for column, key in job.mapping.items()}
    for name, reasons in (found.errors or {"": [found.message]}).items():
        column = columns.get(name.removesuffix("_id"), "")
        row.errors += [RowError(column, _(reason)) for reason in reasons]
    job.failed_count += 1
    return _outcome(job, row, "failed", errors=_error_json(row)["errors"], raw=row.raw)


def _insert_good(
    job: ImportJob, entity: Entity, new: list[tuple[ParsedRow, UUID]], actor: Actor
) -> dict[UUID, tuple[ParsedRow, DBAPIError]]:
    """Inserts the lines, all at once; where the database refuses one, line by line. Returns the refused."""
    try:
        with db.session.begin_nested():
            _insert(job, entity, new, actor)
    except DBAPIError:
        refused: dict[UUID, tuple[ParsedRow, DBAPIError]] = {}
        for row, record_id in new:
            try:
                with db.session.begin_nested():
                    _insert(job, entity, [(row, record_id)], actor)
            except DBAPIError as error:
                refused[record_id] = (row, error)
        return refused
    return {}


def _insert(job: ImportJob, entity: Entity, new: list[tuple[ParsedRow, UUID]], actor: Actor) -> None:
    if entity.name == "people":
        _insert_people(new, actor)
        return
    assert entity.crud is not None
    model = entity.crud.model
    lines: Rows = []
    steps: Rows = []
    if entity.name == "opportunities":
        values, lines, steps = _deal_rows(job, new, actor)
    else:
        defaults = _defaults(model)
        values = [{**defaults, **row.values, "id": record_id, "import_id": job.id} for row, record_id in new]
    columns = {key for row in values for key in row}
    values = [{**dict.fromkeys(columns), **row} for row in values]
    insert_rows(model, values, actor)
    for table, dependents in ((OpportunityLine, lines), (OpportunityStageHistory, steps)):
        if dependents:
            insert_rows(table, dependents, actor)
    label = entity.crud.label_field
    for row in values:
        audit.record(
            "created",
            entity=entity.kind,
            entity_id=row["id"],
            label=str(row[label]),
            changes={
                key: [None, audit.plain(value)]
                for key, value in row.items()
                if value not in (None, []) and key in _SHOWN[entity.name]
            },
        )


_SHOWN = {
    name: {field.name for field in entity.fields} | {"stage_kind", "pipeline_id", "import_id"}
    for name, entity in ENTITIES.items()
}


def _defaults(model: type[TenantModel]) -> dict[str, Any]:
    """The scalar defaults of a table's columns, which set-based inserts do not apply per row."""
    found: dict[str, Any] = {}
    for column in model.__table__.columns:
        if column.default is not None and column.default.is_scalar:
            found[column.name] = column.default.arg
        elif not column.nullable and column.name == "tags":
            found[column.name] = []
    found.pop("version", None)
    return found


Rows = list[dict[str, Any]]


def _deal_rows(job: ImportJob, new: list[tuple[ParsedRow, UUID]], actor: Actor) -> tuple[Rows, Rows, Rows]:
    """Deals with their stage, rank, line and history.

    A named product makes one line, at the deal's amount, else at its list price. A deal without an
    amount of its own takes the line's.
    """
    stages = {one.id: one for one in pipelines.list_stages(UUID(job.settings["pipeline"]))}
    first = next(one for one in stages.values() if one.kind == StageKind.OPEN)
    product_ids = {row.values.get("product_id") for row, _id in new} - {None}
    products = {one.id: one for one in db.session.scalars(select(Product).where(Product.id.in_(product_ids)))}
    now = clock.now()
    by_stage: dict[UUID, int] = {}
    for row, _id in new:
        stage = stages.get(row.values.get("stage_id"), first)  # type: ignore[arg-type]
        by_stage[stage.id] = by_stage.get(stage.id, 0) + 1
    ranks = {stage_id: iter(spread_ranks(count, stage_id)) for stage_id, count in by_stage.items()}
    values: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for row, record_id in new:
        given = dict(row.values)
        product = products.get(given.pop("product_id", None))  # type: ignore[arg-type]
        stage = stages.get(given.pop("stage_id", None), first)  # type: ignore[arg-type]
        closed = stage.kind != StageKind.OPEN
        close_date = given.get("close_date")
        opened = given.get("opened_on")
        closed_at = None
        if closed:
            day = close_date or clock.today(actor.timezone)
            given["close_date"] = day
            closed_at = dt.datetime.combine(day, dt.time(12), dt.UTC)
        amount = given.get("amount")
        mode = AmountMode.MANUAL
        if product is not None:
            price = amount if amount is not None else (product.price if not closed else Decimal(0))
            lines.append(
                {
                    "opportunity_id": record_id,
                    "product_id": product.id,
                    "position": 1,
                    "description": product.name,
                    "quantity": Decimal(1),
                    "unit": product.unit,
                    "unit_price": price,
                    "discount": Decimal(0),
                    "vat_rate": product.vat_rate,
                    "recurrence": product.recurrence,
                }
            )
            amount, mode = price, AmountMode.LINES
        values.append(
            {
                "forecast_category": ForecastCategory.CLOSED
                if stage.kind == StageKind.WON
                else ForecastCategory.OMITTED
                if closed
                else ForecastCategory.PIPELINE,
                "tags": [],
                **given,
                "id": record_id,
                "pipeline_id": stage.pipeline_id,
                "stage_id": stage.id,
                "stage_kind": stage.kind,
                "rank": next(ranks[stage.id]),
                "amount": amount,
                "amount_mode": mode,
                "currency": given.get("currency") or actor.currency,
                "closed_at": closed_at,
                # When a deal entered its stage is not in the file: an open one stands there from now.
                "stage_entered_at": closed_at or now,
                "last_open_stage_id": first.id if closed else None,
                "import_id": job.id,
            }
        )
        start = dt.datetime.combine(opened, dt.time(9), dt.UTC) if opened else None
        steps.append(
            {
                "opportunity_id": record_id,
                "from_stage_id": first.id if closed else None,
                "to_stage_id": stage.id,
                "by_id": actor.member_id,
                "at": closed_at or now,
                "seconds": max(0, int((closed_at - start).total_seconds())) if closed_at and start else None,
            }
        )
    return values, lines, steps


def _insert_people(new: list[tuple[ParsedRow, UUID]], actor: Actor) -> None:
    """People known by name, in teams that are made where they lack; a team is named after its manager."""
    teams = {normal(one.name): one for one in tenancy.list_teams()}
    for row, record_id in new:
        team_name = row.values.get("team_name")
        team = teams.get(normal(team_name)) if team_name else None
        if team_name and team is None:
            team = members.save_team(None, actor=actor, name=team_name)
            teams[normal(team_name)] = team
        db.session.add(
            Membership(
                id=record_id,
                display_name=row.values["display_name"],
                title=row.values.get("title"),
                team_id=team.id if team else None,
                status="placeholder",
            )
        )
    db.session.flush()


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
        _tell(job)


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


def progress(job: ImportJob) -> dict[str, Any]:
    """How far an import is, for its page."""
    return {
        "id": str(job.id),
        "status": job.status,
        "position": job.position,
        "total": job.total,
        "created": job.created_count,
        "updated": job.updated_count,
        "same": job.same_count,
        "failed": job.failed_count,
    }


def _tell(job: ImportJob) -> None:
    room = realtime.org_room(job.organization_id, get_entity(job.entity).resource)
    realtime.push(room, "import:progress", progress(job))


# ── undo ─────────────────────────────────────────────────────────────────────────────────────────


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
            _tell(job)


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
    if row.raw and str(record.version) != row.raw.get("version"):
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


def failed_rows(import_id: UUID, limit: int | None = None) -> list[ImportRow]:
    """The lines that were refused, in order."""
    statement = (
        select(ImportRow)
        .where(ImportRow.import_id == import_id, ImportRow.outcome == "failed")
        .order_by(ImportRow.line)
    )
    return list(db.session.scalars(statement.limit(limit) if limit else statement))
