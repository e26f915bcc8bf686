"""Files in any S3-compatible store."""

from __future__ import annotations

from typing import IO, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.kernel.errors import NotFound, Unavailable


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
