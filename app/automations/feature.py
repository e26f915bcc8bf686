"""Automations read events and act by the other features' verbs; nobody imports them."""

from __future__ import annotations

from app.automations import (
    handlers,
    jobs,  # noqa: F401 - registers them
)
from app.automations.api import APIS
from app.automations.triggers import EVENTS
from app.automations.views import AutomationsView
from app.kernel.feature import Feature, Resource, Schedule
from app.kernel.i18n import lazy_gettext as _l

feature = Feature(
    "automations",
    resources=[Resource("automation", _l("Automations"), "settings", ("read", "write"))],
    views=[AutomationsView],
    apis=APIS,
    handlers=[(event, f"automations.{event.name}", handlers.react) for event in EVENTS],
    schedules=[
        Schedule("automations.tick", every=300),
        Schedule("automations.sweep", every=60),
        Schedule("automations.prune", cron="10 3 * * *"),
    ],
)
