"""timeline"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('task_dependency',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('predecessor_id', sa.Uuid(), nullable=False),
    sa.Column('successor_id', sa.Uuid(), nullable=False),
    sa.Column('type', sa.String(length=2), nullable=False),
    sa.Column('lag', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("type IN ('FS', 'SS', 'FF')", name=op.f('ck_task_dependency_type')),
    sa.CheckConstraint('lag BETWEEN -365 AND 365', name=op.f('ck_task_dependency_lag')),
    sa.CheckConstraint('predecessor_id <> successor_id', name=op.f('ck_task_dependency_itself')),
    sa.ForeignKeyConstraint(['organization_id', 'predecessor_id'], ['task.organization_id', 'task.id'], name=op.f('fk_task_dependency_organization_id_predecessor_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'successor_id'], ['task.organization_id', 'task.id'], name=op.f('fk_task_dependency_organization_id_successor_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_task_dependency_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_dependency')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_task_dependency_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'predecessor_id', 'successor_id', name='uq_task_dependency_pair')
    )
    op.create_index('ix_task_dependency_successor', 'task_dependency', ['organization_id', 'successor_id'], unique=False)
    op.create_table('timeline_baseline',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('dates', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_timeline_baseline_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_timeline_baseline_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timeline_baseline')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_timeline_baseline_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'member_id', name='uq_timeline_baseline_member')
    )
    for table in ("task_dependency", "timeline_baseline"):
        rls.protect(table)


def downgrade() -> None:
    op.drop_table('timeline_baseline')
    op.drop_index('ix_task_dependency_successor', table_name='task_dependency')
    op.drop_table('task_dependency')
