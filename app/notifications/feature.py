"""Notifications read events; nobody imports them."""

from __future__ import annotations

from app.events.collaboration import CommentAdded
from app.events.exports import ExportFinished
from app.events.intake import TaskRequested
from app.events.sales import (
    ImportFinished,
    OpportunityAssigned,
    OpportunityLost,
    OpportunityStageChanged,
    OpportunityWon,
)
from app.events.tasks import (
    ApprovalDecided,
    ApprovalRequested,
    ChecklistItemAssigned,
    TaskAssigned,
    TaskSlaBreached,
    TaskStatusChanged,
    TaskUnblocked,
)
from app.events.tenancy import MemberJoined
from app.kernel.feature import Feature, Schedule
from app.kernel.web.shell import badge
from app.notifications import (
    handlers,
    jobs,  # noqa: F401 - registers them
)
from app.notifications.service import count_unread
from app.notifications.views import NotificationView

badge("unread_notifications", lambda actor: count_unread(actor.member_id))

feature = Feature(
    "notifications",
    views=[NotificationView],
    handlers=[
        (OpportunityAssigned, "notifications.deal_assigned", handlers.deal_assigned),
        (OpportunityStageChanged, "notifications.deal_moved", handlers.deal_moved),
        (OpportunityWon, "notifications.deal_won", handlers.deal_won),
        (OpportunityLost, "notifications.deal_lost", handlers.deal_lost),
        (TaskAssigned, "notifications.task_assigned", handlers.task_assigned),
        (ChecklistItemAssigned, "notifications.checklist_item_assigned", handlers.checklist_item_assigned),
        (TaskStatusChanged, "notifications.task_moved", handlers.task_moved),
        (CommentAdded, "notifications.commented", handlers.commented),
        (TaskUnblocked, "notifications.task_unblocked", handlers.task_unblocked),
        (TaskSlaBreached, "notifications.task_sla_breached", handlers.task_sla_breached),
        (ApprovalRequested, "notifications.approval_requested", handlers.approval_requested),
        (ApprovalDecided, "notifications.approval_decided", handlers.approval_decided),
        (TaskRequested, "notifications.task_requested", handlers.task_requested),
        (MemberJoined, "notifications.member_joined", handlers.member_joined),
        (ExportFinished, "notifications.export_finished", handlers.export_finished),
        (ImportFinished, "notifications.import_finished", handlers.import_finished),
    ],
    schedules=[Schedule("notifications.mail_unread", every=60)],
)
