"""Are the translation catalogues complete? Used by ``flask i18n check`` and by a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ("it", "en")
_PLACEHOLDER = re.compile(r"%\(\w+\)s")
METHODS = [("**.py", "app.kernel.catalogues:extract_python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {
    "**/templates/**.html": {
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "extensions": "jinja2.ext.do",
        "silent": "false",
    }
}
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}


def extract_python(
    source: Any,
    keywords: Collection[str],
    _tags: Any,
    options: Any,  # noqa: ARG001 - Babel names it
) -> Iterator[tuple[int, str, str | tuple[str | None, ...], list[str]]]:
    """Babel's method for Python files. Its own finds nothing inside f-strings before Python 3.12."""
    for node in ast.walk(ast.parse(source.read())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in keywords:
            given = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
            texts = tuple(one if isinstance(one, str) else None for one in given)
            yield node.lineno, name, texts[0] if len(texts) == 1 and texts[0] else texts, []


def used_strings() -> set[str]:
    """Every string that the sources mark for translation (the singular, for plurals)."""
    found: set[str] = set()
    for _file, _line, message, _comments, _context in extract_from_dir(
        ROOT / "app",
        METHODS,
        OPTIONS,
        KEYWORDS,  # type: ignore[arg-type]
    ):
        found.add(message[0] if isinstance(message, tuple) else message)
    return found


def read(locale: str) -> Catalog:
    """The catalogue of a locale."""
    path = ROOT / "translations" / locale / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as stream:
        return read_po(stream, locale=locale)


def problems() -> list[str]:
    """One line per missing, fuzzy or empty string, and per translation with other placeholders."""
    used = used_strings()
    found: list[str] = []
    for locale in LOCALES:
        entries = {}
        for entry in read(locale):
            key = entry.id[0] if isinstance(entry.id, tuple | list) else entry.id
            if key:
                entries[key] = entry
        found += [f"{locale}: missing: {text!r}" for text in sorted(used - entries.keys())]
        for key, entry in entries.items():
            texts = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
            if entry.fuzzy:
                found.append(f"{locale}: fuzzy: {key!r}")
            if locale != "en" and not all(texts):
                found.append(f"{locale}: not translated: {key!r}")
            for text in texts:
                if text and set(_PLACEHOLDER.findall(text)) - set(_PLACEHOLDER.findall(str(entry.id))):
                    found.append(f"{locale}: placeholders differ: {key!r}")
    return found
