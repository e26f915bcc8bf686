"""time_and_recurrence"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('time_entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('task_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('note', sa.String(length=300), server_default=sa.text("''"), nullable=False),
    sa.Column('billable', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('minutes BETWEEN 1 AND 1440', name=op.f('ck_time_entry_minutes')),
    sa.CheckConstraint('minutes IS NOT NULL OR started_at IS NOT NULL', name=op.f('ck_time_entry_running')),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_time_entry_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'task_id'], ['task.organization_id', 'task.id'], name=op.f('fk_time_entry_organization_id_task_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_time_entry_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_time_entry')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_time_entry_organization_id_id')
    )
    op.create_index('ix_time_entry_member', 'time_entry', ['organization_id', 'member_id', 'day'], unique=False)
    op.create_index('ix_time_entry_task', 'time_entry', ['organization_id', 'task_id', 'day'], unique=False)
    op.create_index('uq_time_entry_running', 'time_entry', ['organization_id', 'member_id'], unique=True, postgresql_where=sa.text('minutes IS NULL'))
    op.add_column('task', sa.Column('recurrence', sa.String(length=200), nullable=True))
    op.add_column('task', sa.Column('recurs', sa.String(length=12), nullable=True))
    op.add_column('task', sa.Column('successor_id', sa.Uuid(), nullable=True))
    op.add_column('task', sa.Column('logged', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.create_index('ix_task_recurring', 'task', ['due_on'], unique=False, postgresql_where=sa.text("recurrence IS NOT NULL AND recurs = 'schedule' AND successor_id IS NULL"))
    op.create_index('ix_task_successor', 'task', ['organization_id', 'successor_id'], unique=False, postgresql_where=sa.text('successor_id IS NOT NULL'))
    op.create_foreign_key(op.f('fk_task_organization_id_successor_id'), 'task', 'task', ['organization_id', 'successor_id'], ['organization_id', 'id'], ondelete='SET NULL (successor_id)')
    op.create_check_constraint(op.f('ck_task_recurs'), 'task', '(recurrence IS NULL) = (recurs IS NULL)')
    rls.protect("time_entry")


def downgrade() -> None:
    op.drop_constraint(op.f('ck_task_recurs'), 'task', type_='check')
    op.drop_constraint(op.f('fk_task_organization_id_successor_id'), 'task', type_='foreignkey')
    op.drop_index('ix_task_successor', table_name='task', postgresql_where=sa.text('successor_id IS NOT NULL'))
    op.drop_index('ix_task_recurring', table_name='task', postgresql_where=sa.text("recurrence IS NOT NULL AND recurs = 'schedule' AND successor_id IS NULL"))
    op.drop_column('task', 'logged')
    op.drop_column('task', 'successor_id')
    op.drop_column('task', 'recurs')
    op.drop_column('task', 'recurrence')
    op.drop_index('uq_time_entry_running', table_name='time_entry', postgresql_where=sa.text('minutes IS NULL'))
    op.drop_index('ix_time_entry_task', table_name='time_entry')
    op.drop_index('ix_time_entry_member', table_name='time_entry')
    op.drop_table('time_entry')
