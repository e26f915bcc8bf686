"""The list and the board of tasks, with the columns, options and saved views of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.kernel.crud.fields import Crud, register_list
from app.tasks.cruds import TASKS
from app.tasks.queries.groupings import GROUPINGS

if TYPE_CHECKING:
    from app.tasks.models.names import Module

_LANES = tuple(key for key, one in GROUPINGS.items() if one.in_lanes)
_COLUMNS = tuple(key for key, one in GROUPINGS.items() if one.in_columns)


def list_of(base: str, module: Module | None = None) -> Crud:
    """The grouped list below ``base``."""
    return _register("list", base, module, options={"group": tuple(GROUPINGS)})


def board_of(base: str, module: Module | None = None) -> Crud:
    """The board below ``base``."""
    return _register("board", base, module, options={"group": _COLUMNS, "lanes": _LANES})


def _register(mode: str, base: str, module: Module | None, options: dict[str, tuple[str, ...]]) -> Crud:
    return register_list(
        replace(
            TASKS,
            list_name="_".join([*([module.value] if module else []), "task", mode]),
            list_address=f"{base}/{mode}",
            order="",
            options=options,
            default_columns=("title", "priority", "due_on", "estimate", "module", "owner"),
        )
    )
