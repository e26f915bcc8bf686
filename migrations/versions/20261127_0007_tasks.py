"""tasks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import grants, rls

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

# What new organizations get from the service, in their language.
STATUSES = """
INSERT INTO task_status
  (id, organization_id, name, "group", position, wip_hard, created_at, updated_at, version)
SELECT gen_random_uuid(), o.id, CASE WHEN o.locale LIKE 'it%' THEN s.it ELSE s.en END, s.grp, s.position,
  false, now(), now(), 1
FROM organization o, (VALUES
  (0, 'backlog', 'Backlog', 'Backlog'),
  (1, 'in_progress', 'In corso', 'In progress'),
  (2, 'in_review', 'In review', 'In review'),
  (3, 'approved', 'Approvato', 'Approved'),
  (4, 'done', 'Fatto', 'Done'),
  (5, 'cancelled', 'Annullato', 'Cancelled')
) s (position, grp, it, en)
"""


def upgrade() -> None:
    op.create_table('task_status',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('group', sa.String(length=12), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('wip_limit', sa.Integer(), nullable=True),
    sa.Column('wip_hard', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('wip_limit BETWEEN 1 AND 999', name=op.f('ck_task_status_wip_limit')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_task_status_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_status')),
    sa.UniqueConstraint('organization_id', 'id', 'group', name='uq_task_status_group'),
    sa.UniqueConstraint('organization_id', 'id', name='uq_task_status_organization_id_id')
    )
    op.create_index('uq_task_status_name', 'task_status', ['organization_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('task',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('module', sa.String(length=16), nullable=False),
    sa.Column('type', sa.String(length=12), nullable=False),
    sa.Column('status_id', sa.Uuid(), nullable=False),
    sa.Column('status_group', sa.String(length=12), nullable=False),
    sa.Column('priority', sa.String(length=2), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('start_on', sa.Date(), nullable=True),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('estimate', sa.Integer(), nullable=True),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('tags', postgresql.ARRAY(sa.String(length=40)), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('rank', sa.String(length=80, collation='C'), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(status_group IN ('done', 'cancelled')) = (done_at IS NOT NULL)", name=op.f('ck_task_done')),
    sa.CheckConstraint('due_on >= start_on', name=op.f('ck_task_dates')),
    sa.CheckConstraint('estimate BETWEEN 0 AND 600000', name=op.f('ck_task_estimate')),
    sa.CheckConstraint('parent_id <> id', name=op.f('ck_task_parent')),
    sa.ForeignKeyConstraint(['organization_id', 'owner_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_task_organization_id_owner_id')),
    sa.ForeignKeyConstraint(['organization_id', 'parent_id'], ['task.organization_id', 'task.id'], name=op.f('fk_task_organization_id_parent_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'status_id', 'status_group'], ['task_status.organization_id', 'task_status.id', 'task_status.group'], name='fk_task_status', onupdate='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_task_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_task_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'number', name='uq_task_number')
    )
    op.create_index('ix_task_due', 'task', ['organization_id', 'due_on'], unique=False)
    op.create_index('ix_task_owner', 'task', ['organization_id', 'owner_id', 'status_group'], unique=False)
    op.create_index('ix_task_parent', 'task', ['organization_id', 'parent_id'], unique=False)
    op.create_index('ix_task_rank', 'task', ['organization_id', 'rank'], unique=False)
    op.create_index('ix_task_status', 'task', ['organization_id', 'status_id', 'rank'], unique=False)
    op.create_table('checklist_item',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('task_id', sa.Uuid(), nullable=False),
    sa.Column('text', sa.String(length=300), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('done', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'task_id'], ['task.organization_id', 'task.id'], name=op.f('fk_checklist_item_organization_id_task_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_checklist_item_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_checklist_item')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_checklist_item_organization_id_id')
    )
    op.create_index('ix_checklist_item_task', 'checklist_item', ['organization_id', 'task_id', 'position'], unique=False)
    op.create_table('task_member',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('task_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_task_member_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'task_id'], ['task.organization_id', 'task.id'], name=op.f('fk_task_member_organization_id_task_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_task_member_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_member')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_task_member_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'task_id', 'member_id', 'role', name='uq_task_member_role')
    )
    op.create_index('ix_task_member_member', 'task_member', ['organization_id', 'member_id', 'task_id'], unique=False)
    for table in ("task_status", "task", "checklist_item", "task_member"):
        rls.protect(table)
    op.execute(STATUSES)
    everything = ("read", "write", "export")
    viewer = {"Org Admin": everything, "Viewer": ("read",)}
    grants.grant("activity", {**viewer, "Marketing Manager": everything})
    grants.grant("tasks", {**viewer, "Org Admin": (*everything, "manage"), "Sales Rep": everything})

def downgrade() -> None:
    for resource in ("activity", "tasks", "task"):
        grants.revoke(resource)
    op.drop_index('ix_task_member_member', table_name='task_member')
    op.drop_table('task_member')
    op.drop_index('ix_checklist_item_task', table_name='checklist_item')
    op.drop_table('checklist_item')
    op.drop_index('ix_task_status', table_name='task')
    op.drop_index('ix_task_rank', table_name='task')
    op.drop_index('ix_task_parent', table_name='task')
    op.drop_index('ix_task_owner', table_name='task')
    op.drop_index('ix_task_due', table_name='task')
    op.drop_table('task')
    op.drop_index('uq_task_status_name', table_name='task_status')
    op.drop_table('task_status')
