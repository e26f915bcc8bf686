"""What a list shows, as its address and its saved view say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field as dc_field
from typing import TYPE_CHECKING, Any

from app.kernel.crud.filters import leaf_text, parse_leaf
from app.kernel.crud.tree import join, leaves_of, parse_tree, tree_text
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import MultiDict

    from app.kernel.crud.fields import Crud

PAGE_SIZES = (25, 50, 100)
# Of a column, in pixels.
WIDTHS = (64, 960)
# The keys of an address that say what a list shows.
STATE = ("q", "f", "t", "sort", "cols", "size")
_COLUMN = re.compile(r"([a-z0-9_]+)(?:~([0-9]{1,4}))?")


@dataclass(slots=True)
class ListParams:
    """What a list shows, as its address says it. ``tree`` joins ``leaves`` with AND.

    ``base`` are conditions of the page itself, which shows them in its own way: no address holds them, nothing
    removes them.
    """

    search: str = ""
    leaves: list[dict[str, Any]] = dc_field(default_factory=list)
    tree: dict[str, Any] | None = None
    sort: str = ""
    page: int = 1
    page_size: int = 25
    columns: list[str] = dc_field(default_factory=list)
    widths: dict[str, int] = dc_field(default_factory=dict)
    base: list[dict[str, Any]] = dc_field(default_factory=list)
    options: dict[str, str] = dc_field(default_factory=dict)

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.page_size

    @property
    def filter_tree(self) -> dict[str, Any]:
        """All conditions as one tree."""
        return join([*self.base, *self.leaves], self.tree)

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves records out."""
        return bool(self.search or self.leaves or self.tree)

    @property
    def column_texts(self) -> list[str]:
        """The columns with their widths, as an address and a saved view write them."""
        return column_texts(self.columns, self.widths)

    def query(self, **changes: Any) -> list[tuple[str, str]]:
        """The address's pairs, with ``changes`` applied (None drops a value)."""
        values: dict[str, Any] = {
            "q": self.search or None,
            "sort": self.sort or None,
            "page": self.page if self.page > 1 else None,
            "size": self.page_size if self.page_size != PAGE_SIZES[0] else None,
            "cols": ",".join(self.column_texts) or None,
            "f": [leaf_text(leaf) for leaf in self.leaves],
            "t": tree_text(self.tree) if self.tree else None,
            **self.options,
        }
        if changes and "page" not in changes:
            values["page"] = None
        values.update(changes)
        pairs: list[tuple[str, str]] = []
        for key, value in values.items():
            if isinstance(value, list):
                pairs.extend((key, str(one)) for one in value)
            elif value is not None:
                pairs.append((key, str(value)))
        return pairs


def read_params(args: MultiDict[str, str], crud: Crud, preset: Mapping[str, Any] | None = None) -> ListParams:
    """The list's parameters from an address, over those of a saved view. Raises BadRequest."""
    preset = preset or {}
    params = ListParams(
        search=(args.get("q", preset.get("search", "")) or "").replace("\x00", "")[:200].strip(),
        leaves=(
            [parse_leaf(one) for one in args.getlist("f") if one] if "f" in args else list(preset.get("leaves", []))
        ),
        tree=(parse_tree(args["t"]) if args["t"] else None) if "t" in args else preset.get("tree"),
        sort=args.get("sort", preset.get("sort", "")) or "",
    )
    params.columns, params.widths = read_columns(crud, args.get("cols") or ",".join(preset.get("columns", [])))
    params.options = read_options(args, crud, preset)
    params.page = _whole(args.get("page"), 1)
    size = _whole(args.get("size"), preset.get("page_size", PAGE_SIZES[0]))
    params.page_size = size if size in PAGE_SIZES else PAGE_SIZES[0]
    return params


def read_state(args: MultiDict[str, str], crud: Crud, preset: Mapping[str, Any]) -> ListParams:
    """As ``read_params``, but a blank ``cols`` asks for the default columns, whatever the saved view names."""
    if args.get("cols") == "":
        preset = {**preset, "columns": []}
    return read_params(args, crud, preset)


def knows(crud: Crud, definition: Mapping[str, Any]) -> bool:
    """Whether the entity still has every field that a view filters and sorts by."""
    wanted = [one["field"] for one in leaves_of(join(definition.get("leaves", []), definition.get("tree")))]
    wanted += [one.removeprefix("-") for one in definition.get("sort", "").split(",") if one]
    return all(crud.field(one) is not None for one in wanted)


def read_options(args: MultiDict[str, str], crud: Crud, preset: Mapping[str, Any]) -> dict[str, str]:
    """What else the list's address says; a blank value takes away the view's. Raises BadRequest."""
    kept = preset.get("options", {})
    found: dict[str, str] = {}
    for key, allowed in crud.options.items():
        value = args.get(key, kept.get(key, ""))
        if value in allowed:
            found[key] = value
        elif value and key in args:
            raise BadRequest(_("Unknown field “%(name)s”.", name=value[:40]))
    return found


def read_columns(crud: Crud, text: str) -> tuple[list[str], dict[str, int]]:
    """The columns that ``text`` (``status~140,owner``) names, and their widths; what is unknown is left out."""
    columns: list[str] = []
    widths: dict[str, int] = {}
    known = {one.key for one in crud.fields}
    for part in text.split(","):
        found = _COLUMN.fullmatch(part)
        if found is None or found[1] not in known or found[1] in columns:
            continue
        columns.append(found[1])
        if found[2]:
            widths[found[1]] = min(max(int(found[2]), WIDTHS[0]), WIDTHS[1])
    return columns, widths


def column_texts(columns: list[str], widths: dict[str, int]) -> list[str]:
    """Columns as an address writes them; the inverse of read_columns."""
    return [f"{one}~{widths[one]}" if one in widths else one for one in columns]


def _whole(text: str | None, default: int) -> int:
    if not text:
        return default
    try:
        return max(1, int(text))
    except ValueError:
        raise BadRequest(_("“%(value)s” is not a number.", value=text[:20])) from None
