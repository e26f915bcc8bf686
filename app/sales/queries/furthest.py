"""How far deals have come: what the funnel counts and what its links list is one expression."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import aliased

from app.sales.models.opportunities import Opportunity, OpportunityStageHistory
from app.sales.models.pipelines import PipelineStage


def furthest_stage() -> Any:
    """Selects the highest position among the open stages of its pipeline that a deal has been in, -1 for none.

    Over the history of whichever deals the caller names: group it by ``Opportunity``, or correlate it to
    one. Stages of a pipeline that the deal has left since do not count.
    """
    left, entered = aliased(PipelineStage), aliased(PipelineStage)

    def position(stage: Any) -> Any:
        counts = and_(stage.kind == "open", stage.pipeline_id == Opportunity.pipeline_id)
        return case((counts, stage.position), else_=-1)

    return (
        select(func.max(func.greatest(position(left), position(entered))).label("position"))
        .select_from(OpportunityStageHistory)
        .outerjoin(left, left.id == OpportunityStageHistory.from_stage_id)
        .outerjoin(entered, entered.id == OpportunityStageHistory.to_stage_id)
    )
