"""Identities, remembered per process.

What is remembered counts only while the versions of the person and of the organization stand still
(``tenancy.versions``), so a revoked session or a changed role takes effect with the next request.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from app.tenancy import versions
from app.tenancy.security.identity.kinds import Identity, KeyIdentity

CACHE_SIZE = 5000
CACHE_SECONDS = 60.0
Known = TypeVar("Known", Identity, KeyIdentity)
_cache: OrderedDict[Any, tuple[list[bytes], float, Any]] = OrderedDict()
# When this process last wrote down the use of a key.
key_uses: dict[UUID, dt.datetime] = {}
_lock = threading.Lock()


def forget_everything() -> None:
    """Empties this process's memory of identities."""
    with _lock:
        _cache.clear()
        key_uses.clear()


def recall(key: Any, read: Callable[[], Known | None]) -> Known | None:
    """What ``read`` answers, from this process's memory while its versions stand still."""
    with _lock:
        hit = _cache.get(key)
    if hit is not None and time.monotonic() - hit[1] < CACHE_SECONDS:
        remembered: Known = hit[2]
        current = versions.current(remembered.version_keys)
        if current is not None and current == hit[0]:
            return remembered
    known = read()
    found = versions.current(known.version_keys) if known is not None else None
    if found is not None:
        # Read again after the versions: a change between the two would otherwise go unseen.
        known = read()
    with _lock:
        if known is None or found is None:
            _cache.pop(key, None)
            return known
        _cache[key] = (found, time.monotonic(), known)
        _cache.move_to_end(key)
        while len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    return known
