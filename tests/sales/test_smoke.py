from __future__ import annotations

import pytest

PAGES = [
    "/",
    "/sales/",
    "/sales/pipeline",
    "/sales/accounts/",
    "/sales/contacts/",
    "/sales/leads/",
    "/sales/products/",
    "/sales/opportunities/",
    "/sales/activity-log/",
    "/sales/import/",
    "/notifications/",
    "/settings/profile",
    "/settings/security",
    "/settings/company",
    "/settings/branding",
    "/settings/pipelines",
    "/settings/audit",
    "/users/list/",
    "/users/teams/",
    "/roles/list/",
    "/search?q=ac",
    "/sales/accounts/add",
    "/sales/opportunities/add",
]


@pytest.mark.parametrize("page", PAGES)
def test_admin_sees_every_page(page, acme, sign_in):
    answer = sign_in(acme.admin).get(page)
    assert answer.status_code == 200, answer.text[-2000:]
