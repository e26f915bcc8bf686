"""Filter trees: read from an address or from REST, written back, compiled to SQL, asked of one record.

A tree is ``{"op": "and"|"or", "items": [tree | leaf]}``, a leaf ``{"field", "operator", "value"}`` with ``value`` a
list of texts. An address writes ``t=or(priority:in:P0;and(due_on:in_period:past;owner:in:me))``: groups with round
brackets, their items parted by semicolons, leaves as ``filters.leaf_text`` writes them.

Nothing here needs a request: a rule that reacts to an event calls ``compile_tree`` for all records that it concerns,
or ``matches`` for the one that changed, inside the scope of the actor that it acts as.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select, true

from app.kernel.crud.fields import Crud
from app.kernel.crud.filters import FAB_OPERATORS, criterion, leaf_text, parse_leaf
from app.kernel.db import db
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from app.kernel.actor import Actor

Tree = dict[str, Any]
MAX_LEAVES = 50
# Groups within groups.
MAX_DEPTH = 5
MAX_TEXT = 16_000
_OPS = ("and", "or")


def _unreadable() -> BadRequest:
    return BadRequest(_("This filter cannot be read."))


def parse_tree(text: str) -> Tree:
    """The tree written in an address. Raises BadRequest."""
    if len(text) > MAX_TEXT:
        raise BadRequest(_("This filter has too many conditions."))
    open_groups: list[Tree] = [{"op": "and", "items": []}]
    start, ended = 0, False
    for place, mark in enumerate(text):
        if mark == "(":
            op = text[start:place]
            if op not in _OPS or ended:
                raise _unreadable()
            if len(open_groups) > MAX_DEPTH:
                raise BadRequest(_("This filter has too many groups within groups."))
            group: Tree = {"op": op, "items": []}
            open_groups[-1]["items"].append(group)
            open_groups.append(group)
        elif mark in ";)":
            if start < place:
                if ended or len(open_groups) == 1:
                    raise _unreadable()
                open_groups[-1]["items"].append(parse_leaf(text[start:place]))
            elif mark == ";" and not ended:
                raise _unreadable()
            ended = mark == ")"
            if ended:
                open_groups.pop()
                if not open_groups:
                    raise _unreadable()
        else:
            continue
        start = place + 1
    root = open_groups[0]["items"]
    if len(open_groups) != 1 or len(root) != 1 or start != len(text):
        raise _unreadable()
    tree: Tree = root[0]
    _count(tree)
    return tree


def tree_text(node: Tree) -> str:
    """The tree as an address writes it; the inverse of parse_tree."""
    if "items" not in node:
        return leaf_text(node)
    return f"{node.get('op', 'and')}({';'.join(tree_text(one) for one in node['items'])})"


def from_rest(node: Any, depth: int = 1) -> Tree:
    """REST's tree, whose leaves may be FAB's ``{"col", "opr", "value"}``, as ours. Raises BadRequest."""
    if not isinstance(node, dict):
        raise _unreadable()
    if "items" in node:
        items = node["items"]
        if not isinstance(items, list) or node.get("op", "and") not in _OPS:
            raise _unreadable()
        if depth > MAX_DEPTH:
            raise BadRequest(_("This filter has too many groups within groups."))
        return {"op": node.get("op", "and"), "items": [from_rest(one, depth + 1) for one in items]}
    return rest_leaf(node)


def rest_leaf(node: Any) -> Tree:
    """One of REST's filters as a leaf. Raises BadRequest."""
    if not isinstance(node, dict) or not isinstance(node.get("col"), str):
        raise BadRequest(_("A filter has col, opr and value."))
    operator = FAB_OPERATORS.get(str(node.get("opr")))
    if operator is None:
        raise BadRequest(_("Unknown operator “%(name)s”.", name=str(node.get("opr"))[:20]))
    value = node.get("value")
    values = value if isinstance(value, list) else ([] if value is None else [value])
    return {"field": node["col"], "operator": operator, "value": values}


def leaves_of(node: Tree) -> Iterator[Tree]:
    """All conditions of a tree, from the left."""
    if "items" not in node:
        yield node
        return
    for one in node["items"]:
        yield from leaves_of(one)


def _count(tree: Tree) -> None:
    if sum(1 for _leaf in leaves_of(tree)) > MAX_LEAVES:
        raise BadRequest(_("This filter has too many conditions."))


def join(leaves: list[Tree], tree: Tree | None) -> Tree:
    """The flat conditions of an address and its tree as one tree."""
    if tree is None:
        return {"op": "and", "items": list(leaves)}
    if not leaves:
        return tree
    if tree.get("op", "and") == "and":
        return {"op": "and", "items": [*leaves, *tree["items"]]}
    return {"op": "and", "items": [*leaves, tree]}


def conjunction(one: Tree, other: Tree) -> Tree:
    """A tree that asks for both, no deeper than it must be."""
    items = [part for tree in (one, other) for part in (tree["items"] if tree.get("op") == "and" else [tree])]
    return {"op": "and", "items": items}


def fits(leaves: list[Tree], tree: Tree) -> bool:
    """Whether an address may have these conditions and this tree."""
    try:
        parse_tree(tree_text(tree))
        _count(join(leaves, tree))
    except BadRequest:
        return False
    return True


def compile_tree(crud: Crud, tree: Tree, actor: Actor, columns: dict[str, Any]) -> Any:
    """The SQL criterion of a filter tree. ``columns`` maps attribute names to SQL expressions (``query.plan``).

    Values bind as parameters, names come from the entity's declaration only. Raises BadRequest for an unknown
    field, operator or value, and for a tree that is too large or too deep.
    """
    found = _compile(crud, tree, actor, columns, 0)
    _count(tree)
    return found


def compile_filters(crud: Crud, leaves: list[Tree], tree: Tree | None, actor: Actor, columns: dict[str, Any]) -> Any:
    """The criterion of an address's flat conditions and its tree. As compile_tree for errors."""
    found = compile_tree(crud, {"op": "and", "items": leaves}, actor, columns)
    if tree is None:
        return found
    found = and_(found, compile_tree(crud, tree, actor, columns))
    _count(join(leaves, tree))
    return found


def _compile(crud: Crud, node: Any, actor: Actor, columns: dict[str, Any], depth: int) -> Any:
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        raise _unreadable()
    if "items" in node:
        items = node["items"]
        if not isinstance(items, list) or node.get("op", "and") not in _OPS or depth == MAX_DEPTH:
            raise _unreadable()
        parts = [_compile(crud, item, actor, columns, depth + 1) for item in items]
        if not parts:
            return true()
        return or_(*parts) if node.get("op") == "or" else and_(*parts)
    name, operator, value = node.get("field"), node.get("operator"), node.get("value", [])
    field = crud.field(name) if isinstance(name, str) else None
    if field is None or not field.filterable:
        raise BadRequest(_("Unknown field “%(name)s”.", name=str(name)[:40]))
    if not isinstance(value, list):
        value = [value]
    return criterion(field, str(operator), [_plain(one) for one in value], actor, columns[field.name])


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict | list):
        raise _unreadable()
    return str(value)


def matches(crud: Crud, tree: Tree, record_id: UUID, actor: Actor, columns: dict[str, Any]) -> bool:
    """Whether one record, as the database holds it now, meets the tree. One query; as compile_tree for errors."""
    statement = select(crud.model.id).where(crud.model.id == record_id, compile_tree(crud, tree, actor, columns))
    return db.session.scalar(statement) is not None
