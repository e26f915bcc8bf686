"""statistics after an import"""

from __future__ import annotations

from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

# The tenant's role owns no table and may not ANALYZE; autovacuum comes a minute late, and until then
# PostgreSQL plans for empty tables: pages of a freshly imported organization took seconds.
SQL = """
CREATE FUNCTION analyze_imported() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  ANALYZE account, contact, lead, product, membership, opportunity, opportunity_line, opportunity_stage_history,
    import_row, audit_log;
END $$;
REVOKE ALL ON FUNCTION analyze_imported() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_imported() TO stratikey_app, stratikey_platform;
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    op.execute("DROP FUNCTION analyze_imported()")
