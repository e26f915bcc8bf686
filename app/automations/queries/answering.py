"""Who answers for a rule: whoever saved it last, and for a rule that an API key saved, who gave the key its secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from app.automations.acting import needs
from app.automations.models import AutomationRule
from app.kernel.actor import Scope
from app.kernel.db import every_record
from app.kernel.errors import NotFound
from app.tenancy.models import ApiKeyState, OrgApiKey
from app.tenancy.queries import get_api_key
from app.tenancy.security.identity.jobs import load_member_actor

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def reaches(rule: AutomationRule, *, actor: Actor) -> bool:
    """Whether an actor could do to all records what the rule does."""
    wanted = needs(rule.subject, rule.actions, rule.conditions)
    return all(actor.scope(verb, resource) is Scope.ALL for verb, resource in wanted)


def unanswered(rules: Iterable[AutomationRule]) -> set[UUID]:
    """The rules for which nobody answers: who saved them last, or holds the API key that did, is gone or reaches less
    than the rule does, or the key is in force no more.
    """
    authors: dict[UUID, Actor | None] = {}
    holders: dict[UUID, UUID | None] = {}
    found = set()
    for rule in rules:
        if rule.api_key_id is not None and rule.api_key_id not in holders:
            holders[rule.api_key_id] = _holder(rule.api_key_id)
        answerer = rule.author_id if rule.api_key_id is None else holders[rule.api_key_id]
        if answerer is not None and answerer not in authors:
            try:
                authors[answerer] = load_member_actor(rule.organization_id, answerer)
            except NotFound:
                authors[answerer] = None
        author = authors.get(answerer) if answerer else None
        if author is None or not reaches(rule, actor=author):
            found.add(rule.id)
    return found


def answerer_of(rule: AutomationRule) -> UUID | None:
    """Who answers for a rule; None once nobody can."""
    return rule.author_id if rule.api_key_id is None else _holder(rule.api_key_id)


def author_id() -> Any:
    """Whose a rule is, in SQL: whoever holds the key that saved it, or saved it last.

    Read past the guard, from the key of the rule's own organization: not everybody may look at keys.
    """
    key: Any = OrgApiKey.__table__
    holder = (
        select(func.coalesce(key.c.updated_by_id, key.c.created_by_id))
        .where(
            key.c.id == AutomationRule.api_key_id,
            key.c.organization_id == AutomationRule.organization_id,
            key.c.revoked_at.is_(None),
        )
        .correlate(AutomationRule)
        .scalar_subquery()
    )
    return func.coalesce(holder, AutomationRule.author_id)


def _holder(key_id: UUID) -> UUID | None:
    """Who gave an API key its secret; nobody once it is in force no more."""
    with every_record():  # not everybody may look at keys
        key = get_api_key(key_id)
        return key.holder_id if key.state is ApiKeyState.ACTIVE else None


def is_answered_for(rule: AutomationRule) -> bool:
    """Whether somebody answers for a rule."""
    return not unanswered([rule])
