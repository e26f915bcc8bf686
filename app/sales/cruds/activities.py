"""Sales activities: calls, meetings and mails."""

from __future__ import annotations

from app.kernel.crud.bulk import bulk_actions
from app.kernel.crud.fields import Choice, Crud, Field, Kind, Verbs
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.fields import CREATED, NOTES, OWNER, SALES, UPDATED
from app.sales.models.activities import ActivityLog
from app.sales.service import activities

ACTIVITY_TYPES = (
    Choice("call", _l("Call"), "b-p2", "phone"),
    Choice("email", _l("E-mail"), "b-info", "mail"),
    Choice("meeting", _l("Meeting"), "b-pink", "users"),
    Choice("note", _l("Note"), "b-warn", "sticky-note"),
    Choice("task", _l("To-do"), "", "square-check"),
)

ACTIVITIES = Crud(
    kind="activity_log",
    model=ActivityLog,
    resource="deal",
    url="/sales/activity-log",
    api="activities",
    singular=_l("Sales activity"),
    plural=_l("Sales activities"),
    new_label=_l("New activity"),
    icon="phone",
    section=SALES,
    section_url="/sales/",
    label_field="title",
    search=("title", "outcome"),
    order="due_at",
    empty_text=_l("Calls, meetings and mails, planned and done."),
    verbs=Verbs(
        create=activities.create_activity,
        update=activities.update_activity,
        delete=activities.delete_activity,
    ),
    bulk=bulk_actions("activity_log", "deal", tags=False),
    fields=(
        Field("title", _l("Title"), required=True, max_length=200, in_list=True, mobile="title"),
        Field("type", _l("Type"), Kind.ENUM, choices=ACTIVITY_TYPES, required=True, in_list=True, mobile="end"),
        Field("due_at", _l("Due"), Kind.DATETIME, in_list=True, icon="clock", mobile="end2"),
        Field("done_at", _l("Done"), Kind.DATETIME, in_list=True, icon="check"),
        Field(
            "opportunity_id",
            _l("Opportunity"),
            Kind.REF,
            target="opportunity",
            in_list=True,
            icon="handshake",
            mobile="sub",
        ),
        Field("account_id", _l("Account"), Kind.REF, target="account", icon="building-2"),
        Field("contact_id", _l("Contact"), Kind.REF, target="contact", icon="contact"),
        Field("lead_id", _l("Lead"), Kind.REF, target="lead", icon="user-plus"),
        OWNER,
        Field("duration_min", _l("Minutes"), Kind.INTEGER, minimum=0, maximum=100000, total="sum"),
        Field("outcome", _l("Outcome"), max_length=200),
        NOTES,
        CREATED,
        UPDATED,
    ),
)
