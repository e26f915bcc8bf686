"""How a file is read: encoding, delimiter, date order, sheet. Rows are streamed, never held all at once."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import IO, Any

from charset_normalizer import from_bytes

from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _

SAMPLE = 256 * 1024
MAX_COLUMNS = 200
DELIMITERS = ",;\t|"
DATE_ORDERS = ("dmy", "mdy", "ymd")
_DATE = re.compile(r"^\s*(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[ T].*)?\s*$")
# Two-digit years: 00–68 are this century's, as POSIX strptime reads them.
PIVOT = 68


@dataclass(slots=True)
class Reading:
    """What was found out about a file; a person may correct it."""

    format: str
    encoding: str = "utf-8"
    delimiter: str = ","
    date_order: str = "dmy"
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(data: dict[str, Any]) -> Reading:
    """The reading that was stored."""
    return Reading(**data)


def detect(stream: IO[bytes], filename: str) -> Reading:
    """How to read a file. Raises Invalid for one that is empty, binary or not a table."""
    head = stream.read(SAMPLE)
    stream.seek(0)
    if not head:
        raise Invalid(errors={"file": [_("The file is empty.")]})
    if head[:2] == b"PK":
        reading = Reading("xlsx", encoding="", delimiter="")
        with _workbook(stream) as book:
            reading.sheets = list(book.sheetnames)
            reading.sheet = reading.sheets[0]
    else:
        utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        binary = b"\x00" in head[:4096] and not utf16
        if binary or filename.lower().endswith((".xls", ".ods", ".pdf")):
            raise Invalid(errors={"file": [_("Choose a CSV or an XLSX file.")]})
        encoding = _encoding(head)
        reading = Reading("csv", encoding=encoding)
        text = head.decode(encoding, errors="replace")
        reading.delimiter = _delimiter(text)
    stream.seek(0)
    rows = list(_take(raw_rows(stream, reading), 400))
    if not rows or not any(cell.strip() for cell in rows[0][1]):
        raise Invalid(errors={"file": [_("The first line must name the columns.")]})
    reading.header = header_names(rows[0][1])
    reading.date_order = date_order([row for _line, row in rows[1:]])
    return reading


def _take(rows: Iterator[Any], count: int) -> Iterator[Any]:
    for index, row in enumerate(rows):
        if index >= count:
            return
        yield row


def _encoding(head: bytes) -> str:
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # The sample may end inside a character.
        head[: len(head) - 4 if len(head) == SAMPLE else len(head)].decode("utf-8")
    except UnicodeDecodeError:
        best = from_bytes(head, cp_isolation=["cp1252", "iso8859_15", "mac_roman", "cp850"]).best()
        return best.encoding if best else "cp1252"
    return "utf-8"


def _delimiter(text: str) -> str:
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    try:
        return csv.Sniffer().sniff("\n".join(lines[:20]), delimiters=DELIMITERS).delimiter
    except csv.Error:
        counts = Counter({one: min((line.count(one) for line in lines[:10]), default=0) for one in DELIMITERS})
        best, number = counts.most_common(1)[0]
        return best if number else ","


def header_names(cells: list[str]) -> list[str]:
    """Column names: trimmed, filled where empty, made different where they repeat."""
    if len(cells) > MAX_COLUMNS:
        raise Invalid(errors={"file": [_("At most %(count)s columns.", count=MAX_COLUMNS)]})
    names: list[str] = []
    for index, cell in enumerate(cells):
        name = " ".join(cell.replace("\ufeff", "").split())[:80] or _("Column %(number)s", number=index + 1)
        base, number = name, 2
        while name in names:
            name = f"{base} ({number})"
            number += 1
        names.append(name)
    return names


def date_order(rows: list[list[str]]) -> str:
    """Day, month, year order that fits the sample's dates; day first where both would."""
    fits = Counter({"dmy": 0, "mdy": 0, "ymd": 0})
    for row in rows:
        for cell in row:
            found = _DATE.match(cell)
            if not found:
                continue
            one, two, three = (int(part) for part in found.groups())
            if len(found.group(1)) == 4:
                fits["ymd"] += 1
            elif two > 12 >= one:
                fits["mdy"] += 1
            elif one > 12 >= two and three:
                fits["dmy"] += 1
    best, number = fits.most_common(1)[0]
    return best if number else "dmy"


def parse_date(text: str, order: str) -> dt.date:
    """The day written in ``text`` in this order; ISO dates are always understood. Raises ValueError."""
    text = text.strip()
    found = _DATE.match(text)
    if not found:
        return dt.date.fromisoformat(text[:10])
    parts = [int(part) for part in found.groups()]
    if len(found.group(1)) == 4:
        year, month, day = parts
    elif order == "mdy":
        month, day, year = parts
    elif order == "ymd":
        year, month, day = parts
    else:
        day, month, year = parts
    if year < 100:
        year += 2000 if year <= PIVOT else 1900
    return dt.date(year, month, day)


@contextmanager
def _workbook(stream: IO[bytes]) -> Iterator[Any]:
    # Only here: few processes read workbooks, and the library is large.
    from openpyxl import load_workbook  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    book = None
    try:
        # Sheets are read only as their rows are asked for, so a broken one shows itself inside the block.
        book = load_workbook(stream, read_only=True, data_only=True)
        yield book
    except (InvalidFileException, zipfile.BadZipFile, SyntaxError, KeyError, ValueError, TypeError, OSError):
        raise Invalid(errors={"file": [_("This XLSX file cannot be read.")]}) from None
    finally:
        if book is not None:
            book.close()


def raw_rows(stream: IO[bytes], reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """Every line that is not empty, the header included: (line number, cells)."""
    if reading.format == "xlsx":
        # openpyxl seeks; a store's stream may not be able to.
        buffer = stream if stream.seekable() else io.BytesIO(stream.read())
        with _workbook(buffer) as book:
            sheet = book[reading.sheet] if reading.sheet in book.sheetnames else book.worksheets[0]
            for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                texts = [_cell(value) for value in cells]
                if any(texts):
                    yield line, texts
        return
    text = io.TextIOWrapper(stream, encoding=reading.encoding, errors="replace", newline="")
    reader = csv.reader(text, delimiter=reading.delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.replace("\x00", "") for cell in cells]
    except csv.Error as error:
        raise Invalid(
            errors={"file": [_("Line %(line)s cannot be read: %(reason)s", line=reader.line_num, reason=str(error))]}
        ) from None
    finally:
        text.detach()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time.min else value.isoformat(" ", "minutes")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        if value.is_integer():
            return str(int(value))
        text = format(Decimal(repr(value)), "f")
        # Three digits after the dot would read as a group of thousands; in a number cell they never are.
        return f"{text}0" if len(text) - text.rfind(".") == 4 else text
    return str(value)


def records(stream: IO[bytes], reading: Reading) -> Iterator[tuple[int, dict[str, str]]]:
    """The data lines as ``{column: text}``; short lines read as empty, long ones lose the rest."""
    rows = raw_rows(stream, reading)
    next(rows, None)
    width = len(reading.header)
    for line, cells in rows:
        padded = (cells + [""] * width)[:width]
        yield line, dict(zip(reading.header, padded, strict=True))
