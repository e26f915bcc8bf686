"""Rows of every tenant table, and the walls taken down one at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from app.automations.models import AutomationCall, AutomationKey, AutomationRule, AutomationRun
from app.calendar.models import CalendarFeed
from app.collaboration.models import (
    Attachment,
    Comment,
    CommentMention,
    CommentReaction,
    CommentRevision,
    RecordLink,
)
from app.custom_fields.models import CustomField
from app.exports.models import ExportJob
from app.intake.models import IntakeForm, TaskRequest
from app.kernel import clock, storage
from app.kernel.actor import system_actor
from app.kernel.business_hours import OFFICE, write_week
from app.kernel.db import TenantModel, db, orm_guard_switched_off
from app.kernel.idempotency import IdempotencyKey
from app.kernel.ids import new_id
from app.kernel.uow import uow
from app.notifications.models import Notification
from app.sales.models.accounts import Account
from app.sales.models.activities import ActivityLog
from app.sales.models.contacts import Contact
from app.sales.models.imports import ImportJob, ImportMapping, ImportRow
from app.sales.models.leads import Lead
from app.sales.models.opportunities import Opportunity, OpportunityLine, OpportunityStageHistory
from app.sales.models.pipelines import LostReason, Pipeline, PipelineStage
from app.sales.models.products import Product
from app.saved_views.models import ListLayout, SavedView
from app.tasks.models.approvals import TaskApproval, TaskApprover
from app.tasks.models.load import MemberCapacity
from app.tasks.models.plan import TaskDependency, TimelineBaseline
from app.tasks.models.sla import ClosingDay, SlaPolicy, WorkCalendar
from app.tasks.models.snooze import TaskSnooze
from app.tasks.models.tasks import Task, TaskMember, TaskStatus
from app.tasks.models.templates import TaskTemplate
from app.tasks.models.work import ChecklistItem, TimeEntry
from app.tasks.templates import Content, Item
from app.tenancy.models import BrandingTheme, Invitation, Membership, OrgApiKey, Role, Team
from tests.cast import Company


def superuser_engine() -> Engine:
    """PostgreSQL's superuser on the tests' database: row-level security does not bind it."""
    url = os.environ["DATABASE_URL"].replace("postgresql://stratikey_app@", "postgresql+psycopg://postgres@")
    assert "postgres@" in url
    return create_engine(url, poolclass=NullPool)


@contextmanager
def rls_off() -> Iterator[None]:
    """The tenant role's engine is the superuser's: only the ORM guard is left."""
    bypassing = superuser_engine()
    engines = db.engines
    old = engines[None]
    engines[None] = bypassing
    try:
        yield
    finally:
        engines[None] = old
        bypassing.dispose()


@contextmanager
def walls(which: str) -> Iterator[None]:
    """``both`` walls up, ``rls`` alone, or the ORM ``guard`` alone."""
    with ExitStack() as stack:
        if which == "rls":
            stack.enter_context(orm_guard_switched_off())
        elif which == "guard":
            stack.enter_context(rls_off())
        else:
            assert which == "both"
        yield


def tenant_models() -> list[type[TenantModel]]:
    """Every mapped tenant table."""
    return sorted(
        (one.class_ for one in db.Model.registry.mappers if issubclass(one.class_, TenantModel)),
        key=lambda one: one.__tablename__,
    )


def fill(company: Company) -> dict[str, Any]:
    """A row of every tenant table in the company; name -> id. Repeatable per company."""
    mark = new_id().hex[-8:]
    with uow(system_actor(company.id)) as session:
        owner = company.sales.member_id
        role_id = session.scalar(db.select(Role.id).where(Role.name == "Viewer"))
        branding = session.scalar(db.select(BrandingTheme))
        pipeline = session.scalar(db.select(Pipeline).where(Pipeline.is_default))
        stage = session.scalar(
            db.select(PipelineStage).where(PipelineStage.pipeline_id == pipeline.id, PipelineStage.kind == "open")
        )
        reason = session.scalar(db.select(LostReason))
        rows: dict[str, Any] = {"branding_theme": branding, "pipeline": pipeline, "pipeline_stage": stage}
        rows |= {"lost_reason": reason}

        def add(key: str, row: Any) -> Any:
            row.organization_id = company.id
            session.add(row)
            session.flush()
            rows[key] = row
            return row

        account = add("account", Account(name=f"Account {mark}", owner_id=owner))
        contact = add("contact", Contact(name=f"Contact {mark}", account_id=account.id, owner_id=owner))
        lead = add("lead", Lead(name=f"Lead {mark}", owner_id=owner))
        product = add("product", Product(name=f"Product {mark}"))
        deal = add(
            "opportunity",
            Opportunity(
                title=f"Deal {mark}",
                pipeline_id=pipeline.id,
                stage_id=stage.id,
                account_id=account.id,
                contact_id=contact.id,
                owner_id=owner,
                amount=100,
            ),
        )
        add("opportunity_line", OpportunityLine(opportunity_id=deal.id, product_id=product.id, description="Line"))
        add("opportunity_stage_history", OpportunityStageHistory(opportunity_id=deal.id, to_stage_id=stage.id))
        add("activity_log", ActivityLog(title=f"Call {mark}", opportunity_id=deal.id, lead_id=lead.id, owner_id=owner))
        job = add(
            "import_job",
            ImportJob(
                entity="accounts",
                filename="a.csv",
                storage_key="none",
                file_hash="0" * 64,
                status="done",
                owner_id=owner,
                reading={"header": ["name"], "delimiter": ",", "encoding": "utf-8"},
            ),
        )
        add("import_row", ImportRow(import_id=job.id, line=2, outcome="failed", errors=[], raw={"name": "x"}))
        add("import_mapping", ImportMapping(entity="accounts", signature=mark, mapping={}))
        status = session.scalar(db.select(TaskStatus).where(TaskStatus.group == "backlog"))
        rows["task_status"] = status
        number = (session.scalar(db.select(db.func.max(Task.number))) or 0) + 1
        task = add(
            "task",
            Task(
                number=number,
                title=f"Task {mark}",
                module="sales",
                status_id=status.id,
                status_group=status.group,
                owner_id=owner,
                rank="a0",
            ),
        )
        waiting = add(
            "waiting_task",
            Task(
                number=number + 1,
                title=f"Waiting {mark}",
                module="sales",
                status_id=status.id,
                status_group=status.group,
                owner_id=owner,
                rank="a1",
            ),
        )
        add("task_dependency", TaskDependency(predecessor_id=task.id, successor_id=waiting.id))
        other = company.marketing.member_id
        old = session.scalar(db.select(TimelineBaseline).where(TimelineBaseline.member_id == other))
        picture = old or TimelineBaseline(member_id=other, taken_at=clock.now(), dates={})
        add("timeline_baseline", picture)
        add("sla_policy", session.scalar(db.select(SlaPolicy)) or SlaPolicy(priority="P3", finish_minutes=60))
        hours = session.scalar(db.select(WorkCalendar)) or WorkCalendar(hours=write_week(OFFICE))
        add("work_calendar", hours)
        day = clock.dt.date(2020, 1, 1)
        add("closing_day", ClosingDay(name=f"Closed {mark}", first_on=day, last_on=day))
        kept = session.scalar(db.select(MemberCapacity)) or MemberCapacity(member_id=owner, weekly_minutes=1200)
        add("member_capacity", kept)
        add("task_member", TaskMember(task_id=task.id, member_id=owner, role="watcher"))
        asking = add(
            "approval_task",
            Task(
                number=number + 2,
                title=f"Approve {mark}",
                module="sales",
                type="approval",
                status_id=status.id,
                status_group=status.group,
                owner_id=owner,
                rank="a2",
            ),
        )
        approval = add("task_approval", TaskApproval(task_id=asking.id, round=1, rule="all", state="pending"))
        add(
            "task_approver",
            TaskApprover(approval_id=approval.id, task_id=asking.id, member_id=company.viewer.member_id),
        )
        add("checklist_item", ChecklistItem(task_id=task.id, text="Line", assignee_id=owner))
        add("task_snooze", TaskSnooze(task_id=task.id, member_id=owner, until=clock.now().date()))
        add("time_entry", TimeEntry(task_id=task.id, member_id=owner, day=clock.now().date(), minutes=5))
        content = Content((Item(0, None, f"Task {mark}"), Item(1, 0, "Sub-task"))).dump()
        add("task_template", TaskTemplate(name=f"Template {mark}", module="sales", author_id=owner, content=content))
        form = add("intake_form", IntakeForm(name=f"Form {mark}", module="sales", token_hash=mark))
        asked = {"form_id": form.id, "requester_email": f"{mark}@asks.example", "locale": "en"}
        add("task_request", TaskRequest(title=f"Request {mark}", module="sales", **asked))
        rule = add(
            "automation_rule",
            AutomationRule(
                name=f"Rule {mark}",
                subject="task",
                trigger={"type": "created"},
                conditions={"op": "and", "items": []},
                actions=[{"type": "comment", "body": "Seen"}],
                secret=mark,
            ),
        )
        run = add("automation_run", AutomationRun(rule_id=rule.id, kind="task", record_id=task.id, key=mark))
        run.status = "ok"
        add(
            "automation_call",
            AutomationCall(run_id=run.id, url="https://hooks.example/", body={}, status="done", attempts=1),
        )
        add("automation_key", AutomationKey(rule_id=rule.id, task_id=task.id, key=mark))
        where: dict[str, Any] = {"kind": "account", "record_id": account.id}
        who: dict[str, Any] = {"author_id": owner, "author_name": "Sam"}
        comment = add("comment", Comment(**where, **who, body=f"Comment {mark}"))
        add("comment_of_task", Comment(kind="task", record_id=task.id, **who, body=f"Comment {mark}"))
        add("comment_revision", CommentRevision(comment_id=comment.id, body=f"Before {mark}"))
        add("comment_reaction", CommentReaction(comment_id=comment.id, member_id=owner, emoji="👍"))
        add("comment_mention", CommentMention(comment_id=comment.id, member_id=owner, text="@Sam"))
        key = storage.tenant_key(company.id, "attachments", mark)
        storage.store().put(key, io.BytesIO(b"text"))
        add(
            "attachment",
            Attachment(
                **where,
                comment_id=comment.id,
                name="a.png",
                content_type="image/png",
                size=4,
                key=key,
                preview_key=key,
                width=1,
                height=1,
            ),
        )
        left, right = sorted((account, task), key=lambda one: one.id)
        add(
            "record_link",
            RecordLink(
                left_kind=left.__tablename__, left_id=left.id, right_kind=right.__tablename__, right_id=right.id
            ),
        )
        add("team", Team(name=f"Team {mark}"))
        somebody = add("membership", Membership(display_name=f"Placeholder {mark}", status="placeholder"))
        add("calendar_feed", CalendarFeed(member_id=somebody.id, token_hash=mark))
        add(
            "invitation",
            Invitation(
                email=f"{mark}@invited.example",
                role_id=role_id,
                token_hash=mark,
                expires_at=clock.now() + clock.dt.timedelta(days=7),
            ),
        )
        add(
            "notification",
            Notification(
                member_id=owner,
                category="system",
                icon="bell",
                message="import_finished",
                params={"filename": "a", "created": "1", "failed": "0"},
                url="/",
                dedupe_key=mark,
            ),
        )
        add(
            "api_key",
            OrgApiKey(name=f"Key {mark}", prefix="sk_", secret_hash=mark, scopes=["read account"], ip_allow=[]),
        )
        add(
            "saved_view",
            SavedView(kind="account", owner_id=owner, name=f"View {mark}", visibility="shared", definition={}),
        )
        add("custom_field", CustomField(kind="task", key=f"k_{mark[:20].lower()}", label=mark[:60], type="text"))
        add("list_layout", ListLayout(kind=mark[:32], owner_id=owner, columns=["name"]))
        key = storage.tenant_key(company.id, "exports", f"{mark}.csv")
        storage.store().put(key, BytesIO(b"Name"))
        asked = ExportJob(
            kind="account", owner_id=company.admin.member_id, format="csv", filename="a.csv", status="done"
        )
        asked.storage_key = key
        add("export_job", asked)
        add(
            "idempotency_key",
            IdempotencyKey(actor="user:x", key=mark, fingerprint="0" * 64, status_code=201, body={"secret": mark}),
        )
        found = {key: row.id for key, row in rows.items()}
        found["role"] = role_id
        found["member"] = owner
    return found


def ids_of(found: dict[str, Any]) -> set[UUID]:
    return {one for one in found.values() if isinstance(one, UUID)}
