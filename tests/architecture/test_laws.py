"""Laws of the code, read from its syntax tree, and of the schema, read from the database."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import warnings
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from app.kernel.crud.fields import cruds
from app.kernel.db import TenantModel, db
from app.kernel.feature import registry
from app.kernel.outbox import Event, subscriptions

ROOT = Path(__file__).parents[2]
SOURCES = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / "app").rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in SOURCES.items()}


def imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def test_only_the_unit_of_work_commits():
    found = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    assert found == {"app/kernel/uow.py"}


def test_flask_appbuilder_is_imported_at_the_edges_only():
    users = {name for name, tree in TREES.items() if any(one.startswith("flask_appbuilder") for one in imports(tree))}
    allowed = {
        name
        for name in users
        if name.startswith(("app/kernel/", "app/tenancy/security/"))
        or name.endswith(("/views.py", "/api.py"))
        or "/views/" in name
        or "/api/" in name
        or name in {"app/tenancy/models.py", "app/bootstrap.py"}
    }
    assert users - allowed == set()


def test_the_audit_log_has_a_word_for_every_table(app):
    page = (ROOT / "app/templates/settings/audit.html").read_text()
    labelled = set(re.findall(r"'(\w+)': _\(", page[page.index("entity_labels = ") :].split("%}")[0]))
    audited = {
        one.class_.__tablename__ for one in TenantModel.registry.mappers if getattr(one.class_, "__audited__", False)
    }
    labelled |= {"ab_role"}  # written as role
    assert audited - labelled - set(registry.records) - set(cruds) == set()


def test_templates_translate_their_own_words_only():
    """What was said elsewhere may hold what people wrote: it goes through the filter ``translated``."""
    found = [
        f"{path.relative_to(ROOT)}: {call}"
        for path in sorted((ROOT / "app/templates").rglob("*.*"))
        for call in re.findall(r"(?<![\w.])n?_\(\s*[^'\"\s][^)]*\)", path.read_text())
    ]
    assert found == []


def test_packages_have_no_code_in_their_init():
    assert [name for name, path in SOURCES.items() if path.name == "__init__.py" and path.stat().st_size
            and name != "app/__init__.py"] == []  # fmt: skip


# Verbs without an actor, and why.
ACTORLESS = {
    # One's own account: the caller has proved to be that person.
    "app/tenancy/service/accounts/audit_trail.py": {"audit_identity"},
    "app/tenancy/service/accounts/passwords.py": {
        "check_password_rules", "change_password", "request_reset", "reset_account", "reset_password",
    },
    "app/tenancy/service/accounts/profile.py": {"create_user", "update_profile"},
    "app/tenancy/service/accounts/second_factor.py": {
        "has_second_factor", "check_code", "begin_second_factor", "confirm_second_factor", "disable_second_factor",
    },
    "app/tenancy/service/accounts/sessions.py": {
        "start_session", "end_session", "list_sessions", "revoke_session", "revoke_other_sessions",
        "switch_organization",
    },
    "app/tenancy/service/accounts/sign_in.py": {
        "check_sign_in", "check_locked", "count_failure", "ways_in", "link_google", "unlink_google",
        "find_google_user",
    },
    "app/tenancy/service/api_keys.py": {"offered"},  # read
    "app/tenancy/service/members.py": {
        "normal_email", "get_invitation", "open_invitation",  # reads
        "accept",  # the visitor with the link is in no organization yet
        "sync_profile",  # follows a change of one's own account
    },
    "app/tenancy/service/organizations.py": {
        "slugify", "free_slug", "get_branding", "colours",  # reads
        "create_organization", "join",  # platform scope: sign-up, the vendor's command, demo
    },
    "app/tenancy/service/roles.py": {
        "default_permissions", "grantable", "people_with_role", "admins",  # reads
        "seed_roles",  # part of creating an organization
        "lock_admins",
    },
    "app/sales/service/pipelines.py": {"seed"},  # part of creating an organization
    "app/sales/service/opportunities/deal.py": {"lock_opportunity", "check", "facts", "note_changes", "tell"},  # helpers of verbs
    "app/sales/service/opportunities/lines.py": {"line_total"},
    "app/sales/service/leads.py": {"find_matches"},  # read
    "app/sales/imports/service.py": {
        "get_import", "list_imports", "get_entity", "progress", "failed_rows", "require",
        "parser_of", "error_json", "mark_repeats", "tell",  # parts of a run
    },
    "app/automations/service/running.py": {"job_id", "words_of"},
    "app/collaboration/service/attachments.py": {"remove_files"},  # part of deleting
    "app/collaboration/service/comments.py": {"find_mentions"},  # read
    "app/collaboration/service/purge.py": {"purge"},  # a schedule's, over all organizations
    "app/tasks/service/statuses.py": {"seed"},  # part of creating an organization
    "app/tasks/service/recurrence.py": {"is_due_again"},  # read
    "app/tasks/service/sla.py": {
        "note_status", "plan_start", "set_deadlines", "note_breaches",  # parts of verbs
        "apply_anew",  # part of verbs
        "apply_policy",  # a schedule's
    },
    "app/tasks/service/tasks.py": {"announce"},  # telling open pages
    "app/tasks/service/templates.py": {"check_dates"},  # read
    "app/notifications/service.py": {
        "text_of", "count_unread", "list_notifications",  # reads
        "notify",  # the product telling somebody, called by handlers of events
    },
}  # fmt: skip


def test_every_verb_takes_an_actor():
    """And it is keyword only, without a default: nobody forgets it."""
    services = {name: tree for name, tree in TREES.items()
                if name.endswith("/service.py") or ("/service/" in name and not name.endswith("__init__.py"))}  # fmt: skip
    assert set(ACTORLESS) <= set(services)
    for name, tree in services.items():
        without = set()
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            keywords = [one.arg for one in node.args.kwonlyargs]
            if "actor" in keywords:
                default = node.args.kw_defaults[keywords.index("actor")]
                assert default is None, f"{name}: {node.name}'s actor is optional"
            else:
                without.add(node.name)
        assert without == ACTORLESS.get(name, set()), name


# Events that nothing in the product reacts to yet, and why they are emitted all the same.
UNHEARD = {
    "tenancy.member_invited": "for automations and webhooks; the mail is sent by the verb itself",
    "tenancy.member_removed": "for automations and webhooks",
    "tenancy.role_changed": "for automations and webhooks",
}


def test_every_event_has_a_subscriber_or_a_reason(app):
    import app.events.collaboration
    import app.events.exports
    import app.events.intake
    import app.events.sales
    import app.events.tasks
    import app.events.tenancy

    events = [
        one
        for module in (
            app.events.collaboration,
            app.events.exports,
            app.events.intake,
            app.events.sales,
            app.events.tasks,
            app.events.tenancy,
        )
        for _name, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, Event) and one is not Event
    ]
    files = {path.stem for path in (ROOT / "app/events").glob("*.py")} - {"__init__"}
    assert files == {"collaboration", "exports", "intake", "sales", "tasks", "tenancy"}
    names = [one.name for one in events]
    assert len(set(names)) == len(names)
    unheard = {one.name for one in events if not subscriptions.get(one.name)}
    assert unheard == set(UNHEARD)
    for one in events:
        assert one.__doc__
        assert one.subject_kind
        assert one.name.count(".") == 1
    heard = {name for name, handlers in subscriptions.items() if handlers and not name.startswith("test.")}
    assert heard <= set(names)


def test_handlers_keep_their_names_across_features(app):
    keys = [key for name, handlers in subscriptions.items() if not name.startswith("test.") for key in handlers]
    assert len(keys) == len(set(keys))


def _differences(url: str) -> list:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with engine.connect() as connection, warnings.catch_warnings():
        # Indexes on expressions are compared by name only.
        warnings.simplefilter("ignore")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, db.metadata)
    engine.dispose()
    return found


def test_models_and_migrated_schema_are_the_same(app):
    assert _differences(os.environ["MIGRATION_DATABASE_URL"]) == []


@pytest.fixture
def scratch(app, stack):
    """An empty database on the same server."""
    from app.kernel import embedded

    superuser = os.environ["MIGRATION_DATABASE_URL"].replace("stratikey_owner@", "postgres@").replace(
        "/stratikey?", "/postgres?"
    )  # fmt: skip
    embedded.ensure_database(superuser, "scratch")
    url = os.environ["MIGRATION_DATABASE_URL"].replace("/stratikey?", "/scratch?")
    assert url != os.environ["MIGRATION_DATABASE_URL"]
    old = app.config["MIGRATION_DATABASE_URI"]
    app.config["MIGRATION_DATABASE_URI"] = url.replace("postgresql://", "postgresql+psycopg://")
    yield url
    app.config["MIGRATION_DATABASE_URI"] = old


def test_migrations_go_up_down_and_up_again(app, scratch):
    engine = create_engine(scratch.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)

    def leftovers() -> set[str]:
        with engine.connect() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            functions = connection.scalars(
                text("SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
                     " AND proname LIKE 'audit%'")
            )  # fmt: skip
            return {*tables, *functions} - {"alembic_version"}

    upgrade()
    made = leftovers()
    assert {"organization", "audit_append", "opportunity"} <= made
    assert _differences(scratch) == []
    downgrade(revision="base")
    assert leftovers() == set()
    upgrade()
    assert leftovers() == made
    engine.dispose()


def test_org_admins_that_exist_get_api_keys_when_the_schema_does(app, scratch):
    """And only they: a role of the same name that an organization made is none."""
    engine = create_engine(scratch.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)

    def holders(connection) -> set[int]:
        return set(
            connection.scalars(
                text(
                    "SELECT r.role_id FROM ab_permission_view_role r"
                    " JOIN ab_permission_view v ON v.id = r.permission_view_id"
                    " JOIN ab_view_menu m ON m.id = v.view_menu_id WHERE m.name = 'api'"
                )
            )
        )

    downgrade(revision="base")
    upgrade(revision="0002")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO organization (id, name, slug, status, plan, seats, locale, timezone, base_currency,"
                " created_at, updated_at, version) VALUES ('00000000-0000-0000-0000-00000000000a', 'Old', 'old',"
                " 'active', 'x', 1, 'it', 'Europe/Rome', 'EUR', now(), now(), 1)"
            )
        )
        made = connection.scalars(
            text(
                "INSERT INTO ab_role (name, organization_id, is_system, description) VALUES"
                " ('Org Admin', '00000000-0000-0000-0000-00000000000a', true, ''),"
                " ('Viewer', '00000000-0000-0000-0000-00000000000a', true, ''),"
                " ('Super Admin', NULL, true, '') RETURNING id"
            )
        ).all()
    upgrade()
    with engine.connect() as connection:
        assert holders(connection) == {made[0]}
    downgrade(revision="0002")
    with engine.connect() as connection:
        assert holders(connection) == set()
    upgrade()
    with engine.begin() as connection:
        assert holders(connection) == {made[0]}
        connection.execute(text("DELETE FROM organization"))
        connection.execute(text("DELETE FROM ab_role WHERE organization_id IS NULL"))
    engine.dispose()


def test_no_revision_has_two_children():
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(ROOT / "migrations"))
    assert len(scripts.get_heads()) == 1


def test_versions_of_imported_rows_move_to_their_column_and_back(app, scratch):
    engine = create_engine(scratch.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    org, job = "00000000-0000-0000-0000-00000000000b", "00000000-0000-0000-0000-00000000000c"
    stored = {
        "updated": ({"city": "Verona"}, {"version": "7"}),
        "kept": ({"city": None}, {"version": "12"}),
        "created": (None, None),
        # What a file said, in a column that happens to be called so.
        "failed": (None, {"version": "first"}),
    }

    def rows(columns: str) -> dict[str, tuple]:
        with engine.connect() as connection:
            return {
                one[0]: tuple(one[1:]) for one in connection.execute(text(f"SELECT outcome, {columns} FROM import_row"))
            }

    downgrade(revision="base")
    upgrade(revision="0005")
    with engine.begin() as connection:
        now = {"at": "2026-11-22T09:00:00Z", "org": org, "job": job}
        connection.execute(
            text(
                "INSERT INTO organization (id, name, slug, status, plan, seats, locale, timezone, base_currency,"
                " created_at, updated_at, version) VALUES (:org, 'Old', 'old', 'active', 'x', 1, 'it', 'Europe/Rome',"
                " 'EUR', :at, :at, 1)"
            ),
            now,
        )
        connection.execute(
            text(
                "INSERT INTO import_job (id, organization_id, entity, filename, storage_key, file_hash, reading, mapping,"
                ' matches, settings, "check", status, total, position, created_count, updated_count, same_count,'
                " failed_count, kept_count, created_at, updated_at, version) VALUES (:job, :org, 'accounts', 'a.csv', 'a',"
                " 'a', '{}', '{}', '{}', '{}', '{}', 'done', 4, 4, 1, 2, 0, 1, 0, :at, :at, 1)"
            ),
            now,
        )
        for line, (outcome, (before, raw)) in enumerate(stored.items()):
            connection.execute(
                text(
                    "INSERT INTO import_row (id, organization_id, import_id, line, outcome, before, raw, created_at,"
                    " updated_at, version) VALUES (gen_random_uuid(), :org, :job, :line, :outcome, :before, :raw, :at,"
                    " :at, 1)"
                ),
                {
                    **now,
                    "line": line,
                    "outcome": outcome,
                    "before": json.dumps(before) if before else None,
                    "raw": json.dumps(raw) if raw else None,
                },
            )
    upgrade()
    assert rows("record_version, raw") == {
        "updated": (7, None),
        "kept": (12, None),
        "created": (None, None),
        "failed": (None, {"version": "first"}),
    }
    downgrade(revision="0005")
    assert rows("before, raw") == stored
    upgrade()
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM organization"))
    engine.dispose()
