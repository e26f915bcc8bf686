"""Exports in the background, views of a team, the columns that a person leaves a list with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('export_job',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('format', sa.String(length=4), nullable=False),
    sa.Column('definition', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('status', sa.String(length=8), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('row_count', sa.Integer(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('filename', sa.String(length=80), nullable=False),
    sa.Column('storage_key', sa.String(length=200), nullable=True),
    sa.Column('message', sa.String(length=500), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'expired')", name=op.f('ck_export_job_status')),
    sa.CheckConstraint("(status = 'done') = (storage_key IS NOT NULL)", name=op.f('ck_export_job_file')),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_export_job_organization_id_owner_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_export_job_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_export_job')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_export_job_organization_id_id'),
    )
    op.create_index('ix_export_job_owner', 'export_job', ['organization_id', 'owner_id', 'created_at'], unique=False)
    op.create_index('ix_export_job_status', 'export_job', ['status'], unique=False)
    op.create_table('list_layout',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('columns', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("jsonb_typeof(columns) = 'array'", name=op.f('ck_list_layout_columns')),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_list_layout_organization_id_owner_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_list_layout_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_list_layout')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_list_layout_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'owner_id', 'kind', name='uq_list_layout_kind'),
    )
    rls.protect("export_job")
    rls.protect("list_layout")
    op.add_column('saved_view', sa.Column('visibility', sa.String(length=8), server_default=sa.text("'private'"), nullable=False))
    op.create_check_constraint(op.f('ck_saved_view_visibility'), 'saved_view', "visibility IN ('private', 'team', 'shared')")
    op.execute("UPDATE saved_view SET visibility = 'shared' WHERE shared")
    op.drop_column('saved_view', 'shared')


def downgrade() -> None:
    op.add_column('saved_view', sa.Column('shared', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.execute("UPDATE saved_view SET shared = true WHERE visibility = 'shared'")
    op.alter_column('saved_view', 'shared', server_default=None)
    op.drop_constraint(op.f('ck_saved_view_visibility'), 'saved_view', type_='check')
    op.drop_column('saved_view', 'visibility')
    op.drop_table('list_layout')
    op.drop_table('export_job')
