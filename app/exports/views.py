"""The pages of exports: one's own, how far one is, its file."""

from __future__ import annotations

from flask import Response, make_response, redirect
from flask_appbuilder import BaseView, expose

from app.exports import running, service, state
from app.exports.models import ExportJob, ExportStatus
from app.kernel import clock, http, storage
from app.kernel.crud import export
from app.kernel.crud.fields import cruds
from app.kernel.errors import Conflict, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow

# Registers the jobs.
JOBS = (running.run_export, running.sweep_exports)


class ExportView(BaseView):  # type: ignore[misc]
    """Everybody sees their own exports only; those of others are not there."""

    route_base = "/exports"
    default_view = "index"

    @expose("/")
    def index(self) -> Response:
        """The person's exports."""
        exports = service.list_exports(actor=http.actor())
        return make_response(self.render_template("exports/index.html", exports=exports, cruds=cruds))

    @expose("/<pk>")
    def show(self, pk: str) -> Response:
        """How far an export is, then its file or the reason why there is none."""
        job = service.get_export(parse_id(pk), actor=http.actor())
        return make_response(
            self.render_template("exports/show.html", job=job, crud=state.get_crud(job), progress=state.progress(job))
        )

    @expose("/<pk>/progress")
    def progress(self, pk: str) -> Response:
        """How far it is, as JSON."""
        return http.json_response(state.progress(service.get_export(parse_id(pk), actor=http.actor())))

    @expose("/<pk>/download")
    def download(self, pk: str) -> Response:
        """The file, until it expires."""
        job = service.get_export(parse_id(pk), actor=http.actor())
        if _is_over(job):
            raise Conflict(_("This file has expired. Make the export again."))
        if job.storage_key is None:
            raise NotFound
        return export.send(storage.store().open(job.storage_key), job.filename)

    @expose("/<pk>/retry", methods=["POST"])
    def retry(self, pk: str) -> Response:
        """Makes a failed or expired export again."""
        with uow():
            job = service.retry(parse_id(pk), actor=http.actor())
        return redirect(f"/exports/{job.id}", 303)  # type: ignore[return-value]


def _is_over(job: ExportJob) -> bool:
    return job.status == ExportStatus.EXPIRED or (job.expires_at is not None and job.expires_at < clock.now())
