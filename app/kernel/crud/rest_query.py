"""What a REST list is asked for: Flask-AppBuilder's rison arguments, and ours beside them."""

from __future__ import annotations

import json
from typing import Any

import prison
from flask import request
from prison.decoder import ParserException

from app.kernel.crud.fields import storable
from app.kernel.crud.query import ListParams
from app.kernel.crud.tree import from_rest, rest_leaf
from app.kernel.errors import BadRequest
from app.kernel.i18n import gettext as _

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
MAX_PAGE = 10_000


def read_rison() -> dict[str, Any]:
    """The rison (or JSON) object of ``?q=``. Raises BadRequest."""
    text = request.args.get("q")
    if not text:
        return {}
    try:
        value = prison.loads(text)
    except (ParserException, ValueError, IndexError, TypeError, RecursionError, KeyError):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise BadRequest(_("“q” is neither rison nor JSON.")) from None
    if not isinstance(value, dict):
        raise BadRequest(_("“q” must be an object."))
    return readable(value)


def readable(value: dict[str, Any]) -> dict[str, Any]:
    """``value``, unless a text in it holds half of a surrogate pair, which nothing could store or answer."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError, ValueError):
        raise BadRequest(_("This text has characters that cannot be stored.")) from None
    return value


def list_params(query: dict[str, Any]) -> ListParams:
    """FAB's list arguments as ours. Raises BadRequest for anything that it does not know."""
    params = ListParams(page_size=_whole(query, "page_size", DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE))
    params.page = _whole(query, "page", 0, 0, MAX_PAGE) + 1
    filters = query.get("filters", [])
    if not isinstance(filters, list):
        raise BadRequest(_("“filters” must be a list."))
    params.leaves += [rest_leaf(one) for one in filters]
    if query.get("tree") is not None:
        params.tree = from_rest(query["tree"])
    params.sort = _sort(query)
    search = query.get("search")
    if search is not None:
        if not isinstance(search, str) or not storable(search):
            raise BadRequest(_("“search” must be a text."))
        params.search = search[:200]
    return params


def _sort(query: dict[str, Any]) -> str:
    """``order_by`` names several columns (``-`` in front: downwards); FAB's pair of arguments names one."""
    several = query.get("order_by")
    if several is not None:
        if not isinstance(several, list) or not all(isinstance(one, str) and "," not in one for one in several):
            raise BadRequest(_("“order_by” must be a list of names."))
        return ",".join(several)
    column = query.get("order_column")
    if not column:
        return ""
    if not isinstance(column, str):
        raise BadRequest(_("“order_column” must be a text."))
    direction = query.get("order_direction", "asc")
    if direction not in {"asc", "desc"}:
        raise BadRequest(_("“order_direction” is asc or desc."))
    return ("-" if direction == "desc" else "") + column


def _whole(query: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = query.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(
            _("“%(name)s” must be a whole number from %(low)s to %(high)s.", name=name, low=low, high=high)
        )
    return value
