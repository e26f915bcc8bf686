"""Addresses: made for pages, and told from others'."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import has_request_context, request

DEFAULT_COLOURS = ("#390035", "#901d6b", "#901d6b")


def branding_url(organization: Any) -> str | None:
    """Where a tenant's stylesheet is (an OrganizationRef's); None for the product's own colours."""
    if tuple(organization.colours) == DEFAULT_COLOURS:
        return None
    colours = "-".join(one.lstrip("#") for one in organization.colours)
    return f"/branding/{organization.slug}/{colours}.css"


def with_args(**changes: Any) -> str:
    """The current address with some arguments changed (None drops one, a list repeats it)."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key not in changes]
    for key, value in changes.items():
        pairs += [(key, str(one)) for one in (value if isinstance(value, list) else [value]) if one is not None]
    return f"{request.path}?{urlencode(pairs)}" if pairs else request.path


def local_target(url: str | None) -> str | None:
    """The path of ``url`` when it stays on this site; None for anything else (open redirects)."""
    if url and has_request_context() and url.startswith(request.host_url):
        url = url[len(request.host_url) - 1 :]  # Flask-AppBuilder asks for sign-in with the whole address
    if not url or not url.startswith("/") or url.startswith(("//", "/\\")):
        return None
    if any(ord(one) < 32 or ord(one) == 127 for one in url):
        return None  # browsers drop tabs and line ends, so "/<tab>/other.example" leaves the site
    return url
