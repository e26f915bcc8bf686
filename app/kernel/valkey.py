"""Valkey: queues, pushes, caches and rate limits. Everything in it may be lost without losing data."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RedisError", "connection", "mget"]


@lru_cache(maxsize=8)
def _connect(url: str, timeout: float | None) -> Redis:
    return Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def connection(*, blocking: bool = False) -> Any:
    """The process's connection pool. ``blocking`` is for workers that wait on queues."""
    return _connect(current_app.config["REDIS_URL"], None if blocking else 2.0)


def mget(keys: Sequence[str]) -> list[bytes | None] | None:
    """The values of ``keys``; None when Valkey does not answer."""
    try:
        values: list[bytes | None] = connection().mget(keys)
    except RedisError:
        return None
    return values
