"""The company's data and colours, and the audit log that shows who changed them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from PIL import Image

from app.kernel import clock, tenant
from app.tenancy import queries
from app.tenancy.service import organizations
from tests.sales.helpers import words

GOOD = {
    "name": "Officine Verdi S.p.A.", "legal_name": "Officine Verdi", "vat_number": "IT 0074 3110 157",
    "locale": "en", "timezone": "Europe/Paris", "base_currency": "CHF",
}  # fmt: skip


def test_the_companys_data_are_saved(company: Any, browser: Any) -> None:
    assert browser.post("/settings/company", data=GOOD).status_code == 302
    with tenant.tenant_scope(company.admin.actor):
        found = queries.current_organization()
        assert (found.name, found.vat_number, found.timezone) == (
            "Officine Verdi S.p.A.",
            "00743110157",
            "Europe/Paris",
        )
    assert "Officine Verdi S.p.A." in browser.get("/").text


def test_what_is_not_given_stays_and_what_is_emptied_goes(company: Any, browser: Any) -> None:
    def stored() -> tuple[Any, ...]:
        with tenant.tenant_scope(company.admin.actor):
            found = queries.current_organization()
            return found.name, found.legal_name, found.vat_number, found.locale

    data = {**GOOD, "legal_name": "Officine Verdi Società per azioni"}
    assert browser.post("/settings/company", data=data).status_code == 302
    before = stored()
    assert before[1:3] == (data["legal_name"], "00743110157")
    assert browser.post("/settings/company", data={"name": "Verdi"}).status_code == 302
    assert stored() == ("Verdi", *before[1:])
    assert browser.post("/settings/company", data={"legal_name": " ", "vat_number": ""}).status_code == 302
    assert stored() == ("Verdi", None, None, before[3])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x"),
        ("vat_number", "12345678901"),
        ("locale", "de"),
        ("timezone", "Mars/Base"),
        ("base_currency", "XXX"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field_and_the_form_kept(
    company: Any, browser: Any, field: str, value: str
) -> None:
    answer = browser.post("/settings/company", data={**GOOD, field: value})
    assert answer.status_code == 422
    assert f'id="f-{field}-error"' in answer.text or f'id="e-{field}"' in answer.text or "sk-field bad" in answer.text
    assert 'value="Officine Verdi"' in answer.text
    with tenant.tenant_scope(company.admin.actor):
        assert queries.current_organization().name != GOOD["name"]


def test_colours_make_a_stylesheet_and_bad_ones_do_not(company: Any, browser: Any) -> None:
    assert browser.post("/settings/branding", data={"primary": "red", "secondary": "", "accent": ""}).status_code == 422
    colours = {"primary": "#123456", "secondary": "#ABCDEF", "accent": "#fedcba"}
    assert browser.post("/settings/branding", data=colours).status_code == 302
    with tenant.tenant_scope(company.admin.actor):
        assert organizations.get_branding().secondary == "#abcdef"
    address = f"/branding/{company.slug}/123456-abcdef-fedcba.css"
    assert address in browser.get("/").text
    assert browser.get(address).mimetype == "text/css"
    for wrong in ("123456-abcdef", "12345-abcdef-fedcba", "zzzzzz-abcdef-fedcba"):
        assert browser.get(f"/branding/{company.slug}/{wrong}.css").status_code == 404


def test_the_preview_of_colours_is_what_saving_them_makes(company: Any, browser: Any) -> None:
    colours = {"primary": "#123456", "secondary": "#787878", "accent": "#FEDCBA"}
    found = browser.get("/settings/branding/preview", accept="application/json", query_string=colours).json
    assert browser.post("/settings/branding", data=colours).status_code == 302
    page = browser.get("/settings/branding").text
    style = "".join(f"--bp-{key}:{one};" for key, one in found["colours"].items())
    assert page.count(style) == 2
    for name, ratio in found["contrasts"].items():
        assert f'data-contrast="{name}">{ratio}<' in page
    bad = browser.get("/settings/branding/preview", accept="application/json", query_string={**colours, "accent": "x"})
    assert (bad.status_code, bad.json["errors"].keys()) == (422, {"accent"})


def test_the_log_is_filtered_by_who_what_which_and_when(company: Any, browser: Any, sign_in: Any) -> None:
    sign_in(company.sales).post("/sales/accounts/add", data={"name": "100%_sure S.p.A."})
    browser.post("/settings/company", data=GOOD)
    today = clock.today(company.admin.actor.timezone).isoformat()

    def shown(**wanted: str) -> bool:
        page = browser.get("/settings/audit", query_string=wanted)
        assert page.status_code == 200, words(page.text)
        rows = page.text.partition("<tbody>")[2]
        return "100%_sure S.p.A." in rows

    assert shown()
    assert shown(who=str(company.sales.member_id))
    assert not shown(who=str(company.admin.member_id))
    assert shown(entity="account")
    assert not shown(entity="organization")
    assert shown(action="created", entity="account")
    assert not shown(action="deleted")
    assert shown(record="100%_s")
    assert not shown(record="100%xs"), "signs of LIKE are letters here"
    assert shown(since=today, until=today)
    assert not shown(until="2020-01-01")
    assert not shown(since="2999-01-01")
    assert not shown(before="1")


@pytest.mark.parametrize("wrong", [{"who": "nobody"}, {"since": "yesterday"}, {"before": "x"}, {"before": "9" * 18}])
def test_a_filter_that_means_nothing_is_refused(browser: Any, wrong: dict[str, str]) -> None:
    assert browser.get("/settings/audit", query_string=wrong).status_code == 400


def test_the_export_holds_what_the_filter_shows_and_is_itself_logged(company: Any, browser: Any) -> None:
    browser.post("/sales/accounts/add", data={"name": "=cmd|x"})
    answer = browser.get("/settings/audit/export?entity=account")
    lines = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))
    assert {one["entity"] for one in lines} == {"account"}
    (record,) = [one["record"] for one in lines if "cmd" in one["record"]]
    assert not record.startswith("=")
    assert "Audit log" in words(browser.get("/settings/audit?entity=audit_log").text)


def test_the_logo_is_taken_shown_and_removed(company: Any, browser: Any) -> None:
    colours = {"primary": "#390035", "secondary": "#901d6b", "accent": "#901d6b"}

    def logo() -> str | None:
        with tenant.tenant_scope(company.admin.actor):
            return organizations.get_branding().logo_key

    picture = io.BytesIO()
    Image.new("RGB", (600, 200), "navy").save(picture, "PNG")
    for name, content, status in (("logo.png", picture.getvalue(), 302), ("logo.png", b"no picture", 422)):
        answer = browser.post("/settings/branding", data={**colours, "logo": (io.BytesIO(content), name)})
        assert answer.status_code == status
    kept = logo()
    assert kept is not None
    assert kept.startswith(f"{company.id}/brand/")
    assert browser.post("/settings/branding", data={**colours, "remove_logo": "1"}).status_code == 302
    assert logo() is None


@pytest.mark.parametrize("days", ["many", "12345"])
def test_a_key_lives_as_long_as_the_form_offers(browser: Any, days: str) -> None:
    answer = browser.post("/settings/api-keys", data={"name": "Key", "days": days, "access": "read"})
    assert answer.status_code == 422
    assert "Key" in answer.text
