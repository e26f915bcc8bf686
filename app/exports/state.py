"""What an export is made of, how far it is, and how it ends."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MultiDict

from app.events.exports import ExportFinished
from app.exports.models import ExportJob, ExportStatus
from app.kernel import clock, jobs, realtime, valkey
from app.kernel.crud.fields import Crud, cruds
from app.kernel.crud.params import ListParams, read_params
from app.kernel.errors import NotFound
from app.kernel.outbox import emit

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor

# How long a file is kept, and how long the list of exports tells of one that is gone.
KEPT = dt.timedelta(days=7)
REMEMBERED = dt.timedelta(days=60)
MAX_ATTEMPTS = 3


def queue(job: ExportJob) -> None:
    """Has a worker make the file."""
    jobs.enqueue("exports.run", {"export_id": str(job.id)}, job_id=job_id(job.id))


def job_id(export_id: UUID) -> str:
    """What the queue calls an export."""
    return f"export-{export_id}"


def get_crud(job: ExportJob) -> Crud:
    """The entity that is exported. Raises NotFound for one that is no more."""
    found = cruds.get(job.kind)
    if found is None:
        raise NotFound
    return found


def get_params(job: ExportJob) -> ListParams:
    """The list's state that is exported."""
    return read_params(MultiDict(), get_crud(job), job.definition)


def finish(job: ExportJob, *, reason: str = "") -> None:
    """Says that an export has ended, with a file or with a reason, in the bell and on open pages."""
    job.finished_at = clock.now()
    if reason:
        job.status, job.message = ExportStatus.FAILED, reason[:500]
    emit(
        ExportFinished(
            subject_id=job.id, filename=job.filename, owner_id=job.owner_id, rows=job.row_count, reason=reason[:200]
        )
    )


def progress(job: ExportJob) -> dict[str, Any]:
    """How far it is, as JSON says it."""
    position = job.row_count
    if job.status == ExportStatus.RUNNING:
        position = int(valkey.connection().get(_progress_key(job.id)) or 0)
    return {"id": job.id, "status": job.status, "position": position, "total": job.total, "message": job.message}


def tell(job: ExportJob, position: int, actor: Actor) -> None:
    """Shows on open pages how far a running export is; nothing of it is stored in the database."""
    valkey.connection().set(_progress_key(job.id), position, ex=3600)
    if actor.user_id is not None:
        shown = {"id": str(job.id), "status": job.status, "position": position, "total": job.total}
        realtime.push_now(realtime.user_room(actor.user_id, job.organization_id), "export:progress", shown)


def _progress_key(export_id: UUID) -> str:
    return f"export-progress:{export_id}"
