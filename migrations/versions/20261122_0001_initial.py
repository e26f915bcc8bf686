"""initial"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None

# Tables whose rows belong to one organization, and nothing else to know about them.
TENANT_TABLES = (
    "account",
    "activity_log",
    "branding_theme",
    "contact",
    "idempotency_key",
    "import_job",
    "import_mapping",
    "import_row",
    "invitation",
    "lead",
    "lost_reason",
    "membership",
    "notification",
    "opportunity",
    "opportunity_line",
    "opportunity_stage_history",
    "pipeline",
    "pipeline_stage",
    "product",
    "saved_view",
    "team",
)

AUDIT_FUNCTIONS = """
CREATE FUNCTION audit_row_hash(r audit_log, prev text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to(concat_ws(chr(31), prev, r.organization_id, r.seq, r.id,
    to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), r.actor_kind,
    coalesce(r.actor_id::text, ''), r.actor_label, coalesce(r.impersonator_id::text, ''), r.action,
    r.entity, r.entity_id, r.entity_label, r.changes::text, r.source, coalesce(r.request_id, ''),
    coalesce(r.ip, ''), coalesce(r.user_agent, '')), 'UTF8')), 'hex')
$$;

-- The only way in. Numbers the rows and links each to the one before; the head row is locked until
-- the transaction ends, so two writers of one organization follow each other.
CREATE FUNCTION audit_append(entries jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  head audit_head%ROWTYPE;
  entry jsonb;
  r audit_log%ROWTYPE;
  org uuid;
BEGIN
  FOR org IN SELECT DISTINCT (e->>'organization_id')::uuid FROM jsonb_array_elements(entries) e ORDER BY 1 LOOP
    IF session_user NOT IN ('stratikey_platform', 'stratikey_owner')
       AND org IS DISTINCT FROM nullif(current_setting('app.organization_id', true), '')::uuid THEN
      RAISE EXCEPTION 'audit rows of another organization' USING ERRCODE = '42501';
    END IF;
    INSERT INTO audit_head (organization_id, seq, hash) VALUES (org, 0, repeat('0', 64)) ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit_head WHERE organization_id = org FOR UPDATE;
    FOR entry IN
      SELECT e.value FROM jsonb_array_elements(entries) WITH ORDINALITY e
      WHERE (e.value->>'organization_id')::uuid = org ORDER BY e.ordinality
    LOOP
      r := jsonb_populate_record(NULL::audit_log, entry);
      head.seq := head.seq + 1;
      r.seq := head.seq;
      r.prev_hash := head.hash;
      r.hash := audit_row_hash(r, head.hash);
      head.hash := r.hash;
      INSERT INTO audit_log SELECT r.*;
    END LOOP;
    UPDATE audit_head SET seq = head.seq, hash = head.hash WHERE organization_id = org;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION audit_append(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(jsonb) TO stratikey_app, stratikey_platform;

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

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""


def upgrade() -> None:
    op.create_table('ab_group',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('label', sa.String(length=150), nullable=True),
    sa.Column('description', sa.String(length=512), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_group')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_group_name'))
    )
    op.create_table('ab_permission',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_permission')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_permission_name'))
    )
    op.create_table('ab_register_user',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('first_name', sa.String(length=64), nullable=False),
    sa.Column('last_name', sa.String(length=64), nullable=False),
    sa.Column('username', sa.String(length=128), nullable=False),
    sa.Column('password', sa.String(length=256), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('registration_date', sa.DateTime(), nullable=True),
    sa.Column('registration_hash', sa.String(length=256), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_register_user')),
    sa.UniqueConstraint('email', name=op.f('uq_ab_register_user_email')),
    sa.UniqueConstraint('username', name=op.f('uq_ab_register_user_username'))
    )
    op.create_table('ab_user',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('first_name', sa.String(length=64), nullable=False),
    sa.Column('last_name', sa.String(length=64), nullable=False),
    sa.Column('username', sa.String(length=128), nullable=False),
    sa.Column('password', sa.String(length=256), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('last_login', sa.DateTime(), nullable=True),
    sa.Column('login_count', sa.Integer(), nullable=True),
    sa.Column('fail_login_count', sa.Integer(), nullable=True),
    sa.Column('created_on', sa.DateTime(), nullable=True),
    sa.Column('changed_on', sa.DateTime(), nullable=True),
    sa.Column('created_by_fk', sa.Integer(), nullable=True),
    sa.Column('changed_by_fk', sa.Integer(), nullable=True),
    sa.Column('locale', sa.String(length=8), server_default='it', nullable=False),
    sa.Column('timezone', sa.String(length=64), server_default='Europe/Rome', nullable=False),
    sa.Column('theme', sa.String(length=8), server_default='dark', nullable=False),
    sa.Column('avatar_key', sa.String(length=200), nullable=True),
    sa.Column('is_vendor', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('shortcuts', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('last_organization_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by_fk'], ['ab_user.id'], name=op.f('fk_ab_user_changed_by_fk')),
    sa.ForeignKeyConstraint(['created_by_fk'], ['ab_user.id'], name=op.f('fk_ab_user_created_by_fk')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_user')),
    sa.UniqueConstraint('email', name=op.f('uq_ab_user_email')),
    sa.UniqueConstraint('username', name=op.f('uq_ab_user_username'))
    )
    op.create_table('ab_view_menu',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=250), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_view_menu')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_view_menu_name'))
    )
    op.create_table('audit_head',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_audit_head'))
    )
    op.create_table('audit_log',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_kind', sa.String(length=16), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('actor_label', sa.String(length=200), nullable=False),
    sa.Column('impersonator_id', sa.Integer(), nullable=True),
    sa.Column('action', sa.String(length=64), nullable=False),
    sa.Column('entity', sa.String(length=64), nullable=False),
    sa.Column('entity_id', sa.String(length=64), nullable=False),
    sa.Column('entity_label', sa.String(length=300), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('ip', sa.String(length=64), nullable=True),
    sa.Column('user_agent', sa.String(length=300), nullable=True),
    sa.Column('prev_hash', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('organization_id', 'seq', name=op.f('pk_audit_log')),
    sa.UniqueConstraint('id', name=op.f('uq_audit_log_id'))
    )
    op.create_index('ix_audit_log_actor', 'audit_log', ['organization_id', 'actor_id', 'seq'], unique=False)
    op.create_index('ix_audit_log_at', 'audit_log', ['organization_id', 'at'], unique=False)
    op.create_index('ix_audit_log_entity', 'audit_log', ['organization_id', 'entity', 'entity_id', 'seq'], unique=False)
    op.create_table('mail_message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=64), nullable=False),
    sa.Column('to_email', sa.String(length=320), nullable=False),
    sa.Column('to_name', sa.String(length=200), nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('text', sa.Text(), nullable=True),
    sa.Column('html', sa.Text(), nullable=True),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail_message'))
    )
    op.create_index('ix_mail_message_queued', 'mail_message', ['next_at'], unique=False, postgresql_where=sa.text("status = 'queued'"))
    op.create_table('organization',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('legal_name', sa.String(length=200), nullable=True),
    sa.Column('slug', sa.String(length=63), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('plan', sa.String(length=40), nullable=False),
    sa.Column('seats', sa.Integer(), nullable=False),
    sa.Column('locale', sa.String(length=8), nullable=False),
    sa.Column('timezone', sa.String(length=64), nullable=False),
    sa.Column('base_currency', sa.String(length=3), nullable=False),
    sa.Column('vat_number', sa.String(length=20), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organization')),
    sa.UniqueConstraint('slug', name=op.f('uq_organization_slug'))
    )
    op.create_table('outbox',
    sa.Column('seq', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('actor_label', sa.String(length=200), nullable=False),
    sa.Column('subject_kind', sa.String(length=64), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('depth', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('relayed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_outbox')),
    sa.UniqueConstraint('id', name=op.f('uq_outbox_id'))
    )
    op.create_index('ix_outbox_organization', 'outbox', ['organization_id', 'seq'], unique=False)
    op.create_index('ix_outbox_pending', 'outbox', ['seq'], unique=False, postgresql_where=sa.text('relayed_at IS NULL'))
    op.create_table('ab_api_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=256), nullable=False),
    sa.Column('key_hash', sa.String(length=256), nullable=False),
    sa.Column('lookup_hash', sa.String(length=256), nullable=True),
    sa.Column('key_prefix', sa.String(length=16), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('scopes', sa.Text(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_on', sa.DateTime(), nullable=True),
    sa.Column('expires_on', sa.DateTime(), nullable=True),
    sa.Column('revoked_on', sa.DateTime(), nullable=True),
    sa.Column('last_used_on', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_ab_api_key_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_api_key')),
    sa.UniqueConstraint('lookup_hash', name=op.f('uq_ab_api_key_lookup_hash')),
    sa.UniqueConstraint('uuid', name=op.f('uq_ab_api_key_uuid'))
    )
    op.create_index('idx_api_key_lookup_hash', 'ab_api_key', ['lookup_hash'], unique=True)
    op.create_index('idx_api_key_prefix', 'ab_api_key', ['key_prefix'], unique=False)
    op.create_index('idx_api_key_user_id', 'ab_api_key', ['user_id'], unique=False)
    op.create_table('ab_permission_view',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('permission_id', sa.Integer(), nullable=False),
    sa.Column('view_menu_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['permission_id'], ['ab_permission.id'], name=op.f('fk_ab_permission_view_permission_id')),
    sa.ForeignKeyConstraint(['view_menu_id'], ['ab_view_menu.id'], name=op.f('fk_ab_permission_view_view_menu_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_permission_view')),
    sa.UniqueConstraint('permission_id', 'view_menu_id', name=op.f('uq_ab_permission_view_permission_id_view_menu_id'))
    )
    op.create_index('idx_permission_id', 'ab_permission_view', ['permission_id'], unique=False)
    op.create_index('idx_view_menu_id', 'ab_permission_view', ['view_menu_id'], unique=False)
    op.create_table('ab_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=True),
    sa.Column('is_system', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('description', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_ab_role_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_role')),
    sa.UniqueConstraint('organization_id', 'name', name='uq_ab_role_organization_id_name')
    )
    op.create_index('uq_ab_role_global_name', 'ab_role', ['name'], unique=True, postgresql_where=sa.text('organization_id IS NULL'))
    op.create_table('ab_user_group',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('group_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['ab_group.id'], name=op.f('fk_ab_user_group_group_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_ab_user_group_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_user_group')),
    sa.UniqueConstraint('user_id', 'group_id', name=op.f('uq_ab_user_group_user_id_group_id'))
    )
    op.create_index('idx_user_group_id', 'ab_user_group', ['group_id'], unique=False)
    op.create_index('idx_user_id', 'ab_user_group', ['user_id'], unique=False)
    op.create_table('auth_session',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ip', sa.String(length=64), nullable=True),
    sa.Column('user_agent', sa.String(length=300), nullable=True),
    sa.Column('organization_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_auth_session_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_auth_session'))
    )
    op.create_index('ix_auth_session_user_id', 'auth_session', ['user_id'], unique=False)
    op.create_table('branding_theme',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('primary', sa.String(length=7), nullable=False),
    sa.Column('secondary', sa.String(length=7), nullable=False),
    sa.Column('accent', sa.String(length=7), nullable=False),
    sa.Column('logo_key', sa.String(length=200), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_branding_theme_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_branding_theme')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_branding_theme_organization_id_id'),
    sa.UniqueConstraint('organization_id', name=op.f('uq_branding_theme_organization_id'))
    )
    op.create_table('credential',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('password_hash', sa.String(length=200), nullable=True),
    sa.Column('totp_secret', sa.Text(), nullable=True),
    sa.Column('totp_confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_last_step', sa.Integer(), nullable=True),
    sa.Column('recovery_codes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('google_subject', sa.String(length=64), nullable=True),
    sa.Column('failed_count', sa.Integer(), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_credential_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_credential')),
    sa.UniqueConstraint('google_subject', name=op.f('uq_credential_google_subject'))
    )
    op.create_table('delivery',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('handler', sa.String(length=120), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['event_id'], ['outbox.id'], name=op.f('fk_delivery_event_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
    sa.UniqueConstraint('event_id', 'handler', name=op.f('uq_delivery_event_id_handler'))
    )
    op.create_index('ix_delivery_due', 'delivery', ['next_at'], unique=False, postgresql_where=sa.text("status = 'pending'"))
    op.create_table('idempotency_key',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('status_code', sa.Integer(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_idempotency_key_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotency_key')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_idempotency_key_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'key', name=op.f('uq_idempotency_key_organization_id_key'))
    )
    op.create_table('import_mapping',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('entity', sa.String(length=32), nullable=False),
    sa.Column('signature', sa.String(length=64), nullable=False),
    sa.Column('mapping', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('matches', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_import_mapping_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_mapping')),
    sa.UniqueConstraint('organization_id', 'entity', 'signature', name=op.f('uq_import_mapping_organization_id_entity_signature')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_import_mapping_organization_id_id')
    )
    op.create_table('lost_reason',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_lost_reason_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lost_reason')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_lost_reason_organization_id_id')
    )
    op.create_index('uq_lost_reason_name', 'lost_reason', ['organization_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('pipeline',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('is_default', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_pipeline_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipeline')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_pipeline_organization_id_id')
    )
    op.create_index('uq_pipeline_name', 'pipeline', ['organization_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('product',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('sku', sa.String(length=60), nullable=True),
    sa.Column('series', sa.String(length=80), nullable=True),
    sa.Column('unit', sa.String(length=20), nullable=True),
    sa.Column('price', sa.Numeric(precision=14, scale=2), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('vat_rate', sa.Numeric(precision=5, scale=2), nullable=False),
    sa.Column('cost', sa.Numeric(precision=14, scale=2), nullable=True),
    sa.Column('recurrence', sa.String(length=8), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('price >= 0 AND (cost IS NULL OR cost >= 0)', name=op.f('ck_product_price')),
    sa.CheckConstraint('vat_rate BETWEEN 0 AND 100', name=op.f('ck_product_vat_rate')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_product_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_product_organization_id_id')
    )
    op.create_index('uq_product_name', 'product', ['organization_id', sa.literal_column('lower(name)')], unique=True)
    op.create_index('uq_product_sku', 'product', ['organization_id', sa.literal_column('lower(sku)')], unique=True, postgresql_where=sa.text('sku IS NOT NULL'))
    op.create_table('team',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('manager_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'parent_id'], ['team.organization_id', 'team.id'], name=op.f('fk_team_organization_id_parent_id'), ondelete='SET NULL (parent_id)'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_team_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_team_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'name', name=op.f('uq_team_organization_id_name'))
    )
    op.create_table('ab_group_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('group_id', sa.Integer(), nullable=True),
    sa.Column('role_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['ab_group.id'], name=op.f('fk_ab_group_role_group_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_ab_group_role_role_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_group_role')),
    sa.UniqueConstraint('group_id', 'role_id', name=op.f('uq_ab_group_role_group_id_role_id'))
    )
    op.create_index('idx_group_id', 'ab_group_role', ['group_id'], unique=False)
    op.create_index('idx_group_role_id', 'ab_group_role', ['role_id'], unique=False)
    op.create_table('ab_permission_view_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('permission_view_id', sa.Integer(), nullable=True),
    sa.Column('role_id', sa.Integer(), nullable=True),
    sa.Column('scope', sa.String(length=8), server_default='all', nullable=False),
    sa.CheckConstraint("scope IN ('own', 'team', 'all')", name=op.f('ck_ab_permission_view_role_scope')),
    sa.ForeignKeyConstraint(['permission_view_id'], ['ab_permission_view.id'], name=op.f('fk_ab_permission_view_role_permission_view_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_ab_permission_view_role_role_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_permission_view_role')),
    sa.UniqueConstraint('permission_view_id', 'role_id', name=op.f('uq_ab_permission_view_role_permission_view_id_role_id'))
    )
    op.create_index('idx_permission_view_id', 'ab_permission_view_role', ['permission_view_id'], unique=False)
    op.create_index('idx_role_id', 'ab_permission_view_role', ['role_id'], unique=False)
    op.create_table('ab_user_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('role_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_ab_user_role_role_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_ab_user_role_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_user_role')),
    sa.UniqueConstraint('user_id', 'role_id', name=op.f('uq_ab_user_role_user_id_role_id'))
    )
    op.create_table('membership',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('display_name', sa.String(length=130), nullable=False),
    sa.Column('email', sa.String(length=320), nullable=True),
    sa.Column('title', sa.String(length=80), nullable=True),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('two_factor', sa.Boolean(), nullable=False),
    sa.Column('avatar_key', sa.String(length=200), nullable=True),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(status = 'placeholder') = (user_id IS NULL)", name=op.f('ck_membership_placeholder')),
    sa.ForeignKeyConstraint(['organization_id', 'team_id'], ['team.organization_id', 'team.id'], name=op.f('fk_membership_organization_id_team_id'), ondelete='SET NULL (team_id)'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_membership_organization_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_membership_user_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_membership')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_membership_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'user_id', name=op.f('uq_membership_organization_id_user_id'))
    )
    op.create_index('ix_membership_user_id', 'membership', ['user_id'], unique=False)
    op.create_table('pipeline_stage',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('pipeline_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('kind', sa.String(length=4), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('probability', sa.Integer(), nullable=False),
    sa.Column('rot_days', sa.Integer(), nullable=True),
    sa.Column('color', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("kind IN ('open', 'won', 'lost')", name=op.f('ck_pipeline_stage_kind')),
    sa.CheckConstraint('probability BETWEEN 0 AND 100', name=op.f('ck_pipeline_stage_probability')),
    sa.CheckConstraint('rot_days IS NULL OR rot_days > 0', name=op.f('ck_pipeline_stage_rot_days')),
    sa.ForeignKeyConstraint(['organization_id', 'pipeline_id'], ['pipeline.organization_id', 'pipeline.id'], name=op.f('fk_pipeline_stage_organization_id_pipeline_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_pipeline_stage_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipeline_stage')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_pipeline_stage_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'pipeline_id', 'id', name='uq_pipeline_stage_organization_id_pipeline_id')
    )
    op.create_index('ix_pipeline_stage_pipeline', 'pipeline_stage', ['organization_id', 'pipeline_id', 'position'], unique=False)
    op.create_index('uq_pipeline_stage_closing', 'pipeline_stage', ['organization_id', 'pipeline_id', 'kind'], unique=True, postgresql_where=sa.text("kind <> 'open'"))
    op.create_index('uq_pipeline_stage_name', 'pipeline_stage', ['organization_id', 'pipeline_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('account',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('lifecycle', sa.String(length=16), nullable=False),
    sa.Column('industry', sa.String(length=80), nullable=True),
    sa.Column('website', sa.String(length=300), nullable=True),
    sa.Column('phone', sa.String(length=32), nullable=True),
    sa.Column('vat_number', sa.String(length=20), nullable=True),
    sa.Column('city', sa.String(length=80), nullable=True),
    sa.Column('country', sa.String(length=80), nullable=True),
    sa.Column('founded', sa.Integer(), nullable=True),
    sa.Column('annual_revenue', sa.Numeric(precision=14, scale=2), nullable=True),
    sa.Column('employees', sa.Integer(), nullable=True),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('tags', sa.ARRAY(sa.String(length=40)), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('parent_id <> id', name=op.f('ck_account_parent')),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_account_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id', 'parent_id'], ['account.organization_id', 'account.id'], name=op.f('fk_account_organization_id_parent_id'), ondelete='SET NULL (parent_id)'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_account_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_account_organization_id_id')
    )
    op.create_index('ix_account_owner', 'account', ['organization_id', 'owner_id'], unique=False)
    op.create_index('uq_account_name', 'account', ['organization_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('import_job',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('entity', sa.String(length=32), nullable=False),
    sa.Column('filename', sa.String(length=200), nullable=False),
    sa.Column('storage_key', sa.String(length=200), nullable=False),
    sa.Column('file_hash', sa.String(length=64), nullable=False),
    sa.Column('reading', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('mapping', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('matches', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('check', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_count', sa.Integer(), nullable=False),
    sa.Column('updated_count', sa.Integer(), nullable=False),
    sa.Column('same_count', sa.Integer(), nullable=False),
    sa.Column('failed_count', sa.Integer(), nullable=False),
    sa.Column('kept_count', sa.Integer(), nullable=False),
    sa.Column('message', sa.String(length=500), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_import_job_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_import_job_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_job')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_import_job_organization_id_id')
    )
    op.create_index('ix_import_job_created', 'import_job', ['organization_id', 'created_at'], unique=False)
    op.create_table('invitation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('role_id', sa.Integer(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('sent_count', sa.Integer(), nullable=False),
    sa.Column('invited_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'invited_by_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_invitation_organization_id_invited_by_id'), ondelete='SET NULL (invited_by_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_invitation_organization_id_member_id'), ondelete='SET NULL (member_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'team_id'], ['team.organization_id', 'team.id'], name=op.f('fk_invitation_organization_id_team_id'), ondelete='SET NULL (team_id)'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_invitation_organization_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_invitation_role_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitation')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_invitation_organization_id_id')
    )
    op.create_index('ix_invitation_token_hash', 'invitation', ['token_hash'], unique=True)
    op.create_index('uq_invitation_pending', 'invitation', ['organization_id', 'email'], unique=True, postgresql_where=sa.text("status = 'pending'"))
    op.create_table('notification',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('category', sa.String(length=16), nullable=False),
    sa.Column('icon', sa.String(length=32), nullable=False),
    sa.Column('message', sa.String(length=120), nullable=False),
    sa.Column('params', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('url', sa.String(length=300), nullable=False),
    sa.Column('dedupe_key', sa.String(length=80), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_notification_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_notification_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_notification_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'member_id', 'dedupe_key', name=op.f('uq_notification_organization_id_member_id_dedupe_key'))
    )
    op.create_index('ix_notification_member', 'notification', ['organization_id', 'member_id', 'created_at'], unique=False)
    op.create_index('ix_notification_unread', 'notification', ['organization_id', 'member_id'], unique=False, postgresql_where=sa.text('read_at IS NULL'))
    op.create_table('saved_view',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('shared', sa.Boolean(), nullable=False),
    sa.Column('is_default', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('definition', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("jsonb_typeof(definition) = 'object'", name=op.f('ck_saved_view_definition')),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_saved_view_organization_id_owner_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_saved_view_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_view')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_saved_view_organization_id_id')
    )
    op.create_index('uq_saved_view_default', 'saved_view', ['organization_id', 'kind', 'owner_id'], unique=True, postgresql_where=sa.text('is_default'))
    op.create_index('uq_saved_view_name', 'saved_view', ['organization_id', 'kind', 'owner_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('contact',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=130), nullable=False),
    sa.Column('email', sa.String(length=320), nullable=True),
    sa.Column('phone', sa.String(length=32), nullable=True),
    sa.Column('job_title', sa.String(length=80), nullable=True),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('tags', sa.ARRAY(sa.String(length=40)), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'account_id'], ['account.organization_id', 'account.id'], name=op.f('fk_contact_organization_id_account_id'), ondelete='SET NULL (account_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_contact_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_contact_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contact')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_contact_organization_id_id')
    )
    op.create_index('ix_contact_account', 'contact', ['organization_id', 'account_id'], unique=False)
    op.create_index('ix_contact_email', 'contact', ['organization_id', sa.literal_column('lower(email)')], unique=False)
    op.create_table('import_row',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('import_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.String(length=8), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=True),
    sa.Column('record_id', sa.Uuid(), nullable=True),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('errors', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('raw', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'import_id'], ['import_job.organization_id', 'import_job.id'], name=op.f('fk_import_row_organization_id_import_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_import_row_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_row')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_import_row_organization_id_id')
    )
    op.create_index('ix_import_row_import', 'import_row', ['organization_id', 'import_id', 'outcome', 'line'], unique=False)
    op.create_table('opportunity',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('contact_id', sa.Uuid(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('pipeline_id', sa.Uuid(), nullable=False),
    sa.Column('stage_id', sa.Uuid(), nullable=False),
    sa.Column('stage_kind', sa.String(length=4), nullable=False),
    sa.Column('rank', sa.String(length=80, collation='C'), nullable=False),
    sa.Column('amount', sa.Numeric(precision=14, scale=2), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('amount_mode', sa.String(length=6), nullable=False),
    sa.Column('probability', sa.Integer(), nullable=True),
    sa.Column('forecast_category', sa.String(length=8), nullable=False),
    sa.Column('priority', sa.String(length=2), nullable=True),
    sa.Column('source', sa.String(length=60), nullable=True),
    sa.Column('opened_on', sa.Date(), nullable=True),
    sa.Column('close_date', sa.Date(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stage_entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_activity_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_open_stage_id', sa.Uuid(), nullable=True),
    sa.Column('lost_reason_id', sa.Uuid(), nullable=True),
    sa.Column('competitor', sa.String(length=120), nullable=True),
    sa.Column('lost_note', sa.Text(), nullable=True),
    sa.Column('recontact_on', sa.Date(), nullable=True),
    sa.Column('external_ref', sa.String(length=60), nullable=True),
    sa.Column('tags', sa.ARRAY(sa.String(length=40)), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(stage_kind = 'open') = (closed_at IS NULL)", name=op.f('ck_opportunity_closed')),
    sa.CheckConstraint("stage_kind IN ('open', 'won', 'lost')", name=op.f('ck_opportunity_stage_kind')),
    sa.CheckConstraint('amount IS NULL OR amount >= 0', name=op.f('ck_opportunity_amount')),
    sa.CheckConstraint('probability BETWEEN 0 AND 100', name=op.f('ck_opportunity_probability')),
    sa.ForeignKeyConstraint(['organization_id', 'account_id'], ['account.organization_id', 'account.id'], name=op.f('fk_opportunity_organization_id_account_id'), ondelete='SET NULL (account_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'contact_id'], ['contact.organization_id', 'contact.id'], name=op.f('fk_opportunity_organization_id_contact_id'), ondelete='SET NULL (contact_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'last_open_stage_id'], ['pipeline_stage.organization_id', 'pipeline_stage.id'], name=op.f('fk_opportunity_organization_id_last_open_stage_id'), ondelete='SET NULL (last_open_stage_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'lost_reason_id'], ['lost_reason.organization_id', 'lost_reason.id'], name=op.f('fk_opportunity_organization_id_lost_reason_id'), ondelete='SET NULL (lost_reason_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_opportunity_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id', 'pipeline_id', 'stage_id'], ['pipeline_stage.organization_id', 'pipeline_stage.pipeline_id', 'pipeline_stage.id'], name=op.f('fk_opportunity_organization_id_pipeline_id_stage_id')),
    sa.ForeignKeyConstraint(['organization_id', 'pipeline_id'], ['pipeline.organization_id', 'pipeline.id'], name=op.f('fk_opportunity_organization_id_pipeline_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_opportunity_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opportunity')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_opportunity_organization_id_id')
    )
    op.create_index('ix_opportunity_account', 'opportunity', ['organization_id', 'account_id', 'stage_kind'], unique=False)
    op.create_index('ix_opportunity_amount', 'opportunity', ['organization_id', sa.literal_column('amount DESC NULLS LAST'), sa.literal_column('id DESC')], unique=False)
    op.create_index('ix_opportunity_board', 'opportunity', ['organization_id', 'stage_id', 'rank'], unique=False)
    op.create_index('ix_opportunity_close', 'opportunity', ['organization_id', 'stage_kind', 'close_date'], unique=False)
    op.create_index('ix_opportunity_created', 'opportunity', ['organization_id', 'created_at', 'id'], unique=False)
    op.create_index('ix_opportunity_owner', 'opportunity', ['organization_id', 'owner_id', 'stage_kind'], unique=False)
    op.create_index('uq_opportunity_external_ref', 'opportunity', ['organization_id', 'external_ref'], unique=True, postgresql_where=sa.text('external_ref IS NOT NULL'))
    op.create_table('lead',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=130), nullable=False),
    sa.Column('company', sa.String(length=160), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=True),
    sa.Column('phone', sa.String(length=32), nullable=True),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('source', sa.String(length=60), nullable=True),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('disqualify_reason', sa.String(length=200), nullable=True),
    sa.Column('tags', sa.ARRAY(sa.String(length=40)), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('converted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('contact_id', sa.Uuid(), nullable=True),
    sa.Column('opportunity_id', sa.Uuid(), nullable=True),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(status = 'converted') = (converted_at IS NOT NULL)", name=op.f('ck_lead_converted')),
    sa.CheckConstraint('score BETWEEN 0 AND 100', name=op.f('ck_lead_score')),
    sa.ForeignKeyConstraint(['organization_id', 'account_id'], ['account.organization_id', 'account.id'], name=op.f('fk_lead_organization_id_account_id'), ondelete='SET NULL (account_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'contact_id'], ['contact.organization_id', 'contact.id'], name=op.f('fk_lead_organization_id_contact_id'), ondelete='SET NULL (contact_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'opportunity_id'], ['opportunity.organization_id', 'opportunity.id'], name=op.f('fk_lead_organization_id_opportunity_id'), ondelete='SET NULL (opportunity_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_lead_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_lead_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lead')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_lead_organization_id_id')
    )
    op.create_index('ix_lead_email', 'lead', ['organization_id', sa.literal_column('lower(email)')], unique=False)
    op.create_index('ix_lead_status', 'lead', ['organization_id', 'status', 'owner_id'], unique=False)
    op.create_table('opportunity_line',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('opportunity_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=True),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('description', sa.String(length=200), nullable=False),
    sa.Column('quantity', sa.Numeric(precision=12, scale=2), nullable=False),
    sa.Column('unit', sa.String(length=20), nullable=True),
    sa.Column('unit_price', sa.Numeric(precision=14, scale=2), nullable=False),
    sa.Column('discount', sa.Numeric(precision=5, scale=2), nullable=False),
    sa.Column('vat_rate', sa.Numeric(precision=5, scale=2), nullable=False),
    sa.Column('recurrence', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('discount BETWEEN 0 AND 100', name=op.f('ck_opportunity_line_discount')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_opportunity_line_quantity')),
    sa.CheckConstraint('unit_price >= 0', name=op.f('ck_opportunity_line_unit_price')),
    sa.CheckConstraint('vat_rate BETWEEN 0 AND 100', name=op.f('ck_opportunity_line_vat_rate')),
    sa.ForeignKeyConstraint(['organization_id', 'opportunity_id'], ['opportunity.organization_id', 'opportunity.id'], name=op.f('fk_opportunity_line_organization_id_opportunity_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'product_id'], ['product.organization_id', 'product.id'], name=op.f('fk_opportunity_line_organization_id_product_id'), ondelete='SET NULL (product_id)'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_opportunity_line_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opportunity_line')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_opportunity_line_organization_id_id')
    )
    op.create_index('ix_opportunity_line_opportunity', 'opportunity_line', ['organization_id', 'opportunity_id', 'position'], unique=False)
    op.create_index('ix_opportunity_line_product', 'opportunity_line', ['organization_id', 'product_id'], unique=False)
    op.create_table('opportunity_stage_history',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('opportunity_id', sa.Uuid(), nullable=False),
    sa.Column('from_stage_id', sa.Uuid(), nullable=True),
    sa.Column('to_stage_id', sa.Uuid(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'by_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_opportunity_stage_history_organization_id_by_id'), ondelete='SET NULL (by_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'from_stage_id'], ['pipeline_stage.organization_id', 'pipeline_stage.id'], name=op.f('fk_opportunity_stage_history_organization_id_from_stage_id'), ondelete='SET NULL (from_stage_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'opportunity_id'], ['opportunity.organization_id', 'opportunity.id'], name=op.f('fk_opportunity_stage_history_organization_id_opportunity_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'to_stage_id'], ['pipeline_stage.organization_id', 'pipeline_stage.id'], name=op.f('fk_opportunity_stage_history_organization_id_to_stage_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_opportunity_stage_history_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opportunity_stage_history')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_opportunity_stage_history_organization_id_id')
    )
    op.create_index('ix_opportunity_stage_history_opportunity', 'opportunity_stage_history', ['organization_id', 'opportunity_id', 'at'], unique=False)
    op.create_table('activity_log',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('type', sa.String(length=8), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('duration_min', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.String(length=200), nullable=True),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('contact_id', sa.Uuid(), nullable=True),
    sa.Column('lead_id', sa.Uuid(), nullable=True),
    sa.Column('opportunity_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('duration_min IS NULL OR duration_min >= 0', name=op.f('ck_activity_log_duration_min')),
    sa.ForeignKeyConstraint(['organization_id', 'account_id'], ['account.organization_id', 'account.id'], name=op.f('fk_activity_log_organization_id_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'contact_id'], ['contact.organization_id', 'contact.id'], name=op.f('fk_activity_log_organization_id_contact_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'lead_id'], ['lead.organization_id', 'lead.id'], name=op.f('fk_activity_log_organization_id_lead_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'opportunity_id'], ['opportunity.organization_id', 'opportunity.id'], name=op.f('fk_activity_log_organization_id_opportunity_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_activity_log_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_activity_log_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activity_log')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_activity_log_organization_id_id')
    )
    op.create_index('ix_activity_log_opportunity', 'activity_log', ['organization_id', 'opportunity_id', 'due_at'], unique=False)
    op.create_index('ix_activity_log_owner', 'activity_log', ['organization_id', 'owner_id', 'done_at', 'due_at'], unique=False)
    op.create_foreign_key(
        "fk_team_organization_id_manager_id", "team", "membership",
        ["organization_id", "manager_id"], ["organization_id", "id"], ondelete="SET NULL (manager_id)",
    )

    # ── the second wall, grants, and the audit log's own functions ──
    op.execute(f"GRANT USAGE ON SCHEMA public TO {rls.APP}, {rls.PLATFORM}")
    for table in TENANT_TABLES:
        rls.protect(table)
    rls.protect("organization", column="id", app="SELECT, UPDATE")
    rls.protect("outbox", app="SELECT, INSERT")
    rls.protect("delivery", app="SELECT, UPDATE")
    rls.protect("audit_log", app="SELECT")
    rls.protect("audit_head", app="")
    rls.protect("ab_role", app="SELECT, INSERT, UPDATE, DELETE")
    own_role = "EXISTS (SELECT 1 FROM ab_role r WHERE r.id = role_id AND r.organization_id = " + rls.CURRENT + ")"
    rls.protect_where("ab_user_role", own_role, app="SELECT, INSERT, DELETE")
    rls.protect_where("ab_permission_view_role", own_role, app="SELECT, INSERT, UPDATE, DELETE")
    rls.protect_where(
        "ab_user",
        f"EXISTS (SELECT 1 FROM membership m WHERE m.user_id = ab_user.id AND m.organization_id = {rls.CURRENT})",
        app="",
    )
    for table in ("ab_permission", "ab_view_menu", "ab_permission_view"):
        rls.platform_only(table, app="SELECT")
    rls.platform_only("mail_message", app="INSERT")
    for table in ("ab_group", "ab_user_group", "ab_group_role", "ab_register_user", "ab_api_key",
                  "credential", "auth_session"):
        rls.platform_only(table)
    op.execute(f"GRANT SELECT ON alembic_version TO {rls.PLATFORM}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {rls.APP}, {rls.PLATFORM}")
    op.execute(AUDIT_FUNCTIONS)


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_log_append_only ON audit_log")
    op.execute("DROP TRIGGER audit_log_no_truncate ON audit_log")
    op.execute("DROP FUNCTION audit_verify(uuid), audit_append(jsonb), audit_row_hash(audit_log, text), audit_refuse()")
    for table in ("ab_user", "ab_user_role", "ab_permission_view_role"):
        op.execute(f"DROP POLICY tenant ON {table}")
    op.drop_constraint("fk_team_organization_id_manager_id", "team", type_="foreignkey")
    op.drop_index('ix_activity_log_owner', table_name='activity_log')
    op.drop_index('ix_activity_log_opportunity', table_name='activity_log')
    op.drop_table('activity_log')
    op.drop_index('ix_opportunity_stage_history_opportunity', table_name='opportunity_stage_history')
    op.drop_table('opportunity_stage_history')
    op.drop_index('ix_opportunity_line_product', table_name='opportunity_line')
    op.drop_index('ix_opportunity_line_opportunity', table_name='opportunity_line')
    op.drop_table('opportunity_line')
    op.drop_index('ix_lead_status', table_name='lead')
    op.drop_index('ix_lead_email', table_name='lead')
    op.drop_table('lead')
    op.drop_index('uq_opportunity_external_ref', table_name='opportunity', postgresql_where=sa.text('external_ref IS NOT NULL'))
    op.drop_index('ix_opportunity_owner', table_name='opportunity')
    op.drop_index('ix_opportunity_created', table_name='opportunity')
    op.drop_index('ix_opportunity_close', table_name='opportunity')
    op.drop_index('ix_opportunity_board', table_name='opportunity')
    op.drop_index('ix_opportunity_amount', table_name='opportunity')
    op.drop_index('ix_opportunity_account', table_name='opportunity')
    op.drop_table('opportunity')
    op.drop_index('ix_import_row_import', table_name='import_row')
    op.drop_table('import_row')
    op.drop_index('ix_contact_email', table_name='contact')
    op.drop_index('ix_contact_account', table_name='contact')
    op.drop_table('contact')
    op.drop_index('uq_saved_view_name', table_name='saved_view')
    op.drop_index('uq_saved_view_default', table_name='saved_view', postgresql_where=sa.text('is_default'))
    op.drop_table('saved_view')
    op.drop_index('ix_notification_unread', table_name='notification', postgresql_where=sa.text('read_at IS NULL'))
    op.drop_index('ix_notification_member', table_name='notification')
    op.drop_table('notification')
    op.drop_index('uq_invitation_pending', table_name='invitation', postgresql_where=sa.text("status = 'pending'"))
    op.drop_index('ix_invitation_token_hash', table_name='invitation')
    op.drop_table('invitation')
    op.drop_index('ix_import_job_created', table_name='import_job')
    op.drop_table('import_job')
    op.drop_index('uq_account_name', table_name='account')
    op.drop_index('ix_account_owner', table_name='account')
    op.drop_table('account')
    op.drop_index('uq_pipeline_stage_name', table_name='pipeline_stage')
    op.drop_index('uq_pipeline_stage_closing', table_name='pipeline_stage', postgresql_where=sa.text("kind <> 'open'"))
    op.drop_index('ix_pipeline_stage_pipeline', table_name='pipeline_stage')
    op.drop_table('pipeline_stage')
    op.drop_index('ix_membership_user_id', table_name='membership')
    op.drop_table('membership')
    op.drop_table('ab_user_role')
    op.drop_index('idx_role_id', table_name='ab_permission_view_role')
    op.drop_index('idx_permission_view_id', table_name='ab_permission_view_role')
    op.drop_table('ab_permission_view_role')
    op.drop_index('idx_group_role_id', table_name='ab_group_role')
    op.drop_index('idx_group_id', table_name='ab_group_role')
    op.drop_table('ab_group_role')
    op.drop_table('team')
    op.drop_index('uq_product_sku', table_name='product', postgresql_where=sa.text('sku IS NOT NULL'))
    op.drop_index('uq_product_name', table_name='product')
    op.drop_table('product')
    op.drop_index('uq_pipeline_name', table_name='pipeline')
    op.drop_table('pipeline')
    op.drop_index('uq_lost_reason_name', table_name='lost_reason')
    op.drop_table('lost_reason')
    op.drop_table('import_mapping')
    op.drop_table('idempotency_key')
    op.drop_index('ix_delivery_due', table_name='delivery', postgresql_where=sa.text("status = 'pending'"))
    op.drop_table('delivery')
    op.drop_table('credential')
    op.drop_table('branding_theme')
    op.drop_index('ix_auth_session_user_id', table_name='auth_session')
    op.drop_table('auth_session')
    op.drop_index('idx_user_id', table_name='ab_user_group')
    op.drop_index('idx_user_group_id', table_name='ab_user_group')
    op.drop_table('ab_user_group')
    op.drop_index('uq_ab_role_global_name', table_name='ab_role', postgresql_where=sa.text('organization_id IS NULL'))
    op.drop_table('ab_role')
    op.drop_index('idx_view_menu_id', table_name='ab_permission_view')
    op.drop_index('idx_permission_id', table_name='ab_permission_view')
    op.drop_table('ab_permission_view')
    op.drop_index('idx_api_key_user_id', table_name='ab_api_key')
    op.drop_index('idx_api_key_prefix', table_name='ab_api_key')
    op.drop_index('idx_api_key_lookup_hash', table_name='ab_api_key')
    op.drop_table('ab_api_key')
    op.drop_index('ix_outbox_pending', table_name='outbox', postgresql_where=sa.text('relayed_at IS NULL'))
    op.drop_index('ix_outbox_organization', table_name='outbox')
    op.drop_table('outbox')
    op.drop_table('organization')
    op.drop_index('ix_mail_message_queued', table_name='mail_message', postgresql_where=sa.text("status = 'queued'"))
    op.drop_table('mail_message')
    op.drop_index('ix_audit_log_entity', table_name='audit_log')
    op.drop_index('ix_audit_log_at', table_name='audit_log')
    op.drop_index('ix_audit_log_actor', table_name='audit_log')
    op.drop_table('audit_log')
    op.drop_table('audit_head')
    op.drop_table('ab_view_menu')
    op.drop_table('ab_user')
    op.drop_table('ab_register_user')
    op.drop_table('ab_permission')
    op.drop_table('ab_group')
