"""Parts of pages that many requests show alike, kept as they were written."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock

from cachetools import LRUCache
from flask import current_app
from markupsafe import Markup

from app.kernel import i18n

# Characters in one process: some hundreds of lists in the columns that people have chosen.
_SIZE = 16_000_000
_kept: LRUCache[tuple[Hashable, ...], Markup] = LRUCache(_SIZE, getsizeof=len)
_lock = Lock()


def keep_part(name: str, *on: Hashable | list[Hashable], caller: Callable[[], Markup]) -> Markup:
    """What a template's block writes: ``{% call keep_part('name', …) %}…{% endcall %}``.

    It is written once for each language and each ``on``, which therefore say all that the block shows: whatever is a
    person's or an organization's is in them, and nothing that another request would write otherwise (a token, a
    nonce) is in the block. Where tests run it is written every time; RuntimeError when it came out otherwise.
    """
    key = (name, i18n.locale().language, *(tuple(one) if isinstance(one, list) else one for one in on))
    with _lock:
        found = _kept.get(key)
    if found is not None and not current_app.testing and not current_app.jinja_env.auto_reload:
        return found
    written = caller()
    if current_app.testing and found is not None and found != written:
        raise RuntimeError(f"“{name}” shows more than what it is kept by")
    with _lock:
        _kept[key] = written
    return written
