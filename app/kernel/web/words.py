"""Words that pages and scripts need, in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from babel.dates import format_date
from flask import g

from app.kernel import i18n
from app.kernel.assets import asset_url, icon
from app.kernel.crud import cells
from app.kernel.crud.cells import names_in
from app.kernel.crud.fields import cruds
from app.kernel.crud.filters import DATE_LABELS, OPERATOR_LABELS, OPERATORS, PERIODS
from app.kernel.crud.tree import MAX_DEPTH, MAX_LEAVES
from app.kernel.i18n import gettext as _
from app.kernel.web.shell import Shell

if TYPE_CHECKING:
    from app.kernel.crud.fields import Crud
    from app.kernel.crud.params import ListParams


def month_label(iso: str) -> str:
    """``2017-06-01`` as ``giu 17``."""
    return format_date(dt.date.fromisoformat(iso), "MMM yy", locale=i18n.locale())


def script_texts() -> dict[str, Any]:
    """The words that scripts need, in the reader's language."""
    return {
        "offline": _("The connection is lost. Try again."),
        "failed": _("That did not work. Try again."),
        "close": _("Close"),
        "show": _("Show"),
        "undo": _("Undo"),
        "add": _("Add"),
        "amount": _("Amount"),
        "dealTitle": _("Title of the deal"),
        "nothingFound": _("Nothing found"),
        "newNotification": _("You have a new notification"),
        "actions": _("Actions"),
        "goTo": _("Go to"),
        "records": _("Records"),
        "moved": _("“{title}” moved to {column}"),
        "notMoved": _("“{title}” stays where it was."),
        "conflict": _("Somebody else changed this deal in the meantime: the card shows where it is now."),
        "lifted": _("{title} lifted. Arrow keys move it, Space drops it, Escape takes it back."),
        "position": _("Column {column}, position {index} of {count}"),
        "dropped": _("Dropped where it was."),
        "cancelled": _("Back where it was."),
        "sentComment": _("Comment sent."),
        "deletedComment": _("Comment deleted."),
        "copied": _("Link copied."),
        "finished": _("Done."),
        "answered": _("Your answer was recorded."),
        "reactionAdd": _("Choose an emoji."),
        "remove": _("Remove %(name)s", name="{name}"),
        "retry": _("Try again"),
        "wait": _("Wait until the files are there."),
        "team": _("team"),
        "commentHistory": _("History of the comment"),
        "emoji": asset_url(f"emoji-{'it' if i18n.locale().language == 'it' else 'en'}.json"),
        "icons": {
            "ok": str(icon("circle-check")),
            "warn": str(icon("git-compare-arrows")),
            "error": str(icon("circle-alert")),
            "info": str(icon("bell")),
        },
    }


def filter_start(crud: Crud, params: ListParams) -> dict[str, Any]:
    """What the filter builder starts from: the list's tree, and what the records are called that it names."""
    return {
        "tree": params.filter_tree,
        "names": {str(key): name for key, name in names_in(crud, params).items()},
    }


def filter_texts() -> dict[str, Any]:
    """The words of the filter builder for fields of each kind."""
    return {
        "dates": {key: str(text) for key, text in DATE_LABELS.items()},
        "operators": {kind.value: list(names) for kind, names in OPERATORS.items()},
        "labels": {key: str(text) for key, text in OPERATOR_LABELS.items()},
        "periods": {key: str(text) for key, text in PERIODS.items()},
        "value": _("Value"),
        "and": _("and"),
        "yes": _("Yes"),
        "no": _("No"),
        "me": _("me"),
        "search": _("Type to search"),
        "last": _("last … days"),
        "next": _("next … days"),
        "days": _("Days"),
        "missing": _("A condition needs a value."),
        "group": _("Group of conditions"),
        "full": _("A filter holds at most %(count)s conditions.", count=MAX_LEAVES),
        "max_leaves": MAX_LEAVES,
        "max_depth": MAX_DEPTH,
    }


def palette_commands() -> dict[str, Any]:
    """What the palette offers besides records: new things, and the pages of the menu."""
    shell: Shell = g.shell
    pages = [
        {
            "title": f"{section['label']} · {child['label']}",
            "url": child["url"],
            "icon": str(icon(section["icon"])),
        }
        for section in shell.menu
        for child in section["children"]
    ]
    home = {"title": _("My day"), "url": "/", "icon": str(icon("sun")), "keys": ["G", "H"]}
    return {
        "actions": [
            {"title": str(one.label), "url": one.href, "icon": str(icon(one.icon))} for one in shell.create_actions
        ],
        "pages": [home, *pages],
    }


def audit_action(action: str) -> str:
    """An audit row's action in words."""
    words = {
        "created": _("created it"),
        "updated": _("changed it"),
        "deleted": _("deleted it"),
        "exported": _("exported"),
        "signed_in": _("signed in"),
        "signed_out": _("signed out"),
        "sign_in_failed": _("failed to sign in"),
        "password_changed": _("changed the password"),
        "password_reset": _("reset the password"),
        "second_factor_on": _("turned the second factor on"),
        "second_factor_off": _("turned the second factor off"),
        "google_unlinked": _("unlinked their Google account"),
        "roles_assigned": _("assigned roles"),
        "permissions_changed": _("changed permissions"),
    }
    return words.get(action, action)


def audit_field(kind: str, key: str) -> str:
    """A changed field's label, where its entity is known."""
    crud = cruds.get(kind)
    field = crud.known_field(key) if crud is not None else None
    return str(field.label) if field is not None else key.replace("_", " ")


def audit_value(value: Any, kind: str = "", key: str = "", names: Mapping[str, str] | None = None) -> str:
    """A stored value in short words; with ``names`` a reference becomes the record's name in them."""
    if value is None or value == []:
        return _("empty")
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    crud = cruds.get(kind)
    field = crud.known_field(key) if crud is not None else None
    if field is not None and field.choices and isinstance(value, list):
        value = cells.labels(field, value)
    if field is not None and not isinstance(value, list | dict):
        if not field.is_link:
            return cells.stored_words(field, str(value))
        if names is not None:
            value = names.get(str(value)) or _("not available")
    if isinstance(value, list):
        value = ", ".join(str(one.get("label", one)) if isinstance(one, dict) else str(one) for one in value)
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "…"
