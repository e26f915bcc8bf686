"""Events that people are told about."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from app.collaboration import queries as collaboration
from app.collaboration import records
from app.kernel import i18n
from app.kernel.errors import NotFound
from app.notifications.models import Category
from app.notifications.service import notify
from app.tasks.models.tasks import Task
from app.tasks.queries import tasks
from app.tenancy import queries as tenancy
from app.tenancy.security.identity.jobs import load_member_actor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.kernel.feature import RecordKind
    from app.kernel.outbox import ReceivedEvent

# How long somebody who is named has to look before a mail tells them.
MAIL_MENTIONS_AFTER = dt.timedelta(minutes=5)


def _tell(
    event: ReceivedEvent,
    members: Iterable[UUID],
    message: str,
    params: dict[str, str],
    *,
    category: Category,
    icon: str,
    url: str,
    mail_after: dt.timedelta | None = None,
) -> None:
    """Tells members of an event, each once however often it is delivered."""
    for member_id in members:
        notify(
            member_id,
            message,
            params,
            category=category,
            icon=icon,
            url=url,
            dedupe_key=str(event.delivery_id),
            mail_after=mail_after,
        )


def _by(event: ReceivedEvent, **more: str) -> dict[str, str]:
    """What most messages say: who did it, and to what."""
    return {"actor": event.actor_label, "title": event.payload["title"], **more}


def _deal(event: ReceivedEvent) -> str:
    return f"/sales/opportunities/show/{event.subject_id}"


def _owner(event: ReceivedEvent) -> list[UUID]:
    """The record's owner, unless it was them."""
    owner = event.payload.get("owner_id")
    return [UUID(owner)] if owner and owner != str(event.actor_id) else []


def deal_assigned(event: ReceivedEvent) -> None:
    _tell(
        event,
        _owner(event),
        "deal_assigned",
        _by(event),
        category=Category.ASSIGNMENTS,
        icon="user-check",
        url=_deal(event),
    )


def deal_moved(event: ReceivedEvent) -> None:
    stages = {"from": event.payload["from_stage"], "to": event.payload["to_stage"]}
    _tell(
        event,
        _owner(event),
        "deal_moved",
        _by(event, **stages),
        category=Category.DEALS,
        icon="arrow-right",
        url=_deal(event),
    )


def deal_won(event: ReceivedEvent) -> None:
    """The owner and their team's manager hear of a win."""
    amount = i18n.money(Decimal(event.payload["amount"]), event.payload["currency"])
    _tell(
        event,
        _owner_and_manager(event),
        "deal_won",
        _by(event, amount=amount),
        category=Category.DEALS,
        icon="trophy",
        url=_deal(event),
    )


def deal_lost(event: ReceivedEvent) -> None:
    _tell(
        event,
        _owner_and_manager(event),
        "deal_lost",
        _by(event, reason=event.payload["reason"]),
        category=Category.DEALS,
        icon="circle-x",
        url=_deal(event),
    )


def _owner_and_manager(event: ReceivedEvent) -> list[UUID]:
    raw = event.payload.get("owner_id")
    if not raw:
        return []
    owner = tenancy.get_member(UUID(raw))
    found = [owner.id]
    if owner.team_id is not None:
        manager = tenancy.get_team(owner.team_id).manager_id
        if manager is not None and manager != owner.id:
            found.append(manager)
    return [one for one in found if one != event.actor_id]


def _task(event: ReceivedEvent) -> str:
    return f"/tasks/{event.subject_id}"


def task_assigned(event: ReceivedEvent) -> None:
    _tell(
        event,
        _owner(event),
        "task_assigned",
        _by(event),
        category=Category.ASSIGNMENTS,
        icon="user-check",
        url=_task(event),
    )


def checklist_item_assigned(event: ReceivedEvent) -> None:
    """Whoever is given a line of a check-list hears of it, unless they took it themselves."""
    _tell(
        event,
        [one for one in [UUID(event.payload["assignee_id"])] if one != event.actor_id],
        "checklist_item_assigned",
        _by(event, text=event.payload["text"]),
        category=Category.ASSIGNMENTS,
        icon="list-checks",
        url=_task(event),
    )


def task_moved(event: ReceivedEvent) -> None:
    """The owner and whoever watches the task hear of its new status."""
    watchers = {one for one, _name in tasks.people_of([event.subject_id])[event.subject_id].watchers}
    statuses = {"from": event.payload["from_status"], "to": event.payload["to_status"]}
    _tell(
        event,
        {*watchers, *_owner(event)} - {event.actor_id},
        "task_moved",
        _by(event, **statuses),
        category=Category.TASKS,
        icon="arrow-right",
        url=_task(event),
    )


def task_unblocked(event: ReceivedEvent) -> None:
    """The owner hears that nothing stands before their task any more."""
    _tell(
        event,
        _owner(event),
        "task_unblocked",
        {"title": event.payload["title"], "cleared_by": event.payload["cleared_by"]},
        category=Category.TASKS,
        icon="lock-open",
        url=_task(event),
    )


def task_sla_breached(event: ReceivedEvent) -> None:
    """The owner, and whoever works on the task or watches it, hear that a deadline was missed."""
    people = tasks.people_of([event.subject_id])[event.subject_id]
    others = {one for one, _name in (*people.collaborators, *people.watchers)}
    _tell(
        event,
        {*others, *_owner(event)} - {event.actor_id},
        f"task_sla_{event.payload['target']}",
        {"title": event.payload["title"], "priority": event.payload["priority"]},
        category=Category.TASKS,
        icon="timer-off",
        url=_task(event),
    )


def approval_requested(event: ReceivedEvent) -> None:
    """Who is asked hears at once, by mail too if they do not look."""
    _tell(
        event,
        [one for one in map(UUID, event.payload["approvers"]) if one != event.actor_id],
        "approval_requested",
        _by(event),
        category=Category.TASKS,
        icon="badge-check",
        url=_task(event),
        mail_after=MAIL_MENTIONS_AFTER,
    )


def approval_decided(event: ReceivedEvent) -> None:
    """The owner hears of each answer."""
    decision = event.payload["decision"]
    _tell(
        event,
        _owner(event),
        f"approval_{decision}",
        _by(event),
        category=Category.TASKS,
        icon="badge-check" if decision == "approved" else "message-square-warning",
        url=_task(event),
    )


def commented(event: ReceivedEvent) -> None:
    """Whoever is named hears at once, by mail too if they do not look; the others who take part, in the bell.

    Nobody hears of a record, or of an internal comment, that they may not see.
    """
    payload = event.payload
    of, record_id = records.kind_of(payload["kind"]), UUID(payload["record_id"])
    mentioned = {UUID(one) for one in payload["mentioned"]}
    others = set() if payload["edited"] else _taking_part(records.get_record(of.kind, record_id)) - mentioned

    def readers(members: set[UUID]) -> list[UUID]:
        return [
            one
            for one in sorted(members - {event.actor_id})
            if may_see(one, of, record_id, internal=payload["internal"])
        ]

    said, url = _by(event, excerpt=payload["excerpt"]), f"/comments/go/{event.subject_id}"
    _tell(
        event,
        readers(mentioned),
        "mentioned",
        said,
        category=Category.MENTIONS,
        icon="at-sign",
        url=url,
        mail_after=MAIL_MENTIONS_AFTER,
    )
    _tell(event, readers(others), "commented", said, category=Category.COMMENTS, icon="message-square", url=url)


def _taking_part(record: records.Record) -> set[UUID]:
    """The owner of a record, who works on it or watches it, and who has written about it."""
    found = collaboration.participants(record)
    owner = getattr(record.row, "owner_id", None)
    if owner is not None:
        found.add(owner)
    if record.of.kind == "task":
        people = tasks.people_of([record.id])[record.id]
        found |= {one for one, _name in (*people.collaborators, *people.watchers)}
    return found


def may_see(member_id: UUID, of: RecordKind, record_id: UUID, *, internal: bool) -> bool:
    """Whether a member may see a record, and the internal comments about it where one is meant."""
    member = tenancy.get_member(member_id)
    try:
        reader = load_member_actor(member.organization_id, member_id)
    except NotFound:
        return False
    if internal and not records.sees_internal(reader, of):
        return False
    return records.may_read(reader, of, record_id)


def task_requested(event: ReceivedEvent) -> None:
    """Who answers for the form's requests hears of a new one; where nobody does, whoever manages tasks."""
    payload = event.payload
    needed = f"write {Task.__resources__[payload['module']]}"
    owner = UUID(payload["owner_id"]) if payload["owner_id"] else None
    deciding = tenancy.members_with(needed)
    members = {owner} & deciding if owner else set()
    _tell(
        event,
        members or deciding & tenancy.members_with("manage tasks"),
        "task_requested",
        {"title": payload["title"], "form": payload["form"]},
        category=Category.TASKS,
        icon="inbox",
        url=f"/tasks/requests/{event.subject_id}",
    )


def member_joined(event: ReceivedEvent) -> None:
    inviter = event.payload.get("invited_by_id")
    _tell(
        event,
        [UUID(inviter)] if inviter else [],
        "member_joined",
        {"name": event.payload["display_name"]},
        category=Category.TEAM,
        icon="user-plus",
        url="/users/list/",
    )


def import_finished(event: ReceivedEvent) -> None:
    payload = event.payload
    if payload.get("owner_id"):
        notify(
            UUID(payload["owner_id"]),
            "import_finished",
            {
                "filename": payload["filename"],
                "created": str(payload["created"]),
                "failed": str(payload["failed"]),
            },
            category=Category.SYSTEM,
            icon="file-check-2",
            url=f"/sales/import/{event.subject_id}",
            dedupe_key=str(event.delivery_id),
        )


def export_finished(event: ReceivedEvent) -> None:
    """Whoever asked for an export hears of its file, or why there is none."""
    payload = event.payload
    notify(
        UUID(payload["owner_id"]),
        "export_failed" if payload["reason"] else "export_finished",
        {"filename": payload["filename"], "rows": str(payload["rows"]), "reason": payload["reason"]},
        category=Category.SYSTEM,
        icon="circle-alert" if payload["reason"] else "file-check-2",
        url=f"/exports/{event.subject_id}",
        dedupe_key=str(event.delivery_id),
    )
