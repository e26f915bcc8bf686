"""The action that adds people to those whom a task asks for approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.automations.params import MANAGER, Params, member_of
from app.automations.telling import manager_of
from app.kernel.db import db, is_one_of
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.tasks.queries import approvals
from app.tasks.service.approvals import MAX_APPROVERS, set_approvers
from app.tasks.service.tasks import lock_task
from app.tenancy.models import Membership, MemberStatus

if TYPE_CHECKING:
    from app.automations.execution import Execution
    from app.automations.subjects import Subject

# Why somebody is not asked; words.py says each in words.
LEFT, ASKED, NO_MANAGER = "left", "asked", "no_manager"
# Why the action was left out: nobody remained to be asked.
NOBODY = "nobody"


def clean_approvers(raw: Params, _subject: Subject) -> Params:
    """Members by id, and ``manager``: who manages the team of the task's owner. Raises Invalid."""
    people = raw.get("approvers")
    if not isinstance(people, list) or not people:
        raise Invalid(errors={"approvers": [_("Choose at least one person.")]})
    if len(people) > MAX_APPROVERS:
        raise Invalid(errors={"approvers": [_("At most %(count)s people.", count=MAX_APPROVERS)]})
    found = [one if one == MANAGER else member_of(one, "approvers") for one in people]
    return {"approvers": list(dict.fromkeys(found))}


def add_approvers(run: Execution, params: Params) -> Params:
    """Asks those who are not asked yet, beside those who are; a task that asks nobody gets its first round."""
    lock_task(run.record.id, actor=run.actor)  # nobody else adds somebody whom this would take out again
    before = approvals.find_approval(run.record.id)
    known = [one.member_id for one in approvals.list_approvers(before.id)] if before is not None else []
    wanted, left_out = _people(run, params["approvers"], known)
    if wanted:
        set_approvers(run.record.id, actor=run.actor, members=[*known, *wanted])
    found: Params = {"asked": [str(one) for one in wanted]}
    if left_out:
        found["left_out"] = left_out
    return found if wanted else {**found, "skipped": NOBODY}


def _people(run: Execution, named: list[str], known: list[UUID]) -> tuple[list[UUID], list[dict[str, Any]]]:
    """Whom to ask, and who is left out with the reason."""
    owner = run.record.owner_id
    managers = manager_of(owner) if owner and MANAGER in named else []
    left_out: list[dict[str, Any]] = []
    if MANAGER in named and not managers:
        left_out.append({"name": "", "reason": NO_MANAGER})
    ids = dict.fromkeys(one for name in named for one in (managers if name == MANAGER else [UUID(name)]))
    rows = db.session.execute(
        select(Membership.id, Membership.display_name, Membership.status).where(is_one_of(Membership.id, list(ids)))
    )
    members = {row.id: row for row in rows}
    wanted = []
    for one in ids:
        row = members.get(one)
        reason = ASKED if one in known else LEFT if row is None or row.status != MemberStatus.ACTIVE else None
        if reason is None:
            wanted.append(one)
        else:
            left_out.append({"member": str(one), "name": row.display_name if row else "", "reason": reason})
    return wanted, left_out
