"""The stages of the company's board."""

from __future__ import annotations

import pytest

from app.kernel.actor import Actor
from app.sales.models.pipelines import PipelineStage
from tests.sales import helpers


@pytest.fixture
def stages(actor: Actor) -> list[PipelineStage]:
    return helpers.stages(actor)
