"""Reads of task requests and of the forms that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from app.intake.models import KEPT, IntakeForm, RequestState, TaskRequest
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import NotFound
from app.tasks.models.tasks import Task
from app.tenancy.models import BrandingTheme, Membership, Organization
from app.tenancy.queries import IN_SERVICE

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from app.kernel.actor import Actor

PAGE = 50


@dataclass(frozen=True, slots=True)
class PublicForm:
    """A form as somebody without an account sees it, with what of its organization they may know."""

    id: UUID
    name: str
    intro: str | None
    asks: Sequence[str]
    token_hash: str
    organization_id: UUID
    organization: str
    slug: str
    locale: str
    timezone: str
    primary: str
    secondary: str
    accent: str
    logo_key: str | None

    @property
    def colours(self) -> tuple[str, str, str]:
        return self.primary, self.secondary, self.accent


@dataclass(frozen=True, slots=True)
class Line:
    """A request with the names of what it refers to."""

    request: TaskRequest
    form: str | None
    tells_done: bool
    default_status_id: UUID | None
    default_owner_id: UUID | None
    decided_by: str | None
    task: str | None


def find_public(token_hash: str) -> PublicForm | None:
    """The open form behind a secret's hash, of an organization that works. Platform scope; one query."""
    return _public(IntakeForm.token_hash == token_hash)


def find_by_mail(key: str) -> PublicForm | None:
    """The open form that takes mail at the address with a key, of an organization that works. As find_public."""
    return _public(IntakeForm.mail_key == key)


def _public(which: Any) -> PublicForm | None:
    form, theme = IntakeForm, BrandingTheme
    row: Any = db.session.execute(
        select(
            form.id, form.name, form.intro, form.asks, form.token_hash, Organization.id, Organization.name,
            Organization.slug, Organization.locale, Organization.timezone,
            theme.primary, theme.secondary, theme.accent, theme.logo_key,
        )
        .join(Organization, Organization.id == form.organization_id)
        .join(theme, theme.organization_id == form.organization_id)
        .where(which, form.is_open, Organization.status.in_(IN_SERVICE))
    ).one_or_none()  # fmt: skip
    return None if row is None else PublicForm(*row)


def modules_of(actor: Actor) -> list[str]:
    """The modules whose requests the actor decides: those whose tasks they may write."""
    return [str(module) for module, resource in Task.__resources__.items() if actor.can("write", resource)]


def _mine(actor: Actor) -> Any:
    return TaskRequest.module.in_(modules_of(actor))


def get_request(request_id: UUID, *, actor: Actor) -> TaskRequest:
    """A request of a module whose tasks the actor may write. Raises NotFound."""
    found = db.session.scalar(select(TaskRequest).where(TaskRequest.id == request_id, _mine(actor)))
    if found is None:
        raise NotFound
    return found


def get_line(request_id: UUID, *, actor: Actor) -> Line:
    """The same, with the names of what it refers to. Raises NotFound."""
    row = db.session.execute(_lines().where(TaskRequest.id == request_id, _mine(actor))).one_or_none()
    if row is None:
        raise NotFound
    return _line(row)


def list_requests(state: str, *, actor: Actor, page: int = 1) -> tuple[list[Line], bool]:
    """A page of the requests in a state, and whether there are more: those that wait longest, else the latest first."""
    when = TaskRequest.created_at if state == RequestState.NEW else TaskRequest.decided_at.desc()
    rows = db.session.execute(
        _lines()
        .where(TaskRequest.state == state, _mine(actor))
        .order_by(when, TaskRequest.id)
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    ).all()
    return [_line(one) for one in rows[:PAGE]], len(rows) > PAGE


def count_by_state(*, actor: Actor) -> Mapping[str, int]:
    """How many requests the actor may see in each state."""
    counted = select(TaskRequest.state, func.count()).where(_mine(actor)).group_by(TaskRequest.state)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def _lines() -> Any:
    return (
        select(
            TaskRequest, IntakeForm.name, IntakeForm.tells_done, IntakeForm.default_status_id,
            IntakeForm.default_owner_id, Membership.display_name, Task.title,
        )
        .outerjoin(IntakeForm, IntakeForm.id == TaskRequest.form_id)
        .outerjoin(Membership, Membership.id == TaskRequest.decided_by_id)
        .outerjoin(Task, Task.id == TaskRequest.task_id)
    )  # fmt: skip


def _line(row: Any) -> Line:
    return Line(row[0], row[1], bool(row[2]), *row[3:])


def has_heard_the_last() -> ColumnElement[bool]:
    """Of requests that name who made them, in SQL: those that were decided long enough ago, and accepted ones once
    their requester was told long enough ago that the task is done.
    """
    before = clock.now() - KEPT
    decided = TaskRequest.state.in_((RequestState.DECLINED, RequestState.DUPLICATE))
    return and_(
        TaskRequest.state != RequestState.NEW,
        TaskRequest.requester_email.is_not(None),
        TaskRequest.decided_at < before,
        or_(decided, TaskRequest.told_done_at < before),
    )


# ── forms ────────────────────────────────────────────────────────────────────────────────────────


def get_form(form_id: UUID) -> IntakeForm:
    """A form. Raises NotFound."""
    found = db.session.scalar(select(IntakeForm).where(IntakeForm.id == form_id))
    if found is None:
        raise NotFound
    return found


def list_forms() -> list[tuple[IntakeForm, int]]:
    """The forms by name, each with how many of its requests wait. One query."""
    waiting = (
        select(func.count())
        .where(TaskRequest.form_id == IntakeForm.id, TaskRequest.state == RequestState.NEW)
        .scalar_subquery()
    )
    rows = db.session.execute(select(IntakeForm, waiting).order_by(func.lower(IntakeForm.name), IntakeForm.id))
    return [(form, count) for form, count in rows]
