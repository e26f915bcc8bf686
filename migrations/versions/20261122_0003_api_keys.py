"""api keys"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

# New organizations get these from roles.default_permissions; here are the ones that exist.
GRANT_TO_ADMINS = """
INSERT INTO ab_permission (name)
  SELECT v.name FROM (VALUES ('can_read'), ('can_write')) v (name)
  WHERE NOT EXISTS (SELECT 1 FROM ab_permission p WHERE p.name = v.name);
INSERT INTO ab_view_menu (name)
  SELECT 'api' WHERE NOT EXISTS (SELECT 1 FROM ab_view_menu WHERE name = 'api');
INSERT INTO ab_permission_view (permission_id, view_menu_id)
  SELECT p.id, m.id FROM ab_permission p, ab_view_menu m
  WHERE p.name IN ('can_read', 'can_write') AND m.name = 'api'
  ON CONFLICT DO NOTHING;
INSERT INTO ab_permission_view_role (permission_view_id, role_id, scope)
  SELECT v.id, r.id, 'all'
  FROM ab_permission_view v JOIN ab_view_menu m ON m.id = v.view_menu_id AND m.name = 'api', ab_role r
  WHERE r.organization_id IS NOT NULL AND r.is_system AND r.name = 'Org Admin'
  ON CONFLICT DO NOTHING
"""
TAKE_AWAY = """
DELETE FROM ab_permission_view_role USING ab_permission_view v, ab_view_menu m
  WHERE permission_view_id = v.id AND v.view_menu_id = m.id AND m.name = 'api';
DELETE FROM ab_permission_view USING ab_view_menu m WHERE view_menu_id = m.id AND m.name = 'api';
DELETE FROM ab_view_menu WHERE name = 'api'
"""


def upgrade() -> None:
    op.create_table('api_key',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('prefix', sa.String(length=16), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('previous_prefix', sa.String(length=16), nullable=True),
    sa.Column('previous_hash', sa.String(length=64), nullable=True),
    sa.Column('previous_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('scopes', postgresql.ARRAY(sa.String(length=80)), nullable=False),
    sa.Column('ip_allow', postgresql.ARRAY(sa.String(length=43)), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_ip', sa.String(length=64), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_api_key_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_api_key_organization_id_id')
    )
    op.create_index('uq_api_key_secret_hash', 'api_key', ['secret_hash'], unique=True)
    op.create_index('uq_api_key_previous_hash', 'api_key', ['previous_hash'], unique=True)
    op.create_index('uq_api_key_name', 'api_key', ['organization_id', sa.literal_column('lower(name)')], unique=True, postgresql_where=sa.text('revoked_at IS NULL'))
    rls.protect("api_key")
    op.execute(GRANT_TO_ADMINS)


def downgrade() -> None:
    op.execute(TAKE_AWAY)
    op.drop_table('api_key')
