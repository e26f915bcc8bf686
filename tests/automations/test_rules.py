"""Rules: each trigger and each action, conditions, and who is shown to have acted."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from app.automations import jobs as automation_jobs
from app.automations.queries.runs import get_rule
from app.automations.service.rules import add_preset, create_rule, delete_rule, set_active, update_rule
from app.collaboration.models import Comment, RecordLink
from app.collaboration.service.comments import add_comment
from app.events.tasks import TaskSlaBreached
from app.kernel import clock, i18n
from app.kernel.audit import AuditLog
from app.kernel.db import db
from app.kernel.errors import Forbidden, Invalid
from app.kernel.outbox import emit
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.notifications import service as notifications
from app.sales.service.leads import convert_lead, create_lead
from app.sales.service.opportunities.closing import lose_opportunity, reopen_opportunity, win_opportunity
from app.sales.service.opportunities.stages import move_opportunity
from app.tasks.models.tasks import Task
from app.tasks.service.dependencies import add_dependency
from app.tasks.service.planning import Dates, set_dates
from app.tasks.service.tasks import delete_task
from app.tasks.service.templates import create_template
from app.tenancy.service.members import save_team, update_member
from tests.automations.helpers import below, change, dry, get, rule, runs, states, status, task, tasks
from tests.sales import helpers as sales

COMMENT = {"type": "comment", "body": "Seen: {title}"}
TODAY = dt.date(2026, 11, 27)
MORNING = dt.datetime(2026, 11, 27, 9, 0, tzinfo=dt.UTC)


def comments(actor, record_id):
    with tenant_scope(actor):
        statement = select(Comment.author_name, Comment.body).where(Comment.record_id == record_id)
        return [tuple(row) for row in db.session.execute(statement.order_by(Comment.id))]


def told(actor):
    with uow(actor), i18n.force_locale("en"):
        return [notifications.text_of(one) for one in notifications.list_notifications(actor.member_id)]


def tick(at):
    with clock.frozen(at):
        return automation_jobs.tick()


# ── triggers ─────────────────────────────────────────────────────────────────────────────────────


def test_what_happens_to_a_task_sets_rules_off(company, actor):
    colleague = company.sales.actor
    kinds = {
        "created": {"type": "created"},
        "priority": {"type": "changed", "field": "priority", "from": "P2", "to": "P1"},
        "dates": {"type": "changed", "field": "due_on"},
        "assigned": {"type": "assigned"},
        "comment": {"type": "comment"},
        "unblocked": {"type": "unblocked"},
        "done": {"type": "changed", "field": "status", "to": str(status(actor, "done"))},
    }
    found = {name: rule(actor, one, {"type": "notify", "to": ["creator"], "text": name}, name=name)
             for name, one in kinds.items()}  # fmt: skip

    def fired():
        return {name: len(runs(actor, key)) for name, key in found.items() if runs(actor, key)}

    first, second = task(actor, "First"), task(actor, "Second")
    assert fired() == {"created": 2}
    change(actor, first, priority="P1")
    change(actor, first, priority="P3")  # neither from P2 nor to P1
    change(actor, first, title="First", tags=["a"])
    assert fired() == {"created": 2, "priority": 1}
    with uow(actor):
        set_dates([Dates(first, get(actor, first).version, None, TODAY)], actor=actor)
    change(actor, second, due_on=TODAY)
    change(actor, second, due_on=TODAY)  # as it was
    change(actor, second, owner_id=colleague.member_id)
    assert fired() == {"created": 2, "priority": 1, "dates": 2, "assigned": 1}
    with uow(actor):
        add_comment("task", first, "Hello", actor=actor)
        add_dependency(first, second, actor=actor)
    change(actor, first, status_id=status(actor, "in_progress"))
    change(actor, first, status_id=status(actor, "done"))
    assert fired() == {"created": 2, "priority": 1, "dates": 2, "assigned": 1, "comment": 1, "unblocked": 1, "done": 1}
    assert {one.record_id for one in runs(actor, found["unblocked"])} == {second}
    assert {one.record_id for one in runs(actor, found["comment"])} == {first}
    # What a dry run says of the same days is what happened.
    late = rule(actor, {"type": "sla"}, COMMENT, name="late")
    late_by = {"owner_id": None, "priority": "P2", "target": "finish", "due_at": MORNING}
    with uow(actor):
        emit(TaskSlaBreached(subject_id=second, title="Second", **late_by))
    assert states(actor, late)[0] == ("ok", "")
    for name, key in found.items():
        assert dry(actor, key).count == len(runs(actor, key)), name
        assert {one.record_id for one in dry(actor, key).occasions} == {one.record_id for one in runs(actor, key)}


def test_what_happens_to_deals_and_leads_sets_rules_off(company, actor):
    stages = sales.stages(actor)
    kinds = {
        "created": ("opportunity", {"type": "created"}),
        "moved": ("opportunity", {"type": "changed", "field": "stage", "to": str(stages[1].id)}),
        "won": ("opportunity", {"type": "won"}),
        "lost": ("opportunity", {"type": "lost"}),
        "lead": ("lead", {"type": "created"}),
        "converted": ("lead", {"type": "converted"}),
    }
    found = {name: rule(actor, one, COMMENT, name=name, subject=kind) for name, (kind, one) in kinds.items()}
    deal = sales.deal(actor, "Presses")
    with uow(actor):
        move_opportunity(deal.id, actor=actor, stage_id=stages[2].id)
        move_opportunity(deal.id, actor=actor, stage_id=stages[1].id)
    with uow(actor):
        win_opportunity(deal.id, actor=actor)
    with uow(actor):
        reopen_opportunity(deal.id, actor=actor)
        lose_opportunity(deal.id, actor=actor, lost_reason_id=sales.reasons(actor)[0].id)
    with uow(actor):
        lead = create_lead(actor=actor, name="Lia Lead", email="lia@lead.example").id
    with uow(actor):
        convert_lead(lead, actor=actor)
    for name, key in found.items():
        times = 2 if name == "moved" else 1  # opened again, a deal is back in that stage
        assert states(actor, key) == [("ok", "")] * times, name
        assert dry(actor, key).count == times, name
    assert comments(actor, lead)[0] == ("Automazione · lead", "Seen: Lia Lead")


@pytest.mark.parametrize(("kind", "days", "due"), [("due_in", 3, 3), ("overdue", 1, -1)])
def test_due_dates_set_a_rule_off_once_each(actor, kind, days, due):
    wanted = TODAY + dt.timedelta(days=due)
    with clock.frozen(MORNING - dt.timedelta(days=20)):
        open_one, done = task(actor, "Open", due_on=wanted), task(actor, "Done", due_on=wanted)
        old, later = (
            task(actor, "Old", due_on=wanted - dt.timedelta(days=1)),
            task(actor, "Far", due_on=TODAY + dt.timedelta(days=90)),
        )
        change(actor, done, status_id=status(actor, "done"))
    with clock.frozen(MORNING):
        found = rule(actor, {"type": kind, "days": days}, {"type": "set_field", "field": "priority", "value": "P0"})
    tick(MORNING)
    tick(MORNING + dt.timedelta(hours=1))
    assert [(one.record_id, one.status) for one in runs(actor, found)] == [(open_one, "ok")]
    assert get(actor, open_one).priority == "P0"
    assert {get(actor, one).priority for one in (done, old, later)} == {"P2"}
    # Another due date is another occasion; the same one, back again, is not.
    change(actor, open_one, due_on=wanted + dt.timedelta(days=2))
    tick(MORNING + dt.timedelta(days=2))
    change(actor, open_one, due_on=wanted)
    tick(MORNING + dt.timedelta(days=2, hours=1))
    assert len(runs(actor, found)) == 2
    # A dry run looks back, and finds those that passed before the rule was switched on, too.
    with clock.frozen(MORNING):
        assert {one.label for one in dry(actor, found).occasions} == {"Open", "Old"}


# ── conditions ───────────────────────────────────────────────────────────────────────────────────


def test_conditions_are_those_of_filters(company, actor):
    leaf = {"field": "priority", "operator": "in", "value": ["P0"]}
    tagged = {"col": "tags", "opr": "in", "value": ["vip"]}
    found = rule(actor, {"type": "created"}, COMMENT, conditions={"op": "or", "items": [leaf, {"op": "and", "items": [
        tagged, {"field": "owner", "operator": "in", "value": [str(company.sales.member_id)]}]}]})  # fmt: skip
    meant = {task(actor, "A", priority="P0"), task(actor, "B", tags=["vip"], owner_id=company.sales.member_id)}
    task(actor, "C", tags=["vip"])
    assert {one.record_id for one in runs(actor, found)} == meant
    assert {one.record_id for one in dry(actor, found).occasions} == meant


# ── actions ──────────────────────────────────────────────────────────────────────────────────────


def test_actions_act_by_the_verbs_of_the_screens(company, actor):
    colleague, marketing = company.sales.member_id, company.marketing.member_id
    with uow(actor):
        team = save_team(None, actor=actor, name="Sellers", manager_id=marketing)
        update_member(colleague, actor=actor, team_id=team.id)
    model = task(actor, "Model")
    task(actor, "Model, part 2", parent_id=model)
    with uow(actor):
        template = create_template(model, "Kit", actor=actor).id
    with clock.frozen(MORNING):
        found = rule(
            actor, {"type": "changed", "field": "priority", "to": "P0"},
            {"type": "set_field", "field": "due_on", "value": "+3"},
            {"type": "assign", "owner": str(colleague)},
            {"type": "create_task", "title": "Call about {title}", "owner": "owner", "due_in": 1, "priority": "P1"},
            {"type": "create_task", "template": str(template)},
            {"type": "comment", "body": "{title} is urgent, due {due}, @Sam Seller"},
            {"type": "notify", "to": ["owner", "manager", "creator", "watchers"], "text": "hurry", "priority": "P0"},
        )  # fmt: skip
        one = task(actor, "Pump", module="sales")
        change(actor, one, priority="P0")
        assert states(actor, found) == [("ok", "")]
    changed = get(actor, one)
    assert (changed.due_on, changed.owner_id) == (dt.date(2026, 11, 30), colleague)
    made = {one.title: one for one in below(actor, one)}
    assert set(made) == {"Call about Pump", "Model"}
    assert made["Call about Pump"].due_on == dt.date(2026, 11, 28)
    assert {one.owner_id for one in made.values()} == {colleague}
    assert [one.title for one in below(actor, made["Model"].id)] == ["Model, part 2"]
    assert comments(actor, one) == [("Automazione · Rule", "Pump is urgent, due 30 nov, @Sam Seller")]
    assert "P0 · “Pump”: hurry" in told(company.sales.actor)
    assert "Automazione · Rule mentioned you in “Pump”" in told(company.sales.actor)
    assert "P0 · “Pump”: hurry" in told(company.admin.actor)
    # The team's manager may not see a task of sales, so hears nothing of it.
    assert told(company.marketing.actor) == []
    with tenant_scope(actor):
        log = db.session.execute(
            select(AuditLog.actor_kind, AuditLog.actor_label, AuditLog.actor_id).where(
                AuditLog.entity == "task", AuditLog.entity_id == str(one), AuditLog.changes.has_key("due_on")
            )
        ).one()
    assert tuple(log) == ("automation", "Automazione · Rule", None)
    (run,) = runs(actor, found)
    assert [one["type"] for one in run.log] == [
        "set_field",
        "assign",
        "create_task",
        "create_task",
        "comment",
        "notify",
    ]
    assert run.log[2]["id"] == str(made["Call about Pump"].id)
    assert (run.depth, run.caused_by) == (1, None)


def test_each_notice_of_a_rule_is_told_and_the_log_names_who_was(actor, monkeypatch):
    notice = {"type": "notify", "to": ["creator", "owner"]}
    found = rule(actor, {"type": "created"}, {**notice, "text": "one"}, {**notice, "text": "two"})
    task(actor, "Pump")
    (run,) = runs(actor, found)
    assert sorted(told(actor)) == ["“Pump”: one", "“Pump”: two"]
    assert [one["told"] for one in run.log] == [[str(actor.member_id)]] * 2
    monkeypatch.setattr("app.automations.telling.notify", lambda *_args, **_more: False)
    task(actor, "Valve")
    assert [one["told"] for one in runs(actor, found)[-1].log] == [[], []]


def test_a_task_about_a_deal_is_linked_to_it(actor):
    found = rule(actor, {"type": "won"}, {"type": "create_task", "title": "Kick-off: {title}"}, subject="opportunity")
    deal = sales.deal(actor, "Presses")
    with uow(actor):
        win_opportunity(deal.id, actor=actor)
    (run,) = runs(actor, found)
    assert run.status == "ok", run.reason
    with tenant_scope(actor):
        link = db.session.execute(select(RecordLink.left_id, RecordLink.right_id)).one()
        made = db.session.scalar(select(Task).where(Task.title == "Kick-off: Presses"))
        assert set(link) == {deal.id, made.id}


def test_a_run_that_is_refused_keeps_nothing(actor):
    with clock.frozen(MORNING):
        found = rule(actor, {"type": "created"}, COMMENT, {"type": "set_field", "field": "start_on", "value": "+5"})
        one = task(actor, "Late", due_on=TODAY)
        (run,) = runs(actor, found)
    assert (run.status, run.log) == ("failed", [{"type": "set_field", "place": 1, "failed": True}])
    assert run.reason == "La scadenza viene prima dell’inizio."
    assert comments(actor, one) == []
    assert get(actor, one).start_on is None


def test_what_is_gone_or_switched_off_meanwhile_is_left_out(actor, monkeypatch):
    found = rule(actor, {"type": "created"}, COMMENT)
    with monkeypatch.context() as waiting:
        waiting.setattr("app.automations.service.running.jobs.enqueue", lambda *_args, **_more: None)
        gone, kept = task(actor), task(actor)
        first, second = runs(actor, found)
    with uow(actor):
        delete_task(db.session.get(Task, gone), actor=actor)
    automation_jobs.run(str(first.id), actor=actor)
    with uow(actor):
        set_active(get_rule(found), actor=actor, on=False)
    automation_jobs.run(str(second.id), actor=actor)
    assert states(actor, found) == [("skipped", "gone"), ("skipped", "off")]
    assert comments(actor, kept) == []
    task(actor)
    assert len(runs(actor, found)) == 2
    with uow(actor):
        delete_rule(get_rule(found), actor=actor)
    assert runs(actor) == []


# ── presets ──────────────────────────────────────────────────────────────────────────────────────


def test_the_two_presets_do_what_they_promise(company, actor):
    with clock.frozen(MORNING):
        with uow(actor), i18n.force_locale("en"):
            publication = add_preset("publication", actor=actor, active=True).id
            escalation = add_preset("escalation", actor=actor, active=True).id
        one = task(actor, "Brochure", owner_id=company.sales.member_id, due_on=TODAY - dt.timedelta(days=1))
        change(actor, one, status_id=status(actor, "approved"))
        assert states(actor, publication) == [("ok", "")]
        (made,) = below(actor, one)
        assert (made.title, made.owner_id) == ("Publication", company.sales.member_id)
        change(actor, made.id, status_id=status(actor, "approved"))
        assert below(actor, made.id) == []
        automation_jobs.tick()
        assert states(actor, escalation) == [("ok", "")]
    assert "P0 · “Brochure”: the due date (26 nov) has passed and it is not done." in told(company.sales.actor)
    assert len(tasks(actor)) == 2


# ── who may write which rule ─────────────────────────────────────────────────────────────────────


def test_nobody_writes_a_rule_that_does_what_they_may_not(company, actor):
    values = {"name": "R", "subject": "task", "trigger": {"type": "created"}, "actions": [COMMENT]}
    for person in (company.sales, company.marketing, company.viewer):
        with pytest.raises(Forbidden), uow(person.actor):
            create_rule(actor=person.actor, **values)
    from dataclasses import replace

    from app.kernel.actor import Scope

    some = {**actor.permissions, "write activity": Scope.TEAM}
    with pytest.raises(Forbidden), uow(replace(actor, permissions=some)) as session:
        create_rule(actor=session.scope.actor, **values)


BAD = [
    ({"name": " "}, "name"),
    ({"subject": "account"}, "subject"),
    ({"daily_cap": 0}, "daily_cap"),
    ({"trigger": None}, "trigger"),
    ({"trigger": {"type": "won"}}, "trigger"),
    ({"trigger": {"type": "created", "days": 1}}, "trigger.days"),
    ({"trigger": {"type": "overdue", "days": True}}, "trigger.days"),
    ({"trigger": {"type": "overdue"}}, "trigger.days"),
    ({"trigger": {"type": "changed", "field": "description"}}, "trigger.field"),
    ({"trigger": {"type": "changed", "field": "priority", "to": "P9"}}, "trigger.to"),
    ({"trigger": {"type": "changed", "field": "title", "to": "x"}}, "trigger.to"),
    ({"trigger": {"type": "changed", "field": "status", "from": "0" * 32}}, "trigger.from"),
    ({"trigger": {"type": "schedule", "rule": "FREQ=HOURLY", "at": "08:00"}}, "trigger.rule"),
    ({"trigger": {"type": "schedule", "rule": "FREQ=DAILY", "at": "25:00"}}, "trigger.at"),
    ({"trigger": {"type": "schedule", "rule": "FREQ=DAILY", "at": "08:00"}}, "conditions"),
    ({"conditions": {"op": "and", "items": [{"field": "nothing", "operator": "in", "value": ["x"]}]}}, "conditions"),
    ({"conditions": {"op": "xor", "items": []}}, "conditions"),
    ({"conditions": {"items": [{"field": "owner", "operator": "in", "value": ["me"]}]}}, "conditions"),
    ({"actions": []}, "actions"),
    ({"actions": [{"type": "explode"}]}, "actions.0.type"),
    ({"actions": [{"type": "comment", "body": " "}]}, "actions.0.body"),
    ({"actions": [{"type": "comment", "body": "a\x00"}]}, "actions.0.body"),
    ({"actions": [{"type": "set_field", "field": "number", "value": 1}]}, "actions.0.field"),
    ({"actions": [{"type": "set_field", "field": "owner", "value": "0" * 32}]}, "actions.0.value"),
    ({"actions": [COMMENT, {"type": "assign", "owner": "0" * 32}]}, "actions.1.owner"),
    ({"actions": [{"type": "notify", "to": ["everybody"], "text": "x"}]}, "actions.0.to"),
    ({"actions": [{"type": "notify", "to": [{"a": 1}], "text": "x"}]}, "actions.0.to"),
    ({"actions": [{"type": "notify", "to": [["owner"]], "text": "x"}]}, "actions.0.to"),
    ({"actions": [{"type": "notify", "to": [""], "text": "x"}]}, "actions.0.to"),
    ({"actions": [{"type": "notify", "to": ["owner"], "text": "x", "priority": ["P0"]}]}, "actions.0.priority"),
    ({"actions": [{"type": "create_task", "title": "x", "priority": {"a": 1}}]}, "actions.0.priority"),
    ({"actions": [{"type": "create_task", "title": "x", "priority": []}]}, "actions.0.priority"),
    ({"actions": [{"type": "create_task", "template": "x"}]}, "actions.0.template"),
    ({"actions": [{"type": "create_task", "title": "x", "due_in": -1}]}, "actions.0.due_in"),
    ({"actions": [{"type": "webhook", "url": "ftp://a.example/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "http://a.example/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "https://u:p@a.example/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "https://10.0.0.7/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "https://[::ffff:169.254.169.254]/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "https://2130706433/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "https://localhost:5000/"}]}, "actions.0.url"),
    ({"actions": [{"type": "webhook", "url": "https://[bad/"}]}, "actions.0.url"),
]


def test_what_is_wrong_is_said_at_its_place(company, actor):
    good = {"name": "R", "subject": "task", "trigger": {"type": "created"}, "actions": [COMMENT]}
    for bad, place in BAD:
        with pytest.raises(Invalid) as raised, uow(actor):
            create_rule(actor=actor, **{**good, **bad})
        assert list(raised.value.errors) == [place], bad
    found = rule(actor, good["trigger"], COMMENT)
    with pytest.raises(Invalid), uow(actor):
        update_rule(get_rule(found), actor=actor, trigger={"type": "overdue"})
    with uow(actor):
        update_rule(get_rule(found), actor=actor, name="New name", trigger={"type": "overdue", "days": 2})
        assert (get_rule(found).name, get_rule(found).trigger["days"]) == ("New name", 2)
