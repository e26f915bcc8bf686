"""secret addresses of members' calendars"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calendar_feed',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('everything', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_calendar_feed_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_calendar_feed_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar_feed')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_calendar_feed_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'member_id', name='uq_calendar_feed_member')
    )
    op.create_index('uq_calendar_feed_token_hash', 'calendar_feed', ['token_hash'], unique=True)
    rls.protect('calendar_feed')


def downgrade() -> None:
    op.drop_index('uq_calendar_feed_token_hash', table_name='calendar_feed')
    op.drop_table('calendar_feed')
