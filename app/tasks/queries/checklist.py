"""Reads of check-lists: whose lines are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import db
from app.tenancy.models import Membership

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.tasks.models.work import ChecklistItem


def names_of(items: Iterable[ChecklistItem]) -> dict[UUID, str]:
    """The names of those who have lines to do, those who have left among them."""
    members = {one.assignee_id for one in items} - {None}
    if not members:
        return {}
    found = db.session.execute(select(Membership.id, Membership.display_name).where(Membership.id.in_(members)))
    return {one.id: one.display_name for one in found}
