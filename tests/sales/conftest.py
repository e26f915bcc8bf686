"""The company's admin, as actor and in a browser, and the stages of its board."""

from __future__ import annotations

from typing import Any

import pytest

from app.kernel.actor import Actor
from app.sales.models import PipelineStage
from tests.cast import Company
from tests.sales import helpers
from tests.support import SignedIn


@pytest.fixture
def browser(company: Company, sign_in: Any) -> SignedIn:
    return sign_in(company.admin)


@pytest.fixture
def actor(company: Company) -> Actor:
    return company.admin.actor


@pytest.fixture
def stages(actor: Actor) -> list[PipelineStage]:
    return helpers.stages(actor)
