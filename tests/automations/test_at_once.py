"""Actions of rules beside what people do at the same moment."""

from __future__ import annotations

import threading
import time

from sqlalchemy import text

from app.custom_fields.service import create_field, set_archived
from app.kernel.db import db
from app.kernel.uow import uow
from app.tasks.service.approvals import set_approvers
from tests.automations.helpers import change, rule, states, task
from tests.automations.test_targets import URGENT, asked


def test_a_rule_keeps_the_approver_that_somebody_adds_at_the_same_moment(app, company, actor):
    boss, seller = company.marketing.member_id, company.sales.member_id
    found = rule(actor, URGENT, {"type": "add_approvers", "approvers": [str(boss)]})
    made = task(actor, "Brochure", type="approval")
    change(actor, made, priority="P0")
    written = threading.Event()

    def somebody() -> None:
        with app.app_context(), uow(actor):
            set_approvers(made, actor=actor, members=[seller])
            written.set()
            until = time.monotonic() + 20  # the rule waits for the end of this transaction
            while not db.session.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")):
                assert time.monotonic() < until
                time.sleep(0.01)

    thread = threading.Thread(target=somebody)
    thread.start()
    assert written.wait(20)
    assert states(actor, found) == [("ok", "")]
    thread.join(20)
    assert asked(actor, made) == {boss, seller}


def test_a_field_that_was_archived_since_is_told_in_words(actor):
    with uow(actor):
        field = create_field("task", "Effort", "text", actor=actor)
    found = rule(actor, URGENT, {"type": "set_field", "field": f"custom_{field.key}", "value": "much"})
    with uow(actor):
        set_archived(field.id, True, actor=actor)
    made = task(actor)
    change(actor, made, priority="P0")
    assert states(actor, found) == [("failed", "Campo sconosciuto “Effort”.")]
