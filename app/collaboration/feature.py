"""Comments, files and links plug into every record."""

from __future__ import annotations

from app.collaboration import cards, jobs  # noqa: F401 - registers them
from app.collaboration.api import APIS
from app.collaboration.views import VIEWS
from app.kernel.constraints import raced
from app.kernel.feature import Feature, Resource, Schedule
from app.kernel.i18n import lazy_gettext as _l

raced.add("uq_record_link_pair")

feature = Feature(
    "collaboration",
    resources=[
        # Held by whoever may see, or works on, records of any kind; each record is then looked at by itself.
        Resource(
            "comment",
            _l("Comments"),
            "tasks",
            ("read", "write"),
            assignable=False,
            of_records=True,
            everybody=("read",),
        ),
    ],
    views=VIEWS,
    apis=APIS,
    home_cards=[cards.mentions],
    schedules=[Schedule("collaboration.purge", cron="40 2 * * *")],
)
