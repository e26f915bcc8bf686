"""Markdown as safe HTML, for what people write: comments and descriptions.

CommonMark with tables, strikethrough, bare links and line breaks as typed; no raw HTML and no pictures from
elsewhere (they would tell their server who reads). markdown-it writes the HTML, nh3 lets only known tags pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

_PARSER = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
_PARSER.enable(["linkify", "strikethrough", "table"]).disable("image")

_TAGS = {
    "a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "p": {"class"}, "span": {"class"}}
_SCHEMES = {"http", "https", "mailto", "tel"}


@lru_cache(maxsize=2_000)
def render(text: str, marked: Sequence[str] = ()) -> Markup:
    """``text`` as HTML. Each of ``marked`` (``@Anna Rossi``) is set apart where it stands outside code."""
    tokens = _PARSER.parse(text)
    if marked:
        for token in tokens:
            if token.type == "inline" and token.children:
                token.children = [part for child in token.children for part in _mark(child, marked)]
    # A heading inside a text is none of the page's.
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = "p"
            token.attrs = {"class": "sk-mdh"} if token.nesting == 1 else {}
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return Markup(  # noqa: S704 - cleaned here
        nh3.clean(
            html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel="noopener noreferrer nofollow ugc"
        )
    )


def _mark(token: Token, marked: Sequence[str]) -> list[Token]:
    if token.type != "text":
        return [token]
    parts, rest = [], token.content
    while rest:
        found = [(place, -len(one), one) for one in marked if (place := rest.find(one)) >= 0]
        if not found:
            break
        place, _length, name = min(found)
        parts += [
            _text(rest[:place]),
            Token("html_inline", "", 0, content=f'<span class="sk-at">{escape(name)}</span>'),
        ]
        rest = rest[place + len(name) :]
    return [*parts, _text(rest)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def plain(text: str, length: int = 200) -> str:
    """The beginning of ``text`` on one line, without the marks: for notifications and the audit log."""
    words = " ".join(
        child.content
        for token in _PARSER.parse(text)
        for child in (token.children or ([token] if token.type in {"fence", "code_block"} else []))
        if child.content
    )
    line = " ".join(words.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
