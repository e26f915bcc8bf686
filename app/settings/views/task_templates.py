"""The templates of tasks: which there are, what is in them, and what of it can be changed."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_appbuilder import expose

from app.kernel import http
from app.kernel.crud.fields import storable
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id
from app.kernel.uow import uow
from app.settings.views.page import SettingsPage, saved, whole_number
from app.tasks.api.templates import item_key
from app.tasks.cruds import MODULES, PRIORITIES, TYPES
from app.tasks.queries.templates import get_template, list_templates
from app.tasks.rows import MODULE_CSS, duration
from app.tasks.service import templates
from app.tasks.templates import Content

HOME = "/settings/task-templates"


def _text(name: str) -> str:
    value = request.form.get(name, "")
    if not storable(value):
        raise Invalid(errors={name: [_("This text has characters that cannot be stored.")]})
    return value


def _number(name: str) -> int | None:
    return whole_number(request.form.get(name), name)


class TaskTemplatesView(SettingsPage):
    """Templates of tasks; whoever reads a module's tasks reads its templates."""

    default_view = "task_templates"

    @expose("/task-templates")
    def task_templates(self) -> Response:
        """The templates, by name."""
        actor = http.actor()
        actor.require("read", "task")
        return self._page(
            "settings/task_templates.html",
            templates=[(one, templates.may_change(one, actor=actor)) for one in list_templates()],
            modules={one.value: one for one in MODULES},
            module_css=MODULE_CSS,
            may_write=actor.can("write", "task"),
            name_length=templates.MAX_NAME,
            description_length=templates.MAX_DESCRIPTION,
        )

    @expose("/task-templates/<pk>")
    def task_template(self, pk: str) -> Response:
        """One template: its tasks as a tree, with their days and links."""
        actor = http.actor()
        actor.require("read", "task")
        template = get_template(parse_id(pk))
        content = Content.load(template.content)
        titles = {one.key: one.title for one in content.items}
        waits: dict[int, list[tuple[str, str, int]]] = {}
        for tie in content.ties:
            waits.setdefault(tie.after, []).append((titles[tie.before], tie.type, tie.lag))
        return self._page(
            "settings/task_template.html",
            shown=template,
            content=content,
            waits=waits,
            module=next(one for one in MODULES if one.value == template.module),
            module_css=MODULE_CSS[template.module],
            priorities={one.value: one for one in PRIORITIES},
            choices=[(one.value, one.label) for one in PRIORITIES],
            types={one.value: one for one in TYPES},
            duration=duration,
            most_days=templates.MAX_DAYS,
            may_change=templates.may_change(template, actor=actor),
            may_write=actor.can("write", "task"),
        )

    @expose("/task-templates/<pk>/save", methods=["POST"])
    def save_template(self, pk: str) -> Response:
        """Renames a template."""
        actor = http.actor()
        actor.require("write", "task")
        with uow():
            template = get_template(parse_id(pk))
            templates.update_template(template, actor=actor, name=_text("name"), description=_text("description"))
        return saved(HOME, _("Changes saved."))

    @expose("/task-templates/<pk>/delete", methods=["POST"])
    def delete_template(self, pk: str) -> Response:
        """Deletes a template; the tasks made from it stay."""
        actor = http.actor()
        actor.require("write", "task")
        with uow():
            templates.delete_template(get_template(parse_id(pk)), actor=actor)
        return saved(HOME, _("Template deleted."))

    @expose("/task-templates/<pk>/items/<item>", methods=["POST"])
    def save_item(self, pk: str, item: str) -> Response:
        """Changes a task of a template, or removes it (``remove``)."""
        actor = http.actor()
        actor.require("write", "task")
        with uow():
            template_id, key = get_template(parse_id(pk)).id, item_key(item)
            if request.form.get("remove") == "1":
                templates.remove_item(template_id, key, actor=actor, version=_number("version"))
            else:
                templates.change_item(template_id, key, actor=actor, version=_number("version"), **self._values())
        return saved(f"{HOME}/{template_id}", _("Changes saved."))

    def _values(self) -> dict[str, Any]:
        # People count days from 1.
        days = {name: _number(name) for name in ("start", "due")}
        return {
            "title": _text("title"),
            "priority": _text("priority"),
            "estimate": _number("estimate"),
            **{name: None if day is None else day - 1 for name, day in days.items()},
        }
