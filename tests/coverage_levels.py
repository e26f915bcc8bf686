"""Holds what `make coverage` measured against the levels that the product keeps.

    python -m tests.coverage_levels

Lines and branches count each for themselves: a sum of both would let many lines hide a few branches.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coverage import Coverage

# The mechanisms that everything stands on, and the verbs: who may do what, and what it changes.
CORE = re.compile(r"app/kernel/|.*/service/|.*/(service|policy)\.py$")
# Part -> at least so many percent of its lines, and of its branches.
LEVELS = {"app": (95.0, 95.0), "core": (100.0, 100.0)}


def percent(files: Iterable[dict[str, Any]], counted: str, of: str) -> float:
    """How much of ``of`` is ``counted``, over all the files."""
    whole = sum(one["summary"][of] for one in files)
    return 100.0 * sum(one["summary"][counted] for one in files) / whole if whole else 100.0


def measured() -> dict[str, dict[str, Any]]:
    """The newest run: path -> summary, missing lines and missing branches."""
    run = Coverage()
    run.load()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coverage.json"
        run.json_report(outfile=str(target))
        found: dict[str, dict[str, Any]] = json.loads(target.read_text())["files"]
    return found


def main() -> int:
    """Prints the figures, and what the core lacks; 1 when a level is missed."""
    files = measured()
    core = {path: one for path, one in files.items() if CORE.match(path)}
    missed = False
    for part, found in (("app", files), ("core", core)):
        figures = (
            percent(found.values(), "covered_lines", "num_statements"),
            percent(found.values(), "covered_branches", "num_branches"),
        )
        missed |= any(figure < level for figure, level in zip(figures, LEVELS[part], strict=True))
        print(
            f"{part}: {figures[0]:.2f} % of the lines (at least {LEVELS[part][0]:g}), "
            f"{figures[1]:.2f} % of the branches (at least {LEVELS[part][1]:g})"
        )
    for path, one in sorted(core.items()):
        steps = [f"{start}→{end if end > 0 else 'exit'}" for start, end in one["missing_branches"]]
        if one["missing_lines"] or steps:
            print(f"  {path}: lines {one['missing_lines']}, branches {', '.join(steps)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
