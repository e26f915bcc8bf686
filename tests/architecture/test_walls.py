"""The two walls between tenants: each holds alone, for every tenant table."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete, func, inspect, select, text, update
from sqlalchemy.exc import ProgrammingError

from app.kernel import tenant
from app.kernel.actor import system_actor
from app.kernel.audit import AuditLog
from app.kernel.db import ForeignTenantWrite, db, orm_guard_switched_off
from app.kernel.errors import Conflict, Invalid
from app.kernel.ids import new_id
from app.kernel.outbox import Delivery, Outbox
from app.kernel.uow import platform_uow, uow
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact
from app.sales.models.opportunities import Opportunity
from app.tenancy import queries
from app.tenancy.models import Organization, Role, RolePermission, User, UserRole
from tests.architecture.walls import fill, rls_off, superuser_engine, tenant_models, walls

ROOT = Path(__file__).parents[2]
MODELS = [
    "account", "activity_log", "api_key", "attachment", "automation_call", "automation_key", "automation_rule",
    "automation_run", "branding_theme", "calendar_feed", "checklist_item", "closing_day", "comment", "comment_mention", "comment_reaction",
    "comment_revision", "contact", "custom_field", "export_job", "idempotency_key", "import_job",
    "import_mapping", "import_row", "intake_form", "invitation", "lead", "list_layout", "lost_reason", "member_capacity", "membership", "notification",
    "opportunity", "opportunity_line", "opportunity_stage_history", "pipeline", "pipeline_stage", "product",
    "record_link", "saved_view", "sla_policy", "task", "task_approval", "task_approver", "task_dependency", "task_member",
    "task_request", "task_snooze", "task_status", "task_template", "team", "time_entry", "timeline_baseline",
    "work_calendar",
]  # fmt: skip
EXTRA = {"organization", "outbox", "delivery", "audit_log", "audit_head", "ab_role"}
INDIRECT = {"ab_user", "ab_user_role", "ab_permission_view_role"}


@pytest.fixture(scope="module")
def rows(app, acme):
    with app.app_context():
        return fill(acme)


@pytest.fixture
def admin():
    engine = superuser_engine()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def model(request, app):
    return next(one for one in tenant_models() if one.__tablename__ == request.param)


# ── what the catalogue says ──────────────────────────────────────────────────────────────────────


def test_the_list_of_tenant_tables_is_complete(app, admin):
    assert sorted(one.__tablename__ for one in tenant_models()) == sorted(MODELS)
    with_column = {
        row[0]
        for row in admin.execute(
            text(
                "SELECT table_name FROM information_schema.columns"
                " WHERE column_name = 'organization_id' AND table_schema = 'public'"
            )
        )
    }
    # auth_session only remembers where somebody worked; the tenant role cannot read it at all.
    assert with_column == (set(MODELS) | EXTRA | {"auth_session"}) - {"organization"}


def test_every_tenant_table_has_enabled_and_forced_row_level_security(app, admin):
    flags = {
        row.relname: (row.relrowsecurity, row.relforcerowsecurity)
        for row in admin.execute(
            text("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r'")
        )
    }
    for table in {*MODELS, *EXTRA, *INDIRECT}:
        assert flags[table] == (True, True), table


def test_the_tenant_policy_binds_reading_and_writing_to_the_organization(app, admin):
    policies = {
        row.tablename: row
        for row in admin.execute(
            text(
                "SELECT tablename, roles, cmd, qual, with_check, permissive FROM pg_policies WHERE policyname = 'tenant'"
            )
        )
    }
    assert set(policies) == {*MODELS, *EXTRA, *INDIRECT}
    for table, policy in policies.items():
        assert policy.roles == ["stratikey_app"], table
        assert policy.cmd == "ALL" and policy.qual == policy.with_check, table
        assert "current_setting('app.organization_id'" in policy.qual, table
        if table in {*MODELS, *EXTRA} - {"organization"}:
            assert policy.qual.startswith("(organization_id = "), table
    others = admin.execute(
        text("SELECT tablename, policyname, roles FROM pg_policies WHERE policyname <> 'tenant'")
    ).all()
    for table, name, roles in others:
        assert roles == [f"stratikey_{name}"] and name in {"platform", "owner"}, (table, name, roles)


def test_foreign_keys_between_tenant_tables_are_composite(app, admin):
    keys = admin.execute(
        text(
            """SELECT c.conname, s.relname AS source, t.relname AS target,
                 array(SELECT a.attname FROM unnest(c.conkey) k JOIN pg_attribute a
                       ON a.attrelid = c.conrelid AND a.attnum = k) AS columns
               FROM pg_constraint c JOIN pg_class s ON s.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid
               WHERE c.contype = 'f'"""
        )
    ).all()
    between = [one for one in keys if one.source in MODELS and one.target in MODELS]
    assert len(between) > 30
    for one in between:
        assert "organization_id" in one.columns and len(one.columns) >= 2, one.conname
    # The simple ones that are left, each to a table that has no composite key to offer.
    simple = {(one.source, one.target) for one in keys if one.source in MODELS and one.target not in MODELS}
    assert simple == {(one, "organization") for one in MODELS} | {("membership", "ab_user"), ("invitation", "ab_role")}


@pytest.mark.parametrize("setting", ["DATABASE_URL", "PLATFORM_DATABASE_URL"])
def test_login_roles_are_neither_owner_nor_superuser_nor_bypass(app, setting):
    with psycopg.connect(os.environ[setting]) as connection:
        role = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = session_user"
        ).fetchone()
        assert role is not None
        assert role[1:] == (False, False, False, False)
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("stratikey_owner",)]
        assert role[0] != "stratikey_owner"
        member = connection.execute(
            "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = session_user"
        ).fetchone()
        assert member == (0,)


def test_the_tenant_role_cannot_touch_secrets(app):
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for table in ("credential", "auth_session", "ab_api_key", "ab_user", "audit_head"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM mail_message")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")


def test_functions_of_the_tenant_role_keep_a_fixed_search_path(app, admin):
    loose = admin.execute(
        text(
            """SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = 'public' AND prosecdef
                 AND NOT coalesce(proconfig::text, '') LIKE '%search_path%'"""
        )
    ).all()
    assert loose == []


# ── each wall alone, for every table ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
@pytest.mark.parametrize("model", MODELS, indirect=True)
def test_rival_neither_sees_nor_touches_rows_of_acme(model, which, rows, acme, rival):
    record_id = rows[model.__tablename__]
    with uow(system_actor(acme.id)) as session:
        assert session.get(model, record_id) is not None
    with walls(which), uow(system_actor(rival.id)) as session:
        assert session.get(model, record_id) is None
        assert session.scalar(select(model).where(model.id == record_id)) is None
        assert session.scalar(select(func.count()).select_from(model).where(model.organization_id == acme.id)) == 0
        seen = set(session.scalars(select(model.organization_id)))
        assert seen <= {rival.id}
        changed = session.execute(
            update(model).where(model.id == record_id).values(version=999),
            execution_options={"synchronize_session": False},
        )
        assert changed.rowcount == 0
        gone = session.execute(
            delete(model).where(model.id == record_id), execution_options={"synchronize_session": False}
        )
        assert gone.rowcount == 0
    with uow(system_actor(acme.id)) as session:
        assert session.get(model, record_id).version != 999


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
@pytest.mark.parametrize("model", MODELS, indirect=True)
def test_rival_cannot_insert_or_change_a_row_under_acmes_name(model, which, rows, acme, rival):
    """A copy of Acme's row, added in Rival's scope, and a stale object written back from it."""
    with uow(system_actor(acme.id)) as session:
        row = session.get(model, rows[model.__tablename__])
        values = {one.key: getattr(row, one.key) for one in inspect(model).column_attrs}
        session.expunge(row)
    with walls(which):
        # An object of another session, changed here: refused, or no such row for this tenant.
        with pytest.raises((ForeignTenantWrite, Conflict)), uow(system_actor(rival.id)) as session:
            session.add(row)
            row.created_by_id = new_id()
            session.flush()
        with pytest.raises((ForeignTenantWrite, ProgrammingError)), uow(system_actor(rival.id)) as session:
            session.add(model(**{**values, "id": new_id()}))
            session.flush()


def test_the_guard_refuses_a_foreign_row_before_any_sql(app, acme, rival, counting):
    with counting() as statements, pytest.raises(ForeignTenantWrite), uow(system_actor(rival.id)) as session:
        session.add(Account(name="Stolen", organization_id=acme.id))
    assert not [one for one in statements if "INSERT" in one]


def test_the_guard_refuses_moving_an_own_row_away(app, acme, rival):
    with uow(system_actor(rival.id)) as session:
        mine = Account(name="Moves away")
        session.add(mine)
    with pytest.raises(ForeignTenantWrite), uow(system_actor(rival.id)) as session:
        session.get(Account, mine.id).organization_id = acme.id


def test_rls_refuses_moving_an_own_row_away(app, acme, rival):
    with orm_guard_switched_off():
        with uow(system_actor(rival.id)) as session:
            mine = Account(name="Moves away too")
            session.add(mine)
        with pytest.raises(ProgrammingError, match="row-level security"), uow(system_actor(rival.id)) as session:
            session.get(Account, mine.id).organization_id = acme.id


@pytest.mark.parametrize("which", ["both", "rls", "guard"])
@pytest.mark.parametrize("shared", [Organization, Role, AuditLog, Outbox])
def test_tables_without_tenant_model_are_walled_too(shared, which, rows, acme, rival):
    with walls(which), uow(system_actor(rival.id)) as session:
        column = shared.id if shared is Organization else shared.organization_id
        assert set(session.scalars(select(column))) <= {rival.id}
        assert session.scalars(select(column).where(column == acme.id)).all() == []


def test_deliveries_of_acme_are_hidden_from_rival(app, acme, rival):
    with platform_uow("relay") as session:
        event = session.scalar(select(Outbox).where(Outbox.organization_id == acme.id).limit(1))
        if event is None:
            event = Outbox(
                organization_id=acme.id, name="test.none", actor_label="x", subject_kind="x",
                subject_id=acme.id, payload={}, relayed_at=None,
            )  # fmt: skip
            session.add(event)
            session.flush()
        session.add(Delivery(organization_id=acme.id, event_id=event.id, handler="test.none", status="failed"))
    for which in ("both", "rls", "guard"):
        with walls(which), uow(system_actor(rival.id)) as session:
            assert set(session.scalars(select(Delivery.organization_id))) <= {rival.id}


def test_role_assignments_and_accounts_are_walled_by_rls(app, acme, rival):
    with uow(system_actor(rival.id)) as session:
        users = set(session.scalars(select(UserRole.user_id)))
        assert acme.admin.user_id not in users
        assert rival.admin.user_id in users
        role_ids = set(session.scalars(select(RolePermission.role_id)))
        assert role_ids
        assert role_ids <= set(session.scalars(select(Role.id)))
        with pytest.raises(ProgrammingError, match="permission denied"):
            session.scalars(select(User.id)).all()
        session.rollback()
    with platform_uow("vendor") as session:
        acme_role = session.scalar(select(Role.id).where(Role.organization_id == acme.id, Role.name == "Org Admin"))
    with pytest.raises(ProgrammingError, match="row-level security"), uow(system_actor(rival.id)) as session:
        session.add(UserRole(user_id=rival.sales.user_id, role_id=acme_role))


@pytest.mark.parametrize("model", MODELS, indirect=True)
def test_a_connection_that_names_no_organization_sees_nothing(model, rows):
    with db.engines[None].connect() as connection:
        table = model.__table__
        assert connection.scalar(select(func.count()).select_from(table)) == 0
        connection.execute(text("SELECT set_config('app.organization_id', '', true)"))
        assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_the_organization_does_not_stay_on_a_pooled_connection(app, acme):
    with uow(system_actor(acme.id)) as session:
        assert session.scalar(text("SELECT current_setting('app.organization_id')")) == str(acme.id)
    with db.engines[None].connect() as connection:
        assert connection.scalar(text("SELECT nullif(current_setting('app.organization_id', true), '')")) is None


def test_a_savepoint_does_not_lose_the_organization(app, acme):
    with uow(system_actor(acme.id)) as session:
        with session.begin_nested():
            session.add(Account(name="In a savepoint"))
        assert session.scalar(text("SELECT current_setting('app.organization_id')")) == str(acme.id)
        session.rollback()
        assert session.scalar(select(func.count()).select_from(Account)) is not None


def test_no_scope_no_database(app):
    with pytest.raises(tenant.MissingScope):
        db.session.scalar(select(Account.id))
    with pytest.raises(tenant.MissingScope):
        db.session.execute(text("SELECT 1"))
    with pytest.raises(tenant.MissingScope), uow():
        raise AssertionError
    with pytest.raises(tenant.MissingScope):
        tenant.current_organization_id()
    with pytest.raises(tenant.MissingScope):
        tenant.current_actor()
    with pytest.raises(tenant.MissingScope):
        db.session.connection()
    db.session.remove()


def test_a_composite_key_refuses_a_foreign_parent(app, rows, rival):
    """Foreign key checks look past row-level security; the composite key does not need it."""
    for which in ("both", "rls", "guard"):
        with walls(which), pytest.raises(Invalid) as error, uow(system_actor(rival.id)) as session:
            session.add(Contact(name="Points away", account_id=rows["account"]))
        assert "account_id" in error.value.errors
        assert "account" not in str(error.value).lower()


def test_relationships_and_joins_stay_inside(app, acme, rival, rows):
    """An alias, a join and a subquery are criteria of their own."""
    for which in ("rls", "guard"):
        with walls(which), uow(system_actor(rival.id)) as session:
            deal = db.aliased(Opportunity)
            joined = select(deal.id, Account.name).join(Account, Account.id == deal.account_id)
            assert rows["opportunity"] not in {row[0] for row in session.execute(joined)}
            inner = select(Account.id).where(Account.id == rows["account"]).scalar_subquery()
            assert session.scalar(select(inner)) is None
            assert session.scalar(select(func.count()).select_from(Account).where(Account.id == rows["account"])) == 0


def test_reading_needs_the_read_permission_even_in_own_organization(app, acme, rows):
    from dataclasses import replace

    bare = replace(acme.viewer.actor, permissions={})
    with tenant.tenant_scope(bare):
        assert db.session.scalars(select(Account.id)).all() == []
        assert queries.current_organization().id == acme.id


def test_the_guard_is_really_off_when_rls_is_tested(app, acme, rival, rows):
    """Both walls down at once: the row is visible, so the tests above prove what they say."""
    with rls_off(), orm_guard_switched_off(), uow(system_actor(rival.id)) as session:
        assert session.get(Account, rows["account"]) is not None


# ── who may look across tenants ──────────────────────────────────────────────────────────────────

PLATFORM_CALLERS = {
    "app/bootstrap.py": {"health"},
    "app/calendar/views.py": {"identity"},
    "app/demo/load/everything.py": {"vendor"},
    "app/demo/load/members.py": {"vendor"},
    "app/exports/running.py": {"jobs"},
    "app/kernel/cli.py": {"jobs", "vendor"},
    "app/automations/jobs.py": {"jobs"},
    "app/intake/jobs.py": {"jobs"},
    "app/intake/mailbox.py": {"identity"},
    "app/intake/views/public.py": {"identity"},
    "app/kernel/health.py": {"health"},
    "app/kernel/mail.py": {"jobs"},
    "app/kernel/outbox.py": {"relay"},
    "app/sales/imports/running.py": {"jobs"},
    "app/collaboration/jobs.py": {"jobs"},
    "app/notifications/jobs.py": {"jobs"},
    "app/tasks/jobs.py": {"jobs"},
    "app/settings/views/profile.py": {"identity"},
    "app/settings/views/security.py": {"identity"},
    "app/tenancy/cli.py": {"sign-up", "vendor"},
    "app/tenancy/feature.py": {"identity"},
    "app/tenancy/security/identity/api_keys.py": {"identity"},
    "app/tenancy/security/identity/jobs.py": {"identity", "jobs"},
    "app/tenancy/security/identity/requests.py": {"membership"},
    "app/tenancy/security/identity/sessions.py": {"identity"},
    "app/tenancy/security/views/auth_page.py": {"identity"},
    "app/tenancy/security/views/invitations.py": {"identity", "membership"},
    "app/tenancy/security/views/sign_in.py": {"identity"},
    "app/tenancy/security/views/sign_up.py": {"identity", "sign-up"},
    "app/tenancy/security/views/switches.py": {"identity"},
    "app/tenancy/security/views/tokens.py": {"identity"},
    "app/vendor/views.py": {"vendor"},
}


def platform_calls() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"platform_scope", "platform_uow"}:
                reason = node.args[0] if node.args else None
                relative = str(path.relative_to(ROOT))
                if relative == "app/kernel/uow.py":
                    continue  # platform_uow itself hands its own reason on
                assert isinstance(reason, ast.Constant), f"{relative}:{node.lineno} gives no literal reason"
                found.setdefault(relative, set()).add(reason.value)
    return found


def test_only_known_code_looks_across_tenants():
    found = platform_calls()
    for path, reasons in found.items():
        assert reasons <= tenant.PLATFORM_REASONS, path
    assert {path: sorted(reasons) for path, reasons in found.items()} == {
        path: sorted(reasons) for path, reasons in PLATFORM_CALLERS.items()
    }


def test_an_unknown_reason_is_refused(app):
    with pytest.raises(ValueError, match="curiosity"), tenant.platform_scope("curiosity"):
        raise AssertionError


def test_only_tests_switch_the_guard_off():
    users = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if "orm_guard_switched_off" in path.read_text()
    ]
    assert users == ["app/kernel/db.py"]
