"""What a person reads of a filter above a list, and of a record's values on its page."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.kernel.crud import filters
from app.kernel.uow import uow
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.products import Product
from tests.sales.helpers import words


def chips(browser: Any, path: str, *given: str) -> str:
    page = browser.get(path, query_string=[("f", one) for one in given])
    assert page.status_code == 200, words(page.text)
    return words(page.text)


def test_filters_are_told_in_words(browser: Any, company: Any, actor: Any) -> None:
    shown = chips(
        browser,
        "/sales/opportunities/",
        "owner:in:me",
        f"owner:in:{company.sales.member_id}",
        "priority:in:P0,P1",
        "close_date:between:2027-01-31,2027-02-28",
        "amount:gt:1000",
        "source:empty:",
        "created_at:in_period:last_30",
    )
    for one in (
        "Owner is one of me",
        "Owner is one of Sam Seller",
        "Priority is one of P0 Urgent, P1 High",
        "Close date between 31 Jan 2027 – 28 Feb 2027",
        "Amount more than 1000",
        "Source is empty",
        "Created in last 30 days",
    ):
        assert one in shown, shown


def test_a_filter_on_many_records_names_five(browser: Any, actor: Any) -> None:
    with uow(actor) as session:
        made = [Account(name=f"Company {number}", owner_id=actor.member_id) for number in range(7)]
        session.add_all(made)
        session.flush()
        ids = ",".join(str(one.id) for one in made)
    shown = chips(browser, "/sales/opportunities/", f"account:in:{ids}")
    assert sum(f"Company {number}" in shown for number in range(7)) == 5
    assert "…" in shown


@pytest.mark.parametrize(("given", "said"), [("active:eq:true", "Yes"), ("active:eq:false", "No")])
def test_yes_and_no(browser: Any, actor: Any, given: str, said: str) -> None:
    assert f"Active is {said}" in chips(browser, "/sales/products/", given)


def test_a_record_shows_its_values_as_what_they_are(browser: Any, actor: Any) -> None:
    with uow(actor) as session:
        account = Account(
            name="Pompe Adige", website="https://pompe.example/", phone="+39045123456", tags=["north", "<b>"],
            notes="two\nlines", owner_id=actor.member_id,
        )  # fmt: skip
        product = Product(name="Pump", active=False)
        session.add_all([account, product])
        session.flush()
        contact = Contact(name="Piero", email="piero@pompe.example", account_id=account.id, owner_id=actor.member_id)
        session.add(contact)
        session.flush()
        ids = account.id, product.id, contact.id
    page = browser.get(f"/sales/accounts/show/{ids[0]}").text
    assert (
        '<a class="link" href="https://pompe.example/" rel="noopener noreferrer" target="_blank">pompe.example</a>'
        in page
    )
    assert 'href="tel:+39045123456"' in page
    assert "&lt;b&gt;" in page
    assert "two\nlines" in page
    person = browser.get(f"/sales/contacts/show/{ids[2]}").text
    assert 'href="mailto:piero@pompe.example"' in person
    assert f'href="/sales/accounts/show/{ids[0]}"' in person
    assert "No" in words(browser.get(f"/sales/products/show/{ids[1]}").text)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("today", "2026-05-13", "2026-05-13"),
        ("this_week", "2026-05-11", "2026-05-17"),
        ("this_month", "2026-05-01", "2026-05-31"),
        ("last_month", "2026-04-01", "2026-04-30"),
        ("this_quarter", "2026-04-01", "2026-06-30"),
        ("last_quarter", "2026-01-01", "2026-03-31"),
        ("this_year", "2026-01-01", "2026-12-31"),
        ("last_year", "2025-01-01", "2025-12-31"),
        ("last_7", "2026-05-07", "2026-05-13"),
        ("next_30", "2026-05-13", "2026-06-11"),
        ("past", None, "2026-05-12"),
        ("future", "2026-05-14", None),
    ],
)
def test_periods(name: str, start: str | None, end: str | None) -> None:
    found = filters.period_bounds(name, dt.date(2026, 5, 13))
    assert [one.isoformat() if one else None for one in found] == [start, end]
