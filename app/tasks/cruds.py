"""The fields of a task, from which table, forms, REST, filters and export come."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.collaboration.values import linked_value
from app.kernel.crud.bulk import bulk_actions, set_action
from app.kernel.crud.fields import Choice, Crud, Field, Kind, Target, Verbs, register, targets
from app.kernel.i18n import lazy_gettext as _l
from app.tasks import sla
from app.tasks.models.names import KIND, MemberRole
from app.tasks.models.tasks import Task, TaskMember, TaskStatus
from app.tasks.service.tasks import create_task, delete_task, update_task
from app.tenancy.models import Membership

PRIORITIES = (
    Choice("P0", _l("P0 Urgent"), "b-danger", "chevrons-up"),
    Choice("P1", _l("P1 High"), "b-p1", "chevron-up"),
    Choice("P2", _l("P2 Medium"), "b-p2", "equal"),
    Choice("P3", _l("P3 Low"), "", "chevron-down"),
)
MODULES = (
    Choice("marketing", _l("Marketing"), "b-pink", "megaphone"),
    Choice("sales", _l("Sales"), "b-p2", "handshake"),
)
TYPES = (
    Choice("task", _l("Task"), "", "circle-check"),
    Choice("milestone", _l("Milestone"), "b-pink", "diamond"),
    Choice("approval", _l("Approval"), "b-warn", "stamp"),
)
GROUPS = (
    Choice("backlog", _l("Backlog"), "", "circle-dashed"),
    Choice("in_progress", _l("In progress"), "b-info", "circle-dot"),
    Choice("in_review", _l("In review"), "b-warn", "circle-dot-dashed"),
    Choice("approved", _l("Approved"), "b-pink", "circle-check"),
    Choice("done", _l("Done"), "b-ok", "circle-check-big"),
    Choice("cancelled", _l("Cancelled"), "", "circle-x"),
)
SLA_STATES = (
    Choice("on_time", _l("On time"), "", "timer"),
    Choice("at_risk", _l("At risk"), "b-warn", "hourglass"),
    Choice("breached", _l("Breached"), "b-danger", "timer-off"),
    Choice("met", _l("Met"), "b-ok", "circle-check"),
)


def _collaborators() -> Any:
    """Who works on a task beside its owner, as one text."""
    names = func.string_agg(
        Membership.display_name, aggregate_order_by(literal_column("', '"), Membership.display_name)
    )
    mine = and_(
        TaskMember.task_id == Task.id,
        TaskMember.organization_id == Task.organization_id,
        TaskMember.role == MemberRole.COLLABORATOR,
    )
    who = and_(Membership.id == TaskMember.member_id, Membership.organization_id == TaskMember.organization_id)
    return select(names).join(TaskMember, who).where(mine).correlate(Task).scalar_subquery()


targets["task_status"] = Target(TaskStatus, "name", lambda: TaskStatus.position)

TASKS = register(
    Crud(
        kind=KIND,
        model=Task,
        resource="task",
        url="/tasks",
        list_path="/table",
        api="tasks",
        singular=_l("Task"),
        plural=_l("Tasks"),
        new_label=_l("New task"),
        icon="circle-check",
        section=_l("Tasks"),
        section_url="/tasks/list",
        label_field="title",
        search=("title", "description"),
        order="due_on",
        custom=True,
        custom_by=("manage", "tasks"),
        show_template="tasks/task.html",
        empty_text=_l("What is to be done, by whom and by when. Write down the first task."),
        verbs=Verbs(create=create_task, update=update_task, delete=delete_task),
        bulk=(
            set_action("task", "task", "status", _l("Status"), "circle-dot"),
            set_action("task", "task", "priority", _l("Priority"), "flag"),
            set_action("task", "task", "due_on", _l("Due"), "calendar"),
            *bulk_actions("task", "task"),
        ),
        fields=(
            Field("title", _l("Title"), required=True, max_length=200, in_list=True, mobile="title"),
            Field("number", _l("Number"), Kind.INTEGER, editable=False, in_form=False, icon="hash"),
            Field(
                "status_id",
                _l("Status"),
                Kind.REF,
                target="task_status",
                in_list=True,
                icon="circle-dot",
                mobile="sub",
            ),
            Field(
                "status_group",
                _l("Progress"),
                Kind.ENUM,
                choices=GROUPS,
                editable=False,
                in_form=False,
                icon="loader",
            ),
            Field(
                "priority",
                _l("Priority"),
                Kind.ENUM,
                choices=PRIORITIES,
                in_list=True,
                icon="flag",
                mobile="end",
            ),
            Field("owner_id", _l("Owner"), Kind.PERSON, in_list=True, icon="user", mobile="line"),
            Field("due_on", _l("Due"), Kind.DATE, in_list=True, icon="calendar", mobile="end2"),
            Field("start_on", _l("Start"), Kind.DATE, icon="calendar-plus"),
            Field("module", _l("Module"), Kind.ENUM, choices=MODULES, in_list=True, icon="layers"),
            Field("type", _l("Type"), Kind.ENUM, choices=TYPES, icon="shapes"),
            Field(
                "estimate",
                _l("Estimate"),
                Kind.INTEGER,
                minimum=0,
                maximum=600_000,
                unit="min",
                icon="timer",
                total="sum",
            ),
            Field(
                "logged",
                _l("Time logged"),
                Kind.INTEGER,
                editable=False,
                in_form=False,
                unit="min",
                icon="clock",
                total="sum",
            ),
            Field(
                "value_at_stake",
                _l("Value at stake"),
                Kind.MONEY,
                expression=lambda: linked_value(Task),
                of_others=True,
                editable=False,
                in_form=False,
                icon="banknote",
                total="sum",
            ),
            Field("parent_id", _l("Parent task"), Kind.REF, target="task", icon="list-tree"),
            Field("recurrence", _l("Recurrence"), editable=False, in_form=False, sortable=False, icon="repeat"),
            Field("tags", _l("Tags"), Kind.TAGS, sortable=False, icon="tag"),
            Field(
                "collaborators",
                _l("Collaborators"),
                editable=False,
                in_form=False,
                sortable=False,
                filterable=False,
                expression=_collaborators,
                icon="users",
            ),
            Field("description", _l("Description"), Kind.LONG, sortable=False, max_length=20_000),
            Field("done_at", _l("Done"), Kind.DATETIME, editable=False, in_form=False, icon="circle-check-big"),
            Field(
                "sla",
                _l("SLA"),
                Kind.ENUM,
                choices=SLA_STATES,
                expression=sla.state,
                editable=False,
                in_form=False,
                icon="timer",
            ),
            Field(
                "sla_start_due_at", _l("SLA: to start by"), Kind.DATETIME, editable=False, in_form=False, icon="timer"
            ),
            Field("sla_due_at", _l("SLA: to finish by"), Kind.DATETIME, editable=False, in_form=False, icon="timer"),
            Field("created_at", _l("Created"), Kind.DATETIME, editable=False, in_form=False, icon="calendar-plus"),
            Field("updated_at", _l("Last change"), Kind.DATETIME, editable=False, in_form=False, icon="history"),
        ),
    )
)
