"""Pipelines with their stages, and the reasons for losing."""

from __future__ import annotations

from flask import Response, request
from flask_appbuilder import expose

from app.kernel import http
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.sales.queries import pipelines as sales_queries
from app.sales.service import pipelines as sales
from app.settings.views.page import SettingsPage, saved, whole_number


class PipelinesView(SettingsPage):
    """Pipelines, stages, reasons for losing."""

    default_view = "pipelines"

    @expose("/pipelines")
    def pipelines(self) -> Response:
        """Pipelines with their stages, and the reasons for losing."""
        http.actor().require("manage", "pipeline")
        found = sales_queries.list_pipelines()
        wanted = request.args.get("pipeline")
        current = sales_queries.get_pipeline(parse_id(wanted)) if wanted else sales_queries.default_pipeline()
        return self._page(
            "settings/pipelines.html",
            pipelines=found,
            current=current,
            stages=sales_queries.list_stages(current.id),
            reasons=sales_queries.list_lost_reasons(),
        )

    @expose("/pipelines/save", methods=["POST"])
    def save_pipeline(self) -> Response:
        """Creates or renames a pipeline."""
        actor = http.actor()
        with uow():
            if request.form.get("id"):
                pipeline = sales.update_pipeline(
                    parse_id(request.form["id"]),
                    actor=actor,
                    name=request.form.get("name", ""),
                    is_default=request.form.get("is_default") == "1",
                )
            else:
                pipeline = sales.create_pipeline(request.form.get("name", ""), actor=actor)
            pipeline_id = pipeline.id
        return saved(f"/settings/pipelines?pipeline={pipeline_id}", _("Changes saved."))

    @expose("/pipelines/<pk>/delete", methods=["POST"])
    def delete_pipeline(self, pk: str) -> Response:
        """Deletes an empty pipeline."""
        with uow():
            sales.delete_pipeline(parse_id(pk), actor=http.actor())
        return saved("/settings/pipelines", _("Pipeline deleted."))

    @expose("/pipelines/<pk>/stages", methods=["POST"])
    def save_stage(self, pk: str) -> Response:
        """Creates or changes a stage."""
        form = request.form
        with uow():
            sales.save_stage(
                parse_id(pk),
                parse_id(form["id"]) if form.get("id") else None,
                actor=http.actor(),
                name=form.get("name", ""),
                probability=whole_number(form.get("probability"), "probability") or 0,
                rot_days=whole_number(form.get("rot_days"), "rot_days"),
                color=whole_number(form.get("color"), "color") or 1,
            )
        return saved(f"/settings/pipelines?pipeline={pk}", _("Changes saved."))

    @expose("/pipelines/<pk>/order", methods=["POST"])
    def order_stages(self, pk: str) -> Response:
        """Orders the stages: ``stage``, repeated."""
        with uow():
            sales.order_stages(
                parse_id(pk), [parse_id(one) for one in request.form.getlist("stage")[:50]], actor=http.actor()
            )
        return saved(f"/settings/pipelines?pipeline={pk}", _("Changes saved."))

    @expose("/pipelines/stages/<pk>/delete", methods=["POST"])
    def delete_stage(self, pk: str) -> Response:
        """Deletes an empty stage."""
        with uow():
            sales.delete_stage(parse_id(pk), actor=http.actor())
        return saved("/settings/pipelines", _("Stage deleted."))

    @expose("/pipelines/reasons", methods=["POST"])
    def save_reason(self) -> Response:
        """Creates or changes a reason for losing."""
        form = request.form
        with uow():
            sales.save_lost_reason(
                parse_id(form["id"]) if form.get("id") else None,
                actor=http.actor(),
                name=form.get("name", ""),
                active=form.get("active", "1") == "1",
            )
        return saved("/settings/pipelines", _("Changes saved."))
