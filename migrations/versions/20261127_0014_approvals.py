"""approvals"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('task_approval',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('task_id', sa.Uuid(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=3), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name=op.f('ck_task_approval_decided')),
    sa.CheckConstraint("rule IN ('all', 'any')", name=op.f('ck_task_approval_rule')),
    sa.CheckConstraint("state IN ('pending', 'approved', 'rejected', 'changes')", name=op.f('ck_task_approval_state')),
    sa.ForeignKeyConstraint(['organization_id', 'task_id'], ['task.organization_id', 'task.id'], name=op.f('fk_task_approval_organization_id_task_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_task_approval_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_approval')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_task_approval_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'task_id', 'round', name='uq_task_approval_round')
    )
    op.create_table('task_approver',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('approval_id', sa.Uuid(), nullable=False),
    sa.Column('task_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('decision', sa.String(length=8), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('note', sa.String(length=2000), server_default=sa.text("''"), nullable=False),
    sa.Column('is_current', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("decision IN ('approved', 'rejected', 'changes')", name=op.f('ck_task_approver_decision')),
    sa.CheckConstraint('(decision IS NULL) = (decided_at IS NULL)', name=op.f('ck_task_approver_decided')),
    sa.ForeignKeyConstraint(['organization_id', 'approval_id'], ['task_approval.organization_id', 'task_approval.id'], name=op.f('fk_task_approver_organization_id_approval_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_task_approver_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'task_id'], ['task.organization_id', 'task.id'], name=op.f('fk_task_approver_organization_id_task_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_task_approver_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_approver')),
    sa.UniqueConstraint('organization_id', 'approval_id', 'member_id', name='uq_task_approver_member'),
    sa.UniqueConstraint('organization_id', 'id', name='uq_task_approver_organization_id_id')
    )
    op.create_index('ix_task_approver_member', 'task_approver', ['organization_id', 'member_id', 'task_id'], unique=False, postgresql_where=sa.text('is_current'))
    op.create_index('ix_task_approver_task', 'task_approver', ['organization_id', 'task_id'], unique=False)
    for table in ("task_approval", "task_approver"):
        rls.protect(table)


def downgrade() -> None:
    op.drop_index('ix_task_approver_task', table_name='task_approver')
    op.drop_index('ix_task_approver_member', table_name='task_approver', postgresql_where=sa.text('is_current'))
    op.drop_table('task_approver')
    op.drop_table('task_approval')
