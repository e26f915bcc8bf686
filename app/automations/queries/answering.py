"""Who answers for a rule: whoever saved it last, and for a rule that an API key saved, who gave the key its secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from app.automations.acting import needs
from app.kernel.actor import Scope
from app.kernel.db import every_record
from app.kernel.errors import NotFound
from app.tenancy.models import ApiKeyState
from app.tenancy.queries import get_api_key
from app.tenancy.security.identity.jobs import load_member_actor

if TYPE_CHECKING:
    from app.automations.models import AutomationRule
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
        author_id = rule.author_id if rule.api_key_id is None else holders[rule.api_key_id]
        if author_id is not None and author_id not in authors:
            try:
                authors[author_id] = load_member_actor(rule.organization_id, author_id)
            except NotFound:
                authors[author_id] = None
        author = authors.get(author_id) if author_id else None
        if author is None or not reaches(rule, actor=author):
            found.add(rule.id)
    return found


def _holder(key_id: UUID) -> UUID | None:
    """Who gave an API key its secret; nobody once it is in force no more."""
    with every_record():  # not everybody may look at keys
        key = get_api_key(key_id)
        return key.holder_id if key.state is ApiKeyState.ACTIVE else None


def is_answered_for(rule: AutomationRule) -> bool:
    """Whether somebody answers for a rule."""
    return not unanswered([rule])
