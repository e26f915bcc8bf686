"""Settings screens over other features' services."""

from __future__ import annotations

from app.kernel.feature import Feature, MenuItem
from app.kernel.i18n import lazy_gettext as _l
from app.settings.views.api_keys import ApiKeysView
from app.settings.views.audit import AuditView
from app.settings.views.branding import BrandingCss, BrandingView
from app.settings.views.company import CompanyView
from app.settings.views.custom_fields import CustomFieldsView
from app.settings.views.intake import IntakeView
from app.settings.views.pipelines import PipelinesView
from app.settings.views.profile import ProfileView
from app.settings.views.security import SecurityView
from app.settings.views.task_templates import TaskTemplatesView
from app.settings.views.tasks import TaskStatusesView

_SETTINGS = {"category": "Settings", "category_label": _l("Settings"), "category_icon": "settings"}

feature = Feature(
    "settings",
    views=[
        ProfileView,
        SecurityView,
        CompanyView,
        BrandingView,
        BrandingCss,
        PipelinesView,
        TaskStatusesView,
        TaskTemplatesView,
        CustomFieldsView,
        IntakeView,
        ApiKeysView,
        AuditView,
    ],
    menu=[
        MenuItem("Profile", _l("Profile"), "/settings/profile", "user", None, **_SETTINGS),
        MenuItem("Security", _l("Security"), "/settings/security", "shield", None, **_SETTINGS),
        MenuItem("Company", _l("Company"), "/settings/company", "building", ("manage", "branding"), **_SETTINGS),
        MenuItem("People", _l("People and invitations"), "/users/list/", "users", ("read", "users"), **_SETTINGS),
        MenuItem("Roles", _l("Roles and permissions"), "/roles/list/", "lock", ("read", "roles"), **_SETTINGS),
        MenuItem("Teams", _l("Teams"), "/users/teams/", "network", ("read", "users"), **_SETTINGS),
        MenuItem("Pipelines", _l("Pipelines"), "/settings/pipelines", "filter", ("manage", "pipeline"), **_SETTINGS),
        MenuItem(
            "TaskStatuses", _l("Task statuses"), "/settings/tasks", "circle-dot", ("manage", "tasks"), **_SETTINGS
        ),
        MenuItem(
            "TaskTemplates",
            _l("Task templates"),
            "/settings/task-templates",
            "copy-plus",
            ("write", "task"),
            **_SETTINGS,
        ),
        MenuItem(
            "CustomFields",
            _l("Custom fields"),
            "/settings/custom-fields",
            "text-cursor-input",
            ("manage", "tasks"),
            **_SETTINGS,
        ),
        MenuItem("Intake", _l("Request forms"), "/settings/intake", "inbox", ("manage", "tasks"), **_SETTINGS),
        MenuItem(
            "Automations",
            _l("Automations"),
            "/settings/automations",
            "workflow",
            ("read", "automation"),
            **_SETTINGS,
        ),
        MenuItem("Branding", _l("Branding"), "/settings/branding", "palette", ("manage", "branding"), **_SETTINGS),
        MenuItem("ApiKeys", _l("API keys"), "/settings/api-keys", "key-round", ("read", "api"), **_SETTINGS),
        MenuItem("Audit", _l("Audit log"), "/settings/audit", "scroll-text", ("read", "audit"), **_SETTINGS),
    ],
)
