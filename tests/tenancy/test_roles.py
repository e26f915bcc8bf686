"""Custom roles: made, copied, renamed, given permissions, taken away again, with the page that does it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.kernel import tenant
from app.kernel.db import db
from app.tenancy import queries
from app.tenancy.models import Invitation
from app.tenancy.service import roles
from tests.tenancy.helpers import add_person, role_id, roles_of


def make(browser: Any, name: str, **form: Any) -> int:
    answer = browser.post("/roles/new", data={"name": name, **form})
    assert answer.status_code == 302, answer.text
    return int(re.search(r"role=(\d+)", answer.location).group(1))


def held(company: Any, role: int) -> dict[str, Any]:
    with tenant.tenant_scope(company.admin.actor):
        return dict(queries.role_permissions(role))


def test_a_copy_holds_what_the_other_holds(company: Any, browser: Any) -> None:
    seller = role_id(company, roles.SALES_REP)
    made = make(browser, "  Senior   seller ", copy_of=str(seller), description="With discounts")
    assert held(company, made) == held(company, seller) != {}
    assert "Senior seller" in browser.get(f"/roles/list/?role={made}").text
    assert held(company, make(browser, "Empty")) == {}


@pytest.mark.parametrize("name", ["x", "y" * 65, "Org Admin", "SUPER ADMIN", "second"])
def test_a_name_that_is_short_long_reserved_or_taken_is_refused(company: Any, browser: Any, name: str) -> None:
    make(browser, "Second")
    other = make(browser, "Third")
    answer = browser.post("/roles/new", data={"name": name, "description": "kept"})
    assert answer.status_code == 422
    assert "kept" in answer.text
    assert browser.post(f"/roles/{other}/rename", data={"name": name}).status_code == 422


def test_custom_roles_are_renamed_and_system_roles_are_not(company: Any, browser: Any) -> None:
    made = make(browser, "Helper")
    assert browser.post(f"/roles/{made}/rename", data={"name": "Assistant"}).status_code == 302
    assert "Assistant" in browser.get("/roles/list/").text
    viewer = role_id(company, roles.VIEWER)
    assert browser.post(f"/roles/{viewer}/rename", data={"name": "Guest"}).status_code == 403
    assert browser.post(f"/roles/{viewer}/delete").status_code == 403


def test_permissions_come_change_and_go(company: Any, browser: Any) -> None:
    made = make(browser, "Helper")
    url = f"/roles/{made}/permissions"

    def save(**permissions: Any) -> int:
        wanted = {key.replace("_", " "): scope for key, scope in permissions.items()}
        return browser.api("POST", url, json={"permissions": wanted}).status_code

    assert save(read_deal="all", write_deal="team") == 200
    assert save(read_deal="own", write_deal=None) == 200
    assert {key: str(scope) for key, scope in held(company, made).items()} == {"read deal": "own"}
    assert save(fly_deal="all") == 422
    assert save(read_deal="galaxy") == 422
    assert browser.api("POST", url, json={"permissions": ["read deal"]}).status_code == 400


def test_a_role_that_somebody_holds_is_replaced_before_it_goes(company: Any, browser: Any) -> None:
    made, viewer = make(browser, "Helper"), role_id(company, roles.VIEWER)
    holder = add_person(company, f"holder@{company.slug}.example", "Helper")
    browser.post("/users/invite", data={"emails": f"soon@{company.slug}.example", "role": str(made)})
    assert browser.post(f"/roles/{made}/delete").status_code == 409
    assert browser.post(f"/roles/{made}/delete", data={"replacement": str(made)}).status_code == 422
    assert roles_of(holder, company) == {"Helper"}
    assert browser.post(f"/roles/{made}/delete", data={"replacement": str(viewer)}).status_code == 302
    assert roles_of(holder, company) == {roles.VIEWER}
    with tenant.tenant_scope(company.admin.actor):
        invited = db.session.scalars(db.select(Invitation.role_id)).all()
        assert invited == [viewer]
        assert "Helper" not in [one.name for one in queries.list_roles()]
