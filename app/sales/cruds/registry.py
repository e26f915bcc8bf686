"""Registers the sales entities, and what else their fields refer to."""

from __future__ import annotations

from app.kernel.crud.fields import Target, register, targets
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.activities import ACTIVITIES
from app.sales.cruds.contacts import CONTACTS
from app.sales.cruds.leads import LEADS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.cruds.products import PRODUCTS
from app.sales.models.pipelines import LostReason, Pipeline, PipelineStage

targets["pipeline"] = Target(Pipeline, "name", lambda: Pipeline.position)
targets["pipeline_stage"] = Target(PipelineStage, "name", lambda: PipelineStage.position)
targets["lost_reason"] = Target(LostReason, "name", lambda: LostReason.position, lambda: LostReason.active)
# In the order in which search shows them.
CRUDS = {one.kind: register(one) for one in (ACCOUNTS, CONTACTS, LEADS, PRODUCTS, OPPORTUNITIES, ACTIVITIES)}
