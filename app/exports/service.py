"""Exports in the background: asking for one, following it, asking again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from app.exports.models import UNFINISHED, ExportJob, ExportStatus
from app.exports.state import get_crud, queue
from app.kernel.crud import export
from app.kernel.crud.query import count_rows
from app.kernel.db import db
from app.kernel.errors import Conflict, NotFound
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from app.kernel.actor import Actor
    from app.kernel.crud.fields import Crud
    from app.kernel.crud.params import ListParams

AT_ONCE = 3


def start(crud: Crud, params: ListParams, fmt: str, *, actor: Actor) -> str:
    """Queues an export of what the list shows; the address of its page.

    Raises Conflict while as many exports of the person are under way as may be at once.
    """
    waiting = select(func.count()).where(ExportJob.owner_id == actor.member_id, ExportJob.status.in_(UNFINISHED))
    if (db.session.scalar(waiting) or 0) >= AT_ONCE:
        raise Conflict(_("%(count)s exports of yours are under way: wait for one of them.", count=AT_ONCE))
    job = ExportJob(
        owner_id=actor.member_id,
        kind=crud.kind,
        format=fmt,
        filename=export.file_name(crud, actor, fmt),
        definition={
            "leaves": params.leaves,
            "tree": params.tree,
            "search": params.search,
            "sort": params.sort,
            "columns": params.columns,
        },
        total=count_rows(crud, params, actor, export.LIMIT + 1),
    )
    db.session.add(job)
    db.session.flush()
    queue(job)
    return f"/exports/{job.id}"


def get_export(export_id: UUID, *, actor: Actor) -> ExportJob:
    """An export of the actor's own. Raises NotFound for anybody else's, Forbidden without the permission."""
    job = db.session.scalar(select(ExportJob).where(ExportJob.id == export_id))
    if job is None:
        raise NotFound
    actor.require("export", get_crud(job).resource)
    if job.owner_id != actor.member_id:
        raise NotFound
    return job


def list_exports(*, actor: Actor, limit: int = 50) -> Sequence[ExportJob]:
    """The actor's own exports, the newest first."""
    return db.session.scalars(
        select(ExportJob)
        .where(ExportJob.owner_id == actor.member_id)
        .order_by(ExportJob.created_at.desc(), ExportJob.id.desc())
        .limit(limit)
    ).all()


def retry(export_id: UUID, *, actor: Actor) -> ExportJob:
    """Queues a failed or expired export again. Raises Conflict for any other."""
    job = get_export(export_id, actor=actor)
    if job.status not in {ExportStatus.FAILED, ExportStatus.EXPIRED}:
        raise Conflict(_("This export is under way or done."))
    job.status, job.message, job.attempts = ExportStatus.QUEUED, None, 0
    job.finished_at = job.expires_at = None
    queue(job)
    return job
