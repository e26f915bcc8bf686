"""Makes the files of exports; looks after those that got lost, and after files that have had their time."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from sqlalchemy import delete, select

from app.exports import state
from app.exports.models import UNFINISHED, ExportJob, ExportStatus
from app.kernel import clock, jobs, storage
from app.kernel.actor import system_actor
from app.kernel.crud import export
from app.kernel.db import advisory_lock, db
from app.kernel.errors import DomainError, Invalid, NotFound, Unavailable
from app.kernel.i18n import force_locale
from app.kernel.i18n import gettext as _
from app.kernel.uow import platform_uow, uow
from app.tenancy.security.identity.jobs import load_member_actor

if TYPE_CHECKING:
    from app.kernel.actor import Actor

log = structlog.get_logger()


@jobs.job("exports.run", queue="bulk", timeout=1800, retries=state.MAX_ATTEMPTS - 1)
def run_export(export_id: str, *, actor: Actor) -> None:
    """Writes an export's file. What may pass is tried again; the last failure is told with its reason."""
    wanted = UUID(export_id)
    with force_locale(actor.locale):
        attempt = _begin(wanted, actor)
        if not attempt:
            return
        try:
            _write(wanted, actor)
        except Unavailable as error:
            if attempt >= state.MAX_ATTEMPTS:
                _fail(wanted, actor, _(error.message))
            raise
        except DomainError as error:
            # Tomorrow it would be the same: a permission or a column that is no more, too many rows.
            _fail(wanted, actor, _(error.message))
        except Exception:
            if attempt >= state.MAX_ATTEMPTS:
                _fail(wanted, actor, _("Something went wrong on our side. Try again later."))
            raise


def _get(export_id: UUID) -> ExportJob:
    job = db.session.scalar(select(ExportJob).where(ExportJob.id == export_id))
    if job is None:
        raise NotFound
    return job


def _begin(export_id: UUID, actor: Actor) -> int:
    """Which attempt this is; 0 for an export that somebody else has ended."""
    with uow(actor):
        advisory_lock(f"export:{export_id}")
        job = _get(export_id)
        if not job.is_unfinished:
            return 0
        if job.attempts >= state.MAX_ATTEMPTS:
            state.finish(job, reason=_("The export was interrupted several times."))
            return 0
        job.status = ExportStatus.RUNNING
        job.attempts += 1
        return job.attempts


def _write(export_id: UUID, actor: Actor) -> None:
    with TemporaryFile() as target:
        with uow(actor):
            job = _get(export_id)
            crud, params = state.get_crud(job), state.get_params(job)
            actor.require("export", crud.resource)
            if job.total > export.LIMIT:
                raise Invalid(_("An export holds at most %(count)s rows. Narrow the list.", count=export.LIMIT))
            db.session.expunge(job)
            count = export.write(crud, params, actor, job.format, target, lambda rows: state.tell(job, rows, actor))
        size = target.tell()
        target.seek(0)
        key = storage.tenant_key(job.organization_id, "exports", f"{job.id}.{job.format}")
        storage.store().put(key, target)
    with uow(actor):
        job = _get(export_id)
        job.status, job.storage_key, job.size = ExportStatus.DONE, key, size
        job.row_count = job.total = count
        job.expires_at = clock.now() + state.KEPT
        state.finish(job)
        export.note(crud, count, job.format)


def _fail(export_id: UUID, actor: Actor, reason: str) -> None:
    log.warning("exports.failed", export=str(export_id), reason=reason)
    with uow(actor):
        state.finish(_get(export_id), reason=reason)


@jobs.job("exports.sweep", queue="critical", timeout=300, retries=0)
def sweep_exports(**_context: Any) -> int:
    """Queues lost exports again, ends those whose job has failed, deletes files that have expired; how many."""
    with platform_uow("jobs") as session:
        unfinished = session.execute(
            select(ExportJob.id, ExportJob.organization_id, ExportJob.owner_id).where(ExportJob.status.in_(UNFINISHED))
        ).all()
    swept = 0
    for export_id, organization_id, owner_id in unfinished:
        if jobs.has_failed("exports.run", state.job_id(export_id)):
            with force_locale(_locale(organization_id, owner_id)), uow(system_actor(organization_id)):
                job = _get(export_id)
                if job.is_unfinished:
                    state.finish(job, reason=_("The export was interrupted. Try again."))
                    swept += 1
        else:
            swept += jobs.enqueue_lost(
                "exports.run",
                {"export_id": str(export_id)},
                job_id=state.job_id(export_id),
                organization_id=organization_id,
                member_id=owner_id,
            )
    return swept + _expire()


def _locale(organization_id: UUID, member_id: UUID) -> str:
    """The language of the person who waits; the product's own when they have gone."""
    try:
        return load_member_actor(organization_id, member_id).locale
    except NotFound:
        return system_actor(organization_id).locale


def _expire() -> int:
    now = clock.now()
    with platform_uow("jobs") as session:
        expired = session.scalars(
            select(ExportJob).where(ExportJob.status == ExportStatus.DONE, ExportJob.expires_at < now).limit(200)
        ).all()
        for job in expired:
            storage.store().delete(job.storage_key or "")
            job.status, job.storage_key = ExportStatus.EXPIRED, None
        session.execute(
            delete(ExportJob).where(
                ExportJob.status.in_([ExportStatus.EXPIRED, ExportStatus.FAILED]),
                ExportJob.finished_at < now - state.REMEMBERED,
            )
        )
    return len(expired)
