"""The second wall: row-level security, made by one helper for every tenant table.

``stratikey_app`` sees the rows of the organization that the transaction names, and none when it
names none. ``stratikey_platform`` and the owner see all. FORCE binds the owner of the table too.
"""

from __future__ import annotations

from alembic import op

APP = "stratikey_app"
PLATFORM = "stratikey_platform"
OWNER = "stratikey_owner"
CURRENT = "nullif(current_setting('app.organization_id', true), '')::uuid"


def protect(table: str, *, column: str = "organization_id", app: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Enables and forces row-level security on ``table`` and grants ``app`` to the tenant role."""
    protect_where(table, f"{column} = {CURRENT}", app=app)


def protect_where(table: str, condition: str, *, app: str) -> None:
    """As protect(), for tables whose tenant is found through another one."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({condition}) WITH CHECK ({condition})")
    op.execute(f"CREATE POLICY platform ON {table} TO {PLATFORM} USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY owner ON {table} TO {OWNER} USING (true) WITH CHECK (true)")
    if app:
        op.execute(f"GRANT {app} ON {table} TO {APP}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {PLATFORM}")


def platform_only(table: str, *, app: str = "") -> None:
    """A table without tenants; the tenant role gets no more than ``app``."""
    if app:
        op.execute(f"GRANT {app} ON {table} TO {APP}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {PLATFORM}")
