"""Files: a local folder or any S3-compatible store behind four verbs. Keys start with the tenant."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
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


class S3Store:
    """Objects below a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        self.bucket, self.prefix = bucket, prefix.strip("/")
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 3}),
        )

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def put(self, key: str, stream: IO[bytes]) -> None:
        try:
            self.client.upload_fileobj(stream, self.bucket, self._key(key))
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The file could not be stored. Try again later.") from error

    def open(self, key: str) -> IO[bytes]:
        try:
            body: IO[bytes] = self.client.get_object(Bucket=self.bucket, Key=self._key(key))["Body"]
        except ClientError:
            raise NotFound from None
        except BotoCoreError as error:
            raise Unavailable from error
        return body

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self._key(key))


def make_store(url: str, endpoint: str | None) -> Store:
    """The store that STORAGE_URL names: ``file://folder`` or ``s3://bucket/prefix``."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return S3Store(parts.netloc, parts.path, endpoint)
    return LocalStore(Path(parts.netloc + parts.path))


def store() -> Store:
    """The application's store."""
    found: Store = current_app.extensions["stratikey.storage"]
    return found


def tenant_key(organization_id: UUID, *parts: str) -> str:
    """A key inside the organization's part of the store."""
    return "/".join((str(organization_id), *parts))
