"""Exports of exactly what a list shows: CSV that Italian Excel opens, or XLSX."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from flask import Response, request
from werkzeug.wsgi import wrap_file

from app.kernel import clock, i18n
from app.kernel.audit import record
from app.kernel.crud.cells import plain
from app.kernel.crud.fields import Crud, Field, Kind
from app.kernel.crud.query import ListParams, base_select, list_fields, matching, ordered
from app.kernel.crud.xlsx import write_xlsx
from app.kernel.db import db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from app.kernel.actor import Actor

# Longer lists are exported in the background.
INLINE = 5_000
LIMIT = 1_000_000
BATCH = 1_000
FORMATS = ("csv", "xlsx")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """``text`` with a quote in front where a spreadsheet would run it as a formula (OWASP)."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def read_rows(crud: Crud, params: ListParams, actor: Actor, fields: list[Field]) -> Iterator[dict[str, Any]]:
    """All rows of a list in its order, in batches from the server's cursor."""
    statement = base_select(crud, fields).where(matching(crud, params, actor))
    statement = ordered(crud, statement, params.sort, fields).limit(LIMIT)
    result = db.session.execute(statement.execution_options(yield_per=BATCH))
    for row in result.mappings():
        yield dict(row)


def file_name(crud: Crud, actor: Actor, fmt: str) -> str:
    """``tasks-20261127.csv``."""
    return f"{crud.api}-{clock.today(actor.timezone):%Y%m%d}.{fmt}"


def write(
    crud: Crud,
    params: ListParams,
    actor: Actor,
    fmt: str,
    target: IO[bytes],
    tell: Callable[[int], None] = lambda _rows: None,
) -> int:
    """Writes what a list shows into ``target``, row after row; how many. ``tell`` hears how far it is."""
    fields = list_fields(crud, params)
    header = [str(field.label) for field in fields]
    done = 0

    def rows() -> Iterator[list[Any]]:
        nonlocal done
        for row in read_rows(crud, params, actor, fields):
            yield [plain(field, row) for field in fields]
            done += 1
            if done % BATCH == 0:
                tell(done)

    if fmt == "xlsx":
        write_xlsx(target, str(crud.plural), chain([header], ([_xlsx_value(one) for one in row] for row in rows())))
    else:
        texts = ([_text(field, value) for field, value in zip(fields, row, strict=True)] for row in rows())
        stream_csv(target, header, texts)
    return done


def respond(crud: Crud, params: ListParams, actor: Actor, fmt: str) -> tuple[Response, int]:
    """The file and its number of rows, for lists of at most INLINE rows."""
    target = SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115 - the response closes it
    count = write(crud, params, actor, fmt, target)
    target.seek(0)
    return send(target, file_name(crud, actor, fmt)), count


def send(stream: IO[bytes], name: str) -> Response:
    """A file as a download, piece by piece."""
    content_type = XLSX if name.endswith(".xlsx") else "text/csv; charset=utf-8"
    response = Response(wrap_file(request.environ, stream), content_type=content_type, direct_passthrough=True)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def note(crud: Crud, count: int, fmt: str) -> None:
    """Writes into the audit log that a list was exported."""
    record(
        "exported",
        entity=crud.kind,
        entity_id=crud.kind,
        label=str(crud.plural),
        changes={"rows": [None, count], "format": [None, fmt]},
    )


def stream_csv(target: IO[bytes], header: list[str], rows: Iterable[list[str]]) -> None:
    """Writes a CSV as Excel in Italy reads it: UTF-8 with BOM, semicolons, formulas defused."""
    target.write(b"\xef\xbb\xbf")
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([safe_cell(one) for one in header])
    writer.writerows(rows)
    text.detach()


def write_csv(header: list[str], rows: Iterable[list[Any]]) -> bytes:
    """As stream_csv, for a few rows."""
    target = io.BytesIO()
    stream_csv(target, header, rows)
    return target.getvalue()


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


def _xlsx_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return i18n.moment(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return safe_cell(value) if isinstance(value, str) else value
