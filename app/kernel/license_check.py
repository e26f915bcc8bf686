"""Only permissive licences: read from the installed packages' own metadata and the front end's lock."""

from __future__ import annotations

import json
import re
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM_LOCKS = (ROOT / "package-lock.json", ROOT / "bench" / "lighthouse" / "package-lock.json")
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|ISC|Apache|Apache-2\.0|PSF|Python|Zlib|Unlicense|CC0|OFL|MPL|HPND|PostgreSQL|"
    r"BlueOak|CC-BY-4\.0|Public Domain|WTFPL|MPL-2\.0)\b",
    re.IGNORECASE,
)
# Read by hand: their metadata names no licence that a pattern finds.
KNOWN = {
    "psycopg": "LGPL-3.0, used unchanged as a library",
    "psycopg-binary": "LGPL-3.0, used unchanged as a library",
    "python-stdnum": "LGPL-2.1, used unchanged as a library",
}


def _declared(metadata: object) -> str:
    get_all = metadata.get_all  # type: ignore[attr-defined]
    parts = [*(get_all("License-Expression") or []), *(get_all("License") or [])]
    parts += [one for one in get_all("Classifier") or [] if one.startswith("License")]
    return " ".join(parts)[:2000]


def _locked() -> set[str]:
    names = set()
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        found = re.match(r"([A-Za-z0-9_.-]+)==", line)
        if found:
            names.add(found.group(1).lower())
    return names


def check() -> list[str]:
    """One line per runtime dependency whose licence is not known to be permissive."""
    locked = _locked()
    found = []
    for one in distributions():
        name = one.metadata["Name"].lower()
        if name not in locked or name in KNOWN:
            continue
        if not PERMISSIVE.search(_declared(one.metadata)) and not _license_file(one):
            found.append(f"PyPI {name}: {_declared(one.metadata)[:60] or 'no licence declared'}")
    for lock in NPM_LOCKS:
        packages = json.loads(lock.read_text()).get("packages", {})
        for path, package in packages.items():
            declared = package.get("license") or _npm_licenses(path)
            if path and not PERMISSIVE.search(str(declared)):
                found.append(f"npm {path}: {declared or 'no licence declared'}")
    return found


def _npm_licenses(path: str) -> str:
    """The older ``licenses`` list of an installed package, which the lock file does not repeat."""
    described = ROOT / path / "package.json"
    if not path or not described.is_file():
        return ""
    return json.dumps(json.loads(described.read_text()).get("licenses", ""))


def _license_file(distribution: object) -> bool:
    for path in distribution.files or []:  # type: ignore[attr-defined]
        if "licen" in path.name.lower():
            try:
                head = path.locate().read_text()[:3000]
            except OSError:
                continue
            if re.search(r"MIT License|BSD|Apache License|Permission is hereby granted|Python Software", head):
                return True
    return False
