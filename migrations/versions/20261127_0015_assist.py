"""words of tasks to compare them by, and the switch for the AI service"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

WORDS = (
    "setweight(to_tsvector('italian'::regconfig, title::text) || to_tsvector('english'::regconfig, title::text), 'A')"
    " || setweight(to_tsvector('italian'::regconfig, left(coalesce(description, ''), 2000))"
    " || to_tsvector('english'::regconfig, left(coalesce(description, ''), 2000)), 'D')"
)


def upgrade() -> None:
    op.add_column('task', sa.Column('words', postgresql.TSVECTOR(), sa.Computed(WORDS, persisted=True), nullable=False))
    op.create_index('ix_task_finished', 'task', ['organization_id', 'done_at'], unique=False, postgresql_where=sa.text("status_group = 'done'"))
    op.add_column('organization', sa.Column('assist_sends', sa.Boolean(), server_default=sa.text('false'), nullable=False))


def downgrade() -> None:
    op.drop_column('organization', 'assist_sends')
    op.drop_index('ix_task_finished', table_name='task', postgresql_where=sa.text("status_group = 'done'"))
    op.drop_column('task', 'words')
