"""The calendar's page and the views of one module: what they show, to whom, and at what price."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from app.kernel.uow import uow
from app.tasks.service.tasks import create_task
from tests.support import SignedIn

MODULES = {"sales": "/sales/activities", "marketing": "/marketing/activities"}


def make(actor, title="Task", **values):
    with uow(actor):
        return create_task(actor=actor, title=title, **values)


@pytest.fixture
def admin(app, company):
    return SignedIn(app, company.admin)


def settings(page) -> dict:
    return json.loads(re.search(r'id="calendar-settings"[^>]*>(.*?)</script>', page.text, re.S).group(1))


def test_the_page_names_what_every_provider_knows(admin):
    found = settings(admin.get("/tasks/calendar"))
    assert set(found["modules"]) == {"marketing", "sales"}
    assert {"task", "milestone", "call", "meeting", "todo", "closing"} <= set(found["types"])
    assert found["timezone"] == "Europe/Rome" and found["module"] is None


def test_a_marketer_is_offered_no_sales_types(app, company):
    found = settings(SignedIn(app, company.marketing).get("/tasks/calendar"))
    assert "call" not in found["types"] and "closing" not in found["types"]


def test_filters_that_only_tasks_have_are_shown_and_can_be_removed(admin):
    page = admin.get("/tasks/calendar?view=week&f=type:in:call&f=status_group:in:backlog").text
    link = re.search(r'<a class="x" href="([^"]+)"', page).group(1)
    assert "status_group" not in link and "type%3Ain%3Acall" in link and "view=week" in link
    assert admin.get("/tasks/calendar?f=weather:in:x").status_code == 400


def test_the_page_costs_the_same_whatever_is_in_the_calendar(company, admin, counting):
    seen = []
    for count in (2, 6):
        for number in range(count):
            make(company.admin.actor, f"Task {number}", module="sales")
        admin.get("/tasks/calendar")
        with counting() as statements:
            assert admin.get("/tasks/calendar").status_code == 200
        seen.append(len(statements))
    assert seen[0] == seen[1]


# ── views of one module ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["/", "/list", "/list?group=due", "/board", "/table", "/list?f=module:in:marketing,sales"]
)
@pytest.mark.parametrize("module", MODULES)
def test_a_modules_view_holds_its_tasks_alone(company, admin, module, path):
    for one in MODULES:
        parent = make(company.admin.actor, f"Task of {one}", module=one)
        make(company.admin.actor, f"Child of {one}", module=one, parent_id=parent.id)
    other = next(one for one in MODULES if one != module)
    page = admin.get(MODULES[module] + path)
    assert page.status_code == 200
    assert f"Task of {module}" in page.text and f"Task of {other}" not in page.text
    assert f"Child of {module}" in page.text and f"Child of {other}" not in page.text


@pytest.mark.parametrize(
    ("module", "inside", "outside"), [("sales", "sales", "marketing"), ("marketing", "marketing", "sales")]
)
def test_only_the_modules_permission_opens_its_view(app, company, module, inside, outside):
    for path in ("/", "/list", "/board", "/calendar", "/table"):
        url = MODULES[module] + path
        assert SignedIn(app, getattr(company, inside)).get(url).status_code == 200
        assert SignedIn(app, getattr(company, outside)).get(url).status_code == 403


def test_what_is_written_down_in_a_modules_view_goes_to_that_module(admin):
    page = admin.get("/marketing/activities/list").text
    values = json.loads(re.search(r'data-values="([^"]+)"', page).group(1).replace("&#34;", '"'))
    assert values["module"] == "marketing"
    assert 'href="/tasks/add?module=marketing"' in page
    assert settings(admin.get("/marketing/activities/calendar"))["module"] == "marketing"
    assert "module" not in re.search(r'data-values="([^"]+)"', admin.get("/tasks/list").text).group(1)


def test_the_module_is_shown_and_cannot_be_removed(admin):
    for path in ("/list", "/board", "/calendar", "/table"):
        page = re.sub(r"<dialog.*?</dialog>", "", admin.get("/sales/activities" + path).text, flags=re.S)
        chip = re.search(r'<span class="sk-chip"><span[ >](?:(?!</span></span>|<a).)*Sales(.*?)\n', page, re.S)
        assert chip is not None, path
        assert 'class="x"' not in chip.group(1), path


def test_the_layouts_of_a_module_lead_to_each_other(admin):
    page = admin.get("/sales/activities/board").text
    nav = re.search(r'<nav class="sk-seg".*?</nav>', page, re.S).group(0)
    assert re.findall(r'href="([^"?]+)', nav) == [
        f"/sales/activities/{one}" for one in ("list", "board", "calendar", "timeline", "workload", "table")
    ]
    assert all(admin.get(one).status_code == 200 for one in re.findall(r'href="([^"?]+)', nav))


def test_a_modules_table_exports_its_tasks_alone(company, admin):
    for one in MODULES:
        make(company.admin.actor, f"Task of {one}", module=one)
    page = admin.get("/sales/activities/table?q=task").text
    link = re.search(r'href="(/tasks/export/csv\?[^"]+)"', page).group(1).replace("&amp;", "&")
    rows = list(csv.reader(io.StringIO(admin.get(link).data.decode("utf-8-sig")), delimiter=";"))
    assert [row[0] for row in rows[1:]] == ["Task of sales"]
    sort = re.search(r'<th[^>]*><a href="([^"?]+)', page).group(1)
    assert sort == "/sales/activities/table"


def test_calls_and_meetings_stay_reachable(app, company):
    page = SignedIn(app, company.sales).get("/sales/activity-log/")
    assert page.status_code == 200
    menu = re.search(r'<nav class="sk-nav".*?</nav>', page.text, re.S).group(0)
    assert 'href="/sales/activity-log/"' in menu and 'href="/sales/activities/"' in menu
    assert "/marketing/activities/" not in menu
    marketer = SignedIn(app, company.marketing).get("/marketing/activities/").text
    assert 'href="/marketing/activities/"' in marketer and 'href="/sales/activities/"' not in marketer
