"""The conditions of rules: filter trees, as those of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import true

from app.kernel.crud import tree
from app.kernel.crud.fields import Kind
from app.kernel.crud.query import plan
from app.kernel.errors import BadRequest, Invalid
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from app.automations.subjects import Subject
    from app.kernel.actor import Actor

NONE: dict[str, Any] = {"op": "and", "items": []}


def clean_conditions(raw: Any, subject: Subject, *, actor: Actor) -> dict[str, Any]:
    """A rule's conditions as they are stored: ours, or REST's with ``col`` and ``opr``. Raises Invalid."""
    if raw is None:
        return dict(NONE)
    try:
        found = _normal(raw, 1)
        criterion(found, subject, actor)
    except BadRequest as error:
        raise Invalid(errors={"conditions": [error.message]}) from None
    for leaf in tree.leaves_of(found):
        field = subject.crud.field(leaf["field"])
        if field is not None and field.kind is Kind.PERSON and "me" in leaf["value"]:
            raise Invalid(errors={"conditions": [_("A rule has no “me”: choose people.")]})
    return found if "items" in found else {"op": "and", "items": [found]}


def _normal(node: Any, depth: int) -> dict[str, Any]:
    if not isinstance(node, dict) or depth > tree.MAX_DEPTH + 1:
        raise BadRequest(_("This filter cannot be read."))
    if "items" in node:
        items = node["items"]
        if not isinstance(items, list) or node.get("op", "and") not in ("and", "or"):
            raise BadRequest(_("This filter cannot be read."))
        return {"op": node.get("op", "and"), "items": [_normal(one, depth + 1) for one in items]}
    if "col" in node:
        node = tree.rest_leaf(node)
    value = node.get("value", [])
    return {
        "field": node.get("field"),
        "operator": node.get("operator"),
        "value": [
            str(one).lower() if isinstance(one, bool) else one
            for one in (value if isinstance(value, list) else [value])
        ],
    }


def criterion(conditions: dict[str, Any], subject: Subject, actor: Actor) -> Any:
    """The SQL of conditions. Raises BadRequest where what they name is no longer there."""
    if not conditions.get("items") and "field" not in conditions:
        return true()
    return tree.compile_tree(subject.crud, conditions, actor, plan(subject.crud).columns)
