"""Who a rule acts as: an actor of its own, which can do what the rule names, in its organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.automations.actions import ACTIONS
from app.automations.subjects import SUBJECTS
from app.automations.targets import target_of
from app.collaboration.values import value_resources
from app.kernel import i18n
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.crud.tree import leaves_of
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from app.automations.models import AutomationRule
    from app.tenancy.models import Organization

# What records refer to, beside the records themselves.
_REFERRED = ("pipeline", "product")


def needs(subject: str, actions: list[dict[str, object]], conditions: dict[str, Any] | None) -> list[tuple[str, str]]:
    """The permissions (verb, resource) that a rule needs: to read what it is about and what its conditions ask of other
    records, and to write what it changes.
    """
    of = SUBJECTS[subject]
    found = [("read", one) for one in of.resources]
    asked = [of.crud.field(one["field"]) for one in (leaves_of(conditions) if conditions else ())]
    if any(field is not None and field.of_others for field in asked):
        found += [("read", one) for one in value_resources()]
    for params in actions:
        on = target_of(of, params).subject
        found += [("read", one) for one in on.resources]
        found += [("write", one) for one in ACTIONS[str(params["type"])].writes(on)]
    return list(dict.fromkeys(found))


def acting(rule: AutomationRule, organization: Organization, *, depth: int, run_id: UUID) -> Actor:
    """The actor of a run. It reads the organization's records, and writes those kinds that the rule names."""
    reads = {
        part
        for one in registry.records.values()
        for part in (registry.resources[one.resource].parts or (one.resource,))
    }
    held = {f"read {one}": Scope.ALL for one in (*reads, *_REFERRED)}
    held |= {f"{verb} {resource}": Scope.ALL for verb, resource in needs(rule.subject, rule.actions, rule.conditions)}
    with i18n.force_locale(organization.locale):
        label = f"{_('Automation')} · {rule.name}"
    return Actor(
        ActorKind.AUTOMATION,
        label,
        organization_id=organization.id,
        permissions=registry.complete(held, member=False),
        locale=organization.locale,
        timezone=organization.timezone,
        currency=organization.base_currency,
        source="job",
        depth=depth,
        cause_id=run_id,
    )
