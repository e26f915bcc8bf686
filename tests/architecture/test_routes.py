"""Every address of the application: who may use it, and that nobody else can."""

from __future__ import annotations

import re

import pytest

from app.kernel.actor import system_actor
from app.kernel.db import db
from app.kernel.uow import uow
from app.sales.models.pipelines import LostReason, Pipeline, PipelineStage
from app.tasks.models.tasks import TaskStatus
from tests.architecture.walls import fill, walls
from tests.support import SignedIn

PUBLIC = {
    "/": "sends a visitor to sign in",
    "/back": "goes back in the visitor's own history",
    "/branding/<slug>/<digest>.css": "three colours, given in the address itself",
    "/files/<token>": "the signed address is the permission",
    "/healthz": "process up",
    "/calendar/<token>.ics": "the token is the permission",
    "/invite/<token>": "the token is the permission",
    "/lang/<string:locale>": "the visitor's language",
    "/login/": "sign-in",
    "/login/code": "second factor of a sign-in",
    "/login/forgot": "asks for a reset link",
    "/login/google": "sign-in",
    "/login/google/callback": "sign-in",
    "/login/reset/<token>": "the token is the permission",
    "/logout/": "signs out whoever is signed in",
    "/metrics": "this machine only",
    "/preferences": "theme and language, for visitors by cookie",
    "/readyz": "readiness",
    "/request/<token>": "the token is the permission",
    "/signup/": "asks for a sign-up link",
    "/signup/<token>": "the token is the permission",
    "/static/<path:filename>": "files of the product",
    "/static/appbuilder/<path:filename>": "files of the product",
    "/ui": "gallery of components, switched on for development only",
    "/api/v1/security/login": "gives tokens",
}

SALES = {"accounts": "account", "activities": "deal", "contacts": "contact", "leads": "lead",
         "opportunities": "deal", "products": "product"}  # fmt: skip
KIND = {"accounts": "account", "activities": "activity_log", "contacts": "contact", "leads": "lead",
        "opportunities": "opportunity", "products": "product"}  # fmt: skip

PERIOD = {"from": "2026-11-01", "to": "2026-11-30"}

ADDRESS = {"activities": "activity-log"}  # where REST and the screens differ

# (method, rule) -> (permission or "member" or "vendor", row whose id stands for <pk>, form or JSON)
TABLE: dict[tuple[str, str], tuple[str, str | None, dict | None]] = {}


def row(method: str, rule: str, permission: str, key: str | None = None, data: dict | None = None) -> None:
    TABLE[method, rule] = (permission, key, data)


for _name, _resource in SALES.items():
    _base, _key = f"/sales/{ADDRESS.get(_name, _name)}", KIND[_name]
    row("GET", f"{_base}/", f"read {_resource}")
    row("GET", f"{_base}/list/", f"read {_resource}")
    row("GET", f"{_base}/show/<pk>", f"read {_resource}", _key)
    row("GET", f"{_base}/edit/<pk>", f"write {_resource}", _key)
    row("POST", f"{_base}/edit/<pk>", f"write {_resource}", _key)
    row("GET", f"{_base}/add", f"write {_resource}")
    row("POST", f"{_base}/add", f"write {_resource}")
    row("GET", f"{_base}/export/<fmt>", f"export {_resource}")
    row("POST", f"{_base}/export/<fmt>", f"export {_resource}")
    row("POST", f"{_base}/bulk", f"write {_resource}", None, {"action": "delete", "rowid": "RIVAL"})
    row("POST", f"{_base}/delete/<pk>", f"write {_resource}", _key)
    for _slash in ("", "/"):
        _api = f"/api/v1/{_name}"
        row("GET", f"{_api}{_slash}", f"read {_resource}")
        row("POST", f"{_api}{_slash}", f"write {_resource}", None, {})
        row("GET", f"{_api}/<pk>{_slash}", f"read {_resource}", _key)
        row("PUT", f"{_api}/<pk>{_slash}", f"write {_resource}", _key, {})
        row("PATCH", f"{_api}/<pk>{_slash}", f"write {_resource}", _key, {})
        row("DELETE", f"{_api}/<pk>{_slash}", f"write {_resource}", _key)
    row("GET", f"/api/v1/{_name}/_info", f"read {_resource}")
for _name, _key in (("pipelines", "pipeline"), ("pipeline-stages", "pipeline_stage")):
    for _slash in ("", "/"):
        row("GET", f"/api/v1/{_name}{_slash}", "read pipeline")
        row("GET", f"/api/v1/{_name}/<pk>{_slash}", "read pipeline", _key)
    row("GET", f"/api/v1/{_name}/_info", "read pipeline")
for _slash in ("", "/"):
    row("GET", f"/api/v1/api-keys{_slash}", "read api")
    row("POST", f"/api/v1/api-keys{_slash}", "write api", None, {})
    row("GET", f"/api/v1/api-keys/<pk>{_slash}", "read api", "api_key")
    row("DELETE", f"/api/v1/api-keys/<pk>{_slash}", "write api", "api_key")
row("GET", "/api/v1/api-keys/_info", "read api")
row("POST", "/api/v1/api-keys/<pk>/rotate", "write api", "api_key", {})
for _verb in ("win", "lose", "reopen", "move"):
    _data = {"lost_reason": "lost_reason", "stage": "pipeline_stage"}
    row("POST", f"/api/v1/opportunities/<pk>/{_verb}", "write deal", "opportunity", _data)
    row("POST", f"/sales/opportunities/<pk>/{_verb}", "write deal", "opportunity", _data)
row("POST", "/api/v1/leads/<pk>/convert", "write lead", "lead", {})
row("POST", "/sales/leads/<pk>/convert", "write lead", "lead")
row("POST", "/sales/opportunities/<pk>/activities", "write deal", "opportunity", {"title": "Call", "type": "call"})
row("POST", "/sales/opportunities/<pk>/lines", "write deal", "opportunity", {"lines": []})
row("POST", "/sales/opportunities/activities/<pk>/complete", "write deal", "activity_log")
row("POST", "/sales/opportunities/quick", "write deal", None, {"title": "Quick", "stage": "RIVAL"})
for _rule in ("/tasks/", "/tasks/list", "/tasks/list/", "/tasks/board", "/tasks/table"):
    row("GET", _rule, "read task")
for _rule in ("/tasks/<pk>", "/tasks/<pk>/panel", "/tasks/show/<pk>"):
    row("GET", _rule, "read task", "task")
row("GET", "/settings/custom-fields", "manage tasks")
row("POST", "/settings/custom-fields/save", "manage tasks", None, {"id": "custom_field", "label": "Taken over"})
row("POST", "/settings/custom-fields/order", "manage tasks", None, {"kind": "=task", "field": "custom_field"})
row("POST", "/settings/custom-fields/<pk>/archive", "manage tasks", "custom_field")
row("GET", "/tasks/add", "write task")
row("POST", "/tasks/add", "write task")
row("GET", "/tasks/edit/<pk>", "write task", "task")
row("POST", "/tasks/edit/<pk>", "write task", "task")
row("POST", "/tasks/delete/<pk>", "write task", "task")
row("POST", "/tasks/bulk", "write task", None, {"action": "delete", "rowid": "RIVAL"})
row("GET", "/tasks/export/<fmt>", "export task")
row("POST", "/tasks/export/<fmt>", "export task")
for _slash in ("", "/"):
    row("GET", f"/api/v1/tasks{_slash}", "read task")
    row("POST", f"/api/v1/tasks{_slash}", "write task", None, {})
    row("GET", f"/api/v1/tasks/<pk>{_slash}", "read task", "task")
    row("PUT", f"/api/v1/tasks/<pk>{_slash}", "write task", "task", {})
    row("PATCH", f"/api/v1/tasks/<pk>{_slash}", "write task", "task", {})
    row("DELETE", f"/api/v1/tasks/<pk>{_slash}", "write task", "task")
    row("GET", f"/api/v1/task-statuses{_slash}", "read task")
    row("GET", f"/api/v1/task-statuses/<pk>{_slash}", "read task", "task_status")
row("GET", "/api/v1/tasks/_info", "read task")
row("GET", "/api/v1/task-statuses/_info", "read task")
row("POST", "/api/v1/tasks/<pk>/move", "write task", "task", {"status": "task_status"})
row("GET", "/api/v1/tasks/<pk>/people", "read task", "task")
row("PUT", "/api/v1/tasks/<pk>/people", "write task", "task", {"watchers": []})
row("GET", "/api/v1/tasks/<pk>/checklist", "read task", "task")
row("POST", "/api/v1/tasks/<pk>/checklist", "write task", "task", {"text": "Line"})
row("PATCH", "/api/v1/tasks/checklist/<item>", "write task", "checklist_item", {"done": True})
row("DELETE", "/api/v1/tasks/checklist/<item>", "write task", "checklist_item")
row("GET", "/comments/<kind>/<pk>", "read comment", "account")
row("GET", "/comments/<kind>/<pk>/links", "read comment", "account")
row("GET", "/comments/<kind>/<pk>/people", "read comment", "account")
row("GET", "/comments/go/<pk>", "read comment", "comment")
row("GET", "/comments/history/<pk>", "read comment", "comment")
row("GET", "/attachments/<pk>", "read comment", "attachment")
row("GET", "/attachments/<pk>/preview", "read comment", "attachment")
for _name, _where, _key in (
    ("comments", {"kind": "=account", "record": "account"}, "comment"),
    ("task-comments", {"record": "task"}, "comment_of_task"),
):
    for _slash in ("", "/"):
        row("GET", f"/api/v1/{_name}{_slash}", "read comment", None, _where)
        row("POST", f"/api/v1/{_name}{_slash}", "write comment", None, {**_where, "body": "Hello"})
    row("GET", f"/api/v1/{_name}/<pk>", "read comment", _key)
    row("GET", f"/api/v1/{_name}/<pk>/history", "read comment", _key)
    for _method in ("PUT", "PATCH"):
        row(_method, f"/api/v1/{_name}/<pk>", "write comment", _key, {"body": "Taken over"})
    row("DELETE", f"/api/v1/{_name}/<pk>", "write comment", _key)
    for _verb, _data in (("restore", {}), ("resolve", {}), ("reactions", {"emoji": "👍"})):
        row("POST", f"/api/v1/{_name}/<pk>/{_verb}", "write comment", _key, _data)
    row("POST", f"/api/v1/{_name}/files", "write comment", None, _where)
    row("DELETE", f"/api/v1/{_name}/files/<pk>", "write comment", "attachment")
for _slash in ("", "/"):
    _where = {"kind": "=account", "record": "account"}
    row("GET", f"/api/v1/record-links{_slash}", "read comment", None, _where)
    row("POST", f"/api/v1/record-links{_slash}", "write comment", None, _where)
row("DELETE", "/api/v1/record-links/<pk>", "write comment", "record_link")
row("POST", "/api/v1/tasks/<pk>/snooze", "read task", "task", {"until": "2199-12-31"})
row("DELETE", "/api/v1/tasks/<pk>/snooze", "read task", "task")
row("GET", "/api/v1/tasks/<pk>/time", "read task", "task")
row("POST", "/api/v1/tasks/<pk>/time", "write task", "task", {"minutes": 5})
row("PATCH", "/api/v1/tasks/time/<item>", "write task", "time_entry", {"minutes": 5})
row("DELETE", "/api/v1/tasks/time/<item>", "write task", "time_entry")
row("POST", "/api/v1/tasks/<pk>/timer", "write task", "task")
row("GET", "/api/v1/tasks/timer", "read task")
row("PUT", "/api/v1/tasks/<pk>/recurrence", "write task", "task", {"rule": "FREQ=DAILY"})
row("POST", "/api/v1/tasks/<pk>/watch", "read task", "task")
row("DELETE", "/api/v1/tasks/<pk>/watch", "read task", "task")
row("DELETE", "/api/v1/tasks/timer", "read task")
row("GET", "/tasks/<pk>/assist", "read task", "task")
row("GET", "/api/v1/tasks/<pk>/assist", "read task", "task")
row("GET", "/comments/<kind>/<pk>/summary", "read comment", "account")
row("GET", "/api/v1/tasks/<pk>/summary", "read task", "task")
row("GET", "/tasks/similar", "read task")
row("GET", "/api/v1/tasks/similar", "read task")
_accepted = {"kind": "checklist", "lines": [{"text": "Taken over"}]}
row("POST", "/api/v1/tasks/<pk>/assist/accept", "write task", "task", _accepted)
for _slash in ("", "/"):
    row("GET", f"/api/v1/calendar{_slash}", "read calendar", None, PERIOD)
row("GET", "/api/v1/calendar/undated", "read calendar")
row("POST", "/api/v1/calendar/<provider>/<pk>/move", "write calendar", "task", {"start": "2026-12-01"})
row("POST", "/api/v1/calendar/<provider>/<pk>/finish", "write calendar", "task", {})
_TIMELINE = ("/timeline", "/timeline/data", "/timeline/layout", "/workload")
for _base, _permission in (("/sales/activities", "read tasks"), ("/marketing/activities", "read activity")):
    for _path in ("/", "/list", "/list/", "/board", "/calendar", "/table", *_TIMELINE):
        row("GET", _base + _path, _permission)
row("GET", "/tasks/calendar", "read task")
row("GET", "/calendar/feed", "member")
row("POST", "/calendar/feed", "member")
row("POST", "/calendar/feed/change", "member")
row("POST", "/calendar/feed/revoke", "member")
for _rule in _TIMELINE:
    row("GET", f"/tasks{_rule}", "read task")
row("GET", "/tasks/workload/capacity/<pk>", "manage tasks", "member")
row("POST", "/tasks/workload/capacity/<pk>", "manage tasks", "member", {"hours": "20"})
row("GET", "/api/v1/tasks/workload", "read task")
row("GET", "/api/v1/tasks/capacities/<item>", "manage tasks", "member")
row("PUT", "/api/v1/tasks/capacities/<item>", "manage tasks", "member", {"weekly_minutes": None})
row("GET", "/api/v1/tasks/<pk>/dependencies", "read task", "task")
row("POST", "/api/v1/tasks/<pk>/dependencies", "write task", "task", {"predecessor": "waiting_task"})
row("PATCH", "/api/v1/tasks/dependencies/<item>", "write task", "task_dependency", {"lag": 1})
row("DELETE", "/api/v1/tasks/dependencies/<item>", "write task", "task_dependency")
row("GET", "/api/v1/tasks/<pk>/plan", "read task", "task")
row("POST", "/api/v1/tasks/dates", "write task", None, {"tasks": []})
for _method in ("GET", "PUT", "DELETE"):
    row(_method, "/api/v1/tasks/baseline", "read task")
row("GET", "/tasks/<pk>/approval", "read task", "task")
row("GET", "/api/v1/tasks/<pk>/approval", "read task", "task")
row("PUT", "/api/v1/tasks/<pk>/approvers", "write task", "task", {"members": []})
row("POST", "/api/v1/tasks/<pk>/decision", "read task", "approval_task", {"decision": "approved"})
for _slash in ("", "/"):
    row("GET", f"/api/v1/task-templates{_slash}", "read task")
    row("GET", f"/api/v1/task-templates/<pk>{_slash}", "read task", "task_template")
    row("PUT", f"/api/v1/task-templates/<pk>{_slash}", "write task", "task_template", {})
    row("PATCH", f"/api/v1/task-templates/<pk>{_slash}", "write task", "task_template", {})
    row("DELETE", f"/api/v1/task-templates/<pk>{_slash}", "write task", "task_template")
row("GET", "/api/v1/task-templates/_info", "read task")
row("POST", "/api/v1/task-templates/from-task", "write task", None, {"task": "task", "name": "Taken over"})
row("GET", "/api/v1/task-templates/<pk>/preview", "read task", "task_template", {"start_on": "2026-12-01"})
row("POST", "/api/v1/task-templates/<pk>/use", "write task", "task_template", {"start_on": "2026-12-01"})
row("PATCH", "/api/v1/task-templates/<pk>/items/<item>", "write task", "task_template", {"title": "Taken over"})
row("DELETE", "/api/v1/task-templates/<pk>/items/<item>", "write task", "task_template")
row("GET", "/tasks/templates/choose", "write task")
row("GET", "/tasks/templates/preview", "write task", None, {"template": "task_template", "start_on": "2026-12-01"})
row("GET", "/tasks/templates/keep/<pk>", "write task", "task")
row("GET", "/settings/task-templates", "read task")
row("GET", "/settings/task-templates/<pk>", "read task", "task_template")
row("POST", "/settings/task-templates/<pk>/save", "write task", "task_template", {"name": "Taken over"})
row("POST", "/settings/task-templates/<pk>/delete", "write task", "task_template")
row("POST", "/settings/task-templates/<pk>/items/<item>", "write task", "task_template", {"title": "Taken over"})
for _slash in ("", "/"):
    row("GET", f"/api/v1/task-requests{_slash}", "write task")
    row("GET", f"/api/v1/task-requests/<pk>{_slash}", "write task", "task_request")
    row("GET", f"/api/v1/intake-forms{_slash}", "manage tasks")
    row("POST", f"/api/v1/intake-forms{_slash}", "manage tasks", None, {})
    row("GET", f"/api/v1/intake-forms/<pk>{_slash}", "manage tasks", "intake_form")
    row("PUT", f"/api/v1/intake-forms/<pk>{_slash}", "manage tasks", "intake_form", {})
    row("PATCH", f"/api/v1/intake-forms/<pk>{_slash}", "manage tasks", "intake_form", {})
    row("DELETE", f"/api/v1/intake-forms/<pk>{_slash}", "manage tasks", "intake_form")
row("GET", "/api/v1/task-requests/_info", "write task")
row("POST", "/api/v1/task-requests/<pk>/accept", "write task", "task_request", {})
row("POST", "/api/v1/task-requests/<pk>/decline", "write task", "task_request", {"reason": "Taken over"})
row("POST", "/api/v1/task-requests/<pk>/duplicate", "write task", "task_request", {"task": "task"})
row("GET", "/api/v1/intake-forms/_info", "manage tasks")
row("POST", "/api/v1/intake-forms/<pk>/rotate", "manage tasks", "intake_form")
row("GET", "/tasks/requests", "write task")
row("GET", "/tasks/requests/<pk>", "write task", "task_request")
row("POST", "/tasks/requests/<pk>/accept", "write task", "task_request", {"title": "Taken over"})
row("POST", "/tasks/requests/<pk>/decline", "write task", "task_request", {"reason": "Taken over"})
row("POST", "/tasks/requests/<pk>/duplicate", "write task", "task_request", {"task": "task"})
row("GET", "/settings/intake", "manage tasks")
row("POST", "/settings/intake/save", "manage tasks", None, {"id": "intake_form", "name": "Taken over"})
row("POST", "/settings/intake/<pk>/rotate", "manage tasks", "intake_form")
row("POST", "/settings/intake/<pk>/delete", "manage tasks", "intake_form")
for _slash in ("", "/"):
    row("GET", f"/api/v1/automation-rules{_slash}", "read automation")
    row("POST", f"/api/v1/automation-rules{_slash}", "write automation", None, {})
    row("GET", f"/api/v1/automation-rules/<pk>{_slash}", "read automation", "automation_rule")
    row("PUT", f"/api/v1/automation-rules/<pk>{_slash}", "write automation", "automation_rule", {})
    row("PATCH", f"/api/v1/automation-rules/<pk>{_slash}", "write automation", "automation_rule", {})
    row("DELETE", f"/api/v1/automation-rules/<pk>{_slash}", "write automation", "automation_rule")
    row("GET", f"/settings/automations{_slash}", "read automation")
row("GET", "/api/v1/automation-rules/_info", "read automation")
row("GET", "/api/v1/automation-rules/<pk>/runs", "read automation", "automation_rule")
row("GET", "/api/v1/automation-rules/<pk>/dry-run", "read automation", "automation_rule")
row("GET", "/settings/automations/new", "write automation")
row("POST", "/settings/automations/new", "write automation", None, {"rule": "{}"})
row("POST", "/settings/automations/presets", "write automation")
row("POST", "/settings/automations/dry-run", "write automation", None, {"rule": "{}"})
row("GET", "/settings/automations/runs", "read automation")
row("GET", "/settings/automations/<pk>", "read automation", "automation_rule")
row("POST", "/settings/automations/<pk>", "write automation", "automation_rule", {"rule": "{}"})
row("GET", "/settings/automations/<pk>/dry-run", "read automation", "automation_rule")
row("POST", "/settings/automations/<pk>/active", "write automation", "automation_rule", {"on": "1"})
row("POST", "/settings/automations/<pk>/delete", "write automation", "automation_rule")
row("GET", "/settings/tasks", "manage tasks")
row("POST", "/settings/tasks/save", "manage tasks", None, {"id": "task_status", "name": "Taken over"})
row("POST", "/settings/tasks/<pk>/delete", "manage tasks", "task_status")
row("POST", "/settings/tasks/assist", "manage tasks")
row("POST", "/settings/tasks/sla", "manage tasks")
row("GET", "/api/v1/tasks/sla", "read task")
row("PUT", "/api/v1/tasks/sla", "manage tasks", None, {"policies": []})
row("POST", "/settings/tasks/closings", "manage tasks", None, {"id": "closing_day", "name": "Taken over"})
row("POST", "/settings/tasks/closings/<pk>/delete", "manage tasks", "closing_day")
row("GET", "/api/v1/tasks/closing-days", "read task")
row("POST", "/api/v1/tasks/closing-days", "manage tasks", None, {"name": "Closed", "first_on": "2026-08-10"})
row("PATCH", "/api/v1/tasks/closing-days/<item>", "manage tasks", "closing_day", {"name": "Taken over"})
row("DELETE", "/api/v1/tasks/closing-days/<item>", "manage tasks", "closing_day")
row("GET", "/sales/", "read reports")
row("GET", "/sales/data", "read reports")
row("GET", "/sales/pipeline", "read pipeline")
row("GET", "/sales/pipeline/card/<pk>", "read pipeline", "opportunity")
row("GET", "/sales/pipeline/column/<stage>", "read pipeline", "pipeline_stage")
row("GET", "/sales/import/", "write account")
row("POST", "/sales/import/", "write account")
row("GET", "/sales/import/<pk>", "write account", "import_job")
row("POST", "/sales/import/<pk>", "write account", "import_job")
row("GET", "/sales/import/<pk>/errors.csv", "write account", "import_job")
row("GET", "/sales/import/<pk>/progress", "write account", "import_job")
row("POST", "/sales/import/<pk>/start", "write account", "import_job")
row("POST", "/sales/import/<pk>/undo", "write account", "import_job")
row("GET", "/notifications/", "member")
row("GET", "/notifications/panel", "member")
row("POST", "/notifications/read", "member")
row("GET", "/search", "member")
row("GET", "/search/palette", "member")
row("GET", "/lookup/<kind>", "member")
row("POST", "/switch/<slug>", "member")
row("POST", "/see-as/stop", "member")
row("POST", "/views/<kind>/save", "read account", None, {"name": "Mine", "state": ""})
row("POST", "/views/<kind>/columns", "read account", None, {"cols": "name"})
row("POST", "/views/<kind>/<pk>/delete", "member", "saved_view")
row("GET", "/exports/", "member")
row("GET", "/exports/<pk>", "export account", "export_job")
row("GET", "/exports/<pk>/progress", "export account", "export_job")
row("GET", "/exports/<pk>/download", "export account", "export_job")
row("POST", "/exports/<pk>/retry", "export account", "export_job")
row("GET", "/settings/profile", "member")
row("POST", "/settings/profile", "member")
row("GET", "/settings/security", "member")
row("POST", "/settings/security/password", "member")
row("GET", "/settings/security/second-factor", "member")
row("POST", "/settings/security/second-factor", "member")
row("POST", "/settings/security/second-factor/off", "member")
row("POST", "/settings/security/google/unlink", "member")
row("POST", "/settings/security/sessions/<pk>/revoke", "member", "account")
row("POST", "/settings/security/sessions/revoke-others", "member")
for _page in ("company", "branding"):
    row("GET", f"/settings/{_page}", "manage branding")
    row("POST", f"/settings/{_page}", "manage branding")
COLOURS = {"primary": "#390035", "secondary": "#e6007e", "accent": "#901d6b"}
row("GET", "/settings/branding/preview", "manage branding", None, COLOURS)
row("GET", "/settings/api-keys", "read api")
row("POST", "/settings/api-keys", "write api")
row("POST", "/settings/api-keys/<pk>/rotate", "write api", "api_key")
row("POST", "/settings/api-keys/<pk>/revoke", "write api", "api_key")
row("GET", "/settings/audit", "read audit")
row("GET", "/settings/audit/export", "export audit")
row("GET", "/settings/pipelines", "manage pipeline")
row("POST", "/settings/pipelines/save", "manage pipeline", None, {"id": "pipeline", "name": "Taken over"})
row("POST", "/settings/pipelines/reasons", "manage pipeline", None, {"id": "lost_reason", "name": "Taken over"})
row("POST", "/settings/pipelines/<pk>/delete", "manage pipeline", "pipeline")
row("POST", "/settings/pipelines/<pk>/order", "manage pipeline", "pipeline", {"stage": "pipeline_stage"})
row("POST", "/settings/pipelines/<pk>/stages", "manage pipeline", "pipeline", {"name": "Taken over"})
row("POST", "/settings/pipelines/stages/<pk>/delete", "manage pipeline", "pipeline_stage")
row("GET", "/users/list/", "read users")
row("GET", "/users/teams/", "read users")
row("POST", "/users/invite", "invite users", None, {"emails": "x@example.com", "role": "role"})
row("POST", "/users/placeholders", "invite users")
row("POST", "/users/invitations/<pk>/resend", "invite users", "invitation")
row("POST", "/users/invitations/<pk>/revoke", "revoke users", "invitation")
row("POST", "/users/<pk>/roles", "assign roles", "member", {"role": "role"})
row("POST", "/users/<pk>/update", "write users", "member")
row("POST", "/users/<pk>/remove", "revoke users", "member")
row("POST", "/users/teams/save", "write users", None, {"id": "team", "name": "Taken over"})
row("POST", "/users/teams/<pk>/delete", "write users", "team")
row("GET", "/roles/list/", "read roles")
row("POST", "/roles/new", "write roles")
row("POST", "/roles/<int:role_id>/delete", "write roles", "role")
row("POST", "/roles/<int:role_id>/permissions", "write roles", "role", {"permissions": {"read deal": "all"}})
row("POST", "/roles/<int:role_id>/rename", "write roles", "role", {"name": "Taken over"})
row("POST", "/roles/<int:role_id>/see-as", "read roles", "role")
row("GET", "/platform/", "vendor")
row("GET", "/platform/jobs", "vendor")
row("GET", "/platform/mail", "vendor")
row("POST", "/platform/jobs/<pk>/retry", "vendor", "account")
row("POST", "/platform/jobs/rq/<job_id>/retry", "vendor", "account")
row("GET", "/api/<version>/_openapi", "member")
row("GET", "/swagger/<version>", "member")

ROUTES = sorted(TABLE)
JSON_BODY = re.compile(r"^/api/|/move$|/lines$|/permissions$")
# A foreign id in a form is an unknown value of that field, which is a matter of form: 422.
FOREIGN_ID = {404, 422}


@pytest.fixture(scope="module")
def rows(app, acme):
    with app.app_context():
        return fill(acme)


@pytest.fixture(scope="module")
def people(app, acme, rival, stella):
    """Everybody signed in, once for the module."""
    who = {
        "admin": acme.admin, "seller": acme.sales, "marketer": acme.marketing, "viewer": acme.viewer,
        "rival": rival.admin, "stella": stella,
    }  # fmt: skip
    return {name: SignedIn(app, person) for name, person in who.items()}


@pytest.fixture(scope="module")
def rights(app, acme):
    with app.app_context():
        return {
            name: dict(person.actor.permissions)
            for name, person in {"admin": acme.admin, "seller": acme.sales, "viewer": acme.viewer}.items()
        }


def address(rule: str, key: str | None, rows: dict) -> str:
    record_id = str(rows[key]) if key else ""
    url = (
        rule.replace("<pk>", record_id)
        .replace("<stage>", record_id)
        .replace("<item>", record_id)
        .replace("<int:role_id>", record_id)
        .replace("<provider>", "task")
    )
    url = url.replace("<job_id>", record_id)
    for name, value in (("<fmt>", "csv"), ("<kind>", "account"), ("<slug>", "acme-not-theirs"), ("<version>", "v1")):
        url = url.replace(name, value)
    assert "<" not in url, url
    return url


def filled(value, rows: dict):
    """A value of the table: the name of a row stands for its id, after ``=`` for itself."""
    if not isinstance(value, str):
        return value
    if value.startswith("="):
        return value[1:]
    return str(rows.get(value, rows["account"] if value == "RIVAL" else value))


def ask(person, method: str, rule: str, rows: dict, *, client=None):
    _permission, key, data = TABLE[method, rule]
    url = address(rule, key, rows)
    body = {name: filled(value, rows) for name, value in (data or {}).items()}
    sending = {"json": body} if JSON_BODY.search(rule) else {"data": body}
    kwargs = {"query_string": body} if method == "GET" else sending
    if client is not None:
        return client.open(url, method=method, **kwargs)
    accept = {"Accept": "application/json" if JSON_BODY.search(rule) else "text/html"}
    return person.client.open(url, method=method, headers={**accept, "X-CSRFToken": person.token}, **kwargs)


def test_every_route_is_public_or_in_the_table(app):
    known = {(method, rule) for method, rule in TABLE}
    missing, seen = [], set()
    for rule in app.url_map.iter_rules():
        name = rule.rule
        if name.startswith("/api/") and not name.startswith(("/api/v1/", "/api/<version>")):
            name = "/api/v1/" + name.removeprefix("/api/")  # the alias has the same handler
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            seen.add((method, name))
            if name not in PUBLIC and (method, name) not in known:
                missing.append((method, name))
    assert missing == []
    assert known <= seen, known - seen
    assert set(PUBLIC) <= {name for _method, name in seen}


def test_an_alias_answers_with_the_same_handler(app):
    endpoints = {}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            endpoints[method, rule.rule] = rule.endpoint
    for (method, rule), endpoint in endpoints.items():
        if rule.startswith("/api/v1/"):
            assert endpoints[method, "/api/" + rule.removeprefix("/api/v1/")] == endpoint


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_a_visitor_is_sent_to_sign_in(app, rows, method, rule):
    client = app.test_client()
    answer = ask(None, method, rule, rows, client=client)
    if method != "GET":
        assert answer.status_code == 400, answer.text[:300]  # no CSRF token, nothing else is looked at
        page = client.get("/login/").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)
        _permission, key, _data = TABLE[method, rule]
        answer = client.open(address(rule, key, rows), method=method, headers={"X-CSRFToken": token}, json={})
    if rule.startswith("/api/"):
        assert answer.status_code == 401, answer.text[:300]
        assert set(answer.json) <= {"message", "errors", "msg"}
    else:
        assert answer.status_code in {302, 401}, answer.text[:300]
        if answer.status_code == 302:
            assert answer.location.startswith("/login/"), answer.location


RECORD = [one for one in ROUTES if TABLE[one][1] and TABLE[one][0] != "vendor"]


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
@pytest.mark.parametrize(("method", "rule"), RECORD)
def test_a_record_of_another_tenant_is_unknown(rows, people, method, rule, which):
    with walls(which):
        answer = ask(people["rival"], method, rule, rows)
    assert answer.status_code == 404, (answer.status_code, answer.location, answer.text[:300])


NAMED = {Pipeline: "pipeline", LostReason: "lost_reason", PipelineStage: "pipeline_stage", TaskStatus: "task_status"}
FOREIGN = [one for one in ROUTES if not TABLE[one][1] and TABLE[one][2] and one[0] == "POST" and one[1][:5] != "/api/"]


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
@pytest.mark.parametrize(("method", "rule"), FOREIGN)
def test_an_id_of_another_tenant_in_a_form_does_nothing(app, acme, rows, people, method, rule, which):
    with walls(which):
        answer = ask(people["rival"], method, rule, rows)
    if rule.endswith("/bulk"):
        assert answer.status_code in {302, 400}
    elif rule == "/views/<kind>/save":
        assert answer.status_code in {302, 422}
    elif rule == "/views/<kind>/columns":
        assert answer.status_code == 200  # it names no record
    else:
        assert answer.status_code in FOREIGN_ID, answer.text[:300]
    with uow(system_actor(acme.id)) as session:
        for model, key in NAMED.items():
            assert session.get(model, rows[key]).name != "Taken over"


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
def test_lists_and_searches_of_rival_show_nothing_of_acme(rows, people, which):
    """Names of this module's rows carry a mark; no page that Rival can open shows one."""
    with walls(which):
        mark = people["admin"].get(f"/sales/accounts/show/{rows['account']}").text
        mark = re.search(r"Account ([0-9a-f]{8})", mark).group(1)
        for method, rule in ROUTES:
            if method == "GET" and not TABLE[method, rule][1] and TABLE[method, rule][0] != "vendor":
                answer = ask(people["rival"], method, rule, rows)
                assert mark not in answer.text, rule
        for url in (f"/search?q={mark}", f"/search/palette?q={mark}", f"/lookup/account?q={mark}"):
            found = people["rival"].get(url)
            assert found.status_code == 200 and rows["account"].hex not in found.text.replace("-", ""), url


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_a_viewer_gets_in_only_where_the_role_says(rows, people, rights, method, rule):
    permission, _key, _data = TABLE[method, rule]
    if permission == "member" and method != "GET":
        return  # one's own things; the tests of those features have them
    answer = ask(people["viewer"], method, rule, rows)
    if permission == "vendor":
        assert answer.status_code == 404
    elif permission == "member" or permission in rights["viewer"]:
        assert answer.status_code in {200, 302}, answer.text[:300]
        assert not (answer.location or "").startswith("/login"), answer.location
    else:
        assert answer.status_code == 403, (answer.status_code, answer.location, answer.text[:300])


@pytest.mark.parametrize(("method", "rule"), [one for one in ROUTES if one[0] == "GET"])
def test_an_admin_gets_in_everywhere_but_the_vendor_area(rows, people, method, rule):
    answer = ask(people["admin"], method, rule, rows)
    expected = {404} if TABLE[method, rule][0] == "vendor" else {302} if "/go/" in rule else {200}
    assert answer.status_code in expected, (answer.status_code, answer.text[:300])


NO_BREAKAGE = [one for one in ROUTES if one[0] != "GET" and TABLE[one][0] != "vendor" and "revoke-others" not in one[1]]


@pytest.mark.parametrize(("method", "rule"), NO_BREAKAGE)
def test_garbage_from_somebody_with_the_right_never_breaks(app, people, method, rule):
    """Ids that cannot be, empty bodies, wrong types: refused in words, no 5xx."""
    _permission, key, data = TABLE[method, rule]
    for value in ("not-an-id", "00000000-0000-0000-0000-000000000000", "99999999999999999999999"):
        url = address(rule, "x" if key else None, {"x": value})
        for sending in ({"data": b"\xff\xfe", "content_type": "application/json"}, {"json": []}, {"data": {}},
                        {"data": dict.fromkeys(data or {"name": 1, "title": 1}, "\x00")},
                        {"json": dict.fromkeys(data or {"name": 1, "title": 1}, "�")}):  # fmt: skip
            headers = {"X-CSRFToken": people["seller"].token, "Accept": "application/json"}
            answer = people["seller"].client.open(url, method=method, headers=headers, **sending)
            assert answer.status_code < 500, (url, sending, answer.text[:300])
            headers["X-CSRFToken"] = people["admin"].token
            if rule.startswith(
                ("/settings/pipelines", "/settings/api-keys", "/api/v1/api-keys", "/users/", "/roles/<", "/roles/new")
            ):
                answer = people["admin"].client.open(url, method=method, headers=headers, **sending)
                assert answer.status_code < 500, (url, sending, answer.text[:300])


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_vendor_staff_without_an_organization_break_nothing_and_see_no_tenant(rows, people, method, rule):
    answer = ask(people["stella"], method, rule, rows)
    assert answer.status_code < 500, answer.text[:300]
    if TABLE[method, rule][0] not in {"member", "vendor"}:
        assert answer.status_code in {403, 404, 302}, answer.status_code
        if answer.status_code == 302:
            raise AssertionError(answer.location)
    if TABLE[method, rule][0] == "vendor" and method == "GET":
        assert answer.status_code == 200


def test_the_viewers_attempts_changed_nothing(app, acme, rows):
    """After all of the above Acme's records stand as they were made."""
    with uow(system_actor(acme.id)):
        from tests.architecture.walls import tenant_models

        for model in tenant_models():
            assert db.session.get(model, rows[model.__tablename__]) is not None, model
