"""Exports of exactly what a list shows: CSV that Italian Excel opens, or XLSX."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Response
from pyexcelerate import Workbook

from app.kernel import clock, i18n
from app.kernel.crud.cells import plain
from app.kernel.crud.fields import Crud, Field, Kind
from app.kernel.crud.query import ListParams, base_select, list_fields, matching, ordered
from app.kernel.db import db

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.kernel.actor import Actor

LIMIT = 100_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """``text`` with a quote in front where a spreadsheet would run it as a formula (OWASP)."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def read_rows(crud: Crud, params: ListParams, actor: Actor, fields: list[Field]) -> Iterator[dict[str, Any]]:
    """All rows of a list in its order, in batches from the server."""
    statement = base_select(crud, fields).where(matching(crud, params, actor))
    statement = ordered(crud, statement, params.sort, fields).limit(LIMIT)
    result = db.session.execute(statement.execution_options(yield_per=1000))
    for row in result.mappings():
        yield dict(row)


def respond(crud: Crud, params: ListParams, actor: Actor, fmt: str) -> tuple[Response, int]:
    """The file and its number of rows."""
    fields = list_fields(crud, params)
    rows = [[plain(field, row) for field in fields] for row in read_rows(crud, params, actor, fields)]
    header = [str(field.label) for field in fields]
    name = f"{crud.api}-{clock.today(actor.timezone):%Y%m%d}.{fmt}"
    if fmt == "xlsx":
        body, content_type = _xlsx(header, rows, str(crud.plural)), XLSX
    else:
        body, content_type = _csv(header, rows, fields), "text/csv; charset=utf-8"
    response = Response(body, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response, len(rows)


def _csv(header: list[str], rows: list[list[Any]], fields: list[Field]) -> bytes:
    return write_csv(header, ([_text(field, value) for field, value in zip(fields, row, strict=True)] for row in rows))


def write_csv(header: list[str], rows: Any) -> bytes:
    """A CSV as Excel in Italy reads it: UTF-8 with BOM, semicolons, formulas defused."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator="\r\n")
    writer.writerow([safe_cell(one) for one in header])
    for row in rows:
        writer.writerow(row)
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def _text(field: Field, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        # The decimal comma of the separator's country; a number needs no defusing.
        return str(value).replace(".", ",") if str(i18n.locale())[:2] == "it" else str(value)
    if isinstance(value, dt.datetime):
        return i18n.moment(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if field.kind is Kind.PHONE and str(value)[:1] == "+" and str(value)[1:].isdigit():
        return str(value)
    return safe_cell(str(value))


def _xlsx(header: list[str], rows: list[list[Any]], title: str) -> bytes:
    book = Workbook()
    data = [header, *([_xlsx_value(value) for value in row] for row in rows)]
    book.new_sheet(title[:31].replace("/", " "), data=data)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _xlsx_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return i18n.moment(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return safe_cell(value) if isinstance(value, str) else value
