"""The workload per person: its arithmetic on plain examples, whose tasks count, the page, REST, the price of it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

from app.kernel import clock
from app.kernel.business_hours import OFFICE, BusinessHours
from app.kernel.crud.query import ListParams
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.kernel.workdays import Closing, workdays
from app.tasks.models.names import StatusGroup
from app.tasks.queries.load import read_load
from app.tasks.service.load import set_capacity
from app.tasks.service.time import log_time
from app.tasks.workload import Work, minutes_within, work_week
from app.tenancy.queries import current_organization
from app.tenancy.service.members import remove_member
from tests.kernel.test_business_hours import at
from tests.support import SignedIn
from tests.tasks.test_closings import close
from tests.tasks.test_tasks import change, make, status

MONDAY = dt.date(2026, 11, 30)
API = "/api/v1/tasks/workload?from=2026-11-30&weeks=2"


def day(number: int) -> dt.date:
    """The n-th day after a Monday."""
    return MONDAY + dt.timedelta(days=number)


@pytest.fixture(autouse=True)
def _monday():
    with clock.frozen(at("2026-11-30 09:00")):
        yield


@pytest.fixture
def admin(app, company):
    return SignedIn(app, company.admin)


def load(actor: Any, weeks: int = 2, team: Any = None) -> dict[str, list[tuple[float, float | None]]]:
    """Hours planned and hours that there are, by person and week."""
    with tenant_scope(actor):
        found = read_load(ListParams(), actor, MONDAY, weeks, team)
    return {
        one.person.display_name if one.person else "": [
            (cell.planned / 60, None if cell.capacity is None else cell.capacity / 60) for cell in one.cells
        ]
        for one in found.lines
    }


# ── the arithmetic ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "due", "first", "second"),
    [
        (0, 4, 600, 0),  # Monday to Friday
        (3, 9, 300, 300),  # Thursday, Friday | Monday, Wednesday: Tuesday is the Immaculate Conception
        (-10, 4, 600, 0),  # started long ago: what is left is spread from today on
        (None, 9, 0, 600),  # without a start all of it on the day that it is due
        (None, -3, 600, 0),  # late: all of it today
        (-9, -3, 600, 0),
        (5, 6, 600, 0),  # a weekend: on its last day
        (8, 8, 0, 600),  # a holiday
        (0, 13, 333, 267),  # five working days of nine, and four
    ],
)
def test_what_is_left_is_spread_over_the_working_days_until_it_is_due(start, due, first, second):
    work = Work(None, None if start is None else day(start), day(due), 600)
    found = [round(minutes_within(work, day(week), day(week + 6), workdays(), MONDAY)) for week in (0, 7)]
    assert found == [first, second]


def test_a_week_holds_the_business_hours_of_its_working_days():
    office = work_week(BusinessHours(OFFICE))
    assert (office.minutes, office.capacity(MONDAY, 2400), office.capacity(day(7), 2400)) == (2400, 2400, 1920)
    assert office.capacity(day(7), 1200) == 960  # half-time: four fifths of twenty hours
    closed = work_week(BusinessHours(OFFICE, closed=(Closing(day(2), day(9), "Trasloco"),)))
    assert [closed.capacity(day(week), 2400) for week in (0, 7, 14)] == [960, 960, 2400]
    # Five hours on Saturdays and none on Mondays.
    shop = work_week(BusinessHours(((), *OFFICE[1:5], ((540, 840),), ())))
    assert (shop.minutes, shop.capacity(MONDAY, shop.minutes), shop.capacity(day(7), shop.minutes)) == (
        2220,
        2220,
        1740,
    )
    assert minutes_within(Work(None, day(0), day(5), 500), day(5), day(5), shop.days, MONDAY) == 100
    days = workdays("IT", (), (0, 2, 5))
    assert [days.is_working(day(number)) for number in range(7)] == [True, False, True, False, False, True, False]
    assert (days.add(day(0), 4), days.count(day(1), day(12)), days.day(days.index(day(6)))) == (day(9), 5, day(7))


# ── whose tasks count ────────────────────────────────────────────────────────────────────────────


def test_open_tasks_count_by_owner_less_what_was_logged(company):
    seller, admin = company.sales.actor, company.admin.actor
    make(seller, "Offer", owner_id=seller.member_id, start_on=day(0), due_on=day(4), estimate=600)
    logged = make(seller, "Demo", owner_id=seller.member_id, due_on=day(1), estimate=300)
    done = make(seller, "Done", owner_id=seller.member_id, due_on=day(1), estimate=600)
    make(seller, "Nobody's", owner_id=None, due_on=day(2), estimate=90)
    make(admin, "Undated", owner_id=admin.member_id, estimate=90)
    make(admin, "No estimate", owner_id=admin.member_id, due_on=day(2))
    with uow(seller):
        log_time(logged.id, actor=seller, minutes=120, day=MONDAY)
    change(seller, done.id, status_id=status(seller, StatusGroup.DONE))
    found = load(admin)
    assert found[seller.label] == [(13, 40), (0, 32)]
    assert found[""] == [(1.5, None), (0, None)]
    assert found[admin.label] == [(0, 40), (0, 32)]
    with uow(seller):
        log_time(logged.id, actor=seller, minutes=400, day=MONDAY)
    close(admin, "Trasloco", day(1))
    assert load(admin)[seller.label] == [(10, 32), (0, 32)]


def test_nobody_counts_what_they_may_not_see(company, rival, acme):
    seller, marketer, admin = company.sales.actor, company.marketing.actor, company.admin.actor
    make(seller, owner_id=seller.member_id, due_on=day(1), estimate=60)
    make(marketer, owner_id=marketer.member_id, due_on=day(1), estimate=120)
    make(marketer, owner_id=marketer.member_id, estimate=120)
    seen = load(seller)
    assert seen[seller.label][0] == (1, 40)
    assert load(admin)[marketer.label][0] == (2, 40)
    # A seller sees no tasks of marketing: they are not in anybody's hours.
    assert seen.get(marketer.label, [(0, 40)])[0] == (0, 40)
    theirs = load(rival.admin.actor)
    assert seller.label not in theirs and all(hours[0][0] == 0 for hours in theirs.values())


def test_hours_of_ones_own(company, admin, rival):
    actor, seller = company.admin.actor, company.sales.actor
    with uow(actor):
        set_capacity(seller.member_id, 1800, actor=actor)
    assert load(actor)[seller.label] == [(0, 30), (0, 24)]
    for wrong in (-15, 4815, 1801):
        with pytest.raises(Invalid), uow(actor):
            set_capacity(seller.member_id, wrong, actor=actor)
    with pytest.raises(Forbidden), uow(seller):
        set_capacity(seller.member_id, 60, actor=seller)
    with pytest.raises(NotFound), uow(actor):
        set_capacity(rival.admin.member_id, 60, actor=actor)
    url = f"/tasks/workload/capacity/{seller.member_id}"
    assert 'value="30"' in admin.get(url).text
    for typed, shown in (("37.3", "37.3"), ("ore", "ore"), ("81", "81"), ("1e999999", "1e999999"), ("NaN", "NaN")):
        answer = admin.post(url, data={"hours": typed})
        assert (answer.status_code, f'value="{shown}"' in answer.text, "f-hours-error" in answer.text) == (
            422,
            True,
            True,
        )
    assert admin.post(url, data={"hours": "37,25"}).status_code == 302
    assert load(actor)[seller.label][0] == (0, 37.25)
    mine = {"first_name": "Ada", "last_name": "Admin", "timezone": "Europe/Rome", "theme": "dark"}
    for locale, shown in (("it", "37,25"), ("en", "37.25")):
        assert admin.post("/settings/profile", data={**mine, "locale": locale}).status_code == 302
        assert f'value="{shown}"' in admin.get(url).text
    assert admin.post(url, data={"hours": ""}).status_code == 302
    assert load(actor)[seller.label][0] == (0, 40)


# ── the page ─────────────────────────────────────────────────────────────────────────────────────


def cells(page: Any, name: str) -> list[str]:
    """The words of a person's weeks."""
    line = re.search(rf'<th scope="row">(?:(?!</tr>).)*{name}.*?</tr>', page.text, flags=re.S).group(0)
    found = re.findall(r"<td>.*?</td>", line, flags=re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def test_the_page_says_what_is_too_much_and_leads_to_the_tasks(company, admin):
    seller = company.sales.actor
    mine = {"owner_id": seller.member_id}
    make(seller, "Long", start_on=day(0), due_on=day(4), estimate=46 * 60, **mine)
    make(seller, "Late", due_on=day(-20), estimate=30, **mine)
    make(seller, "Next", start_on=day(3), due_on=day(9), estimate=120, **mine)
    make(seller, "Vague", **mine)
    make(seller, "Other", due_on=day(1), estimate=60)
    page = admin.get("/tasks/workload")
    this, following, *_rest = cells(page, seller.label)
    assert "48.5 h of 40 h" not in this  # half of “Next” is of the next week
    assert "47.5 h of 40 h" in this and "7.5 h too many" in this
    assert "1 h of 32 h" in following and "too many" not in following
    links = [one.replace("&amp;", "&") for one in re.findall(r'href="(/tasks/table\?[^"]+)"', page.text)]
    titles = [set(re.findall(r"(Long|Late|Next|Vague|Other)<", admin.get(one).text)) for one in links]
    assert {"Long", "Late", "Next"} in titles and {"Next"} in titles and {"Vague"} in titles
    assert all("Other" not in one or one == {"Other"} for one in titles)
    assert "2026" in admin.get("/tasks/workload?at=2027-01-06").text
    assert admin.get("/marketing/activities/workload").status_code == 200
    assert "47.5 h" not in admin.get("/marketing/activities/workload").text
    assert "47.5 h" in admin.get("/sales/activities/workload?at=2026-12-02").text
    assert "47.5 h" in admin.get("/tasks/workload?f=module:in:sales").text
    for wrong in ("at=x", "at=0001-01-01", "at=9999-12-31", "f=nothing:in:x", "t=("):
        assert admin.get(f"/tasks/workload?{wrong}").status_code == 400
    assert admin.get("/tasks/workload?team=x").status_code == 404
    assert admin.get(f"/tasks/workload?team={uuid4()}").status_code == 404


def test_groups_of_owners_show_the_current_week_for_one_statement(company, admin, counting):
    seller = company.sales.actor
    make(seller, owner_id=seller.member_id, start_on=day(0), due_on=day(4), estimate=41 * 60)
    spent = {}
    for url in ("/tasks/list", "/tasks/list?group=owner", "/tasks/board", "/tasks/board?group=owner"):
        admin.get(url)
        with counting() as statements:
            page = admin.get(url)
        spent[url] = len([one for one in statements if "member_capacity" in one])
        assert ("41 h of 40 h" in page.text and "1 h too many" in page.text) == url.endswith("owner")
    assert list(spent.values()) == [0, 1, 0, 1]
    assert "41 h of 40 h" in admin.get("/tasks/board?lanes=owner").text
    # Who has left works no hours any more.
    with uow(company.admin.actor):
        remove_member(seller.member_id, actor=company.admin.actor)
    for url in ("/tasks/list?group=owner", "/tasks/board?group=owner", "/tasks/board?lanes=owner"):
        page = admin.get(url).text
        assert seller.label in page and "of 40 h" not in page


# ── REST, and the price ──────────────────────────────────────────────────────────────────────────


def test_rest_has_the_numbers_of_the_page(company, admin):
    seller = company.sales.actor
    make(seller, owner_id=seller.member_id, start_on=day(0), due_on=day(4), estimate=600)
    make(seller, owner_id=seller.member_id)
    put = f"/api/v1/tasks/capacities/{seller.member_id}"
    assert admin.api("PUT", put, json={"weekly_minutes": 600}).json["result"] == {"weekly_minutes": 600}
    answer = admin.get(API).json
    line = next(one for one in answer["result"] if one["member"] and one["member"]["name"] == seller.label)
    assert (line["weekly_minutes"], line["is_own"], line["apart"]) == (600, True, 1)
    assert line["weeks"][0] == {
        "from": "2026-11-30",
        "to": "2026-12-06",
        "planned_minutes": 600,
        "capacity_minutes": 600,
    }
    assert line["weeks"][1]["capacity_minutes"] == 480
    people = [one for one in answer["result"] if one["member"]]
    assert answer["totals"][0]["planned_minutes"] == 600
    assert answer["totals"][0]["capacity_minutes"] == 2400 * (len(people) - 1) + 600
    assert all(one["weeks"][0]["planned_minutes"] == 0 for one in admin.get(f"{API}&module=marketing").json["result"])
    for wrong in ("weeks=0", "weeks=27", "weeks=x", "from=x", "module=x"):
        assert admin.get(f"/api/v1/tasks/workload?{wrong}").status_code == 400
    for body in ({}, {"weekly_minutes": "x"}, {"weekly_minutes": 7}, {"weekly_minutes": True}):
        assert admin.api("PUT", put, json=body).status_code == 422
    assert admin.api("PUT", put, json={"weekly_minutes": None}).status_code == 200


def test_hours_of_ones_own_are_read_by_whoever_may_set_them(company, admin, app, rival):
    own = f"/api/v1/tasks/capacities/{company.sales.member_id}"
    assert admin.api("GET", own).json == {"id": str(company.sales.member_id), "result": {"weekly_minutes": None}}
    admin.api("PUT", own, json={"weekly_minutes": 1200})
    assert admin.api("GET", own).json["result"] == {"weekly_minutes": 1200}
    assert SignedIn(app, company.sales).api("GET", own).status_code == 403
    assert SignedIn(app, rival.admin).api("GET", own).status_code == 404


def test_public_holidays_are_those_of_the_timeline(company):
    seller = company.sales.actor
    assert load(seller)[seller.label][1] == (0, 32)
    with uow(company.admin.actor):
        current_organization().vat_number = "DE136695976"
    # The Immaculate Conception is no public holiday in Germany.
    assert load(seller)[seller.label][1] == (0, 40)


@pytest.mark.parametrize(
    ("tree", "has_link"),
    [
        ("and(priority:in:P2;or(and(or(and(priority:in:P2)))))", True),
        ("or(priority:in:P2;and(or(and(or(priority:in:P2)))))", False),
        (f"or({';'.join(50 * ['priority:in:P2'])})", False),
    ],
)
def test_links_of_cells_stay_within_what_a_filter_may_be(company, admin, tree, has_link):
    make(company.sales.actor, owner_id=company.sales.member_id, due_on=day(1), estimate=60, priority="P2")
    make(company.sales.actor, owner_id=company.sales.member_id, priority="P2")
    page = admin.get(f"/tasks/workload?t={tree}")
    assert "1 h of 40 h" in cells(page, company.sales.actor.label)[0]
    links = [
        one.replace("&amp;", "&") for one in re.findall(r'href="(/tasks/table\?[^"]+owner:[^"]+)"', unquote(page.text))
    ]
    assert len(links) == (2 if has_link else 0)
    assert all(admin.get(one).status_code == 200 for one in links)


def test_many_tasks_cost_the_same(company, admin, counting):
    seller = company.sales.actor
    spent = []
    for size in (1, 6):
        for number in range(size):
            owner = seller.member_id if number % 2 else None
            make(seller, f"Task {number}", owner_id=owner, due_on=day(number), estimate=60)
        admin.get("/tasks/workload")
        with counting() as statements:
            admin.get("/tasks/workload")
        spent.append(len(statements))
    assert spent[0] == spent[1] <= 10
