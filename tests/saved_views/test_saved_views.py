"""Saved views: personal and shared, the default, what they may hold, and whose they are."""

from __future__ import annotations

import html
import re
from uuid import UUID, uuid4

import pytest

from app.kernel.uow import uow
from app.sales.models.accounts import Account
from app.saved_views.models import SavedView
from app.tenancy.models import Membership, Team
from tests.sales import helpers


@pytest.fixture
def browser(company, sign_in):
    actor = company.admin.actor
    with uow(actor):
        for name, city in (("Alfa", "Verona"), ("Beta", "Padova"), ("Gamma", "Verona")):
            helpers.db.session.add(Account(name=name, city=city, owner_id=actor.member_id))
    return sign_in(company.admin)


def save(browser, state="f=city:eq:verona&sort=-name", kind="account", **form):
    return browser.post(f"/views/{kind}/save", data={"state": state, "options": "1", **form})


def view_of(answer):
    assert answer.status_code == 302, helpers.words(answer.text)
    return answer.location.rsplit("view=", 1)[1]


def names(browser, query=""):
    page = browser.get(f"/sales/accounts/{query}")
    assert page.status_code == 200
    return [one for one in ("Alfa", "Beta", "Gamma") if f">{one}</span>" in page.text]


def test_a_view_keeps_the_lists_state(browser, company):
    view = view_of(save(browser, name="In  Verona"))
    assert names(browser, f"?view={view}") == ["Alfa", "Gamma"]
    page = browser.get(f"/sales/accounts/?view={view}")
    assert page.text.index(">Gamma</span>") < page.text.index(">Alfa</span>")
    assert "In Verona" in page.text
    assert names(browser, "?view=all") == ["Alfa", "Beta", "Gamma"]
    assert names(browser, f"?view={view}&f=city:eq:padova") == ["Beta"]
    exported = browser.get(f"/sales/accounts/export/csv?view={view}")
    assert exported.data.decode("utf-8-sig").count("\r\n") == 3


def headers(page):
    found = re.search(r"<thead.*?</thead>", page.text, re.S)
    return [helpers.words(one) for one in re.findall(r"<th\b.*?</th>", found.group(0), re.S)]


def test_the_default_columns_come_back_inside_a_view_that_names_its_own(browser):
    default = headers(browser.get("/sales/accounts/?view=all"))
    view = view_of(save(browser, state="cols=city,phone&q=a", name="Places"))
    page = browser.get(f"/sales/accounts/?view={view}")
    assert headers(page) != default and len(headers(page)) < len(default)
    restore = re.search(
        r'<a class="sk-mi" href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?\s*Restore the default', page.text, re.S
    )
    page = browser.get(html.unescape(restore.group(1)))
    assert headers(page) == default
    assert 'value="a"' in page.text and "view changed" in page.text
    # They stay, through the links of the page and into the view when it is saved again.
    following = [html.unescape(one) for one in re.findall(r'<th\b[^>]*>\s*<a[^>]*href="([^"]+)"', page.text)]
    assert following
    assert headers(browser.get(following[0])) == default
    state = html.unescape(re.search(r'name="state" value="([^"]*)"', page.text).group(1))
    assert view_of(save(browser, state=state, view=view)) == view
    page = browser.get(f"/sales/accounts/?view={view}")
    assert headers(page) == default and "view changed" not in page.text
    assert names(browser, f"?view={view}&cols=") == names(browser, f"?view={view}")


def test_personal_views_are_their_owners_and_shared_ones_everybodys(browser, company, sign_in, rival):
    personal, shared = view_of(save(browser, name="Mine")), view_of(save(browser, name="Ours", visibility="shared"))
    seller, charlie = sign_in(company.sales), sign_in(rival.admin)
    assert names(seller, f"?view={shared}") == ["Alfa", "Gamma"]
    assert seller.get(f"/sales/accounts/?view={personal}").status_code == 404
    for one in (personal, shared):
        assert charlie.get(f"/sales/accounts/?view={one}").status_code == 404
        assert charlie.post(f"/views/account/{one}/delete").status_code == 404
        assert save(charlie, name="Taken", view=one).status_code == 404
    assert save(seller, name="Renamed", view=shared).status_code == 403
    assert seller.post(f"/views/account/{shared}/delete").status_code == 403
    assert save(seller, name="Renamed", view=personal).status_code == 404
    assert helpers.scalar(company.admin.actor, "SELECT count(*) FROM saved_view") == 2


def test_a_view_of_the_team_is_for_those_who_have_its_author_in_theirs(browser, company, sign_in):
    view = view_of(save(browser, name="Ours", visibility="team"))
    seller = sign_in(company.sales)
    assert seller.get(f"/sales/accounts/?view={view}").status_code == 404
    with uow(company.admin.actor) as session:
        team = Team(name="North")
        session.add(team)
        session.flush()
        for person in (company.admin, company.sales):
            session.get(Membership, person.member_id).team_id = team.id
    seller = sign_in(company.sales)
    assert names(seller, f"?view={view}") == ["Alfa", "Gamma"]
    assert "Ours" in seller.get("/sales/accounts/").text
    assert save(seller, name="Taken", view=view).status_code == 403
    assert sign_in(company.marketing).get(f"/sales/accounts/?view={view}").status_code in {403, 404}
    assert sign_in(company.viewer).get(f"/sales/accounts/?view={view}").status_code == 404
    assert save(browser, name="Odd", visibility="everybody").status_code == 422


def test_the_default_opens_the_bare_address(browser, company, sign_in):
    first = view_of(save(browser, name="First", is_default="1"))
    assert names(browser) == ["Alfa", "Gamma"]
    assert names(browser, "?q=beta") == ["Beta"]
    second = view_of(save(browser, state="f=city:eq:padova", name="Second", is_default="1", visibility="shared"))
    assert names(browser) == ["Beta"]
    defaults = helpers.rows(company.admin.actor, "SELECT id FROM saved_view WHERE is_default")
    assert [str(one.id) for one in defaults] == [second]
    assert names(sign_in(company.sales)) == ["Alfa", "Beta", "Gamma"]
    assert browser.post(f"/views/account/{second}/delete").status_code == 302
    assert names(browser) == ["Alfa", "Beta", "Gamma"]
    assert first != second


def test_a_changed_view_is_saved_into_itself(browser, company):
    view = view_of(save(browser, name="Mine"))
    assert view_of(save(browser, state="f=city:eq:padova", name="Mine", view=view)) == view
    assert names(browser, f"?view={view}") == ["Beta"]


def state_of(browser, address):
    """What the page's own form would save as the view's state."""
    page = browser.get(f"/sales/accounts/?{address}").text
    return html.unescape(re.findall(r'name="state" value="([^"]*)"', page)[-1])


@pytest.mark.parametrize(
    ("kept", "taken_away", "left"),
    [
        ("q=alfa", "q=", ["Alfa", "Beta", "Gamma"]),
        ("f=city:eq:verona", "f=", ["Alfa", "Beta", "Gamma"]),
        ("q=alfa&f=city:eq:verona", "q=", ["Alfa", "Gamma"]),
        ("q=beta&f=city:eq:verona&sort=-name", "f=", ["Beta"]),
    ],
)
def test_what_was_taken_away_from_a_view_stays_away_when_it_is_saved(kept, taken_away, left, browser, company):
    view = view_of(save(browser, state=kept, name="Mine"))
    address = f"view={view}&{taken_away}"
    assert names(browser, f"?{address}") == left
    assert view_of(save(browser, state=state_of(browser, address), name="Mine", view=view)) == view
    assert names(browser, f"?view={view}") == left
    assert "view changed" not in browser.get(f"/sales/accounts/?view={view}").text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"name": ""}, 422), ({"name": "x" * 61}, 422), ({"name": "X", "state": "f=nope:eq:1"}, 400),
        ({"name": "X", "state": "f=city:evil:1"}, 400), ({"name": "X", "state": "sort=evil"}, 400),
        ({"name": "X", "view": "x"}, 404), ({"name": "X", "view": str(uuid4())}, 404), ({"name": "X", "kind": "evil"}, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_saved(form, status, browser, company):
    assert save(browser, **form).status_code == status
    assert helpers.scalar(company.admin.actor, "SELECT count(*) FROM saved_view") == 0
    assert browser.get("/sales/accounts/").status_code == 200


def test_a_view_of_one_entity_is_not_anothers(browser, company):
    view = view_of(save(browser, name="Mine"))
    assert save(browser, state="", kind="product", name="Mine", view=view).status_code == 404
    assert browser.get(f"/sales/products/?view={view}").status_code == 404
    assert helpers.fetch(company.admin.actor, SavedView, UUID(view)).kind == "account"


def test_a_name_is_used_once(browser):
    assert save(browser, name="Mine").status_code == 302
    assert save(browser, name="MINE").status_code == 422


def test_all_rows_of_a_view_are_those_it_shows(browser, company):
    """“Select all” under a view touches what the view lists, and nothing beyond."""
    view = view_of(save(browser, name="Mine"))
    answer = browser.post(f"/sales/accounts/bulk?view={view}", data={"action": "delete", "all": "1"})
    assert answer.status_code == 302
    assert [one.name for one in helpers.rows(company.admin.actor, "SELECT name FROM account")] == ["Beta"]


def test_a_view_may_hold_a_tree_of_conditions(browser, company):
    """Such a view comes from a program; its list, its export and its name can be used like any other's."""
    from app.kernel.crud.fields import cruds
    from app.kernel.errors import BadRequest
    from app.saved_views import service

    actor = company.admin.actor
    city, name = (
        {"field": one, "operator": "eq", "value": text} for one, text in (("city", "padova"), ("name", "alfa"))
    )
    definition = {"tree": {"op": "or", "items": [city, name]}}
    with uow(actor):
        view = service.save_view(cruds["account"], definition, actor=actor, name="Either").id
    assert names(browser, f"?view={view}") == ["Alfa", "Beta"]
    with uow(actor):
        service.save_view(
            cruds["account"], {**definition, "sort": "-name"}, actor=actor, view_id=view, visibility="shared"
        )
    page = browser.get(f"/sales/accounts/?view={view}").text
    assert "Either" in page
    assert page.index(">Beta</span>") < page.index(">Alfa</span>")
    for broken in ("text", {"op": "not", "items": []}, {"items": "x"}, {"items": [{"items": [{"items": [{"items": [
        {"items": [{"items": [city]}]}]}]}]}]}):  # fmt: skip
        with pytest.raises(BadRequest), uow(actor):
            service.save_view(cruds["account"], {"tree": broken}, actor=actor, name="Broken")


def test_nobody_has_more_views_than_a_menu_can_show(browser, company, monkeypatch):
    from app.saved_views import service

    monkeypatch.setattr(service, "MAX_VIEWS", 2)
    assert [save(browser, name=f"View {number}").status_code for number in range(3)] == [302, 302, 409]
    assert helpers.scalar(company.admin.actor, "SELECT count(*) FROM saved_view") == 2
