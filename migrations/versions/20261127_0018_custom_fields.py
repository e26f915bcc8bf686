"""fields of an organization's own, and their values on tasks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('custom_field',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('label', sa.String(length=60), nullable=False),
    sa.Column('type', sa.String(length=8), nullable=False),
    sa.Column('choices', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=True),
    sa.Column('help', sa.String(length=200), server_default=sa.text("''"), nullable=False),
    sa.Column('required', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('archived', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,39}$'", name=op.f('ck_custom_field_key')),
    sa.CheckConstraint("type IN ('text', 'number', 'date', 'select', 'multi', 'user', 'money', 'url')", name=op.f('ck_custom_field_type')),
    sa.CheckConstraint("jsonb_typeof(choices) = 'array'", name=op.f('ck_custom_field_choices')),
    sa.CheckConstraint("(type = 'money') = (currency IS NOT NULL)", name=op.f('ck_custom_field_currency')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_custom_field_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_custom_field')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_custom_field_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'kind', 'key', name='uq_custom_field_key')
    )
    op.create_index('uq_custom_field_label', 'custom_field', ['organization_id', 'kind', sa.literal_column('lower(label)')], unique=True, postgresql_where=sa.text('NOT archived'))
    op.add_column('task', sa.Column('custom', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.create_check_constraint(op.f('ck_task_custom'), 'task', "jsonb_typeof(custom) = 'object'")
    rls.protect('custom_field')


def downgrade() -> None:
    op.drop_constraint(op.f('ck_task_custom'), 'task')
    op.drop_column('task', 'custom')
    op.drop_table('custom_field')
