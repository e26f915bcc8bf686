"""What a feature plugs into the product. ``app/bootstrap.py`` lists the features in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from croniter import croniter  # type: ignore[import-untyped]

from app.kernel.actor import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from flask import Blueprint, Flask
    from flask.cli import AppGroup

    from app.kernel.actor import Actor
    from app.kernel.calendar import CalendarProvider
    from app.kernel.incoming import Mailbox
    from app.kernel.outbox import Event, Handler


@dataclass(frozen=True, slots=True)
class Resource:
    """A permission resource: ``can_<verb> on <name>``.

    ``scoped`` resources know own/team/all; the others are held or not. ``assignable`` False keeps
    the resource out of organization roles, whatever a row in the database says; ``for_keys`` False
    keeps it from API keys. A resource with ``parts`` is granted by none: whoever holds a verb on one of
    the parts holds it, as widely; ``everybody`` names verbs that each member holds over their own records.
    The parts of a resource ``of_records`` are those of all kinds of records.
    """

    name: str
    label: Any
    module: str
    verbs: tuple[str, ...]
    scoped: bool = False
    assignable: bool = True
    for_keys: bool = True
    parts: tuple[str, ...] = ()
    everybody: tuple[str, ...] = ()
    of_records: bool = False


@dataclass(frozen=True, slots=True)
class MenuItem:
    """An entry of the sidebar; shown when the actor holds ``verb`` on ``resource``."""

    name: str
    label: Any
    href: str
    icon: str
    permission: tuple[str, str] | None
    category: str = ""
    category_label: Any = ""
    category_icon: str = ""
    keys: str = ""


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record that others may link to, mention or search.

    ``value`` gives, in SQL on ``model``, the amount at stake with a record, in the organization's currency.
    A record that ``is_person`` has somebody's name as its label.
    """

    kind: str
    label: Any
    icon: str
    url: Callable[[UUID], str]
    resource: str
    model: Any = None
    value: Callable[[], Any] | None = None
    is_person: bool = False


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One line of the palette and of the search page."""

    kind: str
    id: UUID
    title: str
    subtitle: str
    url: str
    icon: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A periodic job: at the times of ``cron``, in UTC, or at the start and then ``every`` so many seconds."""

    job: str
    every: int | None = None
    cron: str | None = None

    def after(self, moment: float) -> float:
        """When it is due next after a moment, both in seconds since 1970."""
        if self.cron is None:
            return moment + (self.every or 3600)
        return float(croniter(self.cron, moment).get_next(float))

    def first(self, moment: float) -> float:
        """When it is due where nothing is known of a time before."""
        return moment if self.cron is None else self.after(moment)


@dataclass(frozen=True, slots=True)
class CreateAction:
    """An entry of the top bar's “new” menu and of the palette."""

    label: Any
    href: str
    icon: str
    permission: tuple[str, str]
    key: str = ""


@dataclass(slots=True)
class Feature:
    """The plug. Every list may be empty.

    A home card is ``{"template", "order", …}``, or None where it has nothing to say to the actor.
    """

    name: str
    resources: list[Resource] = field(default_factory=list)
    views: list[type[Any]] = field(default_factory=list)
    apis: list[type[Any]] = field(default_factory=list)
    blueprints: list[Blueprint] = field(default_factory=list)
    menu: list[MenuItem] = field(default_factory=list)
    handlers: list[tuple[type[Event], str, Handler]] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    search: list[Callable[[Actor, str, int], list[SearchHit]]] = field(default_factory=list)
    records: list[RecordKind] = field(default_factory=list)
    calendar: list[CalendarProvider] = field(default_factory=list)
    create: list[CreateAction] = field(default_factory=list)
    mailboxes: list[Mailbox] = field(default_factory=list)
    home_cards: list[Callable[[Actor], dict[str, Any] | None]] = field(default_factory=list)
    on_organization_created: list[Callable[[Any], None]] = field(default_factory=list)
    cli: list[AppGroup] = field(default_factory=list)
    init: Callable[[Flask], None] | None = None


class Registry:
    """All features of the application, answered for by name."""

    def __init__(self) -> None:
        self.features: list[Feature] = []

    @property
    def resources(self) -> dict[str, Resource]:
        found = {resource.name: resource for one in self.features for resource in one.resources}
        for name, resource in found.items():
            if resource.of_records:
                of = {record.resource for one in self.features for record in one.records}
                parts = {part for one in of for part in (found[one].parts or (one,))}
                found[name] = replace(resource, parts=tuple(sorted(parts)))
        return found

    def complete(self, permissions: Mapping[str, Scope], *, member: bool = True) -> dict[str, Scope]:
        """``permissions`` with what follows from them: those on resources that consist of others."""
        found = dict(permissions)
        for resource in self.resources.values():
            if not resource.parts:
                continue
            for verb in resource.verbs:
                scopes = [permissions[key] for part in resource.parts if (key := f"{verb} {part}") in permissions]
                if member and verb in resource.everybody:
                    scopes.append(Scope.OWN)
                if scopes:
                    found[f"{verb} {resource.name}"] = max(scopes, key=lambda one: one.width)
        return found

    @property
    def key_permissions(self) -> list[str]:
        """What an API key may hold at all: ``"<verb> <resource>"`` of what REST serves to keys."""
        resources = self.resources
        served = {
            (verb, name)
            for one in self.features
            for api in one.apis
            for method, verb in api.method_permission_name.items()
            if method in api.include_route_methods
            for name in resources[api.class_permission_name].parts or (api.class_permission_name,)
        }
        return [
            f"{verb} {resource.name}"
            for resource in resources.values()
            if resource.assignable and resource.for_keys
            for verb in resource.verbs
            if (verb, resource.name) in served
        ]

    @property
    def menu(self) -> list[MenuItem]:
        return [item for one in self.features for item in one.menu]

    @property
    def records(self) -> dict[str, RecordKind]:
        return {record.kind: record for one in self.features for record in one.records}

    @property
    def calendar(self) -> dict[str, CalendarProvider]:
        return {provider.kind: provider for one in self.features for provider in one.calendar}

    @property
    def mailboxes(self) -> dict[str, Mailbox]:
        return {mailbox.name: mailbox for one in self.features for mailbox in one.mailboxes}

    @property
    def create_actions(self) -> list[CreateAction]:
        return [action for one in self.features for action in one.create]

    @property
    def schedules(self) -> list[Schedule]:
        return [schedule for one in self.features for schedule in one.schedules]


registry = Registry()
