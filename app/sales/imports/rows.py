"""From a line's texts to a record's values: parsing, references, and what went wrong where."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rapidfuzz import fuzz, process

from app.kernel import money
from app.kernel.crud.fields import Field, Kind, parse
from app.kernel.i18n import gettext as _
from app.sales.imports.entities import Entity, names_of, normal, target_of, tight
from app.sales.imports.reading import parse_date

SUGGEST_FROM = 80
LIST_LIMIT = 60


@dataclass(slots=True)
class RowError:
    """A problem of a line: the file's column and the reason, for people."""

    column: str
    reason: str
    value: str = ""


@dataclass(slots=True)
class ParsedRow:
    """A line's values by attribute, or its errors. ``later`` holds references inside the same file."""

    line: int
    raw: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    later: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


class Parser:
    """Reads lines of one import. ``unmatched`` collects names that nothing is called."""

    def __init__(
        self,
        entity: Entity,
        mapping: dict[str, str],
        date_order: str,
        matches: dict[str, dict[str, Any]],
        pipeline_id: UUID | None,
    ) -> None:
        self.entity = entity
        self.date_order = date_order
        self.matches = matches
        by_key = {one.key: one for one in entity.fields}
        self.columns: list[tuple[str, Field]] = [
            (column, by_key[key]) for column, key in mapping.items() if key in by_key
        ]
        self.missing = [
            one
            for one in entity.fields
            if one.required and one.key not in {found.key for _column, found in self.columns}
        ]
        self.names: dict[str, dict[str, tuple[UUID, str]]] = {}
        self.tight: dict[str, dict[str, tuple[UUID, str]]] = {}
        for _column, found in self.columns:
            if found.is_link:
                target = target_of(found)
                if target not in self.names:
                    self.names[target] = names_of(target, pipeline_id)
                    self.tight[target] = {tight(name): hit for name, hit in self.names[target].items()}
        self.unmatched: dict[str, Counter[str]] = defaultdict(Counter)

    def parse(self, line: int, raw: dict[str, str]) -> ParsedRow:
        """One line."""
        row = ParsedRow(line, raw)
        for column, spec in self.columns:
            text = raw[column].strip()
            if not text:
                if spec.required:
                    row.errors.append(RowError(column, _("This field is required.")))
                continue
            try:
                if spec.is_link:
                    self._reference(row, spec, text)
                else:
                    row.values[spec.name] = self._value(spec, text)
            except ValueError as error:
                row.errors.append(RowError(column, str(error), text[:200]))
        for spec in self.missing:
            row.errors.append(RowError(str(spec.label), _("No column is matched with this required field.")))
        return row

    def _value(self, spec: Field, text: str) -> Any:
        if spec.kind is Kind.DATE:
            try:
                return parse(spec, parse_date(text, self.date_order))
            except (ValueError, OverflowError):
                raise ValueError(_("This is not a date.")) from None
        if spec.kind is Kind.DATETIME:
            raise ValueError(_("This field cannot be imported."))
        if spec.is_number:
            try:
                return parse(spec, money.parse_amount(text))
            except ValueError as error:
                if str(error) == text:
                    raise ValueError(_("This is not a number.")) from None
                raise
        return parse(spec, text)

    def _reference(self, row: ParsedRow, spec: Field, text: str) -> None:
        target = target_of(spec)
        hit = self.names[target].get(normal(text))
        decision = self.matches.get(spec.key, {}).get(text)
        if hit is None and decision:
            if decision["action"] == "match":
                row.values[spec.name] = UUID(decision["id"])
                row.names[spec.name] = decision.get("name", text)
                return
            if decision["action"] == "empty":
                return
            if decision["action"] == "created":
                row.values[spec.name] = UUID(decision["id"])
                row.names[spec.name] = text
                return
        if hit is not None:
            row.values[spec.name], row.names[spec.name] = hit
            return
        if self.entity.crud is not None and target == self.entity.crud.kind:
            row.later[spec.name] = text
            return
        self.unmatched[spec.key][text] += 1
        if decision is None or decision["action"] != "create":
            row.errors.append(RowError(self._column(spec), _("“%(name)s” is not known.", name=text[:60]), text[:200]))

    def _column(self, spec: Field) -> str:
        return next((column for column, one in self.columns if one is spec), str(spec.label))

    def suggestions(self) -> list[dict[str, Any]]:
        """Unmatched names with the closest known one: what a person is asked to decide."""
        by_key = {one.key: one for _column, one in self.columns}
        found = []
        for key, counter in self.unmatched.items():
            spec = by_key[key]
            target = target_of(spec)
            choices = {hit[0]: hit[1] for hit in self.names[target].values()}
            for text, count in counter.most_common(LIST_LIMIT):
                same = self.tight[target].get(tight(text))
                score = 100.0
                if same is None and choices:
                    best = process.extractOne(text, choices, scorer=fuzz.WRatio)
                    if best and best[1] >= SUGGEST_FROM:
                        same, score = (best[2], best[0]), best[1]
                found.append(
                    {
                        "field": key,
                        "label": str(spec.label),
                        "target": target,
                        "text": text,
                        "count": count,
                        "suggestion": {"id": str(same[0]), "name": same[1], "score": round(score)} if same else None,
                    }
                )
        return found
