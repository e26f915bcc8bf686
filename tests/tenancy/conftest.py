"""Every request of a test stands alone."""

from tests.architecture.clean import clean_client

__all__ = ["clean_client"]
