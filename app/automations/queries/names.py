"""What the people, statuses, stages and templates are called that rules name. Four queries, for any number of rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import db
from app.sales.models.pipelines import PipelineStage
from app.tasks.models.tasks import TaskStatus
from app.tasks.models.templates import TaskTemplate
from app.tenancy.models import Membership

_TABLES: tuple[tuple[Any, Any], ...] = (
    (Membership.id, Membership.display_name),
    (TaskStatus.id, TaskStatus.name),
    (PipelineStage.id, PipelineStage.name),
    (TaskTemplate.id, TaskTemplate.name),
)


def names() -> dict[UUID, str]:
    """Id -> name."""
    found: dict[UUID, str] = {}
    for key, name in _TABLES:
        found |= {row[0]: row[1] for row in db.session.execute(select(key, name))}
    return found
