"""The import wizard on files as people have them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from app.kernel.crud.export import write_csv
from app.kernel.errors import Conflict
from app.kernel.uow import uow
from app.sales.imports import reading, running, service
from app.sales.models.accounts import Account
from app.sales.models.imports import ImportStatus
from app.sales.models.leads import Lead
from tests.sales import helpers
from tests.support import work_off

ACCOUNTS = "name,city,employees\nAlfa S.p.A.,Verona,12\nBeta S.r.l.,Padova,7\n"


def accounts(actor):
    return {one.name: one for one in helpers.rows(actor, "SELECT * FROM account ORDER BY name")}


# ── reading ──────────────────────────────────────────────────────────────────────────────────────

TABLE = "Ragione sociale;Città\r\nPerché S.r.l.;Cittanova\r\nCaffè Più;Forlì\r\nÀncora S.p.A.;Cefalù\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings_are_found_out(encoding, browser, actor):
    import_id = helpers.upload(browser, "accounts", TABLE.encode(encoding))
    assert helpers.job_of(actor, import_id).reading["delimiter"] == ";"
    assert helpers.run(browser, actor, import_id).created_count == 3
    assert {one: row.city for one, row in accounts(actor).items()} == {
        "Caffè Più": "Forlì",
        "Perché S.r.l.": "Cittanova",
        "Àncora S.p.A.": "Cefalù",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_out(delimiter):
    text = delimiter.join(("name", "city", "notes")) + "\n" + delimiter.join(("Alfa", "Verona", "one two")) + "\n"
    found = reading.detect(io.BytesIO(text.encode()), "a.csv")
    assert found.delimiter == delimiter
    assert found.header == ["name", "city", "notes"]


def test_a_single_column_is_a_table_too(browser, actor):
    assert helpers.bring_in(browser, actor, "accounts", "name\nAlfa\nBeta\n").created_count == 2


@pytest.mark.parametrize(
    ("order", "text", "day"),
    [
        ("dmy", "31-12-25", "2025-12-31"),
        ("dmy", "31/12/2025", "2025-12-31"),
        ("dmy", "01.02.2025", "2025-02-01"),
        ("mdy", "12/31/2025", "2025-12-31"),
        ("mdy", "01/02/25", "2025-01-02"),
        ("ymd", "2025-12-31", "2025-12-31"),
        ("ymd", "25/12/31", "2025-12-31"),
        ("dmy", "2025-12-31", "2025-12-31"),
        ("dmy", "31-12-68", "2068-12-31"),
        ("dmy", "31-12-69", "1969-12-31"),
        ("dmy", "20250131", "2025-01-31"),
    ],
)
def test_dates_in_their_order(order, text, day):
    assert reading.parse_date(text, order) == dt.date.fromisoformat(day)


@pytest.mark.parametrize("text", ["31-31-2025", "29-02-2025", "yesterday", "1-2", "0-0-0", "99999999999999"])
def test_what_is_no_date(text):
    with pytest.raises(ValueError):
        reading.parse_date(text, "dmy")


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["01/02/2025", "25/02/2025"], "dmy"),
        (["01/02/2025", "02/25/2025"], "mdy"),
        (["2025/01/02"], "ymd"),
        (["01/02/2025"], "dmy"),
        (["", "no date"], "dmy"),
    ],
)
def test_the_order_of_dates_is_found_out(dates, order):
    assert reading.date_order([[one] for one in dates]) == order


def test_the_date_order_can_be_corrected(browser, actor):
    import_id = helpers.upload(browser, "opportunities", "title,close_date\nOne,01/02/2025\n")
    assert helpers.job_of(actor, import_id).reading["date_order"] == "dmy"
    helpers.configure(browser, actor, import_id, date_order="mdy")
    helpers.run(browser, actor, import_id)
    assert helpers.scalar(actor, "SELECT close_date FROM opportunity") == dt.date(2025, 1, 2)


def sheet_bytes(rows, title="Foglio1", more=()):
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, others in more:
        other = book.create_sheet(name)
        for row in others:
            other.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_xlsx_with_numbers_dates_and_two_sheets(browser, actor):
    body = sheet_bytes(
        [
            ["Titolo", "Importo", "Chiusura"],
            ["One", 1234.5, dt.datetime(2025, 3, 31)],
            ["Two", 1000, dt.date(2025, 4, 1)],
        ],
        more=[("Altro", [["title"], ["Three"]])],
    )
    import_id = helpers.upload(browser, "opportunities", body, "deals.xlsx")
    job = helpers.job_of(actor, import_id)
    assert job.reading["sheets"] == ["Foglio1", "Altro"]
    assert set(job.mapping.values()) == {"title", "amount", "close_date"}
    helpers.run(browser, actor, import_id)
    assert helpers.rows(actor, "SELECT title, amount, close_date FROM opportunity ORDER BY title") == [
        ("One", Decimal("1234.50"), dt.date(2025, 3, 31)),
        ("Two", Decimal("1000.00"), dt.date(2025, 4, 1)),
    ]
    other = helpers.upload(browser, "opportunities", body, "deals.xlsx")
    helpers.configure(browser, actor, other, sheet="Altro")
    assert helpers.run(browser, actor, other).created_count == 1


def test_xlsx_decimals_are_not_thousands(browser, actor):
    """A cell that holds the number 123.456 is no text in which a dot could group thousands."""
    import_id = helpers.upload(browser, "accounts", sheet_bytes([["name", "revenue"], ["Alfa", 123.456]]), "a.xlsx")
    helpers.run(browser, actor, import_id)
    assert accounts(actor)["Alfa"].annual_revenue == Decimal("123.46")


@pytest.mark.parametrize(
    ("body", "filename"),
    [
        (b"", "empty.csv"),
        (b"name,city\n", "header-only.csv"),
        (b"\n\n  \n", "blank.csv"),
        (b"GIF89a\x00\x01\x00\x00\x00", "picture.csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old.xls"),
        (b"name\nAlfa\n", "text-called.xls"),
        (b"%PDF-1.7\n1 0 obj\n", "paper.pdf"),
        (b"PK\x03\x04 this is no archive", "broken.xlsx"),
        ((",".join(f"c{number}" for number in range(201)) + "\n" + ",".join("x" * 201) + "\n").encode(), "wide.csv"),
    ],
    ids=["empty", "header only", "blank", "binary", "xls", "named xls", "pdf", "broken xlsx", "too many columns"],
)
def test_files_that_are_no_table_are_refused_beside_the_field(body, filename, browser, actor):
    answer = helpers.send(browser, "accounts", body, filename)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text or "aria-invalid" in answer.text or "sk-err" in answer.text
    assert helpers.scalar(actor, "SELECT count(*) FROM import_job") == 0


def test_a_broken_sheet_inside_an_archive_is_refused(browser):
    import zipfile

    whole = sheet_bytes([["name"], ["Alfa"]])
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(target, "w") as new:
        for one in old.namelist():
            new.writestr(one, b"<broken" if one.endswith("sheet1.xml") else old.read(one))
    assert helpers.send(browser, "accounts", target.getvalue(), "a.xlsx").status_code == 422
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(target := io.BytesIO(), "w") as new:
        for one in old.namelist():
            new.writestr(one, b"<broken" if one == "[Content_Types].xml" else old.read(one))
    assert helpers.send(browser, "accounts", target.getvalue(), "a.xlsx").status_code == 422


def test_no_file_and_no_such_entity(browser):
    assert browser.post("/sales/import/", data={"entity": "accounts"}).status_code == 422
    assert helpers.send(browser, "secrets", b"name\nAlfa\n").status_code == 404


words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(words, words), min_size=1, max_size=8))
def test_what_is_exported_reads_back(table):
    header = ["name", "notes"]
    found = reading.Reading("csv", "utf-8-sig", ";", header=header)
    back = [(row["name"], row["notes"]) for _line, row in reading.records(io.BytesIO(write_csv(header, table)), found)]
    assert back == [row for row in table if any(cell.strip() for cell in row)]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(body):
    try:
        found = reading.detect(io.BytesIO(body), "a.csv")
        rows = list(reading.records(io.BytesIO(body), found))
    except service.Invalid as error:
        assert "file" in error.errors
    else:
        assert all(set(row) == set(found.header) for _line, row in rows)


# ── mapping ──────────────────────────────────────────────────────────────────────────────────────


def test_columns_are_proposed_by_name_and_remembered(browser, actor):
    body = "Ragione Sociale,SETTORE,Città,Pippo\nAlfa,Metal,Verona,x\n"
    first = helpers.upload(browser, "accounts", body)
    assert helpers.job_of(actor, first).mapping == {
        "Ragione Sociale": "name",
        "SETTORE": "industry",
        "Città": "city",
    }
    job = helpers.job_of(actor, first)
    form = {f"map-{index}": job.mapping.get(column, "") for index, column in enumerate(job.reading["header"])}
    browser.post(f"/sales/import/{first}", data={**form, "map-3": "notes", "map-1": ""})
    second = helpers.upload(browser, "accounts", body)
    assert helpers.job_of(actor, second).mapping == {"Ragione Sociale": "name", "Città": "city", "Pippo": "notes"}
    # The memory belongs to this kind of file: other columns are proposed afresh.
    third = helpers.upload(browser, "accounts", "name,Pippo\nBeta,x\n")
    assert helpers.job_of(actor, third).mapping == {"name": "name"}


def test_one_field_cannot_come_from_two_columns(browser, actor):
    import_id = helpers.upload(browser, "accounts", ACCOUNTS)
    answer = browser.post(f"/sales/import/{import_id}", data={"map-0": "name", "map-1": "name"})
    assert answer.status_code == 422
    assert helpers.job_of(actor, import_id).mapping["city"] == "city"


def test_repeated_and_empty_column_names(browser, actor):
    import_id = helpers.upload(browser, "accounts", "name,name,\nAlfa,Beta,Gamma\n")
    assert helpers.job_of(actor, import_id).reading["header"] == ["name", "name (2)", "Column 3"]


def test_a_file_without_the_required_column_imports_nothing(browser, actor):
    import_id = helpers.upload(browser, "contacts", "telefono\n045 123456\n")
    job = helpers.job_of(actor, import_id)
    assert job.check["missing"] == ["Full name"]
    assert job.check["ready"] == 0


# ── lines ────────────────────────────────────────────────────────────────────────────────────────

BAD = (
    "name,employees,website,founded,tags\n"
    "Alfa,12,alfa.example,1990,a\n"
    "Beta,many,beta.example,1990,\n"
    "Gamma,3,not a site,99999,\n"
    ",3,,,\n"
    "Alfa,9,,,\n"
    "=cmd|' /C calc'!A0,x,,,\n"
    "Delta,-1,,,\n"
    "Epsilon,4,,2001,\n"
)


def test_bad_lines_are_told_and_good_ones_go_in(browser, actor):
    import_id = helpers.upload(browser, "accounts", BAD)
    check = helpers.job_of(actor, import_id).check
    assert (check["ready"], check["failed"]) == (2, 6)
    told = {(row["line"], one["column"]) for row in check["errors"] for one in row["errors"]}
    assert told == {
        (3, "employees"), (4, "website"), (4, "founded"), (5, "name"), (6, ""), (7, "employees"), (8, "employees"),
    }  # fmt: skip
    assert next(row for row in check["errors"] if row["line"] == 6)["errors"][0]["reason"] == "The same as line 2."
    page = browser.get(f"/sales/import/{import_id}")
    assert "This is not a number." in page.text
    job = helpers.run(browser, actor, import_id)
    assert (job.status, job.created_count, job.failed_count) == ("done", 2, 6)
    assert set(accounts(actor)) == {"Alfa", "Epsilon"}
    result = browser.get(f"/sales/import/{import_id}")
    assert "This is not a web address." in result.text


def test_refused_lines_as_a_file_to_mend(browser, actor):
    job = helpers.bring_in(browser, actor, "accounts", BAD.replace("employees", "=addetti"), **{"map-1": "employees"})
    answer = browser.get(f"/sales/import/{job.id}/errors.csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert table[0] == ["name", "'=addetti", "website", "founded", "tags", "Line", "Problem"]
    assert [row[5] for row in table[1:]] == ["3", "4", "5", "6", "7", "8"]
    evil = next(row for row in table if row[5] == "7")
    assert evil[0] == "'=cmd|' /C calc'!A0"
    assert "This is not a number." in evil[6]
    # No cell of the file is a formula, whatever the columns are called.
    assert not [cell for row in table for cell in row if cell[:1] in "=+@" and cell]


def test_line_numbers_count_lines_of_the_file(browser, actor):
    body = 'name,employees\n"Two\nlines",1\n\nBeta,x\n'
    job = helpers.bring_in(browser, actor, "accounts", body)
    assert helpers.rows(actor, "SELECT line FROM import_row WHERE outcome = 'failed'") == [(5,)]
    assert job.created_count == 1


def test_the_same_file_twice_makes_nothing_twice(browser, actor):
    assert helpers.bring_in(browser, actor, "accounts", ACCOUNTS).created_count == 2
    import_id = helpers.upload(browser, "accounts", ACCOUNTS)
    assert helpers.job_of(actor, import_id).check["same"] == 2
    job = helpers.run(browser, actor, import_id)
    assert (job.created_count, job.same_count, job.failed_count) == (0, 2, 0)


def test_natural_keys_know_accented_capitals(browser, actor):
    body = "name\nCITTÀ NUOVA\nÉcole\nStraße\n"
    assert helpers.bring_in(browser, actor, "accounts", body).created_count == 3
    again = helpers.bring_in(browser, actor, "accounts", body + "città nuova due\n")
    assert (again.status, again.created_count, again.same_count) == ("done", 1, 3)


@pytest.mark.parametrize(
    ("entity", "body", "table"),
    [
        ("contacts", "name,email\nAnna,ANNA@x.example\nBruno,\n", "contact"),
        ("leads", "name,email,company\nAnna,anna@x.example,A\nBruno,,B\n", "lead"),
        ("products", "name,sku,price\nOne,S1,10\nTwo,,20\n", "product"),
        ("opportunities", "title,id,amount\nOne,R1,10\nTwo,,20\n", "opportunity"),
        ("people", "name,team\nAnna Rossi,Nord\nBruno Verdi,\n", "membership"),
    ],
)
def test_every_entity_comes_in_once(entity, body, table, browser, actor):
    before = helpers.scalar(actor, f"SELECT count(*) FROM {table}")
    first = helpers.bring_in(browser, actor, entity, body)
    assert (first.status, first.created_count, first.failed_count) == ("done", 2, 0)
    second = helpers.bring_in(browser, actor, entity, body)
    assert (second.created_count, second.same_count) == (0, 2)
    assert helpers.scalar(actor, f"SELECT count(*) FROM {table}") == before + 2
    undone = helpers.undo(browser, actor, first.id)
    assert (undone.status, undone.kept_count) == ("undone", 0)
    assert helpers.scalar(actor, f"SELECT count(*) FROM {table}") == before


def test_a_clash_with_another_record_is_that_lines_error(browser, actor):
    """A product with a new SKU but a taken name: only its own line is refused."""
    helpers.bring_in(browser, actor, "products", "name,sku,price\nOne,S1,10\n")
    job = helpers.bring_in(browser, actor, "products", "name,sku,price\nOne,S2,10\nTwo,S3,5\ntwo,S4,5\nThree,S5,1\n")
    assert (job.status, job.created_count, job.failed_count) == ("done", 2, 2)
    assert helpers.rows(actor, "SELECT name FROM product ORDER BY name") == [("One",), ("Three",), ("Two",)]


def test_a_lead_cannot_come_in_converted(browser, actor):
    job = helpers.bring_in(browser, actor, "leads", "name,status\nAnna,converted\nBruno,working\n")
    assert (job.status, job.created_count, job.failed_count) == ("done", 1, 1)
    with uow(actor):
        assert [one.name for one in service.db.session.scalars(service.select(Lead))] == ["Bruno"]


# ── updates ──────────────────────────────────────────────────────────────────────────────────────


def test_known_records_are_updated_when_asked_and_undo_restores_them(browser, actor):
    helpers.bring_in(browser, actor, "accounts", ACCOUNTS)
    changed = "name,city,employees\nAlfa S.p.A.,Mantova,\nBeta S.r.l.,Padova,7\nGamma,Trento,3\n"
    job = helpers.bring_in(browser, actor, "accounts", changed, existing="update")
    assert (job.created_count, job.updated_count, job.same_count) == (1, 1, 1)
    alfa = accounts(actor)["Alfa S.p.A."]
    assert (alfa.city, alfa.employees) == ("Mantova", 12)  # an empty cell leaves what is there
    helpers.undo(browser, actor, job.id)
    assert {name: row.city for name, row in accounts(actor).items()} == {
        "Alfa S.p.A.": "Verona",
        "Beta S.r.l.": "Padova",
    }


def test_without_asking_known_records_stay_as_they_are(browser, actor):
    helpers.bring_in(browser, actor, "accounts", ACCOUNTS)
    job = helpers.bring_in(browser, actor, "accounts", ACCOUNTS.replace("Verona", "Mantova"))
    assert (job.updated_count, job.same_count) == (0, 2)
    assert accounts(actor)["Alfa S.p.A."].city == "Verona"


def test_undo_of_an_update_keeps_what_somebody_changed_since(browser, actor):
    helpers.bring_in(browser, actor, "accounts", ACCOUNTS)
    job = helpers.bring_in(browser, actor, "accounts", ACCOUNTS.replace("Verona", "Mantova"), existing="update")
    with uow(actor):
        service.db.session.scalar(service.select(Account).where(Account.city == "Mantova")).city = "Roma"
    (updated,) = helpers.rows(
        actor, "SELECT record_version, raw FROM import_row WHERE import_id = :id AND outcome = 'updated'", id=job.id
    )
    assert (updated.record_version, updated.raw) == (2, None)
    assert helpers.undo(browser, actor, job.id).kept_count == 1
    assert accounts(actor)["Alfa S.p.A."].city == "Roma"


def test_undo_keeps_what_was_changed_or_built_upon(browser, actor):
    job = helpers.bring_in(browser, actor, "accounts", "name\nAlfa\nBeta\nGamma\nDelta\n")
    found = accounts(actor)
    for version in (1, 2):
        answer = browser.api(
            "PUT", f"/api/v1/accounts/{found['Alfa'].id}", json={"city": f"City {version}", "version": version}
        )
        assert answer.status_code == 200
    browser.api("PUT", f"/api/v1/accounts/{found['Delta'].id}", json={"city": "Roma"})
    helpers.deal(actor, "On Beta", account_id=found["Beta"].id)
    undone = helpers.undo(browser, actor, job.id)
    assert undone.status == "undone"
    assert set(accounts(actor)) == {"Alfa", "Beta", "Delta"}
    assert undone.kept_count == 3
    assert browser.post(f"/sales/import/{job.id}/undo").status_code == 409


def test_an_import_can_be_undone_for_thirty_days(browser, actor):
    job = helpers.bring_in(browser, actor, "accounts", ACCOUNTS)
    with uow(actor):
        service.get_import(job.id).finished_at = dt.datetime.now(dt.UTC) - dt.timedelta(days=31)
    assert browser.post(f"/sales/import/{job.id}/undo").status_code == 409
    assert len(accounts(actor)) == 2


# ── names ────────────────────────────────────────────────────────────────────────────────────────

DEALS = "title,account,sales_agent,product,stage\nOne,Alfa SpA,Anna Rossi,GTXPro,Qualifica\nTwo,Nobody,,,\n"


def test_unknown_names_are_matched_created_or_left_empty(browser, actor):
    helpers.bring_in(browser, actor, "accounts", "name\nAlfa S.p.A.\n")
    helpers.bring_in(browser, actor, "products", "name,price\nGTX Pro,100\n")
    import_id = helpers.upload(browser, "opportunities", DEALS)
    unmatched = {one["text"]: one for one in helpers.job_of(actor, import_id).check["unmatched"]}
    assert unmatched["Alfa SpA"]["suggestion"]["name"] == "Alfa S.p.A."
    assert unmatched["GTXPro"]["suggestion"] == {**unmatched["GTXPro"]["suggestion"], "name": "GTX Pro", "score": 100}
    assert unmatched["Nobody"]["suggestion"] is None
    assert "Qualifica" not in unmatched

    def decide(one):
        if one["text"] == "Nobody":
            return "empty"
        return f"match:{one['suggestion']['id']}" if one["suggestion"] else "create"

    answer = helpers.configure(browser, actor, import_id, decide)
    assert helpers.job_of(actor, import_id).check["ready"] == 2, helpers.words(answer.text)
    job = helpers.run(browser, actor, import_id)
    assert job.created_count == 2
    assert helpers.rows(
        actor,
        "SELECT o.title, a.name, m.display_name, m.status, p.name FROM opportunity o"
        " LEFT JOIN account a ON a.id = o.account_id LEFT JOIN membership m ON m.id = o.owner_id"
        " LEFT JOIN opportunity_line l ON l.opportunity_id = o.id LEFT JOIN product p ON p.id = l.product_id"
        " ORDER BY o.title",
    ) == [("One", "Alfa S.p.A.", "Anna Rossi", "placeholder", "GTX Pro"), ("Two", None, None, None, None)]
    helpers.undo(browser, actor, job.id)
    assert helpers.scalar(actor, "SELECT count(*) FROM membership WHERE display_name = 'Anna Rossi'") == 0
    assert helpers.scalar(actor, "SELECT count(*) FROM opportunity") == 0


def test_undecided_names_are_refused_lines(browser, actor):
    job = helpers.bring_in(browser, actor, "opportunities", DEALS)
    assert (job.created_count, job.failed_count) == (0, 2)


def test_decisions_may_not_point_to_others_records(browser, actor, rival):
    with uow(rival.admin.actor):
        foreign = Account(name=f"Foreign {uuid4()}")
        service.db.session.add(foreign)
        service.db.session.flush()
        foreign_id = foreign.id
    import_id = helpers.upload(browser, "opportunities", "title,account\nOne,Zeta\n")
    answer = helpers.configure(browser, actor, import_id, lambda one: f"match:{foreign_id}")
    assert answer.status_code == 422
    assert helpers.job_of(actor, import_id).check["ready"] == 0


def test_companies_may_refer_to_each_other_in_any_order(browser, actor):
    body = "account,subsidiary_of\nChild,Parent\nParent,\nOrphan,Unheard of\nSelf,Self\n"
    job = helpers.bring_in(browser, actor, "accounts", body)
    assert job.created_count == 4
    found = accounts(actor)
    assert found["Child"].parent_id == found["Parent"].id
    assert found["Orphan"].parent_id is None
    assert found["Self"].parent_id is None
    assert helpers.undo(browser, actor, job.id).kept_count == 0
    assert accounts(actor) == {}


def test_a_tag_for_all_lines(browser, actor):
    body = 'name,etichette\nAlfa,"a, b"\nBeta,\n'
    helpers.bring_in(browser, actor, "accounts", body, tag="  fiera   2026 ")
    assert {name: row.tags for name, row in accounts(actor).items()} == {
        "Alfa": ["a", "b", "fiera 2026"],
        "Beta": ["fiera 2026"],
    }


# ── running ──────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_worker_goes_on_where_it_stopped(browser, actor):
    number = service.BATCH * 4 + 300
    import_id = helpers.upload(browser, "accounts", "name\n" + "".join(f"Account {n}\n" for n in range(number)))
    with uow(actor):
        job = service.get_import(UUID(import_id))
        job.status = ImportStatus.QUEUED
    running._prepare(UUID(import_id), actor)
    with running._Lines() as lines:
        assert running._run_batch(UUID(import_id), lines, actor) is True
    assert helpers.scalar(actor, "SELECT count(*) FROM account") == service.BATCH * 4
    assert helpers.job_of(actor, import_id).position == service.BATCH * 4
    progress = browser.get(f"/sales/import/{import_id}/progress").json
    assert (progress["status"], progress["position"], progress["total"]) == ("running", service.BATCH * 4, number)
    running.run_import(import_id, actor=actor)
    done = helpers.job_of(actor, import_id)
    assert (done.status, done.created_count, done.same_count, done.failed_count) == ("done", number, 0, 0)
    assert helpers.scalar(actor, "SELECT count(*) FROM account") == number
    assert helpers.scalar(actor, "SELECT count(*) FROM import_row WHERE outcome = 'created'") == number


def test_an_import_starts_once(browser, actor):
    import_id = helpers.upload(browser, "accounts", ACCOUNTS)
    assert browser.post(f"/sales/import/{import_id}/start").status_code == 302
    assert browser.post(f"/sales/import/{import_id}/start").status_code == 409
    work_off()
    assert helpers.job_of(actor, import_id).status == "done"
    assert len(accounts(actor)) == 2


def test_history_of_an_imported_deal(browser, actor):
    body = "title,stage,amount,opened_on,close_date\nOne,Vinta,100,01-03-2025,31-03-2025\nTwo,Negoziazione,5,,\n"
    helpers.bring_in(browser, actor, "opportunities", body)
    assert helpers.rows(
        actor,
        "SELECT o.title, o.stage_kind, o.forecast_category, s.name, h.seconds, o.closed_at::date::text"
        " FROM opportunity o JOIN opportunity_stage_history h ON h.opportunity_id = o.id"
        " JOIN pipeline_stage s ON s.id = h.to_stage_id ORDER BY o.title",
    ) == [
        ("One", "won", "closed", "Vinta", 30 * 86400 + 3 * 3600, "2025-03-31"),
        ("Two", "open", "pipeline", "Negoziazione", None, None),
    ]


# ── who may ──────────────────────────────────────────────────────────────────────────────────────


def test_viewers_import_nothing(company, sign_in):
    viewer = sign_in(company.viewer)
    assert viewer.get("/sales/import/").status_code == 403
    assert helpers.send(viewer, "accounts", ACCOUNTS.encode()).status_code == 403


def test_sales_import_deals_but_no_people_and_no_products(company, sign_in):
    sales = sign_in(company.sales)
    assert helpers.send(sales, "accounts", ACCOUNTS.encode()).status_code == 302
    assert helpers.send(sales, "people", b"name\nAnna\n").status_code == 403
    assert helpers.send(sales, "products", b"name,price\nOne,1\n").status_code == 403


def test_others_imports_do_not_exist(company, browser, actor, rival, sign_in):
    job = helpers.bring_in(browser, actor, "accounts", BAD)
    charlie = sign_in(rival.admin)
    for path in ("", "/progress", "/errors.csv"):
        assert charlie.get(f"/sales/import/{job.id}{path}").status_code == 404
    for path in ("", "/start", "/undo"):
        assert charlie.post(f"/sales/import/{job.id}{path}").status_code == 404
    assert str(job.id) not in charlie.get("/sales/import/").text
    assert charlie.get("/sales/import/not-an-id").status_code == 404
    assert helpers.count(actor, Account) == 2


# ── corrections and rules at their edges ─────────────────────────────────────────────────────────


def configured(actor, import_id, **changes):
    job = helpers.job_of(actor, import_id)
    given = {"mapping": job.mapping, "matches": {}, "settings": {}, "reading": {}, **changes}
    with uow(actor):
        return service.configure(UUID(import_id), actor=actor, **given)


def test_delimiter_and_encoding_can_be_corrected(browser, actor):
    body = "name,city;town\nCaffè,Forlì;Cefalù\n".encode("cp1252")
    import_id = helpers.upload(browser, "accounts", body)
    helpers.configure(browser, actor, import_id, encoding="cp1252", delimiter=",")
    assert helpers.job_of(actor, import_id).reading["header"] == ["name", "city;town"]
    helpers.configure(browser, actor, import_id, delimiter=";")
    assert helpers.job_of(actor, import_id).reading["header"] == ["name,city", "town"]
    helpers.configure(browser, actor, import_id, encoding="utf-8", delimiter=",")
    helpers.configure(browser, actor, import_id, encoding="cp1252")
    assert helpers.job_of(actor, import_id).check["preview"] == [{"name": "Caffè", "city;town": "Forlì;Cefalù"}]


def test_a_sheet_that_is_empty_is_no_table(browser, actor):
    import_id = helpers.upload(browser, "accounts", sheet_bytes([["name"], ["Alfa"]], more=[("Altro", [])]), "a.xlsx")
    answer = helpers.configure(browser, actor, import_id, sheet="Altro")
    assert answer.status_code == 422
    assert "The file is empty." in answer.text
    assert helpers.job_of(actor, import_id).reading["sheet"] == "Foglio1"


def test_a_file_has_at_most_so_many_lines(browser, actor, monkeypatch):
    monkeypatch.setattr(service, "MAX_ROWS", 1)
    answer = helpers.send(browser, "accounts", ACCOUNTS.encode())
    assert answer.status_code == 422
    assert "At most 1 lines at once." in answer.text
    assert helpers.scalar(actor, "SELECT count(*) FROM import_job") == 0


def test_an_import_that_has_started_is_not_changed(browser, actor):
    import_id = helpers.upload(browser, "accounts", ACCOUNTS)
    helpers.run(browser, actor, import_id)
    with pytest.raises(Conflict):
        configured(actor, import_id, settings={"existing": "update"})
    assert helpers.job_of(actor, import_id).settings["existing"] == "skip"


def test_decisions_that_mean_nothing_are_left_out(browser, actor):
    import_id = helpers.upload(browser, "accounts", "name,owner\nAlfa,Nobody\n")
    good = {"action": "empty"}
    matches = {
        "gone": {"x": good},
        "owner": {"a": {"action": "match", "id": "x"}, "b": {"action": "fly"}, "Nobody": good},
    }
    job = configured(actor, import_id, matches=matches)
    assert job.matches == {"owner": {"Nobody": good}}
    assert job.check["ready"] == 1


def test_deals_go_into_the_chosen_pipeline(browser, actor):
    from app.sales.service import pipelines

    with uow(actor):
        other = pipelines.create_pipeline("Other", actor=actor).id
    import_id = helpers.upload(browser, "opportunities", "title\nOne\n")
    helpers.configure(browser, actor, import_id, pipeline=str(other))
    helpers.run(browser, actor, import_id)
    assert helpers.scalar(actor, "SELECT pipeline_id FROM opportunity") == other


def test_a_deal_needs_some_name(browser, actor):
    job = helpers.bring_in(browser, actor, "opportunities", "title,amount\n,100\nOne,200\n")
    assert (job.created_count, job.failed_count) == (1, 1)
    assert "A deal needs a title" in browser.get(f"/sales/import/{job.id}").text


def test_who_writes_their_own_imports_their_own(company, browser, sign_in):
    from app.tenancy.service import roles

    actor = company.admin.actor
    with uow(actor):
        role = roles.create_role("Own accounts", actor=actor).id
        roles.assign_roles(company.sales.member_id, {role}, actor=actor)
    permissions = {"read account": "own", "write account": "own"}
    browser.api("POST", f"/roles/{role}/permissions", json={"permissions": permissions})
    job = helpers.bring_in(sign_in(company.sales), company.sales.actor, "accounts", ACCOUNTS)
    assert job.created_count == 2
    owners = helpers.rows(actor, "SELECT DISTINCT owner_id FROM account")
    assert [one.owner_id for one in owners] == [company.sales.member_id]


def test_names_are_decided_about_created_and_matched(browser, actor):
    """A stage and a person that are made, an account that is matched, a contact that is left empty."""
    with uow(actor):
        account = Account(name="Alfa S.p.A.")
        helpers.db.session.add(account)
    body = "title,stage,owner,account,contact,product\nOne,Trattativa X,Paola Nuova,Zeta Holding,Nessuno,Scatola\n"
    decisions = {"stage": "create", "owner": "create", "product": "create", "contact": "empty"}
    job = helpers.bring_in(
        browser,
        actor,
        "opportunities",
        body,
        lambda one: decisions.get(one["field"].removesuffix("_id"), f"match:{account.id}"),
    )
    assert (job.created_count, job.failed_count) == (1, 0)
    found = helpers.rows(
        actor,
        "SELECT s.name AS stage, m.display_name AS owner, o.account_id, o.contact_id, l.description AS product"
        " FROM opportunity o JOIN pipeline_stage s ON s.id = o.stage_id JOIN membership m ON m.id = o.owner_id"
        " JOIN opportunity_line l ON l.opportunity_id = o.id",
    )
    assert [tuple(one) for one in found] == [("Trattativa X", "Paola Nuova", account.id, None, "Scatola")]
    undone = helpers.undo(browser, actor, job.id)
    assert undone.status == ImportStatus.UNDONE
    assert helpers.scalar(actor, "SELECT count(*) FROM product") == 0


def test_an_import_that_valkey_lost_is_queued_again(browser, actor):
    from app.kernel import jobs

    import_id = helpers.upload(browser, "accounts", ACCOUNTS)
    assert browser.post(f"/sales/import/{import_id}/start").status_code == 302
    assert running.sweep_imports() == 0, "Valkey knows it"
    jobs.get_queue("bulk").fetch_job(f"import-{import_id}").delete()
    assert running.sweep_imports() >= 1
    work_off()
    job = helpers.job_of(actor, import_id)
    assert (job.status, job.created_count) == (ImportStatus.DONE, 2)
    assert running.sweep_imports() == 0


def test_an_import_by_somebody_who_may_not_any_more_fails_visibly(company, browser, actor, sign_in):
    import_id = helpers.upload(sign_in(company.sales), "accounts", ACCOUNTS)
    sales = company.sales.actor
    with uow(sales):
        running.start(UUID(import_id), actor=sales)
    from app.tenancy.service import roles
    from tests.tenancy.helpers import role_id

    viewer = role_id(company, "Viewer")
    with uow(actor):
        roles.assign_roles(company.sales.member_id, {viewer}, actor=actor)
    work_off()
    job = helpers.job_of(actor, import_id)
    assert (job.status, job.created_count) == (ImportStatus.FAILED, 0)
    assert job.message
    assert helpers.count(actor, Account) == 0
