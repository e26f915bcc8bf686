"""Templates of tasks: made of a task with all below it, changed, and used to make tasks again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.collaboration.service.links import link_records
from app.kernel.db import db, is_one_of
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.tasks.models.names import Priority, StatusGroup
from app.tasks.models.plan import TaskDependency
from app.tasks.models.tasks import Task
from app.tasks.models.templates import TaskTemplate
from app.tasks.models.work import ChecklistItem
from app.tasks.queries import plan
from app.tasks.queries import tasks as queries
from app.tasks.queries.templates import get_template
from app.tasks.service.checklist import add_item
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.tasks import announce, create_task
from app.tasks.templates import Content, Dates, Item, Tie, relative, span
from app.tenancy.queries import get_member, list_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kernel.actor import Actor

MAX_TASKS = 200
MAX_NAME = 120
MAX_DESCRIPTION = 2000
# How far from its first day a template reaches, in working days.
MAX_DAYS = 1500
MAX_ESTIMATE = 600_000
YEARS = range(1900, 2201)


def may_change(template: Any, *, actor: Actor) -> bool:
    """Whether the actor may change a template: who made it, and who manages tasks."""
    mine = actor.member_id is not None and template.author_id == actor.member_id
    return actor.can("manage", "tasks") or (mine and actor.can("write", Task.__resources__[template.module]))


def create_template(
    task_id: UUID, name: str, *, actor: Actor, description: str | None = None, keep_owners: bool = False
) -> TaskTemplate:
    """Keeps a task and all below it as a template; dates are counted from the first one. Of check-lists the texts are
    kept, without people and dates.

    Raises NotFound for an unknown task, Forbidden without the right to write the module's tasks, Invalid for a
    bad name, for more than MAX_TASKS and for dates that are too far apart.
    """
    task = queries.get_task(task_id)
    actor.require("write", Task.__resources__[task.module])
    values = _words(name, description)
    tree = queries.tree_of(task)
    if len(tree) > MAX_TASKS:
        message = _("A template has at most %(count)s tasks; this one has more below it.", count=MAX_TASKS)
        raise Invalid(message, errors={"task": [message]})
    content = _content(tree, keep_owners=keep_owners)
    template = TaskTemplate(
        module=task.module, source_id=task.id, author_id=actor.member_id, content=content.dump(), **values
    )
    db.session.add(template)
    db.session.flush()
    return template


def update_template(template: TaskTemplate, *, actor: Actor, **values: Any) -> TaskTemplate:
    """Changes a template's ``name`` and ``description``. Raises Forbidden, Invalid."""
    _require_change(template, actor)
    given = {"name": template.name, "description": template.description, **values}
    for key, value in _words(given["name"] or template.name, given["description"]).items():
        setattr(template, key, value)
    db.session.flush()
    return template


def change_item(
    template_id: UUID, key: int, *, actor: Actor, version: int | None = None, **values: Any
) -> TaskTemplate:
    """Changes a task of a template: ``title``, ``priority``, ``estimate``, ``start``, ``due`` (working days from
    the template's first). Raises NotFound for an unknown one, Invalid, Conflict for a stale version.
    """
    template, content, item = _lock_item(template_id, key, actor, version)
    asked = {name: values.get(name, getattr(item, name)) for name in ("title", "priority", "estimate", "start", "due")}
    asked["title"] = " ".join((asked["title"] or "").split())
    errors = _problems(**asked)
    if errors:
        raise Invalid(errors=errors)
    template.content = content.changed(key, **asked).dump()
    db.session.flush()
    return template


def remove_item(template_id: UUID, key: int, *, actor: Actor, version: int | None = None) -> TaskTemplate:
    """Removes a task, what is below it, and their links. Raises Conflict for the topmost one."""
    template, content, item = _lock_item(template_id, key, actor, version)
    if item == content.root:
        raise Conflict(_("A template needs its first task; delete the template instead."))
    template.content = content.without(key).dump()
    db.session.flush()
    return template


def delete_template(template: TaskTemplate, *, actor: Actor) -> None:
    """Deletes a template; the tasks that were made from it stay."""
    _require_change(template, actor)
    db.session.delete(template)


def use_template(
    template_id: UUID,
    *,
    actor: Actor,
    title: str | None = None,
    start_on: dt.date | None = None,
    due_on: dt.date | None = None,
    owner_id: UUID | None = None,
    parent_id: UUID | None = None,
    record: tuple[str, UUID] | None = None,
) -> Task:
    """Makes the tasks of a template, and returns the topmost one; ``record`` (kind, id) is linked to it.

    Either the first day of all is ``start_on``, or the topmost task is due on ``due_on``. Whose owner is not kept
    gets ``owner_id``, else the actor. Raises NotFound, Forbidden without the right to write the module's tasks,
    Invalid for both dates or none, for a bad title, and for what create_task refuses.
    """
    template = get_template(template_id)
    actor.require("write", Task.__resources__[template.module])
    content = Content.load(template.content)
    errors: dict[str, list[str]] = check_dates(start_on, due_on)
    title = " ".join((title or content.root.title).split())
    if not 1 <= len(title) <= 200:
        errors["title"] = [_("Write a title of at most %(count)s characters.", count=200)]
    if errors:
        raise Invalid(errors=errors)
    if owner_id is not None:
        owner_id = get_member(owner_id).id
    content = content.changed(content.root.key, title=title)
    dates = content.dates(plan.calendar(), start_on=start_on, due_on=due_on)
    owners = _owners(content, template.module, owner_id or actor.member_id, actor)
    made = _make(content, dates, owners, template.module, parent_id, actor)
    top = made[content.root.key]
    if record is not None:
        link_records("task", top.id, *record, actor=actor)
    announce(top, "created")
    return top


def check_dates(start_on: dt.date | None, due_on: dt.date | None) -> dict[str, list[str]]:
    """What is wrong with the date that a template is used on: one of the two, within the years of tasks."""
    if (start_on is None) == (due_on is None):
        return {"start_on": [_("Name either the first day or the due date.")]}
    name = "start_on" if due_on is None else "due_on"
    day = start_on or due_on
    if day is not None and day.year not in YEARS:
        return {name: [_("This date is too far away.")]}
    return {}


# ── from tasks ───────────────────────────────────────────────────────────────────────────────────


def _content(tree: Sequence[Task], *, keep_owners: bool) -> Content:
    """A tree of tasks as a template's content. Two queries, and one for the organization."""
    days = plan.calendar()
    ids = [one.id for one in tree]
    # Levels came in reverse order; a template has them as people see them, each below its parent.
    order = sorted(tree[1:], key=lambda one: one.rank)
    order.sort(key=lambda one: _depth(one, tree))
    keys = {one.id: place for place, one in enumerate([tree[0], *order])}
    spans = relative({one.id: span(days, one.start_on, one.due_on) for one in tree})
    if any(day is not None and day > MAX_DAYS for one in spans.values() for day in one):
        raise Invalid(errors={"task": [_("The dates of these tasks are too far apart.")]})
    lines: dict[UUID, list[str]] = {}
    for line in db.session.scalars(
        select(ChecklistItem)
        .where(is_one_of(ChecklistItem.task_id, ids))
        .order_by(ChecklistItem.position, ChecklistItem.id)
    ):
        lines.setdefault(line.task_id, []).append(line.text)
    items = tuple(
        Item(
            key=keys[one.id],
            parent=None if one is tree[0] else keys[one.parent_id],  # type: ignore[index]
            title=one.title, description=one.description, type=one.type, priority=one.priority,
            estimate=one.estimate, tags=tuple(one.tags), start=spans[one.id][0], due=spans[one.id][1],
            checklist=tuple(lines.get(one.id, [])),
            owner=str(one.owner_id) if keep_owners and one.owner_id else None, custom=one.custom,
        )
        for one in sorted(tree, key=lambda one: keys[one.id])
    )  # fmt: skip
    links = db.session.scalars(
        select(TaskDependency)
        .where(is_one_of(TaskDependency.predecessor_id, ids), is_one_of(TaskDependency.successor_id, ids))
        .order_by(TaskDependency.id)
    )
    return Content(items, tuple(Tie(keys[one.predecessor_id], keys[one.successor_id], one.type, one.lag)
                                for one in links))  # fmt: skip


def _depth(task: Task, tree: Sequence[Task]) -> int:
    above = {one.id: one.parent_id for one in tree}
    depth, at = 0, task.parent_id
    while at in above and at != tree[0].id:
        depth, at = depth + 1, above[at]
    return depth


# ── to tasks ─────────────────────────────────────────────────────────────────────────────────────


def _owners(content: Content, module: str, other: UUID | None, actor: Actor) -> dict[int, UUID | None]:
    """Who gets which task: the member that is kept, as long as they are here and the actor may give them tasks."""
    scope = actor.require("write", Task.__resources__[module])
    kept = {one.owner for one in content.items} - {None}
    here = {str(one.id): one.id for one in list_people()} if kept else {}
    found: dict[int, UUID | None] = {}
    for one in content.items:
        member = here.get(one.owner or "")
        found[one.key] = member if member is not None and actor.covers(scope, member) else other
    return found


def _make(
    content: Content,
    dates: dict[int, Dates],
    owners: dict[int, UUID | None],
    module: str,
    parent_id: UUID | None,
    actor: Actor,
) -> dict[int, Task]:
    """The tasks by their keys, with check-lists and links."""
    made: dict[int, Task] = {}
    status = queries.first_status(StatusGroup.BACKLOG).id
    # Parents first; within a level the last one first, since a new task goes to the top of the order.
    depth = {one.key: (level, -place) for place, (one, level) in enumerate(content.tree())}
    for one in sorted(content.items, key=lambda one: depth[one.key]):
        start_on, due_on = dates[one.key]
        made[one.key] = create_task(
            actor=actor, title=one.title, description=one.description, module=module, type=one.type,
            priority=one.priority, estimate=one.estimate, tags=list(one.tags), status_id=status,
            custom=dict(one.custom),
            owner_id=owners[one.key], start_on=start_on, due_on=due_on,
            parent_id=parent_id if one.parent is None else made[one.parent].id,
        )  # fmt: skip
        for line in one.checklist:
            add_item(made[one.key].id, line, actor=actor)
    for tie in content.ties:
        add_dependency(made[tie.before].id, made[tie.after].id, actor=actor, type=tie.type, lag=tie.lag)
    return made


# ── what is asked of values ──────────────────────────────────────────────────────────────────────


def _require_change(template: TaskTemplate, actor: Actor) -> None:
    actor.require("write", "task")
    if not may_change(template, actor=actor):
        raise Forbidden(details={"permission": "manage tasks"})


def _lock_item(template_id: UUID, key: int, actor: Actor, version: int | None) -> tuple[TaskTemplate, Content, Item]:
    template = db.session.scalar(select(TaskTemplate).where(TaskTemplate.id == template_id).with_for_update())
    if template is None:
        raise NotFound
    _require_change(template, actor)
    content = Content.load(template.content)
    item = content.get(key)
    if item is None:
        raise NotFound
    if version is not None and version != template.version:
        raise Conflict(details={"version": template.version})
    return template, content, item


def _words(name: str, description: str | None) -> dict[str, Any]:
    name, description = " ".join(name.split()), (description or "").strip() or None
    errors: dict[str, list[str]] = {}
    if not 1 <= len(name) <= MAX_NAME:
        errors["name"] = [_("Write a name of at most %(count)s characters.", count=MAX_NAME)]
    if len(description or "") > MAX_DESCRIPTION:
        errors["description"] = [_("At most %(count)s characters.", count=MAX_DESCRIPTION)]
    if errors:
        raise Invalid(errors=errors)
    return {"name": name, "description": description}


def _problems(
    title: str, priority: str, estimate: int | None, start: int | None, due: int | None
) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not 1 <= len(title) <= 200:
        errors["title"] = [_("Write a title of at most %(count)s characters.", count=200)]
    if priority not in set(Priority):
        errors["priority"] = [_("Choose one of the list.")]
    if estimate is not None and not 0 <= estimate <= MAX_ESTIMATE:
        errors["estimate"] = [_("Write a number from %(least)s to %(most)s.", least=0, most=MAX_ESTIMATE)]
    for name, day in (("start", start), ("due", due)):
        if day is not None and not -MAX_DAYS <= day <= MAX_DAYS:
            errors[name] = [_("Write a number from %(least)s to %(most)s.", least=-MAX_DAYS, most=MAX_DAYS)]
    if not errors and start is not None and due is not None and due < start:
        errors["due"] = [_("The due date is before the start.")]
    return errors
