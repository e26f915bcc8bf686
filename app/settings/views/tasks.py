"""The statuses of tasks, and how many tasks each may hold."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request
from flask_appbuilder import expose

from app.kernel import http
from app.kernel.crud.body import optional_day
from app.kernel.errors import Conflict, Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.settings.views.page import SettingsPage, saved, whole_number
from app.settings.views.sla import read_form, sla_context
from app.tasks.assist.remote import Service
from app.tasks.cruds import GROUPS
from app.tasks.queries.sla import list_closings
from app.tasks.queries.tasks import list_statuses
from app.tasks.rows import status_icon
from app.tasks.service import statuses
from app.tasks.service.assist import allow_sending
from app.tasks.service.closings import delete_closing, save_closing
from app.tasks.service.sla import save_sla
from app.tenancy.queries import current_organization


class TaskStatusesView(SettingsPage):
    """Statuses of tasks, in the organization's own words."""

    default_view = "tasks"

    @expose("/tasks")
    def tasks(self) -> Response:
        """The statuses, group by group."""
        http.actor().require("manage", "tasks")
        return self._show(**sla_context())

    def _show(self, status: int = 200, **context: Any) -> Response:
        return self._page(
            "settings/tasks.html",
            status,
            statuses=list_statuses(),
            choices=GROUPS,
            group_labels={one.value: one.label for one in GROUPS},
            status_icon=status_icon,
            closings=list_closings(),
            assist_sends=current_organization().assist_sends,
            ai=Service.configured(current_app.config),
            **{"closing_errors": {}, **context},
        )

    @expose("/tasks/sla", methods=["POST"])
    def save_sla(self) -> Response:
        """Changes the hours per priority and the business hours."""
        http.actor().require("manage", "tasks")
        try:
            with uow():
                save_sla(read_form(), actor=http.actor())
        except Invalid as error:
            return self._show(422, errors=error.errors, **sla_context(request.form))
        return saved("/settings/tasks#sla", _("Changes saved. Open tasks follow within a minute."))

    @expose("/tasks/closings", methods=["POST"])
    def save_closing(self) -> Response:
        """Adds closing days, or changes them."""
        http.actor().require("manage", "tasks")
        form = request.form
        try:
            with uow():
                save_closing(
                    parse_id(form["id"]) if form.get("id") else None,
                    actor=http.actor(),
                    name=form.get("name", "").replace("\x00", ""),
                    first_on=optional_day({"first_on": form.get("first_on") or None}, "first_on"),
                    last_on=optional_day({"last_on": form.get("last_on") or None}, "last_on"),
                    version=whole_number(form.get("version"), "version"),
                )
        except Invalid as error:
            return self._show(422, closing_errors=error.errors, **sla_context())
        except Conflict as error:
            return self._show(409, closing_errors={"name": [_(error.message)]}, **sla_context())
        return saved("/settings/tasks#closings", _("Changes saved. Open tasks follow within a minute."))

    @expose("/tasks/closings/<pk>/delete", methods=["POST"])
    def delete_closing(self, pk: str) -> Response:
        """Deletes closing days."""
        with uow():
            delete_closing(parse_id(pk), actor=http.actor())
        return saved("/settings/tasks#closings", _("Changes saved. Open tasks follow within a minute."))

    @expose("/tasks/assist", methods=["POST"])
    def save_assist(self) -> Response:
        """Lets texts of tasks be sent to the AI service, or no longer."""
        with uow():
            allow_sending(request.form.get("assist_sends") == "1", actor=http.actor())
        return saved("/settings/tasks", _("Changes saved."))

    @expose("/tasks/save", methods=["POST"])
    def save_status(self) -> Response:
        """Creates or changes a status."""
        form = request.form
        with uow():
            statuses.save_status(
                parse_id(form["id"]) if form.get("id") else None,
                actor=http.actor(),
                name=form.get("name", ""),
                group=form.get("group"),
                wip_limit=whole_number(form.get("wip_limit"), "wip_limit"),
                wip_hard=form.get("wip_hard") == "1",
            )
        return saved("/settings/tasks", _("Status saved."))

    @expose("/tasks/<pk>/delete", methods=["POST"])
    def delete_status(self, pk: str) -> Response:
        """Deletes a status that holds no task."""
        with uow():
            statuses.delete_status(parse_id(pk), actor=http.actor())
        return saved("/settings/tasks", _("Status deleted."))
