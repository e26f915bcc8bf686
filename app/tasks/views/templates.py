"""The dialogs that keep a task as a template and make tasks from one; each is loaded when it is opened."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, request
from flask_appbuilder import BaseView, expose

from app.kernel import clock, http
from app.kernel.ids import parse_id
from app.tasks.api.templates import asked_date
from app.tasks.cruds import MODULES, TASKS
from app.tasks.models.tasks import Task
from app.tasks.queries import plan, tasks
from app.tasks.queries.templates import get_template, list_templates
from app.tasks.service.templates import MAX_DESCRIPTION, MAX_NAME, MAX_TASKS
from app.tasks.templates import Content
from app.tenancy.queries import list_people


class TemplateDialogs(BaseView):  # type: ignore[misc]
    """Fragments of the task's page and of every layout."""

    route_base = "/tasks/templates"
    default_view = "choose"

    @expose("/choose")
    def choose(self) -> Response:
        """The dialog that makes tasks from a template; ``module`` narrows the templates."""
        actor = http.actor()
        actor.require("write", "task")
        only = request.args.get("module")
        modules = [str(one) for one, resource in Task.__resources__.items() if actor.can("write", resource)]
        found = list_templates([one for one in modules if only in {None, "", one}])
        labels = {one.value: one.label for one in MODULES}
        days = plan.calendar()
        return self._page(
            "tasks/_from_template.html",
            templates=found,
            labels=labels,
            people=list_people(),
            member_id=actor.member_id,
            first=days.day(days.index(clock.today(actor.timezone))),
        )

    @expose("/preview")
    def preview(self) -> Response:
        """The tasks of ``template`` with the dates that ``start_on`` or ``due_on`` gives them."""
        http.actor().require("write", "task")
        template = get_template(parse_id(request.args.get("template", "")))
        content = Content.load(template.content)
        return self._page(
            "tasks/_template_preview.html",
            content=content,
            dates=content.dates(plan.calendar(), **asked_date()),
        )

    @expose("/keep/<pk>")
    def keep(self, pk: str) -> Response:
        """The dialog that keeps a task, with all below it, as a template."""
        actor = http.actor()
        actor.require("write", "task")
        task = tasks.get_task(parse_id(pk))
        actor.require("write", Task.__resources__[task.module])
        count = len(tasks.tree_of(task))
        return self._page(
            "tasks/_keep_template.html", task=task, count=count, most=MAX_TASKS, name_length=MAX_NAME,
            description_length=MAX_DESCRIPTION,
        )  # fmt: skip

    def _page(self, template: str, **context: Any) -> Response:
        return make_response(self.render_template(template, crud=TASKS, **context))


VIEWS = [TemplateDialogs]
