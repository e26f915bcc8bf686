"""Files: a local folder or any S3-compatible store behind four verbs. Keys start with the tenant."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from flask import current_app

from app.kernel.errors import NotFound, Unavailable


class Store(Protocol):
    """What a file store can do."""

    def put(self, key: str, stream: IO[bytes]) -> None: ...
    def open(self, key: str) -> IO[bytes]: ...
    def delete(self, key: str) -> None: ...


class LocalStore:
    """Files below one folder, written to a temporary name first so that none is ever half there."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def _path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root):
            raise NotFound
        return path

    def put(self, key: str, stream: IO[bytes]) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + ".part")
            with partial.open("wb") as target:
                shutil.copyfileobj(stream, target, 1 << 20)
            os.replace(partial, path)
        except OSError as error:
            path.with_name(path.name + ".part").unlink(missing_ok=True)
            raise Unavailable("The file could not be stored. Try again later.") from error

    def open(self, key: str) -> IO[bytes]:
        try:
            return self._path(key).open("rb")
        except OSError:
            raise NotFound from None

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)


def make_store(url: str, endpoint: str | None) -> Store:
    """The store that STORAGE_URL names: ``file://folder`` or ``s3://bucket/prefix``."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from app.kernel.s3 import S3Store  # noqa: PLC0415 - its libraries take 10 MB of every process

        return S3Store(parts.netloc, parts.path, endpoint)
    return LocalStore(Path(parts.netloc + parts.path))


def store() -> Store:
    """The application's store."""
    found: Store = current_app.extensions["stratikey.storage"]
    return found


def tenant_key(organization_id: UUID, *parts: str) -> str:
    """A key inside the organization's part of the store."""
    return "/".join((str(organization_id), *parts))
