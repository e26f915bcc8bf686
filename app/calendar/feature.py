"""The calendar plugs in: one REST resource over every feature's dated records, and the personal feed."""

from __future__ import annotations

from app.calendar.api import RESOURCE, CalendarApi
from app.calendar.views import FeedView
from app.kernel.feature import Feature, Resource
from app.kernel.i18n import lazy_gettext as _l

feature = Feature(
    "calendar",
    resources=[
        # Held by whoever holds one of the resources of the providers; each provider asks for its own again.
        Resource(
            RESOURCE,
            _l("Calendar"),
            "tasks",
            ("read", "write"),
            assignable=False,
            parts=("activity", "tasks", "deal"),
            everybody=("read",),
        ),
    ],
    views=[FeedView],
    apis=[CalendarApi],
)
