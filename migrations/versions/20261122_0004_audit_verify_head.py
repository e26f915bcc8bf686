"""audit_verify compares the chain with its head: a log cut at its end is found"""

from __future__ import annotations

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

# Runs as the owner, because the tenant role may not read audit_head; so it checks by itself who asks.
VERIFY = """
CREATE FUNCTION audit_verify(org uuid) RETURNS TABLE (checked bigint, broken_seq bigint) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF session_user NOT IN ('stratikey_platform', 'stratikey_owner')
     AND org IS DISTINCT FROM nullif(current_setting('app.organization_id', true), '')::uuid THEN
    RAISE EXCEPTION 'audit rows of another organization' USING ERRCODE = '42501';
  END IF;
  RETURN QUERY
  WITH chain AS (
    SELECT a.seq, a.hash, a.prev_hash, audit_row_hash(a, a.prev_hash) AS computed,
      lag(a.hash) OVER (ORDER BY a.seq) AS before, row_number() OVER (ORDER BY a.seq) AS n
    FROM audit_log a WHERE a.organization_id = org
  ), found AS (
    SELECT count(*) AS rows, (array_agg(c.hash ORDER BY c.seq DESC))[1] AS last_hash, min(c.seq) FILTER (
      WHERE c.hash <> c.computed OR c.prev_hash <> coalesce(c.before, repeat('0', 64)) OR c.seq <> c.n
    ) AS broken FROM chain c
  )
  SELECT f.rows, coalesce(f.broken, CASE
    WHEN f.rows <> coalesce(h.seq, 0) THEN least(f.rows, coalesce(h.seq, 0)) + 1
    WHEN f.rows > 0 AND f.last_hash <> h.hash THEN f.rows
  END)
  FROM found f LEFT JOIN audit_head h ON h.organization_id = org;
END $$;
REVOKE ALL ON FUNCTION audit_verify(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_verify(uuid) TO stratikey_app, stratikey_platform;
"""

VERIFY_0001 = """
CREATE FUNCTION audit_verify(org uuid) RETURNS TABLE (checked bigint, broken_seq bigint) LANGUAGE sql STABLE AS $$
  WITH chain AS (
    SELECT a.seq, a.hash, a.prev_hash, audit_row_hash(a, a.prev_hash) AS computed,
      lag(a.hash) OVER (ORDER BY a.seq) AS before, row_number() OVER (ORDER BY a.seq) AS n
    FROM audit_log a WHERE a.organization_id = org
  )
  SELECT count(*), min(seq) FILTER (
    WHERE hash <> computed OR prev_hash <> coalesce(before, repeat('0', 64)) OR seq <> n
  ) FROM chain
$$;
"""


def upgrade() -> None:
    op.execute("DROP FUNCTION audit_verify(uuid)")
    op.execute(VERIFY)


def downgrade() -> None:
    op.execute("DROP FUNCTION audit_verify(uuid)")
    op.execute(VERIFY_0001)
