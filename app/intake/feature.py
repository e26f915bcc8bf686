"""The intake plugs in: public forms with which people ask for work, and the list where it is decided."""

from __future__ import annotations

from app.events.tasks import TaskStatusChanged
from app.intake import (
    handlers,
    jobs,  # noqa: F401 - registers them
)
from app.intake.api import APIS
from app.intake.mailbox import mailbox
from app.intake.views.public import RequestView
from app.intake.views.triage import TriageView
from app.kernel.feature import Feature, MenuItem, Schedule
from app.kernel.i18n import lazy_gettext as _l

feature = Feature(
    "intake",
    views=[RequestView, TriageView],
    apis=APIS,
    menu=[
        MenuItem(
            "TaskRequests",
            _l("Requests"),
            "/tasks/requests",
            "inbox",
            ("write", "task"),
            category="Tasks",
            category_label=_l("Tasks"),
            category_icon="circle-check",
        )
    ],
    mailboxes=[mailbox],
    handlers=[(TaskStatusChanged, "intake.task_done", handlers.task_done)],
    schedules=[Schedule("intake.forget", cron="20 3 * * *")],
)
