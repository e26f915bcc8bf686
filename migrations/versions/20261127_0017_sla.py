"""SLA of tasks by priority, and the business hours"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sla_policy',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('priority', sa.String(length=2), nullable=False),
    sa.Column('is_on', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('start_minutes', sa.Integer(), nullable=True),
    sa.Column('finish_minutes', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("priority IN ('P0', 'P1', 'P2', 'P3')", name=op.f('ck_sla_policy_priority')),
    sa.CheckConstraint('NOT is_on OR start_minutes IS NOT NULL OR finish_minutes IS NOT NULL', name=op.f('ck_sla_policy_promise')),
    sa.CheckConstraint('finish_minutes BETWEEN 1 AND 60000', name=op.f('ck_sla_policy_finish')),
    sa.CheckConstraint('start_minutes <= finish_minutes', name=op.f('ck_sla_policy_order')),
    sa.CheckConstraint('start_minutes BETWEEN 1 AND 60000', name=op.f('ck_sla_policy_start')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_sla_policy_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sla_policy')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_sla_policy_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'priority', name='uq_sla_policy_priority')
    )
    op.create_table('work_calendar',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('hours', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('applied_timezone', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_work_calendar_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_work_calendar')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_work_calendar_organization_id_id'),
    sa.UniqueConstraint('organization_id', name='uq_work_calendar_organization_id')
    )
    op.add_column('task', sa.Column('sla_from', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_start_warn_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_start_due_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_start_breached_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_started_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_warn_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_due_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('task', sa.Column('sla_breached_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_task_sla_due', 'task', ['sla_due_at'], unique=False, postgresql_where=sa.text('sla_breached_at IS NULL AND done_at IS NULL'))
    op.create_index('ix_task_sla_start', 'task', ['sla_start_due_at'], unique=False, postgresql_where=sa.text('sla_started_at IS NULL AND sla_start_breached_at IS NULL AND done_at IS NULL'))
    # Nobody knows when; what matters is that they are no longer waiting.
    op.execute("UPDATE task SET sla_started_at = created_at WHERE status_group NOT IN ('backlog', 'cancelled')")
    for table in ("sla_policy", "work_calendar"):
        rls.protect(table)


def downgrade() -> None:
    op.drop_index('ix_task_sla_start', table_name='task', postgresql_where=sa.text('sla_started_at IS NULL AND sla_start_breached_at IS NULL AND done_at IS NULL'))
    op.drop_index('ix_task_sla_due', table_name='task', postgresql_where=sa.text('sla_breached_at IS NULL AND done_at IS NULL'))
    op.drop_column('task', 'sla_breached_at')
    op.drop_column('task', 'sla_due_at')
    op.drop_column('task', 'sla_warn_at')
    op.drop_column('task', 'sla_started_at')
    op.drop_column('task', 'sla_start_breached_at')
    op.drop_column('task', 'sla_start_due_at')
    op.drop_column('task', 'sla_start_warn_at')
    op.drop_column('task', 'sla_from')
    op.drop_table('work_calendar')
    op.drop_table('sla_policy')
