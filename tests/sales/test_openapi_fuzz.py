"""Schemathesis reads the OpenAPI document and sends what it allows, and what it does not: no 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sales.cruds.registry import CRUDS
from tests import cast
from tests.support import SignedIn

OPERATIONS = [
    (path, method)
    for crud in CRUDS.values()
    for path, methods in (
        (f"/api/v1/{crud.api}/", ("get", "post")),
        (f"/api/v1/{crud.api}/{{pk}}", ("get", "put", "patch", "delete")),
    )
    for method in methods
]
OPERATIONS += [
    ("/api/v1/calendar/", "get"),
    ("/api/v1/calendar/undated", "get"),
    ("/api/v1/calendar/{provider}/{pk}/move", "post"),
]


@pytest.fixture(scope="module")
def caller(app):
    """A signed-in browser, the document, and one record of each resource to aim at."""
    with app.app_context():
        company = cast.make_company("Fuzz", ("Ada Admin", "Max Market", "Sam Seller", "Vito Viewer"))
        browser = SignedIn(app, company.admin)
        document = browser.api("GET", "/api/v1/_openapi").json
        schema = schemathesis.openapi.from_dict(document)
        known = {}
        for crud in CRUDS.values():
            label = crud.field(crud.label_field).key
            body = {label: "Aim", **({"type": "call"} if crud.api == "activities" else {})}
            body |= {"price": "1"} if crud.api == "products" else {}
            known[crud.api] = browser.api("POST", f"/api/v1/{crud.api}/", json=body).json["id"]
        known["calendar"] = browser.api("POST", "/api/v1/tasks/", json={"title": "Aim"}).json["id"]
        return browser, schema, known


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda one: one)
def test_nothing_breaks(path, method, caller):
    browser, schema, known = caller
    operation = schema[path][method.upper()]
    resource = path.split("/")[3]

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy(), aim=st.booleans())
    def check(case, aim):
        given = case.as_transport_kwargs(base_url="http://127.0.0.1")
        pk = str((case.path_parameters or {}).get("pk", ""))
        target = path.replace("{pk}", known[resource] if aim and method != "delete" else pk or "x")
        target = target.replace("{provider}", "task")
        kwargs = {"query_string": given.get("params") or {}}
        if "json" in given:
            kwargs["json"] = given["json"]
        elif "data" in given:
            kwargs["data"] = given["data"]
        headers = {
            key: str(one) for key, one in (given.get("headers") or {}).items() if key.lower() == "idempotency-key"
        }
        answer = browser.api(method.upper(), target, headers=headers, **kwargs)
        assert answer.status_code < 500, (target, kwargs, answer.text[:300])
        documented = operation.definition.raw["responses"]
        assert str(answer.status_code) in {*documented, "404", "405", "308"}, (answer.status_code, target, kwargs)
        if answer.status_code >= 400:
            assert "message" in answer.json
        elif answer.status_code < 300 and method != "delete":
            assert {"id", "result"} <= set(answer.json) or {"count", "ids", "result"} <= set(answer.json)

    check()
