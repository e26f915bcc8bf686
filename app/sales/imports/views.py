"""The import's pages: file, columns and check, progress, result."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import BaseView, expose

from app.kernel import http
from app.kernel.crud.export import safe_cell, write_csv
from app.kernel.errors import DomainError, Forbidden, Invalid, Unavailable
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.sales.imports import reading, running, service, undo
from app.sales.imports.entities import CREATABLE, ENTITIES, names_of
from app.sales.models.imports import ImportStatus
from app.sales.queries import pipelines


class ImportView(BaseView):  # type: ignore[misc]
    """A wizard of pages; each step can be gone back to until the import is started."""

    route_base = "/sales/import"
    default_view = "index"

    def _allowed(self) -> list[Any]:
        actor = http.actor()
        found = [
            entity
            for entity in ENTITIES.values()
            if actor.can("invite" if entity.resource == "users" else "write", entity.resource)
        ]
        if not found:
            raise Forbidden
        return found

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Response:
        """Choose what and the file; earlier imports below."""
        allowed = self._allowed()
        errors: dict[str, list[str]] = {}
        status = 200
        if request.method == "POST":
            upload = request.files.get("file")
            try:
                if upload is None or not upload.filename:
                    raise Invalid(errors={"file": [_("Choose a CSV or an XLSX file.")]})
                with uow():
                    job = service.upload(
                        request.form.get("entity", ""), upload.filename, upload.stream, actor=http.actor()
                    )
                    job_id = job.id
                return make_response(redirect(f"/sales/import/{job_id}"))
            except (Invalid, Unavailable) as error:
                status, errors = error.status, error.errors or {"file": [_(error.message)]}
        return make_response(
            self.render_template(
                "sales/import/index.html",
                entities=allowed,
                errors=errors,
                imports=service.list_imports(),
                wanted=request.values.get("entity", ""),
                labels={one.name: one.label for one in ENTITIES.values()},
            ),
            status,
        )

    @expose("/<pk>", methods=["GET", "POST"])
    def show(self, pk: str) -> Response:
        """Columns and check before the start; progress and result after it."""
        self._allowed()
        job = service.get_import(parse_id(pk))
        entity = service.get_entity(job.entity)
        service.require(http.actor(), entity)
        if job.status not in {ImportStatus.UPLOADED, ImportStatus.CHECKED}:
            return make_response(
                self.render_template(
                    "sales/import/result.html",
                    job=job,
                    entity=entity,
                    failed=service.failed_rows(job.id, 100),
                    progress=service.progress(job),
                )
            )
        errors: dict[str, list[str]] = {}
        if request.method == "POST" or job.status == ImportStatus.UPLOADED:
            try:
                with uow():
                    job = service.configure(parse_id(pk), actor=http.actor(), **self._configuration(job))
            except DomainError as error:
                errors = error.errors or {"_": [_(error.message)]}
        found = reading.from_json(job.reading)
        pipeline = job.settings.get("pipeline")
        known: dict[str, list[tuple[str, str]]] = {}
        for one in job.check.get("unmatched", []):
            if one["target"] not in known:
                names = names_of(one["target"], UUID(pipeline) if pipeline else None)
                known[one["target"]] = sorted(
                    ((str(record_id), name) for record_id, name in names.values()), key=lambda hit: hit[1].lower()
                )[:500]
        return make_response(
            self.render_template(
                "sales/import/check.html",
                job=job,
                entity=entity,
                reading=found,
                errors=errors,
                known=known,
                creatable=CREATABLE,
                date_orders=reading.DATE_ORDERS,
                pipelines=pipelines.list_pipelines() if entity.name == "opportunities" else [],
            ),
            422 if errors else 200,
        )

    def _configuration(self, job: Any) -> dict[str, Any]:
        form = request.form
        if request.method != "POST":
            return {"mapping": job.mapping, "matches": job.matches, "settings": {}, "reading": {}}
        mapping = {column: form.get(f"map-{index}", "") for index, column in enumerate(job.reading["header"])}
        matches: dict[str, dict[str, Any]] = {key: dict(one) for key, one in job.matches.items()}
        for index in range(min(len(job.check.get("unmatched", [])), 500)):
            match = re.fullmatch(r"(match):([0-9a-f-]{36})|(create)|(empty)|", form.get(f"decide-{index}", ""))
            one = job.check["unmatched"][index]
            if match is None or not match.group(0):
                matches.get(one["field"], {}).pop(one["text"], None)
                continue
            decision = {"action": "match", "id": match.group(2)} if match.group(1) else {"action": match.group(0)}
            matches.setdefault(one["field"], {})[one["text"]] = decision
        return {
            "mapping": mapping,
            "matches": matches,
            "settings": {key: form[key] for key in ("existing", "tag", "pipeline") if key in form},
            "reading": {
                key: "\t" if form[key] == "tab" else form[key]
                for key in ("date_order", "delimiter", "encoding", "sheet")
                if key in form
            },
        }

    @expose("/<pk>/start", methods=["POST"])
    def start(self, pk: str) -> Response:
        """Starts the import."""
        with uow():
            running.start(parse_id(pk), actor=http.actor())
        return make_response(redirect(f"/sales/import/{pk}"))

    @expose("/<pk>/undo", methods=["POST"])
    def undo(self, pk: str) -> Response:
        """Takes a finished import back."""
        with uow():
            undo.start_undo(parse_id(pk), actor=http.actor())
        flash(_("The import is being taken back."), "success")
        return make_response(redirect(f"/sales/import/{pk}"))

    @expose("/<pk>/progress")
    def progress(self, pk: str) -> Response:
        """How far it is, as JSON."""
        job = service.get_import(parse_id(pk))
        service.require(http.actor(), service.get_entity(job.entity))
        return http.json_response(service.progress(job))

    @expose("/<pk>/errors.csv")
    def errors(self, pk: str) -> Response:
        """The refused lines with their reasons, ready to be mended and imported again."""
        job = service.get_import(parse_id(pk))
        service.require(http.actor(), service.get_entity(job.entity))
        header = job.reading["header"]
        body = write_csv(
            [*header, _("Line"), _("Problem")],
            (
                [
                    *(safe_cell((row.raw or {}).get(column, "")) for column in header),
                    row.line,
                    safe_cell("; ".join(f"{one['column']}: {one['reason']}" for one in row.errors or [])),
                ]
                for row in service.failed_rows(job.id)
            ),
        )
        response = Response(body, content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="errors.csv"'
        return response
