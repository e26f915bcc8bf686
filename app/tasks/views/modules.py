"""One module's tasks in every layout: the same screens, with the module fixed and its own permission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.kernel.crud.view import make_view
from app.tasks.cruds import MODULES, TASKS
from app.tasks.lists import board_of, list_of
from app.tasks.models.names import Module
from app.tasks.models.tasks import Task
from app.tasks.views.tasks import TaskView

if TYPE_CHECKING:
    from app.kernel.crud.query import ListParams


class ModuleTaskView(TaskView):
    """The layouts; a task itself opens at its own address, whatever its module."""

    include_route_methods = {"root", "list", "board", "calendar", "table"}

    def _fixed(self) -> dict[str, Any]:
        return {"field": "module", "operator": "in", "value": [self.module], "fixed": True}

    def _params(self) -> tuple[ListParams, Mapping[str, Any], dict[str, Any]]:
        """The table's: the module is the first filter, so that pages, export and bulk actions carry it."""
        params, preset, tabs = super()._params()
        params.leaves = self._with_module(params.leaves)
        return params, {**preset, "leaves": self._with_module(preset.get("leaves", []))}, tabs

    def _with_module(self, leaves: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._fixed(), *(one for one in leaves if one["field"] != "module")]

    def _base(self) -> list[dict[str, Any]]:
        return [self._fixed()]


def _view(module: Module, base: str) -> type[Any]:
    label = next(one.label for one in MODULES if one.value == module)
    made: type[Any] = make_view(
        replace(TASKS, list_address=f"{base}/table", section=label, section_url=f"{base}/"),
        ModuleTaskView,
        route_base=base,
        address=base,
        module=module.value,
        listed=list_of(base, module),
        boarded=board_of(base, module),
        class_permission_name=Task.__resources__[module],
    )
    # Flask-AppBuilder tells views apart by their names.
    made.__name__ = f"{module.value.capitalize()}TaskView"
    return made


VIEWS = [_view(Module.SALES, "/sales/activities"), _view(Module.MARKETING, "/marketing/activities")]
