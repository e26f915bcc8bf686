"""What an import is: its file, its check, and what became of it."""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.kernel import realtime, storage
from app.kernel.crud.fields import Kind
from app.kernel.db import db, every_record
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_id
from app.sales.imports import reading as reading_module
from app.sales.imports.entities import CREATABLE, ENTITIES, REFERENCES, Entity, Key, normal, propose, target_of
from app.sales.imports.rows import ParsedRow, Parser, RowError
from app.sales.models.imports import ImportJob, ImportMapping, ImportRow, ImportStatus
from app.sales.models.leads import LeadStatus
from app.sales.queries import pipelines

if TYPE_CHECKING:
    from app.kernel.actor import Actor

BATCH = 500
MAX_ROWS = 200_000
SHOWN_ERRORS = 100


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


def parser_of(job: ImportJob, entity: Entity) -> Parser:
    """What reads the import's lines, with its mapping, date order and decisions about names."""
    pipeline = job.settings.get("pipeline")
    return Parser(entity, job.mapping, job.reading["date_order"], job.matches, UUID(pipeline) if pipeline else None)


def _dry_run(job: ImportJob, entity: Entity, actor: Actor) -> dict[str, Any]:
    """Counts of ready, wrong and already known lines, the first errors, the names to decide about."""
    parser = parser_of(job, entity)
    found = reading_module.from_json(job.reading)
    ready = failed = same = 0
    errors: list[dict[str, Any]] = []
    preview: list[dict[str, str]] = []
    seen: dict[Key, int] = {}
    batch: list[ParsedRow] = []

    def settle() -> None:
        nonlocal ready, failed, same
        finish_rows(batch, entity, job, actor=actor)
        mark_repeats(batch, entity, seen)
        keys = [entity.key(row.values) for row in batch if not row.errors]
        existing = entity.existing(keys) if keys else {}
        for row in batch:
            if row.errors:
                failed += 1
                if len(errors) < SHOWN_ERRORS:
                    errors.append(error_json(row))
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


def error_json(row: ParsedRow) -> dict[str, Any]:
    """``{"line", "errors"}`` of a refused line, as stored and shown."""
    return {
        "line": row.line,
        "errors": [{"column": one.column, "reason": one.reason, "value": one.value} for one in row.errors],
        "raw": {key: value[:200] for key, value in row.raw.items()},
    }


def mark_repeats(rows: list[ParsedRow], entity: Entity, seen: dict[Key, int]) -> None:
    """Lines that repeat an earlier line of the same file are errors, so nothing is made twice."""
    for row in rows:
        if row.errors:
            continue
        key = entity.key(row.values)
        if key in seen and seen[key] != row.line:
            row.errors.append(RowError("", _("The same as line %(line)s.", line=seen[key])))
        else:
            seen[key] = row.line


def finish_rows(rows: list[ParsedRow], entity: Entity, job: ImportJob, *, actor: Actor) -> None:
    """Rules that concern a whole line."""
    tag = job.settings.get("tag")
    status_column = job.column_of("status")
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


def tell(job: ImportJob) -> None:
    """Shows the progress on open pages, once this unit of work has committed."""
    room = realtime.org_room(job.organization_id, get_entity(job.entity).resource)
    realtime.push(room, "import:progress", progress(job))


def failed_rows(import_id: UUID, limit: int | None = None) -> list[ImportRow]:
    """The lines that were refused, in order."""
    statement = (
        select(ImportRow)
        .where(ImportRow.import_id == import_id, ImportRow.outcome == "failed")
        .order_by(ImportRow.line)
    )
    return list(db.session.scalars(statement.limit(limit) if limit else statement))
